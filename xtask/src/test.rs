//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it fails fastest.

use crate::process::{self, cargo, run_with};
use crate::{deny, layers, setup, tidy};

/// Runs the whole gate.
pub(crate) fn run() -> anyhow::Result<()> {
    setup::run()?;
    process::run(cargo(), &["fmt", "--all", "--check"])?;
    layers::run()?;
    tidy::run()?;
    deny::run()?;
    process::run(cargo(), &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    // End-to-end tests start the program that the workspace build leaves in the target folder.
    process::run(cargo(), &["build", "--workspace", "--locked"])?;
    run_with(cargo(), &["test", "--workspace", "--all-targets", "--locked"], &[("INSTA_UPDATE", "no")])?;
    process::run(cargo(), &["test", "--workspace", "--doc", "--locked"])?;
    run_with(
        cargo(),
        &["doc", "--workspace", "--no-deps", "--locked", "--quiet"],
        &[("RUSTDOCFLAGS", "--deny warnings")],
    )
}
