//! `mirror.operators` (`docs/behaviour/operators-archive.md` 3.5 and 4, `docs/behaviour/config-cli.md` 4.2, 4.3 and
//! 4.5): what to ask of a catalog, how its images are called, and which images a selection needs.

use std::collections::{HashMap, HashSet};

use fbc_catalog::filter_hash::{FilterChannel, FilterPackage, FilterSpec, filter_hash};
use fbc_catalog::{BundleId, Catalog, ChannelRequest, PackageRequest, Request};
use image_ref::{Digest, ImageRef, Platform, Transport};
use isc_schema::{BlockedImage, OperatorCatalog, Package, VersionBound};

use crate::additional::{
    Collected, cache_name, has_tag_and_digest, path_of_place, source, tag_and_digest_warning, tag_of_place,
};
use crate::blocklist::{blocking_exactly, blocking_text};
use crate::{
    Blocked, BundleChannel, CacheName, CatalogImage, CatalogRole, ConfigEntry, Destination, DestinationError,
    ImageKind, OperatorUse, PlannedBundle, PlannedImage, Why,
};

/// What an entry asks of its catalog; `strict` refuses what breaks an upgrade graph.
pub fn request(entry: &OperatorCatalog, strict: bool) -> Request {
    let text = |bound: &Option<VersionBound>| bound.as_ref().map(|bound| bound.as_str().to_owned());
    let package = |package: &Package| PackageRequest {
        name: package.name.clone(),
        default_channel: package.default_channel.clone(),
        min_version: text(&package.min_version),
        max_version: text(&package.max_version),
        channels: package
            .channels
            .iter()
            .map(|channel| ChannelRequest {
                name: channel.name.clone(),
                min_version: text(&channel.min_version),
                max_version: text(&channel.max_version),
            })
            .collect(),
        bundles: package.bundles.iter().map(|bundle| bundle.name.clone()).collect(),
    };
    Request { full: entry.full, packages: entry.packages().iter().map(package).collect(), strict }
}

/// The id of an entry's selection from the catalog with this digest (`docs/behaviour/config-cli.md` 4.5).
pub fn filter_id(entry: &OperatorCatalog, digest: &Digest) -> String {
    hash(entry, &format!("{}@{digest}", entry.catalog.name()))
}

/// The id that caches of earlier programs use: of the entry with its catalog as it is written.
pub fn filter_id_as_written(entry: &OperatorCatalog) -> String {
    hash(entry, entry.catalog.as_written())
}

fn hash(entry: &OperatorCatalog, catalog: &str) -> String {
    fn text(bound: Option<&VersionBound>) -> &str {
        bound.map_or("", VersionBound::as_str)
    }
    fn package(package: &Package) -> FilterPackage<'_> {
        FilterPackage {
            name: &package.name,
            channels: package
                .channels
                .iter()
                .map(|channel| FilterChannel {
                    name: &channel.name,
                    min_version: text(channel.min_version.as_ref()),
                    max_version: text(channel.max_version.as_ref()),
                })
                .collect(),
            default_channel: package.default_channel.as_deref().unwrap_or_default(),
            min_version: text(package.min_version.as_ref()),
            max_version: text(package.max_version.as_ref()),
            bundles: package.bundles.iter().map(|bundle| bundle.name.as_str()).collect(),
        }
    }
    let platform = |platform: &'_ Platform| (platform.os.clone(), platform.architecture.clone());
    let platforms: Vec<(String, String)> = entry.platforms.iter().map(platform).collect();
    filter_hash(&FilterSpec {
        packages: entry.packages.as_ref().map(|packages| packages.iter().map(package).collect()),
        catalog,
        full: entry.full,
        skip_dependencies: entry.skip_dependencies,
        platforms: platforms.iter().map(|(os, architecture)| (os.as_str(), architecture.as_str())).collect(),
    })
}

