//! The answer that there is no signature: how long it counts, and where its time is kept.
//!
//! Signatures are often published after the image, so "no signature" is cached for 24 hours only. The cached answer is a file
//! or a folder, whose time of modification is the time of the answer.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rooted_folder::RootedFolder;

/// How long it counts that an image had no signature.
const COUNTS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Whether the answer that is kept at `path` in `folder` still counts at `now`; `None` when there is none.
pub(super) fn still_counts(folder: &RootedFolder, path: impl AsRef<Path>, now: Timestamp) -> Option<bool> {
    let answered = Timestamp::try_from(folder.about(path).ok()?.modified()).ok()?;
    Some(now.duration_since(answered) < COUNTS_FOR)
}

/// Notes that what is kept at `path` in `folder` was answered at `now`. Where the time cannot be set, it stays that of
/// writing.
pub(super) fn answered(folder: &RootedFolder, path: impl AsRef<Path>, now: Timestamp) {
    let _ = folder.set_modified(path, now.into());
}
