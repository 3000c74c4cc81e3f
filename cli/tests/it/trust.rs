//! Signatures travel with their images, and policies decide which images travel.

use test_support::{
    Auth, DebianRegistry, Effect, Fault, Image, ImageBuilder, IndexBuilder, Layer, Registry, Skopeo, When, artifact,
    cosign_signature, cosign_signature_tag,
};

use crate::harness::Home;

/// An image whose every manifest is signed, with an attestation, an SBOM and a referrer for the whole.
struct Signed {
    repository: &'static str,
    image: Image,
    /// Tag (none for a referrer) and artifact.
    attached: Vec<(Option<String>, Image)>,
}

impl Signed {
    fn new(repository: &'static str, image: Image) -> Self {
        let mut attached = Vec::new();
        for manifest in image.manifests() {
            let signature = cosign_signature(&format!("registry.lab/{repository}"), manifest);
            attached.push((Some(cosign_signature_tag(&manifest.digest)), signature));
        }
        for ending in ["att", "sbom"] {
            let content = format!("{ending} of {}", image.digest);
            let one = artifact("application/spdx+json", "application/spdx+json", content.as_bytes(), None);
            attached.push((Some(format!("{}.{ending}", image.digest.as_tag())), one));
        }
        let note = artifact("application/vnd.lab.note", "text/plain", repository.as_bytes(), Some(&image));
        attached.push((None, note));
        Self { repository, image, attached }
    }

    fn all() -> Vec<Self> {
        let single = ImageBuilder::oci().layer(Layer::random(1, 40_000)).build();
        let list = IndexBuilder::docker().architectures(&["amd64", "arm64"], 10, 20_000).build();
        let pinned = ImageBuilder::docker().layer(Layer::random(3, 30_000)).build();
        vec![Self::new("ns/single", single), Self::new("ns/list", list), Self::new("other/pinned", pinned)]
    }

    fn push_to(&self, registry: &Registry) {
        registry.push(self.repository, "v1", &self.image);
        for (tag, artifact) in &self.attached {
            registry.push(self.repository, tag.as_deref(), artifact);
        }
    }

    fn name(&self, host: &str) -> String {
        match self.repository {
            "other/pinned" => format!("{host}/{}@{}", self.repository, self.image.digest),
            repository => format!("{host}/{repository}:v1"),
        }
    }

    #[track_caller]
    fn assert_attached(&self, registry: &Registry, prefix: &str) {
        let repository = format!("{prefix}{}", self.repository);
        for (tag, artifact) in &self.attached {
            let name = tag.clone().unwrap_or_else(|| artifact.digest.to_string());
            let found = registry.manifest(&repository, &name);
            assert_eq!(found.map(|found| found.digest), Some(artifact.digest.clone()), "{repository} {name}");
            for blob in artifact.all_blobs() {
                assert!(registry.has_blob(&repository, &blob.digest), "{repository} {name}: {}", blob.digest);
            }
        }
    }
}

fn push_all(images: &[Signed], registry: &Registry) {
    for image in images {
        image.push_to(registry);
    }
}

#[track_caller]
fn assert_all_attached(images: &[Signed], registry: &Registry, prefix: &str) {
    for image in images {
        image.assert_attached(registry, prefix);
    }
}

fn sig_tags(registry: &Registry, repository: &str) -> Vec<String> {
    registry.tags(repository).into_iter().filter(|tag| tag.contains('.')).collect()
}

#[test]
fn signatures_and_other_artifacts_cross_the_gap() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images, &source);
    let home = Home::new();
    home.additional_images(images.iter().map(|image| image.name(source.host())));

    home.to_disk(&[]).code(0).says("3 / 3 additional images mirrored successfully");
    let entries = home.entries("mirror_000001.tar");
    let tag = cosign_signature_tag(&images[0].image.digest);
    let link = format!("docker/registry/v2/repositories/ns/single/_manifests/tags/{tag}/current/link");
    assert!(entries.contains(&link), "{entries:#?}");

    // Neither cache nor source is needed to bring them in.
    std::fs::remove_dir_all(home.cache()).unwrap();
    drop(source);
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    assert_all_attached(&images, &destination, "m/");

    // Once there, nothing is sent again; what goes missing is put back.
    let received = destination.bytes_received();
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    assert_eq!(destination.bytes_received(), received);
    destination.remove("m/ns/single", &tag);
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    images[0].assert_attached(&destination, "m/");
}

#[test]
fn signatures_stay_behind_when_asked_to() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images, &source);
    let home = Home::new();
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    home.to_disk(&["--remove-signatures"]).code(0);
    assert!(source.requests_matching(&When::path(r"\.(sig|att|sbom)$|/referrers/")).is_empty());
    home.to_mirror(destination.host(), &["--remove-signatures"]).code(0);
    for image in &images {
        assert!(sig_tags(&destination, image.repository).is_empty());
    }

    // Signatures in the archive, and a destination that shall not have them.
    let home = Home::new();
    let destination = Registry::start_blocking();
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &["--remove-signatures"]).code(0);
    for image in &images {
        assert!(sig_tags(&destination, image.repository).is_empty());
    }
    // Asked for later, they are still there.
    home.to_mirror(destination.host(), &[]).code(0);
    assert_all_attached(&images, &destination, "");
}