/// The repository of an entry's catalog in the cache and below the destination.
pub fn repository(entry: &OperatorCatalog) -> String {
    match (&entry.target_catalog, entry.catalog.place()) {
        (Some(target), _) => target.clone(),
        (None, Some((place, _))) => {
            let path = path_of_place(place);
            path.rsplit_once('/').map_or(path.as_str(), |(_, base)| base).to_owned()
        }
        (None, None) if entry.catalog.transport() == &Transport::Docker => entry.catalog.path().to_owned(),
        (None, None) => entry.catalog.base_name().to_owned(),
    }
}

/// The name of the original catalog in the cache.
pub fn original(entry: &OperatorCatalog) -> CacheName {
    let tag = match (&entry.target_tag, entry.catalog.transport()) {
        (Some(tag), _) => tag.clone(),
        (None, Transport::Docker) => entry.catalog.tag_or_digest_tag(),
        (None, _) => {
            entry.catalog.place().and_then(|(_, name)| tag_of_place(name)).unwrap_or_else(|| "latest".to_owned())
        }
    };
    CacheName { repository: repository(entry), tag }
}

/// Whether the image is a catalog that this program has rebuilt, and not one that travels as its publisher made it.
pub fn is_rebuilt(image: &PlannedImage) -> bool {
    image.catalog.as_ref().is_some_and(|catalog| catalog.role == CatalogRole::Rebuilt)
}

/// Whether the image is the original of a filtered catalog, which goes nowhere but into the cache.
pub fn is_kept_original(image: &PlannedImage) -> bool {
    image.catalog.as_ref().is_some_and(|catalog| catalog.role == CatalogRole::Original && catalog.published.is_none())
}

/// A catalog as its publisher made it, under the name of the original, for the rules about names: what an entry of the
/// configuration asks for before its catalog was read. Its digest is known only when the entry names it.
///
/// # Errors
/// When it cannot have its name at the destination.
pub fn as_configured(
    index: usize,
    entry: &OperatorCatalog,
    destination: Option<&Destination>,
) -> Result<PlannedImage, DestinationError> {
    let name = original(entry);
    // Where the catalog is rebuilt, the original stays in the cache.
    let (destination, published) = if entry.is_whole() { (destination, Some(name.clone())) } else { (None, None) };
    let (origin, why) = (entry.catalog.with_scheme(), why(index, entry, Vec::new()));
    let planned =
        PlannedImage::new(ImageKind::OperatorCatalog, origin, source(&entry.catalog), name, destination, why)?;
    Ok(PlannedImage {
        named: entry.catalog.clone(),
        entry: Some(ConfigEntry::Operator(index)),
        catalog: Some(CatalogImage { role: CatalogRole::Original, published }),
        ..planned
    })
}

/// The name of the rebuilt catalog in the cache; `filter` is the [`filter_id`].
pub fn rebuilt(entry: &OperatorCatalog, filter: &str) -> CacheName {
    CacheName { repository: repository(entry), tag: filter.to_owned() }
}

/// The name of a catalog below the destination: that of the original, except where only a digest is known, which is then
/// the digest of the rebuilt catalog.
pub fn published(entry: &OperatorCatalog, rebuilt: Option<&Digest>) -> CacheName {
    let mut name = original(entry);
    let named_by_digest =
        entry.catalog.transport() == &Transport::Docker && entry.target_tag.is_none() && entry.catalog.tag().is_none();
    if let (true, Some(digest)) = (named_by_digest, rebuilt) {
        name.tag = digest.as_tag();
    }
    name
}

/// What brings a catalog itself into the plan; `index` is the place of its entry in `mirror.operators`.
pub fn why(index: usize, entry: &OperatorCatalog, steps: Vec<String>) -> Why {
    Why { path: format!("mirror.operators[{index}]"), line: entry.span.line, steps }
}

/// What becomes of texts of a catalog that name no image, and of images that cannot have a name at the destination.
#[derive(Debug, Clone, Copy)]
pub enum Unnamed<'a> {
    /// They are errors, except those that an entry of `blockedImages` matches.
    Refused(&'a [BlockedImage]),
    /// They are left out: nobody can have mirrored them.
    LeftOut,
}

