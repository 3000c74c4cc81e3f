//! Several catalogs in one run, catalogs of other makers, and selections that an earlier run left behind.

use std::path::PathBuf;
use std::process::Command;

use image_ref::Platform;
use serde_json::{Value, json};
use test_support::{
    CatalogBuilder, Image, ImageBuilder, IndexBuilder, Layer, Registry, cosign_signature, cosign_signature_tag,
};

use crate::catalog_image::{CONFIGS_LABEL, instances, instances_of};
use crate::harness::Home;
use crate::operators::{FOO_FROM_0_2, filtered, operators, served, world, write_layout};

/// A small image that belongs to a name.
fn small(name: &str) -> Image {
    let seed = name.bytes().fold(3, |seed, byte| seed * 31 % 1_000_003 + u64::from(byte));
    ImageBuilder::oci().layer(Layer::random(seed, 2000)).build()
}

/// A catalog of one package `foo` with one bundle `foo.v1.0.0`; bundle and operand are those of `maker`.
pub(crate) fn catalog_of(registry: &Registry, maker: &str) -> CatalogBuilder {
    CatalogBuilder::new().file("foo/catalog.json", documents_of(registry, maker))
}

/// The documents of that catalog, whose images are pushed.
pub(crate) fn documents_of(registry: &Registry, maker: &str) -> String {
    let host = registry.host();
    for name in ["bundle", "operand"] {
        registry.push(&format!("{maker}/{name}"), "v1", &small(&format!("{maker}/{name}")));
    }
    let related = |name: &str| json!({"name": name, "image": format!("{host}/{maker}/{name}:v1")});
    let property = json!({"packageName": "foo", "version": "1.0.0"});
    let documents = [
        json!({"schema": "olm.package", "name": "foo", "defaultChannel": "c"}),
        json!({"schema": "olm.channel", "package": "foo", "name": "c", "entries": [{"name": "foo.v1.0.0"}]}),
        json!({
            "schema": "olm.bundle", "package": "foo", "name": "foo.v1.0.0", "image": related("bundle")["image"],
            "properties": [{"type": "olm.package", "value": property}],
            // The operand is named twice, as happens.
            "relatedImages": [related("bundle"), related("operand"), related("operand")],
        }),
    ];
    documents.iter().map(Value::to_string).collect()
}

/// Upstream knows bundles by name alone, and the images of the first catalog are lost.
#[test]
fn two_catalogs_with_bundles_of_one_name() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    for maker in ["red", "blue"] {
        source.push(&format!("{maker}/index"), "v1", &catalog_of(&source, maker).build());
    }
    let home = Home::new();
    let entry = |maker: &str| format!("- catalog: {host}/{maker}/index:v1\n  packages:\n  - name: foo\n");
    home.configuration(&format!("operators:\n{}{}", entry("red"), entry("blue")));
    // Of each: bundle, operand, the catalog and what was made of it.
    home.to_disk(&[]).code(0).says("8 / 8 operator images mirrored successfully");
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0).says("6 / 6 operator images mirrored successfully");
    for maker in ["red", "blue"] {
        for name in ["bundle", "operand"] {
            let repository = format!("{maker}/{name}");
            assert_eq!(destination.manifest(&repository, "v1").unwrap().digest, small(&repository).digest);
        }
        assert_eq!(served(&destination, &format!("{maker}/index"), "v1"), ["foo.v1.0.0"]);
    }
    // Where one of them cannot be had, only the bundle of its own catalog is given up.
    source.remove("red/operand", "v1");
    let home = Home::new();
    home.configuration(&format!("operators:\n{}{}", entry("red"), entry("blue")));
    let outcome = home.to_disk(&[]);
    outcome.code(4).says("6 / 8 operator images mirrored").says("(Operator bundles: [foo.v1.0.0] - Operators: [foo])");
    let skipped = |maker: &str| format!("skipping operator bundle docker://{host}/{maker}/bundle:v1");
    outcome.says(&skipped("red"));
    assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(&skipped("blue")));
}

