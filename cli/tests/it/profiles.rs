//! The workflows against registries with the habits of others (`docs/compatibility.md`): as destination and as source.

use std::fmt::Write as _;

use test_support::{
    Auth, Effect, Fault, Image, ImageBuilder, IndexBuilder, Kind, Layer, Profile, Registry, Request, TokenAuth, When,
    artifact,
};

use crate::harness::{Home, Outcome, auths, walk};

/// What comes of a delete.
#[derive(Clone, Copy, PartialEq)]
enum Delete {
    /// The images are gone.
    Gone,
    /// The registry does not delete: the run fails, and says so.
    Refused,
}

/// Images that share a layer, in formats that a registry may know or not, and a referrer.
struct World {
    images: Vec<(&'static str, Image)>,
    referrer: Option<Image>,
}

impl World {
    fn new(profile: Profile) -> Self {
        let docker = profile == Profile::NexusOld;
        let builder = || if docker { ImageBuilder::docker() } else { ImageBuilder::oci() };
        let index = if docker { IndexBuilder::docker() } else { IndexBuilder::oci() };
        let shared = Layer::random(1, 40_000);
        // More than a chunk of any registry.
        let one = builder().layer(shared.clone()).layer(Layer::random(2, 6 << 20)).build();
        let two = ImageBuilder::docker().layer(shared.clone()).layer(Layer::random(3, 20_000)).build();
        let list = index.architectures(&["amd64", "arm64"], 4, 9_000).build();
        let referrer = artifact("application/spdx+json", "application/spdx+json", b"{}", Some(&one));
        let images = vec![("apps/one", one), ("apps/two", two), ("deep/down/list", list)];
        Self { images, referrer: (!docker).then_some(referrer) }
    }

    fn push(&self, registry: &Registry, below: &str) {
        for (repository, image) in &self.images {
            registry.push(&format!("{below}{repository}"), "v1", image);
        }
        if let Some(referrer) = &self.referrer {
            registry.push(&format!("{below}apps/one"), None, referrer);
        }
    }

    fn configure(&self, home: &Home, host: &str, below: &str) {
        home.additional_images(self.images.iter().map(|(repository, _)| format!("{host}/{below}{repository}:v1")));
    }

    #[track_caller]
    fn is_at(&self, registry: &Registry, below: &str) {
        for (repository, image) in &self.images {
            let found = registry.manifest(&format!("{below}{repository}"), "v1").map(|found| found.digest);
            assert_eq!(found.as_ref(), Some(&image.digest), "{below}{repository}");
            for child in image.manifests() {
                assert!(registry.manifest(&format!("{below}{repository}"), &child.digest.to_string()).is_some());
            }
        }
    }