/// Plans the images that a selection needs: bundles and what they relate to, each image once.
///
/// # Errors
/// Every text that names no image; one of them makes the whole catalog unusable (`docs/behaviour/operators-archive.md` 4).
pub fn images(
    index: usize,
    entry: &OperatorCatalog,
    selected: &Catalog,
    destination: Option<&Destination>,
    unnamed: Unnamed<'_>,
) -> Result<Collected, Vec<OperatorError>> {
    let related = selected.related_images();
    let mut errors: Vec<OperatorError> = Vec::new();
    let mut collected = Collected::default();
    if let Unnamed::Refused(blocked) = unnamed {
        for error in related.errors {
            match blocking_text(blocked, &error.image) {
                Some(by) => collected.blocked.push(Blocked { origin: error.image, pattern: by.as_str().to_owned() }),
                None => errors.push(OperatorError::unnamed(error, entry)),
            }
        }
    }
    // Where an image of the catalog ended up; none when it is left out.
    let mut places: Vec<Option<usize>> = Vec::with_capacity(related.images.len());
    let mut bundle_images: HashMap<&BundleId, Vec<usize>> = HashMap::new();
    let channels = Channels::of(selected);
    let mut bundles = bundles_of(entry, selected, &channels);
    for image in &related.images {
        collected.warnings.extend(tag_and_digest_warning(&image.image));
        let tag_may_give_way = has_tag_and_digest(&image.image);
        let cache = cache_name(&image.image, None, None);
        let bundle = image.bundles.first().expect("an image is related to a bundle");
        let planned = PlannedImage::new(
            if image.is_bundle { ImageKind::OperatorBundle } else { ImageKind::OperatorRelated },
            image.image.with_scheme(),
            source(&image.image),
            cache,
            destination,
            why_of(index, entry, &channels, bundle, &image.name),
        );
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => {
                places.push(None);
                if let Unnamed::Refused(blocked) = unnamed {
                    match blocking_text(blocked, image.image.as_written()) {
                        Some(by) => collected
                            .blocked
                            .push(Blocked { origin: image.image.with_scheme(), pattern: by.as_str().to_owned() }),
                        None => errors.push(OperatorError::Destination { error, bundle: bundle.clone() }),
                    }
                }
                continue;
            }
        };
        let at = collected.images.len();
        places.push(Some(at));
        if image.is_bundle {
            image.bundles.iter().for_each(|bundle| bundle_images.entry(bundle).or_default().push(at));
        }
        let use_of = |id: &BundleId| OperatorUse { operator: id.package.clone(), bundle: id.bundle.clone() };
        collected.images.push(PlannedImage {
            named: image.image.clone(),
            entry: Some(ConfigEntry::Operator(index)),
            platforms: entry.platforms.clone(),
            operators: image.bundles.iter().map(use_of).collect(),
            bundles: bundles.remove(image.image.as_written()).unwrap_or_default(),
            tag_may_give_way,
            ..planned
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for (at, image) in places.into_iter().zip(&related.images).filter(|(_, image)| !image.is_bundle) {
        let Some(needed) = at.and_then(|at| collected.images.get(at)).map(|image| image.id.clone()) else { continue };
        for bundle in image.bundles.iter().filter_map(|id| bundle_images.get(id)).flatten() {
            if let Some(bundle) = collected.images.get_mut(*bundle) {
                bundle.needs.push(needed.clone());
            }
        }
    }
    Ok(collected)
}

/// Why the images of a selection cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// A text of the catalog names no image.
    #[error("{error}. {}", ways_out(.pattern, .without))]
    Image {
        /// The text and the bundle.
        error: fbc_catalog::RelatedImageError,
        /// The entry of `blockedImages` that matches the text and nothing else, as YAML.
        pattern: String,
        /// How the package is left out.
        without: String,
    },
    /// An image cannot have a name at the destination.
    #[error("{error}")]
    Destination {
        /// Why.
        error: DestinationError,
        /// The first bundle that needs the image.
        bundle: BundleId,
    },
}

fn ways_out(pattern: &str, without: &str) -> String {
    format!(
        "To mirror the operator without the image, add `- name: {pattern}` to `blockedImages`; to mirror without the \
         operator, {without}"
    )
}

impl OperatorError {
    /// The package whose image it is.
    pub fn package(&self) -> &str {
        match self {
            Self::Image { error, .. } => &error.bundle.package,
            Self::Destination { bundle, .. } => &bundle.package,
        }
    }

    /// What to write instead.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Image { pattern, without, .. } => Some(ways_out(pattern, without)),
            Self::Destination { .. } => None,
        }
    }

    fn unnamed(error: fbc_catalog::RelatedImageError, entry: &OperatorCatalog) -> Self {
        let pattern = blocking_exactly(&error.image);
        let package = &error.bundle.package;
        let without = if entry.packages().is_empty() {
            format!("list the packages that you need under `packages`, without {package}")
        } else {
            format!("take package {package} out of `packages`")
        };
        Self::Image { error, pattern, without }
    }
}

