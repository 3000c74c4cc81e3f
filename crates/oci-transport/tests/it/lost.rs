//! A registry that cannot be reached is tried as often as the policy wants by one transfer, and not by every one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use image_ref::{ImageRef, Repository};
use oci_transport::{Client, ClientOptions, Condition, RetryPolicy, Side};
use test_support::{Effect, Fault, ImageBuilder, Kind, Nowhere, Registry, When};
use tokio::net::TcpStream;

use crate::support::{conf, mirrored, options, random};

const PAUSE: Duration = Duration::from_millis(300);

fn client(side: Side) -> Client {
    let retry = RetryPolicy { times: 3, delay: PAUSE, ..RetryPolicy::default() };
    Client::new(ClientOptions { retry, ..options(side) }).unwrap()
}

/// Passes connections at what was nowhere on to a registry.
fn forward(from: Nowhere, to: String) -> tokio::task::JoinHandle<()> {
    let listener = from.listen();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await.unwrap();
                // Either side may leave whenever it wants.
                drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
            });
        }
    })
}

#[tokio::test]
async fn others_share_the_attempts_of_the_first() {
    let client = client(Side::Destination);
    let nowhere = Nowhere::hold();
    let at = client.endpoint(&Repository::new(nowhere.host(), "ns/app").unwrap());
    let attempts = Arc::new(AtomicU32::new(0));
    let late = (0..20).map(|number| {
        let (client, at, attempts) = (client.clone(), at.clone(), Arc::clone(&attempts));
        tokio::spawn(async move {
            // The first begins now, the others after it.
            tokio::time::sleep(PAUSE.mul_f64(if number == 0 { 0.0 } else { 1.5 })).await;
            let error = client.head_blob(&at, &random(number, 1).digest).await.unwrap_err();
            assert_eq!(error.condition(), Condition::Refused, "{error}");
            attempts.fetch_add(error.attempts(), Ordering::SeqCst);
            error.attempts()
        })
    });
    let each: Vec<u32> = futures_util::future::join_all(late).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(each[0], 4, "the budget of the first is used to its end");
    assert!(each[1..].iter().all(|attempts| *attempts < 4), "{each:?}");

    // Whoever comes later gets the same reason at once.
    let later = Instant::now();
    for number in 100..200 {
        let error = client.head_blob(&at, &random(number, 1).digest).await.unwrap_err();
        assert_eq!((error.condition(), error.attempts()), (Condition::Refused, 1));
        assert!(error.to_string().contains("connection refused"), "{error}");
        if number == 100 {
            assert!(error.to_string().contains("; another transfer tried that 4 times; check that "), "{error}");
        }
    }
    assert!(later.elapsed() < PAUSE * 50, "nobody waits for a pause: {:?}", later.elapsed());
}

#[tokio::test]
async fn a_passing_outage_fails_nobody() {
    let registry = Registry::start_blocking();
    let blob = random(1, 1000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let (client, nowhere) = (client(Side::Destination), Nowhere::hold());
    let at = client.endpoint(&Repository::new(nowhere.host(), "ns/app").unwrap());
    let many = (0..10).map(|_| {
        let (client, at, digest) = (client.clone(), at.clone(), blob.digest.clone());
        tokio::spawn(async move { client.head_blob(&at, &digest).await })
    });
    let many: Vec<_> = many.collect();
    tokio::time::sleep(PAUSE * 2).await;
    let forwarding = forward(nowhere, registry.host().to_owned());
    for found in futures_util::future::join_all(many).await {
        assert_eq!(found.unwrap().unwrap(), Some(1000));
    }
    forwarding.abort();
}

#[tokio::test]
async fn a_registry_that_comes_back_is_found_again() {
    let registry = Registry::start_blocking();
    let blob = random(1, 1000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let (client, nowhere) = (client(Side::Destination), Nowhere::hold());
    let at = client.endpoint(&Repository::new(nowhere.host(), "ns/app").unwrap());
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap_err().attempts(), 4);
    let given_up = Instant::now();
    let forwarding = forward(nowhere, registry.host().to_owned());
    let early = client.head_blob(&at, &blob.digest).await;
    // A machine that stood still for that long has nothing to show here.
    if given_up.elapsed() < PAUSE / 2 {
        early.unwrap_err();
        assert_eq!(registry.request_count(), 0, "it is not asked again before the policy's pause has passed");
    }
    tokio::time::sleep(PAUSE).await;
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), Some(1000));
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), Some(1000));
    forwarding.abort();
}

