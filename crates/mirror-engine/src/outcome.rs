//! Why a run ended early.

use isc_schema::Mirror;
use mirror_collect::CollectErrors;
use mirror_job::guard::Panicked;
use mirror_job::{Condition, Diagnostic};
use mirror_plan::{Collision, ImageKind, PlannedImage, blocking_exactly};
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
pub(crate) fn diagnostic(mirror: &Mirror, image: &PlannedImage, condition: Condition, message: &str) -> Diagnostic {
    let at = Diagnostic::at_path(mirror, &image.why.path, format!("{}: {message}", image.origin));
    at.with_help(help(image, condition))
}

/// What to change in the configuration; none when something else is to blame.
fn help(image: &PlannedImage, condition: Condition) -> Option<String> {
    let without = || {
        let pattern = blocking_exactly(&image.origin);
        format!("to mirror without the image, add `- name: {pattern}` to `blockedImages`")
    };
    match condition {
        Condition::NOT_FOUND => Some(match image.kind {
            ImageKind::Additional => "correct the name, the tag or the digest, or remove the entry".to_owned(),
            ImageKind::OperatorBundle | ImageKind::OperatorRelated => match image.operators.first() {
                Some(used) => format!(
                    "{}\nto mirror without the operator, take package {} out of `packages`",
                    without(),
                    used.operator
                ),
                None => without(),
            },
            ImageKind::Helm => format!("{}\nto mirror another image, set the values of the chart", without()),
            _ => return None,
        }),
        Condition::NoInstance => Some("choose a platform that the image has, or take `platforms` out".to_owned()),
        Condition::NameCollision => image.refused.as_ref().map(Collision::advice),
        Condition::BLOCKED => Some(format!("allow the registry in registries.conf\n{}", without())),
        _ => None,
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
