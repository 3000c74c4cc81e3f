//! From the configuration to the images it asks for: the planner decides, this module brings it the facts.

use isc_schema::Mirror;
use mirror_plan::{Destination, Family, Mode, Plan, additional};

use crate::event::{Event, Observer};

/// Errors of collecting, by family. Any of them ends the run before copying (contract `config-cli.md` 3).
#[derive(Debug, Default)]
pub(crate) struct CollectErrors {
    errors: Vec<(Family, String)>,
}

impl CollectErrors {
    /// Notes an error.
    pub(crate) fn push(&mut self, family: Family, message: impl Into<String>) {
        self.errors.push((family, message.into()));
    }

    /// Whether nothing went wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The bits of every family that failed.
    pub(crate) fn exit_code(&self) -> u8 {
        self.errors.iter().fold(0, |code, (family, _)| code | family.exit_bit())
    }

    /// `collection error: ` and all messages, one a line.
    pub(crate) fn message(&self) -> String {
        let lines: Vec<&str> = self.errors.iter().map(|(_, message)| message.as_str()).collect();
        format!("collection error: {}", lines.join("\n"))
    }
}

/// Collects everything that the configuration asks for into a plan.
///
/// # Errors
/// All collection errors of all families together.
pub(crate) fn collect(
    mode: Mode,
    mirror: &Mirror,
    destination: Option<&Destination>,
    observer: &dyn Observer,
) -> Result<Plan, CollectErrors> {
    let mut images = Vec::new();
    let mut errors = CollectErrors::default();
    refuse_unsupported(mirror, &mut errors);
    if !mirror.additional_images.is_empty() {
        observer.event(Event::Collecting(Family::Additional));
        match additional::plan(&mirror.additional_images, destination) {
            Ok(collected) => {
                collected.warnings.into_iter().for_each(|warning| observer.event(Event::Warning(warning)));
                images.extend(collected.images);
            }
            Err(all) => all.iter().for_each(|error| errors.push(Family::Additional, error.to_string())),
        }
    }
    if errors.is_empty() { Ok(Plan::assemble(mode, images, &mirror.blocked_images)) } else { Err(errors) }
}

/// Families that this version cannot mirror are errors, never silently left out.
fn refuse_unsupported(mirror: &Mirror, errors: &mut CollectErrors) {
    let platform = &mirror.platform;
    if !platform.channels.is_empty() || platform.release.is_some() || platform.graph {
        errors.push(Family::Release, "mirror.platform: this version cannot mirror releases");
    }
    if !mirror.operators.is_empty() {
        errors.push(Family::Operator, "mirror.operators: this version cannot mirror operator catalogs");
    }
    if !mirror.helm.repositories.is_empty() || !mirror.helm.local.is_empty() {
        errors.push(Family::Helm, "mirror.helm: this version cannot mirror Helm charts");
    }
}
