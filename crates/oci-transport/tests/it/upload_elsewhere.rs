//! Uploads that the registry sends to another of its names: the user's own credentials for that name, and no others.

use oci_transport::{Client, Condition, Credentials, Error, Fixed, Side};
use test_support::{Auth, Effect, Fault, Kind, Registry, Request, TokenAuth, User, When};

use crate::support::{ByPrefix, content, descriptor, endpoint, random, with_credentials};

/// A registry that calls itself `localhost` where it opens an upload.
fn named_otherwise(auth: Auth) -> (Registry, String) {
    let registry = Registry::builder().auth(auth).start_blocking();
    let other = registry.host().replace("127.0.0.1", "localhost");
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::LocationAt(other.clone())));
    (registry, other)
}

fn token_auth() -> Auth {
    Auth::Token(TokenAuth::user("user", "s3cret").and_user(User::new("other", "hunter22")))
}

fn entries(entries: &[(&str, &str, &str)]) -> ByPrefix {
    let entry =
        |(host, user, password): &(&str, &str, &str)| ((*host).to_owned(), Credentials::basic(*user, *password));
    ByPrefix(entries.iter().map(entry).collect())
}

async fn push(client: &Client, registry: &Registry) -> Result<(), Error> {
    let blob = random(1, 10_000);
    client.push_blob(&endpoint(client, registry, "ns/app"), &descriptor(&blob), content(&blob), &|_| {}).await
}

/// Requests under the name.
fn asked_as(registry: &Registry, name: &str) -> Vec<Request> {
    registry.requests().into_iter().filter(|request| request.header("host") == Some(name)).collect()
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn each_name_gets_its_own_credentials() {
    for in_chunks in [false, true] {
        let (registry, other) = named_otherwise(token_auth());
        if in_chunks {
            registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
        }
        let known = entries(&[(registry.host(), "user", "s3cret"), (&other, "other", "hunter22")]);
        let client = with_credentials(Side::Destination, known);
        push(&client, &registry).await.unwrap();
        // The second blob goes straight on, with what is known by now.
        push(&client, &registry).await.unwrap();
        assert!(registry.blob(&random(1, 10_000).digest).is_some());
        // Both names have a token of their own, for their own account.
        let mut accounts: Vec<String> = registry
            .requests_matching(&When::kind(Kind::Token))
            .iter()
            .filter_map(|request| request.header("authorization").map(str::to_owned))
            .collect();
        accounts.dedup();
        assert_eq!(accounts, [basic("user", "s3cret"), basic("other", "hunter22")]);
        let tokens = |name: &str| -> std::collections::BTreeSet<String> {
            let all = asked_as(&registry, name).into_iter().filter(|request| request.kind != Kind::Token);
            all.filter_map(|request| request.header("authorization").map(str::to_owned)).collect()
        };
        assert!(tokens(registry.host()).is_disjoint(&tokens(&other)), "a token goes to its own name only");
    }
    // The same with passwords.
    let (registry, other) = named_otherwise(Auth::basic("user", "s3cret"));
    let known = entries(&[(registry.host(), "user", "s3cret"), (&other, "user", "s3cret")]);
    push(&with_credentials(Side::Destination, known), &registry).await.unwrap();
}

#[tokio::test]
async fn credentials_of_one_name_never_go_to_another() {
    let check = async |auth: Auth, client: &dyn Fn(&str, &str) -> Client, expected: &str| {
        let (registry, other) = named_otherwise(auth);
        let error = push(&client(registry.host(), &other), &registry).await.unwrap_err();
        assert_eq!(error.condition(), Condition::Unauthorized, "{error}");
        let text = error.to_string().replace(registry.host(), "REGISTRY").replace(&other, "OTHER");
        let text = text.replace(&random(1, 10_000).digest.to_string(), "DIGEST");
        assert_eq!(
            text,
            format!(
                "pushing blob `DIGEST` to `REGISTRY/ns/app`: `REGISTRY` sends the upload to `http://OTHER`, one more name of the registry, which answers: {expected}"
            )
        );
        let asked = asked_as(&registry, &other);
        assert!(!asked.is_empty());
        for request in asked {
            let sent = request.header("authorization").unwrap_or_default();
            assert!(sent.is_empty() || sent == basic("other", "wrong"), "{sent}");
        }
    };
    let missing = "401 Unauthorized: authentication required [UNAUTHORIZED]; credentials for `REGISTRY` are never sent to \
                   another name, and there are none for `OTHER`: run `podman login OTHER`, or let the registry call itself \
                   `REGISTRY` (Quay: SERVER_HOSTNAME)";
    let of_registry =
        |registry: &str, _: &str| with_credentials(Side::Destination, entries(&[(registry, "user", "s3cret")]));
    check(Auth::basic("user", "s3cret"), &of_registry, missing).await;
    let given = |_: &str, _: &str| {
        let credentials = Credentials::basic("user", "s3cret");
        with_credentials(Side::Destination, Fixed { registry: None, credentials })
    };
    check(Auth::basic("user", "s3cret"), &given, missing).await;
    let wrong = |registry: &str, other: &str| {
        with_credentials(Side::Destination, entries(&[(registry, "user", "s3cret"), (other, "other", "wrong")]))
    };
    let refused = "401 Unauthorized: authentication required [UNAUTHORIZED]; the credentials found for `OTHER` were refused: \
                   run `podman login OTHER` again, or let the registry call itself `REGISTRY` (Quay: SERVER_HOSTNAME)";
    check(Auth::basic("user", "s3cret"), &wrong, refused).await;
}

/// A source that leads elsewhere gets nothing, whatever the user has for that name.
#[tokio::test]
async fn no_credentials_follow_a_redirect_of_a_source() {
    let (registry, other) = named_otherwise(Auth::basic("user", "s3cret"));
    let blob = random(1, 10_000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let target = format!("http://{other}/v2/ns/app/blobs/{}", blob.digest);
    registry.fault(Fault::new(When::kind(Kind::Blob).once(), Effect::Redirect(target)));
    let known = entries(&[(registry.host(), "user", "s3cret"), (&other, "user", "s3cret")]);
    let client = with_credentials(Side::Source, known);
    let at = endpoint(&client, &registry, "ns/app");
    let error = client.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap_err();
    assert_eq!(error.status_code(), Some(401), "{error}");
    let asked = asked_as(&registry, &other);
    assert!(!asked.is_empty() && asked.iter().all(|request| request.header("authorization").is_none()), "{asked:?}");
}