/// OLM refuses a catalog that defines anything twice, so the rebuilt one never does.
#[test]
fn a_package_that_stands_there_twice() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    let json = documents_of(&source, "red");
    let yaml = || {
        let documents = serde_json::Deserializer::from_str(&json).into_iter::<Value>();
        documents.map(|document| document.unwrap().to_string()).collect::<Vec<_>>().join("\n---\n")
    };
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {host}/red/index:v1\n  packages:\n  - name: foo\n"));
    let publish = |second: String| {
        let catalog = CatalogBuilder::new().file("foo/catalog.json", json.clone()).file("foo/catalog.yaml", second);
        source.push("red/index", "v1", &catalog.build());
    };
    publish(yaml());
    assert_eq!(home.to_disk(&[]).code(0).complaints(), "");
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(served(&destination, "red/index", "v1"), ["foo.v1.0.0"]);
    let [digest] = <[PathBuf; 1]>::try_from(filtered(&home)).unwrap();
    let written = std::fs::read_to_string(digest.parent().unwrap().join("catalog-config/foo/catalog.json")).unwrap();
    for schema in ["olm.package", "olm.channel", "olm.bundle"] {
        assert_eq!(written.matches(&format!("\"schema\": \"{schema}\"")).count(), 1, "{schema}");
    }
    // Listing shows the package once as well.
    let listed =
        home.run(&["list", "operators", "--catalog", &format!("{host}/red/index:v1"), "--src-tls-verify=false"]);
    assert_eq!(listed.code(0).stdout.matches("foo").count(), 1, "{}", listed.stdout);

    for (from, to) in [
        ("\"defaultChannel\":\"c\"", "\"defaultChannel\":\"d\""),
        ("bundle:v1", "bundle:v2"),
        ("[{\"name\":\"foo.v1.0.0\"}]", "[]"),
    ] {
        let differs = yaml().replacen(from, to, 1);
        assert_ne!(differs, yaml());
        publish(differs);
        home.to_disk(&[])
            .code(4)
            .says("failed to filter catalog: package \"foo\": olm.")
            .says(" is defined in two documents that differ: foo/catalog.json:1 (document ")
            .says(" and foo/catalog.yaml:");
    }
}

/// The id of a selection leaves targets out, so both entries have one folder; upstream mirrors the last one only.
#[test]
fn one_catalog_twice_under_other_names() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "operators:\n\
         - catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetCatalog: n/c\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetTag: t\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetTag: all\n  full: true\n"
    ));
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0);
    let digests = [("cat/index", "v1"), ("n/c", "v1"), ("cat/index", "t")].map(|(repository, tag)| {
        assert_eq!(served(&destination, repository, tag), ["foo.v0.3.0"]);
        destination.manifest(repository, tag).unwrap().digest
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    let whole = destination.manifest("cat/index", "all").unwrap();
    assert_eq!(whole.digest, source.manifest("cat/index", "v1").unwrap().digest);
}

/// What upstream and older versions leave behind brings no cache for `opm`, so it is made anew; the files of the catalog are in the
/// cache already.
#[test]
fn selections_of_earlier_programs_are_made_anew() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let upgrade_graph = ["--operator-selection", "upgrade-graph", "--log-level", "debug"];
    home.to_disk(&upgrade_graph).code(0);
    let [digest] = <[PathBuf; 1]>::try_from(filtered(&home)).unwrap();
    let folder = digest.parent().unwrap().to_owned();
    let rules = std::fs::read_to_string(folder.join("rules")).unwrap();
    assert_eq!(rules, "upgrade-graph\nlayers 3");
    for old in [None, Some("upgrade-graph")] {
        std::fs::remove_file(folder.join("rules")).unwrap();
        if let Some(old) = old {
            std::fs::write(folder.join("rules"), old).unwrap();
        }
        source.clear_requests();
        home.to_disk(&upgrade_graph).code(0).says("rebuilding catalogs");
        assert_eq!(source.blob_bytes_served(), 0);
        assert_eq!(std::fs::read_to_string(folder.join("rules")).unwrap(), rules);
        home.to_disk(&upgrade_graph).code(0).says("nothing to read");
    }

    // An older id is that of the entry as it is written. Such a folder counts as long as there is no other.
    let text = format!(
        "{{\"packages\":[{{\"name\":\"foo\",\"minVersion\":\"0.2.0\"}},{{\"name\":\"bar\"}}],\"catalog\":\"{}/cat/index:v1\"}}",
        source.host()
    );
    let written = home.write("entry.json", text);
    let sum = Command::new("md5sum").arg(written).output().unwrap();
    let id = String::from_utf8(sum.stdout).unwrap()[..32].to_owned();
    let tags = home.cache().join("docker/registry/v2/repositories/cat/index/_manifests/tags");
    std::fs::rename(tags.join(folder.file_name().unwrap()), tags.join(&id)).unwrap();
    std::fs::rename(&folder, folder.with_file_name(&id)).unwrap();
    home.to_disk(&upgrade_graph).code(0).says(&format!("selection {id} was made by an earlier run"));

    // By the other rules something else may come out, so it is made anew.
    let other = home.to_disk(&["--log-level", "debug"]);
    other.code(0).says("rebuilding catalogs");
    assert!(!format!("{}{}", other.stdout, other.stderr).contains("nothing to read"));
    // A digest of something that the cache does not have is not believed.
    std::fs::write(&filtered(&home)[0], "0".repeat(64)).unwrap();
    home.to_disk(&["--log-level", "debug"]).code(0).says("rebuilding catalogs");
}

