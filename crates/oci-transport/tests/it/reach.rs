//! How a registry is reached: mirrors, TLS, plain HTTP, proxies, redirects.

use std::sync::Arc;

use image_ref::ImageRef;
use oci_transport::{Client, ClientOptions, Condition, ProxySettings, Side};
use test_support::{Auth, Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, TestCa, TokenAuth, When};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{
    client, conf, content, descriptor, endpoint, image, mirrored, options, random, source, user, with_credentials,
};

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

#[tokio::test]
async fn mirrors_in_order_then_the_primary() {
    let (one, two, primary) = (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
    let text = format!(
        "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}/m\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
        primary.host(),
        one.host(),
        two.host()
    );
    let client = client(|options| options.registries = conf(&text));
    primary.push("ns/app", "v1", &made());
    let reference = image(&primary, "ns/app:v1");
    let pulled = client.pull_manifest(&reference).await.unwrap();
    assert_eq!(pulled.endpoint.to_string(), format!("{}/ns/app", primary.host()));
    assert!(!pulled.endpoint.is_mirror());

    two.push("ns/app", "v1", &made());
    let pulled = client.pull_manifest(&reference).await.unwrap();
    assert_eq!(pulled.endpoint.to_string(), format!("{}/ns/app", two.host()), "a tag always asks in order");
    assert_eq!(pulled.endpoint.logical().to_string(), format!("{}/ns/app", primary.host()));

    one.push("m/ns/app", "v1", &made());
    one.clear_requests();
    let by_digest = image(&primary, &format!("ns/app@{}", made().digest));
    client.pull_manifest(&by_digest).await.unwrap();
    assert_eq!(one.request_count(), 0, "a digest asks first where the repository was found last");

    let none = image(&primary, "ns/none:v1");
    let error = client.pull_manifest(&none).await.unwrap_err();
    assert!(error.is_not_found());
    let text =
        error.to_string().replace(one.host(), "ONE").replace(two.host(), "TWO").replace(primary.host(), "PRIMARY");
    insta::assert_snapshot!(text, @"
    pulling manifest `PRIMARY/ns/none:v1`: (Mirrors also failed: [ONE/m/ns/none:v1: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]]
    [TWO/ns/none:v1: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]]): PRIMARY/ns/none:v1: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]
    ");
}

