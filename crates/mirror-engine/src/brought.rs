//! What an archive may bring into the receiving side's working directory and cache.
//!
//! An archive comes from outside. It brings what the planner and `delete` of oc-mirror v2 read, at the usual places. It
//! does not touch what belongs to the receiving side: delete lists, cluster resources, logs, dry runs, reports, histories.

use std::collections::HashSet;
use std::path::Path;

use archive_format::{Archive, ArchiveError, Store, StoreError, VERSION_FILE};
use image_ref::{Digest, is_valid_tag};
use isc_schema::OperatorCatalog;
use mirror_plan::{CacheName, PlannedImage, attachment, older, operators};
use rooted_folder::RootedFolder;

use mirror_job::workdir::WORKING_DIR;

/// Folders of the working directory that an archive may fill.
const FOLDERS: &[&str] = &[
    "signatures",
    "lookaside",
    "release-images",
    // With the update graphs.
    "hold-release",
    "graph-preparation",
    "operator-catalogs",
    "helm/charts",
    "helm/indexes",
    // Local charts and files of values, which the receiving side does not have.
    "helm/local",
    "helm/values",
];

/// Which file was taken for which chart of the configuration.
const CHART_RECORD: &str = "helm/charts.json";

/// What was taken out of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenOut {
    /// Files written.
    pub(crate) files: u64,
    /// Files of the archive's working directory that stay in it.
    pub(crate) left: u64,
}

/// Whether a file of the working directory is content that the planner of the receiving side reads.
pub(crate) fn is_content(name: &str) -> bool {
    name == CHART_RECORD || FOLDERS.iter().any(|folder| is_below(name, folder))
}

