//! The coordinator with a scripted transfer: no sockets, no files.

use std::collections::BTreeSet;
use std::sync::Mutex;

use mirror_plan::{CacheName, Claimant, Collision, Holder, ImageKind, Why};
use oci_manifest::{Root, VerifiedManifest, walk};

use super::*;

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Resolve,
    Carry,
    Finish,
}

/// Every image has one blob: of its own, or the one that all share. The steps of `panics` panic, those of `fails` fail.
#[derive(Default)]
struct Scripted {
    panics: BTreeSet<(Step, usize)>,
    fails: BTreeSet<(Step, usize)>,
    /// Every image has the same blob, and a repository of its own unless `one_repository`.
    shared: bool,
    one_repository: bool,
    /// Whether everything is refused once all images are known.
    refuses: bool,
    resolves_first: bool,
    /// Resolving this image waits until a transfer has begun, and that transfer until the image is resolved.
    late: Option<usize>,
    begun: tokio::sync::Notify,
    joined: tokio::sync::Notify,
    asked: Mutex<Vec<(Step, usize)>>,
    /// Repository and where it was mounted from, of each transfer.
    transfers: Mutex<Vec<String>>,
    stopped: std::sync::atomic::AtomicBool,
}

impl Scripted {
    fn step(&self, step: Step, at: usize) -> Result<(), CopyError> {
        self.asked.lock().unwrap().push((step, at));
        assert!(!self.panics.contains(&(step, at)), "scripted");
        if self.fails.contains(&(step, at)) {
            Err(CopyError::permanent(Condition::Archive, "it fails"))
        } else {
            Ok(())
        }
    }
}

impl Transfer for Scripted {
    async fn resolve(&self, at: usize, _: &PlannedImage) -> Result<Resolved, CopyError> {
        self.step(Step::Resolve, at)?;
        if self.late == Some(at) {
            self.begun.notified().await;
        }
        let blob = if self.shared { 0 } else { at };
        let digest = |letter: char| format!("sha256:{}{at:02}", letter.to_string().repeat(62), at = blob);
        let text = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest('c'), "size": 10},
            "layers": [], "annotations": {"image": at.to_string()},
        });
        let root = VerifiedManifest::made(&text, "application/vnd.oci.image.manifest.v1+json");
        let nothing = |_| async { Err(CopyError::permanent(Condition::Archive, "there are no children")) };
        let tree = walk(Root::made(root), &[], nothing).await.map_err(mirror_job::failure::tree)?;
        Ok(Resolved { tree: Arc::new(tree), complete: false })
    }

    fn blob_repository(&self, image: &PlannedImage) -> String {
        if self.shared && !self.one_repository { image.origin.clone() } else { String::new() }
    }

    fn has_blob(&self, _: &Descriptor) -> bool {
        false
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        let from = job.mount_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        self.transfers.lock().unwrap().push(format!("{}{from}", job.repository));
        if self.late.is_some() {
            self.begun.notify_one();
            self.joined.notified().await;
        }
        let moved = if job.mount_from.is_some() { 0 } else { job.blob.size };
        self.step(Step::Carry, job.images[0]).map(|()| Transferred { moved })
    }

    async fn finish(&self, image: &PlannedImage, _: &ImageTree) -> Result<(), CopyError> {
        self.step(Step::Finish, image.why.line as usize)
    }

    fn all_resolved(&self, _: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        // Told in the coordinator's own task, when the late image has joined.
        self.joined.notify_one();
        if self.refuses { Err(CopyError::permanent(Condition::Archive, "there is no room")) } else { Ok(()) }
    }

    fn resolves_first(&self) -> bool {
        self.resolves_first
    }

    fn stopped(&self) {
        self.stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn target_name(&self, _: &PlannedImage) -> String {
        "nowhere".to_owned()
    }
}

/// Images of these kinds; each bundle needs all related images before it.
fn images(kinds: &[ImageKind]) -> Vec<PlannedImage> {
    let mut related = Vec::new();
    let image = |(at, kind): (usize, &ImageKind)| {
        let source = format!("h.io/image{at}:1").parse().unwrap();
        let cache = CacheName { repository: format!("image{at}"), tag: "1".into() };
        let why = Why { line: u32::try_from(at).unwrap(), ..Why::default() };
        let mut image = PlannedImage::new(*kind, format!("image{at}"), source, cache, None, why).unwrap();
        match kind {
            ImageKind::OperatorBundle => image.needs.clone_from(&related),
            ImageKind::OperatorRelated => related.push(image.id.clone()),
            _ => {}
        }
        image
    };
    kinds.iter().enumerate().map(image).collect()
}

