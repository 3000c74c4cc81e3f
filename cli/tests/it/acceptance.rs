//! Rows of upstream's own integration tests (`docs/behaviour/config-cli.md` 8) that belong to no other page.

mod operators;

use std::os::unix::fs::PermissionsExt as _;

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry, TestCa, UpdateService};

use crate::harness::tunnel::Tunnel;
use crate::harness::{Home, plain, walk};

/// `archive: clean existing`: what lies there under another number goes when the new archive is complete.
#[test]
fn archives_that_lie_there_are_replaced() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    std::fs::rename(home.disk().join("mirror_000001.tar"), home.disk().join("mirror_000002.tar")).unwrap();
    // A dry run leaves it alone (upstream deletes it).
    home.to_disk(&["--dry-run"]).code(0);
    assert_eq!(home.archives(), ["mirror_000002.tar"]);
    home.to_disk(&[]).code(0);
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
    assert!(home.entries("mirror_000001.tar").iter().any(|name| name.contains("repositories/ns/app/")));
}

/// `operators: permissions`: nothing that we write can be executed.
#[test]
fn no_file_can_be_executed() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let operators = OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"])]);
    operators.push_to(&source);
    let home = Home::new();
    home.configuration(&format!("operators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: foo\n", source.host()));
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let files = walk(home.path());
    assert!(files.len() > 30, "{}", files.len());
    for path in files {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0, "{} has mode {mode:o}", path.display());
    }
}

/// `parallel_copy`: as many at a time as there may be; the lines that scripts look for are in their order.
#[test]
fn ten_at_a_time() {
    let source = Registry::start_blocking();
    let names: Vec<String> = (0..12)
        .map(|n| {
            let layers = (0..12).map(|layer| Layer::random(n * 100 + layer, 4000));
            let image = layers.fold(ImageBuilder::oci(), ImageBuilder::layer).build();
            source.push(&format!("ns/app{n}"), "v1", &image);
            format!("{}/ns/app{n}:v1", source.host())
        })
        .collect();
    let home = Home::new();
    home.additional_images(&names);
    let found = home.to_disk(&["--parallel-images=10", "--parallel-layers=10", "--log-level=debug"]);
    let text = plain(&found.code(0).stdout);
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("nothing says {needle:?}: {text}"));
    assert!(at("🚀 Start copying the images") < at("images to copy 12 "), "{text}");
    assert!(at("images to copy 12 ") < at("=== Results ==="), "{text}");
    assert!(text.contains("12 / 12 additional images mirrored successfully"), "{text}");
    assert_eq!(home.entries("mirror_000001.tar").iter().filter(|name| name.ends_with("/data")).count(), 12 * 14);
}

/// `proxy: success` and `proxy: unreachable`: sources are reached through the proxy, loopback never is.
#[test]
fn through_a_proxy() {
    let (source, destination) = (Registry::builder().tls(&TestCa::new()).start_blocking(), Registry::start_blocking());
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 50_000)).build());
    source.push("ns/other", "v1", &ImageBuilder::oci().layer(Layer::random(2, 50_000)).build());
    let tunnel = Tunnel::to(source.host());
    let names = ["registry.example.com/ns/app:v1", "registry.example.org:8443/ns/other:v1"];
    for no_proxy in ["", "elsewhere.example"] {
        let home = Home::new().variable("HTTPS_PROXY", &tunnel.address).variable("HTTP_PROXY", &tunnel.address);
        let home = home.variable("NO_PROXY", no_proxy);
        home.additional_images(names);
        home.to_disk(&[]).code(0).says("2 / 2 additional images mirrored successfully");
        home.to_mirror(destination.host(), &[]).code(0);
        let hosts = tunnel.hosts();
        assert_eq!(hosts, ["CONNECT registry.example.com:443", "CONNECT registry.example.org:8443"]);
        assert!(destination.manifest("ns/other", "v1").is_some());
    }

    let home = Home::new().variable("HTTPS_PROXY", "http://127.0.0.1:1").variable("HTTP_PROXY", "http://127.0.0.1:1");
    home.additional_images(names);
    let found = home.to_disk(&["--retry-times=1"]);
    found.code(8);
    let text = found.complaints().to_lowercase();
    assert!(text.contains("proxyconnect") || text.contains("connection refused"), "{text}");
    assert!(home.archives().is_empty());

    // Hosts that are left out of it are not asked for there.
    let home = Home::new().variable("HTTPS_PROXY", &tunnel.address).variable("NO_PROXY", ".example.invalid");
    home.additional_images(["registry.example.invalid/ns/app:v1"]);
    home.to_disk(&["--retry-times=0"]).code(8);
    assert!(!tunnel.hosts().iter().any(|host| host.contains("invalid")), "{:?}", tunnel.hosts());
}

/// `proxy: channels`: an update service that cannot be reached is a release error.
#[test]
fn channels_behind_a_dead_proxy() {
    let home = Home::new().variable("HTTPS_PROXY", "http://127.0.0.1:1").variable("HTTP_PROXY", "http://127.0.0.1:1");
    home.configuration("platform:\n  graph: true\n  channels:\n  - name: stable-4.18\n");
    home.to_disk(&["--retry-times=0"]).code(2).says("collection error").says("no release images found");
    assert!(home.archives().is_empty());
}

/// `VERSION_FILTER` narrows what the bounds of a channel select from (`docs/behaviour/config-cli.md` 2.4).
#[test]
fn a_filter_of_versions() {
    let service = UpdateService::start_blocking();
    let nodes = ["4.99.1", "4.99.2"].map(|version| (version, format!("127.0.0.1:1/r@sha256:{}", "1".repeat(64))));
    service.graph("amd64", "stable-4.99", &test_support::update_graph(nodes, [("4.99.1", "4.99.2")]));
    let complaints = |filter: &str| {
        let home = Home::new().variable("UPDATE_URL_OVERRIDE", service.graph_url()).variable("VERSION_FILTER", filter);
        let home = home.variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
        home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
        let found = home.to_disk(&["--retry-times=0"]);
        found.code(2).says(&format!("Using the VERSION_FILTER environment variable: {filter}"));
        found.complaints()
    };
    let wrong = complaints("[");
    assert!(wrong.contains("InvalidVersionFilter: `[` is no regular expression"), "{wrong}");
    let (all, none) = (complaints("^4[.]99"), complaints("^4[.]98"));
    assert!(none.contains("no release images found") && !none.contains("signature"), "{none}");
    assert!(all.contains("signature"), "what is selected is looked for: {all}");
}
