//! The body of an upload that lies in a file: read where the request is written, so that a piece is read, hashed and sent
//! by one core while it is in that core's cache.
//!
//! Only what the page cache has is read there (`preadv2` with `RWF_NOWAIT`), which takes microseconds. Where the first
//! piece has to come from the disk, so will the next ones: from there on a blocking thread reads ahead of the network.

use std::fs::File;
use std::io::{self, IoSliceMut, Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use futures_util::Stream;
use rustix::io::ReadWriteFlags;
use tokio::sync::mpsc::Receiver;

use crate::upload_pieces::{Buffers, Check, Part, local, on_thread};

/// A part of a blob that is being sent out of a file.
pub(crate) struct FileBody {
    file: File,
    /// Where the next byte lies in the file.
    place: u64,
    /// Bytes of the part that were not read yet.
    left: u64,
    check: Check,
    buffers: Buffers,
}

/// Who reads.
enum Reader {
    Here(Box<FileBody>),
    Thread(Receiver<io::Result<Bytes>>),
}

impl FileBody {
    /// `part` of a blob whose byte `part.offset` lies at `place` of the file.
    pub(crate) fn new(file: File, place: u64, part: &Part) -> Self {
        Self { file, place, left: part.length, check: Check::new(part), buffers: Buffers::for_part(part) }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        futures_util::stream::unfold(Some(Reader::Here(Box::new(self))), |reader| async move {
            let mut receiver = match reader? {
                Reader::Here(mut body) => match body.next() {
                    Ok(Some(piece)) => return Some((Ok(piece), Some(Reader::Here(body)))),
                    Ok(None) if body.left == 0 => return None,
                    Ok(None) => body.on_thread(),
                    Err(error) => return Some((Err(local(error)), None)),
                },
                Reader::Thread(receiver) => receiver,
            };
            Some((receiver.recv().await?, Some(Reader::Thread(receiver))))
        })
    }

    /// The next piece that may be sent. None at the end of the part, and when the disk would have to be waited for.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.left > 0 {
            let mut memory = self.buffers.take();
            let wanted = usize::try_from(self.left).map_or(memory.len(), |left| left.min(memory.len()));
            let mut target = [IoSliceMut::new(memory.get_mut(..wanted).unwrap_or_default())];
            // Nothing to be had at once, a file system that cannot tell, the end of a file that is too short, or damage:
            // reading it in the ordinary way tells which.
            let count = rustix::io::preadv2(&self.file, &mut target, self.place, ReadWriteFlags::NOWAIT).unwrap_or(0);
            let piece = self.buffers.lend(memory, count);
            if count == 0 {
                return Ok(None);
            }
            self.place += count as u64;
            self.left -= count as u64;
            if let Some(ready) = self.check.push(piece) {
                return Ok(Some(ready));
            }
        }
        self.check.end()
    }

    /// Gives the rest to a thread that may wait.
    fn on_thread(self) -> Receiver<io::Result<Bytes>> {
        let Self { mut file, place, left, check, buffers } = self;
        let open = move || {
            file.seek(SeekFrom::Start(place))?;
            Ok(file.take(left))
        };
        on_thread(open, check, buffers)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use image_ref::{Algorithm, Hasher};
    use std::io::Write as _;

    use super::*;

    /// The bytes that a part becomes, or the error.
    ///
    /// With `waits`, another thread reads behind the first piece.
    async fn sent(content: &[u8], place: u64, part: Part, waits: bool) -> Result<Vec<u8>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut body = FileBody::new(file, place, &part);
        let mut pieces = Vec::new();
        if waits {
            let first = body.next().map_err(|error| error.to_string())?;
            pieces.extend(first);
            let rest = futures_util::stream::unfold(body.on_thread(), |mut receiver| async move {
                Some((receiver.recv().await?, receiver))
            });
            pieces.extend(rest.try_collect::<Vec<Bytes>>().await.map_err(|error| error.to_string())?);
        } else {
            pieces = body.into_stream().try_collect().await.map_err(|error| error.to_string())?;
        }
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn parts() {
        let content: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        for waits in [false, true] {
            for (offset, length) in [(0, 0), (0, 1), (7, 65_536), (65_536, 65_537), (1000, 300_000)] {
                // The blob begins 512 bytes into the file, and the file goes on behind it.
                let place = 512 + offset;
                let blob = &content[usize::try_from(place).unwrap()..][..usize::try_from(length).unwrap()];
                let expected = Hasher::of(Algorithm::Sha256, blob);
                for expected in [None, Some(expected)] {
                    let part = Part { offset, length, expected };
                    assert_eq!(sent(&content, place, part, waits).await.as_deref(), Ok(blob), "{offset} {length}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_before_the_last_byte() {
        let content = vec![7; 200_000];
        for waits in [false, true] {
            let wrong = || Some(Hasher::of(Algorithm::Sha256, b"another"));
            let part = Part { offset: 0, length: 200_000, expected: wrong() };
            let error = sent(&content, 0, part, waits).await.unwrap_err();
            assert!(error.starts_with("digest mismatch: the content to push has digest"), "{error}");
            let part = Part { offset: 0, length: 200_001, expected: wrong() };
            let error = sent(&content, 0, part, waits).await.unwrap_err();
            assert_eq!(error, "the blob ended after 200000 of 200001 bytes");
        }
    }
}