/// The pinned configuration does the same again although the tag has moved, and is right for the archive of the other.
#[test]
fn pinned_configurations_do_the_same_again() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    home.to_disk(&[]).code(0);
    let digest = std::fs::read_to_string(&filtered(&home)[0]).unwrap();
    let pinned = |home: &Home, prefix: &str| {
        let mut names: Vec<PathBuf> = std::fs::read_dir(home.disk().join("working-dir"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
            .collect();
        names.sort();
        std::fs::read_to_string(names.last().unwrap()).unwrap()
    };
    source.push("cat/index", "v1", &catalog_of(&source, "moved").build());
    home.write("isc.yaml", pinned(&home, "isc_pinned_"));
    home.to_disk(&["--log-level", "debug"]).code(0).says("nothing to read");
    assert_eq!(filtered(&home).len(), 1);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(destination.manifest("cat/index", "v1").unwrap().digest.hex(), digest);

    home.write("disc.yaml", pinned(&home, "disc_pinned_"));
    let workspace = format!("file://{}", home.disk().display());
    let to = format!("docker://{}", destination.host());
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to, "--dest-tls-verify=false"])
        .code(0);
    let list = std::fs::read_to_string(home.disk().join("working-dir/delete/delete-images.yaml")).unwrap();
    assert!(list.contains(&format!("{}/ns/foo-bundle:0.3.0", destination.host())), "{list}");
    assert!(!list.contains("foo-bundle:0.1.0"), "{list}");
}

/// A full catalog is the very image, so its signature still holds; what was rebuilt has none, and that of its original is of no
/// use to anybody.
#[test]
fn signatures_of_catalogs() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let tag = cosign_signature_tag(&catalog.digest);
    source.push("cat/index", tag.as_str(), &cosign_signature("registry.lab/cat/index", &catalog));
    for (body, prefix, signed) in [("full: true", "whole", true), ("packages:\n- name: bar", "part", false)] {
        let home = Home::new();
        operators(&home, source.host(), body);
        source.clear_requests();
        home.to_disk(&[]).code(0);
        let tags = home.cache().join("docker/registry/v2/repositories/cat/index/_manifests/tags");
        assert_eq!(tags.join(&tag).exists(), signed, "{prefix}");
        let asked = source.requests().iter().any(|request| request.path.contains(&tag));
        assert_eq!(asked, signed, "{prefix}");
        std::fs::remove_dir_all(home.cache()).unwrap();
        home.to_mirror(&format!("{}/{prefix}", destination.host()), &[]).code(0);
        let tags = destination.tags(&format!("{prefix}/cat/index"));
        // Besides the tag of the catalog itself.
        assert_eq!(tags.len(), if signed { 2 } else { 1 }, "{prefix}: {tags:?}");
        assert_eq!(tags.contains(&tag), signed, "{prefix}: {tags:?}");
    }
}

