//! The message of every condition, as a user reads it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use image_ref::{ImageRef, Repository};
use oci_transport::{BlobSource, Client, Condition, Error, ImageSource, ProxySettings};
use test_support::{Auth, Effect, Fault, Image, ImageBuilder, Kind, Layer, Nowhere, Registry, TestCa, When};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{client, conf, content, descriptor, endpoint, random};

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

fn verifying() -> Client {
    client(|options| options.tls_verify = true)
}

/// Pulls a manifest from a place that has none to give.
async fn pull(client: &Client, host: &str) -> Error {
    let reference = ImageRef::parse(&format!("{host}/ns/app:v1")).unwrap();
    client.pull_manifest(&reference).await.unwrap_err()
}

/// Pulls a manifest from a registry with this fault.
async fn pull_with(effect: Effect) -> (Error, String) {
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &made());
    registry.fault(Fault::new(When::kind(Kind::Manifest), effect));
    (pull(&client(|_| {}), registry.host()).await, registry.host().to_owned())
}

/// A place whose queue of connections is full, so that nobody else gets in, and who holds it so.
async fn full() -> (TcpListener, Vec<TcpStream>, tokio::task::JoinHandle<()>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // A queue of one holds two.
    let inside = vec![TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let outside = tokio::spawn(async move { drop(TcpStream::connect(address).await) });
    (listener, inside, outside)
}

/// A server that breaks off every TLS handshake with the alert of this number.
async fn alerting(alert: u8) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 5];
            if stream.read_exact(&mut hello).await.is_ok() && hello[0] == 22 {
                let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
                let mut rest = vec![0; length];
                // What is left unread when a socket is closed makes a reset of the end.
                let _ = stream.read_exact(&mut rest).await;
                let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
                let _ = stream.read(&mut rest).await;
            }
        }
    });
    (host, task)
}

/// A blob on a disk that breaks.
struct Broken;

impl BlobSource for Broken {
    fn size(&self) -> u64 {
        10
    }

    fn open(&self, _: u64) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::other("the disk is broken"))
    }
}

/// Errors of connections, which no registry has to do with.
async fn of_connections() -> Vec<(Error, String)> {
    let nowhere = Nowhere::hold();
    let mut errors = vec![(pull(&client(|_| {}), nowhere.host()).await, nowhere.host().to_owned())];

    let full = full().await;
    let host = full.0.local_addr().unwrap().to_string();
    let hasty = client(|options| {
        options.tls_verify = true;
        options.connect_timeout = Duration::from_millis(100);
    });
    errors.push((pull(&hasty, &host).await, host));
    full.2.abort();

    errors.push((pull(&verifying(), "registry.invalid").await, "none".to_owned()));
    // No connection is ever made to an address of many.
    errors.push((pull(&verifying(), "224.0.0.1:5000").await, "none".to_owned()));
    let proxied = client(|options| {
        options.tls_verify = true;
        let https = Some(format!("http://user:s3cret@{nowhere}"));
        options.proxies = ProxySettings { https, ..ProxySettings::default() };
    });
    errors.push((pull(&proxied, "registry.invalid").await, nowhere.host().to_owned()));

    // handshake_failure
    let (alerting, task) = alerting(40).await;
    errors.push((pull(&verifying(), &alerting).await, alerting));
    task.abort();
    let (plain, tls) = (Registry::start_blocking(), Registry::builder().tls(&TestCa::new()).start_blocking());
    errors.push((pull(&verifying(), tls.host()).await, tls.host().to_owned()));
    errors.push((pull(&verifying(), plain.host()).await, plain.host().to_owned()));

    for effect in
        [Effect::ResetConnection, Effect::CloseConnection, Effect::Stall { after: 10, pause: Duration::from_secs(9) }]
    {
        errors.push(pull_with(effect).await);
    }
    errors
}

/// Servers say either to a client that shows no certificate; other alerts have another cause.
#[tokio::test]
async fn an_alert_about_the_client_certificate_says_where_to_put_one() {
    // bad_certificate, certificate_required, handshake_failure
    for (alert, is_about_it) in [(42, true), (116, true), (40, false)] {
        let (host, task) = alerting(alert).await;
        let text = pull(&verifying(), &host).await.to_string();
        task.abort();
        let hint = format!("put `client.cert` and `client.key` into `certs.d/{host}`");
        assert_eq!(text.contains(&hint), is_about_it, "{alert}: {text}");
    }
}

