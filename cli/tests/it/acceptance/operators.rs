//! Rows about operators, on a catalog of the shape that upstream's tests have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{CatalogBuilder, Effect, Fault, ImageBuilder, Kind, Layer, Registry, When, flatten};

use crate::harness::{Home, resources, wait_for, walk};

/// The schema of metas that the tools of operators do not know.
const LIFECYCLES: &str = "io.openshift.operators.lifecycles.v1alpha1";

/// Package, channel, entries: version, what it replaces, what it skips.
type Channel = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static [&'static str])]);

const CHANNELS: [Channel; 4] = [
    (
        "foo",
        "beta",
        &[("0.1.0", "", &[]), ("0.2.0", "0.1.0", &[]), ("0.3.0", "0.2.0", &[]), ("0.3.1", "0.2.0", &["0.3.0"])],
    ),
    ("bar", "stable", &[("1.0.0", "", &[])]),
    ("bar", "alpha", &[("0.1.0", "", &[]), ("0.2.0", "0.1.0", &["0.1.0"]), ("1.0.0", "0.2.0", &[])]),
    ("baz", "stable", &[("1.0.0", "", &[]), ("1.0.1", "", &["1.0.0"]), ("1.1.0", "1.0.1", &[])]),
];

/// Puts the catalog, its bundles and the image that all of them share into a registry. `extra` related images belong to
/// the bundle `baz.v1.1.0`.
fn push_catalog(registry: &Registry, extra: &[&str]) {
    let host = registry.host();
    let shared = ImageBuilder::oci().layer(Layer::random(900, 2000)).build();
    registry.push("ns/shared", "v1", &shared);
    let mut files: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (package, default) in [("foo", "beta"), ("bar", "stable"), ("baz", "stable")] {
        files.entry(package).or_default().push(json!({
            "schema": "olm.package", "name": package, "defaultChannel": default,
        }));
    }
    let mut bundles: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (package, channel, entries) in CHANNELS {
        let name = |version: &str| format!("{package}.v{version}");
        let entries: Vec<Value> = entries
            .iter()
            .map(|(version, replaces, skips)| {
                bundles.insert((package, version));
                let mut entry = json!({ "name": name(version) });
                if !replaces.is_empty() {
                    entry["replaces"] = name(replaces).into();
                }
                if !skips.is_empty() {
                    entry["skips"] = skips.iter().map(|skipped| name(skipped)).collect();
                }
                entry
            })
            .collect();
        files.entry(package).or_default().push(json!({
            "schema": "olm.channel", "name": channel, "package": package, "entries": entries,
        }));
    }
    for (at, (package, version)) in bundles.into_iter().enumerate() {
        let bundle = ImageBuilder::docker().layer(Layer::random(901 + at as u64, 2000)).build();
        registry.push(&format!("ns/{package}-bundle"), version, &bundle);
        let image = format!("{host}/ns/{package}-bundle:{version}");
        let mut related = vec![image.clone(), format!("{host}/ns/shared@{}", shared.digest)];
        if (package, version) == ("baz", "1.1.0") {
            related.extend(extra.iter().map(|name| (*name).to_owned()));
        }
        let related: Vec<Value> = related.iter().map(|image| json!({ "name": "", "image": image })).collect();
        files.entry(package).or_default().push(json!({
            "schema": "olm.bundle", "name": format!("{package}.v{version}"), "package": package, "image": image,
            "properties": [{ "type": "olm.package", "value": { "packageName": package, "version": version } }],
            "relatedImages": related,
        }));
    }
    let lifecycle = |package: Option<&str>| {
        let mut meta = json!({ "schema": LIFECYCLES, "name": "lifecycle", "versions": [{ "name": "1", "endOfLife": "2030-01-01" }] });
        if let Some(package) = package {
            meta["package"] = package.into();
        }
        meta
    };
    files.entry("bar").or_default().push(lifecycle(Some("bar")));
    let text = |metas: &[Value]| metas.iter().fold(String::new(), |text, meta| text + &meta.to_string() + "\n");
    let mut builder = CatalogBuilder::new().oci().architectures(&["amd64", "arm64"]);
    for (package, metas) in &files {
        builder = builder.file(&format!("{package}/catalog.json"), text(metas));
    }
    let catalog = builder.file("lifecycle.json", text(&[lifecycle(None)])).build();
    registry.push("cat/index", "latest", &catalog);
}

/// The catalog at a registry, as a container of its first instance sees it: file below `/configs`, and its metas.
fn published(registry: &Registry, repository: &str, tag: &str) -> BTreeMap<String, Vec<Value>> {
    let manifest = |reference: &str| -> Value {
        serde_json::from_slice(&registry.manifest(repository, reference).unwrap().bytes).unwrap()
    };
    let mut image = manifest(tag);
    if let Some(child) = image["manifests"][0]["digest"].as_str() {
        image = manifest(child);
    }
    let layers = image["layers"].as_array().unwrap().iter();
    let layers: Vec<_> =
        layers.map(|layer| registry.blob(&layer["digest"].as_str().unwrap().parse().unwrap()).unwrap()).collect();
    let files = flatten(layers.iter().map(|layer| &layer[..])).unwrap().into_iter();
    files
        .filter_map(|(path, entry)| {
            let path = path.strip_prefix("configs/")?.to_owned();
            let text = entry.content?;
            let metas = serde_json::Deserializer::from_slice(&text).into_iter().map(Result::unwrap).collect();
            Some((path, metas))
        })
        .collect()
}

fn bundles(files: &BTreeMap<String, Vec<Value>>) -> Vec<String> {
    let metas = files.values().flatten().filter(|meta| meta["schema"] == "olm.bundle");
    let mut names: Vec<String> = metas.map(|meta| meta["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Configures packages of the catalog; `bounds` of the channel `beta` of `foo`, and other packages.
fn configure(home: &Home, host: &str, bounds: Option<(&str, &str)>, others: &[&str]) {
    let mut body = format!("operators:\n- catalog: {host}/cat/index:latest\n  packages:\n  - name: foo\n");
    if let Some((min, max)) = bounds {
        writeln!(body, "    defaultChannel: beta\n    channels:\n    - name: beta").unwrap();
        writeln!(body, "      minVersion: {min}\n      maxVersion: {max}").unwrap();
    }
    for package in others {
        writeln!(body, "  - name: {package}").unwrap();
    }
    home.configuration(&body);
}

/// `operators: range`, `operators: pinned` and `operators: min>max`, by both rule sets.
#[test]
fn ranges_and_pins() {
    let source = Registry::start_blocking();
    push_catalog(&source, &[]);
    for rules in ["--operator-selection=version-range", "--operator-selection=upgrade-graph"] {
        let options = ["--remove-signatures=true", rules];
        for (min, max, expected) in
            [("0.2.0", "0.3.1", vec!["foo.v0.2.0", "foo.v0.3.0", "foo.v0.3.1"]), ("0.3.1", "0.3.1", vec!["foo.v0.3.1"])]
        {
            let (home, destination) = (Home::new(), Registry::start_blocking());
            configure(&home, source.host(), Some((min, max)), &[]);
            home.mirror_to_mirror(destination.host(), &options).code(0);
            let files = published(&destination, "cat/index", "latest");
            assert_eq!(bundles(&files), expected, "{rules} {min} {max}");
            let folders: BTreeSet<&str> = files.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
            assert_eq!(folders.into_iter().collect::<Vec<_>>(), ["foo"]);
            let written = resources::read(&home.workspace().join("working-dir"));
            let spec = &written["cs-index-latest.yaml"][0]["spec"];
            assert_eq!(spec["image"], format!("{}/cat/index:latest", destination.host()));
        }
        let (home, destination) = (Home::new(), Registry::start_blocking());
        configure(&home, source.host(), Some(("0.3.1", "0.2.0")), &[]);
        let outcome = home.mirror_to_mirror(destination.host(), &options);
        assert_ne!(outcome.code, Some(0));
        assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());
    }
}

/// `enclave`: what a second registry is to have is taken out of the first, the selection of a catalog too.
#[test]
fn an_enclave_out_of_a_registry() {
    let (source, first, second) = (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
    push_catalog(&source, &[]);
    let (home, host) = (Home::new(), source.host().to_owned());
    configure(&home, &host, Some(("0.2.0", "0.3.1")), &["bar"]);
    home.mirror_to_mirror(&format!("{}/m", first.host()), &[]).code(0);
    drop(source);

    let station = Home::new();
    let conf = format!("[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{}/m\"\n", first.host());
    let conf = station.write("registries.conf", conf);
    let station = station.variable("CONTAINERS_REGISTRIES_CONF", conf);
    configure(&station, &host, Some(("0.2.0", "0.3.1")), &[]);
    station.mirror_to_mirror(&format!("{}/e", second.host()), &[]).code(0);
    assert_eq!(bundles(&published(&second, "e/cat/index", "latest")), ["foo.v0.2.0", "foo.v0.3.0", "foo.v0.3.1"]);
    assert_eq!(bundles(&published(&first, "m/cat/index", "latest")).len(), 4);
    for version in ["0.2.0", "0.3.0", "0.3.1"] {
        let digest = |registry: &Registry, space: &str| {
            registry.manifest(&format!("{space}/ns/foo-bundle"), version).map(|manifest| manifest.digest)
        };
        assert!(digest(&second, "e").is_some());
        assert_eq!(digest(&second, "e"), digest(&first, "m"), "{version}");
    }
    assert!(second.tags("e/ns/bar-bundle").is_empty());
}

/// `m2m: happy path`: after mirror to mirror, both steps of `delete` leave the catalog and nothing else.
#[test]
fn mirror_to_mirror_and_delete() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    push_catalog(&source, &[]);
    source.push("apps/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    let (home, host) = (Home::new(), source.host());
    let stanza = format!(
        "operators:\n- catalog: {host}/cat/index:latest\n  packages:\n  - name: foo\n  - name: bar\n\
         additionalImages:\n- name: {host}/apps/app:v1\n"
    );
    home.configuration(&stanza);
    let to = format!("{}/m", destination.host());
    home.mirror_to_mirror(&to, &[]).code(0);
    let with_tags = || -> Vec<String> {
        let repositories = destination.repositories().into_iter();
        repositories.filter(|repository| !destination.tags(repository).is_empty()).collect()
    };
    assert_eq!(with_tags(), ["m/apps/app", "m/cat/index", "m/ns/bar-bundle", "m/ns/foo-bundle", "m/ns/shared"]);
    // The cache has the catalog, as it was and rebuilt; everything else went straight to the destination.
    let registry = home.cache().join("docker/registry/v2");
    let links = walk(&registry.join("repositories"));
    assert!(links.iter().all(|link| link.starts_with(registry.join("repositories/cat/index"))), "{links:#?}");
    let linked: BTreeSet<_> = links.iter().map(|link| std::fs::read_to_string(link).unwrap()).collect();
    let blobs = walk(&registry.join("blobs")).into_iter().map(|path| {
        let name = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        format!("sha256:{name}")
    });
    assert_eq!(blobs.collect::<BTreeSet<_>>(), linked);

    drop(source);
    let stanza = stanza.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    home.write("disc.yaml", format!("kind: DeleteImageSetConfiguration\ndelete:\n{stanza}"));
    let (workspace, to) = (format!("file://{}", home.workspace().display()), format!("docker://{to}"));
    let delete = |more: &[&str]| {
        let args = ["delete", "--workspace", &workspace, &to, "--dest-tls-verify=false"];
        home.run(&[&args, more].concat()).code(0).complaints()
    };
    assert_eq!(delete(&["--generate", "-c", "disc.yaml"]), "");
    let list = home.workspace().join("working-dir/delete/delete-images.yaml").display().to_string();
    assert_eq!(delete(&["--delete-yaml-file", &list]), "");
    assert_eq!(with_tags(), ["m/cat/index"]);
    // It is in the cache still, for the next time.
    assert!(home.cache().join("docker/registry/v2/repositories/cat/index/_manifests/tags/latest").is_dir());
}

/// `operators: invalid related image`: nothing at all is mirrored.
#[test]
fn a_related_image_that_is_no_reference() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    push_catalog(&source, &["registry.example.com/ns/no-tag"]);
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {}/cat/index:latest\n  full: true\n", source.host()));
    home.mirror_to_mirror(destination.host(), &[]).code(4).says("collection error").says("tag and digest are empty");
    assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());
}

/// `network_isolation`: a selection out of the archive alone. Where the catalog came from has no address on this side, and
/// whoever asks for it all the same finds a proxy that leads nowhere.
#[test]
fn a_selection_without_a_network() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    push_catalog(&source, &[]);
    let outside = Home::new();
    let conf = format!("[[registry]]\nlocation = \"{}\"\nprefix = \"registry.example.com\"\n", source.host());
    let conf = outside.write("registries.conf", conf);
    let outside = outside.variable("CONTAINERS_REGISTRIES_CONF", conf);
    configure(&outside, "registry.example.com", Some(("0.2.0", "0.3.1")), &["bar"]);
    outside.to_disk(&[]).code(0);
    drop(source);
    let nowhere = "http://127.0.0.1:1";
    let inside = Home::new().variable("HTTP_PROXY", nowhere).variable("HTTPS_PROXY", nowhere);
    configure(&inside, "registry.example.com", Some(("0.2.0", "0.3.1")), &["bar"]);
    std::fs::create_dir(inside.disk()).unwrap();
    let archive = "mirror_000001.tar";
    std::fs::copy(outside.disk().join(archive), inside.disk().join(archive)).unwrap();
    inside.to_mirror(destination.host(), &["--retry-times=1"]).code(0);
    let found = bundles(&published(&destination, "cat/index", "latest"));
    assert_eq!(found, ["bar.v1.0.0", "foo.v0.2.0", "foo.v0.3.0", "foo.v0.3.1"]);
}

/// `catalog_extra_blobs`: metas of other schemas stay where they were: with their package, or at the root.
#[test]
fn metas_of_other_schemas() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    push_catalog(&source, &[]);
    let home = Home::new();
    let lifecycles = |tag: &str| -> Vec<(String, Value)> {
        let files = published(&destination, "cat/index", tag).into_iter();
        files
            .flat_map(|(path, metas)| metas.into_iter().map(move |meta| (path.clone(), meta)))
            .filter(|(_, meta)| meta["schema"] == LIFECYCLES)
            .collect()
    };
    configure(&home, source.host(), None, &["bar", "baz"]);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let content =
        json!({ "schema": LIFECYCLES, "name": "lifecycle", "versions": [{ "name": "1", "endOfLife": "2030-01-01" }] });
    let of_bar = {
        let mut meta = content.clone();
        meta["package"] = "bar".into();
        meta
    };
    let root = ("catalog.json".to_owned(), content);
    assert_eq!(lifecycles("latest"), [("bar/catalog.json".to_owned(), of_bar), root.clone()]);
    // A package that is not selected takes its own along; the root keeps what belongs to none.
    configure(&home, source.host(), None, &["baz"]);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    assert_eq!(lifecycles("latest"), [root]);
}

