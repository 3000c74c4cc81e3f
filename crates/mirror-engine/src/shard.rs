//! The part of an approved plan that this machine carries out, of several that fill a registry.
//!
//! Nothing coordinates the machines. Each computes the same partition from the plan, and the destination is the only thing
//! that they share. The finisher looks there for what the others bring, and then applies the whole plan: what is there costs
//! a question, and what is missing is sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use image_ref::{Digest, ImageRef};
use mirror_plan::{Destination, PlannedImage};
use oci_transport::{Client, Reference};
use plan_document::{Document, Partition};

use mirror_copy::Transfer;
use mirror_copy::transfers::borrowing::Borrowing;
use mirror_job::event::{Event, Observer};

/// How many images are asked for at once.
const AT_ONCE: usize = 16;

/// In how many repositories of its owner a worker looks for a blob that it borrows. The owner sends the blob to the first
/// repository by name that is not complete, and so to one of the first.
const PLACES: usize = 8;

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_secs(30);

/// The images of one worker, by their place in the plan.
pub(crate) fn images_of(partition: &Partition, worker: usize, images: Vec<PlannedImage>) -> Vec<PlannedImage> {
    let own = &partition.shards.get(worker).expect("a worker has a shard").images;
    images.into_iter().enumerate().filter(|(at, _)| own.binary_search(at).is_ok()).map(|(_, image)| image).collect()
}

/// A way of moving that waits for what the other workers send.
pub(crate) fn borrowing<C: Transfer>(
    document: &Document,
    (partition, worker): (&Partition, usize),
    inner: C,
    client: Client,
    destination: &Destination,
    patience: Duration,
) -> Borrowing<C> {
    let own = partition.shards.get(worker).expect("a worker has a shard");
    let mut borrowed: HashMap<Digest, Vec<String>> =
        own.borrowed.iter().map(|blob| (blob.clone(), Vec::new())).collect();
    for shard in &partition.shards {
        for image in shard.images.iter().filter_map(|at| document.images.get(*at)) {
            let Some(Ok(repository)) = image.destination.as_ref().map(ImageRef::repository) else { continue };
            for blob in image.all_blobs().filter(|blob| shard.owned.contains(*blob)) {
                if let Some(places) = borrowed.get_mut(blob)
                    && !places.iter().any(|place| place == repository.path())
                {
                    places.push(repository.path().to_owned());
                }
            }
        }
    }
    for places in borrowed.values_mut() {
        places.sort();
        places.truncate(PLACES);
    }
    let wanted: HashSet<&Digest> = partition.shards.iter().flat_map(|shard| &shard.borrowed).collect();
    let lent = own.owned.iter().filter(|blob| wanted.contains(blob)).cloned().collect();
    let registry = destination.registry().to_owned();
    Borrowing { inner, client, registry, borrowed, lent, patience, deadline: OnceLock::new() }
}

/// Waits until the images of all workers are at the destination, or until nothing new has arrived for `wait`.
pub(crate) async fn wait_for_workers(
    partition: &Partition,
    images: &[PlannedImage],
    wait: Duration,
    client: &Client,
    observer: &Arc<dyn Observer>,
) {
    let mut missing: Vec<&PlannedImage> =
        partition.shards.iter().flat_map(|part| &part.images).filter_map(|at| images.get(*at)).collect();
    let (mut news, mut pause) = (Instant::now(), Duration::from_millis(250));
    loop {
        let before = missing.len();
        let asked = missing.iter().map(|image| async { (!is_there(client, image).await).then_some(*image) });
        let asked: Vec<_> = asked.collect();
        missing = futures_util::stream::iter(asked)
            .buffered(AT_ONCE)
            .filter_map(|image| async move { image })
            .collect()
            .await;
        if missing.is_empty() {
            return;
        }
        if missing.len() < before {
            news = Instant::now();
        }
        let left = wait.saturating_sub(news.elapsed());
        if left.is_zero() {
            let text = format!(
                "{} images of the other workers have not arrived, and nothing new came for {} s: this worker sends what is missing",
                missing.len(),
                wait.as_secs()
            );
            observer.event(Event::Warning(text));
            return;
        }
        observer.event(Event::Info(format!("waiting for {} images of the other workers", missing.len())));
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSE);
    }
}

/// Whether the destination has the image under its name. A registry that does not answer now is asked again.
async fn is_there(client: &Client, image: &PlannedImage) -> bool {
    let Some(destination) = &image.destination else { return true };
    let (Ok(repository), Some(tag)) = (destination.repository(), destination.tag()) else { return true };
    let found = client.probe_manifest_at(&client.endpoint(&repository), &Reference::Tag(tag.to_owned())).await;
    matches!(found, Ok(Some(found)) if Some(&found.digest) == image.digest())
}
