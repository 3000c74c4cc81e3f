//! `list releases` and `list operators` (contract `config-cli.md` 2.8 and 2.9).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

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

#[test]
fn versions_of_a_channel() {
    let (url, seen, thread) = update_service(2);
    let home = Home::new().variable("UPDATE_URL_OVERRIDE", &url);
    let found = home.run(&["list", "releases", "--version", "4.20"]);
    assert_eq!(
        found.code(0).stdout,
        "Listing stable channels. Use --channel=<name> to filter.\n\
         Use oc-mirror --v2 list releases --channels --version=4.20 to discover other channels.\n\n\
         Channel: stable-4.20\nArchitecture: amd64\n4.20.2\n4.20.10\n"
    );
    let found = home.run(&["list", "releases", "--channel", "fast-4.20", "--filter-by-archs", "multi"]);
    assert_eq!(found.code(0).stdout, "Channel: fast-4.20\nArchitecture: multi\n4.20.2\n4.20.10\n");
    thread.join().unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("arch=amd64&channel=stable-4.20&id="), "{}", seen[0]);
    assert!(seen[0].to_lowercase().contains("accept: application/json"), "{}", seen[0]);
    assert!(seen[1].contains("arch=multi&channel=fast-4.20"), "{}", seen[1]);
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
}