#[tokio::test]
async fn blocked_and_unsupported() {
    let client = client(|options| options.registries = conf("[[registry]]\nlocation = \"no.io\"\nblocked = true\n"));
    let mut texts = Vec::new();
    for reference in ["no.io/ns/app:v1", "docker-archive:///tmp/x.tar", "BAD.io/NS/app:v1"] {
        let reference = ImageRef::parse(reference).unwrap();
        texts.push(client.pull_manifest(&reference).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    finding pull sources: no.io/ns/app:v1: registry no.io is blocked in registries.conf:1:1
    pulling manifest `docker-archive:///tmp/x.tar`: `docker-archive://` is not read from a registry
    finding pull sources: BAD.io/NS/app:v1: invalid repository path `NS/app`: expected lower-case components separated by `/`, like `openshift/cli`
    ");
}

#[tokio::test]
async fn a_blocked_primary_with_mirrors_that_fail() {
    let mirror = Registry::start_blocking();
    let text = format!(
        "[[registry]]\nlocation = \"no.io\"\nblocked = true\n[[registry.mirror]]\nlocation = \"{}\"\n",
        mirror.host()
    );
    let client = client(|options| options.registries = conf(&text));
    mirror.push("ns/app", "v1", &made());
    client.pull_manifest(&ImageRef::parse("no.io/ns/app:v1").unwrap()).await.unwrap();
    let error = client.pull_manifest(&ImageRef::parse("no.io/ns/app:v2").unwrap()).await.unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(mirror.host(), "MIRROR"), @"pulling manifest `no.io/ns/app:v2`: (Mirrors also failed: [MIRROR/ns/app:v2: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]]): registry no.io is blocked in registries.conf:1:1");
}

#[tokio::test]
async fn tls_profiles() {
    let ca = TestCa::new();
    let plain = Registry::start_blocking();
    let tls = Registry::builder().tls(&ca).start_blocking();
    let mutual = Registry::builder().tls_with_client_certificate(&ca).start_blocking();
    for registry in [&plain, &tls, &mutual] {
        registry.push("ns/app", "v1", &made());
    }
    let certs = tempfile::tempdir().unwrap();
    ca.write_certs_d(certs.path(), tls.host(), false).unwrap();
    ca.write_certs_d(certs.path(), mutual.host(), true).unwrap();
    let strict = client(|options| options.tls_verify = true);
    let trusting = client(|options| {
        options.tls_verify = true;
        options.cert_dirs = vec![certs.path().join("absent"), certs.path().to_owned()];
    });
    let lax = source();

    trusting.pull_manifest(&image(&tls, "ns/app:v1")).await.unwrap();
    trusting.pull_manifest(&image(&mutual, "ns/app:v1")).await.unwrap();
    lax.pull_manifest(&image(&tls, "ns/app:v1")).await.unwrap();
    lax.pull_manifest(&image(&plain, "ns/app:v1")).await.unwrap();
    let versions: Vec<_> =
        tls.requests_matching(&When::kind(Kind::Manifest)).iter().map(|r| format!("{:?}", r.version)).collect();
    assert_eq!(versions, ["HTTP/2.0", "HTTP/2.0"]);

    let mut texts = Vec::new();
    for (client, registry) in [(&strict, &tls), (&strict, &plain), (&lax, &mutual)] {
        let wanted = image(registry, "ns/app:v1");
        let mut error = client.pull_manifest(&wanted).await.unwrap_err();
        // A server that ends the handshake may close before its alert is read, and then it is asked again, here too.
        for _ in 0..20 {
            if !matches!(error.condition(), Condition::Eof | Condition::Reset) {
                break;
            }
            error = client.pull_manifest(&wanted).await.unwrap_err();
        }
        let text = error.to_string().replace(&format!(" (after {} attempts)", error.attempts()), "");
        texts.push(format!("{}: {}", error.condition(), text.replace(registry.host(), "HOST")));
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    untrusted-certificate: pulling manifest `HOST/ns/app:v1`: x509: the certificate of `https://HOST` is signed by an authority that is not trusted; put the certificate authority into `certs.d/HOST/ca.crt`, or use `--src-tls-verify=false`
    plain-http: pulling manifest `HOST/ns/app:v1`: `https://HOST`: http: server gave HTTP response to HTTPS client; the server answers in plain HTTP, use `--src-tls-verify=false` to allow that
    tls: pulling manifest `HOST/ns/app:v1`: `https://HOST`: received fatal alert: CertificateRequired; the server wants a client certificate, put `client.cert` and `client.key` into `certs.d/HOST`
    ");

    let one_folder = client(|options| {
        options.tls_verify = true;
        options.cert_dir = Some(certs.path().join(tls.host()));
    });
    one_folder.pull_manifest(&image(&tls, "ns/app:v1")).await.unwrap();
    std::fs::remove_file(certs.path().join(mutual.host()).join("client.key")).unwrap();
    let broken =
        Client::new(ClientOptions { cert_dir: Some(certs.path().join(mutual.host())), ..options(Side::Source) });
    let text = broken.unwrap_err().to_string();
    assert!(text.contains("missing key `client.key` for client certificate `client.cert`"), "{text}");
}

/// The first folder that there is counts, alone, and its name is that of the registry with its port.
#[tokio::test]
async fn one_folder_of_certificates() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls(&ca).start_blocking();
    registry.push("ns/app", "v1", &made());
    let roots = tempfile::tempdir().unwrap();
    let check = async |folders: &[&str], trusted: bool| {
        let client = client(|options| {
            options.tls_verify = true;
            options.cert_dirs = folders.iter().map(|folder| roots.path().join(folder)).collect();
        });
        let found = client.pull_manifest(&image(&registry, "ns/app:v1")).await;
        let condition = found.map(drop).map_err(|error| error.condition());
        assert_eq!(condition, if trusted { Ok(()) } else { Err(Condition::Certificate) }, "{folders:?}");
    };
    ca.write_certs_d(&roots.path().join("right"), registry.host(), false).unwrap();
    ca.write_certs_d(&roots.path().join("portless"), "127.0.0.1", false).unwrap();
    std::fs::create_dir_all(roots.path().join("empty").join(registry.host())).unwrap();
    check(&["right"], true).await;
    check(&["absent", "portless", "right", "empty"], true).await;
    check(&["empty", "right"], false).await;
    check(&["portless"], false).await;
}

/// `insecure = true` counts for what registries.conf says it of, a part of a registry too, unless a person chose for the
/// whole side.
#[tokio::test]
async fn insecure_of_registries_conf_counts_unless_somebody_chose() {
    let (plain, tls) = (Registry::start_blocking(), Registry::builder().tls(&TestCa::new()).start_blocking());
    for registry in [&plain, &tls] {
        registry.push("ns/app", "v1", &made());
        registry.push("other/app", "v1", &made());
    }
    let table = |name: &str| format!("[[registry]]\nlocation = \"{name}\"\ninsecure = true\n");
    let verifying = |side: Side, text: &str, chosen: bool| {
        let options =
            ClientOptions { tls_verify: true, insecure_registries: !chosen, registries: conf(text), ..options(side) };
        Client::new(options).unwrap()
    };
    for (registry, fault) in [(&plain, Condition::PlainHttp), (&tls, Condition::Certificate)] {
        let host = registry.host();
        let (whole, part) = (table(host), table(&format!("{host}/ns")));
        for side in [Side::Source, Side::Destination] {
            for (text, chosen, name, is_reached) in [
                (&whole, false, "ns/app", true),
                (&whole, false, "other/app", true),
                (&whole, true, "ns/app", false),
                (&part, false, "ns/app", true),
                (&part, false, "other/app", false),
                (&part, true, "ns/app", false),
                (&String::new(), false, "ns/app", false),
            ] {
                let client = verifying(side, text, chosen);
                let at = endpoint(&client, registry, name);
                let blob = random(1, 10);
                let done = match side {
                    Side::Source => client.pull_manifest(&image(registry, &format!("{name}:v1"))).await.map(drop),
                    Side::Destination => client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await,
                };
                let row = format!("{side:?} {text} {chosen} {name}");
                assert_eq!(done.is_ok(), is_reached, "{row}: {done:?}");
                if let Err(error) = done {
                    assert_eq!(error.condition(), fault, "{row}: {error}");
                }
                let ping = client.ping(&format!("{host}/{name}")).await;
                assert_eq!(ping.is_ok(), is_reached, "{row}: {ping:?}");
                assert_eq!(client.list_tags(&at).await.is_ok(), is_reached, "{row}");
            }
        }
    }
    // A mirror has its own word, and what is true of the mirror is not true of its registry.
    let mirror = |insecure: &str| mirrored(tls.host(), plain.host()) + insecure;
    let reference = image(&tls, "ns/app:v1");
    let found = verifying(Side::Source, &mirror("insecure = true\n"), false).pull_manifest(&reference).await;
    assert!(found.unwrap().endpoint.is_mirror());
    let error = verifying(Side::Source, &mirror(""), false).pull_manifest(&reference).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Certificate, "{error}");
    assert!(error.to_string().contains("server gave HTTP response to HTTPS client"), "{error}");
}

