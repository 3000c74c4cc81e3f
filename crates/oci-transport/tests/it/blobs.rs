//! Blobs: down with resume, up in one piece or in chunks, mounted.

use std::sync::atomic::{AtomicU64, Ordering};

use image_ref::Digest;
use oci_transport::{BlobSink, Condition, Hasher};
use test_support::{Effect, Fault, Kind, Registry, When};

use crate::support::{chunks, content, descriptor, destination, endpoint, random, source};

/// A sink that hashes, as a store does.
pub(crate) struct Hashing {
    pub(crate) bytes: Vec<u8>,
}

impl BlobSink for Hashing {
    fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn write(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.bytes.clear();
        Ok(())
    }

    fn digest(&self) -> Option<Digest> {
        Some(Hasher::of(image_ref::Algorithm::Sha256, &self.bytes))
    }
}

#[tokio::test]
async fn pull_of_every_size() {
    let registry = Registry::start_blocking();
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    for size in [0, 1, 1000, 64 * 1024, 3_000_001] {
        let blob = random(size as u64, size);
        registry.put_blob("ns/app", blob.bytes.clone());
        let told = AtomicU64::new(0);
        let mut sink = Vec::new();
        let progress = |bytes| _ = told.fetch_add(bytes, Ordering::Relaxed);
        client.pull_blob(&at, &descriptor(&blob), &mut sink, &progress).await.unwrap();
        assert_eq!(sink, blob.bytes);
        assert_eq!(told.into_inner(), size as u64);
        assert_eq!(client.head_blob(&at, &blob.digest).await.unwrap(), Some(size as u64));
    }
}

#[tokio::test]
async fn a_partial_blob_of_an_earlier_run_is_continued() {
    let registry = Registry::start_blocking();
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    let blob = random(1, 500_000);
    registry.put_blob("ns/app", blob.bytes.clone());
    let mut sink = Hashing { bytes: blob.bytes[..400_000].to_vec() };
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(sink.bytes, blob.bytes);
    assert_eq!(registry.blob_bytes_served(), 100_000);

    // Wrong bytes of the earlier run are found out, and everything is fetched once more.
    let mut sink = Hashing { bytes: vec![0; 400_000] };
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(sink.bytes, blob.bytes);

    // Everything is there already: nothing is asked.
    registry.clear_requests();
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(registry.request_count(), 0);

    // Without a digest of its own, a sink's earlier bytes cannot be trusted.
    let mut sink = blob.bytes[..400_000].to_vec();
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(registry.blob_bytes_served(), 500_000);
}