#[tokio::test]
async fn a_mirror_that_is_gone_is_passed_over() {
    let (registry, mirror) = (Registry::start_blocking(), Nowhere::hold());
    registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    // The pause is longer than any test: whoever waited for it would hang.
    let retry = RetryPolicy { times: 2, delay: Duration::from_secs(3600), ..RetryPolicy::default() };
    let registries = conf(&mirrored(registry.host(), mirror.host()));
    let client = Client::new(ClientOptions { registries, retry, ..options(Side::Source) }).unwrap();
    let reference = |tag: &str| ImageRef::parse(&format!("{}/ns/app:{tag}", registry.host())).unwrap();
    for _ in 0..3 {
        client.pull_manifest(&reference("v1")).await.unwrap();
    }
    // From now on a listener would be noticed, and nobody asks.
    let address = mirror.host().to_owned();
    let listener = mirror.listen();
    for _ in 0..20 {
        client.pull_manifest(&reference("v1")).await.unwrap();
    }
    // Nor is it waited for by who looks for what the primary does not have.
    let error = client.pull_manifest(&reference("none")).await.unwrap_err();
    let text = error.to_string().replace(registry.host(), "PRIMARY").replace(&address, "MIRROR");
    insta::assert_snapshot!(text, @"pulling manifest `PRIMARY/ns/app:none`: (Mirrors also failed: [MIRROR/ns/app:none: cannot connect to `https://MIRROR`: connection refused (os error 111); another transfer tried that 3 times]): PRIMARY/ns/app:none: 404 Not Found: manifest unknown [MANIFEST_UNKNOWN]");
    let asked = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(asked.is_err(), "somebody asked the mirror");
}

/// Accepts connections, keeps them, and says nothing on any: how many there were.
fn mute(at: Nowhere) -> (tokio::task::JoinHandle<()>, Arc<AtomicU32>) {
    let (listener, count) = (at.listen(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&count);
    let accepting = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            kept.push(connection);
        }
    });
    (accepting, count)
}

/// A client that waits a moment for who says nothing, and for ever between attempts; what it warns of.
fn impatient(primary: &Registry, mirror: &str) -> (Client, Arc<Mutex<Vec<String>>>) {
    let retry = RetryPolicy { times: 2, delay: Duration::from_secs(3600), ..RetryPolicy::default() };
    let (registries, stall_timeout) = (conf(&mirrored(primary.host(), mirror)), Duration::from_millis(250));
    let client = Client::new(ClientOptions { registries, retry, stall_timeout, ..options(Side::Source) }).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (ear, address) = (Arc::clone(&heard), mirror.to_owned());
    client.on_notice(Arc::new(move |notice| {
        if let oci_transport::Notice::Warning(text) = notice {
            ear.lock().unwrap().push(text.replace(&address, "MIRROR"));
        }
    }));
    (client, heard)
}

