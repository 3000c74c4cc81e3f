//! Why an image was not copied.

use std::fmt;

use mirror_plan::PlannedImage;
use oci_manifest::TreeError;
use serde::{Serialize, Serializer};

use crate::guard::Panicked;

/// Why a step failed, for programs. Each has one word that scripts read in the result document; the words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// What a request to a registry met, or its counterpart on this machine.
    Transport(oci_transport::Condition),
    /// A list has no image of a platform that was asked for.
    NoInstance,
    /// An image's name belongs to another image.
    NameCollision,
    /// A defect of this program.
    Internal,
    /// An image that it needs failed.
    NeededImageFailed,
    /// A manifest, or what it says, is broken or of an unsupported kind.
    Manifest,
    /// An archive is damaged, or cannot be written.
    Archive,
    /// The cache cannot be read or written.
    Cache,
    /// The disks have not enough room.
    NoRoom,
    /// Neither the archive nor the cache has it, and nobody else may be asked.
    NotInArchive,
    /// An earlier archive of the sequence, which was never loaded, has it.
    EarlierArchiveMissing,
    /// What this program built is not in the cache any more.
    NotInCache,
    /// A name at the destination is impossible.
    Reference,
    /// The trust policy refuses the image.
    Policy,
    /// The working directory cannot be written.
    WorkingDir,
    /// A layer of a catalog cannot be read.
    CatalogLayer,
    /// A list of images to delete names another destination.
    Elsewhere,
    /// The registry does not allow deleting.
    DeleteDisabled,
    /// A tag of a deleted image is still there.
    TagKept,
}

impl Condition {
    /// It is not there.
    pub const NOT_FOUND: Self = Self::Transport(oci_transport::Condition::NotFound);
    /// registries.conf blocks the place.
    pub const BLOCKED: Self = Self::Transport(oci_transport::Condition::Blocked);
    /// The content is not what its digest says.
    pub const DIGEST_MISMATCH: Self = Self::Transport(oci_transport::Condition::Digest);
    /// It took longer than it may.
    pub const TIMEOUT: Self = Self::Transport(oci_transport::Condition::Timeout);
    /// This machine failed.
    pub const LOCAL: Self = Self::Transport(oci_transport::Condition::Local);

    /// The word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport(condition) => condition.as_str(),
            Self::NoInstance => "no-instance",
            Self::NameCollision => "name-collision",
            Self::Internal => "internal",
            Self::NeededImageFailed => "needed-image-failed",
            Self::Manifest => "manifest",
            Self::Archive => "archive",
            Self::Cache => "cache",
            Self::NoRoom => "no-room",
            Self::NotInArchive => "not-in-archive",
            Self::EarlierArchiveMissing => "earlier-archive-missing",
            Self::NotInCache => "not-in-cache",
            Self::Reference => "reference",
            Self::Policy => "policy",
            Self::WorkingDir => "working-dir",
            Self::CatalogLayer => "catalog-layer",
            Self::Elsewhere => "elsewhere",
            Self::DeleteDisabled => "delete-disabled",
            Self::TagKept => "tag-kept",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why one step for an image failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CopyError {
    /// The whole chain of reasons.
    pub message: String,
    /// What it met.
    pub condition: Condition,
    /// Whether running again can help.
    pub retry_can_help: bool,
}

impl CopyError {
    /// What a person is warned of beside the failure of `origin`, in upstream's words, when its list has none of a platform
    /// that was asked for (`docs/behaviour/operators-archive.md` 7.5).
    pub fn warning(&self, origin: impl fmt::Display) -> Option<String> {
        (self.condition == Condition::NoInstance).then(|| {
            format!(
                "Requested platform(s) not found in source manifest list for {origin}; verify the platforms field in \
                 your ISC"
            )
        })
    }

    /// A defect of this program.
    pub fn internal(panicked: &Panicked) -> Self {
        Self::permanent(Condition::Internal, panicked.to_string())
    }

    /// Why an image is not copied that the plan keeps from its name.
    pub fn refusal(image: &PlannedImage) -> Option<Self> {
        image.refused.as_ref().map(|collision| Self::permanent(Condition::NameCollision, collision.to_string()))
    }

    /// An error that running again will not mend.
    pub fn permanent(condition: Condition, message: impl Into<String>) -> Self {
        Self { message: message.into(), condition, retry_can_help: false }
    }

    /// An error with its chain of sources written out.
    pub fn from_error(condition: Condition, retry_can_help: bool, error: &dyn std::error::Error) -> Self {
        Self { message: chain(error), condition, retry_can_help }
    }
}

/// A transport error as the copy engine keeps it.
pub fn transport(error: &oci_transport::Error) -> CopyError {
    let condition = error.condition();
    // Wrong content is tried twice; who sends it twice will send it a third time.
    let retry_can_help = condition.is_retryable() && condition != oci_transport::Condition::Digest;
    CopyError { message: chain(error), condition: Condition::Transport(condition), retry_can_help }
}

/// An error of walking an image whose manifests come over the network.
pub fn tree(error: TreeError<CopyError>) -> CopyError {
    match error {
        TreeError::Fetch(error) => error,
        TreeError::NoInstance { .. } => CopyError::from_error(Condition::NoInstance, false, &error),
        _ => CopyError::from_error(Condition::Manifest, false, &error),
    }
}

/// An error of the store.
pub fn store(error: &archive_format::StoreError) -> CopyError {
    CopyError::from_error(Condition::Cache, true, error)
}

/// An error and its sources, joined with `: `.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        // Some libraries repeat their source in their own text.
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_a_word_of_its_own() {
        let own = [
            Condition::NoInstance,
            Condition::NameCollision,
            Condition::Internal,
            Condition::NeededImageFailed,
            Condition::Manifest,
            Condition::Archive,
            Condition::Cache,
            Condition::NoRoom,
            Condition::NotInArchive,
            Condition::EarlierArchiveMissing,
            Condition::NotInCache,
            Condition::Reference,
            Condition::Policy,
            Condition::WorkingDir,
            Condition::CatalogLayer,
            Condition::Elsewhere,
            Condition::DeleteDisabled,
            Condition::TagKept,
        ];
        let all = own.into_iter().chain(oci_transport::Condition::ALL.iter().copied().map(Condition::Transport));
        let words: Vec<String> = all.map(|condition| serde_json::to_string(&condition).unwrap()).collect();
        let plain =
            |word: &String| word.trim_matches('"').bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(words.iter().all(plain), "{words:?}");
        let different: std::collections::BTreeSet<&String> = words.iter().collect();
        assert_eq!(different.len(), words.len(), "{words:?}");
    }
}