/// The pinned form of an entry's catalog: by digest, with the tag that it would have had.
pub fn pinned(entry: &OperatorCatalog, digest: &Digest) -> (ImageRef, Option<String>) {
    match entry.catalog.transport() {
        Transport::Docker => {
            let tag = entry.target_tag.clone().or_else(|| entry.catalog.tag().map(str::to_owned));
            (entry.catalog.with_digest(digest.clone()), tag)
        }
        // A folder has one content and no digest in its name.
        _ => (entry.catalog.clone(), entry.target_tag.clone()),
    }
}

/// The channels that list a bundle, by package and bundle.
struct Channels<'a>(HashMap<(&'a str, &'a str), Vec<BundleChannel>>);

impl<'a> Channels<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let mut listed: HashMap<_, Vec<BundleChannel>> = HashMap::new();
        for channel in &catalog.channels {
            let heads: HashSet<&str> = channel.heads().into_iter().collect();
            for entry in &channel.entries {
                let known = listed.entry((channel.package.as_str(), entry.name.as_str())).or_default();
                // A channel may be there twice with one content.
                if known.last().is_none_or(|last| last.name != channel.name) {
                    known.push(BundleChannel { name: channel.name.clone(), head: heads.contains(entry.name.as_str()) });
                }
            }
        }
        Self(listed)
    }

    fn listing<'s>(&'s self, package: &'s str, bundle: &'s str) -> &'s [BundleChannel] {
        self.0.get(&(package, bundle)).map_or(&[], Vec::as_slice)
    }
}

/// The bundles of a catalog, by the text that names their image.
fn bundles_of<'a>(
    entry: &OperatorCatalog,
    catalog: &'a Catalog,
    channels: &Channels<'_>,
) -> HashMap<&'a str, Vec<PlannedBundle>> {
    let mut of_image: HashMap<&str, Vec<PlannedBundle>> = HashMap::new();
    for bundle in catalog.bundles.iter().filter(|bundle| !bundle.image.is_empty()) {
        let planned = PlannedBundle {
            catalog: entry.catalog.as_written().to_owned(),
            package: bundle.package.clone(),
            name: bundle.name.clone(),
            version: bundle.version_text().ok(),
            channels: channels.listing(&bundle.package, &bundle.name).to_vec(),
        };
        let known = of_image.entry(&bundle.image).or_default();
        if !known.contains(&planned) {
            known.push(planned);
        }
    }
    of_image
}

