//! The screen: an observer of the engine that writes log lines and draws progress.
//!
//! On a terminal a line at the bottom shows percentage, time left, bytes, images and rate, and the lines below name the largest
//! transfers. Elsewhere a plain line says the same every few seconds, so that a log of a long run shows that it is alive.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mirror_engine::event::{CollectedItem, WrittenFile};
use mirror_engine::{Event, Observer, size};

use super::line;
use super::live::Live;
use super::meter::Meter;
use super::words::result_line;
use crate::log::{Curtain, Log};

/// How often a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a plain line is written, unless told otherwise.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// Draws a run.
pub struct Screen {
    log: Log,
    started: Instant,
    state: Mutex<State>,
    live: Option<Arc<Live>>,
    heartbeat: Duration,
}

struct State {
    meter: Meter,
    copying: bool,
    last_heartbeat: Duration,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    /// A screen that writes to `log`, with live progress when standard error is a terminal, else with a line every
    /// `heartbeat`.
    pub fn new(log: Log, terminal: bool, heartbeat: Duration) -> Arc<Self> {
        let live = terminal.then(|| {
            let live = Arc::new(Live::on_stderr());
            log.set_curtain(Some(Arc::clone(&live) as Arc<dyn Curtain>));
            live
        });
        let state = State { meter: Meter::default(), copying: false, last_heartbeat: Duration::ZERO };
        Arc::new(Self { log, started: Instant::now(), state: Mutex::new(state), live, heartbeat })
    }

    /// Bytes of blobs that have moved so far.
    pub fn bytes_moved(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).meter.bytes
    }

    /// Keeps the display moving until the returned task is aborted: bytes arrive between events too.
    pub async fn tick(self: Arc<Self>) {
        let mut interval = tokio::time::interval(REDRAW.min(self.heartbeat.max(Duration::from_millis(1))));
        loop {
            interval.tick().await;
            self.draw();
        }
    }

    /// Takes everything off the terminal.
    pub fn close(&self) {
        if let Some(live) = &self.live {
            live.show(Vec::new());
        }
        self.log.set_curtain(None);
    }

    fn draw(&self) {
        let now = self.started.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.copying {
            return;
        }
        state.meter.sample(now);
        if let Some(live) = &self.live {
            let room = live.room();
            let lines = std::iter::once(line::fitting(&state.meter, room)).chain(line::transfers(&state.meter, room));
            let lines = lines.collect();
            drop(state);
            return live.show(lines);
        }
        if now.saturating_sub(state.last_heartbeat) < self.heartbeat {
            return;
        }
        state.last_heartbeat = now;
        let line = line::whole(&state.meter);
        drop(state);
        self.log.info(line);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Observer for Screen {
    fn event(&self, event: Event) {
        match event {
            Event::TransferStarted { blob, size, origin } => {
                self.change(|state| state.meter.started(blob, size, origin));
            }
            Event::TransferEnded { blob } => self.change(|state| state.meter.ended(&blob)),
            Event::Advanced { blob, bytes } => self.change(|state| state.meter.advanced(&blob, bytes)),
            Event::Totals(totals) => {
                let was_complete = {
                    let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                    std::mem::replace(&mut state.meter.totals, totals).complete
                };
                if totals.complete && !was_complete {
                    self.log.info(format!(
                        "To transfer: {} blobs, {} ({} already present or shared)",
                        totals.blobs,
                        size(totals.bytes),
                        size(totals.bytes_saved)
                    ));
                }
            }
            Event::ImageFinished { origin, target, already_there, .. } => {
                self.change(|state| state.meter.images_done += 1);
                if already_there {
                    self.log.info(format!("Success copying {origin} ➡️ {target} (nothing to transfer)"));
                } else {
                    self.log.info(format!("Success copying {origin} ➡️ {target}"));
                }
            }
            Event::ImageFailed { line, follows } => {
                self.change(|state| {
                    state.meter.images_done += 1;
                    state.meter.images_failed += 1;
                });
                // One cause is one error.
                let line = format!("[Worker] {line}");
                if follows { self.log.warn(line) } else { self.log.error(line) }
            }
            Event::CopyStarted { images } => {
                self.change(|state| {
                    // What collecting fetched is no part of the work that is measured from here.
                    state.meter.bytes = 0;
                    state.copying = true;
                    state.meter.totals.images = images;
                });
                self.log.info("🚀 Start copying the images...");
                self.log.info(format!("📌 images to copy {images} "));
            }
            Event::Results(families) => {
                self.change(|state| state.copying = false);
                if let Some(live) = &self.live {
                    live.show(Vec::new());
                }
                self.log.info("=== Results ===");
                for count in families {
                    self.log.info(result_line(count));
                }
            }
            other => self.line(other),
        }
    }
}

impl Screen {
    /// The events that are one line each (`docs/behaviour/config-cli.md` 6.2).
    fn line(&self, event: Event) {
        let log = &self.log;
        match event {
            Event::Mode(mode) => log.info(format!("🔀 workflow mode: {mode} ")),
            Event::Discovering => log.info("🕵  going to discover the necessary images..."),
            Event::Collecting(family) => log.info(format!("🔍 collecting {family} images...")),
            Event::Collected { what, name } => log.info(match what {
                CollectedItem::Release => format!("Success collecting release {name}"),
                CollectedItem::Catalog => format!("Collected catalog {name}"),
                CollectedItem::Chart => format!("Collected chart {name}"),
            }),
            Event::RebuildingCatalogs => log.info("🔂 rebuilding catalogs"),
            Event::ReadingArchive { number, total, path } => {
                if number == 1 {
                    log.info("📦 Extracting mirror archive(s)...");
                }
                log.info(format!("Extracting chunk file ({number} / {total}): {}", path.display()));
            }
            Event::BuildingArchive => log.info("📦 Preparing the tarball archive..."),
            Event::FileWritten { what, path } => match what {
                WrittenFile::Archive | WrittenFile::Checksums => log.info(format!("{} written", path.display())),
                WrittenFile::Mapping => {
                    log.info(format!("📄 list of all images for mirroring in : {}", path.display()));
                }
                WrittenFile::PinnedConfiguration => log.info(format!("Pinned ISC written to {}", path.display())),
                WrittenFile::PinnedDeletion => log.info(format!("Pinned DISC written to {}", path.display())),
                WrittenFile::ClusterResource | WrittenFile::DeleteList => {
                    log.info(format!("{} file created", path.display()));
                }
            },
            Event::GeneratingResources => log.info("📄 Generating cluster resources..."),
            Event::Resources(text) => log.info(format!("📄 {text}")),
            Event::MakingDeleteList => log.info("📄 Generating delete file..."),
            Event::DeleteStarted { images } => {
                log.info("🚀 Start deleting the images...");
                log.info(format!("📌 images to delete {images} "));
            }
            event @ Event::NotCached { .. } => log.caution(event.warning().unwrap_or_default()),
            Event::CatalogNotSigned { catalog } => {
                log.info(format!("catalog {catalog} was rebuilt and is not signed; --sign-catalogs signs it"));
            }
            Event::Waiting(waiting) => log.info(waiting),
            Event::Info(text) => log.info(text),
            Event::Warning(text) => log.warn(text),
            Event::Error(text) => log.error(text),
            Event::Debug(text) => log.debug(text),
            _ => {}
        }
    }
}
