//! Credentials: basic, tokens with exact scopes, identity tokens, expiry.

use std::time::Duration;

use test_support::{Auth, Effect, Fault, ImageBuilder, Kind, Layer, Registry, TokenAuth, User, When, sha256};

use crate::support::{Asker, header};

#[tokio::test]
async fn basic() {
    let registry = Registry::builder().auth(Auth::basic("me", "secret")).start().await;
    let ask = Asker::of(&registry);
    let refused = ask.ask("GET", "/v2/").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "www-authenticate"), Some("Basic realm=\"test-registry\""));
    let with = async |user: &str, password: &str| {
        ask.request("GET", "/v2/").basic_auth(user, Some(password)).send().await.unwrap().status().as_u16()
    };
    assert_eq!(with("me", "wrong").await, 401);
    assert_eq!(with("you", "secret").await, 401);
    assert_eq!(with("me", "secret").await, 200);
}

/// Asks the token server; `None` when it refuses.
async fn token(registry: &Registry, user: Option<(&str, &str)>, scopes: &[&str]) -> Option<String> {
    let mut path = "/token?service=test-registry".to_owned();
    for scope in scopes {
        path = path + "&scope=" + scope;
    }
    let mut request = Asker::of(registry).request("GET", &path);
    if let Some((user, password)) = user {
        request = request.basic_auth(user, Some(password));
    }
    token_of(request).await
}

async fn token_of(request: reqwest::RequestBuilder) -> Option<String> {
    let response = request.send().await.unwrap();
    if response.status() != 200 {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["token"], body["access_token"]);
    Some(body["token"].as_str().unwrap().to_owned())
}

async fn status(registry: &Registry, token: &str, method: &str, path: &str) -> u16 {
    Asker::of(registry).request(method, path).bearer_auth(token).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn tokens_allow_what_their_scopes_name_and_nothing_else() {
    let users = TokenAuth::user("all", "a")
        .and_user(User::new("reader", "r").read_only())
        .and_user(User::new("team", "t").only_below("team/"));
    let registry = Registry::builder().auth(Auth::Token(users)).start().await;
    let image = ImageBuilder::oci().layer(Layer::random(1, 2000)).build();
    for repository in ["a", "b", "team/x"] {
        registry.push(repository, "v1", &image);
    }
    let blob = image.blobs[1].digest.to_string();
    let mount = format!("/v2/b/blobs/uploads/?mount={blob}&from=a");

    let refused = Asker::of(&registry).ask("POST", &mount).await;
    let challenge = header(&refused, "www-authenticate").unwrap();
    let realm = format!("Bearer realm=\"{}/token\",service=\"test-registry\"", registry.url());
    assert_eq!(challenge, format!("{realm},scope=\"repository:a:pull repository:b:pull,push\""));

    let (all, reader, team) = (Some(("all", "a")), Some(("reader", "r")), Some(("team", "t")));
    let (a, b) = ("repository:a:pull,push", "repository:b:pull,push");
    for (user, scopes, method, path, expected) in [
        (all, [a].as_slice(), "GET", "/v2/a/manifests/v1", 200),
        (all, &[a], "GET", "/v2/b/manifests/v1", 401),
        (all, &[], "GET", "/v2/a/manifests/v1", 401),
        (all, &[], "GET", "/v2/", 200),
        (all, &["repository:a:pull"], "POST", "/v2/a/blobs/uploads/", 401),
        (all, &[a], "POST", "/v2/a/blobs/uploads/", 202),
        (all, &[b], "POST", &mount, 401),
        (all, &[b, "repository:a:pull"], "POST", &mount, 201),
        (all, &[a], "DELETE", "/v2/a/manifests/v9", 401),
        (all, &["repository:a:delete"], "DELETE", "/v2/a/manifests/v9", 404),
        (all, &[], "GET", "/v2/_catalog", 401),
        (all, &["registry:catalog:*"], "GET", "/v2/_catalog", 200),
        (reader, &[a], "GET", "/v2/a/manifests/v1", 200),
        (reader, &[a], "POST", "/v2/a/blobs/uploads/", 401),
        (team, &["repository:team/x:pull"], "GET", "/v2/team/x/manifests/v1", 200),
        (team, &[a], "GET", "/v2/a/manifests/v1", 401),
    ] {
        let token = token(&registry, user, scopes).await.unwrap();
        assert_eq!(status(&registry, &token, method, path).await, expected, "{user:?} {scopes:?} {method} {path}");
    }
    assert_eq!(token(&registry, Some(("all", "wrong")), &[a]).await, None);
    let nobody = token(&registry, None, &[a]).await.unwrap();
    assert_eq!(status(&registry, &nobody, "GET", "/v2/a/manifests/v1").await, 401, "no anonymous pull here");
    assert_eq!(registry.token_requests(), 18);
}

#[tokio::test]
async fn everyone_may_pull_where_that_is_said() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::anonymous())).start().await;
    registry.push("a", "v1", &ImageBuilder::oci().build());
    let token = token(&registry, None, &["repository:a:pull,push"]).await.unwrap();
    assert_eq!(status(&registry, &token, "GET", "/v2/a/manifests/v1").await, 200);
    assert_eq!(status(&registry, &token, "POST", "/v2/a/blobs/uploads/").await, 401);
}

