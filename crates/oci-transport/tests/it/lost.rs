//! A registry that cannot be reached is tried as often as the policy wants by one transfer, and not by every one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use image_ref::{ImageRef, Repository};
use oci_transport::{Client, ClientOptions, Condition, RetryPolicy, Side};
use registries_conf::{Layer, RegistriesConf};
use test_support::{ImageBuilder, Registry};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{options, random};

const PAUSE: Duration = Duration::from_millis(300);

fn client(side: Side) -> Client {
    let retry = RetryPolicy { times: 3, delay: PAUSE, ..RetryPolicy::default() };
    Client::new(ClientOptions { retry, ..options(side) }).unwrap()
}

/// A loopback address where nobody listens.
async fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

/// Passes connections at `address` on to a registry.
async fn forward(address: &str, to: String) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind(address).await.unwrap();
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
    let at = client.endpoint(&Repository::new(nowhere().await, "ns/app").unwrap());
    let started = Instant::now();
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
    assert!(started.elapsed() < PAUSE * 4, "nobody goes on for long: {:?}", started.elapsed());

    // Whoever comes later gets the same reason at once.
    let later = Instant::now();
    for number in 100..200 {
        let error = client.head_blob(&at, &random(number, 1).digest).await.unwrap_err();
        assert_eq!((error.condition(), error.attempts()), (Condition::Refused, 1));
        assert!(error.to_string().contains("connection refused"), "{error}");
        if number == 100 {
            assert!(error.to_string().ends_with("; another transfer tried that 4 times"), "{error}");
        }
    }
    assert!(later.elapsed() < PAUSE, "{:?}", later.elapsed());
}

#[tokio::test]
async fn a_passing_outage_fails_nobody() {
    let registry = Registry::start_blocking();
    let blob = random(1, 1000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let (client, address) = (client(Side::Destination), nowhere().await);
    let at = client.endpoint(&Repository::new(&*address, "ns/app").unwrap());
    let many = (0..10).map(|_| {
        let (client, at, digest) = (client.clone(), at.clone(), blob.digest.clone());
        tokio::spawn(async move { client.head_blob(&at, &digest).await })
    });
    let many: Vec<_> = many.collect();
    tokio::time::sleep(PAUSE * 2).await;
    let forwarding = forward(&address, registry.host().to_owned()).await;
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
    let (client, address) = (client(Side::Destination), nowhere().await);
    let at = client.endpoint(&Repository::new(&*address, "ns/app").unwrap());
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap_err().attempts(), 4);
    let forwarding = forward(&address, registry.host().to_owned()).await;
    client.head_blob(&at, &blob.digest).await.unwrap_err();
    assert_eq!(registry.request_count(), 0, "it is not asked again before the policy's pause has passed");
    tokio::time::sleep(PAUSE).await;
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), Some(1000));
    assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), Some(1000));
    forwarding.abort();
}

#[tokio::test]
async fn a_lost_mirror_stops_no_one() {
    let registry = Registry::start_blocking();
    let image = ImageBuilder::oci().build();
    registry.push("ns/app", "v1", &image);
    let text = format!(
        "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
        registry.host(),
        nowhere().await
    );
    let registries = RegistriesConf::from_layers(&[Layer::new("registries.conf", text)]).unwrap();
    let retry = RetryPolicy { times: 1, delay: PAUSE, ..RetryPolicy::default() };
    let client =
        Client::new(ClientOptions { registries: Arc::new(registries), retry, ..options(Side::Source) }).unwrap();
    let reference = |tag: &str| ImageRef::parse(&format!("{}/ns/app:{tag}", registry.host())).unwrap();
    client.pull_manifest(&reference("none")).await.unwrap_err();
    for _ in 0..3 {
        client.pull_manifest(&reference("v1")).await.unwrap();
    }
}