/// Credentials that were given, not found, belong to the registry that was asked for.
#[tokio::test]
async fn given_credentials_go_to_no_mirror() {
    let secured = || Registry::builder().auth(Auth::basic("user", "s3cret")).start_blocking();
    let (mirror, primary) = (secured(), secured());
    for registry in [&mirror, &primary] {
        registry.push("ns/app", "v1", &made());
    }
    let client = client(|options| {
        options.registries = conf(&mirrored(primary.host(), mirror.host()));
        let credentials = oci_transport::Credentials::basic("user", "s3cret");
        options.credentials = Arc::new(oci_transport::Fixed { registry: None, credentials });
    });
    let pulled = client.pull_manifest(&image(&primary, "ns/app:v1")).await.unwrap();
    assert!(!pulled.endpoint.is_mirror());
    let asked = mirror.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.header("authorization").is_none()), "{asked:?}");
    assert!(primary.requests().iter().all(|request| request.header("user-agent") == Some("oc-mirror")));
}

#[tokio::test]
async fn credentials_stay_home() {
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::user("user", "s3cret"))).start_blocking();
    let blob = random(1, 10_000);
    registry.put_blob("ns/app", blob.bytes.clone());
    registry.fault(Fault::new(When::kind(Kind::Blob), Effect::RedirectToCdn));
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::LocationOnCdn));
    let client = with_credentials(Side::Destination, user());
    let at = endpoint(&client, &registry, "ns/app");
    let mut sink = Vec::new();
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    let other = random(2, 10_000);
    client.push_blob(&at, &descriptor(&other), content(&other), &|_| {}).await.unwrap();
    let elsewhere: Vec<_> = registry.requests().into_iter().filter(|request| request.on_cdn).collect();
    assert!(elsewhere.len() >= 2, "both directions went elsewhere");
    assert!(elsewhere.iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn no_way_from_https_to_http() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls(&ca).start_blocking();
    let open = Registry::start_blocking();
    let blob = random(1, 1000);
    registry.put_blob("ns/app", blob.bytes.clone());
    open.put_blob("ns/app", blob.bytes.clone());
    let target = format!("{}/v2/ns/app/blobs/{}?signature=s3cret", open.url(), blob.digest);
    registry.fault(Fault::new(When::kind(Kind::Blob), Effect::Redirect(target)));
    let certs = tempfile::tempdir().unwrap();
    ca.write_certs_d(certs.path(), registry.host(), false).unwrap();
    let strict = client(|options| {
        options.tls_verify = true;
        options.cert_dirs = vec![certs.path().to_owned()];
    });
    let at = endpoint(&strict, &registry, "ns/app");
    let error = strict.pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Redirect);
    assert!(!error.to_string().contains("s3cret"), "{error}");
    assert!(error.to_string().contains("refused a redirect to plain HTTP at `http://"), "{error}");
    assert_eq!(open.request_count(), 0);
    source().pull_blob(&at, &descriptor(&blob), &mut Vec::new(), &|_| {}).await.unwrap();
}

