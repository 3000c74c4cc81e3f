//! `mirror.platform`: releases, their components, and the update graph image.

use mirror_plan::{Family, PlannedImage};

use super::{CollectErrors, Collecting};

/// Collects the images of every selected release.
pub(super) async fn collect(at: &Collecting<'_>, errors: &mut CollectErrors) -> Vec<PlannedImage> {
    let platform = &at.job.configuration.mirror.platform;
    if !platform.channels.is_empty() || platform.release.is_some() || platform.graph {
        errors.push(Family::Release, "mirror.platform: this version cannot mirror releases");
    }
    Vec::new()
}
