//! Measures this crate on a disk: `cargo run --release -p archive-format --example measure -- <scratch folder> [MiB]`.
//!
//! Prints rates of writing blobs into a cache, archiving them, indexing and verifying the archive.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use archive_format::{Archive, ArchiveOptions, ArchiveWriter, Hasher, Store, layout, verify};
use image_ref::Algorithm;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let scratch = arguments.next().ok_or("expected a scratch folder")?;
    let mebibytes: u64 = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let scratch = Path::new(&scratch).join("archive-format-measure");
    fs::create_dir_all(&scratch)?;
    let outcome = measure(&scratch, mebibytes);
    fs::remove_dir_all(&scratch)?;
    outcome
}

fn measure(scratch: &Path, mebibytes: u64) -> Result<(), Box<dyn std::error::Error>> {
    let rate = |what: &str, started: Instant, mebibytes: u64| {
        let seconds = started.elapsed().as_secs_f64();
        println!("{what:<32} {seconds:>8.3} s {:>10.0} MiB/s", mebibytes as f64 / seconds);
    };
    let mut part = vec![0_u8; 1024 * 1024];
    let blob_mebibytes = 64;
    let count = (mebibytes / blob_mebibytes).max(1);
    let total = count * blob_mebibytes;

    let mut digests = Vec::new();
    for number in 0..count {
        part[..8].copy_from_slice(&number.to_le_bytes());
        let mut hasher = Hasher::new(Algorithm::Sha256);
        (0..blob_mebibytes).for_each(|_| hasher.update(&part));
        digests.push(hasher.finish());
    }

    let store = Store::open(&scratch.join("cache"))?;
    let started = Instant::now();
    for (number, digest) in (0_u64..).zip(&digests) {
        part[..8].copy_from_slice(&number.to_le_bytes());
        let mut blob = store.begin_blob(digest, Some(blob_mebibytes * 1024 * 1024))?;
        for _ in 0..blob_mebibytes {
            blob.write(&part)?;
        }
        blob.finish()?;
    }
    rate("store: write and hash", started, total);

    let links = 100_000;
    let started = Instant::now();
    let mut options = ArchiveOptions::default();
    options.durable = false;
    let mut writer = ArchiveWriter::create(&scratch.join("out"), &options)?;
    for number in 0..links {
        let digest = &digests[number % digests.len()];
        let name = layout::tag_current_name(&format!("some/repository-{}", number % 500), &format!("v{number}"));
        writer.add_bytes(&name, digest.to_string().as_bytes())?;
    }
    println!("{:<32} {:>8.3} s", "archive: 100000 links", started.elapsed().as_secs_f64());
    let started = Instant::now();
    for digest in &digests {
        writer.add_blob(digest, &store.blob_path(digest), blob_mebibytes * 1024 * 1024)?;
    }
    let summary = writer.finish()?;
    rate("archive: blobs, not synced", started, total);

    let started = Instant::now();
    let archive = Archive::open(&scratch.join("out"))?;
    println!("{:<32} {:>8.3} s ({} entries)", "index", started.elapsed().as_secs_f64(), archive.entries().len());
    if let Some(line) = fs::read_to_string("/proc/self/status")?.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    let started = Instant::now();
    let found = verify(&archive, 0, &());
    rate("verify", started, found.bytes / 1024 / 1024);
    println!("{} chunk(s), {} problems", summary.chunks.len(), found.problems.len());
    Ok(())
}
