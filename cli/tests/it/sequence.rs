//! What a run tells, line by line (`docs/behaviour/config-cli.md` 6.2), and what it leaves in the working directory (5.1).

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry};

use crate::harness::{Home, Outcome, plain};

/// All lines of a run on both streams, without time and colour; sizes, durations and moments are named, not told. Images
/// are copied in no certain order, so the lines of copying are sorted.
fn told(home: &Home, outcome: &Outcome) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in plain(&format!("{}{}", outcome.stderr, outcome.stdout)).lines() {
        // `2026/08/01 10:20:30  [INFO]   : text`
        let text = line.get(20..).filter(|rest| rest.trim_start().starts_with('[')).map_or(line, str::trim_start);
        // Its sizes and its day differ from run to run.
        let text = text.split_inclusive("The new archive replaces").next().unwrap_or(text);
        let text = text.replace(oc_mirror::version::GIT_VERSION, "VERSION");
        lines.push(without_figures(&without_moment(&home.steady(&text))));
    }
    let at = |text: &str| lines.iter().position(|line| line.contains(text));
    if let (Some(first), Some(last)) = (at("images to copy"), at("=== Results ===")) {
        lines[first + 1..last].sort();
    }
    lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// Replaces the moment in `isc_pinned_2026-08-01T10:20:30Z.yaml`.
fn without_moment(line: &str) -> String {
    match line.split_once("_pinned_") {
        Some((before, rest)) => format!("{before}_pinned_MOMENT{}", &rest[20..]),
        None => line.to_owned(),
    }
}

/// Replaces numbers before a unit of size, and durations.
fn without_figures(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut text = Vec::new();
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let mut at = 0;
    while at < words.len() {
        let unit = words.get(at + 1).map_or("", |unit| unit.trim_end_matches([',', ';']));
        let opening = if words[at].starts_with('(') { "(" } else { "" };
        if is_number(&words[at][opening.len()..]) && ["B", "KiB", "MiB", "GiB", "TiB"].contains(&unit) {
            text.push(format!("{opening}{}", words[at + 1].replace(unit, "SIZE")));
            at += 2;
            continue;
        }
        let is_duration = words[at].ends_with('s') && is_number(words[at].trim_end_matches(['m', 's']));
        text.push(if is_duration { "TIME".to_owned() } else { words[at].to_owned() });
        at += 1;
    }
    text.join(" ")
}

