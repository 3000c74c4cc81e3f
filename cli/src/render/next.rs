//! What comes after a run that went well: one line that can be copied.

use std::path::Path;

use mirror_engine::{RunReport, Workflow, size};

/// The next step; none after a rehearsal, and when the run left nothing to do.
pub fn next_step(workflow: &Workflow, configuration: &Path, resources: &Path, report: &RunReport) -> Option<String> {
    if report.exit_code != 0 || report.sizes.is_some() {
        return None;
    }
    match workflow {
        Workflow::MirrorToDisk { folder } => {
            let archive = report.archive.as_ref()?;
            let first = &archive.files.first()?.name;
            let bytes: u64 = archive.files.iter().map(|file| file.bytes).sum();
            let files = match archive.files.len() {
                1 => first.clone(),
                count => format!("{first} to {} ({count} files)", archive.files.last()?.name),
            };
            Some(format!(
                "next: carry {files}, {}, from `{}`; on the other side: oc-mirror -c {} --from file://FOLDER docker://HOST:PORT",
                size(bytes),
                folder.display(),
                configuration.display(),
            ))
        }
        Workflow::DiskToMirror { .. } | Workflow::MirrorToMirror { .. } => {
            let has =
                |kind: &str| report.files.iter().any(|file| file.starts_with(&format!("cluster-resources/{kind}")));
            if !has("") {
                return None;
            }
            let rolls = if has("idms") || has("itms") {
                "the mirror sets in it change every node, which may drain and restart nodes one after the other"
            } else {
                "these files change no node"
            };
            Some(format!("next: oc apply -f {} ({rolls})", resources.display()))
        }
    }
}
