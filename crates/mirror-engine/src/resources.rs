//! Cluster resources: from what was mirrored to files in `cluster-resources/` (`docs/behaviour/release.md` 6).
//!
//! What the files say is the matter of the `cluster-resources` crate. Here is decided what they are made of: every image
//! of the plan that lies at the destination now, whether this run brought it or an earlier one did. So after a partial
//! failure the files name exactly what is there, and an incremental run does not forget what it did not have to copy.

use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cluster_resources::{
    CatalogTemplate, Document, Kind, Mirrored, Request, Section, SignatureFile, emit, lost, registries_conf,
};
use image_ref::{Digest, ImageRef, Transport};
use image_signature::openpgp::MAX_MESSAGE_SIZE;
use isc_schema::ImageSetConfiguration;
use mirror_plan::release::signature;
use mirror_plan::{Destination, ImageKind, PlannedImage};
use rooted_folder::Entry;

use crate::outcome::RunError;
use mirror_job::event::{Event, Observer, WrittenFile};
use mirror_job::job::{DryRun, Job};
use mirror_job::report::ImageReport;
use mirror_job::workdir::WorkingDir;

/// The mirror sets once more, for machines outside of clusters. `oc apply` leaves the file alone, because it is no YAML.
const REGISTRIES_CONF: &str = "registries.conf";

/// How many lost entries are named one by one.
const NAMED_LOSSES: usize = 20;

/// The files that the run before has written, read before they are replaced.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    files: Vec<(String, String)>,
}

impl Previous {
    /// Reads them. One that cannot be read has nothing to compare with, which is no reason to fail.
    pub(crate) fn read(working_dir: &WorkingDir) -> Self {
        let (resources, folder) = (working_dir.cluster_resources(), working_dir.folder());
        let entries = folder.read_dir(&resources).unwrap_or_default();
        let files = entries.iter().filter_map(|entry| {
            // The JSON file says the same as its YAML twin.
            let name = entry.text().filter(|name| name.rsplit_once('.').is_some_and(|(_, ending)| ending == "yaml"))?;
            Some((name.to_owned(), folder.read_to_string(resources.join(name)).ok()?))
        });
        Self { files: files.collect() }
    }

    /// A file by its name.
    fn file(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|(file, _)| file == name).map(|(_, text)| text.as_str())
    }
}

/// The generation at the end of a run.
pub(crate) struct Generation<'a> {
    pub(crate) job: &'a Job,
    pub(crate) working_dir: &'a WorkingDir,
    pub(crate) destination: &'a Destination,
    pub(crate) previous: &'a Previous,
}

