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
use oci_manifest::{MAX_MANIFEST_BYTES, VerifiedManifest};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Condition, Error};
use crate::layout::Layout;

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
    /// Flags that say where the docker daemon is and how it is trusted: it looks at none of docker's variables. Given
    /// for `docker-daemon` alone.
    pub daemon: Vec<OsString>,
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
        let mut child = tokio::process::Command::new(&skopeo.program)
            .args(["--insecure-policy", "copy", "--all", "--quiet"])
            .args(keeps_digests(image).then_some("--preserve-digests"))
            .args(if image.transport().scheme() == "docker-daemon" { &skopeo.daemon[..] } else { &[] })
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
        let stderr = child.stderr.take();
        let ended = async { tokio::try_join!(child.wait(), last_words(stderr)) };
        let ended = tokio::time::timeout(skopeo.timeout, ended).await.map_err(|_| {
            let message = format!("`skopeo` was ended, since it took longer than {} s", skopeo.timeout.as_secs());
            Error::new(Condition::Local, action, message)
        })?;
        let (status, said) = ended.map_err(local)?;
        if !status.success() {
            let message = format!("`skopeo copy {source}` failed ({status}): {said}");
            return Err(Error::new(Condition::Local, action, message));
        }
        let layout = folder.join("layout");
        match tokio::task::spawn_blocking(move || into_layout(&dir, &layout)).await {
            Ok(made) => made.map_err(local),
            Err(_) => Err(Error::new(Condition::Local, action, "the work was interrupted")),
        }
    }
}

/// The last [`TOLD`] bytes of what a program says, which may be any number, as text that cannot steer a terminal.
async fn last_words(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut said = Vec::new();
    if let Some(mut stream) = stream {
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            said.extend_from_slice(buffer.get(..count).unwrap_or_default());
            said.drain(..said.len().saturating_sub(TOLD));
        }
    }
    // A character that was cut in two at the front says nothing.
    let whole = said.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or(said.len());
    let text = String::from_utf8_lossy(said.get(whole..).unwrap_or_default());
    let steady = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    Ok(steady.collect::<String>().trim().to_owned())
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
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > MAX_MANIFEST_BYTES as u64 {
            return Err(io::Error::other(format!("`{}` is too large for a manifest", path.display())));
        }
        fs::read(path)
    };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(hex) = name.strip_suffix(".manifest.json") {
            let digest = Digest::new(Algorithm::Sha256, hex).map_err(io::Error::other)?;
            let instance = VerifiedManifest::verify(read(&path)?, None, &digest).map_err(io::Error::other)?;
            layout.put_manifest(&instance, None).map_err(io::Error::other)?;
        } else if let Ok(digest) = Digest::new(Algorithm::Sha256, name) {
            fs::rename(&path, blobs.join(digest.hex()))?;
        }
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the folder has no digest of its root: it is what skopeo was asked for"
    )]
    let root = VerifiedManifest::named(read(&dir.join("manifest.json"))?, None);
    layout.put_manifest(&root, Some("image")).map_err(io::Error::other)?;
    fs::remove_dir_all(dir)?;
    Ok(layout)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What comes of a program that is this shell script, with its process id where it wrote it.
    async fn run(script: &str, timeout: Duration) -> (String, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("skopeo");
        fs::write(&program, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let scratch = folder.path().join("scratch");
        let skopeo = Skopeo { program, scratch, environment: Vec::new(), daemon: Vec::new(), timeout };
        let image = ImageRef::parse("docker-archive:///absent.tar").unwrap();
        let error = Imported::default().import(&skopeo, &image, "reading").await.unwrap_err();
        (error.to_string(), fs::read_to_string(folder.path().join("pid")).ok())
    }

    /// What it says is told to a length; who does not end is ended.
    #[tokio::test]
    async fn a_program_that_misbehaves() {
        let hour = Duration::from_secs(3600);
        let (said, _) = run("echo why >&2; exit 3", hour).await;
        assert_eq!(said, "reading: `skopeo copy docker-archive:/absent.tar` failed (exit status: 3): why");
        let (said, _) = run("printf 'a\\033[2Jb\\nc' >&2; exit 1", hour).await;
        assert!(said.ends_with("failed (exit status: 1): a [2Jb\nc"), "{said}");
        let (said, _) = run("while echo flood; do n=$((n+1)); test $n = 9999 && break; done >&2; exit 1", hour).await;
        assert!(said.len() < TOLD + 100 && said.ends_with("\nflood\nflood"), "{said}");
        let (said, pid) = run("echo $$ >pid; exec sleep 600", Duration::from_secs(1)).await;
        assert_eq!(said, "reading: `skopeo` was ended, since it took longer than 1 s");
        let lives = || pid.iter().any(|pid| Path::new("/proc").join(pid.trim()).join("exe").exists());
        // It is killed at once, and waited for in the background.
        for _ in 0..6000 {
            if !lives() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{pid:?} lives on");
    }
}
