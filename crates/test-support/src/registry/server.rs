//! Listening, TLS and the life of a connection: what a framework hides, and what faults need.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Shared;

/// The handle by which a request handler acts on the connection that carries it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) on_cdn: bool,
    control: Arc<Control>,
}

#[derive(Debug, Default)]
struct Control {
    reset: AtomicBool,
    no_close_notify: AtomicBool,
    end: Notify,
    go_away: Notify,
}

impl Connection {
    /// Ends the connection with a reset and never returns to the handler.
    pub(super) async fn reset(&self) -> ! {
        self.control.reset.store(true, Ordering::SeqCst);
        self.close().await
    }

    /// Ends the connection and never returns to the handler.
    pub(super) async fn close(&self) -> ! {
        self.control.end.notify_one();
        std::future::pending::<()>().await;
        unreachable!("a pending future never ends")
    }

    /// The end of TLS is not told when the connection ends.
    pub(super) fn skip_close_notify(&self) {
        self.control.no_close_notify.store(true, Ordering::SeqCst);
    }

    /// Asks the client to go to another connection once the running requests are answered. Returns when the connection
    /// knows: over HTTP/1.1 the answer has to say so, or the client sends its next request into a closing connection.
    pub(super) async fn go_away(&self) {
        self.control.go_away.notify_one();
        tokio::task::yield_now().await;
    }
}

/// Accepts until the task is dropped.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>, on_cdn: bool) {
    let numbers = AtomicU64::new(0);
    loop {
        // A failed accept concerns one client only.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let number = numbers.fetch_add(1, Ordering::SeqCst) + 1;
        let connection = Connection { number, on_cdn, control: Arc::default() };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // A latency of 40 ms per request would be measured as the client's.
            drop(stream.set_nodelay(true));
            let guarded = Guarded { stream, control: Arc::clone(&connection.control) };
            let io = match tls {
                Some(acceptor) => match acceptor.accept(guarded).await {
                    Ok(stream) => Io::Tls(Box::new(stream)),
                    Err(_) => return,
                },
                None => Io::Plain(guarded),
            };
            run(io, connection, shared).await;
        });
    }
}

async fn run(io: Io, connection: Connection, shared: Arc<Shared>) {
    let handle = connection.clone();
    let http1_only = shared.options.http1_only;
    let router = Router::new().fallback(move |request: Request| {
        let (shared, connection) = (Arc::clone(&shared), handle.clone());
        async move { super::handler::handle(shared, connection, request).await }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    if http1_only {
        builder = builder.http1_only();
    }
    let mut served = pin!(builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(router)));
    loop {
        tokio::select! {
            // What a handler asked for comes before the handler goes on.
            biased;
            () = connection.control.end.notified() => return,
            () = connection.control.go_away.notified() => served.as_mut().graceful_shutdown(),
            // How a connection ends is the client's story; the request log has ours.
            _ = served.as_mut() => return,
        }
    }
}

pub(super) fn bind(at: IpAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((at, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// A socket that is reset instead of closed when its connection asked for that.
struct Guarded {
    stream: TcpStream,
    control: Arc<Control>,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::SeqCst) {
            // Without it the client sees an orderly end, and the test that wanted a reset says so.
            drop(self.stream.set_zero_linger());
        }
    }
}

enum Io {
    Plain(Guarded),
    Tls(Box<TlsStream<Guarded>>),
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Io::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Io::Tls($stream) => {
                let $stream = Pin::new($stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) if stream.get_ref().0.control.no_close_notify.load(Ordering::SeqCst) => {
                Pin::new(stream.get_mut().0).poll_shutdown(cx)
            }
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
