//! Cache and archive as upstream knows them, row by row (`docs/behaviour/operators-archive.md` 5 and 6), through the binary.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use test_support::{DebianRegistry, Image, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, walk};
use crate::tape::{Entry, read, write};

/// A source with images `ns/a` to `ns/d`, of one layer each.
fn source() -> Registry {
    let source = Registry::start_blocking();
    for name in ["a", "b", "c", "d"] {
        source.push(&format!("ns/{name}"), "v1", &image(name));
    }
    source
}

fn image(name: &str) -> Image {
    ImageBuilder::oci().layer(Layer::random(u64::from(name.as_bytes()[0]), 5000)).build()
}

fn ask(home: &Home, source: &Registry, names: &[&str]) {
    home.additional_images(names.iter().map(|name| format!("{}/ns/{name}:v1", source.host())));
}

/// Which of the images `a` to `d` have their layer in the archive.
fn archived(home: &Home) -> BTreeSet<&'static str> {
    let entries = home.entries("mirror_000001.tar");
    let has = |name: &&str| {
        let layer = image(name).blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap().digest.clone();
        entries.iter().any(|entry| entry.starts_with("docker/registry/v2/blobs/") && entry.contains(layer.hex()))
    };
    ["a", "b", "c", "d"].into_iter().filter(has).collect()
}

/// Section 6.1: names, order, tar flavour.
#[test]
fn entries_of_an_archive() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["b", "a"]);
    home.write("disk/working-dir/.hidden/of-the-user", "kept");
    home.to_disk(&[]).code(0);
    let mut archive = tar::Archive::new(fs::File::open(home.disk().join("mirror_000001.tar")).unwrap());
    let (mut names, mut configuration) = (Vec::new(), Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert!(header.as_ustar().is_some() && header.entry_type() == tar::EntryType::Regular);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mode().unwrap()), (0, 0, 0o644));
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        if name.starts_with("isc_") {
            entry.read_to_end(&mut configuration).unwrap();
        }
        names.push(name);
    }
    let part = |name: &String| {
        let parts = ["docker/registry/v2/blobs/sha256/", "docker/registry/v2/repositories/", "working-dir/", "isc_"];
        parts.iter().position(|part| name.starts_with(part)).unwrap_or_else(|| panic!("{name} has no place"))
    };
    let order: Vec<usize> = names.iter().map(part).collect();
    assert!(order.is_sorted(), "{names:#?}");
    assert_eq!(order.iter().filter(|part| **part == 3).count(), 1);
    for of in [1, 2] {
        // Paths compare as a walk goes: folder by folder.
        let of_part: Vec<_> = names.iter().filter(|name| part(name) == of).map(Path::new).collect();
        assert!(of_part.is_sorted(), "{of_part:#?}");
    }
    assert_eq!(configuration, fs::read(home.path().join("isc.yaml")).unwrap(), "as the user wrote it");
    let time = names.last().unwrap().strip_prefix("isc_").unwrap();
    assert!(time.ends_with('Z') && time.len() == "2026-08-21T10:11:12Z".len(), "{time}");
    for expected in ["working-dir/.hidden/of-the-user", "working-dir/internal/oc-mirror-version.json"] {
        assert!(names.iter().any(|name| name == expected), "{expected}");
    }
    // The history that is written for this archive does not travel in it.
    assert!(!names.iter().any(|name| name.starts_with("working-dir/.history/")));
    home.to_disk(&[]).code(0);
    let histories = |names: Vec<String>| names.iter().filter(|name| name.starts_with("working-dir/.history/")).count();
    assert_eq!(histories(home.entries("mirror_000001.tar")), 1);
}

