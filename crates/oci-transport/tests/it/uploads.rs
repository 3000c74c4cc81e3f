//! Uploads that a killed process left: gone on with where the registry holds them, begun again where it does not.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use image_ref::Repository;
use oci_transport::{BlobSource, Client, ClientOptions, Side};
use test_support::{Blob, DebianRegistry, Effect, Fault, Kind, Registry, RegistryBuilder, When};

use crate::support::{chunks, content, descriptor, options, random};

/// A process: a client with its notes in `folder`.
fn process(folder: &Path) -> Client {
    let options = options(Side::Destination);
    Client::new(ClientOptions { uploads: Some(folder.to_owned()), chunk_size: 1024 * 1024, ..options }).unwrap()
}

/// A source that gives nothing more behind byte `end`, and whoever reads it is killed there.
struct Halting {
    blob: Blob,
    end: usize,
}

impl BlobSource for Halting {
    fn size(&self) -> u64 {
        self.blob.bytes.len() as u64
    }

    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let start = usize::try_from(offset).unwrap();
        let rest = self.blob.bytes.slice(start..self.end.max(start));
        Ok(Box::new(io::Cursor::new(rest).chain(Never)))
    }

    fn is_verified(&self) -> bool {
        true
    }
}

struct Never;

impl Read for Never {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(700));
        Err(io::Error::other("killed"))
    }
}

/// Pushes until byte `end` is on its way, and is killed then.
async fn killed(client: &Client, at: &Repository, blob: &Blob, end: usize) {
    let source: Arc<dyn BlobSource> = Arc::new(Halting { blob: blob.clone(), end });
    let (at, descriptor) = (client.endpoint(at), descriptor(blob));
    let push = client.push_blob(&at, &descriptor, source, &|_| {});
    assert!(tokio::time::timeout(Duration::from_millis(400), push).await.is_err(), "it was killed on its way");
    // The registry notices that the connection is gone.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// How many notes name an open session.
fn open_notes(folder: &Path) -> usize {
    count_notes(folder, true)
}

/// How many notes say that an upload is complete.
fn complete_notes(folder: &Path) -> usize {
    count_notes(folder, false)
}

fn count_notes(folder: &Path, open: bool) -> usize {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    let notes = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    notes.filter(|note| note.contains("\"session\"") == open).count()
}

fn methods(registry: &Registry) -> String {
    let uploads = registry.requests_matching(&When::kind(Kind::Upload));
    uploads.iter().map(|request| request.method.to_string()).collect::<Vec<_>>().join(" ")
}

const SIZE: usize = 3_000_000;

/// The first process is killed at 2 MB; gives what the second one asks for.
async fn second(
    builder: RegistryBuilder,
    folder: &Path,
    chunked: bool,
    between: impl FnOnce(&Registry, &Blob),
) -> (Registry, String) {
    let registry = builder.start_blocking();
    if chunked {
        registry.fault(Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic));
    }
    let (at, blob) = (Repository::new(registry.host(), "ns/app").unwrap(), random(1, SIZE));
    if chunked {
        // What this registry wants is learned with another blob.
        let (learning, other) = (process(folder), random(2, SIZE));
        learning.push_blob(&learning.endpoint(&at), &descriptor(&other), content(&other), &|_| {}).await.unwrap();
        killed(&learning, &at, &blob, 2_000_000).await;
    } else {
        killed(&process(folder), &at, &blob, 2_000_000).await;
    }
    assert_eq!(open_notes(folder), 1);
    between(&registry, &blob);
    registry.clear_requests();
    let client = process(folder);
    client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
    assert_eq!(open_notes(folder), 0, "what is done is not gone on with");
    let methods = methods(&registry);
    (registry, methods)
}

#[tokio::test]
async fn the_next_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, methods) = second(Registry::builder(), folder.path(), false, |_, _| {}).await;
    assert_eq!(methods, "GET PATCH PUT");
    let again = registry.bytes_received();
    // The source stopped at 2 MB, and the last piece of 128 KiB was not whole.
    assert!((1_000_000..=1_000_000 + 128 * 1024).contains(&again), "{again}");
    assert_eq!(registry.unfinished_uploads(), 0);
}

