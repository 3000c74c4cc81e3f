//! Names inside the layout that cache and archive share: docker distribution's filesystem driver, below
//! `docker/registry/v2` (`docs/behaviour/operators-archive.md` 5).
//!
//! The same relative name is a path below the cache root and an entry name in an archive.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

use image_ref::{Digest, is_valid_path, is_valid_tag};

/// The folder of the layout, below the cache root and in archives.
pub const REGISTRY_ROOT: &str = "docker/registry/v2";

/// The folder of all blobs.
pub const BLOBS_ROOT: &str = "docker/registry/v2/blobs";

/// The folder of all repositories.
pub const REPOSITORIES_ROOT: &str = "docker/registry/v2/repositories";

/// The folder of working directory entries in an archive, below the parent of the working directory.
pub const WORKING_DIR: &str = "working-dir";

/// What a name of the layout stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The bytes of a blob: layer, config, manifest or index.
    Blob(Digest),
    /// The link that says which digest a tag has now.
    TagCurrent {
        /// Repository path.
        repository: String,
        /// Tag.
        tag: String,
    },
    /// The link that says that a tag once had a digest.
    TagIndex {
        /// Repository path.
        repository: String,
        /// Tag.
        tag: String,
        /// A digest the tag has or had.
        digest: Digest,
    },
    /// The link that says that a repository has a manifest or index.
    Revision {
        /// Repository path.
        repository: String,
        /// Digest of the manifest or index.
        digest: Digest,
    },
    /// The link that says that a repository has a layer or config.
    Layer {
        /// Repository path.
        repository: String,
        /// Digest of the blob.
        digest: Digest,
    },
    /// An upload in flight or abandoned.
    Upload,
}

impl Place {
    /// Reads a relative name such as `docker/registry/v2/blobs/sha256/ab/ab…/data`. `None` when the layout has no such
    /// name; every name that it does return is confined to the layout's folder.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(REGISTRY_ROOT)?.strip_prefix('/')?;
        if let Some(blob) = rest.strip_prefix("blobs/") {
            let (algorithm, rest) = blob.split_once('/')?;
            let (shard, rest) = rest.split_once('/')?;
            let hex = rest.strip_suffix("/data")?;
            let digest = digest(algorithm, hex)?;
            return (digest.hex().starts_with(shard) && shard.len() == 2).then_some(Self::Blob(digest));
        }
        let rest = rest.strip_prefix("repositories/")?;
        let at = ["/_manifests/", "/_layers/", "/_uploads/"].iter().filter_map(|mark| rest.find(mark)).min()?;
        let (repository, inner) = (rest.get(..at)?, rest.get(at + 1..)?);
        if !is_valid_path(repository) {
            return None;
        }
        let repository = repository.to_owned();
        let link = |text: &str| {
            let (algorithm, hex) = text.strip_suffix("/link")?.split_once('/')?;
            digest(algorithm, hex)
        };
        if let Some(inner) = inner.strip_prefix("_layers/") {
            return Some(Self::Layer { repository, digest: link(inner)? });
        }
        if let Some(inner) = inner.strip_prefix("_manifests/revisions/") {
            return Some(Self::Revision { repository, digest: link(inner)? });
        }
        if let Some(inner) = inner.strip_prefix("_manifests/tags/") {
            let (tag, inner) = inner.split_once('/')?;
            if !is_valid_tag(tag) {
                return None;
            }
            let tag = tag.to_owned();
            return match inner.strip_prefix("index/") {
                Some(inner) => Some(Self::TagIndex { repository, tag, digest: link(inner)? }),
                None => (inner == "current/link").then_some(Self::TagCurrent { repository, tag }),
            };
        }
        inner.starts_with("_uploads/").then_some(Self::Upload)
    }
}

fn digest(algorithm: &str, hex: &str) -> Option<Digest> {
    format!("{algorithm}:{hex}").parse().ok()
}

/// The name of a blob's bytes: `docker/registry/v2/blobs/sha256/<first 2 hex>/<hex>/data`.
pub fn blob_name(digest: &Digest) -> String {
    format!("{BLOBS_ROOT}/{}/{:.2}/{}/data", digest.algorithm().as_str(), digest.hex(), digest.hex())
}

/// The name of a layer link of a repository.
pub fn layer_link_name(repository: &str, digest: &Digest) -> String {
    format!("{REPOSITORIES_ROOT}/{repository}/_layers/{}/{}/link", digest.algorithm().as_str(), digest.hex())
}

/// The name of a revision link of a repository.
pub fn revision_link_name(repository: &str, digest: &Digest) -> String {
    format!(
        "{REPOSITORIES_ROOT}/{repository}/_manifests/revisions/{}/{}/link",
        digest.algorithm().as_str(),
        digest.hex()
    )
}

/// The name of the link with a tag's present digest.
pub fn tag_current_name(repository: &str, tag: &str) -> String {
    format!("{REPOSITORIES_ROOT}/{repository}/_manifests/tags/{tag}/current/link")
}

/// The name of the link that remembers that a tag had a digest.
pub fn tag_index_name(repository: &str, tag: &str, digest: &Digest) -> String {
    format!(
        "{REPOSITORIES_ROOT}/{repository}/_manifests/tags/{tag}/index/{}/{}/link",
        digest.algorithm().as_str(),
        digest.hex()
    )
}

/// The digest in a link file. Files written by others may end in white space.
pub fn parse_link(bytes: &[u8]) -> Option<Digest> {
    std::str::from_utf8(bytes).ok()?.trim_ascii().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_are_inverse() {
        let digest = ContentDigest::of(b"x");
        let (repository, tag) = ("openshift/release".to_owned(), "4.18.1-x86_64".to_owned());
        let rows = [
            (blob_name(&digest), Place::Blob(digest.clone())),
            (
                layer_link_name(&repository, &digest),
                Place::Layer { repository: repository.clone(), digest: digest.clone() },
            ),
            (
                revision_link_name(&repository, &digest),
                Place::Revision { repository: repository.clone(), digest: digest.clone() },
            ),
            (
                tag_current_name(&repository, &tag),
                Place::TagCurrent { repository: repository.clone(), tag: tag.clone() },
            ),
            (
                tag_index_name(&repository, &tag, &digest),
                Place::TagIndex { repository: repository.clone(), tag, digest },
            ),
            ("docker/registry/v2/repositories/a/_uploads/1-2/data".to_owned(), Place::Upload),
        ];
        for (name, place) in rows {
            assert_eq!(Place::parse(&name), Some(place), "{name}");
        }
    }

    #[test]
    fn other_names_have_no_place() {
        let hex = ContentDigest::of(b"x").hex().to_owned();
        let wrong_shard = format!("docker/registry/v2/blobs/sha256/zz/{hex}/data");
        let rows = [
            "",
            "docker/registry/v2",
            "docker/registry/v2/",
            "xdocker/registry/v2/blobs",
            "docker/registry/v2/blobs/sha256/ab/abc/data",
            "docker/registry/v2/repositories/../_manifests/tags/a/current/link",
            "docker/registry/v2/repositories/a/../../b/_manifests/tags/a/current/link",
            "docker/registry/v2/repositories/a/_manifests/tags/../current/link",
            "docker/registry/v2/repositories/_manifests/tags/a/current/link",
            &wrong_shard,
        ];
        for name in rows {
            assert_eq!(Place::parse(name), None, "{name}");
        }
    }

    struct ContentDigest;
    impl ContentDigest {
        fn of(bytes: &[u8]) -> Digest {
            image_ref::Hasher::of(image_ref::Algorithm::Sha256, bytes)
        }
    }
}