#[test]
fn unsigned_images_are_mirrored_without_complaint() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let image = ImageBuilder::oci().layer(Layer::random(1, 4000)).build();
    source.push("ns/app", "v1", &image);
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&[]);
    assert_eq!(outcome.code(0).complaints(), "");
    assert_eq!(home.to_mirror(destination.host(), &[]).code(0).complaints(), "");
}

/// Pinned images are complete for good; a tag can be signed after it was mirrored.
#[test]
fn later_signatures_are_found_for_tags_and_nothing_is_asked_for_pinned_images() {
    let source = Registry::start_blocking();
    let images = Signed::all();
    let home = Home::new();
    for image in &images {
        source.push(image.repository, "v1", &image.image);
    }
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    home.to_disk(&[]).code(0);
    push_all(&images, &source);
    source.clear_requests();
    home.to_disk(&["--since", "2015-01-01"]).code(0);
    assert!(source.requests_matching(&When::path("other/pinned")).is_empty(), "a pinned image was asked for");
    let entries = home.entries("mirror_000001.tar");
    for image in &images[..2] {
        for (tag, _) in image.attached.iter().filter_map(|(tag, image)| Some((tag.as_ref()?, image))) {
            assert!(entries.iter().any(|name| name.contains(&format!("tags/{tag}/current"))), "{tag}");
        }
    }

    // Nothing new: one question about the signature of each tag.
    source.clear_requests();
    home.to_disk(&[]).code(0);
    assert_eq!(source.requests_matching(&When::path(r"\.(sig|att|sbom)$|/referrers/")).len(), 2);
}

/// What an earlier run left behind, on purpose or because the registry did not answer, is asked for by the next; after
/// that, a pinned image is left in peace again.
#[test]
fn signatures_that_were_left_behind_are_asked_for_later() {
    let about_artifacts = || When::path(r"\.(sig|att|sbom)$|/referrers/");
    let check = |what: &str, first: &[&str], fault: Option<Fault>| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let straight = Registry::start_blocking();
        let images = Signed::all();
        push_all(&images, &source);
        let home = Home::new();
        home.additional_images(images.iter().map(|image| image.name(source.host())));
        if let Some(fault) = &fault {
            source.fault(fault.clone());
        }
        home.to_disk(first).code(0);
        home.mirror_to_mirror(straight.host(), first).code(0);
        assert!(sig_tags(&straight, "other/pinned").is_empty(), "{what}");
        source.clear_faults();

        home.to_disk(&[]).code(0);
        home.mirror_to_mirror(straight.host(), &[]).code(0);
        assert_all_attached(&images, &straight, "");
        source.clear_requests();
        home.to_disk(&["--since", "2015-01-01"]).code(0);
        home.mirror_to_mirror(straight.host(), &[]).code(0);
        let asked = source.requests_matching(&When::path("other/pinned"));
        assert!(asked.is_empty(), "{what}: a pinned image was asked for: {asked:?}");

        std::fs::remove_dir_all(home.cache()).unwrap();
        home.to_mirror(destination.host(), &[]).code(0);
        assert_all_attached(&images, &destination, "");
    };
    check("on purpose", &["--remove-signatures"], None);
    let outage = Effect::Status { code: 503, headers: Vec::new(), body: None };
    check("an outage", &["--retry-times", "1"], Some(Fault::new(about_artifacts(), outage)));
}

#[test]
fn signatures_go_straight_from_registry_to_registry() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images, &source);
    let home = Home::new();
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    assert_all_attached(&images, &destination, "m/");
}

/// A list of referrers may say anything; what is brought along has to say itself that it is about the image.
#[test]
fn a_referrer_must_name_its_subject() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let image = ImageBuilder::oci().layer(Layer::random(1, 4000)).build();
    let stranger = artifact("application/vnd.lab.note", "text/plain", b"about nobody", None);
    let honest = artifact("application/vnd.lab.note", "text/plain", b"about it", Some(&image));
    source.push("ns/app", "v1", &image);
    source.push("ns/app", None, &stranger);
    source.push("ns/app", None, &honest);
    let listed = IndexBuilder::oci().child(stranger.clone()).child(honest.clone()).build();
    source.fault(Fault::new(
        When::path("/referrers/"),
        Effect::Status {
            code: 200,
            headers: vec![("content-type".into(), listed.media_type.clone())],
            body: Some(String::from_utf8(listed.bytes.to_vec()).unwrap()),
        },
    ));
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    assert!(destination.manifest("ns/app", &honest.digest.to_string()).is_some());
    assert!(destination.manifest("ns/app", &stranger.digest.to_string()).is_none());
}

