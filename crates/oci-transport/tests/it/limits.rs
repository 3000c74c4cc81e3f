//! How much is asked of a registry at once.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use oci_transport::{Bandwidth, Client, ClientOptions, Clock, Side};
use test_support::{Effect, Fault, ImageBuilder, Kind, Registry, When};

use crate::support::{content, descriptor, endpoint, image, options, random};

fn client(most: usize) -> Client {
    Client::new(ClientOptions { max_connections_per_host: most, ..options(Side::Destination) }).unwrap()
}

/// Whatever is asked: manifests, blobs, uploads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_requests_than_allowed_run_at_a_registry() {
    for most in [1, 3] {
        let (registry, other) = (Registry::start_blocking(), Registry::start_blocking());
        registry.push("ns/app", "v1", &ImageBuilder::oci().build());
        let blobs: Vec<_> = (0..20).map(|seed| random(seed, 1000)).collect();
        for blob in &blobs[..10] {
            registry.put_blob("ns/app", blob.bytes.clone());
        }
        // Slow enough that all would meet.
        registry.fault(Fault::new(When::any(), Effect::Delay(Duration::from_millis(20))));
        let client = client(most);
        let (at, reference) = (endpoint(&client, &registry, "ns/app"), image(&registry, "ns/app:v1"));
        let pulls = join_all(blobs[..10].iter().map(async |blob| {
            let mut sink = Vec::new();
            client.pull_blob(&at, &descriptor(blob), &mut sink, &|_| {}).await
        }));
        let pushes = join_all(
            blobs[10..].iter().map(async |blob| client.push_blob(&at, &descriptor(blob), content(blob), &|_| {}).await),
        );
        let manifests = join_all((0..10).map(async |_| client.pull_manifest(&reference).await.map(drop)));
        let (pulls, pushes, manifests) = tokio::join!(pulls, pushes, manifests);
        pulls.into_iter().chain(pushes).chain(manifests).for_each(Result::unwrap);
        let found = registry.most_requests_at_once();
        assert!(found <= most, "{found} at once, {most} allowed");
        assert!(found == most, "the bound is used: {found}");
        // The bound is that of one registry.
        other.push("ns/app", "v1", &ImageBuilder::oci().build());
        let held = join_all((0..most).map(async |_| client.limiter(&at).unwrap().acquire().await)).await;
        client.pull_manifest(&image(&other, "ns/app:v1")).await.unwrap();
        drop(held);
    }
}

/// A registry that says it has too much to do is asked for less at once, and for more again later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_overloaded_is_asked_less_at_once() {
    let registry = Registry::start_blocking();
    let blob = random(1, 1000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let client = client(32);
    let at = endpoint(&client, &registry, "ns/app");
    client.head_blob(&at, &blob.digest).await.unwrap();
    let limiter = client.limiter(&at).unwrap();
    let before = limiter.limit();
    let busy = registry.fault(Fault::new(When::kind(Kind::Blob).times(1), Effect::retry_after(429, 0)));
    client.head_blob(&at, &blob.digest).await.unwrap();
    assert_eq!(busy.hits(), 1);
    assert_eq!(limiter.limit(), before / 2);
    for _ in 0..100 {
        client.head_blob(&at, &blob.digest).await.unwrap();
    }
    assert!(limiter.limit() > before, "{} after {before}", limiter.limit());
}

/// Time that passes only while somebody waits for it.
#[derive(Default)]
struct Fake(Mutex<Duration>);

impl Clock for Fake {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, moment: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut now = self.0.lock().unwrap();
        *now = (*now).max(moment);
        Box::pin(tokio::task::yield_now())
    }
}

/// Downloads, uploads and copies from registry to registry take from one bucket, whatever client moves them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_transfers_together_keep_to_the_bandwidth() {
    const RATE: u64 = 100_000;
    let (from, to) = (Registry::start_blocking(), Registry::start_blocking());
    let clock = Arc::new(Fake::default());
    let bandwidth = Bandwidth::with_clock(RATE, Arc::clone(&clock) as Arc<dyn Clock>);
    let limited = |side| {
        let bandwidth = Some(bandwidth.clone());
        Client::new(ClientOptions { bandwidth, ..options(side) }).unwrap()
    };
    let (source, destination) = (limited(Side::Source), limited(Side::Destination));
    let (reads, writes) = (endpoint(&source, &from, "ns/app"), endpoint(&destination, &to, "ns/app"));
    let blobs: Vec<_> = (0..6).map(|seed| random(seed, 300_000)).collect();
    for blob in &blobs {
        from.put_blob("ns/app", blob.bytes.clone());
    }
    // What moves is counted; the seconds are those of the clock that nobody has to wait for.
    let mut moved = 0;
    let mut check = |what: &str, bytes: u64| {
        moved += bytes;
        let (least, most) = (moved as f64 / RATE as f64 - 0.25, (moved + 20_000) as f64 / RATE as f64);
        let took = clock.now().as_secs_f64();
        assert!((least..=most).contains(&took), "{what}: {moved} bytes took {took} s, expected {least} to {most}");
    };
    let pulls = blobs[..2].iter().map(async |blob| {
        let mut sink = Vec::new();
        source.pull_blob(&reads, &descriptor(blob), &mut sink, &|_| {}).await
    });
    join_all(pulls).await.into_iter().for_each(Result::unwrap);
    check("downloads", 600_000);
    let pushes = blobs[2..4]
        .iter()
        .map(async |blob| destination.push_blob(&writes, &descriptor(blob), content(blob), &|_| {}).await);
    join_all(pushes).await.into_iter().for_each(Result::unwrap);
    check("uploads", 600_000);
    // A copy comes and goes: it counts twice.
    let copies = blobs[4..].iter().map(async |blob| {
        let content = source.blob_source(&reads, &descriptor(blob));
        destination.push_blob(&writes, &descriptor(blob), content, &|_| {}).await
    });
    join_all(copies).await.into_iter().for_each(Result::unwrap);
    check("copies", 1_200_000);
}
