//! A registry that answers what no registry should: each answer ends in an error that says so, soon and in little memory.

use oci_transport::Side;
use test_support::{Auth, Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, TokenAuth, When};

use crate::support::{endpoint, image, user, with_credentials};

const MIB: usize = 1024 * 1024;

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 5000)).build()
}

fn answer(code: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Effect {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Effect::Status { code, headers, body: Some(body.into()) }
}

fn json(body: impl Into<String>) -> Effect {
    answer(200, &[("content-type", "application/json")], body)
}

/// Faults for requests whose query matches, all about one kind of request.
async fn check(kind: Kind, faults: Vec<(&str, Effect)>, expected: &str) {
    let auth = Auth::Token(TokenAuth::user("user", "s3cret"));
    let registry = Registry::builder().auth(auth).start_blocking();
    registry.push("ns/app", "v1", &made());
    for (query, effect) in faults {
        registry.fault(Fault::new(When::kind(kind).query(query), effect));
    }
    let client = with_credentials(Side::Source, user());
    let at = endpoint(&client, &registry, "ns/app");
    let outcome = match kind {
        Kind::Tags => client.list_tags(&at).await.map(|tags| format!("{} tags", tags.len())),
        Kind::Referrers => client.referrers(&at, &made().digest).await.map(|all| format!("{} referrers", all.len())),
        // Bytes are kept as they came; what they are is found out when they are looked at.
        _ => client.pull_manifest(&image(&registry, "ns/app:v1")).await.map(|pulled| match pulled.manifest.view() {
            Ok(_) => pulled.manifest.media_type().to_owned(),
            Err(error) => error.to_string(),
        }),
    };
    let said = outcome.unwrap_or_else(|error| {
        let text = error.to_string();
        assert!(text.len() < 2000, "an answer does not fill the log: {} bytes", text.len());
        assert!(!text.contains("s3cret"), "no secret: {text}");
        let text = text.replace(registry.host(), "HOST").replace(&made().digest.to_string(), "DIGEST");
        format!("{}: {text}", error.condition())
    });
    assert_eq!(said, expected);
}

fn page(next: &str, size: usize) -> Effect {
    let link = format!("</v2/ns/app/tags/list?last={next}>; rel=\"next\"");
    let headers = [("content-type", "application/json"), ("link", link.as_str())];
    answer(200, &headers, format!("{{\"tags\":[\"{}\"]}}", "t".repeat(size)))
}

#[tokio::test]
async fn lists_without_an_end() {
    check(Kind::Tags, vec![("", page("a", 1))], "2 tags").await;
    let circle = vec![("n=1000", page("a", 1)), ("last=a", page("b", 1)), ("last=b", page("a", 1))];
    check(Kind::Tags, circle, "protocol: listing tags of `HOST/ns/app`: the pages of the list go round in a circle")
        .await;
    let elsewhere = answer(200, &[("link", "<https://elsewhere.invalid/v2/>; rel=\"next\"")], "{\"tags\":[]}");
    check(
        Kind::Tags,
        vec![("", elsewhere)],
        "redirect: listing tags of `HOST/ns/app`: the next page of the list is at another host",
    )
    .await;
    check(
        Kind::Tags,
        vec![("", json(" ".repeat(9 * MIB)))],
        "too-large: listing tags of `HOST/ns/app`: the list is larger than the 8 MiB allowed",
    )
    .await;
    check(Kind::Tags, vec![("", json("[".repeat(MIB)))],
        "protocol: listing tags of `HOST/ns/app`: the list cannot be read: invalid type: sequence, expected a string at line 1 column 2").await;
    check(Kind::Tags, vec![("", json("{\"tags\":7}"))],
        "protocol: listing tags of `HOST/ns/app`: the list cannot be read: invalid type: integer `7`, expected a sequence at line 1 column 9").await;
    check(Kind::Referrers, vec![("", json("[".repeat(MIB)))], "0 referrers").await;
    check(Kind::Referrers, vec![("", json("{\"manifests\":[{\"digest\":\"sha256:../../x\"}]}"))],
        "protocol: listing referrers of `HOST/ns/app@DIGEST`: the list cannot be read: invalid digest: sha256 needs 64 hex digits, found 7 characters at line 1 column 41").await;
    // Pages that hold nothing, one after the other.
    let subject = made().digest;
    let empty = |number: usize| {
        let link = format!("</v2/ns/app/referrers/{subject}?n={number}>; rel=\"next\"");
        answer(200, &[("content-type", "application/json"), ("link", &link)], "{\"manifests\":[]}")
    };
    let queries: Vec<String> = (0..300).map(|number| format!("n={number}$")).collect();
    let mut pages: Vec<(&str, Effect)> =
        queries.iter().enumerate().map(|(number, query)| (query.as_str(), empty(number + 1))).collect();
    pages.push(("", empty(0)));
    check(
        Kind::Referrers,
        pages,
        "protocol: listing referrers of `HOST/ns/app@DIGEST`: the list has more than 256 pages",
    )
    .await;
    // Together larger than what is kept in memory, though no page is.
    let mut pages = vec![("n=1000", page("0", 7 * MIB))];
    let queries: Vec<String> = (0..30).map(|number| format!("last={number}$")).collect();
    let next = |number: usize| page(&(number + 1).to_string(), 7 * MIB);
    pages.extend(queries.iter().enumerate().map(|(number, query)| (query.as_str(), next(number))));
    check(Kind::Tags, pages, "protocol: listing tags of `HOST/ns/app`: the list is larger than 128 MiB").await;
}

#[tokio::test]
async fn answers_that_are_no_manifest() {
    let refused = "denied: pulling manifest `HOST/ns/app:v1`: 403 Forbidden: ";
    let log_in =
        "; the credentials found for `HOST` were refused: run `podman login HOST` again, or check their permissions";
    check(
        Kind::Manifest,
        vec![("", json("{\"x\":".repeat(MIB / 5)))],
        "manifest of type `application/json` cannot be read: EOF while parsing a value at line 1 column 1048575",
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", json(" ".repeat(5 * MIB)))],
        "too-large: pulling manifest `HOST/ns/app:v1`: the manifest is larger than the 4 MiB allowed",
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", answer(200, &[("x-endless", &"x".repeat(2 * MIB))], "{}"))],
        "connection-closed: pulling manifest `HOST/ns/app:v1`: `http://HOST`: message head is too large (after 4 attempts)",
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", answer(403, &[], "x".repeat(5 * MIB)))],
        &format!("{refused}{}{log_in}", "x".repeat(300)),
    )
    .await;
    let long = format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"{}\"}}]}}", "no ".repeat(4000));
    check(
        Kind::Manifest,
        vec![("", answer(403, &[], long))],
        &format!("{refused}{}{log_in}", "no ".repeat(100).trim_end()),
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", answer(403, &[], "{\"errors\":[{\"message\":\"a\\u001b[2Jb\"}]}"))],
        &format!("{refused}a [2Jb{log_in}"),
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", Effect::Redirect("/v2/ns/app/manifests/v1".to_owned()))],
        "redirect: pulling manifest `HOST/ns/app:v1`: gave up after 10 redirects",
    )
    .await;
    check(
        Kind::Manifest,
        vec![("", Effect::Redirect("file:///etc/passwd".to_owned()))],
        "redirect: pulling manifest `HOST/ns/app:v1`: refused a redirect to `file`, which is no HTTP address",
    )
    .await;
}

