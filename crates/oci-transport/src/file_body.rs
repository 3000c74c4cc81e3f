//! The body of an upload that lies in a file: read where the request is written, so that a piece is read, hashed and sent
//! by one core while it is in that core's cache.
//!
//! Only what the page cache has is read there (`preadv2` with `RWF_NOWAIT`), which takes microseconds. What has to come
//! from the disk is waited for on a blocking thread; the read before has told the kernel to fetch what follows.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use rustix::io::{Errno, ReadWriteFlags};

use crate::upload_body::{Buffers, Check, Part, local};

/// A part of a blob that is being sent out of a file.
pub(crate) struct FileBody {
    file: Arc<File>,
    /// Where the next byte lies in the file.
    place: u64,
    /// Bytes of the part that were not read yet.
    left: u64,
    check: Check,
    buffers: Buffers,
    /// The file system can say that it would have to wait.
    tells: bool,
}

impl FileBody {
    /// `part` of a blob whose byte `part.offset` lies at `place` of the file.
    pub(crate) fn new(file: File, place: u64, part: &Part) -> Self {
        // The kernel reads twice as far ahead then; where it does not know the advice nothing is lost.
        let _ = rustix::fs::fadvise(&file, place, std::num::NonZero::new(part.length), rustix::fs::Advice::Sequential);
        Self {
            file: Arc::new(file),
            place,
            left: part.length,
            check: Check::new(part),
            buffers: Buffers::for_part(part),
            tells: true,
        }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        futures_util::stream::unfold(Some(self), |body| async move {
            let mut body = body?;
            match body.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(body))),
                Ok(None) => None,
                Err(error) => Some((Err(local(error)), None)),
            }
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.left > 0 {
            let (memory, count) = self.read().await?;
            if count == 0 {
                // The file is shorter than the blob, which the check tells.
                break;
            }
            self.place += count as u64;
            self.left -= count as u64;
            if let Some(ready) = self.check.push(self.buffers.lend(memory, count)) {
                return Ok(Some(ready));
            }
        }
        self.left = 0;
        self.check.end()
    }

    /// A buffer, and how many bytes of it are filled; none at the end of the file.
    async fn read(&mut self) -> io::Result<(Vec<u8>, usize)> {
        let mut memory = self.buffers.take();
        let wanted = usize::try_from(self.left).map_or(memory.len(), |left| left.min(memory.len()));
        if self.tells {
            let mut target = [IoSliceMut::new(&mut memory[..wanted])];
            match rustix::io::preadv2(&self.file, &mut target, self.place, ReadWriteFlags::NOWAIT) {
                Ok(count) => return Ok((memory, count)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // An old kernel, or a file system that cannot tell. A real failure comes again below.
                Err(_) => self.tells = false,
            }
        }
        let (file, place) = (Arc::clone(&self.file), self.place);
        let read = move || loop {
            match file.read_at(&mut memory[..wanted], place) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => return Ok((memory, count)),
            }
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use image_ref::{Algorithm, Hasher};
    use std::io::Write as _;

    use super::*;

    /// The bytes that a part becomes, or the error.
    async fn sent(content: &[u8], place: u64, part: Part, tells: bool) -> Result<Vec<u8>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let body = FileBody { tells, ..FileBody::new(file, place, &part) };
        let pieces: Vec<Bytes> = body.into_stream().try_collect().await.map_err(|error| error.to_string())?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn parts() {
        let content: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        for tells in [true, false] {
            for (offset, length) in [(0, 0), (0, 1), (7, 65_536), (65_536, 65_537), (1000, 300_000)] {
                // The blob begins 512 bytes into the file, and the file goes on behind it.
                let place = 512 + offset;
                let blob = &content[usize::try_from(place).unwrap()..][..usize::try_from(length).unwrap()];
                let expected = Hasher::of(Algorithm::Sha256, blob);
                for expected in [None, Some(expected)] {
                    let part = Part { offset, length, expected };
                    assert_eq!(sent(&content, place, part, tells).await.as_deref(), Ok(blob), "{offset} {length}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_before_the_last_byte() {
        let content = vec![7; 200_000];
        for tells in [true, false] {
            let wrong = || Some(Hasher::of(Algorithm::Sha256, b"another"));
            let part = Part { offset: 0, length: 200_000, expected: wrong() };
            let error = sent(&content, 0, part, tells).await.unwrap_err();
            assert!(error.starts_with("digest mismatch: the content to push has digest"), "{error}");
            let part = Part { offset: 0, length: 200_001, expected: wrong() };
            let error = sent(&content, 0, part, tells).await.unwrap_err();
            assert_eq!(error, "the blob ended after 200000 of 200001 bytes");
        }
    }
}
