//! `oc-mirror doctor`: one line for each thing that a run needs, and what to do about each that is missing.

use std::path::Path;

use test_support::{
    Auth, Effect, Fault, ImageBuilder, Layer, Nowhere, Registry, Release, ReleaseSigner, TestCa, UpdateService, When,
    update_graph,
};

use crate::harness::small_disk::SmallDisk;
use crate::harness::{Home, Outcome};

/// A registry with `ns/app:v1`.
fn registry() -> Registry {
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    registry
}

/// The lines of the answer that begin with this state and name this check.
fn lines(outcome: &Outcome, state: &str, check: &str) -> Vec<String> {
    let begin = format!("{state:<8} {check:<14} ");
    outcome.stdout.lines().filter_map(|line| line.strip_prefix(&begin)).map(str::to_owned).collect()
}

/// Asserts that `check` failed, and that its line has these words.
#[track_caller]
fn failed(outcome: &Outcome, check: &str, words: &[&str]) {
    let found = lines(outcome.code(1), "FAILED", check);
    assert_eq!(found.len(), 1, "{}{}", outcome.stdout, outcome.stderr);
    for word in words {
        assert!(found[0].contains(word), "`{word}` is not in: {}", found[0]);
    }
}

const INSECURE: &[&str] = &["--src-tls-verify=false", "--dest-tls-verify=false"];

fn doctor(home: &Home, more: &[&str]) -> Outcome {
    home.run(&[&["doctor", "-c", "isc.yaml"], INSECURE, more].concat())
}

#[test]
fn everything_is_well() {
    let (source, destination, home) = (registry(), registry(), Home::new());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let auth = home.auth_file(source.host(), "me", "secret");
    let target = format!("docker://{}/mirror", destination.host());
    let outcome = doctor(&home, &[&target, "--authfile", &auth]);
    outcome.code(0);
    assert_eq!(lines(&outcome, "ok", "configuration").len(), 1, "{}", outcome.stdout);
    let served = format!("{0}: serves `{0}/ns/app:v1`, credentials of `{auth}`", source.host());
    assert_eq!(lines(&outcome, "ok", "registry"), [served]);
    let answers = format!("{}: answers, without credentials", destination.host());
    assert_eq!(lines(&outcome, "ok", "destination"), [answers]);
    assert_eq!(lines(&outcome, "ok", "clock").len(), 2, "{}", outcome.stdout);
    assert_eq!(lines(&outcome, "ok", "cache").len(), 1);
    assert!(!outcome.stdout.contains("FAILED"), "{}", outcome.stdout);
    // Looking changes nothing: no working directory, no cache, nothing pushed.
    assert_eq!(home.files(), ["auth.json", "isc.yaml"]);
    assert_eq!(destination.bytes_received(), 0);
}

#[test]
fn a_login_that_is_missing_or_wrong() {
    let source = Registry::builder().auth(Auth::basic("me", "secret")).start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    failed(&doctor(&home, &[]), "registry", &[source.host(), "401", "podman login"]);
    let auth = home.auth_file(source.host(), "me", "wrong");
    failed(&doctor(&home, &["--authfile", &auth]), "registry", &["401", &auth]);
    let auth = home.auth_file(source.host(), "me", "secret");
    doctor(&home, &["--authfile", &auth]).code(0);
}

