//! `oc-mirror why`: what brought an image into the plan.

use std::path::Path;
use std::sync::Arc;

use archive_format::{Archive, Store};
use mirror_plan::{Blocked, Destination, Plan, PlannedImage, Why};
use serde::Serialize;

use mirror_collect::{Collecting, Facts, collect_what_there_is};
use mirror_job::event::Observer;
use mirror_job::failure::chain;
use mirror_job::guard::blocking;
use mirror_job::job::Job;
use mirror_job::workdir::WorkingDir;

/// Stands in for the destination, which nobody named: only what follows it is told.
const NO_DESTINATION: &str = "destination.invalid";

/// How many similar names are offered.
const SIMILAR: usize = 5;

/// The answer: why the images that a text names are mirrored.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// Version of this document's layout.
    pub format: u32,
    /// What was asked for.
    pub image: String,
    /// The images of the plan that it names.
    pub reasons: Vec<Reason>,
    /// Images that it names and `blockedImages` keeps out.
    pub blocked: Vec<Blocked>,
    /// Names of other images that come near, when it names none.
    pub similar: Vec<String>,
    /// What could not be collected: an image may be missing from the plan because of that.
    pub errors: Option<String>,
}

/// Why one image is mirrored.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reason {
    /// Its role.
    pub kind: mirror_plan::ImageKind,
    /// Its name in logs.
    pub origin: String,
    /// Where it comes from.
    pub source: String,
    /// Its name in cache and archive, and below the destination.
    pub name: String,
    /// The line and path of the configuration, and the steps from there.
    pub why: Why,
    /// Images that need this one, such as the bundles of a related image.
    pub needed_by: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum WhyError {
    #[error(transparent)]
    Store(#[from] archive_format::StoreError),
    #[error(transparent)]
    Archive(#[from] archive_format::ArchiveError),
    #[error("cannot make a working directory")]
    WorkingDir(#[from] std::io::Error),
}

/// Collects the plan of `job`'s configuration and says why `image` is in it. With `archive`, the folder of an archive,
/// the answer comes from there and no registry is asked; else as mirror to disk would ask.
///
/// Nothing is left behind but what the cache has learned: the working directory is a temporary one.
///
/// # Errors
/// When cache, archive or the temporary working directory cannot be used. What cannot be collected is no error: see
/// [`Explanation::errors`].
pub async fn why(
    job: &Job,
    image: &str,
    archive: Option<&Path>,
    observer: &Arc<dyn Observer>,
) -> Result<Explanation, WhyError> {
    let store = Store::open_as(&job.cache, &job.holder("why"))?;
    let scratch = tempfile::Builder::new().prefix(".why-").tempdir_in(store.root())?;
    let working_dir = WorkingDir::below(scratch.path());
    working_dir.create()?;
    let (archive, destination) = match archive {
        None => (None, None),
        Some(folder) => {
            let (folder, parent) = (folder.to_owned(), scratch.path().to_owned());
            let archive = blocking(move || {
                let archive = Archive::open(&folder)?;
                crate::brought::take_files(&archive, &parent)?;
                Ok::<_, archive_format::ArchiveError>(archive)
            });
            let destination = Destination::parse(NO_DESTINATION).expect("the name is well formed");
            (Some(Arc::new(archive.await?)), Some(destination))
        }
    };
    let (plan, errors) = collect_what_there_is(&Collecting {
        job,
        working_dir: &working_dir,
        store: &store,
        facts: archive.as_ref().map_or(Facts::Online, Facts::Archive),
        destination: destination.as_ref(),
        observer,
    })
    .await;
    let errors = (!errors.is_empty()).then(|| errors.message());
    if let Err(error) = scratch.close() {
        observer.event(crate::Event::Warning(chain(&error)));
    }
    Ok(explain(&plan, image, errors))
}

fn explain(plan: &Plan, image: &str, errors: Option<String>) -> Explanation {
    let wanted = without_scheme(image);
    let names = |planned: &PlannedImage| {
        [planned.origin.clone(), planned.source.to_string(), planned.cache.to_string()]
            .map(|name| without_scheme(&name).to_owned())
    };
    // A component is known by its name in the payload, an operator by that of its package or bundle.
    let is_part = |planned: &PlannedImage| {
        let component = planned.component.iter().map(String::as_str);
        let operators = planned.operators.iter().flat_map(|part_of| [&part_of.operator, &part_of.bundle]);
        component.chain(operators.map(String::as_str)).any(|name| name == wanted)
    };
    let reasons: Vec<Reason> = plan
        .images
        .iter()
        .filter(|planned| names(planned).iter().any(|name| is_named(name, wanted)) || is_part(planned))
        .map(|planned| reason(plan, planned))
        .collect();
    let blocked: Vec<Blocked> =
        plan.blocked.iter().filter(|blocked| is_named(without_scheme(&blocked.origin), wanted)).cloned().collect();
    let similar = if reasons.is_empty() && blocked.is_empty() {
        let base = base_name(wanted);
        let near = |planned: &&PlannedImage| !base.is_empty() && planned.origin.contains(base);
        plan.images.iter().filter(near).map(|planned| planned.origin.clone()).take(SIMILAR).collect()
    } else {
        Vec::new()
    };
    Explanation { format: 1, image: image.to_owned(), reasons, blocked, similar, errors }
}

fn reason(plan: &Plan, planned: &PlannedImage) -> Reason {
    Reason {
        kind: planned.kind,
        origin: planned.origin.clone(),
        source: planned.source.with_scheme(),
        name: planned.cache.to_string(),
        why: planned.why.clone(),
        needed_by: plan
            .images
            .iter()
            .filter(|other| other.needs.contains(&planned.id))
            .map(|other| other.origin.clone())
            .collect(),
    }
}

/// Whether `wanted` names the image called `name`: wholly, without tag or digest, by its digest alone, or as it is
/// called at a destination, with the path as the end of the wanted name.
fn is_named(name: &str, wanted: &str) -> bool {
    let repository = repository_of(name);
    wanted == name
        || wanted == repository
        || name.strip_prefix(repository).is_some_and(|rest| rest.strip_prefix('@') == Some(wanted))
        // Names in the cache have no host; a name at a destination ends with one.
        || wanted.strip_suffix(name).is_some_and(|front| front.ends_with('/'))
}

/// A name without its tag and digest.
fn repository_of(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn base_name(name: &str) -> &str {
    let repository = repository_of(name);
    repository.rsplit('/').next().unwrap_or(repository)
}

fn without_scheme(name: &str) -> &str {
    name.split_once("://").map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_image() {
        let check = |name: &str, wanted: &str, expected: bool| {
            assert_eq!(is_named(name, without_scheme(wanted)), expected, "{name} {wanted}");
        };
        check("quay.io/ns/app:v1", "quay.io/ns/app:v1", true);
        check("quay.io/ns/app:v1", "docker://quay.io/ns/app:v1", true);
        check("quay.io/ns/app:v1", "quay.io/ns/app", true);
        check("quay.io/ns/app:v1", "quay.io/ns/app:v2", false);
        check("quay.io/ns/app:v1", "quay.io/ns/ap", false);
        check("localhost:5000/app@sha256:11", "localhost:5000/app", true);
        check("localhost:5000/app@sha256:11", "sha256:11", true);
        check("localhost:5000/app@sha256:11", "sha256:12", false);
        // In the cache, and so below any destination.
        check("ns/app:v1", "reg.lan:5000/m/ns/app:v1", true);
        check("ns/app:v1", "reg.lan:5000/mns/app:v1", false);
        check("ns/app:v1", "ns/app:v1", true);
    }
}