/// Errors that a registry answers with, or that its answer is.
async fn of_answers() -> Vec<(Error, String)> {
    let mut errors = Vec::new();
    for code in [408, 429, 413, 400, 503, 404, 403] {
        errors.push(pull_with(Effect::status(code)).await);
    }
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &made());
    registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::WrongBytes(50)));
    let pinned = ImageRef::parse(&format!("{}/ns/app@{}", registry.host(), made().digest)).unwrap();
    errors.push((client(|_| {}).pull_manifest(&pinned).await.unwrap_err(), registry.host().to_owned()));

    // A byte now and then is no stall.
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &made());
    registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::Slow(20)));
    let hasty = client(|options| options.document_timeout = Duration::from_millis(300));
    errors.push((pull(&hasty, registry.host()).await, registry.host().to_owned()));
    errors.push(pull_with(Effect::Redirect("file:///etc/passwd".to_owned())).await);

    let secured = Registry::builder().auth(Auth::basic("user", "s3cret")).start_blocking();
    errors.push((pull(&client(|_| {}), secured.host()).await, secured.host().to_owned()));

    let registry = Registry::start_blocking();
    let client = client(|_| {});
    let (at, blob) = (endpoint(&client, &registry, "ns/app"), random(1, 1000));
    let lists = registry.fault(Fault::new(
        When::kind(Kind::Tags),
        Effect::Status { code: 200, headers: Vec::new(), body: Some("<html>".to_owned()) },
    ));
    errors.push((client.list_tags(&at).await.unwrap_err(), registry.host().to_owned()));
    lists.stop();
    registry.fault(Fault::new(When::kind(Kind::Upload).method("PUT"), Effect::status(404)));
    let lost = client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await;
    errors.push((lost.unwrap_err(), registry.host().to_owned()));
    errors
}

/// Errors before a registry is asked.
async fn of_this_side() -> Vec<(Error, String)> {
    let blocking = client(|options| options.registries = conf("[[registry]]\nlocation = \"no.io\"\nblocked = true\n"));
    let mut errors = vec![(pull(&blocking, "no.io").await, "none".to_owned())];

    let registry = Registry::start_blocking();
    let (client, blob) = (client(|_| {}), random(1, 10));
    let at = client.endpoint(&Repository::new(registry.host(), "ns/app").unwrap());
    let broken = client.push_blob(&at, &descriptor(&blob), Arc::new(Broken), &|_| {}).await;
    errors.push((broken.unwrap_err(), registry.host().to_owned()));
    errors.push((client.get_file("no address", 1).await.unwrap_err(), "none".to_owned()));

    let archive = ImageRef::parse("docker-archive:///x.tar").unwrap();
    errors.push((ImageSource::open(&client, &archive).await.unwrap_err(), "none".to_owned()));
    errors
}

