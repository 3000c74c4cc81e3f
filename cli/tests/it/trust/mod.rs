//! Signatures travel with their images, and policies decide which images travel.

use test_support::{
    DebianRegistry, Effect, Fault, Image, ImageBuilder, IndexBuilder, Layer, Registry, Skopeo, When, artifact,
    cosign_signature, cosign_signature_tag,
};

use crate::harness::Home;

mod attached;
mod certificates;
mod helpers;
mod hosts;
mod insecure;
mod modes;
pub(crate) mod policy;
mod secrets;
mod secure_policy;
mod signing_key;
mod upload_names;

pub(crate) use policy::KEY;

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

/// Signatures lie beside their image under the name that it is given, by every way, and are deleted there (
/// `docs/behaviour/config-cli.md` 4.4, 4.8 and 7.2).
#[test]
fn signatures_follow_images_that_are_renamed() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images, &source);
    let (home, host) = (Home::new(), source.host());
    let [single, list, pinned] = &images[..] else { panic!("three images") };
    let names = [single.name(host), format!("{host}/ns/list@{}", list.image.digest), pinned.name(host)];
    let repositories = ["x/y", "x/list", "other/pinned"];
    let body = format!(
        "additionalImages:\n- name: {}\n  targetRepo: x/y\n  targetTag: z\n- name: {}\n  targetRepo: x/list\n\
         - name: {}\n  targetTag: z\n",
        names[0], names[1], names[2]
    );
    home.configuration(&body);
    home.to_disk(&[]).code(0);
    let tag = cosign_signature_tag(&single.image.digest);
    let link = format!("docker/registry/v2/repositories/x/y/_manifests/tags/{tag}/current/link");
    let entries = home.entries("mirror_000001.tar");
    assert!(entries.contains(&link), "{entries:#?}");
    home.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for namespace in ["d/", "m/"] {
        for ((image, repository), tag) in images.iter().zip(repositories).zip(["z", &list.image.digest.as_tag(), "z"]) {
            let found = destination.manifest(&format!("{namespace}{repository}"), tag).map(|found| found.digest);
            assert_eq!(found, Some(image.image.digest.clone()), "{namespace}{repository}:{tag}");
            let renamed = Signed { repository, image: image.image.clone(), attached: image.attached.clone() };
            renamed.assert_attached(&destination, namespace);
        }
    }
    let there = destination.repositories();
    assert_eq!(there, ["d/other/pinned", "d/x/list", "d/x/y", "m/other/pinned", "m/x/list", "m/x/y"]);

    let indented = body.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    home.write("disc.yaml", format!("kind: DeleteImageSetConfiguration\ndelete:\n{indented}"));
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{}/d", destination.host()));
    let delete = |more: &[&str]| home.run(&[&["delete", "--workspace", &workspace, &to], more].concat());
    delete(&["--generate", "-c", "disc.yaml", "--delete-signatures"]).code(0);
    let list = home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
    let text = std::fs::read_to_string(&list).unwrap().replace('"', "");
    let item = format!("- imageName: {host}/ns/single:{tag}\n  imageReference: {to}/x/y:{tag}\n");
    assert!(text.contains(&item), "{text}");
    delete(&["--delete-yaml-file", &list, "--dest-tls-verify=false"]).code(0);
    for repository in repositories {
        assert_eq!(destination.tags(&format!("d/{repository}")), [""; 0], "{repository}");
        assert!(destination.tags(&format!("m/{repository}")).len() > 1, "{repository}");
    }
}

/// `signatures: removed`.
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

