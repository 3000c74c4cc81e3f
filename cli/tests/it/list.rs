//! `list releases` and `list operators` (`docs/behaviour/config-cli.md` 2.8 and 2.9).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use test_support::{CatalogBuilder, Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::Home;
use crate::operators::write_layout;

/// An update service that answers each channel with the same graph, but for `arm64`.
fn update_service(requests: usize) -> (String, Arc<Mutex<Vec<String>>>, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/graph", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let thread = std::thread::spawn(move || {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut request).unwrap() > 2 {}
            let body = r#"{"nodes":[
                {"version":"4.20.10","payload":"q.io/r@sha256:1","metadata":{"io.openshift.upgrades.graph.release.channels":"stable-4.20,fast-4.20"}},
                {"version":"4.20.2","payload":"q.io/r@sha256:2","metadata":{"io.openshift.upgrades.graph.release.channels":"candidate-4.20,fast-4.20"}}
                ],"edges":[[1,0]]}"#;
            let status = if request.contains("arch=arm64") { "404 Not Found" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            log.lock().unwrap().push(request);
        }
    });
    (url, seen, thread)
}

/// `list releases`: the versions of a channel.
#[test]
fn versions_of_a_channel() {
    let (url, seen, thread) = update_service(4);
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", &url);
    let found = home.run(&["list", "releases", "--version", "4.20"]);
    found.says(&format!("Using the UPDATE_URL_OVERRIDE environment variable: {url}"));
    assert_eq!(
        found.code(0).stdout,
        "Listing stable channels. Use --channel=<name> to filter.\n\
         Use oc-mirror --v2 list releases --channels --version=4.20 to discover other channels.\n\n\
         Channel: stable-4.20\nArchitecture: amd64\n4.20.2\n4.20.10\n"
    );
    let found = home.run(&["list", "releases", "--channel", "fast-4.20", "--filter-by-archs", "multi"]);
    assert_eq!(found.code(0).stdout, "Channel: fast-4.20\nArchitecture: multi\n4.20.2\n4.20.10\n");
    // Nobody said a version.
    let found = home.run(&["list", "releases", "--channel=stable-4.20"]);
    assert_eq!(
        found.code(0).stdout,
        "Listing stable channels. Use --channel=<name> to filter.\n\
         Use oc-mirror --v2 list releases --channels --version=<version> to discover other channels.\n\n\
         Channel: stable-4.20\nArchitecture: amd64\n4.20.2\n4.20.10\n"
    );
    // A channel goes before what would be derived of a version.
    let found = home.run(&["list", "releases", "--version=4.20", "--channel=eus-4.20"]);
    assert_eq!(found.code(0).stdout, "Channel: eus-4.20\nArchitecture: amd64\n4.20.2\n4.20.10\n");
    thread.join().unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("arch=amd64&channel=stable-4.20&id="), "{}", seen[0]);
    assert!(seen[0].to_lowercase().contains("accept: application/json"), "{}", seen[0]);
    assert!(seen[1].contains("arch=multi&channel=fast-4.20"), "{}", seen[1]);
    assert!(seen[3].contains("arch=amd64&channel=eus-4.20"), "{}", seen[3]);
}

#[test]
fn an_architecture_without_an_answer() {
    let (url, _, thread) = update_service(2);
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", &url);
    let found = home.run(&["list", "releases", "--channel", "fast-4.20", "--filter-by-archs", "arm64,amd64"]);
    assert_eq!(found.code(1).stdout, "Channel: fast-4.20\nArchitecture: amd64\n4.20.2\n4.20.10\n");
    found.says("channel \"fast-4.20\"").says("404");
    thread.join().unwrap();
}

