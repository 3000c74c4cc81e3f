//! Keys and messages made by `gpg`, the program whose signatures the world has.

use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::skip;

/// A home folder of gpg. Its agent ends with it.
#[derive(Debug)]
pub struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// A fresh home; `None`, with a line that says so, when gpg is not installed.
    pub fn find() -> Option<Self> {
        if Command::new("gpg").arg("--version").stdin(Stdio::null()).output().is_err() {
            skip("gpg");
            return None;
        }
        // The agent's socket must fit into 108 bytes, so the folder lies at the top.
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a temporary folder can be made");
        Some(Self { home })
    }

    fn command(&self, arguments: &[&str], input: &[u8]) -> Output {
        // Through a file: with two pipes, a large input and a large output would wait for each other.
        let path = self.home.path().join("input");
        std::fs::write(&path, input).expect("the folder is ours");
        Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments)
            .stdin(std::fs::File::open(&path).expect("it was just written"))
            .output()
            .expect("gpg is installed")
    }

    /// Runs gpg and gives its standard output. Panics with its words when it fails.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.command(arguments, input);
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key `usage` for `user` and gives its fingerprint. With further options it lasts one day only.
    pub fn key(&self, user: &str, algorithm: &str, usage: &str, more: &[&str]) -> String {
        let mut arguments = more.to_vec();
        arguments.extend(["--quick-generate-key", user, algorithm, usage]);
        arguments.push(if more.is_empty() { "never" } else { "1d" });
        self.run(&arguments, b"");
        let listing = self.run(&["--with-colons", "--list-keys", user], b"");
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).expect("a key has a fingerprint");
        line.split(':').nth(9).expect("the tenth field is the fingerprint").to_owned()
    }

    /// Makes a signing key for `user` and gives its public half, armored.
    pub fn signing_key(&self, user: &str) -> Vec<u8> {
        self.key(user, "ed25519", "sign", &[]);
        self.run(&["--armor", "--export", user], b"")
    }

    /// The public keys of a user, binary.
    pub fn export(&self, user: &str) -> Vec<u8> {
        self.run(&["--export", user], b"")
    }

    /// Signs a payload as simple signing does.
    pub fn sign(&self, user: &str, payload: &[u8], more: &[&str]) -> Vec<u8> {
        let mut arguments = vec!["--local-user", user];
        arguments.extend(more);
        arguments.push("--sign");
        self.run(&arguments, payload)
    }

    /// Revokes a key with the certificate gpg keeps for that, whose first line it has made harmless with a colon.
    pub fn revoke(&self, fingerprint: &str) {
        let path = self.home.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let certificate = std::fs::read_to_string(path).expect("gpg keeps a revocation certificate");
        self.run(&["--import"], certificate.replace(":-----BEGIN", "-----BEGIN").as_bytes());
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        drop(Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output());
    }
}
