//! A catalog image as a cluster uses it: its content checked, its cache judged, and served by the real `opm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::{Deserializer, Value};

use super::install::Peers;
use super::{free_port, fresh, said, wait_for};

/// Commands that catalog images start: entrypoint, `Cmd`, and the folder of the catalog.
pub(super) const COMMANDS: [(&[&str], &[&str], &str); 8] = [
    (&["/bin/opm"], &["serve", "/configs", "--cache-dir=/tmp/cache"], "/configs"),
    (&["/bin/opm"], &["serve", "/configs"], "/configs"),
    (&["/bin/opm", "serve", "/configs"], &[], "/configs"),
    (&["/bin/opm", "serve", "/configs", "--cache-dir=/tmp/cache"], &[], "/configs"),
    (&[], &["/bin/opm", "serve", "/configs", "--cache-dir", "/var/cache/opm"], "/configs"),
    (&["/bin/opm"], &[], "/configs"),
    (&["/bin/sh", "-c"], &["exec /bin/opm serve /configs --cache-dir=/tmp/cache"], "/configs"),
    (&["/bin/opm", "serve"], &["/srv/catalog", "--cache-dir=/tmp/cache"], "/srv/catalog"),
];

/// Where caches lie that no command names.
const USUAL_CACHE: &str = "/tmp/cache";

/// A catalog image, taken apart.
pub(super) struct Catalog {
    /// Its files.
    root: PathBuf,
    /// Entrypoint and `Cmd`.
    words: Vec<String>,
}

impl Catalog {
    /// Takes the image `name` apart into a folder.
    pub(super) fn unpack(peers: &Peers, name: &str, folder: &Path) -> anyhow::Result<Self> {
        fresh(folder)?;
        let tar = folder.join("image.tar");
        said(peers.crane().args(["export", "--insecure", "--platform", "linux/amd64", name]).arg(&tar))?;
        let root = folder.join("root");
        tar::Archive::new(fs::File::open(&tar)?).unpack(&root).context("cannot unpack the image")?;
        let config = said(peers.crane().args(["config", "--insecure", "--platform", "linux/amd64", name]))?;
        let config: Value = serde_json::from_str(&config).context("the configuration is no JSON")?;
        let words = |field: &str| -> Vec<String> {
            let list = config["config"][field].as_array().into_iter().flatten();
            list.filter_map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        Ok(Self { root, words: [words("Entrypoint"), words("Cmd")].concat() })
    }

    /// What `opm` is started with: the words after the program, each path below the folder of the image.
    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let words: Vec<&str> = self.words.iter().flat_map(|word| word.split(' ')).collect();
        let program = words.iter().position(|word| word.rsplit('/').next() == Some("opm"));
        let program = program.with_context(|| format!("no `opm` in {:?}", self.words))?;
        let here = |word: &&str| {
            let (flag, path) = word.split_once('=').unwrap_or(("", word));
            let path = if path.starts_with('/') { self.at(path) } else { path.to_owned() };
            if flag.is_empty() { path } else { format!("{flag}={path}") }
        };
        Ok(words.iter().skip(program + 1).map(here).collect())
    }

    fn at(&self, path: &str) -> String {
        self.root.join(path.trim_start_matches('/')).display().to_string()
    }

    /// Lets the judge compare the cache of the image with one that operator-registry builds; the number of bundles.
    pub(super) fn judge(&self, peers: &Peers) -> anyhow::Result<usize> {
        let arguments = self.arguments()?;
        let cache = arguments.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--cache-dir=") {
            Some(path) => Some(path.to_owned()),
            None => arguments.get(at + 1).filter(|_| word == "--cache-dir").cloned(),
        });
        judge(peers, Path::new(&self.at("/configs")), Path::new(&cache.unwrap_or_else(|| self.at(USUAL_CACHE))))
    }

    /// Lets `opm` validate the catalog.
    pub(super) fn validate(&self, peers: &Peers) -> anyhow::Result<()> {
        said(peers.program("opm").arg("validate").arg(self.at("/configs"))).map(drop)
    }

    /// Lets `opm` serve the catalog as the image says, and lists the bundles that it serves. With a folder for its cache,
    /// `opm` ends when the cache is not that of the catalog.
    pub(super) fn serve(&self, peers: &Peers) -> anyhow::Result<Vec<String>> {
        let port = free_port()?;
        let mut command = peers.program("opm");
        // pprof must not take a fixed port.
        command.args(self.arguments()?).args(["--port", &port.to_string(), "--pprof-addr", "127.0.0.1:0"]);
        command.args(["--termination-log", "/dev/null"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Running(command.spawn().context("cannot start opm serve")?);
        if let Err(error) = wait_for(port, "opm serve") {
            let ended = running.0.try_wait()?.map_or("still runs".to_owned(), |status| format!("ended with {status}"));
            return Err(error.context(format!("opm {:?} {ended}", self.arguments()?)));
        }
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
}

/// Lets the judge compare a cache with one that operator-registry builds of the catalog; the number of bundles.
pub(super) fn judge(peers: &Peers, configs: &Path, cache: &Path) -> anyhow::Result<usize> {
    let found =
        said(peers.judge().0.arg(configs).arg(cache)).with_context(|| format!("the cache of {}", configs.display()))?;
    found.trim().parse().with_context(|| format!("the judge printed {found}"))
}

/// A process that ends when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
