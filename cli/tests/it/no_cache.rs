//! Mirror to disk with `--no-cache`: the archive of every other run, and nothing beside it.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use test_support::{
    Effect, Fault, Image, ImageBuilder, IndexBuilder, Kind, Layer, Registry, Release, UpdateService, When, update_graph,
};

use crate::harness::small_disk::SmallDisk;
use crate::harness::{Home, wait_for};
use test_support::Gpg;

/// Images of every kind that share a layer, pushed to `registry`; their names.
fn world(registry: &Registry) -> Vec<String> {
    let base = || Layer::random(7, 900_000);
    let images: [(&str, Image); 4] = [
        ("ns/a", ImageBuilder::oci().layer(base()).layer(Layer::random(1, 40_000)).build()),
        ("ns/b", ImageBuilder::docker().layer(base()).layer(Layer::random(2, 500_000)).build()),
        ("ns/list", IndexBuilder::docker().architectures(&["amd64", "arm64", "s390x"], 10, 200_000).build()),
        ("other/index", IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 3000).build()),
    ];
    for (repository, image) in &images {
        registry.push(repository, "v1", image);
    }
    images.iter().map(|(repository, _)| format!("{}/{repository}:v1", registry.host())).collect()
}

/// A home that asks for `names`.
fn home(names: &[String]) -> Home {
    let home = Home::new();
    home.additional_images(names);
    home
}

/// Entries of all archive files in their order. Times in names are zeros, and logs are empty: they tell of the run.
fn archive(home: &Home) -> Vec<(String, Vec<u8>)> {
    let mut entries = Vec::new();
    for file in home.archives() {
        let mut archive = tar::Archive::new(std::fs::File::open(home.disk().join(file)).unwrap());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if name.starts_with("working-dir/logs/") {
                bytes.clear();
            }
            if !name.starts_with("docker/") {
                name = name.replace(|char: char| char.is_ascii_digit(), "0");
            }
            entries.push((name, bytes));
        }
    }
    entries
}

/// Those of them that were mirrored: links and blobs.
fn mirrored(home: &Home) -> Vec<(String, Vec<u8>)> {
    let mut entries = archive(home);
    entries.retain(|(name, _)| name.starts_with("docker/"));
    entries
}

#[track_caller]
fn assert_same_archive(one: &Home, other: &Home) {
    let (one, other) = (archive(one), archive(other));
    let names = |entries: &[(String, Vec<u8>)]| entries.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for ((name, one), (_, other)) in one.iter().zip(&other) {
        assert!(one == other, "{name} has other bytes");
    }
}

/// There is no cache, and beside the archive only what every run leaves.
#[track_caller]
fn assert_nothing_kept(home: &Home) {
    assert!(!home.path().join(".oc-mirror").exists(), "there is a cache");
    let mut names: Vec<_> = std::fs::read_dir(home.disk())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with("mirror_"));
    names.sort();
    assert_eq!(names, [".working-dir.lock", "working-dir"]);
}

fn blob_requests(registry: &Registry) -> usize {
    registry.requests_matching(&When::kind(Kind::Blob).method("GET")).len()
}

#[test]
fn the_archive_is_that_of_a_run_with_a_cache() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let names = world(&source);
    let (cached, direct) = (home(&names), home(&names));
    cached.to_disk(&[]).code(0);
    source.clear_requests();
    direct.to_disk(&["--no-cache"]).code(0).says("4 / 4 additional images mirrored successfully").says("archive");
    assert_same_archive(&cached, &direct);
    assert_nothing_kept(&direct);
    // Every blob was asked for once.
    let asked: Vec<String> = source
        .requests_matching(&When::kind(Kind::Blob).method("GET"))
        .into_iter()
        .map(|request| request.reference)
        .collect();
    assert_eq!(asked.len(), asked.iter().collect::<std::collections::BTreeSet<_>>().len(), "{asked:?}");
    direct.run(&["archive", "verify", "disk"]).code(0).says("OK: ");

    drop(source);
    direct.to_mirror(destination.host(), &[]).code(0).says("4 / 4 additional images mirrored successfully");
}

