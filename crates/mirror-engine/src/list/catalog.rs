//! What a catalog holds, read once: the answer for a digest stays in the cache beside the layers it was read from.
//!
//! A catalog by digest that was listed before costs no request, one by tag the request that tells its digest. The kept
//! answers are plain files of their own, so they can be read while another run holds the cache; a catalog that is not
//! kept is read through a temporary store then.

use std::path::PathBuf;
use std::sync::Arc;

use archive_format::{Holder, Store, StoreError};
use fbc_catalog::{Catalog, listing, near};
use image_ref::{Digest, ImageRef, Transport};
use oci_manifest::VerifiedManifest;
use oci_transport::{Client, ImageSource, PulledManifest};
use rooted_folder::RootedFolder;
use serde::{Deserialize, Serialize};

use mirror_collect::{folder_catalog, registry_catalog};
use mirror_job::event::{Event, Observer};
use mirror_job::failure::chain;
use mirror_job::guard::blocking;
use mirror_job::workdir::write_whole;

/// Layout of the kept answers; another number is read again from the catalog.
const FORMAT: u32 = 1;
/// Folder of the kept answers in the cache.
const LISTINGS: &str = "listings";

/// What a catalog holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CatalogContents {
    /// Version of this document's layout.
    pub format: u32,
    /// Digest of the catalog image.
    pub digest: Digest,
    /// Its packages, sorted by name.
    pub packages: Vec<PackageContents>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PackageContents {
    /// The package.
    pub name: String,
    /// The display name of its highest version; empty when it has none.
    pub display_name: String,
    /// The default channel; empty when the catalog says none.
    pub default_channel: String,
    /// Its channels, sorted by name.
    pub channels: Vec<ChannelContents>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChannelContents {
    /// The channel.
    pub name: String,
    /// Its head; none when the upgrade graph has no single one.
    pub head: Option<String>,
    /// Why there is no head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The versions in it, ordered by bundle name.
    pub versions: Vec<String>,
}

/// Why a catalog cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ListCatalogError {
    #[error("failed to load catalog `{catalog}`: {reason}")]
    Load { catalog: String, reason: String },
    #[error("operator \"{package}\" not found in catalog `{catalog}`{}", or(.near))]
    Package { catalog: String, package: String, near: Vec<String> },
    #[error("channel \"{channel}\" not found in operator \"{package}\" of catalog `{catalog}`; it has {}", .there.join(", "))]
    Channel { catalog: String, package: String, channel: String, there: Vec<String> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn or(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

/// Where answers and layers are kept.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Root of the cache, `<base>/.oc-mirror/.cache`.
    pub cache: PathBuf,
    /// Where a temporary store is made while another run holds the cache.
    pub temporary: PathBuf,
    /// When this program started, as lock files tell it.
    pub started: String,
}

/// Lists a catalog at a registry, or in a folder (`oci://`).
///
/// # Errors
/// When the catalog cannot be pulled or understood, or the cache not written.
pub async fn catalog(
    client: &Client,
    image: &ImageRef,
    keep: &Keep,
    observer: &Arc<dyn Observer>,
) -> Result<CatalogContents, ListCatalogError> {
    let failed = |reason: String| ListCatalogError::Load { catalog: image.to_string(), reason };
    let cache = RootedFolder::at(&keep.cache);
    if let Some(kept) = image.digest().and_then(|digest| kept(&cache, digest)) {
        return Ok(kept);
    }
    let found = if image.transport() == &Transport::Docker {
        client.pull_manifest(image).await.map(Opened::Registry)
    } else {
        ImageSource::open(client, image).await.map(|(source, manifest)| Opened::Folder(source, manifest))
    };
    let found = found.map_err(|error| failed(chain(&error)))?;
    let digest = match &found {
        Opened::Registry(pulled) => pulled.manifest.digest().clone(),
        Opened::Folder(_, manifest) => manifest.digest().clone(),
    };
    if let Some(kept) = kept(&cache, &digest) {
        return Ok(kept);
    }
    let (store, scratch) = open(keep, observer)?;
    let catalog = async {
        match found {
            Opened::Registry(pulled) => {
                registry_catalog(store, client.clone(), image, pulled, Arc::clone(observer)).await
            }
            Opened::Folder(source, manifest) => folder_catalog(store, source, &manifest).await,
        }
    };
    // Whoever lists says that a catalog cannot be loaded, so the reasons need not.
    let catalog = catalog.await.map_err(|error| failed(error.reasons().join("\n")))?;
    let contents = blocking(move || contents(digest, &catalog)).await;
    drop(scratch);
    let text = serde_json::to_vec(&contents).expect("plain data can be written");
    if let Err(error) = write_whole(&cache, path(&contents.digest).as_ref(), &text) {
        observer.event(Event::Debug(format!("the list of {image} is not kept: {error}")));
    }
    Ok(contents)
}

/// Where a catalog was found.
enum Opened {
    Registry(PulledManifest),
    Folder(ImageSource, VerifiedManifest),
}

/// The cache, or a temporary store while another run holds it.
fn open(keep: &Keep, observer: &Arc<dyn Observer>) -> Result<(Store, Option<tempfile::TempDir>), StoreError> {
    let holder = Holder::this_process("list operators", keep.started.clone());
    match Store::open_as(&keep.cache, &holder) {
        Err(error) if error.is_locked() => {}
        opened => return Ok((opened?, None)),
    }
    observer.event(Event::Debug("another run uses the cache: the catalog is read into a temporary folder".to_owned()));
    let scratch = tempfile::Builder::new().prefix("oc-mirror-list-").tempdir_in(&keep.temporary);
    let scratch = scratch.map_err(|source| StoreError::Io {
        action: "create a folder in",
        path: keep.temporary.clone(),
        source,
    })?;
    Ok((Store::open_as(scratch.path(), &holder)?, Some(scratch)))
}

fn contents(digest: Digest, catalog: &Catalog) -> CatalogContents {
    let channel = |row: listing::ChannelRow| {
        let (head, faults) = match row.head {
            Ok(head) => (Some(head), Vec::new()),
            Err(faults) => (None, faults.iter().map(ToString::to_string).collect()),
        };
        ChannelContents { name: row.name, head, faults, versions: row.versions }
    };
    let package = |row: listing::PackageRow| PackageContents {
        name: row.name,
        display_name: row.display_name,
        default_channel: row.default_channel,
        channels: row.channels.into_iter().map(channel).collect(),
    };
    let packages = listing::packages(catalog).into_iter().map(package).collect();
    CatalogContents { format: FORMAT, digest, packages }
}

/// The file of an answer, below the cache.
fn path(digest: &Digest) -> String {
    format!("{LISTINGS}/{}.json", digest.as_tag())
}

/// Forgets every kept answer, for a cache whose garbage is collected.
pub(crate) fn forget(cache: &RootedFolder) -> std::io::Result<()> {
    cache.remove_dir_all_if_there(LISTINGS).map(drop)
}

/// The answer of an earlier call. A file that cannot be read, or has another layout, is no answer.
fn kept(cache: &RootedFolder, digest: &Digest) -> Option<CatalogContents> {
    let text = cache.read(path(digest)).ok()?;
    let kept: CatalogContents = serde_json::from_slice(&text).ok()?;
    (kept.format == FORMAT && kept.digest == *digest).then_some(kept)
}

impl CatalogContents {
    /// A package by name.
    ///
    /// # Errors
    /// [`ListCatalogError::Package`] with names that come near.
    pub fn package(&self, catalog: &ImageRef, name: &str) -> Result<&PackageContents, ListCatalogError> {
        self.packages.iter().find(|package| package.name == name).ok_or_else(|| ListCatalogError::Package {
            catalog: catalog.to_string(),
            package: name.to_owned(),
            near: near(name, self.packages.iter().map(|package| package.name.as_str())),
        })
    }
}

impl PackageContents {
    /// A channel by name.
    ///
    /// # Errors
    /// [`ListCatalogError::Channel`] with the channels there are.
    pub fn channel(&self, catalog: &ImageRef, name: &str) -> Result<&ChannelContents, ListCatalogError> {
        self.channels.iter().find(|channel| channel.name == name).ok_or_else(|| ListCatalogError::Channel {
            catalog: catalog.to_string(),
            package: self.name.clone(),
            channel: name.to_owned(),
            there: self.channels.iter().map(|channel| channel.name.clone()).collect(),
        })
    }
}