/// `list releases`: the channels of a version.
#[test]
fn channels_of_a_version() {
    let (url, seen, thread) = update_service(2);
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", &url);
    let found = home.run(&["list", "releases", "--channels", "--version", "4.20"]);
    assert_eq!(found.code(0).stdout, "Listing channels for version 4.20:\n\ncandidate-4.20\nfast-4.20\nstable-4.20\n");
    let found = home.run(&["list", "releases", "--channels", "--version=4.20", "--output=json"]);
    let found: serde_json::Value = serde_json::from_str(&found.code(0).stdout).unwrap();
    assert_eq!(found["channels"], serde_json::json!(["candidate-4.20", "fast-4.20", "stable-4.20"]));
    thread.join().unwrap();
    assert!(!seen.lock().unwrap()[0].contains("arch="));
}

/// A registry that stands in for the public ones.
fn redirected(registry: &Registry) -> Home {
    let home = Home::new();
    let conf = home.write(
        "registries.conf",
        format!(
            "[[registry]]\nprefix = \"quay.io\"\nlocation = \"{0}\"\ninsecure = true\n\n\
             [[registry]]\nprefix = \"registry.redhat.io\"\nlocation = \"{0}\"\ninsecure = true\n",
            registry.host()
        ),
    );
    home.variable("CONTAINERS_REGISTRIES_CONF", conf)
}

#[test]
fn minor_versions() {
    let registry = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 100)).build();
    for tag in ["4.9.1-x86_64", "4.20.3-x86_64", "4.20.4-multi", "4.10.0-rc.1-s390x", "5.0.0.sig"] {
        registry.push("openshift-release-dev/ocp-release", tag, &image);
    }
    let home = redirected(&registry);
    let found = home.run(&["list", "releases", "--src-tls-verify=false"]);
    assert_eq!(
        found.code(0).stdout,
        "Available OpenShift Container Platform release versions:\n  4.9\n  4.10\n  4.20\n"
    );
}

#[test]
fn catalogs_of_a_version() {
    let registry = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 100)).build();
    registry.push("redhat/redhat-operator-index", "v4.20", &image);
    registry.push("redhat/redhat-marketplace-index", "v4.20", &image);
    let home = redirected(&registry);
    let found = home.run(&["list", "operators", "--catalogs", "--version=4.20", "--src-tls-verify=false"]);
    assert_eq!(
        found.code(0).stdout,
        "Available OpenShift OperatorHub catalogs:\nOpenShift 4.20:\n\
         registry.redhat.io/redhat/redhat-operator-index:v4.20\n\
         Invalid catalog reference \"registry.redhat.io/redhat/certified-operator-index:v4.20\", please check version\n\
         Invalid catalog reference \"registry.redhat.io/redhat/community-operator-index:v4.20\", please check version\n\
         registry.redhat.io/redhat/redhat-marketplace-index:v4.20\n"
    );
    // From 4.22 on there is no marketplace.
    let found = home.run(&["list", "operators", "--catalogs", "--version=4.22", "--src-tls-verify=false"]);
    assert_eq!(found.code(0).stdout.matches("marketplace").count(), 0);
    let found = home.run(&["list", "operators", "--catalogs", "--version=4.21", "--src-tls-verify=false"]);
    assert_eq!(found.code(0).stdout.matches("marketplace").count(), 1);

    // What could not be learned is told after the rest.
    for name in ["certified-operator-index", "redhat-marketplace-index"] {
        registry.fault(Fault::new(When::path(name), Effect::status(403)));
    }
    let list = ["list", "operators", "--catalogs", "--version=4.20", "--src-tls-verify=false", "--retry-times=0"];
    let found = home.run(&list);
    assert_eq!(
        found.code(1).stdout,
        "Available OpenShift OperatorHub catalogs:\nOpenShift 4.20:\n\
         registry.redhat.io/redhat/redhat-operator-index:v4.20\n\
         Invalid catalog reference \"registry.redhat.io/redhat/community-operator-index:v4.20\", please check version\n"
    );
    let complaints = found.complaints();
    assert_eq!(complaints.matches("403").count(), 2, "{complaints}");
    found.says("certified-operator-index").says("redhat-marketplace-index");
}

