//! `cargo xtask setup`: the Debian packages that the tests use.

use anyhow::bail;

use crate::process::{self, on_path, run_with, say};

/// Program that must be on `PATH`, and the Debian package that brings it.
const PROGRAMS: &[(&str, &str)] = &[
    ("docker-registry", "docker-registry"),
    ("skopeo", "skopeo"),
    ("gpg", "gpg"),
    ("curl", "curl"),
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("zsh", "zsh"),
    ("fish", "fish"),
];

/// Installs what is missing when root and `apt-get` are at hand; otherwise says in one line what to do.
///
/// `apt-get install` may start the registry as a service where an init system runs; the tests use ports of their own.
pub(crate) fn run() -> anyhow::Result<()> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        say("setup: everything that the tests use is installed");
        return Ok(());
    }
    let list = missing.join(" ");
    if !rustix::process::geteuid().is_root() || !on_path("apt-get") {
        bail!("missing: {list}. Install them first, on Debian with: sudo apt-get install --yes {list}");
    }
    process::run("apt-get", &["update", "--quiet"])?;
    let mut args = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    args.extend(&missing);
    run_with("apt-get", &args, &[("DEBIAN_FRONTEND", "noninteractive")])?;
    if let Some((program, package)) = PROGRAMS.iter().find(|(program, _)| !on_path(program)) {
        bail!("package {package} was installed, but `{program}` is still not on PATH");
    }
    Ok(())
}
