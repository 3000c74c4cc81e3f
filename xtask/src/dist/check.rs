//! `cargo xtask dist --check`: each thing is tried with the tools of its format. What is not installed is left out, with a line.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{Target, VERSION};
use crate::process::{on_path, say};

/// Tries everything that was made for a target.
/// A program that was built elsewhere may need a C library.
pub(super) fn all(out: &Path, target: &Target, program: &Path, is_static: bool) -> anyhow::Result<()> {
    let &Target { rust, architecture, rpm } = target;
    let is_own = rust.starts_with(std::env::consts::ARCH);
    if is_static {
        static_program(program, is_own, rust)?;
    } else {
        said(&shown(program), &["version", "--output=json"])?;
    }
    let deb = out.join(format!("oc-mirror_{VERSION}_{architecture}.deb"));
    if has("dpkg-deb") {
        let listed = said("dpkg-deb", &["--contents", &shown(&deb)])?;
        ensure!(listed.contains("usr/bin/oc-mirror"), "{} has no program:\n{listed}", deb.display());
    }
    if is_own && has("dpkg") {
        install(&deb)?;
    }
    let package = out.join(format!("oc-mirror-{VERSION}-1.{rpm}.rpm"));
    if has("rpm") && package.is_file() {
        let listed = said("rpm", &["-qlp", &shown(&package)])?;
        ensure!(listed.contains("/usr/bin/oc-mirror"), "{} has no program:\n{listed}", package.display());
    }
    if has("skopeo") {
        let image = format!("oci:{}:{VERSION}", out.join(format!("oc-mirror-{VERSION}-{architecture}.oci")).display());
        let about = said("skopeo", &["inspect", "--override-arch", architecture, &image])?;
        ensure!(about.contains(&format!("\"Architecture\": \"{architecture}\"")), "{image}: {about}");
        let copy = tempfile::tempdir()?;
        let copied = format!("oci:{}:x", copy.path().join("copied").display());
        said("skopeo", &["--insecure-policy", "--override-arch", architecture, "copy", "--quiet", &image, &copied])?;
    }
    say(&format!("dist: what was made for {rust} was tried"));
    Ok(())
}

/// The program runs in an empty root: it needs no other file.
fn static_program(program: &Path, is_own: bool, target: &str) -> anyhow::Result<()> {
    let said_version = if is_own {
        if !rustix::process::geteuid().is_root() || !has("chroot") {
            say("dist: chroot needs root; the program runs here instead");
            said(&shown(program), &["version", "--output=json"])?
        } else {
            let root = tempfile::tempdir()?;
            fs::copy(program, root.path().join("oc-mirror")).context("cannot copy the program")?;
            said("chroot", &[&shown(root.path()), "/oc-mirror", "version", "--output=json"])?
        }
    } else {
        let emulator = format!("qemu-{}", target.split('-').next().unwrap_or_default());
        if !has(&emulator) {
            return Ok(());
        }
        said(&emulator, &[&shown(program), "version", "--output=json"])?
    };
    ensure!(said_version.contains(&format!("\"target\": \"{target}\"")), "{}: {said_version}", program.display());
    Ok(())
}

/// `dpkg -i` into a root of its own: nothing of this machine changes.
fn install(deb: &Path) -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let place = shown(root.path());
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(root.path().join(folder))?;
    }
    fs::write(root.path().join("var/lib/dpkg/status"), "")?;
    let admin = format!("--root={place}");
    said("dpkg", &[&admin, "--force-not-root", "--force-script-chrootless", "--log=/dev/null", "-i", &shown(deb)])?;
    said(&shown(&root.path().join("usr/bin/oc-mirror")), &["version", "--short"])?;
    Ok(())
}

/// Whether a program is here; a line says when it is not.
fn has(program: &str) -> bool {
    let is_here = on_path(program);
    if !is_here {
        say(&format!("dist: `{program}` is not installed: what needs it was not tried"));
    }
    is_here
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What a program prints; it must succeed.
fn said(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).output().with_context(|| format!("cannot start `{program}`"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{program} {}` failed: {text}", args.join(" "));
    Ok(text)
}