/// Texts of `relatedImages` that name no image: the whole catalog fails, with the bundle named
/// (`docs/behaviour/operators-archive.md` 4).
#[test]
fn related_images_that_are_none() {
    let check = |image: &str, text: &str| {
        let source = Registry::start_blocking();
        world(&source, &[image]);
        let home = Home::new();
        operators(&home, source.host(), "packages:\n- name: foo");
        home.to_disk(&[])
            .code(4)
            .says("collection error")
            .says(text)
            .says("SKIPPING bundle foo.v0.3.0 of operator foo");
        assert!(home.archives().is_empty());
        // The bundle is not selected: nothing is wrong.
        operators(&home, source.host(), "packages:\n- name: foo\n  maxVersion: 0.2.0");
        home.to_disk(&[]).code(0);
    };
    check("", "error parsing image : ");
    check("oci:///srv/image", "invalid image: oci:///srv/image 'oci' is not supported in operator catalogs");
    // Upstream's own tests look for these words, blank included.
    check(
        "r.io/ns/image@sha256:12",
        "error parsing image r.io/ns/image@sha256:12: r.io/ns/image@sha256:12 unable to parse image correctly : invalid digest",
    );
    check("r.io/ns/image", "tag and digest are empty");
}

/// The error says how to go on without the image, and without the operator; both help. Deleting needs neither.
#[test]
fn texts_that_name_no_image_can_be_blocked() {
    let check = |image: &str, advice: &str, others: &[&str], useless: &str| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        world(&source, &[image]);
        let home = Home::new();
        let catalog = format!("operators:\n- catalog: {}/cat/index:v1\n", source.host());
        let (foo, bar) = ("  packages:\n  - name: foo\n", "  packages:\n  - name: bar\n");
        let blocked = |pattern: &str| format!("blockedImages:\n- name: {pattern}\n");
        home.configuration(&format!("{catalog}{foo}{}", blocked(useless)));
        home.to_disk(&[])
            .code(4)
            .says(&format!("add `- name: {advice}` to `blockedImages`"))
            .says("take package foo out of `packages`");
        home.configuration(&format!("{catalog}  full: true\n"));
        home.to_disk(&[]).code(4).says("list the packages that you need under `packages`, without foo");
        for pattern in [advice].iter().chain(others) {
            home.configuration(&format!("{catalog}{foo}{}", blocked(pattern)));
            home.mirror_to_mirror(destination.host(), &[]).code(0);
            assert_eq!(served(&destination, "cat/index", "v1"), ["foo.v0.3.0"], "{pattern}");
        }
        home.to_disk(&[]).code(0);
        home.to_mirror(destination.host(), &[]).code(0);
        home.configuration(&format!("{catalog}{bar}"));
        home.to_disk(&[]).code(0);
    };
    check("", "^$", &["'^$'"], "x");
    check("r.io/ns/image", "^r\\.io/ns/image$", &["ns/image:latest$", "ns/image"], "^ns/image$");
    check("acme", "^acme$", &["^docker.io/library/acme:latest$"], "^acme:v1$");
    check("oci:///srv/image", "^/srv/image$", &["/srv/"], "^oci");
    check("r.io/ns/image@sha256:12", "^r\\.io/ns/image@sha256:12$", &["sha256:12$"], "^r.io/ns/image$");
    check("a # b", "\"^a \\\\# b$\"", &["'^a # b$'"], "b c");
}

