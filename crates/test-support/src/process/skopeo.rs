//! `skopeo` as an independent client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use image_ref::Digest;
use tempfile::TempDir;

use super::skip;
use crate::manifest_digest;

/// The program, with what it needs to reach one registry. It sees nothing of the user's own configuration.
#[derive(Debug, Clone)]
pub struct Skopeo {
    home: Arc<TempDir>,
    certificates: Option<PathBuf>,
    credentials: Option<String>,
}

impl Skopeo {
    /// The program, for plain HTTP without credentials; `None`, with a line that says so, when it is not installed.
    pub fn find() -> Option<Self> {
        let found = Command::new("skopeo").arg("--version").stdin(Stdio::null()).output();
        if found.is_err() {
            skip("skopeo");
            return None;
        }
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(home.path().join("registries.conf"), "").expect("the folder is new");
        Some(Self { home: Arc::new(home), certificates: None, credentials: None })
    }

    /// Verifies TLS with the certificates (`*.crt`) of this folder.
    #[must_use]
    pub fn certificates(mut self, folder: &Path) -> Self {
        self.certificates = Some(folder.to_owned());
        self
    }

    /// Sends these basic credentials.
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some(format!("{user}:{password}"));
        self
    }

    /// The manifest under `reference`, such as `127.0.0.1:5000/app:v1`, byte for byte.
    ///
    /// # Errors
    /// What skopeo printed when it failed.
    pub fn inspect_raw(&self, reference: &str) -> Result<Vec<u8>, String> {
        let mut command = self.command("inspect");
        command.arg("--raw").args(self.access("")).arg(format!("docker://{reference}"));
        run(command).map(|output| output.stdout)
    }

    /// The digest of the manifest under `reference`.
    ///
    /// # Errors
    /// What skopeo printed when it failed.
    pub fn digest(&self, reference: &str) -> Result<Digest, String> {
        self.inspect_raw(reference).map(|bytes| manifest_digest(&bytes))
    }

    /// The tags of a repository, such as `127.0.0.1:5000/app`.
    ///
    /// # Errors
    /// What skopeo printed when it failed.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, String> {
        let mut command = self.command("list-tags");
        command.args(self.access("")).arg(format!("docker://{repository}"));
        let output = run(command)?;
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let tags = answer["Tags"].as_array().into_iter().flatten();
        Ok(tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
    }

    /// Copies an image, all instances of a list included, digests kept; references with transport, such as
    /// `docker://127.0.0.1:5000/app:v1` and `dir:/tmp/x`. All blobs are read and verified.
    ///
    /// # Errors
    /// What skopeo printed when it failed.
    pub fn copy_all(&self, source: &str, destination: &str) -> Result<(), String> {
        let mut command = self.command("copy");
        command.args(["--all", "--preserve-digests", "--quiet"]);
        command.args(self.access("src-")).args(self.access("dest-")).arg(source).arg(destination);
        run(command).map(drop)
    }

    /// Reads an image with all its instances and blobs, verifying every digest, and keeps nothing.
    ///
    /// # Errors
    /// What skopeo printed when it failed.
    pub fn verify(&self, reference: &str) -> Result<(), String> {
        let folder = tempfile::tempdir_in(self.home.path()).map_err(|error| error.to_string())?;
        self.copy_all(&format!("docker://{reference}"), &format!("dir:{}", folder.path().display()))
    }

    /// Reads an image with all its instances under a trust policy, with signatures from where the folder `registries_d` says,
    /// and keeps nothing.
    ///
    /// # Errors
    /// What skopeo printed when it refused the image.
    pub fn judge(&self, reference: &str, policy: &Path, registries_d: &Path) -> Result<(), String> {
        let folder = tempfile::tempdir_in(self.home.path()).map_err(|error| error.to_string())?;
        let mut command = self.bare();
        command.arg("--policy").arg(policy).arg("--registries.d").arg(registries_d);
        command.args(["copy", "--all", "--quiet", "--remove-signatures"]).args(self.access("src-"));
        command.arg(format!("docker://{reference}")).arg(format!("oci:{}", folder.path().display()));
        run(command).map(drop)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.bare();
        command.arg("--insecure-policy").arg(verb);
        command
    }

    fn bare(&self) -> Command {
        let home = self.home.path();
        let mut command = Command::new("skopeo");
        command
            .stdin(Stdio::null())
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("CONTAINERS_REGISTRIES_CONF", home.join("registries.conf"))
            .env("REGISTRY_AUTH_FILE", home.join("auth.json"));
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(variable);
        }
        command
    }

    /// The flags of access; `prefix` is `src-` or `dest-` for a copy.
    fn access(&self, prefix: &str) -> Vec<String> {
        let mut flags = vec![format!("--{prefix}tls-verify={}", self.certificates.is_some())];
        if let Some(folder) = &self.certificates {
            flags.push(format!("--{prefix}cert-dir={}", folder.display()));
        }
        if let Some(credentials) = &self.credentials {
            flags.push(format!("--{prefix}creds={credentials}"));
        }
        flags
    }
}

fn run(mut command: Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(output) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
