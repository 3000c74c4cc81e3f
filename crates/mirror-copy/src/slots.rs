//! The places of an archive's blobs, between the thread that lays the archive out and the tasks that bring the blobs
//! (`--no-cache`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::BlobSlot;
use image_ref::Digest;
use tokio::sync::watch;

/// Where the blobs of an archive go. Clones share the places.
#[derive(Debug, Clone)]
pub struct Slots {
    places: Arc<Mutex<HashMap<Digest, BlobSlot>>>,
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The layout is not known yet.
    Waiting,
    /// Places can be taken.
    Known,
    /// There will be no archive.
    Ended(Ended),
}

/// There will be no archive, so nothing needs a place in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The run was stopped.
    #[error("nothing more is fetched, because another image failed and no archive will be written")]
    Stopped,
    /// The archive cannot be written.
    #[error("the archive cannot be written: {0}")]
    Broken(String),
}

impl Default for Slots {
    /// No layout yet.
    fn default() -> Self {
        Self { places: Arc::default(), state: Arc::new(watch::Sender::new(State::Waiting)) }
    }
}

impl Slots {
    /// Makes the places known.
    pub fn lay_out(&self, places: HashMap<Digest, BlobSlot>) {
        *self.places.lock().expect("no holder panics") = places;
        self.state.send_if_modified(|state| {
            let waiting = *state == State::Waiting;
            if waiting {
                *state = State::Known;
            }
            waiting
        });
    }

    /// Says that there will be no archive. The first reason counts.
    pub fn end(&self, reason: Ended) {
        self.state.send_if_modified(|state| {
            let first = !matches!(state, State::Ended(_));
            if first {
                *state = State::Ended(reason);
            }
            first
        });
    }

    /// Waits until the layout is known, and takes the place of a blob. `None` when the archive has none for it (earlier
    /// archives hold it), or when it was taken before.
    ///
    /// # Errors
    /// When there will be no archive.
    pub async fn take(&self, digest: &Digest) -> Result<Option<BlobSlot>, Ended> {
        let mut receiver = self.state.subscribe();
        let state =
            receiver.wait_for(|state| *state != State::Waiting).await.expect("the sender lives in `self`").clone();
        match state {
            State::Ended(reason) => Err(reason),
            _ => Ok(self.places.lock().expect("no holder panics").remove(digest)),
        }
    }

    /// Waits until there will be no archive.
    pub async fn ended(&self) -> Ended {
        let mut receiver = self.state.subscribe();
        let state = receiver.wait_for(|state| matches!(state, State::Ended(_))).await;
        match &*state.expect("the sender lives in `self`") {
            State::Ended(reason) => reason.clone(),
            _ => Ended::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use archive_format::{ArchiveOptions, ArchiveWriter};

    use super::*;

    #[tokio::test]
    async fn places_are_waited_for_and_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ArchiveWriter::create(folder.path(), &ArchiveOptions::default()).unwrap();
        let digest = Digest::sha256(&"1".repeat(64)).unwrap();
        let other = Digest::sha256(&"2".repeat(64)).unwrap();
        let slot = writer.reserve_blob(&digest, 3).unwrap().unwrap();
        let slots = Slots::default();
        let (taken, ()) = tokio::join!(slots.take(&digest), async {
            tokio::task::yield_now().await;
            slots.lay_out(HashMap::from([(digest.clone(), slot)]));
        });
        assert_eq!(taken.unwrap().unwrap().size(), 3);
        assert!(slots.take(&digest).await.unwrap().is_none());
        assert!(slots.take(&other).await.unwrap().is_none());
        slots.end(Ended::Broken("full".into()));
        slots.end(Ended::Stopped);
        slots.lay_out(HashMap::new());
        assert_eq!(slots.ended().await, Ended::Broken("full".into()));
        assert_eq!(slots.take(&digest).await.unwrap_err().to_string(), "the archive cannot be written: full");
    }

    #[tokio::test]
    async fn who_waits_when_it_ends_is_told() {
        let slots = Slots::default();
        let digest = Digest::sha256(&"1".repeat(64)).unwrap();
        let (taken, ()) = tokio::join!(slots.take(&digest), async {
            tokio::task::yield_now().await;
            slots.end(Ended::Stopped);
        });
        assert_eq!(taken.unwrap_err(), Ended::Stopped);
    }
}
