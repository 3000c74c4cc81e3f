//! Where a registry may lead: token servers, redirects and uploads at addresses of this machine or of its link, and the way
//! back to the registry.

use std::sync::Arc;

use image_ref::{ImageRef, Repository};
use oci_transport::{Client, ClientOptions, Condition, Error, ProxySettings, Side};
use test_support::{Auth, Effect, Fault, Kind, Registry, Request, TestCa, TokenAuth, When};

use crate::support::{content, descriptor, endpoint, image, options, random, user, with_credentials};

/// A registry that is reached as `registry.invalid` through a proxy, so that it is not on this machine as far as anyone knows.
fn far(registry: &Registry, side: Side) -> Client {
    let mut options = options(side);
    options.proxies = ProxySettings { http: Some(format!("http://{}", registry.host())), ..ProxySettings::default() };
    options.credentials = Arc::new(user());
    Client::new(options).unwrap()
}

/// Requests that reached the registry by another name than its own.
fn misled(registry: &Registry) -> Vec<Request> {
    let own = |request: &Request| request.header("host") == Some("registry.invalid");
    registry.requests().into_iter().filter(|request| !own(request)).collect()
}

/// Ways to write addresses of this machine and of its link, and what is said of each.
fn reserved(registry: &Registry) -> Vec<(String, &'static str)> {
    let port = registry.host().rsplit_once(':').unwrap().1.to_owned();
    let machine = "an address of this machine; only a registry that is there itself may send requests there";
    let link = "a link-local address; only a registry that is there itself may send requests there";
    let here = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ];
    let mut all: Vec<_> = here.iter().map(|host| (format!("{host}:{port}"), machine)).collect();
    all.extend(["169.254.169.254", "[fe80::1]"].map(|host| (host.to_owned(), link)));
    all
}