/// What earlier archives hold is neither asked for nor written, and `--since` brings it again.
#[test]
fn history_alone_says_what_went_before() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let names = world(&source);
    let (cached, direct) = (home(&names[..1]), home(&names[..1]));
    for (home, more) in [(&cached, &[][..]), (&direct, &["--no-cache"])] {
        home.to_disk(more).code(0);
    }
    // The other side has a cache: it remembers what earlier archives brought.
    direct.to_mirror(destination.host(), &["--cache-dir=inside"]).code(0);

    for home in [&cached, &direct] {
        home.additional_images(&names);
    }
    cached.to_disk(&[]).code(0);
    source.clear_requests();
    direct.to_disk(&["--no-cache"]).code(0).says("4 / 4 additional images mirrored successfully");
    assert!(mirrored(&cached) == mirrored(&direct));
    let base = Layer::random(7, 900_000).digest();
    assert!(
        source.requests_matching(&When::kind(Kind::Blob).digest(&base)).is_empty(),
        "an archived layer was fetched"
    );
    direct
        .to_mirror(destination.host(), &["--cache-dir=inside"])
        .code(0)
        .says("4 / 4 additional images mirrored successfully");

    // Nothing is new.
    source.clear_requests();
    let nothing = direct.to_disk(&["--no-cache", "--output=json"]);
    let report: serde_json::Value = serde_json::from_str(&nothing.code(0).stdout).unwrap();
    assert_eq!(report["archive"]["blobs"], 0);
    assert_eq!(report["images"][0]["outcome"], "alreadyThere");
    assert_eq!(blob_requests(&source), 0);

    // Everything is asked for again.
    cached.to_disk(&["--since", "2015-01-01"]).code(0);
    direct.to_disk(&["--no-cache", "--since", "2015-01-01"]).code(0);
    assert_eq!(archive(&direct).iter().filter(|(name, _)| name.contains("/v2/blobs/")).count(), 24);
    assert!(mirrored(&cached) == mirrored(&direct));
    direct.run(&["archive", "verify", "disk"]).code(0);
}

/// Interrupted transfers go on where they stopped, in the place the blob has in the archive.
#[test]
fn what_breaks_off_goes_on() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let (cached, direct) = (home(&names), home(&names));
    cached.to_disk(&[]).code(0);
    source.clear_requests();
    let layer = Layer::random(7, 900_000).digest();
    let large = || When::kind(Kind::Blob).method("GET").digest(&layer);
    source.fault(Fault::new(large().nth(1), Effect::CloseAfter(300_000)));
    source.fault(Fault::new(large().nth(2), Effect::ResetAfter(100_000)));
    // The third answer is whole, and wrong: everything is thrown away once.
    source.fault(Fault::new(large().nth(3), Effect::WrongBytes(100_000)));
    source.fault(Fault::new(large().nth(4), Effect::IgnoreRange));
    direct.to_disk(&["--no-cache"]).code(0);
    let ranges: Vec<bool> =
        source.requests_matching(&large()).iter().map(|request| request.header("range").is_some()).collect();
    assert_eq!(ranges[..3], [false, true, true]);
    assert_same_archive(&cached, &direct);
}

