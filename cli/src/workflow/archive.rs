//! `oc-mirror archive list` and `oc-mirror archive verify`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mirror_engine::inspect::{self, Listing, Verified, VerifyObserver};
use mirror_engine::visible;

use super::document::{answer, fail};
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::ownership;
use crate::render::{go_duration, size, table};
use crate::settings::Settings;

/// Lists what the archives of a folder hold. Ends with exit code 1 when a file cannot be read to its end.
pub(crate) fn list(settings: &Settings, folder: &Path, log: &Log) -> ExitStatus {
    let listing = match inspect::list(folder) {
        Ok(mut listing) => {
            listing.warnings.extend(ownership::warnings([folder], settings.common.env.uid, "loaded"));
            listing
        }
        Err(error) => return fail(settings.output, &error.into(), log),
    };
    listing.warnings.iter().for_each(|warning| log.warn(warning));
    answer(settings.output, &listing, || listing_text(&listing), log);
    if listing.damage.is_empty() {
        return ExitStatus::SUCCESS;
    }
    for damage in &listing.damage {
        log.error(format_args!("[Executor] {damage}: the list is incomplete "));
    }
    ExitStatus::GENERIC
}

/// Checks every digest of the archives of a folder. Ends with exit code 1 when anything is broken or missing.
pub(crate) fn verify(settings: &Settings, folder: &Path, log: &Log) -> ExitStatus {
    let started = Instant::now();
    let progress = Progress::new(log, settings.common.env.stderr_is_terminal);
    let outcome = inspect::verify(folder, &progress);
    progress.close();
    let verified = match outcome {
        Ok(mut verified) => {
            verified.warnings.extend(ownership::warnings([folder], settings.common.env.uid, "loaded"));
            verified
        }
        Err(error) => return fail(settings.output, &error.into(), log),
    };
    verified.warnings.iter().for_each(|warning| log.warn(warning));
    answer(settings.output, &verified, || verified_text(&verified, started.elapsed()), log);
    if verified.good {
        return ExitStatus::SUCCESS;
    }
    log.error(format_args!(
        "[Executor] the archive in `{}` is incomplete or damaged: copy the files named above again ({} problem(s), {} image(s) affected) ",
        folder.display(),
        verified.problems.len(),
        verified.affected_images.len(),
    ));
    ExitStatus::GENERIC
}

fn listing_text(listing: &Listing) -> String {
    let mut rows = vec![["IMAGE", "DIGEST", "SIZE", "BLOBS", "NOT HERE", "PLATFORMS"].map(str::to_owned).to_vec()];
    for image in &listing.images {
        let absent = if image.absent_blobs == 0 { "-".to_owned() } else { image.absent_blobs.to_string() };
        let platforms = if image.platforms.is_empty() { "-".to_owned() } else { image.platforms.join(",") };
        rows.push(vec![
            image.image.clone(),
            image.digest.to_string(),
            size(image.bytes),
            image.blobs.to_string(),
            absent,
            platforms,
        ]);
    }
    let mut text = table(rows);
    let _ = writeln!(
        text,
        "\n{} images, {} blobs, {} in {} file(s)",
        listing.images.len(),
        listing.blobs,
        size(listing.bytes),
        listing.files.len(),
    );
    if listing.images.iter().any(|image| image.absent_blobs > 0) {
        text.push_str("Blobs that are not here came with earlier archives of the sequence, or are missing: `archive verify` tells.\n");
    }
    text
}

fn verified_text(verified: &Verified, elapsed: Duration) -> String {
    let mut text = String::new();
    for fault in &verified.problems {
        let _ = writeln!(text, "{}", visible::word(&fault.message));
    }
    if !verified.affected_images.is_empty() {
        let _ = writeln!(text, "\nAffected images:");
        for image in &verified.affected_images {
            let _ = writeln!(text, "  {}", visible::word(image));
        }
        text.push('\n');
    }
    let _ = write!(text, "OK: {} blobs, {} in {}", verified.blobs, size(verified.bytes), go_duration(elapsed));
    if verified.in_earlier_archives > 0 {
        let _ = write!(text, "; {} blobs came with earlier archives of the sequence", verified.in_earlier_archives);
    }
    text.push('\n');
    text
}

/// How often a plain line tells how far it is.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Draws the progress of verification: a bar on a terminal, a line now and then elsewhere.
struct Progress {
    log: Log,
    bar: ProgressBar,
    live: bool,
    told: Mutex<Instant>,
}

impl Progress {
    fn new(log: &Log, live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{percent:>3} %  {eta} left  {bytes} of {total_bytes} verified  {bytes_per_sec}";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        Self { log: log.clone(), bar, live, told: Mutex::new(Instant::now()) }
    }

    fn close(&self) {
        self.bar.finish_and_clear();
    }
}

impl VerifyObserver for Progress {
    fn started(&self, blobs: u64, bytes: u64) {
        self.bar.set_length(bytes);
        self.log.info(format_args!("verifying {blobs} blobs, {}", size(bytes)));
    }

    fn advanced(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.live {
            return;
        }
        let mut told = self.told.lock().expect("no holder panics");
        if told.elapsed() >= HEARTBEAT {
            *told = Instant::now();
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            self.log.info(format_args!("{} of {} verified", size(done), size(all)));
        }
    }
}