/// Outcome and condition of each image, in one line, and what was asked of the transfer in order.
async fn run(images: Vec<PlannedImage>, transfer: Scripted) -> (String, Vec<(Step, usize)>) {
    // One image at a time, so that the order is known.
    let (copied, transfer) = run_with(images, transfer, Limits { images: 1, blobs: 1 }).await;
    let asked = transfer.asked.lock().unwrap().clone();
    (told(&copied), asked)
}

async fn run_with(images: Vec<PlannedImage>, transfer: Scripted, limits: Limits) -> (Copied, Arc<Scripted>) {
    let (images, transfer) = (Arc::new(images), Arc::new(transfer));
    let silent = Arc::new(mirror_job::event::NoObserver) as Arc<dyn Observer>;
    (super::super::copy(&images, &transfer, limits, &silent).await, transfer)
}

fn told(copied: &Copied) -> String {
    let line = |report: &ImageReport| match &report.error {
        Some(error) => format!("{:?} {}", report.outcome, error.condition),
        None => format!("{:?}", report.outcome),
    };
    copied.images.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_failed_release_stops_the_run() {
    use ImageKind::{Additional, ReleaseComponent};
    let kinds = [ReleaseComponent, Additional, Additional];
    // The step in which the release fails, and what is asked for after that: nothing that had not begun.
    for step in [Step::Resolve, Step::Carry, Step::Finish] {
        let transfer = Scripted { fails: [(step, 0)].into(), ..Scripted::default() };
        let (copied, transfer) = run_with(images(&kinds), transfer, Limits { images: 1, blobs: 1 }).await;
        let told = told(&copied);
        assert!(told.starts_with("Failed archive, ") && told.ends_with("Skipped"), "{step:?}: {told}");
        assert!(transfer.stopped.load(std::sync::atomic::Ordering::Relaxed), "{step:?}");
        let asked = transfer.asked.lock().unwrap().clone();
        let failed = asked.iter().position(|asked| *asked == (step, 0)).unwrap();
        let after: Vec<_> = asked[failed + 1..].iter().filter(|(step, _)| *step == Step::Finish).collect();
        assert_eq!(after, Vec::<&(Step, usize)>::new(), "{step:?}: {asked:?}");
    }
    // Any other image that fails stops nothing.
    let transfer = Scripted { fails: [(Step::Resolve, 1)].into(), ..Scripted::default() };
    let (told, _) = run(images(&kinds), transfer).await;
    assert_eq!(told, "Copied, Failed archive, Copied");
}

#[tokio::test]
async fn a_mount_comes_after_the_first_upload() {
    let kinds = [ImageKind::Additional; 4];
    for blobs in [1, 8] {
        let transfer = Scripted { shared: true, ..Scripted::default() };
        let (copied, transfer) = run_with(images(&kinds), transfer, Limits { images: 8, blobs }).await;
        assert_eq!(told(&copied), "Copied, Copied, Copied, Copied");
        let transfers = transfer.transfers.lock().unwrap().clone();
        let first = transfers[0].clone();
        assert!(!first.contains("from"), "{transfers:?}");
        assert_eq!(transfers.len(), 4, "{transfers:?}");
        assert!(transfers[1..].iter().all(|mounted| mounted.ends_with(&format!(" from {first}"))), "{transfers:?}");
        assert_eq!((copied.bytes_moved, copied.bytes_saved), (10, 30));
    }
    // Where the first upload fails, the next repository uploads.
    let transfer = Scripted { shared: true, fails: [(Step::Carry, 0)].into(), ..Scripted::default() };
    let (copied, transfer) = run_with(images(&kinds[..2]), transfer, Limits { images: 1, blobs: 1 }).await;
    assert_eq!(told(&copied), "Failed archive, Failed archive");
    assert_eq!(*transfer.transfers.lock().unwrap(), ["image0", "image1"]);
}

#[tokio::test]
async fn an_image_is_held_until_what_it_needs_is_there() {
    use ImageKind::{OperatorBundle, OperatorRelated};
    // The bundle stands last in the plan, and all its blobs may arrive first.
    let (told, asked) = run(images(&[OperatorRelated, OperatorRelated, OperatorBundle]), Scripted::default()).await;
    assert_eq!(told, "Copied, Copied, Copied");
    let finished: Vec<usize> = asked.iter().filter(|(step, _)| *step == Step::Finish).map(|(_, at)| *at).collect();
    assert_eq!(finished.last(), Some(&2), "{asked:?}");
    assert_eq!(finished.len(), 3);
}

#[tokio::test]
async fn what_is_refused_once_all_is_known_starts_no_transfer() {
    let kinds = [ImageKind::Additional; 3];
    let transfer = Scripted { refuses: true, resolves_first: true, ..Scripted::default() };
    let (copied, transfer) = run_with(images(&kinds), transfer, Limits { images: 2, blobs: 2 }).await;
    assert_eq!(told(&copied), "Skipped, Skipped, Skipped");
    assert_eq!(copied.refused.map(|refused| refused.message).as_deref(), Some("there is no room"));
    assert!(transfer.transfers.lock().unwrap().is_empty());
    let asked = transfer.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|(step, _)| *step == Step::Resolve).count(), 3, "{asked:?}");
}