/// The password and what it looks like on the way are in no output and in no file of a run, whether it is right or not.
#[test]
fn a_planted_secret_is_nowhere() {
    const SECRET: &str = "pl4nted-s3cret-word";
    let login = format!("user:{SECRET}");
    let encoded = base64_of(login.as_bytes());
    for accepted in [true, false] {
        let password = if accepted { SECRET } else { "another" };
        let secured = || Registry::builder().auth(Auth::basic("user", password)).start_blocking();
        let (source, destination) = (secured(), secured());
        let images = Signed::all();
        push_all(&images, &source);
        let home = Home::new();
        home.additional_images(images.iter().map(|image| image.name(source.host())));
        let entry = |host: &str| format!("\"{host}\": {{\"auth\": \"{encoded}\"}}");
        home.write("auth.json", format!("{{\"auths\": {{{}, {}}}}}", entry(source.host()), entry(destination.host())));
        let more = ["--authfile", "auth.json", "--log-level", "trace"];
        let mut outcomes = vec![home.to_disk(&more), home.to_disk(&[&more[..], &["--output", "json"]].concat())];
        outcomes.push(home.to_mirror(destination.host(), &more));
        outcomes.push(home.mirror_to_mirror(destination.host(), &more));
        outcomes.extend(delete_everything(&home, &images, source.host(), destination.host(), &more, accepted));
        for outcome in &outcomes {
            assert_eq!(outcome.code == Some(0), accepted, "{}", outcome.stderr);
            for secret in [SECRET, encoded.as_str()] {
                assert!(!outcome.stdout.contains(secret), "{}", outcome.stdout);
                assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
            }
        }
        let mut folders = vec![home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() != "auth.json" {
                    let bytes = std::fs::read(entry.path()).unwrap();
                    for secret in [SECRET, encoded.as_str()] {
                        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                        assert!(!found, "{} has the secret", entry.path().display());
                    }
                }
            }
        }
    }
}

/// Both steps of `delete`; without credentials that are accepted there is no list to work from.
fn delete_everything(
    home: &Home,
    images: &[Signed],
    source: &str,
    destination: &str,
    more: &[&str],
    accepted: bool,
) -> Vec<crate::harness::Outcome> {
    let mut text =
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  additionalImages:\n"
            .to_owned();
    for image in images {
        text.extend(["  - name: ", &image.name(source), "\n"]);
    }
    home.write("disc.yaml", text);
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{destination}"));
    let list = home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
    let generate = ["delete", "--generate", "-c", "disc.yaml", "--workspace", workspace.as_str(), to.as_str()];
    let execute = ["delete", "--delete-yaml-file", list.as_str(), "--workspace", workspace.as_str(), to.as_str()];
    let mut outcomes = Vec::new();
    if accepted {
        outcomes.push(home.run(&[&generate[..], more].concat()));
        outcomes.push(home.run(&[&execute[..], more, &["--dest-tls-verify=false"]].concat()));
    }
    outcomes
}