#[track_caller]
fn check_refused(error: &Error, what: &str, expected: &str, registry: &Registry) {
    assert_eq!(error.condition(), Condition::Redirect, "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("refused: the registry sends {what} to `")) && text.contains(expected), "{text}");
    assert!(misled(registry).is_empty(), "{:?}", misled(registry));
}

#[tokio::test]
async fn redirects_to_this_machine() {
    let registry = Registry::start_blocking();
    let blob = random(1, 100);
    registry.put_blob("ns/app", blob.bytes.clone());
    for (place, expected) in reserved(&registry) {
        for path in ["/v2/ns/app/blobs/x", "/latest/meta-data/"] {
            let target = format!("http://{place}{path}");
            let fault = registry.fault(Fault::new(When::kind(Kind::Blob), Effect::Redirect(target)));
            let client = far(&registry, Side::Source);
            let at = client.endpoint(&Repository::new("registry.invalid", "ns/app").unwrap());
            let error = client.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap_err();
            check_refused(&error, "the request", expected, &registry);
            fault.stop();
        }
    }
    // A registry on this machine may lead to others here.
    registry.fault(Fault::new(When::kind(Kind::Blob), Effect::RedirectToCdn));
    let client = with_credentials(Side::Source, user());
    client
        .pull_blob(&endpoint(&client, &registry, "ns/app"), &descriptor(&blob), &mut Vec::new(), &|_| {})
        .await
        .unwrap();
    // But to no neighbour of this machine.
    registry.clear_faults();
    registry.fault(Fault::new(When::kind(Kind::Blob), Effect::Redirect("http://169.254.169.254/".to_owned())));
    let at = endpoint(&client, &registry, "ns/app");
    let error = client.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Redirect, "{error}");
}

#[tokio::test]
async fn uploads_on_this_machine() {
    let registry = Registry::start_blocking();
    let blob = random(1, 100);
    for (place, expected) in reserved(&registry) {
        let fault = registry.fault(Fault::new(When::kind(Kind::Upload), Effect::LocationAt(place)));
        let client = far(&registry, Side::Destination);
        let at = client.endpoint(&Repository::new("registry.invalid", "ns/app").unwrap());
        let error = client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap_err();
        check_refused(&error, "the upload", expected, &registry);
        fault.stop();
    }
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RelativeLocation));
    let client = far(&registry, Side::Destination);
    let at = client.endpoint(&Repository::new("registry.invalid", "ns/app").unwrap());
    client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
}

#[tokio::test]
async fn token_servers_on_this_machine() {
    let places = reserved(&Registry::start_blocking());
    for (place, expected) in places {
        let realm = format!("Bearer realm=\"http://{place}/token\",service=\"test-registry\"");
        let auth = TokenAuth::user("user", "s3cret").extra_challenge(&realm);
        let registry = Registry::builder().auth(Auth::Token(auth)).start_blocking();
        let client = far(&registry, Side::Source);
        let reference = ImageRef::parse("registry.invalid/ns/app:v1").unwrap();
        let error = client.pull_manifest(&reference).await.unwrap_err();
        check_refused(&error, "requests for tokens", expected, &registry);
        assert!(registry.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

/// Whoever a registry leads to may lead back to it, but not with our authorization.
#[tokio::test]
async fn behind_another_host_nothing_is_attached_again() {
    for auth in [Auth::basic("user", "s3cret"), Auth::Token(TokenAuth::user("user", "s3cret"))] {
        let registry = Registry::builder().auth(auth).start_blocking();
        let blob = random(1, 100);
        registry.put_blob("ns/app", blob.bytes.clone());
        registry.put_blob("ns/other", blob.bytes.clone());
        let client = with_credentials(Side::Source, user());
        let at = endpoint(&client, &registry, "ns/app");
        client.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap();
        let back = format!("http://{}/v2/ns/other/blobs/{}", registry.host(), blob.digest);
        registry.fault(Fault::new(When::kind(Kind::Blob).repository("ns/app"), Effect::RedirectToCdn));
        registry.fault(Fault::new(When::kind(Kind::Cdn), Effect::Redirect(back)));
        registry.clear_requests();
        let error = client.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap_err();
        assert_eq!(error.status_code(), Some(401), "{error}");
        let led: Vec<_> = registry.requests().into_iter().filter(|request| request.repository == "ns/other").collect();
        assert!(!led.is_empty() && led.iter().all(|request| request.header("authorization").is_none()), "{led:?}");
    }
}

/// A challenge that asks for more than its request needs gets no such token.
#[tokio::test]
async fn no_challenge_widens_a_token() {
    for wanted in ["repository:ns/app:pull,push", "repository:ns/secret:pull", "registry:catalog:*"] {
        let registry = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
        registry.push("ns/app", "v1", &test_support::ImageBuilder::oci().build());
        let client = with_credentials(Side::Source, user());
        client.ping(registry.host()).await.unwrap();
        let realm =
            format!("Bearer realm=\"http://{}/token\",service=\"test-registry\",scope=\"{wanted}\"", registry.host());
        registry.fault(Fault::new(
            When::kind(Kind::Manifest).once(),
            Effect::Status { code: 401, headers: vec![("WWW-Authenticate".to_owned(), realm)], body: None },
        ));
        registry.clear_requests();
        client.pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
        for token in registry.requests_matching(&When::kind(Kind::Token)) {
            assert_eq!(
                token.query, "account=user&service=test-registry&scope=repository%3Ans%2Fapp%3Apull",
                "{wanted}"
            );
        }
    }
}

/// A token is for the registry that it was requested for: of two that share a token server neither gets the other's.
#[tokio::test]
async fn a_token_goes_to_its_registry_alone() {
    let shared = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"test-registry\"", shared.host());
    let auth = TokenAuth::user("user", "s3cret").extra_challenge(&realm);
    let other = Registry::builder().auth(Auth::Token(auth)).start_blocking();
    let client = with_credentials(Side::Source, user());
    let made = test_support::ImageBuilder::oci().build();
    shared.push("ns/app", "v1", &made);
    client.pull_manifest(&image(&shared, "ns/app:v1")).await.unwrap();
    // It does not know tokens of the server that it names.
    client.pull_manifest(&image(&other, "ns/app:v1")).await.unwrap_err();
    let tokens = |registry: &Registry| -> std::collections::BTreeSet<String> {
        let all =
            registry.requests().into_iter().filter_map(|request| request.header("authorization").map(str::to_owned));
        all.filter(|value| value.starts_with("Bearer ")).collect()
    };
    assert!(!tokens(&shared).is_empty() && !tokens(&other).is_empty());
    assert!(tokens(&shared).is_disjoint(&tokens(&other)));
}

/// The password is for the server that the registry named, and for nobody that this server names.
#[tokio::test]
async fn token_servers_that_lead_elsewhere() {
    let (registry, stranger) = (
        Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking(),
        Registry::start_blocking(),
    );
    registry.fault(Fault::new(When::kind(Kind::Token), Effect::Redirect(format!("http://{}/token", stranger.host()))));
    let client = with_credentials(Side::Source, user());
    client.pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap_err();
    assert_eq!(stranger.request_count(), 0);
}

/// A registry that is reached by TLS names a token server without: nobody on the way may read the password.
#[tokio::test]
async fn no_token_is_asked_for_over_plain_http() {
    let ca = TestCa::new();
    let auth =
        TokenAuth::user("user", "s3cret").extra_challenge("Bearer realm=\"http://192.0.2.1/token\",service=\"x\"");
    let registry = Registry::builder().tls(&ca).auth(Auth::Token(auth)).start_blocking();
    let certs = tempfile::tempdir().unwrap();
    ca.write_certs_d(certs.path(), registry.host(), false).unwrap();
    let strict = ClientOptions {
        tls_verify: true,
        cert_dirs: vec![certs.path().to_owned()],
        credentials: Arc::new(user()),
        ..options(Side::Source)
    };
    let error = Client::new(strict).unwrap().pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Redirect);
    let expected = "refused to ask for a token over plain HTTP at `http://192.0.2.1/token`";
    assert!(error.to_string().contains(expected), "{error}");
}