#[tokio::test]
async fn in_chunks_too() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, methods) = second(Registry::builder(), folder.path(), true, |_, _| {}).await;
    assert_eq!(methods, "GET PATCH PUT");
    assert!(registry.bytes_received() <= 1_000_000 + 128 * 1024, "{}", registry.bytes_received());
}

/// The registry says how small a chunk may be when it opens the session, and not again: the note has it.
#[tokio::test]
async fn in_chunks_as_large_as_the_registry_told_the_first_process() {
    const MINIMUM: u64 = 3 << 20;
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::builder().minimum_chunk(MINIMUM).start_blocking();
    let (at, blob) = (Repository::new(registry.host(), "ns/app").unwrap(), random(1, 10_000_000));
    killed(&process(folder.path()), &at, &blob, 2_000_000).await;
    registry.clear_requests();
    let client = process(folder.path());
    client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
    assert_eq!(methods(&registry), "GET PATCH PATCH PATCH PUT");
    assert_eq!(chunks(&registry)[..2], [MINIMUM, MINIMUM]);
}

#[tokio::test]
async fn a_registry_that_does_not_go_on_gets_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, methods) = second(Registry::builder().strict_sessions(), folder.path(), false, |_, _| {}).await;
    assert_eq!(methods, "GET POST PUT", "asked once, then as if nothing had been");

    let forget = |registry: &Registry, _: &Blob| {
        registry.fault(Fault::new(When::kind(Kind::Upload).method("GET").once(), Effect::status(400)));
    };
    let (registry, methods) = second(Registry::builder(), folder.path(), false, forget).await;
    assert_eq!(methods, "GET DELETE POST PUT");
    assert_eq!(registry.unfinished_uploads(), 0);
}

#[tokio::test]
async fn wrong_bytes_of_the_earlier_process_cost_one_more_upload() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start_blocking();
    let (at, blob) = (Repository::new(registry.host(), "ns/app").unwrap(), random(1, SIZE));
    let mut bent = blob.bytes.to_vec();
    bent[7] ^= 1;
    let wrong = Blob { bytes: bent.into(), ..blob.clone() };
    killed(&process(folder.path()), &at, &wrong, 2_000_000).await;
    registry.clear_requests();
    let client = process(folder.path());
    client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    assert_eq!(registry.blob(&blob.digest), Some(blob.bytes));
    assert_eq!(methods(&registry), "GET PATCH PUT DELETE POST PUT");
}

#[tokio::test]
async fn a_registry_that_went_away_finds_the_upload_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start_blocking();
    let (at, blob) = (Repository::new(registry.host(), "ns/app").unwrap(), random(1, SIZE));
    registry.fault(Fault::new(When::kind(Kind::Upload).method("PUT"), Effect::DisconnectUploadAfter(2_000_000)));
    let gone = registry.fault(Fault::new(When::kind(Kind::Upload).method("GET"), Effect::ResetConnection));
    let client = process(folder.path());
    let error = client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!((registry.unfinished_uploads(), open_notes(folder.path())), (1, 1), "kept for the next run");
    gone.stop();
    registry.clear_faults();
    registry.clear_requests();
    let client = process(folder.path());
    client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    assert_eq!(methods(&registry), "GET PATCH PUT");
    assert_eq!(registry.bytes_received(), 1_000_000);
}

#[tokio::test]
async fn an_upload_to_another_repository_is_completed_there_and_mounted() {
    for mounts in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::builder().mounts(mounts).start_blocking();
        let place = |path: &str| Repository::new(registry.host(), path).unwrap();
        let blob = random(1, SIZE);
        killed(&process(folder.path()), &place("ns/one"), &blob, 2_000_000).await;
        registry.clear_requests();
        let client = process(folder.path());
        let two = client.endpoint(&place("ns/two"));
        client.push_blob(&two, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        assert!(registry.has_blob("ns/one", &blob.digest) && registry.has_blob("ns/two", &blob.digest));
        assert_eq!(methods(&registry), if mounts { "GET PATCH PUT POST" } else { "GET PATCH PUT POST PUT" });
        assert_eq!((registry.unfinished_uploads(), open_notes(folder.path())), (0, 0));
    }
}

