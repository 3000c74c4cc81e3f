//! Every fault, as the client sees it.

use std::time::{Duration, Instant};

use reqwest::Client;
use test_support::{Auth, Effect, Fault, Kind, Random, Registry, TokenAuth, When, sha256};

use crate::support::{Asker, header};

const SIZE: usize = 300_000;

/// What a client gets when it asks for a blob: status and body, or nothing when the connection broke before an answer;
/// the body is what arrived, `false` when it broke off.
async fn get(registry: &Registry, effect: Effect, range: Option<&str>) -> Option<(u16, Vec<u8>, bool)> {
    let digest = registry.put_blob("a", Random::new(1).bytes(SIZE));
    registry.clear_faults();
    let fault = registry.fault(Fault::new(When::kind(Kind::Blob).method("GET").digest(&digest), effect.clone()));
    let mut request = Asker::of(registry).request("GET", &format!("/v2/a/blobs/{digest}"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let outcome = request.send().await;
    assert_eq!(fault.hits(), 1, "{effect:?}");
    let mut response = outcome.ok()?;
    let mut body = Vec::new();
    let whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend(chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    Some((response.status().as_u16(), body, whole))
}

#[tokio::test]
async fn bodies_of_answers() {
    let registry = Registry::builder().start().await;
    let content = Random::new(1).bytes(SIZE);
    let is = async |effect: Effect| get(&registry, effect, None).await;

    assert_eq!(is(Effect::ResetConnection).await, None);
    assert_eq!(is(Effect::CloseConnection).await, None);
    assert_eq!(is(Effect::CloseAfter(0)).await, Some((200, vec![], false)));
    assert_eq!(is(Effect::CloseAfter(100_001)).await, Some((200, content[..100_001].to_vec(), false)));
    let (status, body, whole) = is(Effect::ResetAfter(100_000)).await.unwrap();
    // A reset may overtake bytes on the way.
    assert!(status == 200 && !whole && content.starts_with(&body) && body.len() <= 100_000);
    assert_eq!(is(Effect::WrongLength(5)).await, Some((200, content.clone(), false)));
    assert_eq!(is(Effect::NoLength).await, Some((200, content.clone(), true)));
    assert_eq!(is(Effect::UntilClose).await, Some((200, content.clone(), true)));
    let mut bent = content.clone();
    bent[270_000] ^= 1;
    assert_eq!(is(Effect::WrongBytes(270_000)).await, Some((200, bent, true)));
    assert_eq!(is(Effect::GoAway).await, Some((200, content.clone(), true)));
    let ignored = get(&registry, Effect::IgnoreRange, Some("bytes=5-")).await;
    assert_eq!(ignored, Some((200, content.clone(), true)));

    let before = Instant::now();
    let pause = Duration::from_millis(200);
    assert_eq!(is(Effect::Stall { after: 1000, pause }).await, Some((200, content.clone(), true)));
    assert_eq!(is(Effect::Delay(pause)).await, Some((200, content.clone(), true)));
    assert_eq!(is(Effect::Slow(1_000_000)).await, Some((200, content, true)));
    assert!(before.elapsed() > Duration::from_millis(600));
}

#[tokio::test]
async fn statuses_and_headers() {
    let registry = Registry::builder().start().await;
    let ask = Asker::of(&registry);
    let digest = registry.put_blob("a", "blob");
    let path = format!("/v2/a/blobs/{digest}");
    let with = async |effect: Effect, method: &str, path: &str| {
        let fault = registry.fault(Fault::new(When::any(), effect));
        let response = ask.request(method, path).send().await.unwrap();
        fault.stop();
        response
    };
    for code in [400, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504] {
        let response = with(Effect::status(code), "GET", &path).await;
        assert_eq!(response.status(), code);
        let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert!(body["errors"][0]["code"].is_string());
    }
    let busy = with(Effect::retry_after(429, 7), "GET", &path).await;
    assert_eq!((busy.status().as_u16(), header(&busy, "retry-after")), (429, Some("7")));
    let denied = with(Effect::Denied, "GET", &path).await;
    assert_eq!(denied.status(), 403);
    assert_eq!(with(Effect::ReadOnly, "GET", &path).await.status(), 200);
    assert_eq!(with(Effect::ReadOnly, "POST", "/v2/a/blobs/uploads/").await.status(), 405);
    let custom = Effect::Status { code: 502, headers: vec![], body: Some("<html>".to_owned()) };
    assert_eq!(with(custom, "GET", &path).await.text().await.unwrap(), "<html>");

    let wrong = with(Effect::WrongDigestHeader, "HEAD", &path).await;
    assert_eq!(header(&wrong, "docker-content-digest"), Some(sha256(b"another thing").to_string().as_str()));
    assert_eq!(header(&with(Effect::NoDigestHeader, "HEAD", &path).await, "docker-content-digest"), None);
    assert_eq!(header(&with(Effect::ContentType(None), "GET", &path).await, "content-type"), None);
    let html = with(Effect::ContentType(Some("text/html".to_owned())), "GET", &path).await;
    assert_eq!(header(&html, "content-type"), Some("text/html"));

    let start = "/v2/a/blobs/uploads/";
    let location = |response: &reqwest::Response| header(response, "location").map(str::to_owned);
    assert!(location(&with(Effect::GoAway, "POST", start).await).unwrap().starts_with(&registry.url()));
    assert!(location(&with(Effect::RelativeLocation, "POST", start).await).unwrap().starts_with("/v2/a/"));
    assert_eq!(location(&with(Effect::NoLocation, "POST", start).await), None);
    let elsewhere = location(&with(Effect::LocationOnCdn, "POST", start).await).unwrap();
    assert!(elsewhere.contains(registry.cdn_host()));
    let put = format!("{elsewhere}&digest={}", sha256(b"there"));
    assert_eq!(ask.request("PUT", &put).body("there").send().await.unwrap().status(), 201);
    assert!(registry.has_blob("a", &sha256(b"there")));
    let moved = with(Effect::Redirect("https://example.com/x".to_owned()), "GET", &path).await;
    assert_eq!((moved.status().as_u16(), location(&moved).as_deref()), (307, Some("https://example.com/x")));
}

#[tokio::test]
async fn a_redirect_to_the_second_server_shows_whether_credentials_follow() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::anonymous())).start().await;
    let digest = registry.put_blob("a", "blob");
    registry.fault(Fault::new(When::kind(Kind::Blob), Effect::RedirectToCdn));
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v2/a/blobs/{digest}", registry.url());
    let token = {
        let url = format!("{}/token?service=test-registry&scope=repository:a:pull", registry.url());
        let body: serde_json::Value =
            serde_json::from_slice(&client.get(url).send().await.unwrap().bytes().await.unwrap()).unwrap();
        body["token"].as_str().unwrap().to_owned()
    };
    let response = client.get(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "blob");
    let followed = registry.requests_matching(&When::kind(Kind::Cdn));
    assert_eq!(followed.len(), 1);
    assert!(followed[0].on_cdn && followed[0].header("authorization").is_none());
    assert_eq!(registry.blob_bytes_served(), 4);
    // A careless client is seen.
    let location = format!("http://{}/cdn/a/{digest}", registry.cdn_host());
    client.get(location).bearer_auth(&token).send().await.unwrap();
    let careless = registry.requests_matching(&When::kind(Kind::Cdn));
    assert!(careless[1].header("authorization").is_some());
    // And what happens there can go wrong as well.
    registry.fault(Fault::new(When::kind(Kind::Cdn), Effect::status(503)));
    assert_eq!(client.get(&url).bearer_auth(&token).send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn uploads() {
    let registry = Registry::builder().start().await;
    let ask = Asker::of(&registry);
    let content = Random::new(2).bytes(SIZE);
    let digest = sha256(&content);
    let start = async || {
        let response = ask.ask("POST", "/v2/a/blobs/uploads/").await;
        header(&response, "location").unwrap().to_owned()
    };

    // The connection breaks; the status says what arrived; the rest completes it.
    let fault = Fault::new(When::kind(Kind::Upload).method("PATCH").once(), Effect::DisconnectUploadAfter(123_456));
    registry.fault(fault);
    let location = start().await;
    assert!(ask.request("PATCH", &location).body(content.clone()).send().await.is_err());
    let status = ask.ask("GET", &location).await;
    assert_eq!(header(&status, "range"), Some("0-123455"));
    let rest = ask.request("PATCH", &location).header("content-range", format!("123456-{}", SIZE - 1));
    assert_eq!(rest.body(content[123_456..].to_vec()).send().await.unwrap().status(), 202);
    assert_eq!(ask.status("PUT", &format!("{location}&digest={digest}")).await, 201);
    assert_eq!(registry.blob(&digest).unwrap(), content);
    registry.remove_blob(&digest);

    // One request is refused, chunks are not.
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
    let location = start().await;
    let put = format!("{location}&digest={digest}");
    assert_eq!(ask.request("PUT", &put).body(content.clone()).send().await.unwrap().status(), 405);
    let post = format!("/v2/a/blobs/uploads/?digest={digest}");
    assert_eq!(ask.request("POST", &post).body(content.clone()).send().await.unwrap().status(), 202);
    assert_eq!(ask.request("PATCH", &location).body(content.clone()).send().await.unwrap().status(), 202);
    assert_eq!(ask.status("PUT", &put).await, 201);
    registry.clear_faults();

    // A mount becomes an upload.
    let mount = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    let refusal = registry.fault(Fault::new(When::kind(Kind::Upload).query("mount="), Effect::RefuseMount));
    assert_eq!(ask.status("POST", &mount).await, 202);
    refusal.stop();
    assert_eq!(ask.status("POST", &mount).await, 201);

    // A slow reader, and one that pauses.
    let before = Instant::now();
    for effect in [Effect::Slow(1_000_000), Effect::Stall { after: 1000, pause: Duration::from_millis(100) }] {
        registry.fault(Fault::new(When::kind(Kind::Upload).method("PUT").once(), effect));
        let location = start().await;
        let put = ask.request("PUT", &format!("{location}&digest={digest}")).body(content.clone());
        assert_eq!(put.send().await.unwrap().status(), 201);
    }
    assert!(before.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn matchers() {
    let registry = Registry::builder().start().await;
    let ask = Asker::of(&registry);
    let digest = registry.put_blob("a", "blob");
    let path = format!("/v2/a/blobs/{digest}");
    let statuses = async |when: When, count: usize| {
        registry.clear_faults();
        registry.fault(Fault::new(when, Effect::status(503)));
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(ask.status("GET", &path).await);
        }
        statuses
    };
    assert_eq!(statuses(When::any(), 2).await, [503, 503]);
    assert_eq!(statuses(When::any().once(), 2).await, [503, 200]);
    assert_eq!(statuses(When::any().nth(2), 3).await, [200, 503, 200]);
    assert_eq!(statuses(When::any().after(1), 3).await, [200, 503, 503]);
    assert_eq!(statuses(When::any().after(1).times(1), 3).await, [200, 503, 200]);
    assert_eq!(statuses(When::kind(Kind::Manifest), 1).await, [200]);
    assert_eq!(statuses(When::path("^/v2/a/blobs/"), 1).await, [503]);
    assert_eq!(statuses(When::path("^/v2/b/"), 1).await, [200]);
    assert_eq!(statuses(When::any().method("PUT"), 1).await, [200]);
    assert_eq!(statuses(When::any().digest(&digest), 1).await, [503]);
    assert_eq!(statuses(When::any().digest(&sha256(b"x")), 1).await, [200]);
    assert_eq!(statuses(When::any().repository("a"), 1).await, [503]);
    assert_eq!(statuses(When::any().repository("b"), 1).await, [200]);
}
