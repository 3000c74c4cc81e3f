//! Signatures travel with their images, and policies decide which images travel.

use test_support::{
    DebianRegistry, Image, ImageBuilder, IndexBuilder, Layer, Registry, Skopeo, When, artifact, cosign_signature,
    cosign_signature_tag,
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

fn sig_tags(registry: &Registry, repository: &str) -> Vec<String> {
    registry.tags(repository).into_iter().filter(|tag| tag.contains('.')).collect()
}

#[test]
fn signatures_and_other_artifacts_cross_the_gap() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    images.iter().for_each(|image| image.push_to(&source));
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
    images.iter().for_each(|image| image.assert_attached(&destination, "m/"));

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
    images.iter().for_each(|image| image.push_to(&source));
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
    images.iter().for_each(|image| image.assert_attached(&destination, ""));
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
    images.iter().for_each(|image| image.push_to(&source));
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

    use image_signature::cosign::SigningKey;
    use image_signature::{COSIGN_MEDIA_TYPE, Payload};
    use serde_json::json;
    use test_support::{
        Image, ImageBuilder, IndexBuilder, Layer, Registry, When, cosign_signature, cosign_signature_tag,
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
            let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
            let image = if list {
                IndexBuilder::oci().architectures(&["amd64", "arm64"], 10, 20_000).build()
            } else {
                ImageBuilder::oci().layer(Layer::random(1, 40_000)).build()
            };
            source.push("ns/app", "v1", &image);
            let name = format!("{}/ns/app", source.host());
            let subjects: Vec<Image> = match sign {
                Sign::Nothing => Vec::new(),
                Sign::OnlyTheList => vec![image.clone()],
                _ => image.manifests().into_iter().cloned().collect(),
            };
            for subject in subjects {
                let signed = match sign {
                    Sign::ForeignKey => signature(FOREIGN_KEY, &name, &subject, false),
                    Sign::Altered => signature(KEY, &name, &subject, true),
                    Sign::OtherName => signature(KEY, &format!("{name}-other"), &subject, false),
                    _ => signature(KEY, &name, &subject, false),
                };
                source.push("ns/app", cosign_signature_tag(&subject.digest).as_str(), &signed);
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
            println!("{what}");
            world.policy(&rule);
            let Some(why) = refusal else {
                world.to_disk(&[]).code(0);
                world.to_mirror().code(0);
                let tag = if by_digest { world.image.digest.as_tag() } else { "v1".to_owned() };
                assert!(world.destination.manifest("ns/app", &tag).is_some(), "{what}");
                continue;
            };
            world.to_disk(&[]).code(8).says("is rejected by policy").says("policy.json").says(why);
            for blob in world.image.all_blobs() {
                let asked = world.source.requests_matching(&When::path(&blob.digest.to_string()));
                assert!(asked.is_empty(), "{what}: a layer of a refused image was fetched");
            }
            // An archive made without a policy, brought to a place that has one.
            world.home.to_disk(&[]).code(0);
            world.to_mirror().code(8).says("is rejected by policy").says("policy.json").says(why);
            assert!(world.destination.repositories().is_empty(), "{what}: something of a refused image was pushed");
        }
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

    /// skopeo, with the same policy, comes to the same verdict.
    #[test]
    fn skopeo_agrees() {
        let Some(_) = test_support::Skopeo::find() else { return };
        for (sign, accepted) in [(Sign::Good, true), (Sign::ForeignKey, false), (Sign::OtherName, false)] {
            let world = World::new(true, false, sign);
            world.policy(&world.key_rule());
            world.to_disk(&[]).code(if accepted { 0 } else { 8 });
            let registries_d = "default-docker:\n  use-sigstore-attachments: true\n";
            world.home.write("registries.d/default.yaml", registries_d);
            let output = std::process::Command::new("skopeo")
                .args(["--policy", "policy.json", "--registries.d", "registries.d", "copy", "--all", "-q"])
                .args(["--remove-signatures", "--src-tls-verify=false"])
                .arg(format!("docker://{}/ns/app:v1", world.source.host()))
                .arg(format!("oci:{}", world.home.path().join("layout").display()))
                .current_dir(world.home.path())
                .output()
                .unwrap();
            assert_eq!(output.status.success(), accepted, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