impl Generation<'_> {
    /// Writes the files for all images that are at the destination now, in place of those of the run before.
    ///
    /// # Errors
    /// When a file cannot be written, or one of the run before cannot be removed.
    pub(crate) fn after_copying(
        &self,
        images: &[PlannedImage],
        reports: &[ImageReport],
        observer: &std::sync::Arc<dyn Observer>,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), RunError> {
        let there = images.iter().zip(reports).filter(|(_, report)| report.outcome.is_there());
        let rows: Vec<Mirrored> = there.flat_map(|(image, _)| rows(image)).collect();
        self.working_dir.wipe_cluster_resources()?;
        self.write(&rows, observer, files)
    }

    /// Writes the files for all images of a plan that is not carried out (`--dry-run`). Files of earlier runs stay beside
    /// them, so nothing is lost, and a failure is only told (`docs/behaviour/release.md` 6.1).
    pub(crate) fn for_plan(
        &self,
        images: &[PlannedImage],
        observer: &std::sync::Arc<dyn Observer>,
        files: &mut Vec<PathBuf>,
    ) {
        let rows: Vec<Mirrored> = images.iter().filter(|image| image.refused.is_none()).flat_map(rows).collect();
        if let Err(error) = self.write(&rows, observer, files) {
            let text = format!("Cluster resources generation failed (dry-run mode): {}", error.message);
            observer.event(Event::Warning(text));
        }
    }

    /// Writes the files for these rows, and says what the run before had written and this one does not.
    fn write(
        &self,
        rows: &[Mirrored],
        observer: &std::sync::Arc<dyn Observer>,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), RunError> {
        observer.event(Event::GeneratingResources);
        let (documents, registries) = self.documents(rows, observer);
        let say = |text: &'static str| observer.event(Event::Resources(text));
        if rows.is_empty() {
            say(Section::NOTHING_MIRRORED);
        }
        for section in Section::ALL {
            let mut of_section = documents.iter().filter(|document| document.section == section).peekable();
            if of_section.peek().is_some() {
                say(section.title());
            } else if let Some(skipped) = section.skipped()
                && !(rows.is_empty() && matches!(section, Section::Idms | Section::Itms))
            {
                say(skipped);
            }
            for document in of_section {
                files.push(self.write_file(&document.file_name, &document.text, observer)?);
            }
        }
        if let Some(text) = registries {
            files.push(self.write_file(REGISTRIES_CONF, &text, observer)?);
        }
        if self.job.options.dry_run == DryRun::No
            && let Some(warning) = self.losses(&documents)
        {
            observer.event(Event::Warning(warning));
        }
        Ok(())
    }

    fn write_file(&self, name: &str, text: &str, observer: &std::sync::Arc<dyn Observer>) -> Result<PathBuf, RunError> {
        let path = self.working_dir.cluster_resources().join(name);
        self.working_dir.write(&path, text.as_bytes())?;
        observer.event(Event::FileWritten { what: WrittenFile::ClusterResource, path: path.clone() });
        Ok(path)
    }

    /// The files for clusters, and `registries.conf` for other machines.
    fn documents(&self, rows: &[Mirrored], observer: &std::sync::Arc<dyn Observer>) -> (Vec<Document>, Option<String>) {
        let mirror = &self.job.configuration.mirror;
        let approved = self.job.options.approved.as_deref();
        let templates = approved.map_or_else(|| templates(&self.job.configuration), approved_templates);
        let signatures = match approved {
            Some(plan) => approved_signatures(plan),
            None => signatures(self.working_dir).unwrap_or_else(|error| {
                observer.event(Event::Warning(format!("Failed to generate signature ConfigMap: {error}")));
                Vec::new()
            }),
        };
        let destination = self.destination.to_string();
        // Without its image the service would start and never find a graph.
        let graph = mirror.platform.graph && rows.iter().any(|row| row.kind == Kind::Graph);
        // The same plan gives the same bytes, whenever it is applied.
        let created_at = approved.map_or_else(|| self.job.stamp(), |plan| plan.created.clone());
        let request = Request {
            created_at: &created_at,
            tool_version: &self.job.version.git_version,
            cache_host: &self.job.options.cache_host,
            max_nested_paths: Some(self.destination.max_nested_paths()).filter(|limit| *limit > 0),
            templates: &templates,
            signatures: &signatures,
            earlier_signatures: self.previous.file("signature-configmap.yaml"),
            update_service: graph.then_some(destination.as_str()),
            insecure: !self.job.destination.options().tls_verify,
        };
        let emitted = emit(rows, &request);
        for notice in emitted.notices {
            let text = notice.to_string();
            observer.event(match notice {
                cluster_resources::Notice::TemplateRejected { .. } => Event::Error(text),
                _ => Event::Warning(text),
            });
        }
        (emitted.documents, registries_conf(rows, &request))
    }

    /// What applying the new files takes from a cluster that has the files of the run before.
    fn losses(&self, documents: &[Document]) -> Option<String> {
        let previous = self.previous.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let entries = match lost(previous, documents) {
            Ok(entries) => entries,
            Err(error) => return Some(error.to_string()),
        };
        if entries.is_empty() {
            return None;
        }
        let mut text = format!(
            "the cluster resources of the run before had {} {} that the new ones lack; a cluster loses them when the new \
             files replace the old ones:",
            entries.len(),
            if entries.len() == 1 { "entry" } else { "entries" },
        );
        for entry in entries.iter().take(NAMED_LOSSES) {
            text.push_str("\n- ");
            text.push_str(&entry.to_string());
        }
        if entries.len() > NAMED_LOSSES {
            text.push_str("\n- …");
        }
        Some(text)
    }
}

