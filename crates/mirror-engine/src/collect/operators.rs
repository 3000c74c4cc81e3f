//! `mirror.operators`: catalogs, what is selected from them, and the images they name.

use mirror_plan::{Family, PlannedImage};

use super::{CollectErrors, Collecting};

/// Collects the images of every configured catalog.
pub(super) async fn collect(at: &Collecting<'_>, errors: &mut CollectErrors) -> Vec<PlannedImage> {
    if !at.job.configuration.mirror.operators.is_empty() {
        errors.push(Family::Operator, "mirror.operators: this version cannot mirror operator catalogs");
    }
    Vec::new()
}
