//! Why a run ended early.

use isc_schema::Mirror;
use mirror_collect::CollectErrors;
use mirror_job::Diagnostic;
use mirror_job::guard::Panicked;
use mirror_plan::PlannedImage;
use mirror_trust::BadSigningKey;

/// Why a run ended early.
#[derive(Debug)]
pub(crate) struct RunError {
    /// The exit code (`docs/behaviour/config-cli.md` 3).
    pub(crate) exit_code: u8,
    /// The whole chain of reasons.
    pub(crate) message: String,
    /// Mistakes with their places in the configuration.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl RunError {
    /// An error of the generic kind, exit code 1.
    pub(crate) fn generic(message: impl Into<String>) -> Self {
        Self { exit_code: 1, message: message.into(), diagnostics: Vec::new() }
    }
}

impl From<CollectErrors> for RunError {
    fn from(errors: CollectErrors) -> Self {
        Self { exit_code: errors.exit_code(), message: errors.message(), diagnostics: errors.into_diagnostics() }
    }
}

/// What is wrong with an image of the plan, at the line that asks for it: of an operator, that of its package.
pub(crate) fn diagnostic(mirror: &Mirror, image: &PlannedImage, message: &str) -> Diagnostic {
    let operators: Vec<&str> = image.operators.iter().map(|part_of| part_of.operator.as_str()).collect();
    let at = Diagnostic::at(mirror, &image.why.path, operators.join(" "));
    Diagnostic { message: format!("{}: {message}", image.origin), ..at }
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
