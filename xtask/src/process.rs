//! Running other programs from the repository's root, and talking to the person who called us.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one level below the root").to_owned()
}

/// The `cargo` that called us, so that a toolchain override stays in force.
pub(crate) fn cargo() -> &'static str {
    option_env!("CARGO").unwrap_or("cargo")
}

/// What `cargo metadata` says of the workspace when it is called with these arguments too.
pub(crate) fn metadata<T: DeserializeOwned>(args: &[&str]) -> anyhow::Result<T> {
    let output = Command::new(cargo())
        .args(["metadata", "--format-version=1"])
        .args(args)
        .current_dir(root())
        .output()
        .context("cannot start `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cannot read the answer of `cargo metadata`")
}

/// Runs a program in the repository's root with its output on ours, and fails when it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    run_with(program, args, &[])
}

/// Like [`run`], with environment variables added.
pub(crate) fn run_with(program: &str, args: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let line = format!("{program} {}", args.join(" "));
    complain(&format!("+ {line}"));
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(variables.iter().copied());
    let status = command.status().with_context(|| format!("cannot start `{program}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Whether a program is on `PATH`.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::split_paths(&path_variable()).any(|folder| folder.join(program).is_file())
}

#[expect(clippy::disallowed_methods, reason = "xtask is a program of its own and looks programs up")]
fn path_variable() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Says something on standard output.
#[expect(clippy::print_stdout, reason = "the one place where xtask prints")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Says something on standard error.
#[expect(clippy::print_stderr, reason = "the one place where xtask prints to standard error")]
pub(crate) fn complain(text: &str) {
    eprintln!("{text}");
}
