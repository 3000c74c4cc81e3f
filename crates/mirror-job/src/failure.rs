//! Why an image was not copied.

use std::fmt;

use mirror_plan::PlannedImage;
use oci_manifest::TreeError;

use crate::guard::Panicked;

/// The condition of an image whose list has none of a platform that was asked for.
pub const NO_INSTANCE: &str = "no-instance";

/// The condition of an image that a signature policy does not let pass.
pub const POLICY: &str = "policy";

/// The condition of an image whose name belongs to another image.
const NAME_COLLISION: &str = "name-collision";

/// Why one step for an image failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CopyError {
    /// The whole chain of reasons.
    pub message: String,
    /// One word for scripts.
    pub condition: String,
    /// Whether running again can help.
    pub retry_can_help: bool,
}

impl CopyError {
    /// What a person is warned of beside the failure of `origin`, in upstream's words, when its list has none of a platform
    /// that was asked for (`docs/behaviour/operators-archive.md` 7.5).
    pub fn warning(&self, origin: impl fmt::Display) -> Option<String> {
        (self.condition == NO_INSTANCE).then(|| {
            format!(
                "Requested platform(s) not found in source manifest list for {origin}; verify the platforms field in \
                 your ISC"
            )
        })
    }

    /// A defect of this program.
    pub fn internal(panicked: &Panicked) -> Self {
        Self::permanent("internal", panicked.to_string())
    }

    /// Why an image is not copied that the plan keeps from its name.
    pub fn refusal(image: &PlannedImage) -> Option<Self> {
        image.refused.as_ref().map(|collision| Self::permanent(NAME_COLLISION, collision.to_string()))
    }

    /// An error that running again will not mend.
    pub fn permanent(condition: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), condition: condition.into(), retry_can_help: false }
    }

    /// An error with its chain of sources written out.
    pub fn from_error(condition: &str, retry_can_help: bool, error: &dyn std::error::Error) -> Self {
        Self { message: chain(error), condition: condition.into(), retry_can_help }
    }
}

/// A transport error as the copy engine keeps it.
pub fn transport(error: &oci_transport::Error) -> CopyError {
    let condition = error.condition();
    // Wrong content is tried twice; who sends it twice will send it a third time.
    let retry_can_help = condition.is_retryable() && condition != oci_transport::Condition::Digest;
    CopyError { message: chain(error), condition: condition.to_string(), retry_can_help }
}

/// An error of walking an image whose manifests come over the network.
pub fn tree(error: TreeError<CopyError>) -> CopyError {
    match error {
        TreeError::Fetch(error) => error,
        TreeError::NoInstance { .. } => CopyError::from_error(NO_INSTANCE, false, &error),
        _ => CopyError::from_error("manifest", false, &error),
    }
}

/// An error of the store.
pub fn store(error: &archive_format::StoreError) -> CopyError {
    CopyError::from_error("cache", true, error)
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
