//! A catalog image as a cluster uses it: its content checked and served by the real `opm`.

use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::{Deserializer, Value};

use super::install::Peers;
use super::{free_port, fresh, said, wait_for};

/// Takes the content out of the image `name`, lets `opm` validate and serve it, and lists the bundles that it serves.
pub(super) fn serve(peers: &Peers, name: &str, folder: &Path) -> anyhow::Result<Vec<String>> {
    fresh(folder)?;
    let tar = folder.join("image.tar");
    said(peers.crane().args(["export", "--insecure", "--platform", "linux/amd64", name]).arg(&tar))?;
    tar::Archive::new(std::fs::File::open(&tar)?).unpack(folder.join("root")).context("cannot unpack the image")?;
    let configs = folder.join("root/configs");
    said(peers.program("opm").arg("validate").arg(&configs))?;
    let port = free_port()?;
    let mut command = peers.program("opm");
    // Without a folder for its cache, opm builds one of its own; pprof must not take a fixed port.
    command.arg("serve").arg(&configs).args(["--port", &port.to_string(), "--pprof-addr", "127.0.0.1:0"]);
    command.args(["--termination-log", "/dev/null"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _running = Running(command.spawn().context("cannot start opm serve")?);
    wait_for(port, "opm serve")?;
    let address = format!("127.0.0.1:{port}");
    let listed = said(peers.program("grpcurl").args(["-plaintext", &address, "api.Registry/ListBundles"]))?;
    let mut bundles = Vec::new();
    for bundle in Deserializer::from_str(&listed).into_iter::<Value>() {
        let bundle = bundle.context("grpcurl printed no JSON")?;
        bundles.push(bundle["csvName"].as_str().context("a bundle has no name")?.to_owned());
    }
    ensure!(!bundles.is_empty(), "opm serve lists no bundle");
    bundles.sort();
    bundles.dedup();
    Ok(bundles)
}

/// A process that ends when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
