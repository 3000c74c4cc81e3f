//! Pieces of an upload: read into buffers that are used again, and checked before the last one is sent.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use image_ref::{Digest, Hasher};
use tokio::sync::mpsc::Receiver;

use crate::error::{Condition, Error, LocalFailure};

/// The size of a read: 64 KiB. The HTTP library takes up to 400 KiB before it writes; with pieces of this size all of it
/// stays in a core's cache from the read over the hash to the socket. Pieces of 128 KiB double the time in the kernel.
const CHUNK: u64 = 64 * 1024;

/// How many reads another thread does ahead of the network. With the one that is held back and the one that is being
/// read, that is a quarter of a MiB for one blob; twenty blobs may be under way at once.
const AHEAD: usize = 2;

/// What part of a blob a body carries, and how its content is checked.
pub(crate) struct Part {
    /// First byte.
    pub(crate) offset: u64,
    /// How many bytes.
    pub(crate) length: u64,
    /// The digest of the whole blob, when this part is the whole and is not verified elsewhere.
    pub(crate) expected: Option<Digest>,
}

/// Reads on a blocking thread for as long as someone listens.
pub(crate) fn on_thread<R: Read>(
    open: impl FnOnce() -> io::Result<io::Take<R>> + Send + 'static,
    mut check: Check,
    buffers: Buffers,
) -> Receiver<io::Result<Bytes>> {
    let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let work = || -> io::Result<()> {
            let mut reader = open()?;
            loop {
                let chunk = buffers.fill(&mut reader)?;
                let last = chunk.is_empty();
                let ready = if last { check.end()? } else { check.push(chunk) };
                if let Some(ready) = ready
                    && sender.blocking_send(Ok(ready)).is_err()
                {
                    return Ok(());
                }
                if last {
                    return Ok(());
                }
            }
        };
        if let Err(error) = work() {
            // No one may be left to hear it.
            let _ = sender.blocking_send(Err(local(error)));
        }
    });
    receiver
}

/// The buffers of one upload, used again once the network is done with them: new memory for each read would have to be
/// cleared and mapped each time, which costs a tenth of the whole transfer.
#[derive(Clone)]
pub(crate) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Of each, in bytes.
    size: usize,
}

impl Buffers {
    pub(crate) fn for_part(part: &Part) -> Self {
        Self { free: Arc::default(), size: usize::try_from(CHUNK.min(part.length)).unwrap_or(0) }
    }

    /// A buffer whose content is of no meaning yet.
    pub(crate) fn take(&self) -> Vec<u8> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| vec![0; self.size])
    }

    /// The first `length` bytes of a buffer that was taken, which comes back when nobody needs them any more.
    pub(crate) fn lend(&self, memory: Vec<u8>, length: usize) -> Bytes {
        Bytes::from_owner(Lent { memory, length, home: self.clone() })
    }

    /// The next piece of `reader`; empty at its end.
    fn fill(&self, reader: &mut io::Take<impl Read>) -> io::Result<Bytes> {
        if reader.limit() == 0 {
            return Ok(Bytes::new());
        }
        let mut memory = self.take();
        let mut length = 0;
        while length < memory.len() {
            match reader.read(memory.get_mut(length..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.lend(memory, length))
    }
}

/// A buffer that goes back to where it came from.
struct Lent {
    memory: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.free.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.memory));
    }
}

/// Marks an error of the source, so that it is not taken for one of the network.
pub(crate) fn local(error: io::Error) -> io::Error {
    match error.get_ref() {
        Some(inner) if inner.is::<LocalFailure>() || inner.is::<Error>() => error,
        _ => LocalFailure { condition: Condition::Local, message: error.to_string() }.into_io(),
    }
}

/// Holds the last piece back until the content is known to be right, so that a registry never sees the end of a blob that
/// is wrong.
pub(crate) struct Check {
    hasher: Option<Hasher>,
    expected: Option<Digest>,
    remaining: u64,
    length: u64,
    held: Option<Bytes>,
}

impl Check {
    pub(crate) fn new(part: &Part) -> Self {
        Self {
            hasher: part.expected.as_ref().map(|digest| Hasher::new(digest.algorithm())),
            expected: part.expected.clone(),
            remaining: part.length,
            length: part.length,
            held: None,
        }
    }

    pub(crate) fn push(&mut self, mut chunk: Bytes) -> Option<Bytes> {
        // A source may go on behind the part.
        if chunk.len() as u64 > self.remaining {
            chunk.truncate(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        }
        self.remaining -= chunk.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        if self.expected.is_none() {
            return Some(chunk).filter(|chunk| !chunk.is_empty());
        }
        self.held.replace(chunk)
    }

    pub(crate) fn end(&mut self) -> io::Result<Option<Bytes>> {
        if self.remaining > 0 {
            let message = format!("the blob ended after {} of {} bytes", self.length - self.remaining, self.length);
            return Err(LocalFailure { condition: Condition::Local, message }.into_io());
        }
        if let (Some(hasher), Some(expected)) = (self.hasher.take(), &self.expected) {
            let found = hasher.finish();
            if found != *expected {
                let message =
                    format!("digest mismatch: the content to push has digest `{found}`, expected `{expected}`");
                return Err(LocalFailure { condition: Condition::Digest, message }.into_io());
            }
        }
        Ok(self.held.take())
    }
}
