//! `oc-mirror archive list` and `oc-mirror archive verify`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mirror_engine::inspect::{self, Listing, MissingFiles, Verified, VerifyObserver};
use mirror_engine::visible;

use super::document::{answer, fail};
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::ownership;
use crate::render::{go_duration, size, table};
use crate::settings::Settings;

/// Lists what the archives of a folder hold. Ends with exit code 1 when a file cannot be read to its end.
pub(crate) fn list(settings: &Settings, folder: &Path, log: &Log) -> ExitStatus {
    let folder = &inspect::folder_of(folder);
    let listing = match inspect::list(folder) {
        Ok(mut listing) => {
            listing.warnings.extend(ownership::warnings([folder.as_path()], settings.common.env.uid, "loaded"));
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
    let outcome = inspect::verify(&inspect::folder_of(folder), &progress);
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
    let mut rows = vec![["SIZE", "BLOBS", "NOT HERE", "DIGEST", "PLATFORMS"].map(str::to_owned)];
    for image in &listing.images {
        let absent = if image.absent_blobs == 0 { "-".to_owned() } else { image.absent_blobs.to_string() };
        let digest = image.digest.hex().chars().take(SHORT_DIGEST).collect();
        rows.push([size(image.bytes), image.blobs.to_string(), absent, digest, platforms(&image.platforms)]);
    }
    let names: Vec<_> = listing.images.iter().map(|image| visible::word(&image.image).into_owned()).collect();
    let names = std::iter::once("IMAGE").chain(names.iter().map(String::as_str));
    let mut text = beside(&names.collect::<Vec<_>>(), &table(rows));
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

/// The widest line of a list, in columns.
const WIDE: usize = 100;

/// Hexadecimal digits of a digest in a list; JSON has all of them.
const SHORT_DIGEST: usize = 12;

/// The widest cell of platforms.
const PLATFORMS: usize = 25;

/// Platforms in a few words: `amd64,arm64`, and how many there are beside.
fn platforms(all: &[String]) -> String {
    if all.is_empty() {
        return "-".to_owned();
    }
    let is_linux = all.iter().all(|platform| platform.starts_with("linux/"));
    let short: Vec<&str> =
        all.iter().map(|platform| platform.strip_prefix("linux/").filter(|_| is_linux).unwrap_or(platform)).collect();
    let counts = (1..=short.len()).rev().map(|count| {
        let more = if count < short.len() { format!(",+{}", short.len() - count) } else { String::new() };
        short[..count].join(",") + &more
    });
    counts
        .reduce(|longer, shorter| if longer.chars().count() <= PLATFORMS { longer } else { shorter })
        .unwrap_or_default()
}

/// Names in front of the lines of a table. A name that leaves the table no room has a line of its own.
fn beside(names: &[&str], table: &str) -> String {
    let length = |text: &str| text.chars().count();
    let widest = table.lines().map(length).max().unwrap_or(0);
    let room = WIDE.saturating_sub(widest + 2);
    let column = names.iter().map(|name| length(name)).filter(|length| *length <= room).max().unwrap_or(0);
    let mut text = String::new();
    for (name, line) in names.iter().zip(table.lines()) {
        let fits = length(name) <= column;
        if !fits {
            let _ = writeln!(text, "{name}");
        }
        let _ = writeln!(text, "{:column$}  {line}", if fits { name } else { "" });
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
    fn incomplete(&self, missing: &MissingFiles) {
        self.log.warn(missing);
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_fit_100_columns() {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (all, expected) in [
            (&[][..], "-"),
            (&["linux/amd64"], "amd64"),
            (&["linux/amd64", "windows/amd64"], "linux/amd64,windows/amd64"),
            (&["linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"], "amd64,arm64,ppc64le,s390x"),
            (&["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"], "amd64,arm/v6,arm/v7,+1"),
        ] {
            assert_eq!(platforms(&own(all)), expected);
        }
        let rows = [["SIZE", "PLATFORMS"], ["1.0 MiB", "amd64,arm64,ppc64le,s390x"], ["901.7 MiB", "-"]];
        let long = format!("openshift/release:4.18.1-x86_64-{}", "name-".repeat(9));
        let text = beside(&["IMAGE", "ns/app:v1", &long], &table(rows));
        assert!(text.lines().all(|line| line.chars().count() <= WIDE), "{text}");
        insta::assert_snapshot!(text, @"
        IMAGE      SIZE       PLATFORMS
        ns/app:v1  1.0 MiB    amd64,arm64,ppc64le,s390x
        openshift/release:4.18.1-x86_64-name-name-name-name-name-name-name-name-name-
                   901.7 MiB  -
        ");
    }
}