/// The earlier archive stays, nothing has a final name that is not whole, and the next run starts clean.
#[test]
fn a_failed_run_leaves_the_earlier_archive() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let home = home(&names[..1]);
    home.to_disk(&["--no-cache"]).code(0);
    let earlier = std::fs::read(home.disk().join("mirror_000001.tar")).unwrap();
    home.additional_images(&names);
    let layer = Layer::random(2, 500_000).digest();
    let blob = || When::kind(Kind::Blob).method("GET").digest(&layer);
    let faults = [
        (Effect::WrongBytes(7), "digest mismatch"),
        (Effect::CloseAfter(1000), "end of file before message length reached after"),
        (Effect::status(404), "404"),
    ];
    for (effect, expected) in faults {
        let fault = source.fault(Fault::new(blob(), effect));
        let failed = home.to_disk(&["--no-cache", "--retry-times=1"]);
        failed.code(8).says(expected);
        assert_nothing_kept(&home);
        assert_eq!(home.archives(), ["mirror_000001.tar"]);
        assert!(std::fs::read(home.disk().join("mirror_000001.tar")).unwrap() == earlier);
        fault.stop();
    }
    let failed = source.fault(Fault::new(blob(), Effect::status(503)));
    insta::assert_snapshot!(home.to_disk(&["--no-cache", "--retry-times=0"]).code(8).complaints(), @"
    [WARN]   : The new archive replaces
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/b:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/b`: 503 Service Unavailable: service unavailable [UNAVAILABLE]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    run the same command again: without a cache everything is fetched again
    No archive was written: with --no-cache an archive holds all images. Without the flag, it holds those that are complete.
    The archive would lack 3 of its 4 images:
    * 127.0.0.1:PORT/ns/b:v1, line 6 of the configuration (mirror.additionalImages[1])
    * 127.0.0.1:PORT/ns/list:v1, line 7 of the configuration (mirror.additionalImages[2])
    * 127.0.0.1:PORT/other/index:v1, line 8 of the configuration (mirror.additionalImages[3])
    ");
    failed.stop();
    let histories = || std::fs::read_dir(home.disk().join("working-dir/.history")).unwrap().count();
    assert_eq!(histories(), 1);
    home.to_disk(&["--no-cache"]).code(0);
    assert_eq!(histories(), 2);
    home.run(&["archive", "verify", "disk"]).code(0);
}

/// One run tells of every image that cannot be had, before a layer is fetched for nothing.
#[test]
fn what_is_missing_is_told_before_a_layer_is_fetched() {
    let source = Registry::start_blocking();
    let mut names = world(&source);
    names.insert(1, format!("{}/ns/gone:v1", source.host()));
    names.push(format!("{}/ns/gone:v2", source.host()));
    let home = home(&names);
    let outcome = home.to_disk(&["--no-cache", "--output=json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.code(8).stdout).unwrap();
    let outcomes: Vec<_> = report["images"].as_array().unwrap().iter().map(|image| &image["outcome"]).collect();
    assert_eq!(outcomes, ["skipped", "failed", "skipped", "skipped", "skipped", "failed"]);
    assert!(report["error"].as_str().unwrap().starts_with("[Worker] some errors occurred"), "{report}");
    assert_eq!(blob_requests(&source), 0);
    assert!(home.archives().is_empty());
    assert_nothing_kept(&home);
}

/// The others would be fetched for nothing.
#[test]
fn after_a_failure_no_transfer_is_started_and_those_under_way_end() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let home = home(&names);
    let slow = Effect::Stall { after: 1000, pause: Duration::from_secs(60) };
    let wrong = Layer::random(2, 500_000).digest();
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET").digest(&Layer::random(7, 900_000).digest()), slow));
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET").digest(&wrong), Effect::status(404)));
    let started = std::time::Instant::now();
    home.to_disk(&["--no-cache"]).code(8).says("404");
    assert!(started.elapsed() < Duration::from_secs(30), "the run waited for a stalled transfer");
    assert!(home.archives().is_empty());
}

#[test]
fn several_blobs_arrive_at_the_same_time() {
    let source = Registry::start_blocking();
    let layers = (0..8).map(|seed| Layer::random(seed, 100_000));
    source.push("ns/app", "v1", &layers.fold(ImageBuilder::oci(), ImageBuilder::layer).build());
    let home = home(&[format!("{}/ns/app:v1", source.host())]);
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Delay(Duration::from_millis(500))));
    let started = std::time::Instant::now();
    home.to_disk(&["--no-cache"]).code(0);
    // Nine blobs one after the other would take four and a half seconds.
    assert!(started.elapsed() < Duration::from_millis(3500), "{:?}", started.elapsed());
}

#[test]
fn killed_it_leaves_no_archive_and_the_next_run_starts_clean() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let cached = home(&names);
    cached.to_disk(&[]).code(0);
    for next in [&["--no-cache"][..], &[]] {
        let home = home(&names);
        let slow = source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Slow(200_000)));
        let disk = format!("file://{}", home.disk().display());
        let mut run = home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false", "--no-cache"]);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let chunk = home.disk().join(".mirror_000001.tar.partial");
        let begun = |path: &Path| path.metadata().is_ok_and(|meta| meta.len() > 1_000_000) && slow.hits() > 3;
        wait_for("the middle of the run", || begun(&chunk));
        run.kill().unwrap();
        run.wait().unwrap();
        slow.stop();
        assert!(home.archives().iter().all(|name| name.starts_with('.')), "{:?}", home.archives());
        assert!(home.disk().join(".oc-mirror-scratch").is_dir());

        home.to_disk(next).code(0);
        assert!(!chunk.exists() && !home.disk().join(".oc-mirror-scratch").exists());
        // A log more than there would be otherwise.
        assert!(mirrored(&cached) == mirrored(&home));
        home.run(&["archive", "verify", "disk"]).code(0);
    }
}

#[test]
fn dry_runs_count_what_a_run_would_fetch() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let home = home(&names[..1]);
    home.to_disk(&["--no-cache"]).code(0);
    home.additional_images(&names[..2]);
    source.clear_requests();
    let outcome = home.to_disk(&["--no-cache", "--dry-run", "--output=json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.code(0).stdout).unwrap();
    let sizes = &report["sizes"];
    assert_eq!(blob_requests(&source), 0);
    assert_nothing_kept(&home);
    let download = sizes["downloadBytes"].as_u64().unwrap();
    assert!((500_000..510_000).contains(&download), "{sizes}");
    assert_eq!(sizes["cachedBytes"], serde_json::Value::Null);
    assert_eq!(sizes["archive"]["blobsLeftOut"], 4);
    let stages: Vec<_> = sizes["disk"].as_array().unwrap().iter().map(|need| &need["stage"]).collect();
    assert_eq!(stages, ["archive"]);
    let plan = std::fs::read_to_string(home.disk().join("working-dir/dry-run/sizes.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!([&plan["images"][0]["complete"], &plan["images"][1]["complete"]], [true, false]);
    assert!(!home.disk().join("working-dir/dry-run/missing.txt").exists(), "there is no cache to be missing from");
}

#[test]
fn it_is_for_mirror_to_disk_only() {
    let home = Home::new();
    home.additional_images(["quay.io/ns/app:v1"]);
    let expected = "--no-cache is only for mirror to disk";
    home.mirror_to_mirror("127.0.0.1:1", &["--no-cache"]).code(1).says(expected);
    home.to_mirror("127.0.0.1:1", &["--no-cache"]).code(1).says(expected);
    assert_eq!(home.files(), ["isc.yaml"]);
}

/// A filesystem with room for the archive and not for a cache beside it.
#[test]
fn half_the_room_is_enough() {
    let source = Registry::start_blocking();
    source.push("ns/big", "v1", &ImageBuilder::oci().layer(Layer::random(1, 6_000_000)).build());
    let home = home(&[format!("{}/ns/big:v1", source.host())]);
    let small = home.path().join("disk");
    std::fs::create_dir(&small).unwrap();
    let Some(disk) = SmallDisk::mount(&small, "9m") else { return };
    let cache = disk.folder("cache");
    let refused = home.to_disk(&["--cache-dir", &cache]);
    let direct = home.to_disk(&["--no-cache"]);
    drop(disk);
    refused.code(1).says("not enough room for the cache");
    direct.code(0);

    let disk = SmallDisk::mount(&small, "4m").unwrap();
    source.clear_requests();
    let refused = home.to_disk(&["--no-cache"]);
    let (asked, forced) = (blob_requests(&source), home.to_disk(&["--no-cache", "--force", "--retry-times=0"]));
    let left: Vec<_> =
        home.files().into_iter().filter(|name| name.contains("mirror_") || name.contains("scratch")).collect();
    drop(disk);
    refused.code(1).says("not enough room for the archive");
    assert_eq!(asked, 0);
    forced.code(8).says("no space left for the archive");
    assert_eq!(left, [] as [&str; 0]);
}

/// The size of a layer stands in its descriptor: a strict archive is refused before anything is fetched, with a cache too.
#[test]
fn strict_archives() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&source.manifest("ns/a", "v1").unwrap().bytes).unwrap();
    manifest["layers"][0]["size"] = (3_u64 << 30).into();
    let digest = source.put_manifest("ns/a", "application/vnd.oci.image.manifest.v1+json", manifest.to_string());
    source.tag("ns/a", "v1", &digest);
    let strict = |asked: &[String], in_working_dir: &str, flags: &[&str]| {
        let home = home(asked);
        let text = std::fs::read_to_string(home.path().join("isc.yaml")).unwrap();
        home.write("isc.yaml", text.replace("mirror:\n", "archiveSize: 2\nmirror:\n"));
        if !in_working_dir.is_empty() {
            let path = home.write(&format!("disk/working-dir/{in_working_dir}"), "");
            std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(3 << 30).unwrap();
        }
        source.clear_requests();
        (home.to_disk(&[flags, &["--strict-archive"]].concat()), home)
    };
    let check = |asked: &[String], in_working_dir: &str, file: &str, flags: &[&str]| {
        let (refused, home) = strict(asked, in_working_dir, flags);
        let expected = format!(
            "[ERROR]  : [Executor] maxArchiveSize 2G is too small compared to sizes of files that need to be included in \
             the archive.\n{file}: 3G\n Aborting archive generation \n"
        );
        assert_eq!(refused.code(1).complaints(), expected, "{flags:?}");
        assert_eq!(blob_requests(&source), 0, "{flags:?}");
        assert!(home.archives().is_empty());
        home
    };
    for flags in [&["--no-cache"][..], &[]] {
        // It is the last that is resolved; nothing of those before it is fetched.
        let last = source.fault(Fault::new(
            When::kind(Kind::Manifest).repository("ns/a"),
            Effect::Delay(Duration::from_millis(300)),
        ));
        check(&[&names[2..], &names[..1]].concat(), "", "data", flags);
        last.stop();
        let home = check(&names[..1], "", "data", flags);
        // Without it the file gets a chunk of its own; this one has not the size that its manifest says.
        home.to_disk(&[flags, &["--retry-times=0"]].concat()).code(8).says("900000 of 3221225472 bytes");
        assert!(home.archives().is_empty());
        if !flags.is_empty() {
            assert_nothing_kept(&home);
        }
        check(&names[1..], "of-the-user/disk.img", "disk.img", flags);
        // What does not travel may have any size.
        strict(&names[1..], "cluster-resources/disk.img", flags).0.code(0);
    }
}

/// Signatures travel as with a cache, and stay behind when asked to.
#[test]
fn signatures() {
    let source = Registry::start_blocking();
    let names = world(&source);
    let digest = source.manifest("ns/a", "v1").unwrap().digest;
    let signature = ImageBuilder::oci().layer(Layer::random(77, 500)).build();
    source.push("ns/a", format!("{}.sig", digest.as_tag()).as_str(), &signature);
    for (flags, travels) in [(&[][..], true), (&["--remove-signatures"], false)] {
        let (cached, direct) = (home(&names[..2]), home(&names[..2]));
        cached.to_disk(flags).code(0);
        direct.to_disk(&[&["--no-cache"], flags].concat()).code(0);
        assert_same_archive(&cached, &direct);
        assert_eq!(mirrored(&direct).iter().any(|(name, _)| name.contains(signature.digest.hex())), travels);
    }
}

/// Catalogs are read, and filtered ones rebuilt, before anything is laid out.
#[test]
fn operator_catalogs() {
    let source = Registry::start_blocking();
    crate::operators::world(&source, &[]);
    for packages in ["packages:\n- name: foo\n  minVersion: 0.2.0\n- name: bar", "full: true"] {
        let (cached, direct) = (Home::new(), Home::new());
        for home in [&cached, &direct] {
            crate::operators::operators(home, source.host(), packages);
        }
        cached.to_disk(&[]).code(0);
        direct.to_disk(&["--no-cache"]).code(0);
        assert_same_archive(&cached, &direct);
        assert_nothing_kept(&direct);
        if packages.starts_with("full") {
            continue;
        }
        // Again, with the history and the rebuilt catalog's files in the working directory.
        direct.to_disk(&["--no-cache"]).code(0);
        assert!(!archive(&direct).iter().any(|(name, _)| name.contains("/v2/blobs/")));
    }
}

/// The payload is read before anything is laid out.
#[test]
fn releases() {
    let Some(gpg) = Gpg::find() else { return };
    let key = gpg.signing_key("release@test");
    let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
    let release = Release::new("4.99.1", 6, 5);
    release.push_to(&source);
    service.signature(release.digest(), 1, gpg.sign("release@test", &release.identity(), &[]));
    service.graph("amd64", "stable-4.99", &update_graph([("4.99.1", release.by_digest())], []));
    let home = || {
        let home = Home::new();
        let conf = format!(
            "[[registry]]\nprefix = \"quay.io/openshift-release-dev\"\nlocation = \"{}/openshift-release-dev\"\n",
            source.host()
        );
        let (conf, key) = (home.write("registries.conf", conf), home.write("key.asc", &key));
        home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n");
        home.variable("CONTAINERS_REGISTRIES_CONF", conf)
            .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
            .variable("OCP_SIGNATURE_URL", service.signature_url())
            .variable("UPDATE_URL_OVERRIDE", service.graph_url())
    };
    let (cached, direct) = (home(), home());
    cached.to_disk(&[]).code(0);
    direct.to_disk(&["--no-cache"]).code(0).says("7 / 7 release images mirrored successfully");
    assert_same_archive(&cached, &direct);
    assert_nothing_kept(&direct);

    // A component that cannot be had stops the run.
    let component = &release.components[3].1;
    let layer = component.blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap();
    source.remove_blob(&layer.digest);
    let again = home();
    again.to_disk(&["--no-cache"]).code(2);
    assert!(again.archives().is_empty());
    assert_nothing_kept(&again);
    let manifest = |home: &Home| home.to_disk(&["--no-cache", "--retry-times=0"]);
    source.remove("openshift-release-dev/ocp-v4.0-art-dev", &component.digest.to_string());
    manifest(&again).code(2);
    assert!(again.archives().is_empty());
}