#[tokio::test]
async fn a_late_joiner_is_served_by_the_transfer_that_is_on_its_way() {
    let kinds = [ImageKind::Additional; 2];
    let transfer = Scripted { shared: true, one_repository: true, late: Some(1), ..Scripted::default() };
    let (copied, transfer) = run_with(images(&kinds), transfer, Limits { images: 2, blobs: 2 }).await;
    assert_eq!(told(&copied), "Copied, Copied");
    assert_eq!(transfer.transfers.lock().unwrap().len(), 1, "the blob travels once");
    assert_eq!((copied.bytes_moved, copied.images[1].bytes_saved), (10, 10));
}

#[tokio::test]
async fn a_panic_in_a_task_fails_its_image_and_what_needs_it() {
    use ImageKind::{Additional, OperatorBundle, OperatorRelated, ReleaseComponent};
    for step in [Step::Resolve, Step::Carry, Step::Finish] {
        let transfer = || Scripted { panics: [(step, 0)].into(), ..Scripted::default() };
        let (told, _) = run(images(&[OperatorRelated, Additional, OperatorBundle]), transfer()).await;
        assert_eq!(told, "Failed internal, Copied, Skipped needed-image-failed", "{step:?}");
        // A release image that fails stops the run, whatever the reason.
        let (told, _) = run(images(&[ReleaseComponent, Additional]), transfer()).await;
        assert!(told.starts_with("Failed internal, "), "{step:?}: {told}");
    }
}

#[tokio::test]
async fn what_failed_with_another_image_is_not_asked_for() {
    use ImageKind::{OperatorBundle, OperatorRelated};
    let transfer = Scripted { fails: [(Step::Resolve, 0)].into(), ..Scripted::default() };
    let (told, asked) = run(images(&[OperatorRelated, OperatorBundle]), transfer).await;
    assert_eq!(told, "Failed archive, Skipped needed-image-failed");
    assert_eq!(asked, [(Step::Resolve, 0)]);
}

#[tokio::test]
async fn an_image_without_its_name_fails_before_anything_is_asked() {
    use ImageKind::{Additional, OperatorBundle, OperatorRelated};
    let mut images = images(&[OperatorRelated, Additional, OperatorBundle, OperatorBundle]);
    images[3].needs.clear();
    images[0].refused = Some(Collision {
        name: "image0:1".into(),
        loser: Claimant {
            kind: OperatorRelated,
            origin: "image0".into(),
            path: "path".into(),
            line: 1,
            configured: false,
        },
        holder: Holder::Releases { repository: "openshift/release".into() },
    });
    let (told, asked) = run(images, Scripted::default()).await;
    assert_eq!(told, "Failed name-collision, Copied, Skipped needed-image-failed, Copied");
    assert!(asked.iter().all(|(_, at)| matches!(at, 1 | 3)), "{asked:?}");
}