#[test]
fn of_the_three_workflows() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    OperatorWorld::new(host, &[("foo", &["0.1.0"])]).push_to(&source);
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new().variable("OC_MIRROR_HEARTBEAT", "1h");
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {host}/ns/app:v1\n"
    ));
    let to = format!("{}/m", destination.host());
    insta::assert_snapshot!(told(&home, home.to_disk(&[]).code(0)), @"
    [INFO]   : 👋 Hello, welcome to oc-mirror
    [INFO]   : ⚙️  environment version: VERSION
    [INFO]   : 🔀 workflow mode: mirrorToDisk
    [INFO]   : 🕵  going to discover the necessary images...
    [INFO]   : 🔍 collecting operator images...
    [INFO]   : 🔂 rebuilding catalogs
    [INFO]   : Rebuilding catalog docker://127.0.0.1:PORT/cat/index:v1
    [INFO]   : Collected catalog 127.0.0.1:PORT/cat/index:v1
    [INFO]   : 🔍 collecting additional images...
    [INFO]   : 🚀 Start copying the images...
    [INFO]   : 📌 images to copy 6
    [INFO]   : Success copying 127.0.0.1:PORT/ns/app:v1 ➡️ cache
    [INFO]   : Success copying docker://127.0.0.1:PORT/cat/index:v1 ➡️ cache
    [INFO]   : Success copying docker://127.0.0.1:PORT/cat/index:v1 ➡️ cache
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo-bundle:0.1.0 ➡️ cache
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo@sha256:HEX ➡️ cache
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/shared@sha256:HEX ➡️ cache
    [INFO]   : To transfer: 11 blobs, SIZE (SIZE already present or shared)
    [INFO]   : catalog docker://127.0.0.1:PORT/cat/index:v1 was rebuilt and is not signed; --sign-catalogs signs it
    [INFO]   : === Results ===
    [INFO]   :  ✓  5 / 5 operator images mirrored successfully
    [INFO]   :  ✓  1 / 1 additional images mirrored successfully
    [INFO]   : Generating pinned configurations...
    [INFO]   : Pinned ISC written to HOME/disk/working-dir/isc_pinned_MOMENT.yaml
    [INFO]   : Pinned DISC written to HOME/disk/working-dir/disc_pinned_MOMENT.yaml
    [INFO]   : 📦 Preparing the tarball archive...
    [INFO]   : HOME/disk/mirror_000001.tar written
    [INFO]   : 6 of 6 images are in place; SIZE transferred, SIZE were already there or shared; archive: SIZE in 1 file(s); TIME
    [INFO]   : mirror time     : TIME
    [INFO]   : next: carry mirror_000001.tar, SIZE, from `HOME/disk`; on the other side: oc-mirror -c HOME/isc.yaml --from file://FOLDER docker://HOST:PORT
    [INFO]   : 👋 Goodbye, thank you for using oc-mirror
    ");
    insta::assert_snapshot!(told(&home, home.to_mirror(&to, &[]).code(0)), @r#"
    [INFO]   : 👋 Hello, welcome to oc-mirror
    [INFO]   : ⚙️  environment version: VERSION
    [INFO]   : 🔀 workflow mode: diskToMirror
    [INFO]   : Verified that we can authenticate against registry "127.0.0.1:PORT"
    [INFO]   : 📦 Extracting mirror archive(s)...
    [INFO]   : Extracting chunk file (1 / 1): HOME/disk/mirror_000001.tar
    [INFO]   : 🕵  going to discover the necessary images...
    [INFO]   : 🔍 collecting operator images...
    [INFO]   : Collected catalog 127.0.0.1:PORT/cat/index:v1
    [INFO]   : 🔍 collecting additional images...
    [INFO]   : 🚀 Start copying the images...
    [INFO]   : 📌 images to copy 5
    [INFO]   : Success copying 127.0.0.1:PORT/ns/app:v1 ➡️ 127.0.0.1:PORT/m/ns/
    [INFO]   : Success copying docker://127.0.0.1:PORT/cat/index:v1 ➡️ 127.0.0.1:PORT/m/cat/
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo-bundle:0.1.0 ➡️ 127.0.0.1:PORT/m/ns/
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo@sha256:HEX ➡️ 127.0.0.1:PORT/m/ns/
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/shared@sha256:HEX ➡️ 127.0.0.1:PORT/m/ns/
    [INFO]   : To transfer: 19 blobs, SIZE (SIZE already present or shared)
    [INFO]   : catalog docker://127.0.0.1:PORT/cat/index:v1 was rebuilt and is not signed; --sign-catalogs signs it
    [INFO]   : === Results ===
    [INFO]   :  ✓  4 / 4 operator images mirrored successfully
    [INFO]   :  ✓  1 / 1 additional images mirrored successfully
    [INFO]   : 📄 Generating cluster resources...
    [INFO]   : 📄 Generating IDMS file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/idms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating ITMS file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/itms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating CatalogSource file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/cs-index-v1.yaml file created
    [INFO]   : 📄 Generating ClusterCatalog file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/cc-index-v1.yaml file created
    [INFO]   : HOME/disk/working-dir/cluster-resources/registries.conf file created
    [INFO]   : 5 of 5 images are in place; SIZE transferred, SIZE were already there or shared; TIME
    [INFO]   : mirror time     : TIME
    [INFO]   : next: oc apply -f HOME/disk/working-dir/cluster-resources (the mirror sets in it change every node, which may drain and restart nodes one after the other)
    [INFO]   : 👋 Goodbye, thank you for using oc-mirror
    "#);
    insta::assert_snapshot!(told(&home, home.mirror_to_mirror(&to, &[]).code(0)), @r#"
    [INFO]   : 👋 Hello, welcome to oc-mirror
    [INFO]   : ⚙️  environment version: VERSION
    [INFO]   : 🔀 workflow mode: mirrorToMirror
    [INFO]   : Verified that we can authenticate against registry "127.0.0.1:PORT"
    [INFO]   : 🕵  going to discover the necessary images...
    [INFO]   : 🔍 collecting operator images...
    [INFO]   : 🔂 rebuilding catalogs
    [INFO]   : Rebuilding catalog docker://127.0.0.1:PORT/cat/index:v1
    [INFO]   : Collected catalog 127.0.0.1:PORT/cat/index:v1
    [INFO]   : 🔍 collecting additional images...
    [INFO]   : 🚀 Start copying the images...
    [INFO]   : 📌 images to copy 6
    [INFO]   : Success copying 127.0.0.1:PORT/ns/app:v1 ➡️ 127.0.0.1:PORT/m/ns/ (nothing to transfer)
    [INFO]   : Success copying docker://127.0.0.1:PORT/cat/index:v1 ➡️ 127.0.0.1:PORT/m/cat/ (nothing to transfer)
    [INFO]   : Success copying docker://127.0.0.1:PORT/cat/index:v1 ➡️ cache (nothing to transfer)
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo-bundle:0.1.0 ➡️ 127.0.0.1:PORT/m/ns/ (nothing to transfer)
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/foo@sha256:HEX ➡️ 127.0.0.1:PORT/m/ns/ (nothing to transfer)
    [INFO]   : Success copying docker://127.0.0.1:PORT/ns/shared@sha256:HEX ➡️ 127.0.0.1:PORT/m/ns/ (nothing to transfer)
    [INFO]   : To transfer: 0 blobs, SIZE (SIZE already present or shared)
    [INFO]   : catalog docker://127.0.0.1:PORT/cat/index:v1 was rebuilt and is not signed; --sign-catalogs signs it
    [INFO]   : === Results ===
    [INFO]   :  ✓  5 / 5 operator images mirrored successfully
    [INFO]   :  ✓  1 / 1 additional images mirrored successfully
    [INFO]   : Generating pinned configurations...
    [INFO]   : Pinned ISC written to HOME/workspace/working-dir/isc_pinned_MOMENT.yaml
    [INFO]   : Pinned DISC written to HOME/workspace/working-dir/disc_pinned_MOMENT.yaml
    [INFO]   : 📄 Generating cluster resources...
    [INFO]   : 📄 Generating IDMS file...
    [INFO]   : HOME/workspace/working-dir/cluster-resources/idms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating ITMS file...
    [INFO]   : HOME/workspace/working-dir/cluster-resources/itms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating CatalogSource file...
    [INFO]   : HOME/workspace/working-dir/cluster-resources/cs-index-v1.yaml file created
    [INFO]   : 📄 Generating ClusterCatalog file...
    [INFO]   : HOME/workspace/working-dir/cluster-resources/cc-index-v1.yaml file created
    [INFO]   : HOME/workspace/working-dir/cluster-resources/registries.conf file created
    [INFO]   : 6 of 6 images are in place; SIZE transferred, SIZE were already there or shared; TIME
    [INFO]   : mirror time     : TIME
    [INFO]   : next: oc apply -f HOME/workspace/working-dir/cluster-resources (the mirror sets in it change every node, which may drain and restart nodes one after the other)
    [INFO]   : 👋 Goodbye, thank you for using oc-mirror
    "#);
    insta::assert_snapshot!(told(&home, home.to_mirror(&to, &["--dry-run"]).code(0)), @r#"
    [INFO]   : 👋 Hello, welcome to oc-mirror
    [INFO]   : ⚙️  environment version: VERSION
    [INFO]   : 🔀 workflow mode: diskToMirror
    [INFO]   : Verified that we can authenticate against registry "127.0.0.1:PORT"
    [INFO]   : 📦 Extracting mirror archive(s)...
    [INFO]   : Extracting chunk file (1 / 1): HOME/disk/mirror_000001.tar
    [INFO]   : 🕵  going to discover the necessary images...
    [INFO]   : 🔍 collecting operator images...
    [INFO]   : Collected catalog 127.0.0.1:PORT/cat/index:v1
    [INFO]   : 🔍 collecting additional images...
    [INFO]   : catalog docker://127.0.0.1:PORT/cat/index:v1 was rebuilt and is not signed; --sign-catalogs signs it
    [INFO]   : 📄 list of all images for mirroring in : HOME/disk/working-dir/dry-run/mapping.txt
    [INFO]   : the plan is in : HOME/disk/working-dir/dry-run/plan.json
    [INFO]   : 📄 Generating cluster resources...
    [INFO]   : 📄 Generating IDMS file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/idms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating ITMS file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/itms-oc-mirror.yaml file created
    [INFO]   : 📄 Generating CatalogSource file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/cs-index-v1.yaml file created
    [INFO]   : 📄 Generating ClusterCatalog file...
    [INFO]   : HOME/disk/working-dir/cluster-resources/cc-index-v1.yaml file created
    [INFO]   : HOME/disk/working-dir/cluster-resources/registries.conf file created
    [INFO]   : 5 images, 28 unique blobs, SIZE
    [INFO]   : the destination lacks: SIZE
    [INFO]   : mirror time     : TIME
    [INFO]   : 👋 Goodbye, thank you for using oc-mirror
    "#);

    // What fails is told between the results and the last word.
    home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/none:v1")]);
    insta::assert_snapshot!(told(&home, home.to_disk(&["--retry-times=0"]).code(8)), @"
    [INFO]   : 👋 Hello, welcome to oc-mirror
    [INFO]   : ⚙️  environment version: VERSION
    [INFO]   : 🔀 workflow mode: mirrorToDisk
    [WARN]   : The new archive replaces
    [INFO]   : 🕵  going to discover the necessary images...
    [INFO]   : 🔍 collecting additional images...
    [INFO]   : 🚀 Start copying the images...
    [INFO]   : 📌 images to copy 2
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/none:v1 error: pulling manifest `127.0.0.1:PORT/ns/none:v1`: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]
    [INFO]   : Success copying 127.0.0.1:PORT/ns/app:v1 ➡️ cache (nothing to transfer)
    [INFO]   : To transfer: 0 blobs, SIZE (SIZE already present or shared)
    [INFO]   : === Results ===
    [INFO]   :  ✗  1 / 2 additional images mirrored: Some additional images failed to be mirrored - please check the logs
    [INFO]   : 1 of 2 images are in place; SIZE transferred, SIZE were already there or shared; TIME
    [INFO]   : mirror time     : TIME
    [INFO]   : 👋 Goodbye, thank you for using oc-mirror
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    No archive was written: an incomplete archive never replaces a complete one, and `HOME/disk` holds mirror_000001.tar. Carry that archive, move it to another folder, and run the same command again.
    The archive would lack 1 of its 2 images:
    * 127.0.0.1:PORT/ns/none:v1, line 6 of the configuration (mirror.additionalImages[1])
    ");
}

/// The login check comes before anything is collected, in rehearsals too.
#[test]
fn the_destination_is_asked_first() {
    let source = Registry::start_blocking();
    let host = source.host();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{host}/ns/app:v1")]);
    home.to_disk(&[]).code(0);
    source.clear_requests();
    for more in [&[][..], &["--dry-run"], &["--dry-run-manifest-lists"]] {
        let more = [&["--retry-times=0"], more].concat();
        for outcome in [home.to_mirror("127.0.0.1:1", &more), home.mirror_to_mirror("127.0.0.1:1", &more)] {
            outcome.code(1).says("checking registry \"127.0.0.1:1\" access");
            let said = plain(&outcome.stdout);
            assert!(!said.contains("going to discover") && !said.contains("Extracting"), "{said}");
        }
    }
    assert_eq!(source.request_count(), 0, "{:#?}", source.requests());
}

/// The folders that every run makes, whether it has use for them or not.
#[test]
fn the_working_directory() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    let root = home.disk().join("working-dir");
    for folder in [
        "logs",
        "signatures",
        "release-images",
        "hold-release/cincinnati-graph-data",
        "operator-catalogs",
        "cluster-resources",
        "helm/charts",
        "helm/indexes",
        ".history",
        "internal",
    ] {
        assert!(root.join(folder).is_dir(), "{folder}");
    }
    let version = std::fs::read_to_string(root.join("internal/oc-mirror-version.json")).unwrap();
    let version: serde_json::Value = serde_json::from_str(&version).unwrap();
    assert!(version["gitVersion"].is_string() && version["gitCommit"].is_string(), "{version}");
    let names: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| home.steady(&entry.unwrap().file_name().into_string().unwrap()))
        .filter(|name| name.contains("pinned"))
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
