//! The coordinator with a scripted carrier: no sockets, no files.

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

/// Every image has one blob of its own. The steps of `panics` panic, those of `fails` fail.
#[derive(Default)]
struct Scripted {
    panics: BTreeSet<(Step, usize)>,
    fails: BTreeSet<(Step, usize)>,
    asked: Mutex<Vec<(Step, usize)>>,
}

impl Scripted {
    fn step(&self, step: Step, at: usize) -> Result<(), CopyError> {
        self.asked.lock().unwrap().push((step, at));
        assert!(!self.panics.contains(&(step, at)), "scripted");
        if self.fails.contains(&(step, at)) { Err(CopyError::permanent("scripted", "it fails")) } else { Ok(()) }
    }
}

impl Carrier for Scripted {
    async fn resolve(&self, at: usize, _: &PlannedImage) -> Result<Resolved, CopyError> {
        self.step(Step::Resolve, at)?;
        let digest = |letter: char| format!("sha256:{}{at:02}", letter.to_string().repeat(62));
        let text = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest('c'), "size": 10},
            "layers": [],
        });
        let root = VerifiedManifest::made(&text, "application/vnd.oci.image.manifest.v1+json");
        let nothing = |_| async { Err(CopyError::permanent("scripted", "there are no children")) };
        let tree = walk(Root::made(root), &[], nothing).await.map_err(mirror_job::failure::tree)?;
        Ok(Resolved { tree: Arc::new(tree), complete: false })
    }

    fn blob_repository(&self, _: &PlannedImage) -> String {
        String::new()
    }

    fn has_blob(&self, _: &Descriptor) -> bool {
        false
    }

    async fn carry(&self, job: &BlobJob) -> Result<Carried, CopyError> {
        self.step(Step::Carry, job.images[0]).map(|()| Carried { moved: job.blob.size })
    }

    async fn finish(&self, image: &PlannedImage, _: &ImageTree) -> Result<(), CopyError> {
        self.step(Step::Finish, image.why.line as usize)
    }

    fn target_name(&self, _: &PlannedImage) -> String {
        "nowhere".to_owned()
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
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

/// Outcome and condition of each image, in one line.
async fn run(images: Vec<PlannedImage>, carrier: Scripted) -> (String, Vec<(Step, usize)>) {
    let (images, carrier) = (Arc::new(images), Arc::new(carrier));
    // One image at a time, so that the order is known.
    let limits = Limits { images: 1, blobs: 1 };
    let copied = super::super::copy(&images, &carrier, limits, &(Arc::new(Silent) as Arc<dyn Observer>)).await;
    let line = |report: &ImageReport| match &report.error {
        Some(error) => format!("{:?} {}", report.outcome, error.condition),
        None => format!("{:?}", report.outcome),
    };
    let told = copied.images.iter().map(line).collect::<Vec<_>>().join(", ");
    let asked = carrier.asked.lock().unwrap().clone();
    (told, asked)
}

#[tokio::test]
async fn a_panic_in_a_task_fails_its_image_and_what_needs_it() {
    use ImageKind::{Additional, OperatorBundle, OperatorRelated, ReleaseComponent};
    for step in [Step::Resolve, Step::Carry, Step::Finish] {
        let carrier = || Scripted { panics: [(step, 0)].into(), ..Scripted::default() };
        let (told, _) = run(images(&[OperatorRelated, Additional, OperatorBundle]), carrier()).await;
        assert_eq!(told, "Failed internal, Copied, Skipped needed-image-failed", "{step:?}");
        // A release image that fails stops the run, whatever the reason.
        let (told, _) = run(images(&[ReleaseComponent, Additional]), carrier()).await;
        assert!(told.starts_with("Failed internal, "), "{step:?}: {told}");
    }
}

#[tokio::test]
async fn what_failed_with_another_image_is_not_asked_for() {
    use ImageKind::{OperatorBundle, OperatorRelated};
    let carrier = Scripted { fails: [(Step::Resolve, 0)].into(), ..Scripted::default() };
    let (told, asked) = run(images(&[OperatorRelated, OperatorBundle]), carrier).await;
    assert_eq!(told, "Failed scripted, Skipped needed-image-failed");
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