#[tokio::test]
async fn an_interrupted_pull_goes_on_where_it_was() {
    let registry = Registry::start_blocking();
    let client = source();
    let at = endpoint(&client, &registry, "ns/app");
    let blob = random(1, 2_000_000);
    registry.put_blob("ns/app", blob.bytes.clone());
    registry.fault(Fault::new(When::kind(Kind::Blob).times(2), Effect::CloseAfter(700_000)));
    let mut sink = Vec::new();
    client.pull_blob(&at, &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(sink, blob.bytes);
    let ranges: Vec<_> = registry
        .requests_matching(&When::kind(Kind::Blob))
        .iter()
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=700000-".to_owned()), Some("bytes=1400000-".to_owned())]);
}

#[tokio::test]
async fn push_of_every_size_is_one_post_and_one_put() {
    let registry = Registry::start_blocking();
    let client = destination();
    let at = endpoint(&client, &registry, "ns/app");
    for size in [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_001] {
        let blob = random(size as u64, size);
        let told = AtomicU64::new(0);
        let progress = |bytes| _ = told.fetch_add(bytes, Ordering::Relaxed);
        registry.clear_requests();
        client.push_blob(&at, &descriptor(&blob), content(&blob), &progress).await.unwrap();
        assert!(registry.has_blob("ns/app", &blob.digest));
        assert_eq!(told.into_inner(), size as u64);
        let methods: Vec<_> =
            registry.requests_matching(&When::kind(Kind::Upload)).iter().map(|r| r.method.to_string()).collect();
        assert_eq!(methods, ["POST", "PUT"]);
    }
    assert_eq!(registry.unfinished_uploads(), 0);
}

#[tokio::test]
async fn wrong_content_never_reaches_its_end() {
    let registry = Registry::start_blocking();
    let client = destination();
    let at = endpoint(&client, &registry, "ns/app");
    let (blob, other) = (random(1, 1_000_000), random(2, 1_000_000));
    let error = client.push_blob(&at, &descriptor(&blob), content(&other), &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Digest);
    assert!(error.to_string().contains("digest mismatch: the content to push has digest"), "{error}");
    assert!(!registry.has_blob("ns/app", &blob.digest));
    assert_eq!(registry.unfinished_uploads(), 0);
    let short = random(3, 10);
    let error = client.push_blob(&at, &descriptor(&blob), content(&short), &|_| {}).await.unwrap_err();
    assert!(error.to_string().ends_with("size mismatch: the content has 10 bytes, expected 1000000"), "{error}");
}

#[tokio::test]
async fn mounts_and_their_refusal() {
    let registry = Registry::start_blocking();
    let client = destination();
    let at = endpoint(&client, &registry, "ns/app");
    let blob = random(1, 1000);
    registry.put_blob("other/app", blob.bytes.clone());
    assert!(client.mount_blob(&at, &blob.digest, "other/app").await.unwrap());
    assert!(registry.has_blob("ns/app", &blob.digest));

    let registry = Registry::builder().mounts(false).start_blocking();
    let at = endpoint(&client, &registry, "ns/app");
    registry.put_blob("other/app", blob.bytes.clone());
    assert!(!client.mount_blob(&at, &blob.digest, "other/app").await.unwrap());
    assert_eq!(registry.unfinished_uploads(), 1);
    client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    let posts = registry.requests_matching(&When::kind(Kind::Upload).method("POST"));
    assert_eq!(posts.len(), 1, "the session of the refused mount is used");
    assert_eq!(registry.unfinished_uploads(), 0);

    let other = random(2, 1000);
    assert!(!client.mount_blob(&at, &other.digest, "other/app").await.unwrap());
    client.cancel_sessions(&at).await;
    assert_eq!(registry.unfinished_uploads(), 0);
}

/// Whatever a registry answers to a mount, the blob can be pushed; a registry that refuses mounts is left in peace.
#[tokio::test]
async fn a_mount_that_fails_costs_no_blob_and_is_not_asked_for_ever() {
    async fn check(status: u16, requests: usize) {
        let registry = Registry::start_blocking();
        let mounts = || When::kind(Kind::Upload).method("POST").query("mount=");
        registry.fault(Fault::new(mounts(), Effect::status(status)));
        let client = destination();
        let at = endpoint(&client, &registry, "ns/app");
        for seed in 1..=8 {
            let blob = random(seed, 1000);
            registry.put_blob("other/app", blob.bytes.clone());
            assert!(!client.mount_blob(&at, &blob.digest, "other/app").await.unwrap(), "{status}");
            client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        }
        assert_eq!(registry.requests_matching(&mounts()).len(), requests, "{status}");
    }
    for status in [400, 401, 403, 404, 405, 413] {
        check(status, 5).await;
    }
    // Trouble is given one more attempt.
    for status in [500, 501, 503] {
        check(status, 10).await;
    }
}

/// A mount that works shows that the refusals before were about other repositories.
#[tokio::test]
async fn refused_mounts_in_between_do_not_add_up() {
    let registry = Registry::start_blocking();
    let mounts = || When::kind(Kind::Upload).method("POST").query("mount=");
    registry.fault(Fault::new(mounts().query("from=secret"), Effect::status(403)));
    let client = destination();
    let at = endpoint(&client, &registry, "ns/app");
    let blob = random(1, 1000);
    registry.put_blob("other/app", blob.bytes.clone());
    for _ in 0..4 {
        for _ in 0..4 {
            assert!(!client.mount_blob(&at, &blob.digest, "secret/app").await.unwrap());
        }
        assert!(client.mount_blob(&at, &blob.digest, "other/app").await.unwrap());
    }
}

/// Upload in one request, then what a registry that calls it bad or not allowed is given.
#[tokio::test]
async fn uploads_in_one_request_that_are_refused_go_in_chunks() {
    async fn check(status: u16, expected: &str) {
        let registry = Registry::start_blocking();
        let first = When::kind(Kind::Upload).method("PUT").once();
        registry.fault(Fault::new(first, Effect::status(status)));
        let client = chunking(1024 * 1024);
        let at = endpoint(&client, &registry, "ns/app");
        let blob = random(1, 1000);
        client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        let methods: Vec<_> =
            registry.requests_matching(&When::kind(Kind::Upload)).iter().map(|r| r.method.to_string()).collect();
        assert_eq!(methods.join(" "), expected, "{status}");
    }
    for status in [400, 405, 411, 413] {
        check(status, "POST PUT DELETE POST PATCH PUT").await;
    }
}

fn chunking(size: u64) -> oci_transport::Client {
    let options = crate::support::options(oci_transport::Side::Destination);
    oci_transport::Client::new(oci_transport::ClientOptions { chunk_size: size, ..options }).unwrap()
}

#[tokio::test]
async fn chunks_when_the_registry_wants_them_and_from_then_on() {
    let registry = Registry::start_blocking();
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
    let client = chunking(1024 * 1024);
    let at = endpoint(&client, &registry, "ns/app");
    for (seed, expected) in [(1, "POST PUT DELETE POST PATCH PATCH PATCH PUT"), (2, "POST PATCH PATCH PATCH PUT")] {
        registry.clear_requests();
        let blob = random(seed, 2_500_000);
        let told = AtomicU64::new(0);
        let progress = |bytes| _ = told.fetch_add(bytes, Ordering::Relaxed);
        client.push_blob(&at, &descriptor(&blob), content(&blob), &progress).await.unwrap();
        assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
        let methods: Vec<_> =
            registry.requests_matching(&When::kind(Kind::Upload)).iter().map(|r| r.method.to_string()).collect();
        assert_eq!(methods.join(" "), expected);
        let ranges: Vec<_> = registry
            .requests_matching(&When::kind(Kind::Upload).method("PATCH"))
            .iter()
            .filter_map(|request| request.header("content-range").map(str::to_owned))
            .collect();
        assert_eq!(ranges, ["0-1048575", "1048576-2097151", "2097152-2499999"]);
    }
    assert_eq!(registry.unfinished_uploads(), 0);
}

/// A registry may say how small a chunk may be; the last one may be smaller. ([`test_support::Registry`] refuses what
/// follows a smaller one.)
#[tokio::test]
async fn chunks_are_as_large_as_the_registry_says() {
    const MIB: u64 = 1 << 20;
    async fn check(minimum: u64, chunk: u64, blob: usize, expected: &[u64]) {
        let registry = Registry::builder().minimum_chunk(minimum).mounts(false).start_blocking();
        registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
        let client = chunking(chunk);
        let at = endpoint(&client, &registry, "ns/app");
        // The second goes into the session that a refused mount has opened, in chunks from the start.
        for seed in [1, 2] {
            registry.clear_requests();
            let blob = random(seed, blob);
            if seed == 2 {
                assert!(!client.mount_blob(&at, &blob.digest, "other/app").await.unwrap());
            }
            client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
            assert_eq!(chunks(&registry), expected, "blob {seed}, at least {minimum}, {chunk} by itself");
            assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
        }
        assert_eq!(registry.unfinished_uploads(), 0);
    }
    check(3 * MIB, MIB, 7_500_000, &[3 * MIB, 3 * MIB, 7_500_000 - 6 * MIB]).await;
    check(3 * MIB, MIB, 2_000_000, &[2_000_000]).await;
    check(3 * MIB, MIB, 3 << 20, &[3 * MIB]).await;
    check(3 * MIB + 1, 3 * MIB, 7_500_000, &[3 * MIB + 1, 3 * MIB + 1, 7_500_000 - 2 * (3 * MIB + 1)]).await;
    // What it asks for is less than what is sent anyway.
    check(1000, 2 * MIB, 5_000_000, &[2 * MIB, 2 * MIB, 5_000_000 - 4 * MIB]).await;
}

/// Neither an interruption nor a limit on the size of a request makes chunks smaller than that.
#[tokio::test]
async fn chunks_do_not_shrink_below_what_the_registry_says() {
    const MIB: u64 = 1 << 20;
    let registry = Registry::builder().minimum_chunk(3 * MIB).start_blocking();
    registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
    let client = chunking(MIB);
    let at = endpoint(&client, &registry, "ns/app");
    let blob = random(1, 20_000_000);
    let breaks = When::path("/blobs/uploads/").method("PATCH").nth(2);
    registry.fault(Fault::new(breaks, Effect::DisconnectUploadAfter(2_000_000)));
    client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    let sent = chunks(&registry);
    assert!(sent[..sent.len() - 1].iter().all(|size| *size == 3 * MIB), "{sent:?}");
    assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));

    registry.clear_requests();
    registry.fault(Fault::new(When::kind(Kind::Upload).method("PATCH"), Effect::status(413)));
    let client = chunking(8 * MIB);
    let other = random(2, 20_000_000);
    let error = client.push_blob(&at, &descriptor(&other), content(&other), &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::TooLarge, "{error}");
    assert_eq!(chunks(&registry), [8 * MIB, 4 * MIB]);
    assert_eq!(registry.unfinished_uploads(), 0);
}

