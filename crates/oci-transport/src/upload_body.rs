//! The body of an upload: read, counted, and hashed on the way.
//!
//! There are three kinds of sources. What is asynchronous by nature is taken as it comes. A file is read piece by piece
//! where the request is written ([`FileBody`]). Anything else is read on a blocking thread.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::bandwidth::Bandwidth;
use crate::blob::BlobSource;
use crate::call::Upload;
use crate::file_body::FileBody;
use crate::upload_pieces::{Buffers, Check, Part, local, on_thread};

/// The body of `part`, sent no faster than the bandwidth allows.
pub(crate) fn open(source: &Arc<dyn BlobSource>, part: Part, bandwidth: Option<&Bandwidth>) -> Upload {
    let (sent, held) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let length = part.length;
    let pieces = match source.stream(part.offset) {
        Some(stream) => checked(stream, &part).boxed(),
        None => from_disk(Arc::clone(source), part).boxed(),
    };
    let pieces = match bandwidth.cloned() {
        Some(bandwidth) => slowed(pieces, bandwidth, Arc::clone(&held)).boxed(),
        None => pieces,
    };
    let body = reqwest::Body::wrap_stream(counted(pieces, Arc::clone(&sent)));
    Upload { body, length, sent, held }
}

/// Pieces that wait for their share of the bandwidth; `held` tells when they do. Whoever reads from another registry waits there
/// too, and notices there when nothing comes.
fn slowed(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    bandwidth: Bandwidth,
    held: Arc<AtomicBool>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures_util::stream::unfold((pieces, bandwidth, held), |(mut pieces, bandwidth, held)| async move {
        held.store(true, Ordering::Relaxed);
        let item = pieces.next().await;
        if let Some(Ok(piece)) = &item {
            bandwidth.take(piece.len() as u64).await;
        }
        held.store(false, Ordering::Relaxed);
        Some((item?, (pieces, bandwidth, held)))
    })
}

fn counted(
    stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    sent: Arc<AtomicU64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream.inspect(move |item| {
        if let Ok(chunk) = item {
            sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
    })
}

/// Opens the source, which may wait for a disk, and reads it the way that suits it.
fn from_disk(source: Arc<dyn BlobSource>, part: Part) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let start = async move {
        let opened = {
            let (source, offset) = (Arc::clone(&source), part.offset);
            tokio::task::spawn_blocking(move || source.file(offset)).await
        };
        match opened.map_err(io::Error::other).flatten() {
            Ok(Some((file, place))) => FileBody::new(file, place, &part).into_stream().boxed(),
            Ok(None) => read(source, &part).boxed(),
            Err(error) => futures_util::stream::iter([Err(local(error))]).boxed(),
        }
    };
    futures_util::stream::once(start).flatten()
}

/// Opens and reads on a blocking thread.
fn read(source: Arc<dyn BlobSource>, part: &Part) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
    let (offset, length) = (part.offset, part.length);
    let open = move || Ok(source.open(offset)?.take(length));
    let mut receiver = on_thread(open, Check::new(part), Buffers::for_part(part));
    futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// Checks a stream that is asynchronous by nature.
fn checked<S: Stream<Item = io::Result<Bytes>> + Send + 'static>(
    stream: S,
    part: &Part,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<S> {
    let state = (Box::pin(stream), Some(Check::new(part)));
    futures_util::stream::unfold(state, |(mut stream, check)| async move {
        let mut check = check?;
        loop {
            let ready = match stream.next().await {
                Some(Ok(chunk)) => check.push(chunk),
                Some(Err(error)) => return Some((Err(local(error)), (stream, None))),
                None => return Some((check.end().transpose()?, (stream, None))),
            };
            if let Some(chunk) = ready {
                return Some((Ok(chunk), (stream, Some(check))));
            }
        }
    })
}