#[tokio::test]
async fn proxies() {
    let settings = |no_proxy: &str| ProxySettings {
        http: Some("http://user:s3cret@127.0.0.1:9".to_owned()),
        https: Some("127.0.0.1:9".to_owned()),
        no_proxy: Some(no_proxy.to_owned()),
    };
    let proxied = |no_proxy: &str, url: &str| settings(no_proxy).proxy_for(&url.parse().unwrap()).is_some();
    for (no_proxy, url, expected) in [
        ("", "https://quay.io/v2/", true),
        ("", "http://quay.io/v2/", true),
        ("", "http://localhost:5000/", false),
        ("", "http://127.0.0.1:5000/", false),
        ("", "https://127.8.9.1/", false),
        ("", "https://[::1]:443/", false),
        ("quay.io", "https://quay.io/", false),
        ("quay.io", "https://cdn.quay.io/", false),
        ("quay.io", "https://notquay.io/", true),
        (".quay.io", "https://quay.io/", true),
        (".quay.io", "https://cdn.quay.io/", false),
        ("*.quay.io", "https://cdn.quay.io/", false),
        ("*", "https://quay.io/", false),
        ("a.io, quay.io", "https://QUAY.io/", false),
        ("quay.io:8443", "https://quay.io/", true),
        ("quay.io:8443", "https://quay.io:8443/", false),
        ("10.0.0.0/8", "https://10.1.2.3/", false),
        ("10.0.0.0/8", "https://11.1.2.3/", true),
        ("0.0.0.0/0", "https://11.1.2.3/", false),
        ("fd00::/8", "https://[fd01::1]/", false),
        ("10.1.2.3", "https://10.1.2.3/", false),
        ("10.1.2.3", "https://10.1.2.30/", true),
    ] {
        assert_eq!(proxied(no_proxy, url), expected, "{url} with NO_PROXY={no_proxy}");
    }
    assert!(!format!("{:?}", settings("")).contains("s3cret"));

    // A dead proxy, and an address that no one can resolve without it.
    let client = client(|options| {
        options.proxies = settings("");
        options.tls_verify = true;
    });
    let error = client.pull_manifest(&ImageRef::parse("registry.invalid/ns/app:1").unwrap()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("connection refused"), "{text}");
    // Loopback is never proxied.
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &made());
    let client = self::client(|options| options.proxies = settings(""));
    client.pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
}

/// A proxy that wants to know who asks, and refuses all the same: what it was told, in order.
async fn told_to_a_proxy(scheme: &str) -> Vec<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("{scheme}user:s3cret%21@{}", listener.local_addr().unwrap());
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let proxy = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = tokio::io::BufReader::new(stream);
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                if tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut line).await.unwrap_or(0) <= 2 {
                    break;
                }
                lines.push(line.trim_end().to_owned());
            }
            let who = lines.iter().find(|line| line.to_ascii_lowercase().starts_with("proxy-authorization: "));
            let who = who.map_or("nobody", |line| &line["proxy-authorization: ".len()..]);
            log.lock().unwrap().push(format!("{} by {who}", lines.first().cloned().unwrap_or_default()));
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, refusal).await;
        }
    });
    let client = client(|options| {
        options.proxies = ProxySettings { http: Some(address.clone()), https: Some(address), no_proxy: None };
        options.retry = oci_transport::RetryPolicy::NEVER;
    });
    let error = client.pull_manifest(&ImageRef::parse("registry.invalid/ns/app:1").unwrap()).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Proxy, "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    proxy.abort();
    told.lock().unwrap().clone()
}

