//! Whether the name in a signature is the name that must have been signed (containers-policy.json(5), `signedIdentity`).

use image_ref::{ImageRef, Transport};
use registries_conf::policy::SignedIdentity;

/// Whether `signed`, the reference inside a signature, satisfies `identity` for the image that was asked for.
///
/// Only images of a registry have a name that could match; for others the two `exact…` forms remain.
pub(super) fn matches(identity: &SignedIdentity, asked: &ImageRef, signed: &str) -> bool {
    let Some(signed) = parse(signed) else { return false };
    let asked = (*asked.transport() == Transport::Docker).then(|| asked.normalized());
    match (identity, asked) {
        (SignedIdentity::ExactReference(exact), _) => !name_only(&signed) && same(&exact.normalized(), &signed),
        (SignedIdentity::ExactRepository(exact), _) => exact.to_string() == signed.name(),
        (_, None) => false,
        (SignedIdentity::MatchExact, Some(asked)) => !name_only(&asked) && !name_only(&signed) && same(&asked, &signed),
        (SignedIdentity::MatchRepository, Some(asked)) => asked.name() == signed.name(),
        (SignedIdentity::MatchRepoDigestOrExact, Some(asked)) => repo_digest_or_exact(&asked, &signed),
        (SignedIdentity::Remap { prefix, signed_prefix }, Some(asked)) => {
            let rest =
                asked.name().strip_prefix(prefix.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let asked = match rest {
                Some(rest) => asked.with_name(&format!("{signed_prefix}{rest}")),
                None => asked,
            };
            asked.repository().is_ok() && repo_digest_or_exact(&asked, &signed)
        }
    }
}

/// By tag, the signature must name the tag; by digest alone, the manifest's digest is compared anyway, so the repository is
/// enough.
fn repo_digest_or_exact(asked: &ImageRef, signed: &ImageRef) -> bool {
    if name_only(signed) || name_only(asked) {
        return false;
    }
    if asked.tag().is_some() { same(asked, signed) } else { asked.name() == signed.name() }
}

fn parse(signed: &str) -> Option<ImageRef> {
    if signed.contains("://") {
        return None;
    }
    let image = ImageRef::parse_name(signed).ok()?.normalized();
    image.repository().ok()?;
    Some(image)
}

fn name_only(image: &ImageRef) -> bool {
    image.tag().is_none() && image.digest().is_none()
}

fn same(one: &ImageRef, other: &ImageRef) -> bool {
    one.name() == other.name() && one.tag() == other.tag() && one.digest() == other.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_identity() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let other_digest = format!("sha256:{}", "b".repeat(64));
        let check = |identity: &SignedIdentity, asked: &str, signed: &str, expected: bool| {
            let (asked, signed) = (
                asked.replace("@A", &format!("@{digest}")),
                signed.replace("@A", &format!("@{digest}")).replace("@B", &format!("@{other_digest}")),
            );
            let asked = ImageRef::parse_name(&asked).unwrap();
            assert_eq!(matches(identity, &asked, &signed), expected, "{identity:?}: asked {asked}, signed {signed}");
        };
        let exact = SignedIdentity::MatchExact;
        check(&exact, "reg.io/a:1", "reg.io/a:1", true);
        check(&exact, "reg.io/a@A", "reg.io/a@A", true);
        check(&exact, "reg.io/a:1", "reg.io/a:2", false);
        check(&exact, "reg.io/a@A", "reg.io/a:1", false);
        check(&exact, "reg.io/a@A", "reg.io/a@B", false);
        check(&exact, "reg.io/a", "reg.io/a", false);
        check(&exact, "busybox:1", "docker.io/library/busybox:1", true);
        check(&exact, "docker.io/library/busybox:1", "busybox:1", true);
        check(&exact, "oci:///srv/a", "reg.io/a:1", false);

        let or_digest = SignedIdentity::MatchRepoDigestOrExact;
        check(&or_digest, "reg.io/a:1", "reg.io/a:1", true);
        check(&or_digest, "reg.io/a:1", "reg.io/a:2", false);
        check(&or_digest, "reg.io/a@A", "reg.io/a:1", true);
        check(&or_digest, "reg.io/a@A", "reg.io/a@B", true);
        check(&or_digest, "reg.io/a@A", "reg.io/b:1", false);
        check(&or_digest, "reg.io/a@A", "reg.io/a", false);
        check(&or_digest, "reg.io/a:1@A", "reg.io/a:1", false);
        check(&or_digest, "reg.io/a:1@A", "reg.io/a:1@A", true);
        check(&or_digest, "reg.io/a:1", "not a name", false);
        check(&or_digest, "reg.io/a:1", "docker://reg.io/a:1", false);
        check(&or_digest, "reg.io/a:1", "", false);

        let repository = SignedIdentity::MatchRepository;
        check(&repository, "reg.io/a:1", "reg.io/a:2", true);
        check(&repository, "reg.io/a:1", "reg.io/a", true);
        check(&repository, "reg.io/a@A", "reg.io/a:2", true);
        check(&repository, "reg.io/a:1", "reg.io/a/b:1", false);
        check(&repository, "reg.io/a:1", "reg.io:5000/a:1", false);

        let exact_reference = SignedIdentity::ExactReference(ImageRef::parse("quay.io/x:1").unwrap());
        check(&exact_reference, "reg.io/a:1", "quay.io/x:1", true);
        check(&exact_reference, "oci:///srv/a", "quay.io/x:1", true);
        check(&exact_reference, "quay.io/x:1", "quay.io/x:2", false);

        let exact_repository = SignedIdentity::ExactRepository("quay.io/x".parse().unwrap());
        check(&exact_repository, "reg.io/a:1", "quay.io/x:7", true);
        check(&exact_repository, "reg.io/a:1", "quay.io/x", true);
        check(&exact_repository, "reg.io/a:1", "quay.io/y:7", false);

        let remap =
            |prefix: &str, signed: &str| SignedIdentity::Remap { prefix: prefix.into(), signed_prefix: signed.into() };
        check(&remap("mirror.lab:5000", "quay.io"), "mirror.lab:5000/ns/a:1", "quay.io/ns/a:1", true);
        check(&remap("mirror.lab:5000", "quay.io"), "mirror.lab:5000/ns/a@A", "quay.io/ns/a:1", true);
        check(&remap("mirror.lab:5000", "quay.io"), "mirror.lab:5000/ns/a:1", "mirror.lab:5000/ns/a:1", false);
        check(&remap("mirror.lab/x", "quay.io/y"), "mirror.lab/x:1", "quay.io/y:1", true);
        check(&remap("mirror.lab/x", "quay.io/y"), "mirror.lab/xx:1", "quay.io/yx:1", false);
        check(&remap("mirror.lab/x", "quay.io/y"), "mirror.lab/xx:1", "mirror.lab/xx:1", true);
        check(&remap("mirror.lab", "quay.io"), "mirror.lab:5000/a:1", "quay.io:5000/a:1", false);
    }
}