/// Section 6.1: what lies in folders comes in the order of a walk, and what is no regular file with a name in UTF-8 is left
/// out and warned about, where upstream gives up.
#[test]
fn the_working_directory_in_an_archive() {
    let source = source();
    source.push("ns/a/y", "v1", &image("b"));
    source.push("ns/a-b", "v1", &image("c"));
    let home = Home::new();
    ask(&home, &source, &["a", "a/y", "a-b"]);
    let folder = home.disk().join("working-dir/of-the-user");
    for name in ["a-b", "a/y", "a/z/1", "a.txt", "b"] {
        home.write(&format!("disk/working-dir/of-the-user/{name}"), name);
    }
    symlink("b", folder.join("link-to-a-file")).unwrap();
    symlink("a", folder.join("link-to-a-folder")).unwrap();
    symlink("nowhere", folder.join("a/link-to-nothing")).unwrap();
    fs::create_dir(folder.join(OsStr::from_bytes(b"caf\xe9"))).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"caf\xe9/menu")), "menu").unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"na\xefve")), "text").unwrap();
    let socket = UnixListener::bind(folder.join("socket")).unwrap();
    // The folder of the other side's resources does not travel, so nothing in it is worth a word.
    fs::create_dir_all(home.disk().join("working-dir/cluster-resources")).unwrap();
    symlink("idms.yaml", home.disk().join("working-dir/cluster-resources/link")).unwrap();
    insta::assert_snapshot!(home.to_disk(&[]).code(0).complaints(), @"
    [WARN]   : `HOME/disk/working-dir/of-the-user/a/link-to-nothing` is left out of the archive, since it is a symbolic link; put what it leads to in its place if it has to travel
    [WARN]   : `HOME/disk/working-dir/of-the-user/caf�` is left out of the archive, since its name is not UTF-8; give it another name if it has to travel
    [WARN]   : `HOME/disk/working-dir/of-the-user/link-to-a-file` is left out of the archive, since it is a symbolic link; put what it leads to in its place if it has to travel
    [WARN]   : `HOME/disk/working-dir/of-the-user/link-to-a-folder` is left out of the archive, since it is a symbolic link; put what it leads to in its place if it has to travel
    [WARN]   : `HOME/disk/working-dir/of-the-user/na�ve` is left out of the archive, since its name is not UTF-8; give it another name if it has to travel
    [WARN]   : `HOME/disk/working-dir/of-the-user/socket` is left out of the archive, since it is neither a file nor a folder; put a file in its place if it has to travel
    ");
    drop(socket);
    let entries = home.entries("mirror_000001.tar");
    let of_the_user: Vec<_> = entries.iter().filter_map(|name| name.strip_prefix("working-dir/of-the-user/")).collect();
    assert_eq!(of_the_user, ["a/y", "a/z/1", "a-b", "a.txt", "b"]);
    let tags: Vec<_> = entries.iter().filter(|name| name.ends_with("_manifests/tags/v1/current/link")).collect();
    let tag = |name: &str| format!("docker/registry/v2/repositories/ns/{name}/_manifests/tags/v1/current/link");
    assert_eq!(tags, [&tag("a"), &tag("a/y"), &tag("a-b")]);
}

