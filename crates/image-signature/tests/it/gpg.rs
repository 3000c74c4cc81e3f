//! Keys and messages made at test time by gpg, the program whose signatures the world has.

use std::process::{Command, Output};

use tempfile::TempDir;

/// A home folder of gpg. Its agent ends with it.
pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// A fresh home, or `None` (said aloud) when gpg is not installed.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            println!("skipped: gpg is not installed");
            return None;
        }
        // The agent's socket must fit into 108 bytes, so the folder lies at the top.
        Some(Self { home: tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap() })
    }

    fn command(&self, arguments: &[&str], input: &[u8]) -> Output {
        // Through a file: with two pipes, a large input and a large output would wait for each other.
        let path = self.home.path().join("input");
        std::fs::write(&path, input).unwrap();
        Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments)
            .stdin(std::fs::File::open(&path).unwrap())
            .output()
            .unwrap()
    }

    /// Runs gpg and gives its standard output.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.command(arguments, input);
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key `usage` for `user` and gives its fingerprint. With further options it lasts one day only.
    pub(crate) fn key(&self, user: &str, algorithm: &str, usage: &str, more: &[&str]) -> String {
        let mut arguments = more.to_vec();
        arguments.extend(["--quick-generate-key", user, algorithm, usage]);
        arguments.push(if more.is_empty() { "never" } else { "1d" });
        self.run(&arguments, b"");
        let listing = self.run(&["--with-colons", "--list-keys", user], b"");
        let listing = String::from_utf8(listing).unwrap();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// The public keys of a user, binary.
    pub(crate) fn export(&self, user: &str) -> Vec<u8> {
        self.run(&["--export", user], b"")
    }

    /// Signs a payload as simple signing does.
    pub(crate) fn sign(&self, user: &str, payload: &[u8], more: &[&str]) -> Vec<u8> {
        let mut arguments = vec!["--local-user", user];
        arguments.extend(more);
        arguments.push("--sign");
        self.run(&arguments, payload)
    }
}

impl Gpg {
    /// Revokes a key with the certificate gpg keeps for that, whose first line it has made harmless with a colon.
    pub(crate) fn revoke(&self, fingerprint: &str) {
        let path = self.home.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let certificate = std::fs::read_to_string(path).unwrap().replace(":-----BEGIN", "-----BEGIN");
        self.run(&["--import"], certificate.as_bytes());
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}