/// A catalog like that of the published examples: `foo` with two channels, one of them without a head, and `bar`.
pub(crate) fn catalog(extra: &str) -> Image {
    let bundle = |package: &str, version: &str, more: &str| {
        format!(
            "{{\"schema\":\"olm.bundle\",\"name\":\"{package}.v{version}\",\"package\":\"{package}\",\"image\":\"q.io/x:1\",\
             \"properties\":[{{\"type\":\"olm.package\",\"value\":{{\"packageName\":\"{package}\",\"version\":\"{version}\"}}}}{more}]}}\n"
        )
    };
    let named = |name: &str| format!(",{{\"type\":\"olm.csv.metadata\",\"value\":{{\"displayName\":\"{name}\"}}}}");
    let foo_files = [
        r#"{"schema":"olm.package","name":"foo","defaultChannel":"beta"}
{"schema":"olm.channel","name":"beta","package":"foo","entries":[{"name":"foo.v0.1.0"},{"name":"foo.v0.2.0","replaces":"foo.v0.1.0"},{"name":"foo.v0.3.0","replaces":"foo.v0.2.0"},{"name":"foo.v0.3.1","replaces":"foo.v0.2.0","skips":["foo.v0.3.0"]}]}
{"schema":"olm.channel","name":"alpha","package":"foo","entries":[{"name":"foo.v0.1.0"},{"name":"foo.v0.2.0"}]}
"#
        .to_owned(),
        bundle("foo", "0.3.1", &named("Foo of the day")),
        bundle("foo", "0.1.0", &named("Foo of yesterday")),
        bundle("foo", "0.2.0", ""),
        bundle("foo", "0.3.0", ""),
    ]
    .concat();
    let bar_files = [
        "{\"schema\":\"olm.package\",\"name\":\"bar\"}\n\
         {\"schema\":\"olm.channel\",\"name\":\"stable\",\"package\":\"bar\",\"entries\":[{\"name\":\"bar.v1.0.0\"}]}\n",
        &bundle("bar", "1.0.0", ""),
        extra,
    ]
    .concat();
    CatalogBuilder::new()
        .file("foo/catalog.json", foo_files)
        .file("bar/catalog.json", bar_files)
        .architectures(&["amd64", "arm64"])
        .build()
}

/// `list operators`: a catalog, a package of it, a channel of that.
#[test]
fn what_a_catalog_holds() {
    let registry = Registry::start_blocking();
    let image = catalog("");
    registry.push("redhat/redhat-operator-index", "v4.20", &image);
    let home = redirected(&registry);
    let name = "registry.redhat.io/redhat/redhat-operator-index:v4.20";
    let list = |more: &[&str]| {
        let mut args = vec!["list", "operators", "--catalog", name, "--src-tls-verify=false"];
        args.extend(more);
        home.run(&args)
    };
    assert_eq!(
        list(&[]).code(0).stdout,
        "NAME  DISPLAY NAME    DEFAULT CHANNEL\n\
         bar                   \n\
         foo   Foo of the day  beta\n"
    );
    // What was read once is not read again: the tag is looked up, nothing else.
    registry.clear_requests();
    assert_eq!(
        list(&["--package", "foo"]).code(0).stdout,
        "NAME  DISPLAY NAME    DEFAULT CHANNEL\n\
         foo   Foo of the day  beta\n\
         \n\
         PACKAGE  CHANNEL  HEAD\n\
         foo      alpha    ERROR: multiple channel heads found: [foo.v0.1.0 foo.v0.2.0]\n\
         foo      beta     foo.v0.3.1\n"
    );
    assert_eq!(registry.requests_matching(&When::kind(Kind::Blob)).len(), 0);
    assert_eq!(registry.requests_matching(&When::kind(Kind::Manifest)).len(), 1);
    assert_eq!(list(&["--package=bar"]).code(0).stdout, "PACKAGE  CHANNEL  HEAD\nbar      stable   bar.v1.0.0\n");
    let found = list(&["--package", "foo", "--channel", "beta"]);
    assert_eq!(found.code(0).stdout, "VERSIONS\n0.1.0\n0.2.0\n0.3.0\n0.3.1\n");

    // By digest, no request at all.
    drop(registry);
    let pinned = format!("registry.redhat.io/redhat/redhat-operator-index@{}", image.digest);
    let found = home.run(&["list", "operators", "--catalog", &pinned, "--package=foo", "--channel=alpha"]);
    assert_eq!(found.code(0).stdout, "VERSIONS\n0.1.0\n0.2.0\n");
    found.says("Hello, welcome to oc-mirror");
    assert!(found.stderr.contains("Hello, welcome"), "log lines are on standard error");
}