#[tokio::test]
async fn a_mirror_that_accepts_and_says_nothing_is_passed_over() {
    let (registry, nowhere) = (Registry::start_blocking(), Nowhere::hold());
    registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    let (client, heard) = impatient(&registry, nowhere.host());
    let (accepting, connections) = mute(nowhere);
    let reference = |tag: &str| ImageRef::parse(&format!("{}/ns/app:{tag}", registry.host())).unwrap();
    for _ in 0..3 {
        assert!(!client.pull_manifest(&reference("v1")).await.unwrap().endpoint.is_mirror());
    }
    let asked = connections.load(Ordering::SeqCst);
    assert!(asked >= 3, "{asked}");
    for _ in 0..20 {
        assert!(!client.pull_manifest(&reference("v1")).await.unwrap().endpoint.is_mirror());
    }
    assert!(client.pull_manifest(&reference("none")).await.unwrap_err().to_string().contains("stalled: no answer"));
    assert_eq!(connections.load(Ordering::SeqCst), asked, "nobody asks it any more");
    insta::assert_snapshot!(heard.lock().unwrap().join("\n"), @"mirror `MIRROR` is passed over after 3 attempts: `https://MIRROR`: stalled: no answer for 0.25 s; the next source of registries.conf is asked instead, and the mirror again every 3600 s");
    accepting.abort();
}

/// One that tells who it is and then stalls, as a proxy before a registry that hangs does.
#[tokio::test]
async fn a_mirror_that_stalls_at_manifests_is_passed_over() {
    let (registry, mirror) = (Registry::start_blocking(), Registry::start_blocking());
    for registry in [&registry, &mirror] {
        registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    }
    let stall = mirror.fault(Fault::new(When::kind(Kind::Manifest), Effect::Delay(Duration::from_secs(3600))));
    let (client, heard) = impatient(&registry, mirror.host());
    let reference = ImageRef::parse(&format!("{}/ns/app:v1", registry.host())).unwrap();
    for _ in 0..20 {
        assert!(!client.pull_manifest(&reference).await.unwrap().endpoint.is_mirror());
    }
    assert_eq!(stall.hits(), 3, "it is asked as often as one transfer would, by all of them together");
    insta::assert_snapshot!(heard.lock().unwrap().join("\n"), @"mirror `MIRROR` is passed over after 3 attempts: `http://MIRROR`: stalled: no byte moved for 0.25 s; the next source of registries.conf is asked instead, and the mirror again every 3600 s");
}

#[tokio::test]
async fn a_mirror_that_comes_back_is_asked_again() {
    let (registry, mirror, nowhere) = (Registry::start_blocking(), Registry::start_blocking(), Nowhere::hold());
    for registry in [&registry, &mirror] {
        registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    }
    let retry = RetryPolicy { times: 1, delay: PAUSE, ..RetryPolicy::default() };
    let registries = conf(&mirrored(registry.host(), nowhere.host()));
    let client = Client::new(ClientOptions { registries, retry, ..options(Side::Source) }).unwrap();
    let reference = ImageRef::parse(&format!("{}/ns/app:v1", registry.host())).unwrap();
    for _ in 0..4 {
        assert!(!client.pull_manifest(&reference).await.unwrap().endpoint.is_mirror());
    }
    let forwarding = forward(nowhere, mirror.host().to_owned());
    tokio::time::sleep(PAUSE * 2).await;
    assert!(client.pull_manifest(&reference).await.unwrap().endpoint.is_mirror());
    assert!(client.pull_manifest(&reference).await.unwrap().endpoint.is_mirror());
    forwarding.abort();
}

#[tokio::test]
async fn a_lost_mirror_stops_no_one() {
    let registry = Registry::start_blocking();
    let image = ImageBuilder::oci().build();
    registry.push("ns/app", "v1", &image);
    let nowhere = Nowhere::hold();
    let registries = conf(&mirrored(registry.host(), nowhere.host()));
    let retry = RetryPolicy { times: 1, delay: PAUSE, ..RetryPolicy::default() };
    let client = Client::new(ClientOptions { registries, retry, ..options(Side::Source) }).unwrap();
    let reference = |tag: &str| ImageRef::parse(&format!("{}/ns/app:{tag}", registry.host())).unwrap();
    client.pull_manifest(&reference("none")).await.unwrap_err();
    for _ in 0..3 {
        client.pull_manifest(&reference("v1")).await.unwrap();
    }
}

/// What a client tells of its pauses.
fn waits(client: &Client) -> Arc<Mutex<Vec<oci_transport::Waiting>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    client.on_notice(Arc::new(move |notice| {
        if let oci_transport::Notice::Waiting(waiting) = notice {
            ear.lock().unwrap().push(waiting);
        }
    }));
    heard
}

