//! `oc-mirror plan`: what a run would copy, as a document to review, compare and sign.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use image_signature::cosign::SigningKey;
use mirror_engine::DryRun;
use mirror_engine::visible;
use mirror_plan::Family;
use plan_document::{Diff, Document, Entry, json_schema};
use serde_json::json;

use super::document::{answer, fail, schema};
use super::{mirror, plan_file, plan_push};
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::render::{html, size, table, totals, update_words};
use crate::settings::{Mirror, Plan, Settings};

/// How `diff` ends when a plan cannot be read: 1 says that plans differ.
const TROUBLE: u8 = 2;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, request: &Plan, log: &Log) -> ExitStatus {
    let outcome = match request {
        Plan::Make { mirror, out } => return make(settings, mirror, out, log),
        Plan::Show { plan, html: Some(out), against } => page(plan, against.as_deref(), out, log),
        Plan::Show { plan, .. } => show(settings, plan, log),
        Plan::Push { plan, to } => plan_push::push(settings, plan, to, log),
        Plan::Pull { from, out } => plan_push::pull(settings, from, out, log),
        Plan::Diff { old, new } => {
            return match diff(settings, old, new, log) {
                Ok(status) => status,
                Err(error) => {
                    fail(settings.output, &error, log);
                    ExitStatus::from_bits(TROUBLE)
                }
            };
        }
        Plan::Sign { plan, key, out } => sign(plan, key, out, log),
        Plan::Verify { plan, key, signature } => verify(plan, key, signature, log),
        Plan::Schema(out) => schema(&json_schema(), out.as_deref(), log),
    };
    match outcome {
        Ok(()) => ExitStatus::SUCCESS,
        Err(error) => fail(settings.output, &error, log),
    }
}

/// Collects, reads every manifest, and writes the plan.
fn make(settings: &Settings, request: &Mirror, out: &Path, log: &Log) -> ExitStatus {
    let request = Mirror { dry_run: DryRun::Plan, ..request.clone() };
    let (status, working_dir) = mirror::run_to_end(settings, &request, log);
    if !status.is_success() {
        return status;
    }
    let made = working_dir.dry_run().join(mirror_engine::dry_run::PLAN_FILE);
    let written = (|| {
        let bytes = plan_file::read_bytes(&made)?;
        let document = plan_file::parse(&made, &bytes)?;
        // Under its final name only when it is whole.
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = out.file_name().context("the plan needs a file name")?;
        let folder = rooted_folder::RootedFolder::at(folder);
        folder.write_whole(name, &bytes).with_context(|| format!("cannot write the plan `{}`", out.display()))?;
        anyhow::Ok(document)
    })();
    match written {
        Ok(document) => {
            log.info(format_args!("📄 the plan is in `{}`: {}", out.display(), summary(&document)));
            log.info(format_args!("   `oc-mirror plan show {}` shows the plan", out.display()));
            ExitStatus::SUCCESS
        }
        Err(error) => fail(OutputFormat::Text, &error, log),
    }
}

fn summary(document: &Document) -> String {
    let totals = document.totals;
    format!("{} images, {} blobs, {}, id {}", totals.images, totals.blobs, size(totals.bytes), document.id)
}

fn show(settings: &Settings, path: &Path, log: &Log) -> anyhow::Result<()> {
    let document = plan_file::read(path)?;
    let answered = json!({
        "id": document.id, "created": document.created, "tool": document.tool, "mode": document.mode,
        "destination": document.destination, "totals": document.totals, "catalogs": document.catalogs,
        "blocked": document.blocked, "applicable": document.planned_images().is_some(),
    });
    answer(settings.output, &answered, || show_text(&document), log);
    Ok(())
}

/// Writes the page for people who approve.
fn page(plan: &Path, against: Option<&Path>, out: &Path, log: &Log) -> anyhow::Result<()> {
    let document = plan_file::read(plan)?;
    let old = against.map(plan_file::read).transpose()?;
    let compared = old.as_ref().map(|old| (old, Diff::of(old, &document)));
    let text = html(&document, compared.as_ref().map(|(old, diff)| (*old, diff)));
    std::fs::write(out, text).with_context(|| format!("cannot write `{}`", out.display()))?;
    log.info(format_args!("📄 the page of the plan is in `{}`", out.display()));
    Ok(())
}

