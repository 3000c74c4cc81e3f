//! Ctrl-C and `kill`: a run that is asked to end says what it leaves behind, and ends.

use std::fmt;

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::ExitStatus;
use crate::render::size;
use crate::settings::{Mirror, Mode};

/// Waits until somebody asks the program to end; how it then ends.
pub(super) async fn asked_to_end() -> ExitStatus {
    // Without a place for the signal, the system ends the program as ever.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => ExitStatus::INTERRUPTED,
        _ = terminate.recv() => ExitStatus::TERMINATED,
    }
}

/// A run that was asked to end.
#[derive(Debug)]
pub(super) struct Interrupted {
    /// How the program ends.
    pub(super) status: ExitStatus,
    /// What the run leaves behind.
    left: String,
}

impl Interrupted {
    /// A run of `request` that has moved so many bytes of blobs.
    pub(super) fn new(status: ExitStatus, request: &Mirror, bytes: u64) -> Self {
        let bytes = size(bytes);
        let left = match &request.mode {
            Mode::MirrorToDisk { .. } if request.no_cache => {
                "--no-cache keeps nothing of this run, and the earlier archive is unchanged; the same command starts again"
                    .to_owned()
            }
            Mode::MirrorToDisk { .. } => format!("{bytes} are kept in the cache; the same command continues"),
            Mode::DiskToMirror { .. } | Mode::MirrorToMirror { .. } => {
                format!("{bytes} were sent to the registry; the same command continues")
            }
        };
        Self { status, left }
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted: {}", self.left)
    }
}

impl std::error::Error for Interrupted {}
