//! Reads, selects from and writes a catalog directory, and tells how long each took and how much memory it needed:
//! `measure [--json] DIRECTORY [PACKAGE…]`. `measure --rewrite DIRECTORY TARGET` writes the whole catalog to a new
//! directory in the form that this crate writes, which is JSON.
//!
//! `cargo xtask bench catalog` runs it again and again, in a fresh process each time.

use std::path::Path;
use std::time::{Duration, Instant};

use fbc_catalog::{Catalog, PackageRequest, Request, RuleSet, select, validate, write};

type Files = Vec<(String, Vec<u8>)>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--rewrite", from, to] => rewrite(from, to),
        ["--json", root, packages @ ..] => measure(root, packages, true),
        [root, packages @ ..] if !root.starts_with('-') => measure(root, packages, false),
        _ => Err("usage: measure [--json] DIRECTORY [PACKAGE…] | measure --rewrite DIRECTORY TARGET".into()),
    }
}

#[allow(clippy::print_stdout, reason = "an example talks to the terminal")]
fn measure(root: &str, packages: &[&str], json: bool) -> Outcome {
    let files = collect(root)?;
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let packages: Vec<PackageRequest> =
        packages.iter().map(|&name| PackageRequest { name: name.to_owned(), ..PackageRequest::default() }).collect();

    let (catalog, read) = timed(|| Catalog::read(files));
    let catalog = catalog?;
    let (selected, select_time) =
        timed(|| select(&catalog, &Request { packages, ..Request::default() }, RuleSet::VersionRange));
    let selected = selected?;
    let (written, write_time) = timed(|| write(&selected.catalog));
    let written: usize = written?.iter().map(|(_, bytes)| bytes.len()).sum();
    // Before anything else is done that needs memory.
    let memory = peak_memory();

    if json {
        let outcome = serde_json::json!({
            "bytes": bytes, "packages": catalog.packages.len(), "bundles": catalog.bundles.len(),
            "selected": selected.catalog.bundles.len(), "read": read.as_secs_f64(), "select": select_time.as_secs_f64(),
            "write": write_time.as_secs_f64(), "memory": memory,
        });
        println!("{outcome}");
        return Ok(());
    }
    println!(
        "{bytes} bytes, {} packages, {} bundles; {} violations; read {read:?}, select {select_time:?} ({} bundles), write \
         {write_time:?} ({written} bytes), peak memory {} MB",
        catalog.packages.len(),
        catalog.bundles.len(),
        validate(&catalog).len(),
        selected.catalog.bundles.len(),
        memory / 1_000_000,
    );
    for violation in selected.report.violations.iter().take(5) {
        println!("violation: {violation}");
    }
    if let Some(yaml) = selected.report.missing_as_yaml() {
        println!("{yaml}");
    }
    Ok(())
}

fn rewrite(from: &str, to: &str) -> Outcome {
    for (path, bytes) in write(&Catalog::read(collect(from)?)?)? {
        let path = Path::new(to).join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(to)))?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// The most memory this process had resident so far, in bytes, as the kernel counts it; 0 where it does not say.
fn peak_memory() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default();
    kilobytes * 1024
}

/// All files below a directory, sorted by path.
fn collect(root: &str) -> std::io::Result<Files> {
    fn add(directory: &Path, prefix: &str, files: &mut Files) -> std::io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                add(&entry.path(), &format!("{path}/"), files)?;
            } else {
                files.push((path, std::fs::read(entry.path())?));
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    add(Path::new(root), "", &mut files)?;
    files.sort();
    Ok(files)
}
