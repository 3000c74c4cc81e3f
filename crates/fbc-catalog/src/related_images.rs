//! The images a catalog needs, and which bundle needs which (`docs/behaviour/operators-archive.md` section 4).

use std::collections::{HashMap, HashSet};

use image_ref::{ImageRef, ParseError, Transport};

use crate::catalog::Catalog;

/// One image of a catalog, named once however many bundles need it.
#[derive(Debug, Clone)]
pub struct RelatedImage {
    /// The parsed reference; [`ImageRef::as_written`] gives the text of the catalog.
    pub image: ImageRef,
    /// What the first bundle that names it calls it; often empty.
    pub name: String,
    /// Whether it is the bundle image of one of [`RelatedImage::bundles`].
    pub is_bundle: bool,
    /// The bundles that need it, in the order of the catalog.
    pub bundles: Vec<BundleId>,
}

/// A bundle, unique within a catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    /// The package.
    pub package: String,
    /// The bundle.
    pub bundle: String,
}

/// All images, and what cannot be one.
#[derive(Debug, Default)]
pub struct RelatedImages {
    /// The images in the order of the catalog: those of a bundle's `relatedImages`, then its own.
    pub images: Vec<RelatedImage>,
    /// Texts that name no image. Upstream collects nothing at all when there is one (exit bit 4, tested there).
    pub errors: Vec<RelatedImageError>,
}

/// A text in `relatedImages` that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bundle {} of operator {}: {fault}", bundle.bundle, bundle.package)]
pub struct RelatedImageError {
    /// The bundle.
    pub bundle: BundleId,
    /// The text.
    pub image: String,
    /// What is wrong with it.
    pub fault: RelatedImageFault,
}

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelatedImageFault {
    /// It lies in a local directory, which a catalog cannot know.
    #[error("invalid image: {0} 'oci' is not supported in operator catalogs")]
    Oci(String),
    /// It does not parse.
    #[error("error parsing image {image}: {source}")]
    Parse {
        /// The text.
        image: String,
        /// Why.
        source: ParseError,
    },
}

impl Catalog {
    /// Lists the images of all bundles: what `relatedImages` names, and the bundle image even where that list forgets it
    /// (OLM unpacks it, so a mirror without it is of no use).
    pub fn related_images(&self) -> RelatedImages {
        let mut found = RelatedImages::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut refused: HashSet<(&str, &str, &str)> = HashSet::new();
        for bundle in &self.bundles {
            let id = BundleId { package: bundle.package.clone(), bundle: bundle.name.clone() };
            let own = (!bundle.image.is_empty()).then_some(("", bundle.image.as_str()));
            let related = bundle.related_images.iter().map(|related| (related.name.as_str(), related.image.as_str()));
            for (name, text) in related.chain(own) {
                let is_bundle = !text.is_empty() && text == bundle.image;
                if let Some(known) = places.get(text).and_then(|place| found.images.get_mut(*place)) {
                    known.is_bundle |= is_bundle;
                    if known.bundles.last() != Some(&id) {
                        known.bundles.push(id.clone());
                    }
                    continue;
                }
                match parse(text) {
                    Ok(image) => {
                        places.insert(text, found.images.len());
                        let bundles = vec![id.clone()];
                        found.images.push(RelatedImage { image, name: name.to_owned(), is_bundle, bundles });
                    }
                    Err(fault) => {
                        if refused.insert((&bundle.package, &bundle.name, text)) {
                            let error = RelatedImageError { bundle: id.clone(), image: text.to_owned(), fault };
                            found.errors.push(error);
                        }
                    }
                }
            }
        }
        found
    }
}

fn parse(text: &str) -> Result<ImageRef, RelatedImageFault> {
    let parse_error = |source| RelatedImageFault::Parse { image: text.to_owned(), source };
    if text.starts_with("oci://") {
        return Err(RelatedImageFault::Oci(text.to_owned()));
    }
    let image = ImageRef::parse(text).map_err(parse_error)?;
    if image.transport() == &Transport::Docker { Ok(image) } else { Err(RelatedImageFault::Oci(text.to_owned())) }
}
