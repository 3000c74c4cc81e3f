//! Disks that are full, and a workspace that somebody else is using.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use super::{Site, leaves};
use crate::harness::small_disk::SmallDisk;
use crate::harness::{Home, wait_for};

/// A source with `app:v1`, 2 MB in two layers.
fn source() -> Registry {
    let source = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 1_000_000)).layer(Layer::random(2, 1_000_000)).build();
    source.push("ns/app", "v1", &image);
    source
}

#[test]
fn the_cache_is_full() {
    let (source, home) = (source(), Home::new());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let Some(disk) = SmallDisk::mount(&home.path().join(".oc-mirror"), "1m") else { return };
    // Without `--force` the run is refused before it fills the disk; see `dry_run.rs`.
    let outcome = home.to_disk(&["--parallel-layers=1", "--parallel-images=1", "--force"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/app`: no space left for `HOME/.oc-mirror/.cache/partial/sha256/HEX`: 1000000 bytes were still to be written; free space or choose another --cache-dir
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: no image is complete.
    The archive would lack 1 of its 1 images:
    * 127.0.0.1:PORT/ns/app:v1, line 5 of the configuration (mirror.additionalImages[0])
    ");
    leaves(&home, &[]);
    drop(disk);
}

/// The earlier archive stays until the new one is complete.
#[test]
fn the_disk_of_the_archive_is_full() {
    let (source, home) = (source(), Home::new());
    let small = ImageBuilder::oci().layer(Layer::random(3, 10_000)).build();
    source.push("ns/small", "v1", &small);
    let Some(disk) = SmallDisk::mount(&home.disk(), "1m") else { return };
    home.additional_images([format!("{}/ns/small:v1", source.host())]);
    home.to_disk(&[]).code(0);
    let earlier = std::fs::read(home.disk().join("mirror_000001.tar")).unwrap();

    home.additional_images([format!("{}/ns/small:v1", source.host()), format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&["--force"]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @"
    [WARN]   : The new archive replaces
    [ERROR]  : [Executor] no space left for the archive `HOME/disk/.mirror_000001.tar.partial`: 1000000 bytes were still to be written for this entry; free space or choose another destination
    ");
    leaves(&home, &["mirror_000001.tar"]);
    assert_eq!(std::fs::read(home.disk().join("mirror_000001.tar")).unwrap(), earlier);
    drop(disk);
}

/// A run that fails at the source leaves the earlier archive where it is.
#[test]
fn a_failed_run_keeps_the_earlier_archive() {
    let site = Site::mirrored();
    let earlier = std::fs::read(site.home.disk().join("mirror_000001.tar")).unwrap();
    let host = site.source.host();
    site.home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/none:v1")]);
    site.home.to_disk(&[]).code(8);
    leaves(&site.home, &["mirror_000001.tar"]);
    assert_eq!(std::fs::read(site.home.disk().join("mirror_000001.tar")).unwrap(), earlier);
}

/// The second run says who holds what it needs: the workspace, or the cache when the workspace is another.
#[test]
fn nothing_listens() {
    let site = Site::new();
    let pause = Effect::Stall { after: 1000, pause: Duration::from_secs(60) };
    let stall = site.source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), pause));
    // The port that upstream's registry would need is taken.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--port={}", taken.local_addr().unwrap().port());
    let disk = format!("file://{}", site.home.disk().display());
    let mut run = site.home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false", &port]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the run to be in the middle", || stall.hits() > 0);
    let (sockets, listening) = (sockets_of(run.id()), listening_sockets());
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!sockets.is_empty(), "it is connected to the source");
    assert!(!listening.is_empty(), "the source listens");
    assert_eq!(sockets.intersection(&listening).count(), 0);
    site.source.clear_faults();
    site.home.to_disk(&[&port]).code(0);
}

/// Inodes of the sockets that a process has open.
fn sockets_of(pid: u32) -> BTreeSet<String> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect()
}

/// Inodes of all TCP sockets that wait for connections (proc(5): state `0A`).
fn listening_sockets() -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let fields = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    fields
        .filter(|fields| fields.get(3) == Some(&"0A"))
        .filter_map(|fields| fields.get(9).map(|&inode| inode.to_owned()))
        .collect()
}

#[test]
fn a_second_run_at_the_same_time() {
    let site = Site::new();
    let pause = Effect::Stall { after: 1000, pause: Duration::from_secs(60) };
    let stall = site.source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), pause));
    let disk = format!("file://{}", site.home.disk().display());
    let mut first = site.home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the first run to be in the middle", || stall.hits() > 0);
    let pid = first.id().to_string();

    let same = site.home.to_disk(&[]);
    let other = format!("file://{}", site.home.path().join("other").display());
    let other = site.home.run(&["-c", "isc.yaml", &other, "--src-tls-verify=false"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let mut said = String::new();
    first.stderr.take().unwrap().read_to_string(&mut said).unwrap();

    insta::assert_snapshot!(same.code(1).complaints().replace(&pid, "PID"), @"[ERROR]  : [Executor] `HOME/disk/.working-dir.lock` is locked by process PID (`mirrorToDisk`) since MOMENT: wait for that run to end, or use another directory");
    insta::assert_snapshot!(other.code(1).complaints().replace(&pid, "PID"), @"[ERROR]  : [Executor] `HOME/.oc-mirror/.cache/oc-mirror.lock` is locked by process PID (`mirrorToDisk`) since MOMENT: wait for that run to end, or use another directory");
    assert!(same.complaints().contains(&pid) && other.complaints().contains(&pid), "{said}");

    // A killed run holds nothing.
    site.source.clear_faults();
    site.home.to_disk(&[]).code(0);
}
