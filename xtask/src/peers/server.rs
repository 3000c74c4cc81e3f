//! Registries of others, each a process on a free port of the loopback address.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::json;

use super::install::Peers;
use super::{free_port, fresh, wait_for};

/// A running registry; it ends when this is dropped.
pub(super) struct Server {
    name: &'static str,
    host: String,
    port: u16,
    child: Child,
}

impl Server {
    /// distribution's registry, with deletes enabled.
    pub(super) fn distribution(peers: &Peers, folder: &Path) -> anyhow::Result<Self> {
        let (port, root) = (free_port()?, folder.join("distribution"));
        fresh(&root)?;
        // YAML takes JSON.
        let config = json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": root.join("data") }, "delete": { "enabled": true } },
            "http": { "addr": format!("127.0.0.1:{port}"), "secret": "peers" },
        });
        let path = root.join("config.yml");
        fs::write(&path, config.to_string())?;
        let mut command = peers.program("registry");
        command.arg("serve").arg(path);
        Self::start("distribution v3.1.2", port, command)
    }

    /// go-containerregistry's registry.
    pub(super) fn crane(peers: &Peers, folder: &Path) -> anyhow::Result<Self> {
        let (port, root) = (free_port()?, folder.join("crane"));
        fresh(&root)?;
        let mut command = peers.crane();
        command.args(["registry", "serve", "--address", &format!("127.0.0.1:{port}"), "--disk"]).arg(root);
        Self::start("go-containerregistry v0.22.1", port, command)
    }

    fn start(name: &'static str, port: u16, mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let server = Self { name, host: format!("127.0.0.1:{port}"), port, child };
        wait_for(port, name)?;
        Ok(server)
    }

    /// Product and version.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    /// `127.0.0.1:<port>`.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
