//! The cache that `opm serve --cache-dir` reads, in its json format: every `opm` since 4.12 accepts it (`docs/catalog-images.md`).
//!
//! [`build`] makes the files of the cache from the files of a catalog. [`digest`] is what `opm` compares before it serves: a
//! cache that does not belong to the catalog beside it ends the program.

mod bundle;
mod canonical;
mod csv;
mod digest;
mod packages;

use std::collections::{BTreeMap, HashMap};

use crate::catalog::{Bundle, Catalog, Other};
use crate::read::ReadErrors;
use crate::validate::{Rule, Violation, validate};

pub use self::canonical::BrokenValue;
pub use self::digest::{Modes, digest};

/// The folder of the cache that the digest covers.
const FOLDER: &str = "cache";
/// The file that holds the digest.
const DIGEST: &str = "digest";
/// The longest name of a file, in bytes, that file systems of Linux take.
const LONGEST_NAME: usize = 255;

/// Makes the cache of a catalog, given by the files that `opm` will find: paths below the catalog's root and bytes.
///
/// Gives paths below the cache's folder with their bytes, sorted: `cache/...` and `digest`. `modes` are those that files and
/// folders of the catalog and of the cache have in the image; the digest covers them. The same files give the same bytes.
///
/// # Errors
/// When `opm` could not make a cache of the catalog either, because it refuses the catalog, or when a name of the catalog
/// cannot be the name of a file.
pub fn build(configs: &[(String, Vec<u8>)], modes: Modes) -> Result<Vec<(String, Vec<u8>)>, OpmCacheError> {
    let catalog = Catalog::read(configs.iter().map(|(path, bytes)| (path, bytes)))?;
    let mut violations = validate(&catalog);
    // Versions of `opm` differ about names of images, and none looks at them when the cache fits.
    violations.retain(|violation| violation.rule != Rule::ImageReference);
    if let Some(first) = violations.first() {
        return Err(OpmCacheError::Model { first: Box::new(first.clone()), more: violations.len() - 1 });
    }
    let index = packages::index(&catalog)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut put = |path: String, text: String| match files.insert(path.clone(), text.into_bytes()) {
        Some(_) => Err(OpmCacheError::SameName(path)),
        None => Ok(()),
    };
    put(format!("{FOLDER}/packages.json"), index.text.clone())?;
    let bundles: HashMap<(&str, &str), &Bundle> =
        catalog.bundles.iter().map(|bundle| ((bundle.package.as_str(), bundle.name.as_str()), bundle)).collect();
    // A bundle of several channels is decoded once.
    let mut decoded: HashMap<(&str, &str), bundle::Decoded> = HashMap::new();
    for channel in &catalog.channels {
        for entry in &channel.entries {
            let key = (channel.package.as_str(), entry.name.as_str());
            // A sound catalog has a bundle for every entry.
            let Some(bundle) = bundles.get(&key) else { continue };
            let name = file_name(&format!("{}_{}_{}", channel.package, channel.name, entry.name))?;
            let decoded = match decoded.entry(key) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => {
                    let package = index.packages.get(key.0);
                    place.insert(bundle::decode(bundle, package).map_err(|reason| OpmCacheError::Bundle {
                        package: bundle.package.clone(),
                        bundle: bundle.name.clone(),
                        reason,
                    })?)
                }
            };
            put(format!("{FOLDER}/{name}"), decoded.text(channel, entry, index.deprecation_of(bundle)))?;
        }
    }
    for other in &catalog.others {
        if let Some((path, text)) = meta(other)? {
            // Documents that say the same have one name.
            files.insert(path, text.into_bytes());
        }
    }
    let files: Vec<(String, Vec<u8>)> = files.into_iter().collect();
    let cached: Vec<(&str, &[u8])> = below(&files, FOLDER).collect();
    let configs: Vec<(&str, &[u8])> = configs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let digest = digest(&configs, modes, &cached, modes);
    Ok(files.into_iter().chain([(DIGEST.to_owned(), digest.into_bytes())]).collect())
}

fn below<'a>(files: &'a [(String, Vec<u8>)], folder: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    files
        .iter()
        .filter_map(move |(path, bytes)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, bytes.as_slice())))
}

/// The name of a bundle's file.
fn file_name(stem: &str) -> Result<String, OpmCacheError> {
    let name = format!("{stem}.json");
    if name.contains(['/', '\0']) || name.len() > LONGEST_NAME {
        return Err(OpmCacheError::FileName(name));
    }
    Ok(name)
}

/// The file of a document of another schema. Documents that `opm` would not find again have none.
fn meta(other: &Other) -> Result<Option<(String, String)>, OpmCacheError> {
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && name.len() <= LONGEST_NAME
    };
    if !is_plain(&other.schema) || !(other.package.is_empty() || is_plain(&other.package)) {
        return Ok(None);
    }
    let text = canonical::parse(other.text()).map_err(|reason| OpmCacheError::Other {
        schema: other.schema.clone(),
        package: other.package.clone(),
        reason,
    })?;
    let text = format!("{}\n", canonical::text(&text));
    let name = digest::fnv(text.as_bytes());
    let package = if other.package.is_empty() { String::new() } else { format!("{}/", other.package) };
    Ok(Some((format!("{FOLDER}/metas/{}/{package}{name:x}.json", other.schema), text)))
}

/// Why there is no cache of a catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpmCacheError {
    /// The catalog cannot be read.
    #[error(transparent)]
    Read(#[from] ReadErrors),
    /// `opm` refuses the catalog.
    #[error("{first}{}", and_more(*.more))]
    Model {
        /// The first of what it finds.
        first: Box<Violation>,
        /// How many there are besides.
        more: usize,
    },
    /// A package has a value that `opm` does not accept.
    #[error("package \"{package}\": {reason}")]
    Package {
        /// The package.
        package: String,
        /// The value.
        reason: BrokenValue,
    },
    /// A bundle has a value that `opm` does not accept.
    #[error("bundle \"{bundle}\" of package \"{package}\": {reason}")]
    Bundle {
        /// The package.
        package: String,
        /// The bundle.
        bundle: String,
        /// The value.
        reason: BrokenValue,
    },
    /// A document of another schema cannot be copied.
    #[error("a document of schema \"{schema}\" of package \"{package}\": {reason}")]
    Other {
        /// The schema.
        schema: String,
        /// The package.
        package: String,
        /// Why.
        reason: BrokenValue,
    },
    /// Two bundles would have the same file.
    #[error("two bundles would share the file `{0}`")]
    SameName(String),
    /// A name that no file can have.
    #[error("no file can be called `{0}`")]
    FileName(String),
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}