/// Section 6.3, without `--strict-archive`: a blob larger than `archiveSize` has a file for itself, and the file before it
/// goes on. (The blob is in the cache already, as a hole.)
#[test]
fn a_blob_larger_than_an_archive_file_may_be() {
    const SIZE: u64 = (1 << 30) + 1;
    /// Of so many zeros.
    const HEX: &str = "6d9bfe50425f2dfe4e2ac07efee1f0bc9d567348ad4aed62704ffe6f5884e9a8";
    let source = source();
    let mut manifest: serde_json::Value = serde_json::from_slice(&image("a").bytes).unwrap();
    manifest["layers"][0]["digest"] = format!("sha256:{HEX}").into();
    manifest["layers"][0]["size"] = SIZE.into();
    let digest = source.put_manifest("ns/a", "application/vnd.oci.image.manifest.v1+json", manifest.to_string());
    source.tag("ns/a", "v1", &digest);
    let home = Home::new();
    ask(&home, &source, &["a", "b"]);
    let text = fs::read_to_string(home.path().join("isc.yaml")).unwrap();
    home.write("isc.yaml", text.replace("mirror:\n", "archiveSize: 1\nmirror:\n"));
    let blob = format!("docker/registry/v2/blobs/sha256/{}/{HEX}/data", &HEX[..2]);
    let path = home.write(&format!(".oc-mirror/.cache/{blob}"), "");
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(SIZE).unwrap();
    insta::assert_snapshot!(home.to_disk(&[]).code(0).complaints().replace(" \n", "\n"), @"
    [WARN]   : maxArchiveSize 1G is too small compared to sizes of files that need to be included in the archive.
    HOME/.oc-mirror/.cache/docker/registry/v2/blobs/sha256/6d/HEX/data: 1G
    [WARN]   : The following files exceed the archiveSize configured:
    HOME/.oc-mirror/.cache/docker/registry/v2/blobs/sha256/6d/HEX/data: 1
    Please consider updating archiveSize to at least 1
    ");
    assert_eq!(home.archives(), ["mirror_000001.tar", "mirror_000002.tar"]);
    assert_eq!(home.entries("mirror_000002.tar"), [blob]);
    let first = home.entries("mirror_000001.tar");
    for part in ["docker/registry/v2/repositories/", "docker/registry/v2/blobs/", "working-dir/", "isc_"] {
        assert!(first.iter().any(|name| name.starts_with(part)), "{part}: {first:#?}");
    }
}

/// Section 6.5: the worked example.
#[test]
fn the_history_and_since() {
    let source = source();
    let home = Home::new();
    let history = |home: &Home, time: &str, names: &[&str]| {
        let digests = names.iter().flat_map(|name| {
            let image = image(name);
            image
                .all_blobs()
                .into_iter()
                .map(|blob| blob.digest.clone())
                .chain([image.digest.clone()])
                .collect::<Vec<_>>()
        });
        let lines: Vec<String> = digests.map(|digest| digest.to_string()).collect();
        let text = lines.join("\n") + "\n";
        home.write(&format!("disk/working-dir/.history/.history-{time}"), text);
    };
    let newest = |home: &Home| {
        let mut files = walk(&home.disk().join("working-dir/.history"));
        files.sort();
        let text = fs::read_to_string(files.last().unwrap()).unwrap();
        assert!(text.ends_with('\n') && text.lines().all(|line| line.len() == 71 && line.starts_with("sha256:")));
        let knows = |name: &&str| text.contains(&image(name).digest.to_string());
        ["a", "b", "c", "d"].into_iter().filter(knows).collect::<BTreeSet<_>>()
    };
    // (flags, what is added, what the new history knows)
    let rows: [(&[&str], &[&str], &[&str]); 5] = [
        (&[], &["d"], &["a", "b", "c", "d"]),
        (&["--since", "2025-06-15"], &["c", "d"], &["a", "b", "c", "d"]),
        (&["--since", "2025-06-01"], &["b", "c", "d"], &["a", "b", "c", "d"]),
        (&["--since", "2025-01-01"], &["b", "c", "d"], &["b", "c", "d"]),
        (&["--since", "2999-01-01"], &["d"], &["a", "b", "c", "d"]),
    ];
    ask(&home, &source, &["b", "c", "d"]);
    for (flags, added, known) in rows {
        let _ = fs::remove_dir_all(home.disk());
        history(&home, "2025-05-01T00:00:00Z", &["a"]);
        history(&home, "2025-06-01T00:00:00Z", &["a", "b"]);
        history(&home, "2025-07-01T00:00:00Z", &["a", "b", "c"]);
        home.to_disk(flags).code(0);
        assert_eq!(archived(&home), added.iter().copied().collect(), "{flags:?}");
        assert_eq!(newest(&home), known.iter().copied().collect(), "{flags:?}");
    }
    // Only an archive that is made looks at it.
    let destination = Registry::start_blocking();
    insta::assert_snapshot!(
        home.to_mirror(destination.host(), &["--since", "2025-06-15"]).code(0).complaints(),
        @"[WARN]   : ⚠️  since flag is only taken into account during mirrorToDisk workflow"
    );
    home.to_disk(&["--since", "01-02-2025"]).code(1).says("--since flag needs to be in format yyyy-MM-dd");
    home.write("disk/working-dir/.history/.history-yesterday", "");
    home.to_disk(&[]).code(1).says("unable to read history metadata from working-dir : ");
}

/// Section 6.5: no history after a failure or a dry run; section 6.2: the archive stays.
#[test]
fn failures_and_rehearsals_write_no_history() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["a"]);
    home.to_disk(&[]).code(0);
    let before = fs::read(home.disk().join("mirror_000001.tar")).unwrap();
    ask(&home, &source, &["b", "gone"]);
    home.to_disk(&["--retry-times=0"]).code(8);
    ask(&home, &source, &["b"]);
    home.to_disk(&["--dry-run"]).code(0);
    assert_eq!(walk(&home.disk().join("working-dir/.history")).len(), 1);
    assert!(fs::read(home.disk().join("mirror_000001.tar")).unwrap() == before);
}

