//! Tags that cosign makes beside an image: signatures, attestations and SBOMs.

use image_ref::{Digest, LONGEST_TAG};

/// Endings of cosign's tags: signatures, attestations, SBOMs.
pub const ENDINGS: [&str; 3] = ["sig", "att", "sbom"];

/// The tag under which cosign keeps something about a manifest: `sha256-<hex>.sig`.
///
/// Cosign has no such tag for a SHA-512 digest: it would be longer than a tag may be. What stands here for it fits, and names
/// nothing.
pub fn tag(manifest: &Digest, ending: &str) -> String {
    let mut tag = manifest.as_tag();
    tag.truncate(LONGEST_TAG - 1 - ending.len());
    format!("{tag}.{ending}")
}

/// The manifest that a tag of cosign, such as `sha256-<hex>.sig`, is about; none for every other tag.
pub fn subject(tag: &str) -> Option<Digest> {
    let (digest, ending) = tag.rsplit_once('.')?;
    ENDINGS.contains(&ending).then(|| digest.replacen('-', ":", 1).parse().ok())?
}

#[cfg(test)]
mod tests {
    use image_ref::is_valid_tag;

    use super::*;

    #[test]
    fn tags_of_cosign() {
        let hex = "1".repeat(64);
        for (name, attached) in [
            (format!("sha256-{hex}.sig"), true),
            (format!("sha256-{hex}.att"), true),
            (format!("sha256-{hex}.sbom"), true),
            (format!("sha256-{hex}.txt"), false),
            (format!("sha256-{hex}"), false),
            ("sha256-1234.sig".to_owned(), false),
            ("v1.sig".to_owned(), false),
        ] {
            assert_eq!(subject(&name).is_some_and(|digest| digest.hex() == hex), attached, "{name}");
        }
        let long: Digest = format!("sha512:{}", "2".repeat(128)).parse().unwrap();
        assert!(is_valid_tag(&tag(&long, "sbom")));
        assert_eq!(subject(&tag(&long, "sig")), None);
    }
}