/// Name and password of a proxy's address are for the proxy, whether it opens a tunnel or passes requests on.
#[tokio::test]
async fn proxies_that_want_a_password() {
    for scheme in ["http://", ""] {
        let who = "Basic dXNlcjpzM2NyZXQh";
        let expected = [
            format!("CONNECT registry.invalid:443 HTTP/1.1 by {who}"),
            format!("GET http://registry.invalid/v2/ HTTP/1.1 by {who}"),
        ];
        assert_eq!(told_to_a_proxy(scheme).await, expected);
    }
}

/// A proxy whose address says HTTPS and which speaks HTTP: the answer names the proxy, not the registry.
#[tokio::test]
async fn a_proxy_that_does_not_speak_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let proxy = tokio::spawn(async move {
        while let Ok((mut visitor, _)) = listener.accept().await {
            let _ = visitor.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
            let _ = visitor.read_to_end(&mut Vec::new()).await;
        }
    });
    let client = client(|options| {
        options.tls_verify = true;
        let https = Some(format!("https://user:s3cret@{address}"));
        options.proxies = ProxySettings { https, ..ProxySettings::default() };
    });
    let error = client.pull_manifest(&ImageRef::parse("registry.invalid/ns/app:1").unwrap()).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Proxy, "{error}");
    insta::assert_snapshot!(error.to_string().replace(&address, "PROXY"), @"pulling manifest `registry.invalid/ns/app:1`: proxyconnect: proxy `https://PROXY` of HTTPS_PROXY answers in plain HTTP, on the way to `https://registry.invalid:443`; if it speaks plain HTTP, write `http://` in HTTPS_PROXY; check the proxy of HTTPS_PROXY, or name the host in NO_PROXY if no proxy leads there");
    proxy.abort();
}

/// Such as `ssh -D` opens: the proxy finds the address, as a name may mean nothing on this side.
#[tokio::test]
async fn socks_proxies() {
    let registry = Registry::builder().tls(&TestCa::new()).start_blocking();
    registry.push("ns/app", "v1", &made());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (place, told) = (registry.host().to_owned(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let log = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((mut visitor, _)) = listener.accept().await {
            let (place, log) = (place.clone(), Arc::clone(&log));
            // RFC 1928: a greeting with methods, then the name and the port to connect to.
            let lead = async move {
                let mut head = [0; 2];
                visitor.read_exact(&mut head).await?;
                let mut methods = vec![0; usize::from(head[1])];
                visitor.read_exact(&mut methods).await?;
                visitor.write_all(&[5, 0]).await?;
                let mut request = [0; 5];
                visitor.read_exact(&mut request).await?;
                assert_eq!(request[..4], [5, 1, 0, 3], "a connection by name");
                let mut target = vec![0; usize::from(request[4]) + 2];
                visitor.read_exact(&mut target).await?;
                let port = u16::from_be_bytes(*target.last_chunk().unwrap());
                let name = String::from_utf8_lossy(&target[..target.len() - 2]).into_owned();
                log.lock().unwrap().push(format!("{name}:{port}"));
                let mut there = tokio::net::TcpStream::connect(place).await?;
                visitor.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
                tokio::io::copy_bidirectional(&mut visitor, &mut there).await
            };
            tokio::spawn(lead);
        }
    });
    for scheme in ["socks5", "socks5h"] {
        let client = client(|options| {
            options.proxies =
                ProxySettings { https: Some(format!("{scheme}://{address}")), ..ProxySettings::default() };
        });
        let reference = ImageRef::parse("registry.invalid:8443/ns/app:v1").unwrap();
        assert_eq!(*client.pull_manifest(&reference).await.unwrap().manifest.bytes(), made().bytes, "{scheme}");
    }
    let told = told.lock().unwrap().clone();
    assert!(!told.is_empty() && told.iter().all(|name| name == "registry.invalid:8443"), "{told:?}");
}

#[tokio::test]
async fn secrets_do_not_print() {
    let client = with_credentials(Side::Source, user());
    assert!(!format!("{client:?}").contains("s3cret"));
    assert!(!format!("{:?}", oci_transport::Credentials::basic("user", "s3cret")).contains("s3cret"));
    let fixed = oci_transport::Fixed { registry: None, credentials: oci_transport::Credentials::basic("u", "s3cret") };
    assert!(!format!("{fixed:?}").contains("s3cret"));
}

#[tokio::test]
async fn connections_that_go_away() {
    let ca = TestCa::new();
    let registry = Registry::builder().tls(&ca).start_blocking();
    registry.push("ns/app", "v1", &made());
    registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::GoAway));
    let client = source();
    let reference = image(&registry, "ns/app:v1");
    for _ in 0..3 {
        let many = (0..10).map(|_| client.pull_manifest(&reference));
        for pulled in futures_util::future::join_all(many).await {
            pulled.unwrap();
        }
    }
}