/// `breakpoint: interrupted` and `breakpoint: warm cache`: killed when all but one layer had come, and its working directory
/// lost; then once more, with nothing new.
#[test]
fn killed_and_without_its_working_directory() {
    let source = Registry::start_blocking();
    push_catalog(&source, &[]);
    let late = Layer::random(2, 300_000);
    let app = ImageBuilder::oci().layer(Layer::random(1, 300_000)).layer(late.clone()).build();
    source.push("apps/app", "v1", &app);
    let host = source.host();
    let configured = || {
        let home = Home::new();
        home.configuration(&format!(
            "operators:\n- catalog: {host}/cat/index:latest\n  packages:\n  - name: foo\n  - name: bar\n\
             additionalImages:\n- name: {host}/apps/app:v1\n"
        ));
        home
    };
    let mirrored = |home: &Home| -> Vec<String> {
        assert_eq!(home.archives(), ["mirror_000001.tar"]);
        let entries = home.entries("mirror_000001.tar").into_iter();
        entries.filter(|name| name.starts_with("docker/")).collect()
    };
    let cached = |home: &Home| {
        home.verify_cache();
        walk(&home.cache().join("docker/registry/v2/blobs")).len()
    };
    let (calm, home) = (configured(), configured());
    calm.to_disk(&[]).code(0);
    let never = Effect::Stall { after: 1000, pause: Duration::from_secs(600) };
    let stuck = source.fault(Fault::new(When::kind(Kind::Blob).method("GET").digest(&late.digest()), never));
    let disk = format!("file://{}", home.disk().display());
    let mut run = home.command(&["-c", "isc.yaml", &disk, "--src-tls-verify=false"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The manifest of the image comes after its layers.
    wait_for("all but one layer", || cached(&home) >= cached(&calm) - 2);
    run.kill().unwrap();
    assert_eq!(run.wait().unwrap().code(), None, "it was killed on its way");
    stuck.stop();
    std::fs::remove_dir_all(home.disk()).unwrap();

    source.clear_requests();
    home.to_disk(&[]).code(0);
    let asked = source.requests_matching(&When::kind(Kind::Blob).method("GET")).into_iter();
    assert_eq!(asked.map(|request| request.reference).collect::<Vec<_>>(), [late.digest().to_string()]);
    assert_eq!(cached(&home), cached(&calm));
    assert_eq!(mirrored(&home), mirrored(&calm));

    std::fs::remove_file(home.disk().join("mirror_000001.tar")).unwrap();
    home.to_disk(&[]).code(0);
    assert_eq!(cached(&home), cached(&calm));
    let without_blobs = mirrored(&calm).into_iter().filter(|name| !name.starts_with("docker/registry/v2/blobs/"));
    assert_eq!(mirrored(&home), without_blobs.collect::<Vec<_>>());
}

/// `incremental: operators` and `incremental: expanded ISC`: an archive each, and no blob twice.
#[test]
fn more_of_a_catalog() {
    let source = Registry::start_blocking();
    push_catalog(&source, &[]);
    let home = Home::new();
    let blobs = || -> BTreeSet<String> {
        assert_eq!(home.archives(), ["mirror_000001.tar"]);
        let entries = home.entries("mirror_000001.tar").into_iter();
        entries.filter(|name| name.starts_with("docker/registry/v2/blobs/")).collect()
    };
    configure(&home, source.host(), Some(("0.2.0", "0.2.0")), &[]);
    home.to_disk(&[]).code(0);
    let first = blobs();
    let names = home.entries("mirror_000001.tar");
    assert!(!names.iter().any(|name| name.contains("/bar")), "{names:#?}");
    std::fs::remove_file(home.disk().join("mirror_000001.tar")).unwrap();

    configure(&home, source.host(), Some(("0.2.0", "0.3.1")), &["bar"]);
    home.to_disk(&[]).code(0);
    let second = blobs();
    assert!(!second.is_empty() && second.len() < first.len(), "{} then {}", first.len(), second.len());
    assert_eq!(first.intersection(&second).count(), 0);
    let names = home.entries("mirror_000001.tar");
    for wanted in ["repositories/cat/index/", "repositories/ns/bar-bundle/", "working-dir/operator-catalogs/index/"] {
        assert!(names.iter().any(|name| name.contains(wanted)), "{wanted}: {names:#?}");
    }

    // `incremental: --since`: everything that is to come has been archived already.
    std::fs::remove_file(home.disk().join("mirror_000001.tar")).unwrap();
    home.to_disk(&["--since", "2100-01-01"]).code(0);
    assert!(blobs().is_empty());
}
