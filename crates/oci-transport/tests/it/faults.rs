//! The fault matrix: each fault, once and for good, on each kind of request.
//!
//! Every cell says `recovered`, or the condition and the number of attempts; whatever the outcome, nothing is left behind:
//! no half content at the destination, no open upload, no byte in the sink that is not of the blob.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use oci_transport::{Client, ClientOptions, Error, Reference, Side, VerifiedManifest};
use test_support::{Auth, Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, TestCa, TokenAuth, When};

use crate::support::{content, descriptor, endpoint, image, options, random, user};

fn effects() -> Vec<(&'static str, Effect)> {
    let header = |code, name: &str, value: &str| Effect::Status {
        code,
        headers: vec![(name.to_owned(), value.to_owned())],
        body: None,
    };
    vec![
        ("400", Effect::status(400)),
        ("401", Effect::status(401)),
        ("403", Effect::Denied),
        ("404", Effect::status(404)),
        ("408", Effect::status(408)),
        ("413", Effect::status(413)),
        ("425", Effect::status(425)),
        ("429", Effect::status(429)),
        ("429 Retry-After: 0", Effect::retry_after(429, 0)),
        ("429 Retry-After: a date", header(429, "Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")),
        ("500", Effect::status(500)),
        ("502", Effect::status(502)),
        ("503", Effect::status(503)),
        ("504", Effect::status(504)),
        ("reset", Effect::ResetConnection),
        ("close", Effect::CloseConnection),
        ("close in the body", Effect::CloseAfter(100)),
        ("reset in the body", Effect::ResetAfter(100)),
        ("stall", Effect::Stall { after: 100, pause: Duration::from_secs(9) }),
        ("wrong byte", Effect::WrongBytes(50)),
        ("wrong digest header", Effect::WrongDigestHeader),
        ("no digest header", Effect::NoDigestHeader),
        ("wrong length", Effect::WrongLength(10)),
        ("no length", Effect::NoLength),
        ("no Location", Effect::NoLocation),
        ("relative Location", Effect::RelativeLocation),
        ("Location elsewhere", Effect::LocationOnCdn),
        ("redirect", Effect::RedirectToCdn),
        ("range ignored", Effect::IgnoreRange),
        ("tokens expire", Effect::ExpireTokens),
        ("upload cut", Effect::DisconnectUploadAfter(100_000)),
        ("no single upload", Effect::RefuseMonolithic),
        ("read-only", Effect::ReadOnly),
        ("go away", Effect::GoAway),
        ("no media type", Effect::ContentType(None)),
        ("wrong media type", Effect::ContentType(Some("text/html".to_owned()))),
        ("until close", Effect::UntilClose),
    ]
}

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

/// The tags of `ns/app`: two of them are a page of more than 100 bytes.
fn tags() -> Vec<String> {
    (0..5).map(|number| format!("v{number}-{}", "x".repeat(60))).collect()
}

/// What refers to [`made`], two of them a page.
fn referrers() -> Vec<Image> {
    let artifact =
        |text: &str| test_support::artifact("application/x-sbom", "text/plain", text.as_bytes(), Some(&made()));
    ["a", "b", "c"].map(artifact).into()
}

/// How the registry is reached.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    /// TLS with HTTP/1.1.
    Tls,
    /// TLS with HTTP/2, blobs included.
    Http2,
}

impl Way {
    fn start(self, ca: &TestCa) -> Registry {
        let builder = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).page_size(2);
        let registry = match self {
            Self::Plain => builder.start_blocking(),
            Self::Tls => builder.tls(ca).http1_only().start_blocking(),
            Self::Http2 => builder.tls(ca).start_blocking(),
        };
        registry.push("ns/app", "v1", &made());
        registry.put_blob("ns/app", random(9, 300_000).bytes);
        for tag in tags() {
            registry.push("ns/tags", tag.as_str(), &made());
        }
        registry.push("ns/subject", "v1", &made());
        for artifact in referrers() {
            registry.push("ns/subject", None, &artifact);
        }
        registry
    }

    fn client(self, stalls: bool) -> Client {
        let options = ClientOptions {
            credentials: Arc::new(user()),
            http2_blobs: matches!(self, Self::Http2),
            // A busy machine makes pauses of its own, which are to be none of these.
            stall_timeout: Duration::from_millis(if stalls { 1500 } else { 60_000 }),
            commit_timeout: Duration::from_millis(if stalls { 5000 } else { 60_000 }),
            ..options(Side::Destination)
        };
        Client::new(options).unwrap()
    }
}

