//! Bad input, bad registries, bad disks: each with its exit code, what it says, and nothing half-written left behind.

mod archives;
mod brought;
mod catalogs;
mod configuration;
mod disks;
mod hostile;
mod links;
mod owners;
mod registries;
mod terminal;

use test_support::{Image, ImageBuilder, Layer, Registry, RegistryBuilder};

use crate::harness::Home;

/// A registry that serves `ns/app:v1`, and a home whose configuration asks for it.
pub(crate) struct Site {
    pub(crate) source: Registry,
    image: Image,
    pub(crate) home: Home,
}

/// An image of two layers, 300 kB and 40 kB.
fn app() -> Image {
    ImageBuilder::oci().layer(Layer::random(7, 300_000)).layer(Layer::random(1, 40_000)).build()
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Registry::builder())
    }

    pub(crate) fn with(registry: RegistryBuilder) -> Self {
        let (source, image, home) = (registry.start_blocking(), app(), Home::new());
        source.push("ns/app", "v1", &image);
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        Self { source, image, home }
    }

    /// A site that has been mirrored to disk.
    fn mirrored() -> Self {
        let site = Self::new();
        site.home.to_disk(&[]).code(0);
        site
    }
}

/// Asserts what is left after a failed run: these archives under their final names, and no temporary of anything.
#[track_caller]
fn leaves(home: &Home, archives: &[&str]) {
    if home.disk().is_dir() {
        assert_eq!(home.archives(), archives);
    } else {
        assert!(archives.is_empty(), "{} is not there", home.disk().display());
    }
    let temporary: Vec<_> = home
        .files()
        .into_iter()
        .filter(|name| name.contains(".partial") || name.contains("/tmp/") || name.contains("mirror.commit"))
        .collect();
    assert!(temporary.is_empty(), "left behind: {temporary:#?}");
    // What has a final name in the cache has its content: a blob's name is its digest.
    home.verify_cache();
}