/// Section 6.1: a version file that is missing, worthless or of another version is worth a warning.
#[test]
fn the_version_that_made_an_archive() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["a"]);
    home.to_disk(&[]).code(0);
    let disk = home.disk();
    let entry = "working-dir/internal/oc-mirror-version.json";
    let original = fs::read_to_string(disk.join(entry)).unwrap();
    assert!(
        original.starts_with("{\n  \"gitVersion\": \"v") && original.contains("\n  \"gitCommit\": \""),
        "{original}"
    );
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &[]).code(0);
    let rows = [
        (None, "No oc-mirror version metadata found in this archive."),
        (Some("not JSON"), "oc-mirror version metadata of this archive cannot be read"),
        (
            Some("{\"gitVersion\": \"v4.18.1\", \"gitCommit\": \"abc\"}"),
            "oc-mirror version mismatch: the archive was made by v4.18.1 (abc)",
        ),
    ];
    let archive = disk.join("mirror_000001.tar");
    let mut entries = read(&archive);
    for (content, expected) in rows {
        entries.retain(|found| found.name != entry);
        entries.extend(content.map(|text| Entry::file(entry, text)));
        write(&archive, &entries);
        let _ = fs::remove_file(disk.join(entry));
        let outcome = home.to_mirror(destination.host(), &[]);
        outcome.code(0).says(expected);
        assert!(outcome.complaints().starts_with("[WARN]"), "{}", outcome.complaints());
    }
}

/// Section 6.6, and the archives of upstream 4.17: another order of parts, owners, modes, `_uploads`, links of images
/// that are not in it, and files of an earlier load in the way.
#[test]
fn an_archive_as_upstream_makes_it() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["a", "b"]);
    home.to_disk(&[]).code(0);
    drop(source);
    let unpacked = home.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let archive = home.disk().join("mirror_000001.tar");
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&unpacked));
    let repositories = unpacked.join("docker/registry/v2/repositories");
    let dead = format!("sha256:{}", "7".repeat(64));
    let tag = repositories.join("another/workspace/_manifests/tags/v9/current");
    fs::create_dir_all(&tag).unwrap();
    fs::write(tag.join("link"), dead).unwrap();
    let uploads = repositories.join("ns/a/_uploads/1-2-3");
    fs::create_dir_all(&uploads).unwrap();
    fs::write(uploads.join("data"), "half").unwrap();
    fs::create_dir_all(unpacked.join("working-dir/helm/charts")).unwrap();
    fs::write(unpacked.join("working-dir/helm/charts/cluster.txt"), "new").unwrap();
    fs::set_permissions(unpacked.join("working-dir/helm/charts/cluster.txt"), fs::Permissions::from_mode(0o755))
        .unwrap();
    let isc = fs::read_dir(&unpacked).unwrap().map(|entry| entry.unwrap().file_name());
    let isc = isc.into_iter().find(|name| name.to_str().unwrap().starts_with("isc_")).unwrap();
    fs::remove_file(&archive).unwrap();
    // 4.17: repositories, working-dir, configuration, blobs; with entries for folders, which no upstream writes.
    let archive = home.disk().join("copy-of-mirror_000001.tar");
    run(Command::new("tar")
        .args(["--format=ustar", "--owner=mirror:1000", "--group=mirror:1000", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(&unpacked)
        .args(["docker/registry/v2/repositories", "working-dir"])
        .arg(isc)
        .arg("docker/registry/v2/blobs"));
    fs::remove_dir_all(home.cache()).unwrap();
    fs::remove_dir_all(home.disk().join("working-dir")).unwrap();
    let in_the_way = home.write("disk/working-dir/helm/charts/cluster.txt", "older and longer");
    fs::set_permissions(&in_the_way, fs::Permissions::from_mode(0o600)).unwrap();

    let destination = Registry::start_blocking();
    let outcome = home.to_mirror(destination.host(), &[]);
    outcome.code(0).says(&format!("Extracting chunk file (1 / 1): {}", archive.display()));
    for name in ["a", "b"] {
        assert_eq!(destination.manifest(&format!("ns/{name}"), "v1").unwrap().digest, image(name).digest);
    }
    // An existing file keeps its mode, and is replaced whole.
    assert_eq!(fs::read(&in_the_way).unwrap(), b"new");
    assert_eq!(fs::metadata(&in_the_way).unwrap().mode() & 0o777, 0o600);
    // Half an upload goes nowhere.
    assert!(!walk(&home.cache()).iter().any(|path| path.to_string_lossy().contains("_uploads")));
    home.run(&["archive", "verify", "disk"]).code(0);
}

/// Section 5: what upstream's embedded registry has written is used as it is, and what a run writes has the modes of one.
#[test]
fn a_cache_that_a_registry_has_filled() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["a", "b"]);
    {
        let Some(registry) = DebianRegistry::builder().root(&home.cache()).start() else { return };
        registry.push("ns/a", "v1", &image("a"));
    }
    home.to_disk(&[]).code(0).says("2 / 2 additional images mirrored successfully");
    let asked = source.requests_matching(&When::kind(Kind::Blob).method("GET").repository("ns/a"));
    assert!(asked.is_empty(), "{asked:#?}");
    assert_eq!(archived(&home), ["a", "b"].into());
    home.verify_cache();
    for path in walk(&home.cache().join("docker")) {
        if path.ends_with("link") {
            assert_eq!(fs::metadata(&path).unwrap().len(), 71, "{}", path.display());
        }
    }
}

