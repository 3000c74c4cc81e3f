//! Reads, selects from and writes a catalog directory, and prints how long each took: `measure DIRECTORY [PACKAGE…]`.

use std::path::Path;
use std::time::Instant;

use fbc_catalog::{Catalog, PackageRequest, Request, RuleSet, select, validate, write};

#[allow(clippy::print_stdout, reason = "an example talks to the terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("usage: measure DIRECTORY [PACKAGE…]")?;
    let packages: Vec<PackageRequest> =
        arguments.map(|name| PackageRequest { name, ..PackageRequest::default() }).collect();
    let mut files = Vec::new();
    collect(Path::new(&root), "", &mut files)?;
    files.sort();
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();

    let start = Instant::now();
    let catalog = Catalog::read(files)?;
    let read = start.elapsed();
    let start = Instant::now();
    let selected = select(&catalog, &Request { full: false, packages }, RuleSet::VersionRange)?;
    let selecting = start.elapsed();
    let start = Instant::now();
    let written: usize = write(&selected.catalog)?.iter().map(|(_, bytes)| bytes.len()).sum();
    let writing = start.elapsed();
    let start = Instant::now();
    let all: usize = write(&catalog)?.iter().map(|(_, bytes)| bytes.len()).sum();
    let writing_all = start.elapsed();

    println!(
        "{bytes} bytes, {} packages, {} bundles; {} violations; read {read:?}, select {selecting:?} ({} bundles), \
         write {writing:?} ({written} bytes), write all {writing_all:?} ({all} bytes)",
        catalog.packages.len(),
        catalog.bundles.len(),
        validate(&catalog).len(),
        selected.catalog.bundles.len(),
    );
    for violation in selected.report.violations.iter().take(5) {
        println!("violation: {violation}");
    }
    if let Some(yaml) = selected.report.missing_as_yaml() {
        println!("{yaml}");
    }
    Ok(())
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push((path, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