    /// Makes the repositories that a push would need.
    fn create(&self, registry: &Registry, below: &str) {
        for (repository, _) in &self.images {
            registry.create(&format!("{below}{repository}"));
        }
    }
}

/// A home that knows the credentials of the registry.
fn home_for(registry: &Registry) -> (Home, String) {
    let home = Home::new();
    let login = format!("{}:{}", Profile::USER, Profile::PASSWORD);
    let auth = home.write("auth.json", auths(&[(registry.host(), &login)])).display().to_string();
    (home, auth)
}

/// Bytes of blobs that were sent.
fn sent(registry: &Registry) -> u64 {
    registry.requests_matching(&When::kind(Kind::Upload)).iter().map(Request::bytes_received).sum()
}

/// Mirror to mirror, to disk and back, and again without a byte of a blob; then delete.
fn as_destination(profile: Profile, delete: Delete) {
    let world = World::new(profile);
    let (source, registry) = (Registry::start_blocking(), Registry::builder().profile(profile).start_blocking());
    world.push(&source, "");
    if profile == Profile::Ecr {
        world.create(&registry, "m/");
        world.create(&registry, "d/");
    }
    let (home, auth) = home_for(&registry);
    world.configure(&home, source.host(), "");
    let (direct, carried) = (format!("{}/m", registry.host()), format!("{}/d", registry.host()));
    let more = ["--authfile", &auth, "--retry-times=1"];
    let takes_artifacts = !matches!(profile, Profile::Quay | Profile::Ecr | Profile::GitLab);
    let tells = |outcome: &Outcome| {
        if !takes_artifacts {
            outcome.says("does not take artifact");
        }
    };

    let found = home.mirror_to_mirror(&direct, &more);
    tells(found.code(0));
    world.is_at(&registry, "m/");
    home.to_disk(&more).code(0);
    let found = home.to_mirror(&carried, &more);
    tells(found.code(0));
    world.is_at(&registry, "d/");
    if let Some(referrer) = &world.referrer {
        let there = registry.manifest("d/apps/one", &referrer.digest.to_string()).is_some();
        assert_eq!(there, takes_artifacts, "the referrer");
    }

    registry.clear_requests();
    home.to_mirror(&carried, &more).code(0);
    home.mirror_to_mirror(&direct, &more).code(0);
    assert_eq!(sent(&registry), 0, "a second run sends blobs");

    let found = delete_all(&home, &world, &source, &carried, &auth);
    match delete {
        Delete::Gone => {
            found.code(0);
            for (repository, _) in &world.images {
                assert!(registry.manifest(&format!("d/{repository}"), "v1").is_none(), "{repository} is there");
            }
        }
        Delete::Refused => {
            assert_ne!(found.code, Some(0));
            found.says("does not allow deleting").says("delete the images with the registry's own tools");
            world.is_at(&registry, "d/");
        }
    }
    world.is_at(&registry, "m/");
}

/// Both steps of a delete of all images.
fn delete_all(home: &Home, world: &World, source: &Registry, to: &str, auth: &str) -> Outcome {
    let mut text = "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  \
                    additionalImages:\n"
        .to_owned();
    for (repository, _) in &world.images {
        writeln!(text, "  - name: {}/{repository}:v1", source.host()).unwrap();
    }
    home.write("disc.yaml", text);
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{to}"));
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
    let lists = walk(&home.disk().join("working-dir/delete"));
    let list = lists.iter().find(|path| path.ends_with("delete-images.yaml")).unwrap().display().to_string();
    home.run(&[
        "delete",
        "--delete-yaml-file",
        &list,
        "--workspace",
        &workspace,
        &to,
        "--dest-tls-verify=false",
        "--authfile",
        auth,
        "--retry-delay=10ms",
        "--retry-times=1",
    ])
}

/// Everything of the registry goes to disk and on into an ordinary one, with the same digests.
fn as_source(profile: Profile) {
    let world = World::new(profile);
    let (registry, destination) = (Registry::builder().profile(profile).start_blocking(), Registry::start_blocking());
    world.push(&registry, "p/");
    let (home, auth) = home_for(&registry);
    world.configure(&home, registry.host(), "p/");
    let more = ["--authfile", &auth, "--retry-times=1"];
    home.to_disk(&more).code(0);
    home.to_mirror(destination.host(), &more).code(0);
    world.is_at(&destination, "p/");
    home.verify_cache();
}

fn check(profile: Profile, delete: Delete) {
    as_destination(profile, delete);
    as_source(profile);
}

#[test]
fn quay() {
    check(Profile::Quay, Delete::Gone);
}

#[test]
fn harbor() {
    check(Profile::Harbor, Delete::Gone);
}

#[test]
fn nexus() {
    check(Profile::Nexus, Delete::Gone);
}

/// Images in Docker's formats go all ways; an OCI image is refused, and the others arrive.
#[test]
fn nexus_old() {
    check(Profile::NexusOld, Delete::Gone);

    let registry = Registry::builder().profile(Profile::NexusOld).start_blocking();
    let source = Registry::start_blocking();
    source.push("apps/docker", "v1", &ImageBuilder::docker().layer(Layer::random(1, 5_000)).build());
    source.push("apps/oci", "v1", &ImageBuilder::oci().layer(Layer::random(2, 5_000)).build());
    let (home, auth) = home_for(&registry);
    home.additional_images(["docker", "oci"].map(|name| format!("{}/apps/{name}:v1", source.host())));
    let found = home.mirror_to_mirror(registry.host(), &["--authfile", &auth, "--retry-times=1"]);
    found.code(8).says("MANIFEST_INVALID").says("1 / 2 additional images");
    assert!(registry.manifest("apps/docker", "v1").is_some());
    let told = found.complaints();
    assert!(!told.contains("takes no writes"), "{told}");
}

#[test]
fn artifactory() {
    check(Profile::Artifactory, Delete::Gone);
}

/// Repositories must exist: without them the run says what to do.
#[test]
fn ecr() {
    check(Profile::Ecr, Delete::Gone);

    let world = World::new(Profile::Ecr);
    let (source, registry) = (Registry::start_blocking(), Registry::builder().profile(Profile::Ecr).start_blocking());
    world.push(&source, "");
    let (home, auth) = home_for(&registry);
    world.configure(&home, source.host(), "");
    let found = home.mirror_to_mirror(registry.host(), &["--authfile", &auth, "--retry-times=1"]);
    found.code(8).says("/apps/one` first, since this registry makes none by itself");
}

#[test]
fn ghcr() {
    check(Profile::Ghcr, Delete::Refused);
}

#[test]
fn gitlab() {
    check(Profile::GitLab, Delete::Gone);
}

#[test]
fn docker_hub() {
    check(Profile::DockerHub, Delete::Refused);
}

#[test]
fn google() {
    check(Profile::Google, Delete::Gone);
}

/// Mirrors the world to a registry that answers some requests oddly, twice; every image arrives, and nothing is sent twice.
#[track_caller]
fn arrives(what: &str, registry: &Registry, faults: Vec<(When, Effect)>) {
    let world = World::new(Profile::Quay);
    let source = Registry::start_blocking();
    world.push(&source, "");
    for (when, effect) in faults {
        registry.fault(Fault::new(when, effect));
    }
    let (home, auth) = home_for(registry);
    world.configure(&home, source.host(), "");
    let more = ["--authfile", &auth, "--retry-times=1"];
    let found = home.mirror_to_mirror(registry.host(), &more);
    assert_eq!(found.code, Some(0), "{what}: {found:?}");
    world.is_at(registry, "");
    registry.clear_requests();
    let found = home.mirror_to_mirror(registry.host(), &more);
    assert_eq!((found.code, sent(registry)), (Some(0), 0), "{what}, again: {found:?}");
}

/// An answer with this status and body.
fn page(code: u16, media_type: &str, body: &str) -> Effect {
    Effect::Status {
        code,
        headers: vec![("Content-Type".to_owned(), media_type.to_owned())],
        body: Some(body.to_owned()),
    }
}

/// What gateways and proxies in front of registries say to the question for referrers.
#[test]
fn odd_answers_about_referrers_lose_no_image() {
    let login = Effect::Status {
        code: 303,
        headers: vec![("Location".to_owned(), "https://login.invalid.example.com/".to_owned())],
        body: Some(String::new()),
    };
    let answers = [
        ("HTML", page(200, "text/html", "<html>welcome</html>")),
        ("null", page(200, "application/json", "null")),
        ("login", login),
        ("403", Effect::status(403)),
        ("405", Effect::status(405)),
        ("501", Effect::status(501)),
    ];
    for (what, answer) in answers {
        arrives(what, &Registry::start_blocking(), vec![(When::kind(Kind::Referrers), answer)]);
    }
}

/// Mounts, monolithic uploads and `HEAD` that a registry does not have.
#[test]
fn requests_that_are_refused_lose_no_image() {
    let mount = || When::kind(Kind::Upload).method("POST").query("mount=");
    let whole = || When::kind(Kind::Upload).method("PUT").query("digest=");
    let head = || When::kind(Kind::Manifest).method("HEAD");
    for status in [400, 401, 403, 405, 500] {
        arrives(&format!("mount {status}"), &Registry::start_blocking(), vec![(mount(), Effect::status(status))]);
    }
    for status in [400, 401, 403, 405, 501] {
        arrives(&format!("HEAD {status}"), &Registry::start_blocking(), vec![(head(), Effect::status(status))]);
    }
    arrives("PATCH only", &Registry::start_blocking(), vec![(When::kind(Kind::Upload), Effect::RefuseMonolithic)]);
    // A proxy in front of the registry takes no larger request, of whatever kind.
    for (bytes, status) in [(1 << 20, 413), (5 << 20, 413), (1 << 20, 416)] {
        let large = || When::kind(Kind::Upload);
        let faults = vec![(large(), Effect::LargestBody { bytes, status })];
        arrives(&format!("{status} above {bytes} bytes"), &Registry::start_blocking(), faults);
    }
    let chunks = |bytes| (When::kind(Kind::Upload).method("PATCH"), Effect::LargestBody { bytes, status: 416 });
    for bytes in [1 << 20, 4 << 20] {
        let faults = vec![(When::kind(Kind::Upload), Effect::RefuseMonolithic), chunks(bytes)];
        arrives(&format!("PATCH of at most {bytes} bytes"), &Registry::start_blocking(), faults);
    }
    arrives("PUT 400 once", &Registry::start_blocking(), vec![(whole().once(), Effect::status(400))]);
    arrives("no digest", &Registry::start_blocking(), vec![(When::any(), Effect::NoDigestHeader)]);
    let elsewhere = vec![(When::kind(Kind::Upload), Effect::LocationOnCdn)];
    arrives("uploads at another host", &Registry::start_blocking(), elsewhere);
}

/// `application/vnd.oci.image.manifest.v1+json; charset=utf-8`, at the destination and at the source.
#[test]
fn a_charset_in_media_types_loses_no_image() {
    let faults = || vec![(When::any(), Effect::Charset)];
    arrives("charset", &Registry::start_blocking(), faults());

    let world = World::new(Profile::Quay);
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world.push(&source, "");
    for (when, effect) in faults() {
        source.fault(Fault::new(when, effect));
    }
    let home = Home::new();
    world.configure(&home, source.host(), "");
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    world.is_at(&destination, "");
    home.verify_cache();
}

/// One tag a page, and tokens that end within the run.
#[test]
fn small_pages_and_short_tokens_lose_no_image() {
    arrives("one tag a page", &Registry::builder().page_size(1).start_blocking(), Vec::new());
    let tokens = Auth::Token(TokenAuth::user(Profile::USER, Profile::PASSWORD).lifetime(2));
    arrives("tokens of 2 s", &Registry::builder().auth(tokens).start_blocking(), Vec::new());
}
