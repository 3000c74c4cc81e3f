//! An address where nobody listens.

use std::fmt;

use tokio::net::{TcpListener, TcpSocket};

/// A loopback address that refuses every connection, and that no other process gets while this lives.
///
/// The port of a listener that was dropped is anybody's: the next registry of another test may get it, and then answers
/// where a test wants to be refused. Here the socket stays bound and does not listen.
#[derive(Debug)]
pub struct Nowhere {
    socket: TcpSocket,
    address: String,
}

impl Nowhere {
    /// Takes a free port of `127.0.0.1` and keeps it.
    pub fn hold() -> Self {
        let socket = TcpSocket::new_v4().expect("sockets can be made");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a loopback port is free");
        let address = socket.local_addr().expect("a bound socket has an address").to_string();
        Self { socket, address }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.address
    }

    /// From now on somebody listens there. Only within an async runtime.
    pub fn listen(self) -> TcpListener {
        self.socket.listen(128).expect("the socket is bound")
    }
}

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
