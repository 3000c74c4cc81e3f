//! Keys and signatures made by gpg, as releases are signed.

use std::process::{Command, Output};

use tempfile::TempDir;

/// A home folder of gpg. Its agent ends with it.
pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// A fresh home, or `None` when gpg is not installed.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
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

    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.command(arguments, input);
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a signing key for `user` and gives its public half, armored.
    pub(crate) fn key(&self, user: &str) -> Vec<u8> {
        self.run(&["--quick-generate-key", user, "ed25519", "sign", "never"], b"");
        self.run(&["--armor", "--export", user], b"")
    }

    /// Signs as simple signing does.
    pub(crate) fn sign(&self, user: &str, payload: &[u8], more: &[&str]) -> Vec<u8> {
        let mut arguments = vec!["--local-user", user];
        arguments.extend(more);
        arguments.push("--sign");
        self.run(&arguments, payload)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}