/// Whether an archive may bring `name`, a path below the working directory. `is_there` says whether a path exists.
fn may_bring(name: &str, is_there: impl Fn(&str) -> bool) -> bool {
    if [VERSION_FILE, CHART_RECORD].contains(&name) || FOLDERS.iter().any(|folder| is_below(name, folder)) {
        return true;
    }
    // Pinned configurations are for the operator of either side: new ones come, none is replaced.
    is_pinned(name) && !is_there(name)
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn is_pinned(name: &str) -> bool {
    let stem = name.strip_prefix("isc_pinned_").or_else(|| name.strip_prefix("disc_pinned_"));
    stem.and_then(|rest| rest.strip_suffix(".yaml")).is_some_and(|time| !time.contains('/'))
}

/// Writes the files that the archive may bring below `parent`, the folder that holds the working directory.
pub(crate) fn take_files(archive: &Archive, parent: &Path) -> Result<TakenOut, ArchiveError> {
    let folder = RootedFolder::at(parent);
    let prefix = format!("{WORKING_DIR}/");
    let wanted = |name: &str| {
        name.strip_prefix(&prefix).is_some_and(|rest| may_bring(rest, |rest| folder.exists(format!("{prefix}{rest}"))))
    };
    let carried = archive.entries().iter().filter(|entry| entry.name.starts_with(&prefix)).count() as u64;
    let files = archive.extract_if(parent, wanted)?.files;
    Ok(TakenOut { files, left: carried.saturating_sub(files) })
}

/// Lets the cache know the tags of this plan as the archive has them: those of its images, of the catalogs that its
/// configuration names, and of the signatures in the same repositories. The archive has the tags of everything that was in
/// the cache where it was made. What an older version named otherwise gets its name of today.
pub(crate) fn take_tags(
    archive: &Archive,
    store: &Store,
    images: &[PlannedImage],
    catalogs: &[OperatorCatalog],
) -> Result<usize, StoreError> {
    let originals: Vec<CacheName> = catalogs.iter().map(operators::original).collect();
    let names = images.iter().map(|image| &image.cache).chain(&originals);
    let named: HashSet<(&str, &str)> = names.map(|name| (name.repository.as_str(), name.tag.as_str())).collect();
    let repositories: HashSet<&str> = named.iter().map(|(repository, _)| *repository).collect();
    let mut taken = 0;
    for link in archive.tag_links() {
        let (repository, tag) = (link.repository.as_str(), link.tag.as_str());
        let is_wanted = named.contains(&(repository, tag))
            || (repositories.contains(repository) && attachment::subject(tag).is_some());
        if is_wanted && is_valid_tag(tag) {
            store.tag(repository, tag, &link.digest)?;
            taken += 1;
        }
    }
    for image in images {
        if let Some(digest) = under_older_name(archive, image)
            && let Some(manifest) = store.manifest(digest)?
        {
            store.put_manifest(&image.cache.repository, &manifest)?;
            store.tag(&image.cache.repository, &image.cache.tag, digest)?;
            taken += 1;
        }
    }
    Ok(taken)
}

/// The manifest that an archive of an older version has for an image under the name of that version, and of no other.
fn under_older_name<'a>(archive: &'a Archive, image: &PlannedImage) -> Option<&'a Digest> {
    if archive.resolve_tag(&image.cache.repository, &image.cache.tag).is_some() {
        return None;
    }
    let name = older::name_of(image)?;
    let found = archive.resolve_tag(&name.repository, &name.tag)?;
    image.digest().is_none_or(|digest| digest == found).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_brings_what_the_planner_reads_and_nothing_of_the_receiving_side() {
        let rows = [
            ("signatures/4.16.0-x86_64-sha256-00", true),
            ("lookaside/quay.io/a/b@sha256=00/signature-1", true),
            ("hold-release/ocp-release/4.16.0-x86_64/release-manifests/image-references", true),
            ("hold-release/cincinnati-graph-data/amd64-stable-4.16.json", true),
            ("release-images/ocp-release/4.16.0-x86_64/index.json", true),
            ("graph-preparation/index.json", true),
            ("operator-catalogs/redhat-operator-index/00/filtered-catalogs/00/digest", true),
            ("helm/charts/podinfo-5.0.0.tgz", true),
            ("helm/indexes/stefanprodan.github.io/podinfo/index.yaml", true),
            ("helm/local/00/Chart.yaml", true),
            ("helm/values/00.yaml", true),
            ("helm/charts.json", true),
            ("internal/oc-mirror-version.json", true),
            ("isc_pinned_2026-01-01T00:00:00Z.yaml", true),
            ("disc_pinned_2026-01-01T00:00:00Z.yaml", true),
            ("isc_pinned_there.yaml", false),
            ("isc_pinned_x/y.yaml", false),
            ("isc_pinned_x", false),
            ("signatures", false),
            ("signatures-of-others/x", false),
            ("delete/delete-images.yaml", false),
            ("cluster-resources/idms-oc-mirror.yaml", false),
            ("logs/oc-mirror-20260101_000000.log", false),
            ("logs/oc-mirror-20260101_000000.json", false),
            ("dry-run/mapping.txt", false),
            (".history/.history-2026-01-01T00:00:00Z", false),
            ("internal/other", false),
            ("helm/x", false),
            ("new/file", false),
            (".bashrc", false),
        ];
        for (name, expected) in rows {
            assert_eq!(may_bring(name, |name| name == "isc_pinned_there.yaml"), expected, "{name}");
        }
    }

    #[test]
    fn tags_of_attachments() {
        let hex = "0".repeat(64);
        let rows = [
            (format!("sha256-{hex}.sig"), true),
            (format!("sha256-{hex}.att"), true),
            (format!("sha256-{hex}.sbom"), true),
            (format!("sha256-{hex}.other"), false),
            (format!("sha256-{hex}"), false),
            ("sha256-00.sig".to_owned(), false),
            ("v1.sig".to_owned(), false),
        ];
        for (tag, expected) in rows {
            assert_eq!(attachment::subject(&tag).is_some(), expected, "{tag}");
        }
    }
}