/// The rows of an image that is at the destination, its own and those of its twins; none for what went into the cache.
fn rows(image: &PlannedImage) -> Vec<Mirrored> {
    let Some(destination) = &image.destination else { return Vec::new() };
    let row = |kind: ImageKind, named: &ImageRef| {
        let origin = named.clone();
        let unnamed = origin.transport() == &Transport::Docker && origin.tag().is_none() && origin.digest().is_none();
        let origin = if unnamed { origin.with_tag("latest") } else { origin };
        Mirrored { kind: self::kind(kind), origin, destination: destination.clone() }
    };
    let twins = image.twins.iter().map(|twin| row(twin.kind, &twin.named));
    [row(image.kind, &image.named)].into_iter().chain(twins).collect()
}

fn kind(kind: ImageKind) -> Kind {
    match kind {
        ImageKind::ReleaseComponent => Kind::ReleaseContent,
        ImageKind::ReleasePayload => Kind::Release,
        ImageKind::Graph => Kind::Graph,
        ImageKind::OperatorRelated | ImageKind::OperatorBundle => Kind::Operator,
        ImageKind::OperatorCatalog => Kind::Catalog,
        ImageKind::Additional | ImageKind::Helm => Kind::Generic,
    }
}

/// The templates that a configuration names.
pub(crate) fn templates(configuration: &ImageSetConfiguration) -> Vec<CatalogTemplate> {
    let operators = configuration.mirror.operators.iter();
    operators
        .filter_map(|operator| {
            let path = operator.target_catalog_source_template.as_ref()?;
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
            Some(CatalogTemplate { catalog: operator.catalog.as_written().to_owned(), text })
        })
        .collect()
}

/// The templates as they were when the plan was made.
fn approved_templates(plan: &plan_document::Document) -> Vec<CatalogTemplate> {
    let text = |template: &plan_document::Template| match (&template.text, &template.error) {
        (Some(text), _) => Ok(text.clone()),
        (None, error) => Err(error.clone().unwrap_or_default()),
    };
    let templates = plan.templates.iter();
    templates.map(|template| CatalogTemplate { catalog: template.catalog.clone(), text: text(template) }).collect()
}

/// The release signatures of a plan. Those that are none were refused before the run.
fn approved_signatures(plan: &plan_document::Document) -> Vec<SignatureFile> {
    let signatures = plan.signatures.iter();
    signatures
        .filter_map(|one| Some(SignatureFile { name: one.name.clone(), content: BASE64.decode(&one.content).ok()? }))
        .collect()
}

/// The verified release signatures of the working directory.
pub(crate) fn signatures(working_dir: &WorkingDir) -> io::Result<Vec<SignatureFile>> {
    let folder = working_dir.folder();
    let entries = match folder.read_dir(working_dir.signatures()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let known: Vec<Digest> =
        entries.iter().filter_map(|entry| Some(signature::parse_file_name(entry.text()?)?.1)).collect();
    // An older version's file stays beside the one with the name of today.
    let is_twin = |entry: &Entry| {
        entry.text().and_then(signature::of_older_file_name).is_some_and(|digest| known.contains(&digest))
    };
    let files = entries.iter().filter(|entry| entry.kind().is_file() && !is_twin(entry)).map(|entry| {
        let content = folder.read_bounded(working_dir.signatures().join(entry.name()), MAX_MESSAGE_SIZE as u64)?;
        Ok(SignatureFile { name: entry.name().to_string_lossy().into_owned(), content })
    });
    files.collect()
}

#[cfg(test)]
mod tests;