fn base64_of(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let all = chunk.iter().fold(0_u32, |all, byte| (all << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[(all >> (18 - 6 * at)) as usize & 63]);
            text.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

/// With Debian's registry, which has no referrers API, and skopeo as witness.
#[test]
fn a_real_registry_lists_the_signatures() {
    let (Some(source), Some(destination), Some(skopeo)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find())
    else {
        return;
    };
    let images = Signed::all();
    for signed in &images {
        source.push(signed.repository, "v1", &signed.image);
        for (tag, artifact) in &signed.attached {
            source.push(signed.repository, tag.as_deref(), artifact);
        }
    }
    let home = Home::new();
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for signed in &images {
        let repository = format!("{}/m/{}", destination.host(), signed.repository);
        let tags = skopeo.tags(&repository).unwrap();
        for (tag, artifact) in signed.attached.iter().filter_map(|(tag, image)| Some((tag.as_ref()?, image))) {
            assert!(tags.contains(tag), "{repository} has {tags:?}, not {tag}");
            assert_eq!(skopeo.digest(&format!("{repository}:{tag}")).unwrap(), artifact.digest);
        }
    }
}

mod policy {
    //! Each kind of rule with good, absent, foreign, altered and misnamed signatures, in both directions.

    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use image_signature::cosign::SigningKey;
    use image_signature::{
        COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_MEDIA_TYPE, COSIGN_SIGNATURE, Payload,
        SigstoreSignature,
    };
    use serde_json::json;
    use test_support::{
        Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, ReleaseSigner, SigningAuthority,
        SigningCertificate, Skopeo, Subject, TransparencyLog, UpdateService, When, cosign_signature,
        cosign_signature_tag,
    };

    use crate::harness::{Home, Outcome};

    /// Two keys made for these tests with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0SzbFLppv1XxEhdC\n\
        0xrakAsZkuvrBD6HZc9n94yLj+ChRANCAARnE4imRke4SZSiSZLrR+VRn/y8jKiT\n\
        LbpYftsWbSrU2jpFVblOsFBe+YO0ADvQAvZLy4k9GLe+K/THb9qtQjIX\n\
        -----END PRIVATE KEY-----\n";
    const FOREIGN_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgymSM5mOWAetn7s9c\n\
        iy8jVtBTiclGuqNUC3HlFypbxOihRANCAAQ2hgRIQ27XRGgV5EXpL3Z+XGjMNat+\n\
        vilNGoKLaeSaOlgbL438dJEW1ytGvmuMyN3RKnGGGv+zbnjbAxxA8ODK\n\
        -----END PRIVATE KEY-----\n";

    /// The image of a real signature, to lie at the tag `sha256-<hex>.sig`.
    pub(super) fn signature(key: &str, name: &str, signed: &Image, altered: bool) -> Image {
        let key = SigningKey::from_pem(key).unwrap();
        let payload = Payload {
            manifest_digest: signed.digest.to_string().parse().unwrap(),
            docker_reference: name.to_owned(),
            creator: None,
            timestamp: None,
        };
        let signature = key.sign(&payload);
        let mut bytes = signature.payload.clone();
        if altered {
            bytes.push(b' ');
        }
        let mut image = cosign_signature(name, signed);
        let layer = test_support::Blob::new(bytes);
        let mut manifest: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
        manifest["layers"] = json!([{
            "mediaType": COSIGN_MEDIA_TYPE,
            "digest": layer.digest,
            "size": layer.bytes.len(),
            "annotations": signature.annotations,
        }]);
        image.bytes = manifest.to_string().into();
        image.digest = test_support::manifest_digest(&image.bytes);
        image.blobs[1] = layer;
        image
    }

    /// How the images of a row are signed.
    #[derive(Clone, Copy, PartialEq)]
    enum Sign {
        Nothing,
        Good,
        ForeignKey,
        Altered,
        OtherName,
        OnlyTheList,
    }

    struct World {
        source: Registry,
        destination: Registry,
        home: Home,
        image: Image,
    }

    impl World {
        fn new(list: bool, by_digest: bool, sign: Sign) -> Self {
            let only_the_list = sign == Sign::OnlyTheList;
            Self::signed(list, by_digest, only_the_list, &|name, subject| match sign {
                Sign::Nothing => None,
                Sign::ForeignKey => Some(signature(FOREIGN_KEY, name, subject, false)),
                Sign::Altered => Some(signature(KEY, name, subject, true)),
                Sign::OtherName => Some(signature(KEY, &format!("{name}-other"), subject, false)),
                Sign::Good | Sign::OnlyTheList => Some(signature(KEY, name, subject, false)),
            })
        }

        /// `sign` gives the image of the signature of a manifest, by the name of the repository.
        fn signed(
            list: bool,
            by_digest: bool,
            only_the_list: bool,
            sign: &dyn Fn(&str, &Image) -> Option<Image>,
        ) -> Self {
            let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
            let image = if list {
                IndexBuilder::oci().architectures(&["amd64", "arm64"], 10, 20_000).build()
            } else {
                ImageBuilder::oci().layer(Layer::random(1, 40_000)).build()
            };
            source.push("ns/app", "v1", &image);
            let name = format!("{}/ns/app", source.host());
            let subjects = if only_the_list { vec![&image] } else { image.manifests() };
            for subject in subjects {
                if let Some(signed) = sign(&name, subject) {
                    source.push("ns/app", cosign_signature_tag(&subject.digest).as_str(), &signed);
                }
            }
            let home = Home::new();
            home.write("key.pub", SigningKey::from_pem(KEY).unwrap().public_pem());
            home.additional_images([if by_digest { format!("{name}@{}", image.digest) } else { format!("{name}:v1") }]);
            Self { source, destination, home, image }
        }

        /// Writes a policy whose rule for the source's `ns` is `rule`, and which refuses everything else.
        fn policy(&self, rule: &serde_json::Value) {
            let policy = json!({
                "default": [{"type": "reject"}],
                "transports": {"docker": {format!("{}/ns", self.source.host()): [rule]}},
            });
            self.home.write("policy.json", policy.to_string());
        }

        fn to_disk(&self, more: &[&str]) -> Outcome {
            self.home.to_disk(&[&["--secure-policy", "--policy", "policy.json"], more].concat())
        }

        fn to_mirror(&self) -> Outcome {
            self.home.to_mirror(self.destination.host(), &["--secure-policy", "--policy", "policy.json"])
        }

        fn key_rule(&self) -> serde_json::Value {
            json!({
                "type": "sigstoreSigned",
                "keyPath": self.home.path().join("key.pub"),
                "signedIdentity": {"type": "matchRepository"},
            })
        }
    }

    /// Mirrors to disk and on with this rule: both accept, or both refuse and say `why`.
    #[track_caller]
    fn check(what: &str, rule: impl Fn(&World) -> serde_json::Value, sign: Sign, refusal: Option<&str>) {
        for (list, by_digest) in [(false, false), (false, true), (true, false), (true, true)] {
            if !list && sign == Sign::OnlyTheList {
                continue;
            }
            let world = World::new(list, by_digest, sign);
            let rule = rule(&world);
            let what = format!(
                "{what}, {}, by {}",
                if list { "list" } else { "single" },
                if by_digest { "digest" } else { "tag" }
            );
            world.policy(&rule);
            check_world(&what, &world, by_digest, refusal, &[]);
        }
    }

    /// All three workflows with the policy of this world: all accept, or all refuse and say `why`, before any layer moves.
    #[track_caller]
    fn check_world(what: &str, world: &World, by_digest: bool, refusal: Option<&str>, more: &[&str]) {
        let to_mirror = || {
            let options = [&["--secure-policy", "--policy", "policy.json"], more].concat();
            world.home.to_mirror(world.destination.host(), &options)
        };
        let straight_to = |destination: &Registry| {
            let options = [&["--secure-policy", "--policy", "policy.json"], more].concat();
            world.home.mirror_to_mirror(destination.host(), &options)
        };
        let Some(why) = refusal else {
            world.to_disk(more).code(0);
            to_mirror().code(0);
            let straight = Registry::start_blocking();
            for _ in 0..2 {
                straight_to(&straight).code(0);
            }
            assert_eq!(straight.repositories(), ["ns/app"], "{what}");
            let tag = if by_digest { world.image.digest.as_tag() } else { "v1".to_owned() };
            assert!(world.destination.manifest("ns/app", &tag).is_some(), "{what}");
            return;
        };
        let refused = |outcome: Outcome| {
            outcome.code(8).says("is rejected by policy").says("policy.json").says(why);
        };
        refused(world.to_disk(more));
        refused(straight_to(&world.destination));
        for blob in world.image.all_blobs() {
            let asked = world.source.requests_matching(&When::path(&blob.digest.to_string()));
            assert!(asked.is_empty(), "{what}: a layer of a refused image was fetched");
        }
        assert!(world.destination.repositories().is_empty(), "{what}: something of a refused image was pushed");
        // An archive made without a policy, brought to a place that has one.
        world.home.to_disk(&[]).code(0);
        to_mirror().code(8).says("is rejected by policy").says("policy.json");
        assert!(world.destination.repositories().is_empty(), "{what}: something of a refused image was pushed");
    }

    #[test]
    fn rules_without_signatures() {
        let accept = |_: &World| json!({"type": "insecureAcceptAnything"});
        check("anything", accept, Sign::Nothing, None);
        check("reject", |_| json!({"type": "reject"}), Sign::Good, Some("images here are refused"));
    }

    #[test]
    fn signatures_with_a_key() {
        check("good", World::key_rule, Sign::Good, None);
        check("absent", World::key_rule, Sign::Nothing, Some("no signature exists"));
        check("foreign key", World::key_rule, Sign::ForeignKey, Some("none of the trusted keys made it"));
        check("altered", World::key_rule, Sign::Altered, Some("none of the trusted keys made it"));
        check("other name", World::key_rule, Sign::OtherName, Some("-other` is not accepted"));
        check("only the list", World::key_rule, Sign::OnlyTheList, Some("of the list"));
    }

    /// What a signer with a certificate attaches; `log` has seen it.
    fn certified(
        by: &SigningCertificate,
        log: Option<&TransparencyLog>,
        name: &str,
        signed: &Image,
        altered: bool,
    ) -> Image {
        let mut image = signature(&by.key, name, signed, altered);
        let mut manifest: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
        let annotations = &mut manifest["layers"][0]["annotations"];
        annotations[COSIGN_CERTIFICATE] = by.certificate.clone().into();
        annotations[COSIGN_CHAIN] = by.chain.clone().into();
        if let Some(log) = log {
            let text = annotations[COSIGN_SIGNATURE].as_str().unwrap();
            // 2023-06-01: the certificates of this module have expired since.
            annotations[COSIGN_BUNDLE] = log.bundle(&image.blobs[1].bytes, text, &by.certificate, 1_685_577_600).into();
        }
        image.bytes = manifest.to_string().into();
        image.digest = test_support::manifest_digest(&image.bytes);
        image
    }

    #[test]
    fn signatures_with_a_certificate() {
        const EMAIL: &str = "signer@lab.example";
        const PROVIDER: &str = "https://login.lab.example";
        let (authority, foreign, log) = (SigningAuthority::new(), SigningAuthority::new(), TransparencyLog::new());
        let subject = Subject { email: Some(EMAIL), ..Subject::default() };
        let briefly = Subject {
            oidc_issuer: Some(PROVIDER),
            from: Some((2023, 5, 31)),
            until: Some((2023, 6, 2)),
            ..subject.clone()
        };
        let other = |subject: &Subject<'_>| {
            authority.issue(&Subject { email: Some("other@lab.example"), oidc_issuer: subject.oidc_issuer, ..*subject })
        };
        let rule = |fulcio: bool, world: &World| {
            let file = |name: &str, text: String| world.home.write(name, text).display().to_string();
            let root = file("root.pem", authority.root());
            let identity = json!({"type": "matchRepository"});
            if fulcio {
                json!({
                    "type": "sigstoreSigned", "signedIdentity": identity,
                    "fulcio": {"caPath": root, "oidcIssuer": PROVIDER, "subjectEmail": EMAIL},
                    "rekorPublicKeyPath": file("rekor.pub", log.public_key()),
                })
            } else {
                json!({
                    "type": "sigstoreSigned", "signedIdentity": identity,
                    "pki": {"caRootsPath": root, "subjectEmail": EMAIL},
                })
            }
        };
        for fulcio in [false, true] {
            let subject = if fulcio { &briefly } else { &subject };
            let seen = fulcio.then_some(&log);
            let check = |what: &str, (list, by_digest), sign: &dyn Fn(&str, &Image) -> Option<Image>, refusal| {
                let world = World::signed(list, by_digest, false, sign);
                world.policy(&rule(fulcio, &world));
                let what = format!("{what}, fulcio {fulcio}, list {list}, by digest {by_digest}");
                check_world(&what, &world, by_digest, refusal, &[]);
            };
            let holder = authority.issue(subject);
            let good = |name: &str, image: &Image| Some(certified(&holder, seen, name, image, false));
            for form in [(false, false), (true, true)] {
                check("good", form, &good, None);
            }
            let single = (false, false);
            check("absent", single, &|_, _| None, Some("no signature exists"));
            let with_key = |name: &str, image: &Image| Some(signature(KEY, name, image, false));
            check("only a key", single, &with_key, Some("the signature carries no certificate"));
            let stranger = foreign.issue(subject);
            let by_stranger = |name: &str, image: &Image| Some(certified(&stranger, seen, name, image, false));
            check("foreign authority", (true, false), &by_stranger, Some("no trusted authority vouches for"));
            let altered = |name: &str, image: &Image| Some(certified(&holder, seen, name, image, true));
            check("altered", (false, true), &altered, Some("the holder of the certificate for"));
            let other = other(subject);
            let by_other = |name: &str, image: &Image| Some(certified(&other, seen, name, image, false));
            check("another identity", single, &by_other, Some("required is `signer@lab.example`"));
            if fulcio {
                let unseen = |name: &str, image: &Image| Some(certified(&holder, None, name, image, false));
                check("not in the log", single, &unseen, Some("carries no Rekor bundle"));
            }
        }
    }

    /// What a server answers about the signature of a repository and digest.
    type Answer<'a> = &'a dyn Fn(&str, &str) -> Option<(u16, Vec<u8>)>;

    /// Simple-signing signatures on a server: read for the policy, and carried in the archive, since disk to mirror asks
    /// nobody.
    #[test]
    fn simple_signing_on_a_server_travels_in_the_archive() {
        let (trusted, foreign) = (ReleaseSigner::new("signer@lab"), ReleaseSigner::new("signer@lab"));
        let payload = |name: &str, digest: &str| {
            json!({
                "critical": {
                    "identity": {"docker-reference": name},
                    "image": {"docker-manifest-digest": digest},
                    "type": "atomic container signature",
                },
                "optional": {},
            })
            .to_string()
            .into_bytes()
        };
        let check = |what: &str, (list, by_digest), answer: Answer<'_>, refusal: Option<&str>| {
            let world = World::new(list, by_digest, Sign::Nothing);
            let (service, home) = (UpdateService::start_blocking(), &world.home);
            let name = format!("{}/ns/app", world.source.host());
            home.write(
                "registries.d/lab.yaml",
                format!("docker:\n  {name}:\n    lookaside: http://{}/store\n", service.host()),
            );
            home.write("key.asc", trusted.public_key());
            world.policy(&json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc")}));
            for manifest in world.image.manifests() {
                let digest = manifest.digest.to_string();
                if let Some((status, body)) = answer(&name, &digest) {
                    let path = format!("/store/ns/app@{}/signature-1", digest.replace(':', "="));
                    service.answer(&path, status, body);
                }
            }
            let more = ["--registries.d", "registries.d", "--retry-times", "1"];
            check_world(what, &world, by_digest, refusal, &more);
            if refusal.is_none() {
                let entries = home.entries("mirror_000001.tar");
                let place = format!("working-dir/lookaside/{}/ns/app@sha256=", world.source.host());
                assert!(entries.iter().any(|entry| entry.starts_with(&place)), "{what}: {entries:#?}");
                // In the disconnected network the server is not there, and nobody asks for it.
                service.clear_requests();
                let destination = Registry::start_blocking();
                let options = [&["--secure-policy", "--policy", "policy.json"], &more[..]].concat();
                home.to_mirror(destination.host(), &options).code(0);
                assert!(service.requests().is_empty(), "{what}: {:?}", service.requests());
                // Neither signatures nor a server: nothing can be proven.
                std::fs::remove_dir_all(home.disk()).unwrap();
                home.to_disk(&[]).code(0);
                home.to_mirror(destination.host(), &options)
                    .code(8)
                    .says("the archive carries none")
                    .says("--remove-signatures");
            }
        };
        let sign = |by: &ReleaseSigner, name: &str, digest: &str| Some((200, by.sign(&payload(name, digest))));
        let good: Answer<'_> = &|name, digest| sign(&trusted, &format!("{name}:v1"), digest);
        check("good", (false, false), good, None);
        check("good", (true, true), good, None);
        let single = (false, false);
        check("absent", single, &|_, _| None, Some(""));
        check("foreign key", single, &|name, digest| sign(&foreign, &format!("{name}:v1"), digest), Some(""));
        check("other tag", (true, false), &|name, digest| sign(&trusted, &format!("{name}:v2"), digest), Some(""));
        let nobody = format!("sha256:{}", "0".repeat(64));
        check("other manifest", single, &|name, _| sign(&trusted, &format!("{name}:v1"), &nobody), Some(""));
        check("no signature at all", single, &|_, _| Some((200, b"<html>".to_vec())), Some(""));
    }

    /// A rebuilt catalog that `--sign-catalogs` has signed can be verified at its destination by programs of others: with
    /// openssl, and with skopeo under a strict policy where it was built with sigstore (Debian's was not).
    #[test]
    fn others_accept_a_signed_catalog() {
        let Some(_) = Skopeo::find() else { return };
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: openssl is not installed");
            return;
        }
        let source = Registry::start_blocking();
        OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]).push_to(&source);
        let home = Home::new();
        let catalog = format!("{}/cat/index:v1", source.host());
        home.configuration(&format!("operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n"));
        let key = home.write("catalogs.key", KEY).display().to_string();
        home.write("registries.d/default.yaml", "default-docker:\n  use-sigstore-attachments: true\n");
        for (name, pem) in [("own.pub", KEY), ("foreign.pub", FOREIGN_KEY)] {
            home.write(name, SigningKey::from_pem(pem).unwrap().public_pem());
        }
        // `None` where skopeo cannot judge.
        let skopeo = |registry: &Registry, public: &str| {
            let policy = json!({"default": [{
                "type": "sigstoreSigned", "keyPath": home.path().join(public),
                "signedIdentity": {"type": "matchRepository"},
            }]});
            home.write("strict.json", policy.to_string());
            let output = Command::new("skopeo")
                .args(["--policy", "strict.json", "--registries.d", "registries.d", "copy", "-q", "--all"])
                .args(["--remove-signatures", "--src-tls-verify=false"])
                .arg(format!("docker://{}/m/cat/index:v1", registry.host()))
                .arg(format!("oci:{}", home.path().join("layout").display()))
                .current_dir(home.path())
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let judges = !words.contains("sigstore disabled");
            assert!(output.status.success() || !judges || words.contains("ignature"), "{words}");
            judges.then_some(output.status.success())
        };
        let openssl = |public: &str, payload: &[u8], signature: &[u8]| {
            let (payload, signature) = (home.write("payload", payload), home.write("signature", signature));
            let mut command = Command::new("openssl");
            command.args(["dgst", "-sha256", "-verify", public, "-signature"]).arg(signature).arg(payload);
            command.current_dir(home.path()).output().unwrap().status.success()
        };
        let (through, straight, unsigned) =
            (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
        home.mirror_to_mirror(&format!("{}/m", unsigned.host()), &[]).code(0).says("is not signed; --sign-catalogs");
        let signs = ["--sign-catalogs", key.as_str()];
        home.to_disk(&signs).code(0);
        home.to_mirror(&format!("{}/m", through.host()), &signs).code(0);
        home.mirror_to_mirror(&format!("{}/m", straight.host()), &signs).code(0);
        for registry in [&through, &straight] {
            assert!(matches!(skopeo(registry, "own.pub"), None | Some(true)));
            assert!(matches!(skopeo(registry, "foreign.pub"), None | Some(false)));
            // The list and each of its instances.
            let list = registry.manifest("m/cat/index", "v1").unwrap();
            let parsed: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
            let mut digests = vec![list.digest.to_string()];
            let instances = parsed["manifests"].as_array().unwrap();
            digests.extend(instances.iter().map(|one| one["digest"].as_str().unwrap().to_owned()));
            assert_eq!(digests.len(), 3);
            for digest in digests {
                let tag = format!("{}.sig", digest.replace(':', "-"));
                let found = registry.manifest("m/cat/index", &tag).unwrap();
                let found: serde_json::Value = serde_json::from_slice(&found.bytes).unwrap();
                let layer = &found["layers"][0];
                let payload = registry.blob(&layer["digest"].as_str().unwrap().parse().unwrap()).unwrap();
                let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(said["critical"]["image"]["docker-manifest-digest"], digest.as_str());
                let name = format!("{}/m/cat/index", registry.host());
                assert_eq!(said["critical"]["identity"]["docker-reference"], name.as_str());
                let signature = SigstoreSignature {
                    media_type: COSIGN_MEDIA_TYPE.to_owned(),
                    payload: payload.to_vec(),
                    annotations: serde_json::from_value(layer["annotations"].clone()).unwrap(),
                };
                let signature = signature.signature().unwrap();
                assert!(openssl("own.pub", &payload, &signature));
                assert!(!openssl("foreign.pub", &payload, &signature));
            }
        }
        assert_eq!(unsigned.tags("m/cat/index"), ["v1"]);
        assert!(matches!(skopeo(&unsigned, "own.pub"), None | Some(false)));
    }

    /// The policy is asked with the archive's signatures also when these are not to travel further, and a run that
    /// leaves signatures behind still looks at them.
    #[test]
    fn leaving_signatures_behind_does_not_blind_the_policy() {
        let world = World::new(true, true, Sign::Good);
        world.policy(&world.key_rule());
        world.to_disk(&["--remove-signatures"]).code(0);
        // Complete in the cache, pinned, and no signature there: the source is asked.
        world.to_disk(&["--remove-signatures"]).code(0);
        world.to_mirror().code(8).says("no signature exists");
    }

    /// Without `--secure-policy` a policy is only a file.
    #[test]
    fn a_policy_is_enforced_only_when_asked_to() {
        let world = World::new(false, false, Sign::Nothing);
        world.policy(&json!({"type": "reject"}));
        world.home.to_disk(&["--policy", "policy.json"]).code(0);
    }

    /// A `GnuPG` home with one key; its agent is ended with it.
    struct Gpg {
        dir: tempfile::TempDir,
    }

    impl Gpg {
        /// `None` where gpg is not installed.
        fn new() -> Option<Self> {
            let gpg = Self { dir: tempfile::tempdir().unwrap() };
            std::fs::set_permissions(gpg.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
            let made = gpg.gpg(&["--quick-generate-key", "signer@lab", "ed25519", "sign", "never"], b"");
            made.map(|_| gpg)
        }

        fn gpg(&self, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
            let mut child = Command::new("gpg")
                .arg("--homedir")
                .arg(self.dir.path())
                .args(["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"])
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            child.stdin.take().unwrap().write_all(input).unwrap();
            let output = child.wait_with_output().unwrap();
            output.status.success().then_some(output.stdout)
        }

        fn public_key(&self) -> Vec<u8> {
            self.gpg(&["--export", "signer@lab"], b"").unwrap()
        }

        /// A simple-signing signature of the manifest, which lies where registries.d of `home` says.
        fn sign(&self, home: &Home, repository: &str, name: &str, digest: &str) {
            let payload = json!({
                "critical": {
                    "identity": {"docker-reference": name},
                    "image": {"docker-manifest-digest": digest},
                    "type": "atomic container signature",
                },
                "optional": {},
            });
            let message = self.gpg(&["--sign", "--output", "-"], payload.to_string().as_bytes()).unwrap();
            home.write(&format!("sigstore/{repository}@{}/signature-1", digest.replace(':', "=")), message);
        }
    }

    impl Drop for Gpg {
        fn drop(&mut self) {
            let _ = Command::new("gpgconf").arg("--homedir").arg(self.dir.path()).args(["--kill", "all"]).status();
        }
    }

    /// What it is, who signs, the tag signed for, the manifest signed for if it is another one, why it is refused.
    type Row<'a> = (&'a str, Option<&'a Gpg>, &'a str, Option<&'a str>, Option<&'a str>);

    /// `signedBy`, with signatures of real gpg in a lookaside folder; skopeo comes to the same verdicts.
    #[test]
    fn simple_signing_and_skopeo_agrees() {
        let (Some(trusted), Some(foreign)) = (Gpg::new(), Gpg::new()) else { return };
        let other = format!("sha256:{}", "0".repeat(64));
        let rows: [Row; 5] = [
            ("good", Some(&trusted), ":v1", None, None),
            ("absent", None, "", None, Some("no signature exists")),
            ("foreign key", Some(&foreign), ":v1", None, Some("none of the signatures found is accepted")),
            ("other name", Some(&trusted), ":v2", None, Some("is not accepted")),
            ("other manifest", Some(&trusted), ":v1", Some(&other), Some("signature for the manifest")),
        ];
        for (what, signer, tag, named, refusal) in rows {
            let world = World::new(true, false, Sign::Nothing);
            let home = &world.home;
            let lookaside = format!("default-docker:\n  lookaside: file://{}/sigstore\n", home.path().display());
            home.write("registries.d/default.yaml", lookaside);
            home.write("key.gpg", trusted.public_key());
            world.policy(&json!({
                "type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.gpg"),
            }));
            for manifest in world.image.manifests() {
                let Some(gpg) = signer else { continue };
                let name = format!("{}/ns/app{tag}", world.source.host());
                let digest = manifest.digest.to_string();
                gpg.sign(home, "ns/app", &name, &digest);
                if let Some(named) = named {
                    let from = home.path().join(format!("sigstore/ns/app@{}", digest.replace(':', "=")));
                    gpg.sign(home, "ns/app", &name, named);
                    let to = home.path().join(format!("sigstore/ns/app@{}/signature-1", named.replace(':', "=")));
                    std::fs::copy(to, from.join("signature-1")).unwrap();
                }
            }
            let outcome = world.to_disk(&["--registries.d", "registries.d"]);
            match refusal {
                None => outcome.code(0),
                Some(why) => outcome.code(8).says("is rejected by policy").says(why),
            };
            if Skopeo::find().is_some() {
                let output = Command::new("skopeo")
                    .args(["--policy", "policy.json", "--registries.d", "registries.d", "copy", "--all", "-q"])
                    .args(["--remove-signatures", "--src-tls-verify=false"])
                    .arg(format!("docker://{}/ns/app:v1", world.source.host()))
                    .arg(format!("oci:{}", home.path().join("layout").display()))
                    .current_dir(home.path())
                    .output()
                    .unwrap();
                let words = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.success(), refusal.is_none(), "{what}: skopeo says {words}");
            }
        }
    }
}
