//! Authorization: challenges, tokens and their scopes.

use oci_transport::{Condition, Credentials, Secret, Side};
use test_support::{Auth, ImageBuilder, Kind, Layer, Registry, TokenAuth, User, When};

use crate::support::{
    ByPrefix, content, descriptor, destination, endpoint, image, random, source, user, with_credentials,
};

fn made() -> test_support::Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

#[tokio::test]
async fn basic() {
    let registry = Registry::builder().auth(Auth::basic("user", "s3cret")).start_blocking();
    registry.push("ns/app", "v1", &made());
    let reference = image(&registry, "ns/app:v1");
    with_credentials(Side::Source, user()).pull_manifest(&reference).await.unwrap();
    with_credentials(Side::Source, user()).ping(registry.host()).await.unwrap();

    let error = source().pull_manifest(&reference).await.unwrap_err();
    let host = registry.host();
    assert_eq!(error.condition(), Condition::Unauthorized);
    assert!(
        error.to_string().ends_with(&format!(
            "; no credentials were found for `{host}/ns` or `{host}`, and there is no auth file: run `podman login {host}`"
        )),
        "{error}"
    );
    let wrong = ByPrefix(vec![(String::new(), Credentials::basic("user", "wr0ng"))]);
    let error = with_credentials(Side::Source, wrong).ping(host).await.unwrap_err();
    assert!(
        error.to_string().ends_with(&format!(
            "; the credentials found for `{host}` were refused: run `podman login {host}` again, or check their permissions"
        )),
        "{error}"
    );
    assert!(!error.to_string().contains("wr0ng") && !format!("{error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn bearer_scopes_are_exact_and_tokens_are_asked_for_once() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
    registry.push("ns/app", "v1", &made());
    let client = with_credentials(Side::Source, user());
    let reference = image(&registry, "ns/app:v1");
    let many = (0..20).map(|_| client.pull_manifest(&reference));
    for pulled in futures_util::future::join_all(many).await {
        pulled.unwrap();
    }
    let tokens = registry.requests_matching(&When::kind(Kind::Token));
    assert_eq!(tokens.len(), 1, "twenty tasks wait for one token");
    assert_eq!(tokens[0].query, "account=user&service=test-registry&scope=repository%3Ans%2Fapp%3Apull");
    let refused: Vec<_> = registry.requests().into_iter().filter(|request| request.status() == 401).collect();
    assert_eq!(refused.len(), 1, "only the first contact is refused");

    let client = with_credentials(Side::Destination, user());
    let at = endpoint(&client, &registry, "ns/new");
    registry.clear_requests();
    let blob = random(1, 100);
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), None);
    client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    registry.put_blob("ns/app", blob.bytes.clone());
    assert!(client.mount_blob(&endpoint(&client, &registry, "ns/third"), &blob.digest, "ns/app").await.unwrap());
    client.delete_manifest(&endpoint(&client, &registry, "ns/app"), &made().digest).await.unwrap();
    let scopes: Vec<_> = registry.requests_matching(&When::kind(Kind::Token)).into_iter().map(|r| r.query).collect();
    insta::assert_snapshot!(scopes.join("\n"), @"
    account=user&service=test-registry&scope=repository%3Ans%2Fnew%3Apull%2Cpush
    account=user&service=test-registry&scope=repository%3Ans%2Fapp%3Apull&scope=repository%3Ans%2Fthird%3Apull%2Cpush
    account=user&service=test-registry&scope=repository%3Ans%2Fapp%3A*
    account=user&service=test-registry&scope=repository%3Ans%2Fapp%3A*%2Cdelete
    ");
}

#[tokio::test]
async fn anonymous_tokens() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::anonymous())).start_blocking();
    registry.push("ns/app", "v1", &made());
    source().pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
    let client = destination();
    let blob = random(1, 100);
    let at = endpoint(&client, &registry, "ns/app");
    let error = client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Unauthorized);
    assert!(error.to_string().contains("no credentials were found"), "{error}");
}

#[tokio::test]
async fn a_token_that_dies_early_is_replaced() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
    registry.push("ns/app", "v1", &made());
    let client = with_credentials(Side::Source, user());
    let reference = image(&registry, "ns/app:v1");
    client.pull_manifest(&reference).await.unwrap();
    registry.expire_tokens();
    let many = (0..10).map(|_| client.pull_manifest(&reference));
    for pulled in futures_util::future::join_all(many).await {
        pulled.unwrap();
    }
    assert_eq!(registry.token_requests(), 2, "one for the beginning, one for all who were refused");
}

#[tokio::test]
async fn identity_tokens_and_fixed_tokens() {
    let auth = TokenAuth::user("user", "s3cret").identity_token("user", "id-t0ken");
    let registry = Registry::builder().auth(Auth::Token(auth)).start_blocking();
    registry.push("ns/app", "v1", &made());
    let identity = ByPrefix(vec![(String::new(), Credentials::IdentityToken(Secret::new("id-t0ken")))]);
    with_credentials(Side::Source, identity).pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
    assert_eq!(registry.requests_matching(&When::kind(Kind::Token).method("POST")).len(), 1);

    let wrong = ByPrefix(vec![(String::new(), Credentials::IdentityToken(Secret::new("0ther")))]);
    let error = with_credentials(Side::Source, wrong).pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Unauthorized);
    assert!(!error.to_string().contains("0ther"));
    let fixed = ByPrefix(vec![(String::new(), Credentials::Bearer(Secret::new("test-token-0")))]);
    with_credentials(Side::Source, fixed).pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
}

#[tokio::test]
async fn each_repository_has_its_own_credentials() {
    let auth = TokenAuth::user("one", "1").and_user(User::new("two", "2").only_below("two/").read_only());
    let registry = Registry::builder().auth(Auth::Token(auth)).start_blocking();
    registry.push("one/app", "v1", &made());
    registry.push("two/app", "v1", &made());
    let host = registry.host();
    let client = with_credentials(
        Side::Source,
        ByPrefix(vec![
            (format!("{host}/two"), Credentials::basic("two", "2")),
            (host.to_owned(), Credentials::basic("one", "1")),
        ]),
    );
    client.pull_manifest(&image(&registry, "one/app:v1")).await.unwrap();
    client.pull_manifest(&image(&registry, "two/app:v1")).await.unwrap();
    let accounts: Vec<_> = registry
        .requests_matching(&When::kind(Kind::Token))
        .into_iter()
        .map(|request| request.query.split('&').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(accounts, ["account=one", "account=two"]);
}

#[tokio::test]
async fn other_challenges_beside_are_passed_over() {
    let auth = TokenAuth::user("user", "s3cret").extra_challenge("Negotiate, Digest realm=\"a, b\", nonce=\"x\"");
    let registry = Registry::builder().auth(Auth::Token(auth)).start_blocking();
    registry.push("ns/app", "v1", &made());
    with_credentials(Side::Source, user()).pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
}
