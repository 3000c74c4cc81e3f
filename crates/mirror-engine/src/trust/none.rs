//! The answer that there is no signature: how long it counts, and where its time is kept.
//!
//! Signatures are published after their images, so that there was none is no answer for ever. What is kept of such an
//! answer is a file or a folder, whose time of modification is that of the answer.

use std::fs::File;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

/// How long it counts that an image had no signature.
const COUNTS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Whether the answer that is kept at `path` still counts at `now`; `None` when there is none.
pub(super) fn still_counts(path: &Path, now: Timestamp) -> Option<bool> {
    let answered = path.metadata().and_then(|kept| kept.modified()).ok()?;
    let answered = Timestamp::try_from(answered).ok()?;
    Some(now.duration_since(answered) < COUNTS_FOR)
}

/// Notes that what is kept at `path` was answered at `now`. Where the time cannot be set, it stays that of writing.
pub(super) fn answered(path: &Path, now: Timestamp) {
    let _ = File::open(path).and_then(|kept| kept.set_modified(now.into()));
}