/// A proxy before the registry refuses requests that are too large: the size that passes is found at the first blob.
#[tokio::test]
async fn chunks_shrink_until_they_pass() {
    const MIB: u64 = 1 << 20;
    let registry = Registry::start_blocking();
    registry.fault(Fault::new(When::kind(Kind::Upload).method("PUT").times(1), Effect::status(413)));
    registry.fault(Fault::new(When::kind(Kind::Upload).method("PATCH").times(2), Effect::status(413)));
    let client = chunking(8 * MIB);
    let at = endpoint(&client, &registry, "ns/app");
    for expected in
        [&[8 * MIB, 4 * MIB, 2 * MIB, 2 * MIB, 5_000_000 - 4 * MIB][..], &[2 * MIB, 2 * MIB, 5_000_000 - 4 * MIB]]
    {
        registry.clear_requests();
        let blob = random(expected.len() as u64, 5_000_000);
        client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        let sent: Vec<u64> = chunks(&registry);
        let expected: Vec<u64> = expected.iter().map(|size| *size.min(&5_000_000)).collect();
        assert_eq!(sent, expected);
        assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
    }
    assert_eq!(registry.unfinished_uploads(), 0);
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_where_the_registry_holds_it() {
    for method in ["PUT", "PATCH"] {
        let registry = Registry::start_blocking();
        if method == "PATCH" {
            registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
        }
        let client = chunking(8 * 1024 * 1024);
        let at = endpoint(&client, &registry, "ns/app");
        let blob = random(1, 20_000_000);
        registry.fault(Fault::new(
            When::path("/blobs/uploads/").method(method).once(),
            Effect::DisconnectUploadAfter(6_000_000),
        ));
        client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        assert!(registry.has_blob("ns/app", &blob.digest));
        assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
        assert_eq!(registry.unfinished_uploads(), 0);
        // The refused single upload costs the whole blob once; the interruption costs nothing.
        let whole = if method == "PUT" { 20_000_000 } else { 40_000_000 };
        assert_eq!(registry.bytes_received(), whole, "{method}");
    }
}
