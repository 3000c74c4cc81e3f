//! The program is killed at any moment and run again: nothing finished is lost, nothing half-written is believed.
//!
//! `OC_MIRROR_KILLS=100` asks for so many kills per direction; by default it is a few.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_support::{Effect, Fault, Image, ImageBuilder, IndexBuilder, Kind, Layer, Random, Registry, When};

use crate::harness::{Home, sha256, walk};

/// Bytes that may be lost for each transfer that was running: what had not been written yet, and what was on its way.
const BUFFER: u64 = 256 * 1024;
/// Transfers that may run at the same time: four images with five layers each.
const STREAMS: u64 = 20;

#[expect(clippy::disallowed_methods, reason = "how thorough the proof is to be is the caller's matter")]
fn kills() -> u64 {
    std::env::var("OC_MIRROR_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(6)
}

/// Five images, 12 MB in all: layers of a few MB, a shared one, a list.
fn world() -> Vec<(&'static str, Image)> {
    let base = || Layer::random(100, 3_000_000);
    vec![
        ("ns/a", ImageBuilder::oci().layer(base()).layer(Layer::random(1, 2_000_000)).build()),
        ("ns/b", ImageBuilder::docker().layer(base()).layer(Layer::random(2, 2_500_000)).build()),
        ("ns/c", ImageBuilder::oci().layer(Layer::random(3, 1_500_000)).layer(Layer::random(4, 700_000)).build()),
        ("ns/list", IndexBuilder::oci().architectures(&["amd64", "arm64"], 10, 900_000).build()),
        ("ns/small", ImageBuilder::oci().layer(Layer::random(5, 5_000)).build()),
    ]
}

/// Bytes of all blobs of the world, each once.
fn bytes_of(world: &[(&str, Image)]) -> u64 {
    let blobs: BTreeMap<_, _> = world
        .iter()
        .flat_map(|(_, image)| image.all_blobs())
        .map(|blob| (blob.digest.clone(), blob.bytes.len() as u64))
        .collect();
    blobs.values().sum()
}

fn source(world: &[(&'static str, Image)]) -> Registry {
    let source = Registry::start_blocking();
    for (repository, image) in world {
        source.push(repository, "v1", image);
    }
    source
}

fn home(source: &Registry, world: &[(&'static str, Image)]) -> Home {
    let home = Home::new();
    home.additional_images(world.iter().map(|(repository, _)| format!("{}/{repository}:v1", source.host())));
    home
}

/// Starts `command` and kills it after `delay`; true when it was really killed, false when it had ended before.
fn killed(mut command: Command, delay: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Name and digest of every file of the cache's registry layout.
fn cache(home: &Home) -> BTreeMap<String, String> {
    let root = home.cache();
    let describe = |path: std::path::PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        (name, sha256(&std::fs::read(&path).unwrap()))
    };
    walk(&root.join("docker")).into_iter().map(describe).collect()
}

/// Name and digest of the mirrored content of the archive; files whose name carries the time are left out.
fn archive(home: &Home) -> BTreeMap<String, String> {
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
    let unpacked = tempfile::tempdir().unwrap();
    let tar = home.disk().join("mirror_000001.tar");
    let done = Command::new("tar").arg("xf").arg(tar).arg("-C").arg(unpacked.path()).arg("docker").status().unwrap();
    assert!(done.success());
    let describe = |path: std::path::PathBuf| {
        let name = path.strip_prefix(unpacked.path()).unwrap().display().to_string();
        (name, sha256(&std::fs::read(&path).unwrap()))
    };
    walk(unpacked.path()).into_iter().map(describe).collect()
}

/// Bytes of blobs that a registry took.
fn sent(destination: &Registry) -> u64 {
    let uploads = destination.requests_matching(&When::kind(Kind::Upload));
    uploads.iter().map(test_support::Request::bytes_received).sum()
}

#[test]
fn mirror_to_disk() {
    let world = world();
    let source = source(&world);
    let total = bytes_of(&world);
    let calm = home(&source, &world);
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Slow(2_000_000)));
    let started = Instant::now();
    calm.to_disk(&[]).code(0);
    let duration = started.elapsed();
    let (expected_cache, expected_archive) = (cache(&calm), archive(&calm));

    let mut random = Random::new(42);
    let (mut struck, mut twice, mut worst) = (0, 0, 0);
    for round in 0..2 * kills() {
        if struck == kills() {
            break;
        }
        let home = home(&source, &world);
        let disk = format!("file://{}", home.disk().display());
        source.clear_requests();
        let delay = duration.mul_f64(random.unit());
        let was_killed = killed(home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]), delay);
        home.verify_cache();
        // Killed after its work was done and noted: a further run would have nothing new to archive.
        let histories = walk(&home.disk().join("working-dir/.history"));
        let noted = histories.iter().any(|path| !path.ends_with(".partial"));
        if was_killed {
            struck += 1;
        }
        if !noted {
            assert!(!home.disk().join("mirror_000001.tar").exists() || was_killed, "round {round}");
            home.to_disk(&[]).code(0);
        }
        assert!(cache(&home) == expected_cache, "round {round}: the cache differs, killed after {delay:?}");
        assert!(archive(&home) == expected_archive, "round {round}: the archive differs, killed after {delay:?}");
        // A history that was not finished is replaced by the next one.
        let of_history = |name: &String| noted && name.ends_with(".history/.partial");
        let left = home.files().into_iter().filter(|name| name.contains(".partial") && !of_history(name));
        let left: Vec<_> = left.collect();
        assert!(left.is_empty(), "round {round}: {left:?}");
        let served = source.blob_bytes_served();
        let again = served.saturating_sub(total);
        assert!(
            again <= total / 50 + STREAMS * BUFFER,
            "round {round}: {again} of {total} bytes were fetched twice, killed after {delay:?}"
        );
        twice += again;
        worst = worst.max(again);
    }
    println!("mirror to disk: killed {struck} times; fetched twice: {twice} bytes in all, {worst} at most of {total}");
    assert_eq!(struck, kills(), "most runs ended before they could be killed");
}

/// Waits until the registry has worked off what the killed run had put on its way: a slowed upload whose bytes are all
/// in the socket still completes, up to a second and a half later, and belongs to the killed run.
fn settle(destination: &Registry) {
    let state = || (destination.request_count(), destination.bytes_received(), destination.unfinished_uploads());
    let (mut last, mut since) = (state(), Instant::now());
    while since.elapsed() < Duration::from_millis(2500) {
        std::thread::sleep(Duration::from_millis(50));
        let now = state();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

#[test]
fn disk_to_mirror() {
    let world = world();
    let source = source(&world);
    let total = bytes_of(&world);
    let home = home(&source, &world);
    home.to_disk(&[]).code(0);
    let slow = || {
        let destination = Registry::start_blocking();
        let upload = When::kind(Kind::Upload).method("PUT");
        destination.fault(Fault::new(upload, Effect::Slow(2_000_000)));
        destination
    };
    let calm = slow();
    let started = Instant::now();
    home.to_mirror(calm.host(), &[]).code(0);
    let duration = started.elapsed();
    let expected = calm.snapshot();
    let (expected_cache, expected_archive) = (cache(&home), archive(&home));

    let mut random = Random::new(43);
    let (mut struck, mut twice, mut worst) = (0, 0, 0);
    for round in 0..2 * kills() {
        if struck == kills() {
            break;
        }
        let destination = slow();
        let to = format!("docker://{}", destination.host());
        let disk = format!("file://{}", home.disk().display());
        let delay = duration.mul_f64(random.unit());
        let command = home.command(&["-c", "isc.yaml", "--from", &disk, &to, "--dest-tls-verify=false"]);
        if killed(command, delay) {
            struck += 1;
        }
        settle(&destination);
        let before = sent(&destination);
        // What was complete at the moment of the kill is not sent again.
        let there: u64 = destination
            .snapshot()
            .blobs
            .values()
            .flatten()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(|digest| destination.blob(digest).map_or(0, |bytes| bytes.len() as u64))
            .sum();
        destination.clear_requests();
        home.to_mirror(destination.host(), &[]).code(0);
        assert!(destination.snapshot() == expected, "round {round}: the registry differs, killed after {delay:?}");
        let blobs = sent(&destination);
        assert!(
            blobs <= total - there,
            "round {round}: {blobs} bytes were sent of {total}, {there} were there, killed after {delay:?}"
        );
        let again = (before + blobs).saturating_sub(total);
        assert!(
            again <= total / 50 + STREAMS * BUFFER,
            "round {round}: {again} of {total} bytes were sent twice, killed after {delay:?}"
        );
        // (A session that was opened in the last moment, and whose address never arrived, stays for the registry to purge.)
        assert_eq!(std::fs::read_dir(home.cache().join("uploads")).map_or(0, Iterator::count), 0, "round {round}");
        twice += again;
        worst = worst.max(again);
    }
    // The cache and the archive are only read.
    assert!(cache(&home) == expected_cache);
    assert!(archive(&home) == expected_archive);
    println!(
        "disk to mirror: killed {struck} times; sent twice: {twice} bytes in all, {worst} at most of {total}; \
         no complete blob among them"
    );
    assert_eq!(struck, kills(), "most runs ended before they could be killed");
}
