//! `cargo xtask fuzz TARGET SECONDS`: one fuzz target for a bounded time.
//!
//! Each parser has its target in its own crate (`crates/NAME/fuzz`). The fuzzer needs compiler flags that a stable
//! toolchain only takes when told so, hence `RUSTC_BOOTSTRAP`; nothing of that reaches the program we ship.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::process::{cargo, complain, on_path, root, run as run_program, say};

/// Prints every target with its crate.
pub(crate) fn list() -> anyhow::Result<()> {
    for (name, folder) in targets()? {
        say(&format!("{name}  ({})", folder.strip_prefix(root()).unwrap_or(&folder).display()));
    }
    Ok(())
}

/// The name of every target, sorted.
pub(crate) fn names() -> anyhow::Result<Vec<String>> {
    Ok(targets()?.into_iter().map(|(name, _)| name).collect())
}

/// Runs the target named `target` for `seconds` seconds; fails when it finds something.
pub(crate) fn run(target: &str, seconds: &str) -> anyhow::Result<()> {
    let seconds: u32 = seconds.parse().with_context(|| format!("`{seconds}` is no number of seconds"))?;
    let all = targets()?;
    let Some((_, folder)) = all.iter().find(|(name, _)| name == target) else {
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        bail!("no fuzz target `{target}`; there are: {}", names.join(", "));
    };
    if !on_path("cargo-fuzz") {
        run_program(cargo(), &["install", "cargo-fuzz", "--locked"])?;
    }
    let time = format!("-max_total_time={seconds}");
    complain(&format!("+ cargo fuzz run {target} -- {time}"));
    let status = Command::new(cargo())
        .args(["fuzz", "run", target, "--", &time, "-rss_limit_mb=4096"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(folder)
        .status()
        .context("cannot start `cargo fuzz`")?;
    if !status.success() {
        bail!("fuzz target `{target}` found something ({status}); the input lies under fuzz/artifacts of its crate");
    }
    Ok(())
}

/// Target name and folder of its crate, sorted by name.
fn targets() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let folder = entry?.path();
        let Ok(files) = std::fs::read_dir(folder.join("fuzz/fuzz_targets")) else { continue };
        for file in files {
            let file = file?.path();
            if let (Some(stem), Some("rs")) =
                (file.file_stem().and_then(|stem| stem.to_str()), file.extension().and_then(|end| end.to_str()))
            {
                all.push((stem.to_owned(), folder.clone()));
            }
        }
    }
    all.sort();
    Ok(all)
}