/// One request kind and what is done to provoke it. Says how it ended when it is not an error.
async fn run(operation: &str, client: &Client, registry: &Registry) -> Result<&'static str, Error> {
    let blob = random(9, 300_000);
    match operation {
        "pull manifest" | "token" => {
            let pulled = client.pull_manifest(&image(registry, "ns/app:v1")).await?;
            // A tag promises no content.
            if *pulled.manifest.bytes() != made().bytes {
                return Ok("believed");
            }
        }
        "pull blob" => {
            let at = endpoint(client, registry, "ns/app");
            let mut sink = Vec::new();
            let result = client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await;
            let expected = if result.is_ok() { &blob.bytes[..] } else { &blob.bytes[..sink.len()] };
            assert_eq!(sink, expected, "only bytes of the blob are kept");
            result?;
        }
        "open upload" | "push blob" => {
            let at = endpoint(client, registry, "ns/new");
            let pushed = client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await;
            assert_eq!(registry.has_blob("ns/new", &blob.digest), pushed.is_ok());
            pushed?;
        }
        "push manifest" => {
            let at = endpoint(client, registry, "ns/app");
            let manifest = VerifiedManifest::named(made().bytes, Some(&made().media_type));
            client.push_manifest(&at, &Reference::Tag("v2".into()), &manifest).await?;
            assert_eq!(registry.manifest("ns/app", "v2").map(|stored| stored.bytes), Some(made().bytes));
        }
        "look up tag" => {
            let found = client.head_manifest(&image(registry, "ns/app:v1")).await?;
            let Some(found) = found else { return Ok("not there") };
            // Nothing but the headers tells.
            if (found.digest, found.size) != (made().digest, made().bytes.len() as u64) {
                return Ok("believed");
            }
        }
        "look up digest" => {
            let at = endpoint(client, registry, "ns/app");
            let found = client.head_manifest_at(&at, &Reference::Digest(made().digest)).await?;
            let Some(found) = found else { return Ok("not there") };
            assert_eq!(found.digest, made().digest);
            if found.size != made().bytes.len() as u64 {
                return Ok("believed");
            }
        }
        "look up blob" => {
            let Some(size) = client.head_blob(&endpoint(client, registry, "ns/app"), &blob.digest).await? else {
                return Ok("not there");
            };
            if size != 300_000 {
                return Ok("believed");
            }
        }
        "mount" => {
            let at = endpoint(client, registry, "ns/new");
            let mounted = client.mount_blob(&at, &blob.digest, "ns/app").await;
            client.cancel_sessions(&at).await;
            if !mounted? {
                return Ok("declined");
            }
            assert!(registry.has_blob("ns/new", &blob.digest));
        }
        "delete" => {
            client.delete_manifest(&endpoint(client, registry, "ns/app"), &made().digest).await?;
            if registry.manifest("ns/app", "v1").is_some() {
                return Ok("not there");
            }
        }
        "tags" => {
            // Nothing signs a list.
            if client.list_tags(&endpoint(client, registry, "ns/tags")).await? != tags() {
                return Ok("believed");
            }
        }
        "referrers" => {
            let found = client.referrers(&endpoint(client, registry, "ns/subject"), &made().digest).await?;
            let found: BTreeSet<_> = found.into_iter().map(|descriptor| descriptor.digest).collect();
            assert_eq!(found, referrers().into_iter().map(|artifact| artifact.digest).collect());
        }
        other => unreachable!("{other}"),
    }
    Ok("recovered")
}

