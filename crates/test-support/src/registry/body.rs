//! Bodies under way: counted, and when a fault says so slowed, paused, cut or bent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;

use super::fault::Effect;
use super::server::Connection;

/// What happens to a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Ends after so many bytes; `true` with a reset.
    cut: Option<(u64, bool)>,
    stall: Option<(u64, Duration)>,
    rate: Option<u64>,
    flip: Option<u64>,
    /// The headers promise more than there is.
    short: bool,
}

impl Shape {
    /// The shape of the answer's body.
    pub(super) fn of_answer(effects: &[Effect], write: bool) -> Self {
        let mut shape = Self::default();
        for effect in effects {
            match *effect {
                Effect::CloseAfter(bytes) => shape.cut = Some((bytes, false)),
                Effect::ResetAfter(bytes) => shape.cut = Some((bytes, true)),
                Effect::WrongLength(_) => shape.short = true,
                Effect::WrongBytes(offset) => shape.flip = Some(offset),
                Effect::Stall { after, pause } if !write => shape.stall = Some((after, pause)),
                Effect::Slow(rate) if !write => shape.rate = Some(rate),
                _ => {}
            }
        }
        shape
    }

    /// The shape of the request's body.
    pub(super) fn of_request(effects: &[Effect]) -> Self {
        let mut shape = Self::default();
        for effect in effects {
            match *effect {
                Effect::DisconnectUploadAfter(bytes) => shape.cut = Some((bytes, true)),
                Effect::Stall { after, pause } => shape.stall = Some((after, pause)),
                Effect::Slow(rate) => shape.rate = Some(rate),
                _ => {}
            }
        }
        shape
    }
}

/// Counts the frames of an answer, and bends it when there is something to bend.
pub(super) fn send(body: Body, shape: Shape, connection: Connection, sent: Arc<AtomicU64>) -> Body {
    if shape == Shape::default() {
        return Body::from_stream(body.into_data_stream().inspect_ok(move |frame| {
            sent.fetch_add(frame.len() as u64, Ordering::SeqCst);
        }));
    }
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
    tokio::spawn(async move {
        let mut pieces = Pieces::new(body, shape);
        loop {
            match pieces.next().await {
                Piece::Bytes(bytes) => {
                    let length = bytes.len() as u64;
                    // The client went away: nothing left to do.
                    if sender.send(Ok(bytes)).await.is_err() {
                        return;
                    }
                    sent.fetch_add(length, Ordering::SeqCst);
                }
                Piece::End => return,
                Piece::Failed(error) => return drop(sender.send(Err(error)).await),
                Piece::Cut { reset } => {
                    // Lets the bytes before the cut reach the wire.
                    drop(sender.reserve().await);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if reset {
                        connection.reset().await;
                    }
                    return drop(sender.send(Err(io::Error::other("cut by a fault"))).await);
                }
            }
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    }))
}

/// Reads a request's body piece by piece into `take`; `Ok(false)` when `take` failed or the client left.
pub(super) async fn receive(
    body: Body,
    shape: Shape,
    connection: &Connection,
    received: &AtomicU64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut pieces = Pieces::new(body, shape);
    loop {
        match pieces.next().await {
            Piece::Bytes(bytes) => {
                take(&bytes)?;
                received.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            }
            Piece::End => return Ok(()),
            Piece::Failed(error) => return Err(error),
            Piece::Cut { reset: true } => connection.reset().await,
            Piece::Cut { reset: false } => connection.close().await,
        }
    }
}

enum Piece {
    Bytes(Bytes),
    End,
    Failed(io::Error),
    Cut { reset: bool },
}

/// A body in pieces that end where something is to happen.
struct Pieces {
    body: axum::body::BodyDataStream,
    rest: Bytes,
    passed: u64,
    shape: Shape,
}

impl Pieces {
    fn new(body: Body, shape: Shape) -> Self {
        Self { body: body.into_data_stream(), rest: Bytes::new(), passed: 0, shape }
    }

    async fn next(&mut self) -> Piece {
        if let Some((at, pause)) = self.shape.stall
            && self.passed >= at
        {
            self.shape.stall = None;
            tokio::time::sleep(pause).await;
        }
        if let Some((at, reset)) = self.shape.cut
            && self.passed >= at
        {
            return Piece::Cut { reset };
        }
        while self.rest.is_empty() {
            match self.body.next().await {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Piece::Failed(io::Error::other(error)),
                None if self.shape.short => return Piece::Cut { reset: false },
                None => return Piece::End,
            }
        }
        let mut length = self.rest.len() as u64;
        for limit in [self.shape.stall.map(|(at, _)| at), self.shape.cut.map(|(at, _)| at)].into_iter().flatten() {
            length = length.min(limit - self.passed);
        }
        if let Some(rate) = self.shape.rate {
            length = length.min((rate / 20).max(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let length = usize::try_from(length).expect("no longer than the piece it is cut from");
        let mut piece = self.rest.split_to(length);
        if let Some(at) = self.shape.flip.and_then(|flip| flip.checked_sub(self.passed))
            && at < length as u64
        {
            let mut bent = piece.to_vec();
            bent[usize::try_from(at).expect("inside the piece")] ^= 1;
            piece = bent.into();
        }
        self.passed += length as u64;
        Piece::Bytes(piece)
    }
}
