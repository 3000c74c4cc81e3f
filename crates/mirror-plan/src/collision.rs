//! Two images, one name: who keeps the name, and what a person reads about that.
//!
//! Names in cache, archive and destination carry no registry, so images of two registries can have one name. Only one of
//! them can be there. Releases come first, then what the configuration names itself, then what was found in catalogs and
//! charts, each in order: what somebody else wrote into a catalog never takes a name away from the operator of the mirror.

use std::fmt;

use image_ref::Digest;
use serde::{Deserialize, Serialize};

use crate::ImageKind;

/// Two different images would have one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collision {
    /// The name: repository and tag in the cache, or the whole name at the destination.
    pub name: String,
    /// Who cannot have it.
    pub loser: Claimant,
    /// Who has it.
    pub holder: Holder,
}

/// Who keeps a name from an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// The repository is reserved for releases.
    Releases {
        /// The repository.
        repository: String,
    },
    /// The tag is one of those that cosign makes for signatures, in a repository with an image of another source.
    #[serde(rename_all = "camelCase")]
    Signatures {
        /// The image whose signatures have such tags.
        of: Claimant,
    },
    /// Another image of the plan.
    #[serde(rename_all = "camelCase")]
    Image {
        /// Which.
        image: Claimant,
        /// What makes it another image.
        difference: Difference,
        /// Whether both have names of their own in the cache, and `--max-nested-paths` folds these into one.
        folded: bool,
    },
}

/// An image that claims a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claimant {
    /// Its role.
    pub kind: ImageKind,
    /// Its name in logs.
    pub origin: String,
    /// The path in the configuration that it comes from.
    pub path: String,
    /// The line there, from 1; 0 when unknown.
    pub line: u32,
    /// Whether a line of the configuration names it, and not a catalog or chart.
    pub configured: bool,
}

/// What tells two images apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// Their digests: the loser's, then the holder's.
    Digests(Digest, Digest),
    /// The digest of one of them is not known, for this reason.
    Unknown(String),
}

impl Claimant {
    /// The fields that give the image another name; none for what only a catalog or a chart names.
    fn renamed_by(&self) -> Option<&'static str> {
        match self.kind {
            ImageKind::OperatorCatalog => Some("`targetCatalog` or `targetTag`"),
            ImageKind::Additional => Some("`targetRepo` or `targetTag`"),
            _ => None,
        }
        .filter(|_| self.configured)
    }
}

impl fmt::Display for Claimant {
    /// `reg/a/b:v1 (mirror.additionalImages[0], line 7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.origin, self.path)?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        f.write_str(")")
    }
}

impl Collision {
    /// What to write instead: a field of the configuration that gives one of the images another name, or a way around.
    pub fn advice(&self) -> String {
        let Self { loser, holder, .. } = self;
        match holder {
            Holder::Releases { .. } => match loser.renamed_by() {
                Some(_) if loser.kind == ImageKind::Additional => {
                    format!("Set `targetRepo` of {} to another repository", loser.path)
                }
                Some(_) => format!("Set `targetCatalog` of {} to another repository", loser.path),
                None => "Nothing but a release may write there: leave the image out with `blockedImages`".to_owned(),
            },
            Holder::Signatures { .. } => match loser.renamed_by() {
                Some(fields) => format!("Set {fields} of {}", loser.path),
                None => "Leave the image out with `blockedImages`".to_owned(),
            },
            Holder::Image { image, folded, .. } => {
                let advice = match (loser.renamed_by(), image.renamed_by()) {
                    (Some(fields), _) => format!("Set {fields} of {}", loser.path),
                    (None, Some(fields)) => format!("Set {fields} of {}", image.path),
                    (None, None) => {
                        "Mirror them in two runs below different namespaces, or leave one out with `blockedImages`"
                            .to_owned()
                    }
                };
                if *folded { advice + ", or allow more nested paths" } else { advice }
            }
        }
    }
}

impl fmt::Display for Collision {
    /// What is wrong, then [`Collision::advice`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, loser, holder } = self;
        match holder {
            Holder::Releases { repository } => {
                write!(f, "{loser} would be named `{name}`, but `{repository}` is reserved for images of releases. ")?;
            }
            Holder::Signatures { of } => write!(
                f,
                "{loser} would be named `{name}`, but such a tag is for signatures, and {of} is in the same repository. "
            )?,
            Holder::Image { image, difference, .. } => {
                write!(f, "{loser} and {image} would both be named `{name}`: ")?;
                match difference {
                    Difference::Digests(of_loser, of_holder) => {
                        write!(f, "the first is {of_loser}, the second is {of_holder}. ")?;
                    }
                    Difference::Unknown(reason) => {
                        write!(f, "their digests could not be compared ({reason}). ")?;
                    }
                }
            }
        }
        f.write_str(&self.advice())
    }
}