/// `use-sigstore-attachments: false` of registries.d: that registry is not asked, and a policy finds nothing there.
#[test]
fn signatures_stay_behind_where_registries_d_says_so() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images, &source);
    let home = Home::new();
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    let scope = |host: &str| format!("docker:\n  {host}:\n    use-sigstore-attachments: false\n");
    home.write("registries.d/lab.yaml", scope(source.host()));
    let at = ["--registries.d", "registries.d"];
    for _ in 0..2 {
        home.to_disk(&[&at[..], &["--since", "2015-01-01"]].concat()).code(0);
    }
    home.mirror_to_mirror(destination.host(), &at).code(0);
    assert!(source.requests_matching(&When::path(r"\.(sig|att|sbom)$|/referrers/")).is_empty());
    home.write("policy.json", r#"{"default": [{"type": "sigstoreSigned", "keyPath": "key.pub"}]}"#);
    let policy = ["--secure-policy", "--policy=policy.json"];
    home.mirror_to_mirror(destination.host(), &[&at[..], &policy].concat()).code(8).says("is rejected by policy");
    assert!(source.requests_matching(&When::path(r"\.(sig|att|sbom)$|/referrers/")).is_empty());

    // Of another registry nothing was said; and once nothing is, what stayed behind follows.
    home.write("registries.d/lab.yaml", scope("registry.example.com"));
    home.mirror_to_mirror(destination.host(), &at).code(0);
    assert_all_attached(&images, &destination, "");
    home.to_disk(&[&at[..], &["--since", "2015-01-01"]].concat()).code(0);
    let loaded = Registry::start_blocking();
    home.to_mirror(loaded.host(), &[]).code(0);
    assert_all_attached(&images, &loaded, "");
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

/// That a pinned image has no signature counts for a day; a run after that finds what was published since.
#[test]
fn the_answer_that_a_pinned_image_is_unsigned_counts_for_a_day() {
    let list = IndexBuilder::docker().architectures(&["amd64", "arm64"], 10, 20_000).build();
    let single = ImageBuilder::oci().layer(Layer::random(1, 40_000)).build();
    for images in [[Signed::new("other/pinned", list)], [Signed::new("other/pinned", single)]] {
        let (source, through) = (Registry::start_blocking(), Registry::start_blocking());
        let straight = Registry::start_blocking();
        let home = Home::new();
        source.push("other/pinned", "v1", &images[0].image);
        home.additional_images(images.iter().map(|image| image.name(source.host())));
        let a_day_later = || {
            let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
            let notes: Vec<_> = std::fs::read_dir(home.cache().join("unsigned")).unwrap().map(Result::unwrap).collect();
            for note in &notes {
                std::fs::File::open(note.path()).unwrap().set_modified(yesterday).unwrap();
            }
            notes.len()
        };
        // Both workflows out; what they asked the source.
        let mirror = || {
            source.clear_requests();
            home.to_disk(&["--since", "2015-01-01", "--retry-times", "0"]).code(0);
            home.mirror_to_mirror(straight.host(), &["--retry-times", "0"]).code(0);
            source.requests_matching(&When::path("other/pinned"))
        };
        mirror();
        assert!(mirror().is_empty(), "it has said so today");
        assert_eq!(a_day_later(), 2, "one note for the cache, one for the destination");
        // For each workflow the manifest, which tells where the image is, and one question about its signature.
        let asked = mirror();
        assert_eq!(asked.len(), 4, "{asked:#?}");
        assert!(mirror().is_empty(), "it has said so today");
        // Without an answer nothing changes, and the next run asks again.
        a_day_later();
        let outage = Effect::Status { code: 503, headers: Vec::new(), body: None };
        let outage = source.fault(Fault::new(When::path("other/pinned"), outage));
        assert!(!mirror().is_empty());
        outage.stop();

        push_all(&images, &source);
        assert!(!mirror().is_empty());
        assert_all_attached(&images, &straight, "");
        home.to_mirror(through.host(), &[]).code(0);
        assert_all_attached(&images, &through, "");
        // Signed: there is no question left.
        assert_eq!(a_day_later(), 0);
        assert!(mirror().is_empty());
    }
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

        // The cache knows nothing of them yet: they come from the source.
        home.mirror_to_mirror(straight.host(), &[]).code(0);
        assert_all_attached(&images, &straight, "");
        home.to_disk(&[]).code(0);
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

/// A manifest of a signature may name thousands of layers, none of them there: it stays behind, and its image arrives.
#[test]
fn a_signature_of_thousands_of_layers_fails_itself_and_not_its_image() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let image = ImageBuilder::oci().layer(Layer::random(1, 4000)).build();
    source.push("ns/app", "v1", &image);
    let layer = |number: u32| {
        let digest = format!("sha256:{number:064x}");
        serde_json::json!({ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": digest, "size": 1 })
    };
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": layer(0),
        "layers": (1..3000).map(layer).collect::<Vec<_>>(),
    });
    let digest = source.put_manifest("ns/app", media_type, manifest.to_string().into_bytes());
    source.tag("ns/app", &format!("{}.sig", image.digest.as_tag()), &digest);
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let words = "has more than 1000 layers and is left behind";
    home.to_disk(&[]).code(0).says(words);
    home.mirror_to_mirror(destination.host(), &[]).code(0).says(words);
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, image.digest);
    let asked = source.requests().into_iter().filter(|request| request.path.contains("/blobs/sha256:00000")).count();
    assert_eq!(asked, 0);
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
