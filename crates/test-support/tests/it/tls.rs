//! HTTPS, client certificates, protocol versions.

use std::time::Duration;

use http::Version;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use test_support::{Effect, Fault, Kind, Registry, TestCa, When};

fn trusting(ca: &TestCa) -> ClientBuilder {
    let certificate = Certificate::from_pem(ca.pem().as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([certificate])
}

#[tokio::test]
async fn a_client_that_knows_the_ca_gets_http_2_and_others_get_nothing() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls(&ca).start().await;
    let url = format!("{}/v2/", registry.url());
    assert!(url.starts_with("https://127.0.0.1:"));
    let response = trusting(&ca).build().unwrap().get(&url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    let by_name = url.replace("127.0.0.1", "localhost");
    assert_eq!(trusting(&ca).build().unwrap().get(by_name).send().await.unwrap().status(), 200);
    let stranger = trusting(&TestCa::new()).build().unwrap();
    assert!(stranger.get(&url).send().await.is_err());
    let plain = url.replace("https", "http");
    assert!(trusting(&ca).build().unwrap().get(plain).send().await.is_err());

    let old = Registry::builder().tls(&ca).http1_only().start().await;
    let response = trusting(&ca).build().unwrap().get(format!("{}/v2/", old.url())).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
}

#[tokio::test]
async fn client_certificates_are_asked_for() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls_with_client_certificate(&ca).start().await;
    let url = format!("{}/v2/", registry.url());
    assert!(trusting(&ca).build().unwrap().get(&url).send().await.is_err());
    let folder = tempfile::tempdir().unwrap();
    ca.write_certs_d(folder.path(), registry.host(), true).unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(registry.host()).join(name)).unwrap();
    let identity = Identity::from_pem(&[read("client.cert"), read("client.key")].concat()).unwrap();
    let client = trusting(&ca).identity(identity).build().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
}

/// What a client sees of the end of a connection, and of a stream.
#[tokio::test]
async fn ends_of_tls_and_of_streams() {
    let ca = TestCa::new();
    let old = Registry::builder().tls(&ca).http1_only().start().await;
    let new = Registry::builder().tls(&ca).start().await;
    let client = trusting(&ca).build().unwrap();
    let get = async |registry: &Registry, effects: &[Effect]| {
        let digest = registry.put_blob("a", vec![7; 10_000]);
        registry.clear_faults();
        for effect in effects {
            registry.fault(Fault::new(When::kind(Kind::Blob), effect.clone()));
        }
        let answer = client.get(format!("{}/v2/a/blobs/{digest}", registry.url())).send().await.unwrap();
        answer.bytes().await.map(|body| body.len()).map_err(|error| format!("{error:?}"))
    };
    assert_eq!(get(&old, &[Effect::UntilClose]).await, Ok(10_000));
    let cut = get(&old, &[Effect::UntilClose, Effect::NoCloseNotify]).await.unwrap_err();
    assert!(cut.contains("close_notify"), "{cut}");
    let reset = get(&new, &[Effect::CloseAfter(100)]).await.unwrap_err();
    assert!(reset.contains("Reset("), "{reset}");
    assert_eq!(get(&new, &[]).await, Ok(10_000));
    assert!(new.requests().iter().all(|request| request.connection == 1), "only the stream was reset");
    assert_eq!(new.most_requests_at_once(), 1);
}

#[tokio::test]
async fn go_away_moves_an_http_2_client_to_a_new_connection() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls(&ca).start().await;
    let digest = registry.put_blob("a", "blob");
    registry.fault(Fault::new(When::kind(Kind::Blob).nth(2), Effect::GoAway));
    let client = trusting(&ca).build().unwrap();
    // A client may begin requests on the old connection until it has read the frame.
    for _ in 0..200 {
        let url = format!("{}/v2/a/blobs/{digest}", registry.url());
        assert_eq!(client.get(url).send().await.unwrap().text().await.unwrap(), "blob");
        if registry.requests().iter().any(|request| request.connection == 2) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the client stays on its first connection");
}
