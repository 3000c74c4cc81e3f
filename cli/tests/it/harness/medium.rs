//! A medium in hostile hands: the archive of a home is unpacked, changed and packed again.

use std::path::{Path, PathBuf};

use image_ref::Digest;
use tempfile::TempDir;
use test_support::Image;

use super::Home;

/// The content of an archive, in a folder of its own.
pub(crate) struct Medium {
    folder: TempDir,
}

impl Medium {
    /// Nothing but what every archive ends with.
    pub(crate) fn empty() -> Self {
        let medium = Self { folder: tempfile::tempdir().unwrap() };
        medium.write("isc_2026-01-01T00:00:00Z", b"x");
        medium
    }

    /// What a home's archive files hold.
    pub(crate) fn of(home: &Home) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in home.archives() {
            tar::Archive::new(std::fs::File::open(home.disk().join(name)).unwrap()).unpack(folder.path()).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn registry(&self) -> PathBuf {
        self.path().join("docker/registry/v2")
    }

    /// Writes an entry.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Takes away every entry whose name has `text` in it, which has to be some.
    pub(crate) fn remove(&self, text: &str) {
        let files = super::walk(self.path());
        let gone: Vec<_> = files.iter().filter(|path| path.display().to_string().contains(text)).collect();
        assert!(!gone.is_empty(), "nothing is named {text}: {files:#?}");
        for path in gone {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// The only entry that ends so.
    pub(crate) fn only(&self, end: &str) -> PathBuf {
        let mut found: Vec<_> = super::walk(self.path()).into_iter().filter(|path| path.ends_with(end)).collect();
        assert_eq!(found.len(), 1, "{end}: {found:#?}");
        found.remove(0)
    }

    /// Lets a tag name an image that is not there.
    pub(crate) fn link(&self, repository: &str, tag: &str, digest: &Digest) {
        link(&self.registry(), repository, tag, digest);
    }

    /// Adds an image with all its parts, under a tag.
    pub(crate) fn plant(&self, repository: &str, tag: &str, image: &Image) {
        plant(&self.registry(), repository, tag, image);
    }

    /// Makes this the only archive of a home, without cache and working directory.
    pub(crate) fn pack(&self, home: &Home) {
        let _ = std::fs::remove_dir_all(home.disk());
        let _ = std::fs::remove_dir_all(home.cache());
        std::fs::create_dir_all(home.disk()).unwrap();
        let mut archive = tar::Builder::new(std::fs::File::create(home.disk().join("mirror_000001.tar")).unwrap());
        let mut files = super::walk(self.path());
        files.sort();
        for path in files {
            let name = path.strip_prefix(self.path()).unwrap();
            archive.append_path_with_name(&path, name).unwrap();
        }
        archive.finish().unwrap();
    }
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Lets a tag below `docker/registry/v2`, of an archive or a cache, name an image.
pub(crate) fn link(registry: &Path, repository: &str, tag: &str, digest: &Digest) {
    let tag = registry.join("repositories").join(repository).join("_manifests/tags").join(tag);
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    write(&tag.join("current/link"), digest.to_string().as_bytes());
    write(&tag.join(format!("index/{algorithm}/{hex}/link")), digest.to_string().as_bytes());
}

/// Adds an image with all its parts below `docker/registry/v2`, of an archive or a cache.
pub(crate) fn plant(registry: &Path, repository: &str, tag: &str, image: &Image) {
    let blob = |digest: &Digest, bytes: &[u8]| {
        let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
        write(&registry.join(format!("blobs/{algorithm}/{}/{hex}/data", &hex[..2])), bytes);
    };
    let below = registry.join("repositories").join(repository);
    let mut open = vec![image];
    while let Some(image) = open.pop() {
        blob(&image.digest, &image.bytes);
        let revision =
            format!("_manifests/revisions/{}/{}/link", image.digest.algorithm().as_str(), image.digest.hex());
        write(&below.join(revision), image.digest.to_string().as_bytes());
        for part in &image.blobs {
            blob(&part.digest, &part.bytes);
            let layer = format!("_layers/{}/{}/link", part.digest.algorithm().as_str(), part.digest.hex());
            write(&below.join(layer), part.digest.to_string().as_bytes());
        }
        open.extend(&image.children);
    }
    link(registry, repository, tag, &image.digest);
}