/// What holds selected bundles together comes along, with a warning. A strict run refuses, also after a run that was not.
#[test]
fn bundles_far_apart_are_bridged() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let asked = "packages:\n- name: foo\n  bundles:\n  - name: foo.v0.1.0\n  - name: foo.v0.3.0";
    let refused = |home: &Home| {
        let outcome = home.mirror_to_mirror(destination.host(), &["--strict-selection"]);
        outcome.code(4).says("leads to invalidating channel").says("select [foo.v0.2.0] as well");
    };
    let home = Home::new();
    operators(&home, source.host(), asked);
    refused(&home);
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("Added [foo.v0.2.0], so that clusters can upgrade");
    assert_eq!(served(&destination, "cat/index", "v1"), ["foo.v0.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
    refused(&home);
}

/// The same of mirror to mirror, whose pinned files lie in the workspace.
#[test]
fn pinned_configurations_of_mirror_to_mirror() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let to = format!("{}/m", destination.host());
    home.mirror_to_mirror(&to, &[]).code(0);
    let mirrored = destination.manifest("m/cat/index", "v1").unwrap().digest;
    let pinned = |prefix: &str| {
        let names = std::fs::read_dir(home.workspace().join("working-dir")).unwrap().map(|entry| entry.unwrap().path());
        let mut names = names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix));
        let path = names.next().unwrap_or_else(|| panic!("no {prefix}"));
        assert!(names.next().is_none(), "two of {prefix}");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("catalog: {}/cat/index@{}", source.host(), catalog.digest)), "{text}");
        assert!(text.contains("targetTag: v1"), "{text}");
        text
    };
    let (isc, disc) = (pinned("isc_pinned_"), pinned("disc_pinned_"));

    source.push("cat/index", "v1", &catalog_of(&source, "moved").build());
    let other = Registry::start_blocking();
    home.write("isc.yaml", isc);
    home.mirror_to_mirror(&format!("{}/m", other.host()), &[]).code(0);
    assert_eq!(other.manifest("m/cat/index", "v1").unwrap().digest, mirrored);

    home.write("disc.yaml", disc);
    let workspace = format!("file://{}", home.workspace().display());
    let to = format!("docker://{to}");
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to, "--dest-tls-verify=false"])
        .code(0);
    let list = std::fs::read_to_string(home.workspace().join("working-dir/delete/delete-images.yaml")).unwrap();
    assert!(list.contains(&format!("{}/m/ns/foo-bundle:0.3.0", destination.host())), "{list}");
    assert!(!list.contains("foo-bundle:0.1.0"), "{list}");
}