/// Neither the cache nor the archive fits on 4 MiB. The line says how much is free, and what else to choose.
#[test]
fn a_disk_without_room() {
    let (source, home) = (registry(), Home::new());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let Some(small) = SmallDisk::mount(&home.path().join("small"), "4m") else { return };
    // The folder need not be there yet.
    let target = format!("file://{}", small.folder("not/yet/there"));
    let outcome = doctor(&home, &[&target]);
    failed(
        &outcome,
        "disk",
        &[&small.folder("not/yet/there"), "only 4.0 MiB are free", "choose another folder", "20 GiB"],
    );
    assert_eq!(lines(&outcome, "ok", "cache").len(), 1, "{}", outcome.stdout);
    let outcome = doctor(&home, &["--cache-dir", &small.folder("cache")]);
    failed(&outcome, "cache", &["only 4.0 MiB are free", "--cache-dir"]);
    let outcome = doctor(&home, &["--cache-dir", &small.folder("cache"), "--output=json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(1).stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let row = checks.iter().find(|check| check["check"] == "cache").unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!(row["state"], "failed", "{row}");
}

#[test]
fn a_certificate_of_somebody_else() {
    let ca = TestCa::new();
    let source = Registry::builder().tls(&ca).start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.run(&["doctor", "-c", "isc.yaml"]);
    failed(&outcome, "registry", &["certificate", "certs.d", "ca.crt"]);
}

#[test]
fn nobody_listens() {
    let (nowhere, home) = (Nowhere::hold(), Home::new());
    home.additional_images([format!("{nowhere}/ns/app:v1")]);
    failed(&doctor(&home, &[]), "registry", &[nowhere.host(), "refused", "check that a server listens there"]);
    let home = Home::new();
    let outcome = home.run(&[&["doctor"], INSECURE, &[&format!("docker://{nowhere}/ns")]].concat());
    failed(&outcome, "destination", &[nowhere.host(), "refused"]);
}

#[test]
fn a_dead_proxy() {
    let (nowhere, source) = (Nowhere::hold(), registry());
    let home = Home::new().variable("HTTPS_PROXY", Path::new(&format!("http://{nowhere}")));
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    // Loopback is reached without a proxy; the proxy is looked at all the same.
    let outcome = doctor(&home, &[]);
    failed(&outcome, "proxy", &["HTTPS_PROXY", nowhere.host(), "refused", "NO_PROXY"]);
    assert_eq!(lines(&outcome, "ok", "registry").len(), 1);
}

#[test]
fn folders_that_take_nothing() {
    let home = Home::new();
    home.additional_images::<&str>([]);
    home.write("a-file", "x");
    let place = format!("file://{}", home.path().join("a-file/mirror").display());
    failed(&doctor(&home, &[&place]), "disk", &["is no folder", "choose another folder"]);
    let cache = home.path().join("a-file").display().to_string();
    failed(&doctor(&home, &["--cache-dir", &cache]), "cache", &["is no folder", "--cache-dir"]);
    // `/proc` takes no file, whoever asks.
    failed(&doctor(&home, &["file:///proc/mirror"]), "disk", &["cannot be written to"]);
}

#[test]
fn a_clock_that_is_wrong() {
    let (source, home) = (registry(), Home::new());
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let headers = vec![("date".to_owned(), "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
    source.fault(Fault::new(When::any(), Effect::Status { code: 404, headers, body: None }));
    let outcome = doctor(&home, &[]);
    failed(&outcome, "clock", &[source.host(), "behind the clock of this machine", "set the clock that is wrong"]);
}

#[test]
fn update_service_and_signatures() {
    let (source, service, signer) = (registry(), UpdateService::start_blocking(), ReleaseSigner::new("doctor"));
    let release = Release::new("4.20.1", 1, 1);
    service.signature(release.digest(), 1, signer.sign(&release.identity()));
    service.graph("amd64", "stable-4.20", &update_graph([("4.20.1", release.by_digest())], []));
    let redirect = format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{}\"\ninsecure = true\n", source.host());
    let home = |graph: &str, signatures: &str| {
        let home = Home::new();
        let conf = home.write("registries.conf", &redirect);
        home.configuration("platform:\n  channels:\n  - name: stable-4.20\n");
        home.variable("CONTAINERS_REGISTRIES_CONF", conf)
            .variable("UPDATE_URL_OVERRIDE", graph)
            .variable("OCP_SIGNATURE_URL", signatures)
    };
    let outcome = doctor(&home(&service.graph_url(), &service.signature_url()), &[]);
    outcome.code(0);
    assert_eq!(lines(&outcome, "ok", "updates"), ["stable-4.20: the update service knows 1 versions"]);
    assert_eq!(lines(&outcome, "ok", "signatures").len(), 1, "{}", outcome.stdout);
    let nowhere = Nowhere::hold();
    let outcome = doctor(&home(&format!("http://{nowhere}/graph"), &service.signature_url()), &[]);
    failed(&outcome, "updates", &["stable-4.20", nowhere.host(), "UPDATE_URL_OVERRIDE"]);
    let outcome = doctor(&home(&service.graph_url(), &format!("http://{nowhere}/sigs")), &[]);
    failed(&outcome, "signatures", &[nowhere.host(), "refused"]);
}

#[test]
fn mistakes_of_the_configuration_and_json() {
    let home = Home::new();
    home.write("isc.yaml", "kind: Nothing\n");
    failed(&doctor(&home, &[]), "configuration", &["isc.yaml", "mistake"]);
    let outcome = doctor(&home, &["--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(1).stdout).unwrap();
    assert_eq!((&document["format"], &document["exitCode"]), (&1.into(), &1.into()));
    let checks = document["checks"].as_array().unwrap();
    let found = |check: &str| checks.iter().find(|found| found["check"] == check).unwrap();
    assert_eq!(found("configuration")["state"], "failed");
    assert_eq!(found("cache")["state"], "ok");
}