fn why_of(index: usize, entry: &OperatorCatalog, channels: &Channels<'_>, id: &BundleId, name: &str) -> Why {
    let mut steps = vec![format!("package {}", id.package)];
    if let Some(channel) = channels.listing(&id.package, &id.bundle).first() {
        steps.push(format!("channel {}", channel.name));
    }
    steps.push(format!("bundle {}", id.bundle));
    if !name.is_empty() {
        steps.push(format!("related image {name}"));
    }
    let mut why = why(index, entry, steps);
    // The package's own line says more than the catalog's.
    let package = entry.packages().iter().enumerate().find(|(_, package)| package.name == id.package);
    if let Some((at, package)) = package {
        why.path = format!("{}.packages[{at}]", why.path);
        why.line = package.span.line;
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(catalog: &str, target_catalog: Option<&str>, target_tag: Option<&str>) -> OperatorCatalog {
        let mut entry = OperatorCatalog::new(catalog.parse().unwrap());
        entry.target_catalog = target_catalog.map(str::to_owned);
        entry.target_tag = target_tag.map(str::to_owned);
        entry
    }

    /// The rows of `docs/behaviour/config-cli.md` 4.2.
    #[test]
    fn names_of_catalogs() {
        let (d, f) = (format!("sha256:{}", "1".repeat(64)), Digest::sha256(&"2".repeat(64)).unwrap());
        let check = |catalog: &str, target_catalog, target_tag, original_name: &str, destination: &str| {
            let entry = entry(catalog, target_catalog, target_tag);
            assert_eq!(original(&entry).to_string(), original_name);
            assert_eq!(published(&entry, Some(&f)).to_string(), destination, "{catalog}");
            let repository = original_name.rsplit_once(':').unwrap().0;
            assert_eq!(rebuilt(&entry, "h").to_string(), format!("{repository}:h"));
        };
        let by_digest = format!("c.io/ns/idx@{d}");
        let (source_tag, rebuilt_tag) = (d.replace(':', "-"), f.as_tag());
        check("c.io/ns/idx:v1", None, None, "ns/idx:v1", "ns/idx:v1");
        check("c.io/ns/idx:v1", None, Some("t"), "ns/idx:t", "ns/idx:t");
        check("c.io/ns/idx:v1", Some("m/c"), Some("t"), "m/c:t", "m/c:t");
        check(&by_digest, None, None, &format!("ns/idx:{source_tag}"), &format!("ns/idx:{rebuilt_tag}"));
        check(&by_digest, None, Some("t"), "ns/idx:t", "ns/idx:t");
        check("oci:///x/idx", None, None, "idx:latest", "idx:latest");
        check("oci:///x/idx", None, Some("t"), "idx:t", "idx:t");
        check("oci:///x/idx:v4.20", None, None, "idx:v4.20", "idx:v4.20");
        check("oci:///x/My Idx", Some("m/c"), None, "m/c:latest", "m/c:latest");
        check("oci:///x/My Idx", None, None, "my-idx:latest", "my-idx:latest");
        // Without a rebuilt catalog, a full one keeps the tag of its own digest.
        assert_eq!(published(&entry(&by_digest, None, None), None).tag, source_tag);
    }

    #[test]
    fn ids_of_selections() {
        let digest = Digest::sha256(&"1".repeat(64)).unwrap();
        let mut entry = entry("quay.io/ns/cat:v1", Some("other/name"), Some("t"));
        assert_eq!(filter_id(&entry, &digest), "7091f2c0560a3e04c77f3cfb4e2714e1");
        entry.packages = Some(vec![Package { name: "foo".into(), ..Package::default() }]);
        assert_eq!(filter_id(&entry, &digest), "dd79eded27b5d3d99b636604b79abe36");
        entry.full = true;
        entry.platforms = vec![Platform::new("linux", "amd64")];
        entry.packages.as_mut().unwrap()[0].min_version = Some(VersionBound::lenient("1.0.0").unwrap());
        assert_eq!(filter_id_as_written(&entry), "cb2e186d078948a5bfba250a101e594e");
    }

    #[test]
    fn pinned_catalogs() {
        let digest = Digest::sha256(&"1".repeat(64)).unwrap();
        let check = |catalog: &str, target_tag, expected: &str, tag: Option<&str>| {
            let (image, found) = pinned(&entry(catalog, None, target_tag), &digest);
            assert_eq!((image.to_string().as_str(), found.as_deref()), (expected, tag));
        };
        let by_digest = format!("c.io/ns/idx@{digest}");
        check("c.io/ns/idx:v1", None, &by_digest, Some("v1"));
        check("c.io/ns/idx:v1", Some("t"), &by_digest, Some("t"));
        check(&by_digest, None, &by_digest, None);
        check("oci:///x/idx", None, "oci:///x/idx", None);
    }

    const CATALOG: &str = r#"
{"schema": "olm.package", "name": "foo", "defaultChannel": "beta"}
{"schema": "olm.channel", "name": "beta", "package": "foo", "entries": [{"name": "foo.v1"}, {"name": "foo.v2", "replaces": "foo.v1"}]}
{"schema": "olm.bundle", "name": "foo.v1", "package": "foo", "image": "b.io/ns/foo-bundle:v1", "relatedImages": [
  {"name": "", "image": "b.io/ns/foo-bundle:v1"}, {"name": "shared", "image": "r.io/shared@sha256:DIGEST"}]}
{"schema": "olm.bundle", "name": "foo.v2", "package": "foo", "image": "b.io/ns/foo-bundle:v2", "relatedImages": [
  {"name": "shared", "image": "r.io/shared@sha256:DIGEST"}, {"name": "own", "image": "r.io/ns/own:v2@sha256:DIGEST"}]}
"#;

    #[test]
    fn images_of_a_selection() {
        let text = CATALOG.replace("DIGEST", &"3".repeat(64));
        let catalog = Catalog::read([("foo/catalog.json", text)]).unwrap();
        let destination = Destination::parse("reg.lan:5000/m").unwrap();
        let found =
            images(0, &entry("c.io/ns/idx:v1", None, None), &catalog, Some(&destination), Unnamed::LeftOut).unwrap();
        let lines: Vec<String> = found
            .images
            .iter()
            .map(|image| {
                let destination = image.destination.as_ref().unwrap();
                let place = |id: &crate::ImageId| found.images.iter().position(|image| image.id == *id);
                let needs: Vec<_> = image.needs.iter().filter_map(place).collect();
                format!("{} {} -> {destination} needs {needs:?}", image.kind, image.source)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n").replace(&"3".repeat(64), "D"), @r"
        operatorBundle b.io/ns/foo-bundle:v1 -> reg.lan:5000/m/ns/foo-bundle:v1 needs [1]
        operatorRelatedImage r.io/shared@sha256:D -> reg.lan:5000/m/shared:sha256-D needs []
        operatorRelatedImage r.io/ns/own@sha256:D -> reg.lan:5000/m/ns/own:v2 needs []
        operatorBundle b.io/ns/foo-bundle:v2 -> reg.lan:5000/m/ns/foo-bundle:v2 needs [1, 2]
        ");
        assert_eq!(found.images[1].operators.len(), 2);
        assert_eq!(found.images[3].why.steps, ["package foo", "channel beta", "bundle foo.v2"]);
        assert_eq!(found.images[1].bundles, [], "a related image is no bundle");
        let bundle = |name: &str, head| PlannedBundle {
            catalog: "c.io/ns/idx:v1".to_owned(),
            package: "foo".to_owned(),
            name: name.to_owned(),
            version: None,
            channels: vec![BundleChannel { name: "beta".to_owned(), head }],
        };
        assert_eq!(found.images[0].bundles, [bundle("foo.v1", false)]);
        assert_eq!(found.images[3].bundles, [bundle("foo.v2", true)]);
        insta::assert_snapshot!(found.warnings.join("\n").replace(&"3".repeat(64), "D"), @r"r.io/ns/own:v2@sha256:D has both tag and digest : using digest to pull, but tag only for mirroring");
    }

    #[test]
    fn texts_that_name_no_image() {
        let text = CATALOG.replace("r.io/ns/own:v2@sha256:DIGEST", "r.io/ns/own").replace("DIGEST", &"3".repeat(64));
        let catalog = Catalog::read([("foo/catalog.json", text)]).unwrap();
        let errors =
            images(0, &entry("c.io/ns/idx:v1", None, None), &catalog, None, Unnamed::Refused(&[])).unwrap_err();
        assert_eq!(errors.len(), 1);
        insta::assert_snapshot!(errors[0].to_string(), @r"bundle foo.v2 of operator foo: error parsing image r.io/ns/own: r.io/ns/own unable to parse image correctly: tag and digest are empty. To mirror the operator without the image, add `- name: ^r\.io/ns/own$` to `blockedImages`; to mirror without the operator, list the packages that you need under `packages`, without foo");
    }
}