/// What the warning about requirements prints is pasted below `packages`, and the warning is gone.
#[test]
fn the_lines_for_missing_requirements_are_right() {
    let source = Registry::start_blocking();
    let host = source.host();
    source.push("ns/bundle", "v1", &small("bundle"));
    let gvk = json!({"group": "g.io", "kind": "Thing", "version": "v1"});
    let bundle = |package: &str, version: &str, mut properties: Vec<Value>| {
        let value = json!({"packageName": package, "version": version});
        properties.push(json!({"type": "olm.package", "value": value}));
        let image = format!("{host}/ns/bundle:v1");
        json!({
            "schema": "olm.bundle", "package": package, "name": format!("{package}.v{version}"), "image": image,
            "properties": properties, "relatedImages": [{"name": "", "image": image}],
        })
    };
    let package = |name: &str| json!({"schema": "olm.package", "name": name, "defaultChannel": "c"});
    let channel = |package: &str, entries: Value| json!({"schema": "olm.channel", "package": package, "name": "c", "entries": entries});
    let base_range = json!({"packageName": "base", "versionRange": ">=1.0.0 <2.0.0"});
    let documents = [
        package("needy"),
        channel("needy", json!([{"name": "needy.v1.0.0"}])),
        bundle(
            "needy",
            "1.0.0",
            vec![
                // The head of this package is too new, so a version has to be named.
                json!({"type": "olm.package.required", "value": base_range}),
                json!({"type": "olm.gvk.required", "value": gvk}),
            ],
        ),
        package("base"),
        channel("base", json!([{"name": "base.v1.5.0"}, {"name": "base.v2.0.0", "replaces": "base.v1.5.0"}])),
        bundle("base", "1.5.0", Vec::new()),
        bundle("base", "2.0.0", Vec::new()),
        package("maker"),
        channel("maker", json!([{"name": "maker.v1.0.0"}])),
        bundle("maker", "1.0.0", vec![json!({"type": "olm.gvk", "value": gvk})]),
    ];
    let text: String = documents.iter().map(Value::to_string).collect();
    source.push("cat/index", "v1", &CatalogBuilder::new().file("index.json", text).build());

    let home = Home::new();
    let asked = "packages:\n- name: needy\n";
    operators(&home, host, asked);
    let first = home.to_disk(&[]);
    first.code(0).says("Selected operators depend on packages that are not selected");
    let complaints = first.complaints();
    let (_, printed) = complaints.split_once("\npackages:\n").unwrap();
    // Up to the next line of the log.
    let is_yaml = |line: &&str| line.starts_with(['#', '-', ' ']);
    let printed: String = printed.lines().take_while(is_yaml).flat_map(|line| [line, "\n"]).collect();
    insta::assert_snapshot!(printed, @r#"
    # package base >=1.0.0 <2.0.0, required by needy/needy.v1.0.0
    - name: base
      defaultChannel: "c"
      channels:
      - name: "c"
        minVersion: "1.5.0"
        maxVersion: "1.5.0"
    # API Thing of g.io/v1, required by needy/needy.v1.0.0
    - name: maker
    "#);
    operators(&home, host, &format!("{asked}{printed}"));
    let second = home.to_disk(&[]);
    second.code(0);
    assert!(!second.complaints().contains("require"), "{}", second.complaints());
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(served(&destination, "cat/index", "v1"), ["base.v1.5.0", "maker.v1.0.0", "needy.v1.0.0"]);
}

/// Indexes of today's builders hold attestations beside the images, which are no platform of the catalog; and some
/// indexes hold indexes.
#[test]
fn indexes_with_attestations_and_indexes_in_them() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let documents = documents_of(&source, "red");
    let files = Layer::tar_gz([("configs/foo/catalog.json", documents.as_bytes())]);
    let instance = |architecture: &str| {
        let program = Layer::tar_gz([("bin/opm", architecture.as_bytes())]);
        let image = ImageBuilder::oci().architecture(architecture).label(CONFIGS_LABEL, "/configs");
        image.layer(program).layer(files.clone()).build()
    };
    let attestation = |image: &Image| {
        let about = image.digest.to_string();
        ImageBuilder::oci()
            .platform(Platform::new("unknown", "unknown"))
            .layer(Layer::random(1, 300))
            .about(&[("vnd.docker.reference.type", "attestation-manifest"), ("vnd.docker.reference.digest", &about)])
            .build()
    };
    let (amd64, arm64) = (instance("amd64"), instance("arm64"));
    let inner = IndexBuilder::oci().child(attestation(&arm64)).child(arm64.clone()).build();
    // The attestation comes first: it is not what the catalog is read from. Both indexes list the very same one, so the
    // inner index may be pushed only after something that the outer one names, too.
    let index = IndexBuilder::oci().child(attestation(&amd64)).child(amd64.clone()).child(inner).build();
    let text = String::from_utf8(index.bytes.to_vec()).unwrap();
    assert!(text.contains("attestation-manifest") && text.contains("unknown"), "{text}");
    source.push("cat/index", "v1", &index);

    for (body, prefix) in [("full: true", "whole"), ("packages:\n- name: foo", "part")] {
        let home = Home::new();
        operators(&home, source.host(), body);
        home.to_disk(&[]).code(0);
        std::fs::remove_dir_all(home.cache()).unwrap();
        home.to_mirror(&format!("{}/{prefix}", destination.host()), &[]).code(0);
    }
    // Whole, with everything that belongs to it.
    assert_eq!(destination.manifest("whole/cat/index", "v1").unwrap().digest, index.digest);
    for manifest in index.manifests() {
        assert!(destination.manifest("whole/cat/index", &manifest.digest.to_string()).is_some());
    }
    // What was made of it is one flat index of the two images, and says nothing of other images.
    let made = destination.manifest("part/cat/index", "v1").unwrap();
    let made: Value = serde_json::from_slice(&made.bytes).unwrap();
    let platforms: Vec<Value> = made["manifests"].as_array().unwrap().iter().map(|m| m["platform"].clone()).collect();
    let linux = |architecture: &str| json!({"os": "linux", "architecture": architecture});
    assert_eq!(platforms, [linux("amd64"), linux("arm64")]);
    assert_eq!(served(&destination, "part/cat/index", "v1"), ["foo.v1.0.0"]);
    let read = |digest: &str| match destination.manifest("part/cat/index", digest) {
        Some(manifest) => manifest.bytes.to_vec(),
        None => destination.blob(&digest.parse().unwrap()).unwrap().to_vec(),
    };
    let made = instances(&read, "v1");
    for (made, original) in made.iter().zip([amd64, arm64]) {
        made.assert_startable(&instances_of(&original)[0]);
    }
}

