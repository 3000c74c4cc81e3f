//! `cargo xtask bench`: measurements side by side with a floor of ordinary tools, in one run on one machine.

pub(crate) mod blob;
pub(crate) mod catalog;
mod floor;
mod measure;
mod options;
pub(crate) mod plan;
pub(crate) mod release;
pub(crate) mod requests;
pub(crate) mod server;
mod spent;
pub(crate) mod transfer;

use crate::process::{self, cargo};
use crate::tool;

/// Runs the same command again with a release build of this program, which is the peer of what is measured and would be
/// the bottleneck unoptimised. False when this is such a build.
fn again_in_release(command: &[&str], arguments: &[&str]) -> anyhow::Result<bool> {
    if !cfg!(debug_assertions) {
        return Ok(false);
    }
    process::run(cargo(), &["build", "--quiet", "--release", "--package", "xtask"])?;
    let own = tool::target_folder()?.join("release/xtask").display().to_string();
    process::run(&own, &[command, arguments].concat())?;
    Ok(true)
}

/// Lets what earlier steps wrote reach the disk, so that no step pays for another.
fn settle() {
    rustix::fs::sync();
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Floor,
    Tool,
}

/// The file system is slower after one thing than after another, by a factor of two: the two to compare follow each
/// other, and every other time the tool goes first.
fn turns(pair: usize) -> [Turn; 2] {
    if pair.is_multiple_of(2) { [Turn::Tool, Turn::Floor] } else { [Turn::Floor, Turn::Tool] }
}
