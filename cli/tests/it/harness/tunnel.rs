//! A proxy that takes CONNECT only, and remembers who was asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The proxy. Its threads end with the test's process.
pub(crate) struct Tunnel {
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// The connections so far, to be cut.
    open: Arc<Mutex<Vec<TcpStream>>>,
    is_cut: Arc<AtomicBool>,
}

impl Tunnel {
    /// A proxy that leads everyone to one place.
    pub(crate) fn to(place: &str) -> Self {
        Self::by_host(&[("", place)])
    }

    /// A proxy that leads whoever asks for a host to the place beside the host; an empty host stands for all.
    pub(crate) fn by_host(places: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let owned = |(host, place): &(&str, &str)| ((*host).to_owned(), (*place).to_owned());
        let places: Arc<Vec<(String, String)>> = Arc::new(places.iter().map(owned).collect());
        let log = Arc::clone(&asked);
        let (open, is_cut): (Arc<Mutex<Vec<TcpStream>>>, Arc<AtomicBool>) = Default::default();
        let (connections, cut) = (Arc::clone(&open), Arc::clone(&is_cut));
        std::thread::spawn(move || {
            for visitor in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                connections.lock().unwrap().extend(visitor.try_clone());
                let (log, places) = (Arc::clone(&log), Arc::clone(&places));
                std::thread::spawn(move || lead(&visitor, &places, &log));
            }
        });
        Self { address, asked, open, is_cut }
    }

    /// Ends every connection, and takes no more.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for connection in self.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// The hosts asked for so far, each once, sorted: `CONNECT host:port`.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut hosts = self.asked.lock().unwrap().clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

/// Leads one visitor. Ends when either side does.
fn lead(visitor: &TcpStream, places: &[(String, String)], log: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(visitor.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let first = first.trim().trim_end_matches(" HTTP/1.1");
    log.lock().unwrap().push(first.to_owned());
    let host = first.strip_prefix("CONNECT ")?.rsplit_once(':')?.0;
    let (_, place) = places.iter().find(|(of, _)| of.is_empty() || of == host)?;
    let server = TcpStream::connect(place).ok()?;
    visitor.try_clone().ok()?.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut up, mut back) = (server.try_clone().ok()?, visitor.try_clone().ok()?);
    let upwards = std::thread::spawn(move || {
        let _ = std::io::copy(&mut reader, &mut up);
        let _ = up.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut &server, &mut back);
    let _ = back.shutdown(Shutdown::Both);
    upwards.join().ok()
}