/// The image that needs the blob first may be another one in the next run.
#[tokio::test]
async fn a_blob_that_is_complete_in_another_repository_is_mounted_from_there() {
    for mounts in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::builder().mounts(mounts).start_blocking();
        let place = |path: &str| Repository::new(registry.host(), path).unwrap();
        let blob = random(1, SIZE);
        let first = process(folder.path());
        first.push_blob(&first.endpoint(&place("ns/one")), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        registry.clear_requests();
        let client = process(folder.path());
        let two = client.endpoint(&place("ns/two"));
        client.push_blob(&two, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
        assert!(registry.has_blob("ns/two", &blob.digest));
        assert_eq!(methods(&registry), if mounts { "POST" } else { "POST PUT" }, "a refused mount opens the upload");
        assert_eq!(registry.unfinished_uploads(), 0);
        // The end of a run that brought everything needs no notes any more.
        client.cancel_remembered(registry.host()).await;
        assert_eq!((open_notes(folder.path()), complete_notes(folder.path())), (0, 0));
    }
}

/// A process may be killed when the registry has all bytes, but has not answered.
#[tokio::test]
async fn a_session_in_another_repository_that_ended_well_after_the_kill_costs_no_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start_blocking();
    let place = |path: &str| Repository::new(registry.host(), path).unwrap();
    let blob = random(1, SIZE);
    killed(&process(folder.path()), &place("ns/one"), &blob, 2_000_000).await;
    let without = Client::new(options(Side::Destination)).unwrap();
    without.push_blob(&without.endpoint(&place("ns/one")), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    registry.fault(Fault::new(When::kind(Kind::Upload).method("GET").once(), Effect::status(404)));
    registry.clear_requests();
    let client = process(folder.path());
    client.push_blob(&client.endpoint(&place("ns/two")), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    assert!(registry.has_blob("ns/two", &blob.digest));
    assert_eq!(methods(&registry), "GET POST");
}

#[tokio::test]
async fn what_nobody_went_on_with_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (Registry::start_blocking(), Registry::start_blocking());
    for registry in [&one, &two] {
        let at = Repository::new(registry.host(), "ns/app").unwrap();
        killed(&process(folder.path()), &at, &random(1, SIZE), 2_000_000).await;
    }
    assert_eq!((one.unfinished_uploads(), open_notes(folder.path())), (1, 2));
    two.clear_requests();
    process(folder.path()).cancel_remembered(one.host()).await;
    assert_eq!((one.unfinished_uploads(), open_notes(folder.path())), (0, 1));
    assert_eq!(two.request_count(), 0, "no other registry is asked");
}

#[tokio::test]
async fn small_blobs_and_clients_without_a_folder_note_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start_blocking();
    let at = Repository::new(registry.host(), "ns/app").unwrap();
    killed(&process(folder.path()), &at, &random(1, 200_000), 100_000).await;
    let without = Client::new(options(Side::Destination)).unwrap();
    killed(&without, &at, &random(2, SIZE), 2_000_000).await;
    assert_eq!(open_notes(folder.path()), 0);
}

/// `docker-registry` 2.8 goes on with an upload only between two requests; either way the blob arrives.
#[tokio::test]
async fn docker_registry() {
    let Some(registry) = DebianRegistry::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = Repository::new(registry.host(), "ns/app").unwrap();
    let blob = random(1, SIZE);
    killed(&process(folder.path()), &at, &blob, 2_000_000).await;
    assert_eq!(open_notes(folder.path()), 1);
    let client = process(folder.path());
    client.push_blob(&client.endpoint(&at), &descriptor(&blob), content(&blob), &|_| {}).await.unwrap();
    let mut sink = Vec::new();
    client.pull_blob(&client.endpoint(&at), &descriptor(&blob), &mut sink, &|_| {}).await.unwrap();
    assert_eq!(sink, blob.bytes);
    assert_eq!(open_notes(folder.path()), 0);
}
