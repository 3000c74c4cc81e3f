//! Tells the program what it is built from: the commit and the target.
//!
//! The commit is that of the repository, or `OC_MIRROR_GIT_COMMIT`. Builds of the profile `dev` know no commit: looking for one
//! would compile the program again after each commit.

#![expect(clippy::disallowed_methods, reason = "cargo talks with a build script through its environment")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OC_MIRROR_GIT_COMMIT");
    let target = std::env::var("TARGET").expect("cargo tells the target");
    println!("cargo::rustc-env=OC_MIRROR_TARGET={target}");
    let given = std::env::var("OC_MIRROR_GIT_COMMIT").ok();
    let is_dev = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let commit = match given {
        Some(commit) => commit,
        None if is_dev => String::new(),
        None => {
            // The log of HEAD grows with each commit and each checkout.
            if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
                && std::path::Path::new(&log).is_file()
            {
                println!("cargo::rerun-if-changed={log}");
            }
            git(&["rev-parse", "HEAD"]).unwrap_or_default()
        }
    };
    let short: String = commit.chars().take(12).collect();
    println!("cargo::rustc-env=OC_MIRROR_GIT_COMMIT={commit}");
    println!("cargo::rustc-env=OC_MIRROR_SHORT_COMMIT={short}");
}

/// What git answers; none without git and without a repository.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