/// Names of `docs/behaviour/config-cli.md` 4.2 that are neither a tag nor a digest alone.
#[test]
fn other_names_of_catalogs() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let home = Home::new();
    write_layout(&home.path().join("srv/idx"), &catalog);
    let foo = "  packages:\n  - name: foo\n";
    // Upstream refuses a tag beside a digest. Here the digest says what is read, and the tag how it is called; the tag
    // itself is never asked for.
    let both = format!("{}/cat/index:moved@{}", source.host(), catalog.digest);
    let folder = format!("oci://{}/srv/idx", home.path().display());
    home.configuration(&format!(
        "operators:\n- catalog: {both}\n{foo}- catalog: {folder}\n  targetTag: t\n{foo}- catalog: {folder}\n  targetCatalog: n/c\n  full: true\n"
    ));
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(served(&destination, "cat/index", "moved"), ["foo.v0.3.0"]);
    assert_eq!(served(&destination, "idx", "t"), ["foo.v0.3.0"]);
    assert_eq!(destination.manifest("n/c", "latest").unwrap().digest, catalog.digest);
    assert_eq!(destination.tags("cat/index"), ["moved"]);

    // Of a folder with several images nobody says which is meant.
    let index = home.path().join("srv/idx/index.json");
    let mut text: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    let entries = text["manifests"].as_array_mut().unwrap();
    entries.push(entries[0].clone());
    std::fs::write(&index, text.to_string()).unwrap();
    home.configuration(&format!("operators:\n- catalog: {folder}\n{foo}"));
    home.to_disk(&[])
        .code(4)
        .says(&format!("collect catalog \"{folder}\": "))
        .says("holds 2 images; they have no names, so none can be chosen");
}

/// Where `opm` could make no cache, the rebuilt catalog brings none, and a warning says why.
#[test]
fn a_catalog_that_opm_refuses_brings_no_cache() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let icon = "\"schema\":\"olm.package\",\"icon\":{\"base64data\":\"%\",\"mediatype\":\"image/png\"}";
    let documents = documents_of(&source, "red").replacen("\"schema\":\"olm.package\"", icon, 1);
    source.push("red/index", "v1", &CatalogBuilder::new().file("foo/catalog.json", documents).build());
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {}/red/index:v1\n  packages:\n  - name: foo\n", source.host()));
    home.mirror_to_mirror(destination.host(), &[]).code(0).says(
        "the rebuilt catalog brings no cache for opm: package \"foo\": icon.base64data has the unexpected value `%`, \
         expected base64",
    );
    home.mirror_to_mirror(destination.host(), &["--log-level", "debug"]).code(0).says("nothing to read");
}

/// What is blocked is not mirrored, and nothing is missing then: the catalog keeps what it says (
/// `docs/behaviour/operators-archive.md` 4).
#[test]
fn blocked_images_of_operators() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nblockedImages:\n- name: ns/shared\n"
    ));
    home.to_disk(&[]).code(0).says("4 / 4 operator images mirrored successfully");
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(destination.repositories(), ["cat/index", "ns/foo", "ns/foo-bundle"]);
    assert_eq!(served(&destination, "cat/index", "v1"), ["foo.v0.3.0"]);
}
