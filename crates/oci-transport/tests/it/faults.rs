//! The fault matrix: each fault, once and for good, on each kind of request.
//!
//! Every cell says `recovered`, or the condition and the number of attempts; whatever the outcome, nothing is left behind:
//! no half content at the destination, no open upload, no byte in the sink that is not of the blob.

use std::time::Duration;

use futures_util::StreamExt as _;
use oci_transport::{Client, Error, Manifest, Reference, Side};
use test_support::{Auth, Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, TokenAuth, When};

use crate::support::{content, descriptor, endpoint, image, random, user, with_credentials};

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
    ]
}

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

/// One request kind and what is done to provoke it.
async fn run(operation: &str, client: &Client, registry: &Registry) -> Result<(), Error> {
    let blob = random(9, 300_000);
    match operation {
        "pull manifest" | "token" => {
            let pulled = client.pull_manifest(&image(registry, "ns/app:v1")).await?;
            assert_eq!(pulled.manifest.bytes, made().bytes);
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
            let manifest = Manifest::new(made().bytes, made().media_type);
            client.push_manifest(&at, &Reference::Tag("v2".into()), &manifest).await?;
            assert_eq!(registry.manifest("ns/app", "v2").map(|stored| stored.bytes), Some(made().bytes));
        }
        other => unreachable!("{other}"),
    }
    Ok(())
}

fn when(operation: &str) -> When {
    match operation {
        "token" => When::kind(Kind::Token),
        "pull manifest" => When::kind(Kind::Manifest).method("GET"),
        "pull blob" => When::kind(Kind::Blob).method("GET"),
        "open upload" => When::kind(Kind::Upload).method("POST"),
        "push blob" => When::path("/blobs/uploads/").method("PUT"),
        "push manifest" => When::kind(Kind::Manifest).method("PUT"),
        other => unreachable!("{other}"),
    }
}

async fn cell(operation: &str, effect: &Effect, times: u64) -> String {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
    registry.push("ns/app", "v1", &made());
    registry.put_blob("ns/app", random(9, 300_000).bytes);
    let client = with_credentials(Side::Destination, user());
    // First contact is made before anything goes wrong.
    client.head_blob(&endpoint(&client, &registry, "ns/warm"), &made().digest).await.unwrap();
    let fault = registry.fault(Fault::new(when(operation).times(times), effect.clone()));
    let result = run(operation, &client, &registry).await;
    let hits = fault.hits();
    fault.stop();
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
        Ok(()) if hits == 0 => "-".to_owned(),
        Ok(()) => "recovered".to_owned(),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(registry.host()), "the registry is named: {text}");
            assert!(!text.contains("s3cret") && !text.contains("test-token"), "no secret: {text}");
            format!("{} x{}", error.condition(), error.attempts())
        }
    };
    outcome + &leftovers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn matrix() {
    let operations = ["pull manifest", "pull blob", "open upload", "push blob", "push manifest", "token"];
    let rows = effects().into_iter().map(|(name, effect)| async move {
        let cells = operations.map(|operation| {
            let effect = effect.clone();
            async move {
                let (once, always) = tokio::join!(cell(operation, &effect, 1), cell(operation, &effect, u64::MAX));
                if once == always { once } else { format!("{once} / {always}") }
            }
        });
        let cells = futures_util::future::join_all(cells).await;
        format!("{name}: {}", cells.join(" | "))
    });
    let mut table = vec![operations.join(" | ")];
    table.extend(futures_util::stream::iter(rows).buffered(4).collect::<Vec<_>>().await);
    insta::assert_snapshot!(table.join("\n"), @"
    pull manifest | pull blob | open upload | push blob | push manifest | token
    400: rejected x1 | rejected x1 | rejected x1 | rejected x1 | rejected x1 | unauthorized x1
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
    wrong byte: recovered / digest-mismatch x2 | recovered / digest-mismatch x2 | recovered | recovered | recovered | recovered
    wrong digest header: recovered / digest-mismatch x2 | recovered | recovered | recovered | protocol x1 | recovered
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
    ");
}