fn when(operation: &str) -> When {
    match operation {
        "token" => When::kind(Kind::Token),
        "pull manifest" => When::kind(Kind::Manifest).method("GET"),
        "pull blob" => When::kind(Kind::Blob).method("GET"),
        "open upload" => When::kind(Kind::Upload).method("POST"),
        "push blob" => When::path("/blobs/uploads/").method("PUT"),
        "push manifest" => When::kind(Kind::Manifest).method("PUT"),
        "look up tag" | "look up digest" => When::kind(Kind::Manifest).method("HEAD"),
        "look up blob" => When::kind(Kind::Blob).method("HEAD"),
        "mount" => When::kind(Kind::Upload).method("POST").query("mount="),
        "delete" => When::kind(Kind::Manifest).method("DELETE"),
        // Not the first page: what was read before must not be lost, nor told without the rest.
        "tags" => When::kind(Kind::Tags).query("last="),
        "referrers" => When::kind(Kind::Referrers).query("last="),
        other => unreachable!("{other}"),
    }
}

async fn cell(way: Way, ca: &TestCa, operation: &str, effects: &[Effect], times: u64) -> String {
    let stalls = effects.iter().any(|effect| matches!(effect, Effect::Stall { .. }));
    let (registry, client) = (way.start(ca), way.client(stalls));
    // First contact is made before anything goes wrong.
    client.head_blob(&endpoint(&client, &registry, "ns/warm"), &made().digest).await.unwrap();
    let faults: Vec<_> =
        effects.iter().map(|effect| registry.fault(Fault::new(when(operation).times(times), effect.clone()))).collect();
    let result = run(operation, &client, &registry).await;
    let hits = faults[0].hits();
    registry.clear_faults();
    for _ in 0..20 {
        if registry.unfinished_uploads() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let leftovers = match registry.unfinished_uploads() {
        0 => String::new(),
        count => format!(" ({count} uploads left open)"),
    };
    let outcome = match result {
        Ok(_) if hits == 0 => "-".to_owned(),
        Ok(how) => how.to_owned(),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(registry.host()), "the registry is named: {text}");
            assert!(!text.contains("s3cret") && !text.contains("test-token"), "no secret: {text}");
            format!("{} x{}", error.condition(), error.attempts())
        }
    };
    outcome + &leftovers
}

/// One row for each effect, with what becomes of it once and, where that differs, for good.
async fn table<const N: usize>(way: Way, operations: [&str; N], effects: Vec<(&str, Vec<Effect>)>) -> String {
    let ca = TestCa::new();
    let ca = &ca;
    let rows = effects.into_iter().map(|(name, effects)| async move {
        let effects = &effects;
        let cells = operations.map(|operation| async move {
            let (once, always) =
                tokio::join!(cell(way, ca, operation, effects, 1), cell(way, ca, operation, effects, u64::MAX));
            if once == always { once } else { format!("{once} / {always}") }
        });
        format!("{name}: {}", futures_util::future::join_all(cells).await.join(" | "))
    });
    let mut table = vec![operations.join(" | ")];
    table.extend(futures_util::stream::iter(rows).buffered(4).collect::<Vec<_>>().await);
    table.join("\n")
}