/// A catalog in a folder is listed like one at a registry, without a request.
#[test]
fn what_a_catalog_in_a_folder_holds() {
    let home = Home::new();
    write_layout(&home.path().join("My Catalogs/idx"), &catalog(""));
    for name in ["oci://My Catalogs/idx", "oci://./My Catalogs/idx"] {
        let found = home.run(&["list", "operators", "--catalog", name, "--package=foo", "--channel=beta"]);
        assert_eq!(found.code(0).stdout, "VERSIONS\n0.1.0\n0.2.0\n0.3.0\n0.3.1\n");
    }
    let found = home.run(&["list", "operators", "--catalog", "oci://absent"]);
    assert_eq!(found.code(1).stdout, "");
    found
        .says("[Executor] failed to load catalog `oci://absent`: ")
        .says("`absent` is no OCI layout: there is no such folder");
}

#[test]
fn what_a_catalog_holds_as_a_document() {
    let registry = Registry::start_blocking();
    let image = catalog("");
    registry.push("cat/index", "v1", &image);
    let home = Home::new();
    let name = format!("{}/cat/index:v1", registry.host());
    let list = |more: &[&str]| {
        let mut args = vec!["list", "operators", "--catalog", &name, "--src-tls-verify=false", "--output=json"];
        args.extend(more);
        let found = home.run(&args);
        serde_json::from_str::<serde_json::Value>(&found.code(0).stdout).unwrap()
    };
    let head = serde_json::json!({ "format": 1, "catalog": name, "digest": image.digest.to_string() });
    let check = |found: serde_json::Value, body: serde_json::Value| {
        let mut expected = head.clone();
        expected.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        assert_eq!(found, expected);
    };
    check(
        list(&[]),
        serde_json::json!({ "packages": [
            { "name": "bar", "displayName": "", "defaultChannel": "" },
            { "name": "foo", "displayName": "Foo of the day", "defaultChannel": "beta" },
        ] }),
    );
    check(
        list(&["--package=foo"]),
        serde_json::json!({ "package": {
            "name": "foo", "displayName": "Foo of the day", "defaultChannel": "beta", "channels": [
                { "name": "alpha", "errors": ["multiple channel heads found: [foo.v0.1.0 foo.v0.2.0]"] },
                { "name": "beta", "head": "foo.v0.3.1" },
            ],
        } }),
    );
    check(
        list(&["--package=foo", "--channel=alpha"]),
        serde_json::json!({ "package": "foo", "channel": "alpha", "versions": ["0.1.0", "0.2.0"] }),
    );
}