fn show_text(document: &Document) -> String {
    let totals = document.totals;
    let count = |family: Family| document.images.iter().filter(|image| image.kind.family() == family).count();
    let families: Vec<String> = Family::ALL
        .into_iter()
        .filter_map(|family| Some(count(family)).filter(|count| *count > 0).map(|count| format!("{count} {family}")))
        .collect();
    let signed =
        document.images.iter().filter(|image| image.attached.as_ref().is_some_and(|all| !all.is_empty())).count();
    let mut head = vec![
        ["plan".to_owned(), document.id.to_string()],
        ["made".to_owned(), format!("{} by {}", document.created, document.tool)],
        ["mode".to_owned(), document.mode.to_string()],
        ["destination".to_owned(), document.destination.clone()],
        ["images".to_owned(), format!("{} ({})", totals.images, families.join(", "))],
        ["with signatures".to_owned(), signed.to_string()],
        ["blobs".to_owned(), format!("{}, {}", totals.blobs, size(totals.bytes))],
        ["shared blobs".to_owned(), format!("{}, {}", totals.shared_blobs, size(totals.shared_bytes))],
    ];
    let built: u64 = document.built_blobs.values().sum();
    if built > 0 {
        let text = format!(
            "{} blobs, {}: only the machine that made the plan has them",
            document.built_blobs.len(),
            size(built)
        );
        head.push(["built by oc-mirror".to_owned(), text]);
    }
    for catalog in &document.catalogs {
        head.push(["catalog".to_owned(), catalog.catalog.to_string()]);
    }
    for blocked in &document.blocked {
        head.push(["blocked".to_owned(), format!("{} by `{}`", blocked.origin, blocked.pattern)]);
    }
    let mut text = table(head);
    text.push('\n');
    let header = ["NAME", "KIND", "SIZE", "ITS OWN", "DIGEST", "WHY"].map(str::to_owned);
    let rows = document.images.iter().zip(document.bytes_of_images()).map(|(image, (all, own))| {
        let digest = match (&image.digest, &image.error) {
            (Some(digest), _) => digest.to_string(),
            (None, error) => format!("unknown: {}", error.as_deref().unwrap_or("not read")),
        };
        let why = image.why.steps.last().unwrap_or(&image.why.path).clone();
        [image.name.clone(), image.kind.to_string(), size(all), size(own), digest, why]
    });
    text.push_str(&table(std::iter::once(header).chain(rows)));
    if document.planned_images().is_none() {
        text.push_str("\nThis plan is for reading only: an image could not be read.\n");
    }
    text
}

fn diff(settings: &Settings, old: &Path, new: &Path, log: &Log) -> anyhow::Result<ExitStatus> {
    let found = Diff::of(&plan_file::read(old)?, &plan_file::read(new)?);
    answer(settings.output, &found, || diff_text(&found), log);
    Ok(if found.equal { ExitStatus::SUCCESS } else { ExitStatus::GENERIC })
}

fn diff_text(diff: &Diff) -> String {
    if diff.equal {
        return "The plans are equal.\n".to_owned();
    }
    let short = |digest: &Option<image_ref::Digest>| match digest {
        Some(digest) => format!("{}:{}", digest.algorithm().as_str(), &digest.hex()[..12]),
        None => "unknown".to_owned(),
    };
    let row = |sign: &str, entry: &Entry, what: String, why: String| {
        [format!("{sign} {}", entry.name), entry.kind.to_string(), what, size(entry.bytes), why]
    };
    let mut rows = Vec::new();
    for entry in &diff.removed {
        rows.push(row("-", entry, short(&entry.digest), entry.why.clone()));
    }
    for entry in &diff.added {
        rows.push(row("+", entry, short(&entry.digest), entry.why.clone()));
    }
    for change in &diff.changed {
        let what = if change.differences.contains(&"digest") {
            format!("{} -> {}", short(&change.old_digest), short(&change.new.digest))
        } else {
            change.differences.join(", ")
        };
        let why = if change.old_why == change.new.why {
            change.new.why.clone()
        } else {
            format!("{} -> {}", change.old_why, change.new.why)
        };
        rows.push(row("~", &change.new, what, why));
    }
    let mut text = table(rows);
    for change in &diff.updates {
        let (sign, update, condition) = update_words(change);
        let _ = writeln!(text, "{sign} {}: {}", visible::word(&update), visible::word(&condition));
    }
    for member in &diff.members {
        let _ = writeln!(text, "~ {member}");
    }
    for origin in &diff.blocked {
        let _ = writeln!(text, "! blocked now: {}", visible::word(origin));
    }
    for origin in &diff.unblocked {
        let _ = writeln!(text, "! not blocked any more: {}", visible::word(origin));
    }
    let _ = writeln!(text, "\n{}", totals(diff));
    text
}

fn sign(plan: &Path, key: &Path, out: &Path, log: &Log) -> anyhow::Result<()> {
    let bytes = plan_file::read_bytes(plan)?;
    let document = plan_file::parse(plan, &bytes)?;
    let pem = mirror::private_key(key, "--key", log)?;
    let key_of =
        SigningKey::from_pem(&String::from_utf8_lossy(&pem)).with_context(|| format!("--key `{}`", key.display()))?;
    std::fs::write(out, key_of.sign_blob(&bytes)).with_context(|| format!("cannot write `{}`", out.display()))?;
    log.info(format_args!("the signature of {} is in `{}`", document.id, out.display()));
    Ok(())
}

fn verify(plan: &Path, key: &Path, signature: &Path, log: &Log) -> anyhow::Result<()> {
    let bytes = plan_file::read_bytes(plan)?;
    plan_file::verify(&bytes, plan, key, signature)?;
    let document = plan_file::parse(plan, &bytes)?;
    log.info(format_args!("`{}` has signed this plan: {}", key.display(), summary(&document)));
    Ok(())
}
