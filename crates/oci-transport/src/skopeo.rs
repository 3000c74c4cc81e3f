//! Images behind other transports (`docker-archive`, `dir`, `containers-storage`, …), brought into an OCI layout by `skopeo`.
//!
//! `skopeo` writes a `dir:` folder, the one destination that keeps every manifest byte by byte; the folder then becomes a
//! layout by renaming its files. See `docs/adr/0006-other-transports.md`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use image_ref::{Algorithm, Digest, ImageRef};

use crate::error::{Condition, Error};
use crate::layout::Layout;
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest};

/// How much of what the program said is told: the end of it, in bytes.
const TOLD: usize = 2000;

/// The program that reads other transports, and where it may write.
#[derive(Debug, Clone)]
pub struct Skopeo {
    /// The program's file.
    pub program: PathBuf,
    /// The folder for what it writes: as large as the images. It is emptied at the first use and removed with the client.
    pub scratch: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// How long one image may take.
    pub timeout: Duration,
}

/// The layouts made so far, removed when the client is.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) layouts:
        std::sync::Mutex<std::collections::HashMap<String, std::sync::Arc<tokio::sync::OnceCell<Layout>>>>,
    count: AtomicU64,
    scratch: std::sync::OnceLock<PathBuf>,
}

impl Drop for Imported {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.get() {
            // The next run empties it.
            let _ = fs::remove_dir_all(scratch);
        }
    }
}

impl Imported {
    /// Copies the image behind `name` into a layout of its own.
    pub(crate) async fn import(&self, skopeo: &Skopeo, image: &ImageRef, action: &str) -> Result<Layout, Error> {
        let local = |error: io::Error| Error::local(action, error);
        if self.scratch.set(skopeo.scratch.clone()).is_ok() {
            // What a killed run has left.
            let _ = fs::remove_dir_all(&skopeo.scratch);
        }
        let folder = skopeo.scratch.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir_all(&folder).map_err(local)?;
        let dir = folder.join("dir");
        let source = format!("{}:{}", image.transport().scheme(), image.name());
        let mut destination = OsString::from("dir:");
        destination.push(&dir);
        let child = tokio::process::Command::new(&skopeo.program)
            .args(["--insecure-policy", "copy", "--all", "--quiet"])
            .args(keeps_digests(image).then_some("--preserve-digests"))
            .arg(&source)
            .arg(destination)
            .env_clear()
            .envs(skopeo.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let message = format!("cannot start `{}`: {error}", skopeo.program.display());
                Error::new(Condition::Local, action, message)
            })?;
        let output = tokio::time::timeout(skopeo.timeout, child.wait_with_output()).await.map_err(|_| {
            let message = format!("`skopeo` was ended, since it took longer than {} s", skopeo.timeout.as_secs());
            Error::new(Condition::Local, action, message)
        })?;
        let output = output.map_err(local)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let start = said.char_indices().map(|(at, _)| at).find(|at| said.len() - at <= TOLD).unwrap_or(0);
            let message = format!("`skopeo copy {source}` failed ({}): {}", output.status, said[start..].trim());
            return Err(Error::new(Condition::Local, action, message));
        }
        let layout = folder.join("layout");
        match tokio::task::spawn_blocking(move || into_layout(&dir, &layout)).await {
            Ok(made) => made.map_err(local),
            Err(_) => Err(Error::new(Condition::Local, action, "the work was interrupted")),
        }
    }
}

/// Whether the manifest can stay as it is. The storage of containers keeps layers unpacked, so a manifest of compressed
/// layers has to be written anew there, and skopeo refuses the copy when it may not.
fn keeps_digests(image: &ImageRef) -> bool {
    image.transport().scheme() != "containers-storage"
}

/// Makes an OCI layout of a `dir:` folder: `manifest.json`, `<hex>.manifest.json` of each instance, and blobs by `<hex>`.
fn into_layout(dir: &Path, root: &Path) -> io::Result<Layout> {
    let layout = Layout::create(root).map_err(io::Error::other)?;
    let blobs = root.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let manifest = |path: &Path| -> io::Result<Manifest> {
        if fs::metadata(path)?.len() > MAX_MANIFEST_BYTES as u64 {
            return Err(io::Error::other(format!("`{}` is too large for a manifest", path.display())));
        }
        Ok(Manifest::guessed(fs::read(path)?))
    };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.ends_with(".manifest.json") {
            layout.put_manifest(&manifest(&path)?, None).map_err(io::Error::other)?;
        } else if let Ok(digest) = Digest::new(Algorithm::Sha256, name) {
            fs::rename(&path, blobs.join(digest.hex()))?;
        }
    }
    layout.put_manifest(&manifest(&dir.join("manifest.json"))?, Some("image")).map_err(io::Error::other)?;
    fs::remove_dir_all(dir)?;
    Ok(layout)
}