#[test]
fn catalogs_that_cannot_be_listed() {
    let registry = Registry::start_blocking();
    registry.push("cat/index", "v1", &catalog(""));
    registry.push("cat/broken", "v1", &catalog("{\"schema\":\"olm.package\"}{"));
    registry.push("cat/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 100)).build());
    let home = Home::new();
    let complaint = |name: &str, more: &[&str]| {
        let name = format!("{}/cat/{name}", registry.host());
        let mut args = vec!["list", "operators", "--catalog", &name, "--src-tls-verify=false", "--retry-times=0"];
        args.extend(more);
        let found = home.run(&args);
        assert_eq!(found.code(1).stdout, "");
        found.complaints()
    };
    insta::assert_snapshot!(complaint("index:v1", &["--package=fooo"]), @r#"[ERROR]  : [Executor] operator "fooo" not found in catalog `127.0.0.1:PORT/cat/index:v1`; did you mean foo?"#);
    insta::assert_snapshot!(complaint("index:v1", &["--package=foo", "--channel=gamma"]), @r#"[ERROR]  : [Executor] channel "gamma" not found in operator "foo" of catalog `127.0.0.1:PORT/cat/index:v1`; it has alpha, beta"#);
    insta::assert_snapshot!(complaint("index:v2", &[]), @"[ERROR]  : [Executor] failed to load catalog `127.0.0.1:PORT/cat/index:v2`: pulling manifest `127.0.0.1:PORT/cat/index:v2`: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]");
    insta::assert_snapshot!(complaint("app:v1", &[]), @"[ERROR]  : [Executor] failed to load catalog `127.0.0.1:PORT/cat/app:v1`: no related images found: the image has no label `operators.operatorframework.io.index.configs.v1`, so it is not a file-based catalog");
    insta::assert_snapshot!(complaint("broken:v1", &[]), @"[ERROR]  : [Executor] failed to load catalog `127.0.0.1:PORT/cat/broken:v1`: bar/catalog.json:4 (document 5): invalid JSON: EOF while parsing an object at line 4 column 25");
}

/// Versions stand in the order of the names of their bundles, and the display name is that of the highest version (
/// `docs/behaviour/config-cli.md` 2.8).
#[test]
fn the_order_of_versions() {
    let registry = Registry::start_blocking();
    let bundle = |version: &str| {
        format!(
            "{{\"schema\":\"olm.bundle\",\"name\":\"baz.v{version}\",\"package\":\"baz\",\"image\":\"q.io/x:1\",\
             \"properties\":[{{\"type\":\"olm.package\",\"value\":{{\"packageName\":\"baz\",\"version\":\"{version}\"}}}},\
             {{\"type\":\"olm.csv.metadata\",\"value\":{{\"displayName\":\"Baz {version}\"}}}}]}}\n"
        )
    };
    let text = [
        "{\"schema\":\"olm.package\",\"name\":\"baz\",\"defaultChannel\":\"stable\"}\n\
         {\"schema\":\"olm.channel\",\"name\":\"stable\",\"package\":\"baz\",\"entries\":[\
         {\"name\":\"baz.v0.9.0\"},{\"name\":\"baz.v0.10.0\",\"replaces\":\"baz.v0.9.0\"}]}\n",
        &bundle("0.9.0"),
        &bundle("0.10.0"),
    ];
    let image = CatalogBuilder::new().file("baz/catalog.json", text.concat()).build();
    registry.push("cat/index", "v1", &image);
    let home = Home::new();
    let name = format!("{}/cat/index:v1", registry.host());
    let list = |more: &[&str]| {
        let found = home.run(&[&["list", "operators", "--catalog", &name, "--src-tls-verify=false"], more].concat());
        found.code(0).stdout.clone()
    };
    assert_eq!(list(&[]), "NAME  DISPLAY NAME  DEFAULT CHANNEL\nbaz   Baz 0.10.0    stable\n");
    assert_eq!(list(&["--package=baz", "--channel=stable"]), "VERSIONS\n0.10.0\n0.9.0\n");
}

/// The cache belongs to one run at a time; listing beside it goes through a temporary folder.
#[test]
fn listing_while_another_run_holds_the_cache() {
    let registry = Registry::start_blocking();
    registry.push("cat/index", "v1", &catalog(""));
    let temporary = tempfile::tempdir().unwrap();
    let home = Home::new().variable("TMPDIR", temporary.path());
    std::fs::create_dir_all(home.cache()).unwrap();
    let lock = std::fs::File::create(home.cache().join("oc-mirror.lock")).unwrap();
    lock.lock().unwrap();
    let name = format!("{}/cat/index:v1", registry.host());
    let found = home.run(&["list", "operators", "--catalog", &name, "--src-tls-verify=false", "--package=bar"]);
    assert_eq!(found.code(0).stdout, "PACKAGE  CHANNEL  HEAD\nbar      stable   bar.v1.0.0\n");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left in the temporary folder");
}
