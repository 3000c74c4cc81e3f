//! Debian's `docker-registry` (CNCF distribution) as a process of the test.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use image_ref::Digest;
use serde_json::json;
use tempfile::TempDir;

use super::skip;
use crate::{Image, TestCa};

/// `test` with password `test`; bcrypt of the lowest cost, since each request pays for it.
const HTPASSWD: &str = "test:$2y$04$OwBCqYWI1VY162sbWqTHW.2LkijJHXHIvaPmjoGqhi63Mn1D4NrwC\n";

/// Configures a [`DebianRegistry`].
#[derive(Debug, Default)]
pub struct DebianRegistryBuilder {
    root: Option<PathBuf>,
    tls: Option<(PathBuf, PathBuf)>,
    password: bool,
    read_only: bool,
}

impl DebianRegistryBuilder {
    /// Serves this folder, which holds `docker/registry/v2`; oc-mirror's cache is one. Default: an empty temporary one.
    #[must_use]
    pub fn root(mut self, root: &Path) -> Self {
        self.root = Some(root.to_owned());
        self
    }

    /// Serves HTTPS with a certificate of this CA, which must live as long.
    #[must_use]
    pub fn tls(mut self, ca: &TestCa) -> Self {
        self.tls = Some((ca.server_certificate(), ca.server_key()));
        self
    }

    /// Wants basic credentials: [`DebianRegistry::USER`] and [`DebianRegistry::PASSWORD`].
    #[must_use]
    pub fn password(mut self) -> Self {
        self.password = true;
        self
    }

    /// Refuses writes with 405.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Starts the process and waits until it listens; `None`, with a line that says so, when it is not installed.
    pub fn start(self) -> Option<DebianRegistry> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let root = self.root.unwrap_or_else(|| folder.path().join("data"));
        // YAML takes JSON, and JSON quotes paths as it should.
        let mut config = json!({
            "version": "0.1",
            "log": { "level": "info", "accesslog": { "disabled": true } },
            "storage": {
                "delete": { "enabled": true },
                "filesystem": { "rootdirectory": root },
                "maintenance": { "uploadpurging": { "enabled": false }, "readonly": { "enabled": self.read_only } },
            },
            "http": { "addr": "127.0.0.1:0", "secret": "test" },
        });
        if let Some((certificate, key)) = &self.tls {
            config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
        }
        if self.password {
            let path = folder.path().join("htpasswd");
            fs::write(&path, HTPASSWD).expect("the folder is new");
            config["auth"] = json!({ "htpasswd": { "realm": "test", "path": path } });
        }
        let config_path = folder.path().join("config.yml");
        fs::write(&config_path, config.to_string()).expect("the folder is new");
        let spawned = Command::new("docker-registry")
            .arg("serve")
            .arg(&config_path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip("docker-registry");
                return None;
            }
            Err(error) => panic!("`docker-registry` cannot be started: {error}"),
        };
        let log = BufReader::new(child.stderr.take().expect("it was asked for"));
        let (sender, receiver) = mpsc::channel();
        // Reads on to the end, so that the process never waits for a reader.
        let reader = std::thread::spawn(move || {
            let mut lines = Vec::new();
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let address: String =
                        rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
                    // Nobody listens any more when the start has timed out.
                    drop(sender.send(address));
                }
                lines.push(line);
            }
            lines
        });
        let Ok(host) = receiver.recv_timeout(Duration::from_secs(20)) else {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
            let log = reader.join().unwrap_or_default().join("\n");
            panic!("`docker-registry` does not listen; its log:\n{log}");
        };
        Some(DebianRegistry { child, host, root, tls: self.tls.is_some(), _folder: folder })
    }
}

/// A running `docker-registry`, which ends when this is dropped.
#[derive(Debug)]
pub struct DebianRegistry {
    child: Child,
    host: String,
    root: PathBuf,
    tls: bool,
    _folder: TempDir,
}

impl DebianRegistry {
    /// The user of a registry [with password](DebianRegistryBuilder::password).
    pub const USER: &str = "test";
    /// Its password.
    pub const PASSWORD: &str = "test";

    /// A registry to be configured.
    pub fn builder() -> DebianRegistryBuilder {
        DebianRegistryBuilder::default()
    }

    /// An empty registry, plain HTTP, open to everyone; `None` when the program is not installed.
    pub fn start() -> Option<Self> {
        Self::builder().start()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.host)
    }

    /// The folder that it serves; `docker/registry/v2` is below it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Puts an image and everything below it into `repository` by writing the files of its layout, which works
    /// whatever TLS and credentials it wants; a `tag` names it.
    pub fn push<'a>(&self, repository: &str, tag: impl Into<Option<&'a str>>, image: &Image) {
        write_layout(&self.root, repository, tag.into(), image).expect("the registry's folder can be written");
    }
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The storage layout of distribution ("registry/storage/paths.go"): blobs once, links per repository.
fn write_layout(root: &Path, repository: &str, tag: Option<&str>, image: &Image) -> io::Result<()> {
    let top = root.join("docker/registry/v2");
    let repository = top.join("repositories").join(repository);
    let put = |path: PathBuf, bytes: &[u8]| {
        fs::create_dir_all(path.parent().expect("it has a folder above"))?;
        fs::write(path, bytes)
    };
    let data = |digest: &Digest| {
        let hex = digest.hex();
        top.join("blobs").join(digest.algorithm().as_str()).join(&hex[..2]).join(hex).join("data")
    };
    let link = |below: &str, digest: &Digest| {
        let path = repository.join(below).join(digest.algorithm().as_str()).join(digest.hex()).join("link");
        put(path, digest.to_string().as_bytes())
    };
    for image in image.manifests() {
        for blob in &image.blobs {
            put(data(&blob.digest), &blob.bytes)?;
            link("_layers", &blob.digest)?;
        }
        put(data(&image.digest), &image.bytes)?;
        link("_manifests/revisions", &image.digest)?;
    }
    if let Some(tag) = tag {
        let tag = format!("_manifests/tags/{tag}");
        link(&format!("{tag}/index"), &image.digest)?;
        put(repository.join(&tag).join("current/link"), image.digest.to_string().as_bytes())?;
    }
    Ok(())
}