#[tokio::test]
async fn patience_at_first_contact() {
    let short = Some(Duration::from_millis(400));
    let pause = Duration::from_millis(50);
    let policy = |times, first_contact| RetryPolicy { times, delay: pause, first_contact, ..RetryPolicy::default() };
    let client = |retry| Client::new(ClientOptions { retry, ..options(Side::Source) }).unwrap();
    let lost = Nowhere::hold();
    let attempts = async |client: &Client, host: &str| {
        let reference = ImageRef::parse(&format!("{host}/ns/app:v1")).unwrap();
        let error = client.pull_manifest(&reference).await.unwrap_err();
        assert_eq!(error.condition(), Condition::Refused, "{error}");
        error.attempts()
    };
    let many = attempts(&client(policy(1000, short)), lost.host()).await;
    assert!((2..=9).contains(&many), "tried for 400 ms, with 50 ms between attempts: {many}");
    assert_eq!(attempts(&client(policy(12, None)), lost.host()).await, 13, "no limit but the number of attempts");
    assert_eq!(attempts(&client(policy(1, short)), lost.host()).await, 2, "the number of attempts counts all the same");

    // Who has answered before is waited for as ever.
    let (registry, nowhere) = (Registry::start_blocking(), Nowhere::hold());
    registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    let host = nowhere.host().to_owned();
    let forwarding = forward(nowhere, registry.host().to_owned());
    let known = client(policy(12, Some(Duration::ZERO)));
    known.pull_manifest(&ImageRef::parse(&format!("{host}/ns/app:v1")).unwrap()).await.unwrap();
    forwarding.abort();
    let _ = forwarding.await;
    drop(registry);
    // What is left of the connection may end in another way at first.
    for _ in 0..20 {
        let reference = ImageRef::parse(&format!("{host}/ns/other:v1")).unwrap();
        let error = known.pull_manifest(&reference).await.unwrap_err();
        if error.condition() == Condition::Refused {
            assert_eq!(error.attempts(), 13, "{error}");
            return;
        }
    }
    panic!("nobody refused a connection");
}

#[tokio::test]
async fn an_unknown_name_is_asked_for_once() {
    let client = Client::new(ClientOptions { tls_verify: true, ..ClientOptions::default() }).unwrap();
    let heard = waits(&client);
    let reference = ImageRef::parse("registry.invalid/ns/app:v1").unwrap();
    let found = tokio::time::timeout(Duration::from_secs(20), client.pull_manifest(&reference)).await;
    match found {
        Ok(found) => {
            let error = found.unwrap_err();
            assert_eq!((error.condition(), error.attempts()), (Condition::Dns, 1), "{error}");
        }
        // A machine without a name server does not know whether the name exists, so it asks again.
        Err(_) => assert!(heard.lock().unwrap()[0].reason.contains("emporary failure"), "{heard:?}"),
    }
}

#[tokio::test]
async fn pauses_are_told() {
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &ImageBuilder::oci().build());
    registry.fault(Fault::new(When::kind(Kind::Manifest).once(), Effect::retry_after(503, 1)));
    let retry = RetryPolicy { times: 3, delay: Duration::from_millis(20), ..RetryPolicy::default() };
    let client = Client::new(ClientOptions { retry, ..options(Side::Source) }).unwrap();
    let heard = waits(&client);
    let reference = ImageRef::parse(&format!("{}/ns/app:v1", registry.host())).unwrap();
    client.pull_manifest(&reference).await.unwrap();
    let told = heard.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].registry.as_str(), told[0].attempt, told[0].of), (registry.host(), 2, 4));
    let text = told[0].to_string().replace(registry.host(), "HOST").replace("1.1 s", "1 s");
    insta::assert_snapshot!(text, @"waiting 1 s before attempt 2 of 4 at `HOST`: 503 Service Unavailable: service unavailable [UNAVAILABLE]");
}