#[tokio::test]
async fn token_servers() {
    check(
        Kind::Token,
        vec![("", json(" ".repeat(5 * MIB)))],
        "protocol: pulling manifest `HOST/ns/app:v1`: the token server at `http://HOST/token` answers without end",
    )
    .await;
    check(
        Kind::Token,
        vec![("", json("[".repeat(10_000)))],
        "protocol: pulling manifest `HOST/ns/app:v1`: the token server at `http://HOST/token` answers without a token",
    )
    .await;
    check(
        Kind::Token,
        vec![("", json("{\"token\":\"a\\r\\nb\"}"))],
        "protocol: pulling manifest `HOST/ns/app:v1`: the token server at `http://HOST/token` answers without a token",
    )
    .await;
    check(
        Kind::Token,
        vec![("", Effect::Redirect("http://elsewhere.invalid/token".to_owned()))],
        "protocol: pulling manifest `HOST/ns/app:v1`: asking `http://HOST/token` for a token: 307 Temporary Redirect",
    )
    .await;
    let realm = |url: &str| answer(401, &[("www-authenticate", &format!("Bearer realm=\"{url}\",service=\"x\""))], "");
    check(
        Kind::Manifest,
        vec![("", realm("file:///etc/passwd"))],
        "protocol: pulling manifest `HOST/ns/app:v1`: the registry names a token server that is no address",
    )
    .await;
}