#[tokio::test]
async fn of_every_condition() {
    let (mut errors, answers, own) = tokio::join!(of_connections(), of_answers(), of_this_side());
    errors.extend(answers);
    errors.extend(own);
    let mut lines = BTreeMap::new();
    for (error, host) in errors {
        let text = error.to_string().replace(&host, "HOST");
        assert!(!text.contains("s3cret"), "{text}");
        // A name that does not exist is not asked for again.
        if error.condition() != Condition::Dns {
            assert_eq!(error.is_retryable(), text.contains(" attempts)"), "{text}");
        }
        assert!(lines.insert(error.condition(), text).is_none(), "two errors of {}", error.condition());
    }
    let missing: Vec<_> = Condition::ALL.iter().filter(|condition| !lines.contains_key(condition)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let lines: Vec<_> = lines.into_iter().map(|(condition, text)| format!("{condition}: {text}")).collect();
    let told = without_digests(&lines.join("\n"))
        // Two clocks watch a connection being made, and either may strike first.
        .replace("deadline has elapsed", "operation timed out")
        // What a machine without a name server says instead.
        .replace("Temporary failure in name resolution (after 4 attempts)", "Name or service not known");
    insta::assert_snapshot!(told, @"
    connection-refused: pulling manifest `HOST/ns/app:v1`: cannot connect to `https://HOST`: connection refused (os error 111) (after 4 attempts); check that a server listens there, and that no firewall refuses the connection
    connection-reset: pulling manifest `HOST/ns/app:v1`: `http://HOST`: connection reset by peer (os error 104) (after 4 attempts)
    connection-closed: pulling manifest `HOST/ns/app:v1`: `http://HOST`: connection closed before message completed (after 4 attempts)
    stalled: pulling manifest `HOST/ns/app:v1`: `http://HOST`: stalled: no byte moved for 1.5 s (after 4 attempts)
    too-slow: pulling manifest `HOST/ns/app:v1`: `http://HOST`: the manifest did not arrive within 0.3 s
    timeout: pulling manifest `HOST/ns/app:v1`: cannot connect to `https://HOST`: operation timed out (after 4 attempts); check the route and the firewall; if only a proxy can reach the host, set HTTPS_PROXY
    dns: pulling manifest `registry.invalid/ns/app:v1`: cannot connect to `https://registry.invalid:443`: failed to lookup address information: Name or service not known; check the name and this machine's DNS; if only a proxy can reach the host, set HTTPS_PROXY
    unreachable: pulling manifest `224.0.0.1:5000/ns/app:v1`: cannot connect to `https://224.0.0.1:5000`: network is unreachable (os error 101) (after 4 attempts); check the route and the firewall; if only a proxy can reach the host, set HTTPS_PROXY
    proxy: pulling manifest `registry.invalid/ns/app:v1`: proxyconnect: connection refused (os error 111) (proxy `http://HOST` of HTTPS_PROXY, on the way to `https://registry.invalid:443`); check the proxy of HTTPS_PROXY, or name the host in NO_PROXY if no proxy leads there
    tls: pulling manifest `HOST/ns/app:v1`: cannot connect to `https://HOST`: received fatal alert: HandshakeFailure
    untrusted-certificate: pulling manifest `HOST/ns/app:v1`: x509: the certificate of `https://HOST` is signed by an authority that is not trusted; put the certificate authority into `certs.d/HOST/ca.crt`, or use `--src-tls-verify=false`
    plain-http: pulling manifest `HOST/ns/app:v1`: `https://HOST`: http: server gave HTTP response to HTTPS client; the server answers in plain HTTP, use `--src-tls-verify=false` to allow that
    unauthorized: pulling manifest `HOST/ns/app:v1`: 401 Unauthorized: authentication required [UNAUTHORIZED]; no credentials were found for `HOST/ns` or `HOST`, and there is no auth file: run `podman login HOST`
    denied: pulling manifest `HOST/ns/app:v1`: 403 Forbidden: requested access to the resource is denied [DENIED]; no credentials were found for `HOST/ns` or `HOST`, and there is no auth file: run `podman login HOST`
    not-found: pulling manifest `HOST/ns/app:v1`: 404 Not Found: repository name not known to registry [NAME_UNKNOWN]
    try-again: pulling manifest `HOST/ns/app:v1`: 408 Request Timeout: request timeout [TIMEOUT] (after 4 attempts)
    too-many-requests: pulling manifest `HOST/ns/app:v1`: 429 Too Many Requests: too many requests [TOOMANYREQUESTS] (after 4 attempts); the registry limits requests, lower `--parallel-images` or log in
    too-large: pulling manifest `HOST/ns/app:v1`: 413 Payload Too Large: the body is too large [SIZE_INVALID]
    rejected: pulling manifest `HOST/ns/app:v1`: 400 Bad Request: unknown error [UNKNOWN]
    server-error: pulling manifest `HOST/ns/app:v1`: 503 Service Unavailable: service unavailable [UNAVAILABLE] (after 4 attempts)
    upload-lost: pushing blob `DIGEST` to `HOST/ns/app`: 404 Not Found: repository name not known to registry [NAME_UNKNOWN] (after 4 attempts)
    digest-mismatch: pulling manifest `HOST/ns/app@DIGEST`: digest mismatch: the registry sent a manifest with digest `DIGEST`, expected `DIGEST` (after 2 attempts)
    protocol: listing tags of `HOST/ns/app`: the list cannot be read: expected value at line 1 column 1
    redirect: pulling manifest `HOST/ns/app:v1`: refused a redirect to `file`, which is no HTTP address
    blocked: finding pull sources: no.io/ns/app:v1: registry no.io is blocked in registries.conf:1:1
    configuration: getting `no address`: relative URL without a base
    local: pushing blob `DIGEST` to `HOST/ns/app`: the disk is broken
    unsupported: reading `docker-archive:///x.tar`: transport `docker-archive`: it is read with the program `skopeo`, which is not on PATH; install it, or on another machine copy the image into an OCI layout with it and use `oci://DIR`
    ");
}

/// The text with `DIGEST` in the place of each digest.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        steady.push_str("DIGEST");
        steady.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    steady
}