fn alone((name, effect): (&'static str, Effect)) -> (&'static str, Vec<Effect>) {
    (name, vec![effect])
}

const TRANSFERS: [&str; 6] = ["pull manifest", "pull blob", "open upload", "push blob", "push manifest", "token"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers() {
    let table = table(Way::Plain, TRANSFERS, effects().into_iter().map(alone).collect()).await;
    insta::assert_snapshot!(table, @"
    pull manifest | pull blob | open upload | push blob | push manifest | token
    400: rejected x1 | rejected x1 | rejected x1 | recovered / rejected x1 | rejected x1 | unauthorized x1
    401: recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | unauthorized x1
    403: denied x1 | denied x1 | denied x1 | denied x1 | denied x1 | unauthorized x1
    404: not-found x1 | not-found x1 | not-found x1 | recovered / upload-lost x4 | not-found x1 | protocol x1
    408: recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4
    413: too-large x1 | too-large x1 | too-large x1 | recovered / too-large x1 | too-large x1 | too-large x1
    425: recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4
    429: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    429 Retry-After: 0: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    429 Retry-After: a date: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    500: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    502: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    503: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    504: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    reset: recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4
    close: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4
    close in the body: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered | recovered | recovered | recovered
    reset in the body: recovered / connection-reset x4 | recovered / connection-reset x4 | recovered | recovered | recovered | recovered
    stall: recovered / stalled x4 | recovered / stalled x4 | recovered | recovered / stalled x4 | recovered / stalled x4 | recovered
    wrong byte: recovered / believed | recovered / digest-mismatch x2 | recovered | recovered | recovered | recovered
    wrong digest header: recovered | recovered | recovered | recovered | protocol x1 | recovered
    no digest header: recovered | recovered | recovered | recovered | recovered | recovered
    wrong length: recovered / connection-closed x4 | recovered | recovered | recovered | recovered | recovered / connection-closed x4
    no length: recovered | recovered | recovered | recovered | recovered | recovered
    no Location: recovered | recovered | recovered | recovered | recovered | recovered
    relative Location: recovered | recovered | recovered | recovered | recovered | recovered
    Location elsewhere: recovered | recovered | recovered | recovered | recovered | recovered
    redirect: recovered | recovered | recovered | recovered | recovered | recovered
    range ignored: recovered | recovered | recovered | recovered | recovered | recovered
    tokens expire: recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered
    upload cut: recovered | recovered | recovered | recovered / connection-reset x4 | recovered | recovered
    no single upload: recovered | recovered | recovered | recovered | recovered | recovered
    read-only: recovered | recovered | rejected x1 | recovered / rejected x1 | rejected x1 | recovered
    go away: recovered | recovered | recovered | recovered | recovered | recovered
    no media type: recovered | recovered | recovered | recovered | recovered | recovered
    wrong media type: recovered | recovered | recovered | recovered | recovered | recovered
    until close: recovered | recovered | recovered | recovered | recovered | recovered
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions() {
    let operations = ["look up tag", "look up digest", "look up blob", "mount", "delete", "tags", "referrers"];
    let table = table(Way::Plain, operations, effects().into_iter().map(alone).collect()).await;
    insta::assert_snapshot!(table, @"
    look up tag | look up digest | look up blob | mount | delete | tags | referrers
    400: rejected x1 | rejected x1 | rejected x1 | declined | rejected x1 | rejected x1 | rejected x1
    401: recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / declined | unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1
    403: denied x1 | denied x1 | denied x1 | declined | denied x1 | denied x1 | denied x1
    404: not there | not there | not there | declined | not there | not-found x1 | not-found x1
    408: recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4
    413: too-large x1 | too-large x1 | too-large x1 | declined | too-large x1 | too-large x1 | too-large x1
    425: recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4 | recovered / try-again x4
    429: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    429 Retry-After: 0: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    429 Retry-After: a date: recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4 | recovered / too-many-requests x4
    500: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / declined | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    502: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / declined | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    503: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / declined | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    504: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / declined | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    reset: recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4
    close: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4
    close in the body: recovered | recovered | recovered | recovered | recovered | recovered / connection-closed x4 | recovered / connection-closed x4
    reset in the body: recovered | recovered | recovered | recovered | recovered | recovered / connection-reset x4 | recovered / connection-reset x4
    stall: recovered | recovered | recovered | recovered | recovered | recovered / stalled x4 | recovered / stalled x4
    wrong byte: recovered | recovered | recovered | recovered | recovered | believed | protocol x1
    wrong digest header: believed | recovered | recovered | recovered | recovered | recovered | recovered
    no digest header: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    wrong length: believed | believed | believed | recovered | recovered | recovered / connection-closed x4 | recovered / connection-closed x4
    no length: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    no Location: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    relative Location: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    Location elsewhere: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    redirect: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    range ignored: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    tokens expire: recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / declined | recovered / unauthorized x1 | recovered / unauthorized x1 | recovered / unauthorized x1
    upload cut: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    no single upload: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    read-only: recovered | recovered | recovered | declined | rejected x1 | recovered | recovered
    go away: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    no media type: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    wrong media type: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    until close: recovered | recovered | recovered | recovered | recovered | recovered | recovered
    ");
}

/// Conditions of connections that plain HTTP/1.1 does not have, or has otherwise.
fn endings() -> Vec<(&'static str, Vec<Effect>)> {
    let mut endings: Vec<_> = effects()
        .into_iter()
        .filter(|(name, _)| {
            ["503", "reset", "close", "close in the body", "reset in the body", "stall", "wrong length", "no length"]
                .contains(name)
                || ["upload cut", "go away", "redirect", "no single upload"].contains(name)
        })
        .map(alone)
        .collect();
    endings.push(("until close", vec![Effect::UntilClose]));
    endings.push(("until close, no close_notify", vec![Effect::UntilClose, Effect::NoCloseNotify]));
    endings.push(("cut, no close_notify", vec![Effect::UntilClose, Effect::NoCloseNotify, Effect::CloseAfter(100)]));
    endings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_over_tls() {
    let table = table(Way::Tls, TRANSFERS, endings()).await;
    insta::assert_snapshot!(table, @"
    pull manifest | pull blob | open upload | push blob | push manifest | token
    503: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    reset: recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4 | recovered / connection-reset x4
    close: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4 | recovered / connection-closed x4
    close in the body: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered | recovered | recovered | recovered
    reset in the body: recovered / connection-reset x4 | recovered / connection-reset x4 | recovered | recovered | recovered | recovered
    stall: recovered / stalled x4 | recovered / stalled x4 | recovered | recovered / stalled x4 | recovered / stalled x4 | recovered
    wrong length: recovered / connection-closed x4 | recovered | recovered | recovered | recovered | recovered / connection-closed x4
    no length: recovered | recovered | recovered | recovered | recovered | recovered
    redirect: recovered | recovered | recovered | recovered | recovered | recovered
    upload cut: recovered | recovered | recovered | recovered / connection-reset x4 | recovered | recovered
    no single upload: recovered | recovered | recovered | recovered | recovered | recovered
    go away: recovered | recovered | recovered | recovered | recovered | recovered
    until close: recovered | recovered | recovered | recovered | recovered | recovered
    until close, no close_notify: recovered | recovered | recovered | recovered | recovered | recovered
    cut, no close_notify: recovered / connection-closed x4 | recovered / connection-closed x4 | recovered | recovered | recovered | recovered
    ");
}

/// Where a fault ends the body of an answer, HTTP/2 resets its stream; where it ends the connection, all streams end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_over_http2() {
    let table = table(Way::Http2, TRANSFERS, endings()).await;
    // Whether the end of a stream or that of the connection is noticed first is a matter of moments.
    let table = table.replace("connection-reset", "connection-lost").replace("connection-closed", "connection-lost");
    insta::assert_snapshot!(table, @"
    pull manifest | pull blob | open upload | push blob | push manifest | token
    503: recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4 | recovered / server-error x4
    reset: recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4
    close: recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4 | recovered / connection-lost x4
    close in the body: recovered / connection-lost x4 | recovered / connection-lost x4 | recovered | recovered | recovered | recovered
    reset in the body: recovered / connection-lost x4 | recovered / connection-lost x4 | recovered | recovered | recovered | recovered
    stall: recovered / stalled x4 | recovered / stalled x4 | recovered | recovered / stalled x4 | recovered / stalled x4 | recovered
    wrong length: recovered / connection-lost x4 | recovered | recovered | recovered | recovered | recovered / connection-lost x4
    no length: recovered | recovered | recovered | recovered | recovered | recovered
    redirect: recovered | recovered | recovered | recovered | recovered | recovered
    upload cut: recovered | recovered | recovered | recovered / connection-lost x4 | recovered | recovered
    no single upload: recovered | recovered | recovered | recovered | recovered | recovered
    go away: recovered | recovered | recovered | recovered | recovered | recovered
    until close: recovered | recovered | recovered | recovered | recovered | recovered
    until close, no close_notify: recovered | recovered | recovered | recovered | recovered | recovered
    cut, no close_notify: recovered / connection-lost x4 | recovered / connection-lost x4 | recovered | recovered | recovered | recovered
    ");
}