#[tokio::test]
async fn identity_tokens_and_passwords_by_post() {
    let auth = TokenAuth::user("me", "secret").identity_token("me", "identity-1").extra_challenge("Negotiate");
    let registry = Registry::builder().auth(Auth::Token(auth)).start().await;
    registry.push("a", "v1", &ImageBuilder::oci().build());
    let post = |form: &'static str| {
        let form = format!("{form}&service=test-registry&scope=repository%3Aa%3Apull");
        token_of(Asker::of(&registry).request("POST", "/token").body(form))
    };
    let token = post("grant_type=refresh_token&refresh_token=identity-1").await.unwrap();
    assert_eq!(status(&registry, &token, "GET", "/v2/a/manifests/v1").await, 200);
    assert!(post("grant_type=password&username=me&password=secret").await.is_some());
    assert!(post("grant_type=refresh_token&refresh_token=identity-2").await.is_none());
    assert!(post("grant_type=password&username=me&password=wrong").await.is_none());
    let refused = Asker::of(&registry).ask("GET", "/v2/").await;
    let challenges: Vec<_> = refused.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 2);
    assert_eq!(challenges[0], "Negotiate");
}

#[tokio::test]
async fn tokens_end_by_time_by_command_and_by_fault() {
    let short = TokenAuth::user("me", "x").lifetime_other_than_reported(Duration::from_millis(50), Some(300));
    let long = TokenAuth::user("me", "x");
    let me = Some(("me", "x"));
    let path = format!("/v2/a/blobs/{}", sha256(b""));

    let registry = Registry::builder().auth(Auth::Token(short)).start().await;
    let dead = token(&registry, me, &["repository:a:pull"]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(status(&registry, &dead, "GET", &path).await, 401);

    let registry = Registry::builder().auth(Auth::Token(long)).start().await;
    let first = token(&registry, me, &["repository:a:pull"]).await.unwrap();
    assert_eq!(status(&registry, &first, "GET", &path).await, 404);
    registry.expire_tokens();
    assert_eq!(status(&registry, &first, "GET", &path).await, 401);

    let second = token(&registry, me, &["repository:a:pull"]).await.unwrap();
    let fault = registry.fault(Fault::new(When::kind(Kind::Blob).nth(2), Effect::ExpireTokens));
    assert_eq!(status(&registry, &second, "GET", &path).await, 404);
    assert_eq!(status(&registry, &second, "GET", &path).await, 401);
    assert_eq!(fault.hits(), 1);
    let failing = registry.fault(Fault::new(When::kind(Kind::Token), Effect::status(500)));
    assert_eq!(token(&registry, me, &[]).await, None);
    failing.stop();
    assert!(token(&registry, me, &[]).await.is_some());
}
