//! Why a run ended early.

use mirror_collect::CollectErrors;
use mirror_job::guard::Panicked;
use mirror_trust::BadSigningKey;

/// Why a run ended early.
#[derive(Debug)]
pub(crate) struct RunError {
    /// The exit code (`docs/behaviour/config-cli.md` 3).
    pub(crate) exit_code: u8,
    /// The whole chain of reasons.
    pub(crate) message: String,
}

impl RunError {
    /// An error of the generic kind, exit code 1.
    pub(crate) fn generic(message: impl Into<String>) -> Self {
        Self { exit_code: 1, message: message.into() }
    }
}

impl From<CollectErrors> for RunError {
    fn from(errors: CollectErrors) -> Self {
        Self { exit_code: errors.exit_code(), message: errors.message() }
    }
}

/// Makes `?` turn an error with sources into a generic [`RunError`].
macro_rules! generic_from {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for RunError {
            fn from(error: $error) -> Self {
                Self::generic(mirror_job::failure::chain(&error))
            }
        })*
    };
}
pub(crate) use generic_from;

generic_from!(std::io::Error, archive_format::StoreError, Panicked, BadSigningKey);
