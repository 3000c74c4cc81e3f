//! A registry in a process of its own, so that what is measured is the tool and not its peer.
//!
//! The server takes commands on standard input, one a line, and answers with one line of JSON: `counters` tells what
//! happened since the last `reset`. The end of the input ends it, so it cannot outlive whoever started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use test_support::{Kind, Registry, Request, Storage};

/// What a server did since the last `reset`.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// All requests.
    pub(crate) requests: usize,
    /// Blob reads.
    pub(crate) blob_reads: usize,
    /// Requests about uploads, mounts included.
    pub(crate) uploads: usize,
    /// Bytes of blobs sent.
    pub(crate) bytes_served: u64,
    /// Bytes of bodies received.
    pub(crate) bytes_received: u64,
}

/// The server's side: serves `folder` until its standard input ends.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    let registry = Registry::builder().storage(Storage::Dir(folder.to_owned())).start_blocking();
    crate::process::say(registry.host());
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            "reset" => registry.clear_requests(),
            "counters" => crate::process::say(&serde_json::to_string(&counters(&registry.requests()))?),
            _ => {}
        }
    }
    registry.save()?;
    Ok(())
}

fn counters(requests: &[Request]) -> Counters {
    let of = |kind: Kind| requests.iter().filter(move |request| request.kind == kind);
    Counters {
        requests: requests.len(),
        blob_reads: of(Kind::Blob).filter(|request| request.method == "GET").count(),
        uploads: of(Kind::Upload).count(),
        bytes_served: of(Kind::Blob).map(Request::bytes_sent).sum(),
        bytes_received: requests.iter().map(Request::bytes_received).sum(),
    }
}

/// The other side: a server that was started.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    host: String,
}

impl Server {
    /// Starts this program again as a server of `folder`.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve-registry")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the registry server")?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut server = Self { child, input, output, host: String::new() };
        server.host = server.line()?;
        Ok(server)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Counts from zero again.
    pub(crate) fn reset(&mut self) -> anyhow::Result<()> {
        self.say("reset")
    }

    /// What happened since the last reset.
    pub(crate) fn counters(&mut self) -> anyhow::Result<Counters> {
        self.say("counters")?;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn say(&mut self, command: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("the server was stopped")?;
        writeln!(input, "{command}").context("the registry server is gone")
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the registry server is gone");
        Ok(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it; it then writes its index, which nobody waits for here.
        drop(self.input.take());
        drop(self.child.wait());
    }
}