/// Section 5: one cache serves all workspaces, and an archive carries nothing of the others.
#[test]
fn two_workspaces_on_one_cache() {
    let source = source();
    let home = Home::new();
    ask(&home, &source, &["a", "b"]);
    home.to_disk(&[]).code(0);
    fs::rename(home.disk(), home.path().join("first")).unwrap();
    source.clear_requests();
    ask(&home, &source, &["b", "c"]);
    home.to_disk(&[]).code(0);
    let asked = source.requests_matching(&When::kind(Kind::Blob).method("GET")).into_iter();
    let asked: BTreeSet<_> = asked.map(|request| request.reference).collect();
    assert_eq!(asked, image("c").all_blobs().iter().map(|blob| blob.digest.to_string()).collect());
    assert_eq!(archived(&home), ["b", "c"].into(), "the other workspace's history is its own");
    let entries = home.entries("mirror_000001.tar");
    assert!(!entries.iter().any(|name| name.contains("repositories/ns/a/")), "{entries:#?}");
}

/// Section 5: files 0666 and folders 0777, less the umask.
#[test]
fn modes_follow_the_umask() {
    let source = source();
    for (umask, file, folder) in [("077", 0o600, 0o700), ("002", 0o664, 0o775), ("000", 0o666, 0o777)] {
        let home = Home::new();
        ask(&home, &source, &["a"]);
        let disk = format!("file://{}", home.disk().display());
        let plain = home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]);
        let mut shell = home.command(&[]);
        shell = {
            let mut command = Command::new("sh");
            command.current_dir(home.path()).env_clear().envs(shell.get_envs().filter_map(|(k, v)| Some((k, v?))));
            command
        };
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let output = shell.arg("-c").arg(script).arg(plain.get_program()).args(plain.get_args()).output().unwrap();
        home.outcome(&output).code(0);
        let mut folders = BTreeSet::new();
        for path in walk(&home.cache().join("docker")) {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, file, "{} under {umask}", path.display());
            folders.insert(path.parent().unwrap().to_owned());
        }
        for path in folders {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, folder, "{} under {umask}", path.display());
        }
    }
}
