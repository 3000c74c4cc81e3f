//! Who holds a name at a destination: the notes that keep the deletion of one image from removing another.
//!
//! Names carry no registry, and a list of images to delete names no digests. So a run notes for each image at the
//! destination under which names people know it, and the first step of deleting leaves out what another one holds. The
//! notes lie beside the cache, which deleting reads as well; without them everything that is asked for is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::Path;

use archive_format::Store;
use image_ref::{Digest, ImageRef};
use mirror_plan::{Family, ImageKind, PlannedImage};
use serde::{Deserialize, Serialize};

use mirror_job::report::ImageReport;
use mirror_job::workdir::write_whole;

/// The file of the notes, in the root of the cache.
const FILE: &str = "holders.json";

/// Bound of the file, in bytes: some hundred thousand images.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The notes of all destinations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Holders {
    /// Holders by the full name at the destination.
    #[serde(default)]
    names: BTreeMap<String, Held>,
}

/// An image at a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    /// Its digest.
    digest: Digest,
    /// The references that the configuration or a catalog names it by.
    origins: BTreeSet<String>,
}

impl Holders {
    /// The notes beside a cache. A file that cannot be read counts as none: it only ever protects.
    pub(crate) fn read(store: &Store) -> Self {
        let text = store.folder().read_bounded(FILE, MOST_BYTES).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Adds what a run brought to its destination or found there, and writes the notes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn note(store: &Store, planned: &[PlannedImage], reports: &[ImageReport]) -> io::Result<()> {
        let before = Self::read(store);
        let mut holders = before.clone();
        for (image, report) in planned.iter().zip(reports) {
            if let (true, Some(there), Some(digest)) = (report.outcome.is_there(), &image.destination, &report.digest) {
                holders.hold(image, there, digest);
            }
        }
        if holders == before {
            return Ok(());
        }
        let text = serde_json::to_vec(&holders).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        write_whole(store.folder(), Path::new(FILE), &text)
    }

    fn hold(&mut self, image: &PlannedImage, there: &ImageRef, digest: &Digest) {
        // Nothing but releases is in their repositories, each under its own name.
        if image.kind.family() == Family::Release {
            return;
        }
        let named = || std::iter::once(&image.named).chain(image.twins.iter().map(|twin| &twin.named));
        let origins = || named().map(ToString::to_string);
        let name = there.to_string();
        match self.names.get_mut(&name) {
            // The same image: whoever named it before may still want it.
            Some(held) if held.digest == *digest => held.origins.extend(origins()),
            _ => {
                self.names.insert(name, Held { digest: digest.clone(), origins: origins().collect() });
            }
        }
    }

    /// The digest of the image that has this name, as far as the notes tell.
    pub(crate) fn digest(&self, there: &ImageRef) -> Option<&Digest> {
        self.names.get(&there.to_string()).map(|held| &held.digest)
    }

    /// The origins that hold the name beside `asked`, those that are to be deleted.
    pub(crate) fn others(&self, there: &ImageRef, asked: &[&PlannedImage]) -> Vec<&str> {
        let Some(held) = self.names.get(&there.to_string()) else { return Vec::new() };
        let is_asked_for = |origin: &&String| asked.iter().any(|asked| may_be(asked, origin, &held.digest));
        held.origins.iter().filter(|origin| !is_asked_for(origin)).map(String::as_str).collect()
    }
}

/// Whether what is `asked` for can be the image that is known as `origin` and has this digest: one source, and no tag or
/// digest that contradicts. A pinned configuration names the digest of what another one names by a tag.
fn may_be(asked: &PlannedImage, origin: &str, digest: &Digest) -> bool {
    let named = &asked.named;
    let Ok(origin) = ImageRef::parse_name(origin) else { return false };
    let one_source = named.transport() == origin.transport() && named.name() == origin.name();
    let contradicts = match (named.tag(), origin.tag()) {
        (Some(named), Some(origin)) => named != origin,
        _ => false,
    };
    // A catalog is named by the digest of the original, and mirrored as it was rebuilt.
    let is_catalog = asked.kind == ImageKind::OperatorCatalog;
    one_source && !contradicts && (is_catalog || named.digest().is_none_or(|named| named == digest))
}

#[cfg(test)]
mod tests {
    use mirror_plan::{CacheName, Destination, Why};

    use super::*;

    fn digest(letter: char) -> Digest {
        Digest::sha256(&letter.to_string().repeat(64)).unwrap()
    }

    fn image(kind: ImageKind, origin: &str) -> PlannedImage {
        let origin = origin.replace("DA", &digest('a').to_string()).replace("DB", &digest('b').to_string());
        let destination = Destination::parse("reg.lan/m").unwrap();
        let cache = CacheName { repository: "a/b".into(), tag: "v1".into() };
        PlannedImage::new(kind, &origin, origin.parse().unwrap(), cache, Some(&destination), Why::default()).unwrap()
    }

    /// Holds the name by each of `held` in turn, origin and digest, and tells who is beside those that are `asked` for.
    fn check(kind: ImageKind, held: &[(&str, char)], asked: &[&str], expected: &[&str]) {
        let mut holders = Holders::default();
        for (origin, letter) in held {
            let image = image(kind, origin);
            holders.hold(&image, image.destination.as_ref().unwrap(), &digest(*letter));
        }
        let asked: Vec<PlannedImage> = asked.iter().map(|origin| image(kind, origin)).collect();
        let there = asked[0].destination.clone().unwrap();
        let others = holders.others(&there, &asked.iter().collect::<Vec<_>>());
        assert_eq!(others, expected, "{held:?}");
    }

    #[test]
    fn who_else_holds_a_name() {
        use ImageKind::{Additional, OperatorCatalog, ReleasePayload};
        let (one, two) = ("r1.io/a/b:v1", "r2.io/a/b:v1");
        check(Additional, &[], &[one], &[]);
        check(Additional, &[(one, 'a')], &[one], &[]);
        check(Additional, &[(one, 'a')], &[two], &[one]);
        // One image by two names, and one that took the place of another.
        check(Additional, &[(one, 'a'), (two, 'a')], &[one], &[two]);
        check(Additional, &[(one, 'a'), (two, 'a')], &[two, one], &[]);
        check(Additional, &[(one, 'a'), (two, 'b')], &[two], &[]);
        check(Additional, &[(one, 'a'), (two, 'b')], &[one], &[two]);
        // Other tags and digests of one source.
        check(Additional, &[(one, 'a')], &["r1.io/a/b:v2"], &[one]);
        check(Additional, &[(one, 'a')], &["r1.io/a/b@DA"], &[]);
        check(Additional, &[(one, 'b')], &["r1.io/a/b:v1@DA"], &[one]);
        check(OperatorCatalog, &[(one, 'b')], &["r1.io/a/b@DA"], &[]);
        check(Additional, &[("oci:///srv/a", 'a')], &["oci:///srv/b"], &["oci:///srv/a"]);
        check(ReleasePayload, &[(one, 'a')], &[two], &[]);
    }
}
