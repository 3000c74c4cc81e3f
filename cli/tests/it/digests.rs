//! What was pinned is what arrives: a source with a digest has that digest, or the image fails, whatever the names in an
//! archive, a cache or a destination say.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use test_support::{COMPONENTS, Image, ImageBuilder, IndexBuilder, Layer, Registry, Release, image_references};

use crate::harness::medium::{self, Medium};
use crate::harness::{Home, Outcome, walk};
use crate::operators::{FOO_FROM_0_2, served, world};
use crate::releases::{Outside, carry, enclave};

fn image(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed, 3000)).build()
}

fn list(seed: u64) -> Image {
    IndexBuilder::docker().architectures(&["amd64", "arm64"], seed, 1000).build()
}

/// The names that pin an image of `host` to its digest, and the tag of each.
fn pinned(host: &str, image: &Image) -> [(String, String); 3] {
    let digest = &image.digest;
    [
        (format!("{host}/ns/app@{digest}"), digest.as_tag()),
        (format!("{host}/ns/app:v1@{digest}"), "v1".to_owned()),
        (format!("{host}/ns/app:v1@{digest}\n  targetRepo: x/y\n  targetTag: t"), "t".to_owned()),
    ]
}

fn repository(name: &str) -> &str {
    if name.contains("targetRepo") { "x/y" } else { "ns/app" }
}

/// Configures one additional image.
fn configure(home: &Home, name: &str) {
    home.configuration(&format!("additionalImages:\n- name: {name}\n"));
}

#[test]
fn a_tag_that_names_another_image_is_not_followed_out_of_an_archive() {
    for (good, evil) in [(image(1), image(2)), (list(10), list(20)), (image(3), list(30))] {
        let source = Registry::start_blocking();
        source.push("ns/app", "v1", &good);
        for (name, tag) in pinned(source.host(), &good) {
            let (home, destination) = (Home::new(), Registry::start_blocking());
            configure(&home, &name);
            home.to_disk(&[]).code(0);
            let medium = Medium::of(&home);
            medium.plant(repository(&name), &tag, &evil);
            medium.pack(&home);
            let dry = home.to_mirror(&format!("{}/m", destination.host()), &["--dry-run"]);
            dry.code(0);
            assert_eq!(plan_digests(&home), [good.digest.to_string()], "{name}");
            home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
            let repository = format!("m/{}", repository(&name));
            assert_eq!(destination.manifest(&repository, &tag).unwrap().digest, good.digest, "{name}");
            assert!(destination.manifest(&repository, &evil.digest.to_string()).is_none(), "{name}");
        }
    }
}

/// The digests in the plan of a dry run; none for an image that could not be read.
fn plan_digests(home: &Home) -> Vec<String> {
    let text = std::fs::read(home.disk().join("working-dir/dry-run/plan.json")).unwrap();
    let plan: Value = serde_json::from_slice(&text).unwrap();
    plan["images"].as_array().unwrap().iter().filter_map(|image| Some(image["digest"].as_str()?.to_owned())).collect()
}

#[test]
fn a_pinned_image_that_only_another_one_stands_for_fails() {
    let (good, evil) = (image(1), image(2));
    for (name, tag) in pinned("reg.example", &good) {
        let (home, destination) = (Home::new(), Registry::start_blocking());
        let to = format!("{}/m", destination.host());
        let medium = Medium::empty();
        medium.plant(repository(&name), &tag, &evil);
        // The manifest alone is not the image: here its layers are missing.
        let check = |says: &str| {
            configure(&home, &name);
            medium.pack(&home);
            let failed = |outcome: &Outcome| {
                outcome.says(says);
            };
            failed(home.to_mirror(&to, &["--dry-run"]).code(0));
            let accepts = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
            home.write("policy.json", accepts);
            failed(home.to_mirror(&to, &["--secure-policy", "--policy=policy.json"]).code(8));
            failed(home.to_mirror(&to, &[]).code(8));
            assert_eq!(destination.repositories(), Vec::<String>::new(), "{name}");
            let resources = home.disk().join("working-dir/cluster-resources");
            assert_eq!(walk(&resources), Vec::<std::path::PathBuf>::new(), "{name}");
        };
        check(&format!("has to be {}", good.digest));
        medium.write("isc_2026-01-01T00:00:00Z", &std::fs::read(home.path().join("isc.yaml")).unwrap());
        medium.pack(&home);
        let verified = home.run(&["archive", "verify", "disk"]);
        if tag == good.digest.as_tag() {
            let text =
                format!("/_manifests/tags/{tag}/current/link` stands for {} and names {}", good.digest, evil.digest);
            verified.code(1).says(&text).says(&format!("ns/app:{tag}"));
        } else {
            // The tag may name anything; what the archive's configuration asks for is not there.
            let (wanted, _) = name.split_once('\n').unwrap_or((&name, ""));
            verified.code(1).says(&format!("blob {} is missing; needed by {wanted}", good.digest));
        }
        // No name at all.
        medium.remove("/_manifests/tags/");
        check(&good.digest.to_string());
    }
}

#[test]
fn a_manifest_under_the_name_of_another_digest_is_damage() {
    let (good, evil) = (image(1), image(2));
    let (home, destination) = (Home::new(), Registry::start_blocking());
    configure(&home, &format!("reg.example/ns/app:v1@{}", good.digest));
    let medium = Medium::empty();
    medium.plant("ns/app", "v1", &good);
    let hex = good.digest.hex();
    medium.write(&format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]), &evil.bytes);
    medium.pack(&home);
    home.to_mirror(destination.host(), &[]).code(1).says("mirror_000001.tar");
    assert_eq!(destination.repositories(), Vec::<String>::new());
    home.run(&["archive", "verify", "disk"]).code(1).says(&format!("blob {} is damaged", good.digest));
}

/// Links of layers and revisions, and the history of a tag, say their digest in their name too.
#[test]
fn verify_names_every_link_that_contradicts_its_name() {
    let (good, evil) = (image(1), image(2));
    let home = Home::new();
    let hex = good.digest.hex();
    let layer = good.blobs[0].digest.hex();
    for link in [
        format!("_manifests/tags/v1/index/sha256/{hex}/link"),
        format!("_manifests/revisions/sha256/{hex}/link"),
        format!("_layers/sha256/{layer}/link"),
    ] {
        let medium = Medium::empty();
        medium.plant("ns/app", "v1", &good);
        medium.pack(&home);
        home.run(&["archive", "verify", "disk"]).code(0);
        let name = format!("docker/registry/v2/repositories/ns/app/{link}");
        for (content, names) in [(evil.digest.to_string(), evil.digest.to_string()), ("?".into(), "no digest".into())] {
            medium.write(&name, content.as_bytes());
            medium.pack(&home);
            let found = home.run(&["archive", "verify", "disk"]);
            found.code(1).says(&format!("the link `{name}` stands for")).says(&format!("names {names}"));
        }
        let found = home.run(&["archive", "verify", "disk", "--output=json"]);
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        assert_eq!(found["problems"][0]["problem"], "wrong-link");
        assert_eq!(found["problems"][0]["link"], name);
    }
}

#[test]
fn a_tag_that_names_another_image_is_not_followed_in_the_cache() {
    let (good, evil) = (image(1), list(20));
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    source.push("ns/app", "v1", &good);
    for (name, tag) in pinned(source.host(), &good) {
        let home = Home::new();
        configure(&home, &name);
        home.to_disk(&[]).code(0);
        let cache = home.cache().join("docker/registry/v2");
        medium::plant(&cache, repository(&name), &tag, &evil);
        // The name is put right, and the image is not taken for complete before.
        home.to_disk(&["--dry-run"]).code(0).says("1/1 images necessary for mirroring are not available in the cache");
        assert_eq!(plan_digests(&home), [good.digest.to_string()], "{name}");
        home.to_disk(&["--since=2015-01-01"]).code(0);
        let link = format!("repositories/{}/_manifests/tags/{tag}/current/link", repository(&name));
        assert_eq!(std::fs::read_to_string(cache.join(&link)).unwrap(), good.digest.to_string(), "{name}");
        // Disk to mirror: neither the cache nor the archive knows the name as it should.
        medium::plant(&cache, repository(&name), &tag, &evil);
        home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        let found = destination.manifest(&format!("m/{}", repository(&name)), &tag).unwrap();
        assert_eq!(found.digest, good.digest, "{name}");
    }
}

/// Two digests of one tag are two images: both arrive, whichever workflow brings them.
#[test]
fn two_digests_of_one_tag_are_two_images() {
    let (one, other) = (image(1), list(20));
    let source = Registry::start_blocking();
    source.push("ns/app", "v0", &one);
    source.push("ns/app", "v1", &other);
    let names = [&one, &other].map(|image| format!("{}/ns/app:v1@{}", source.host(), image.digest));
    let both = |destination: &Registry| {
        let digest = |tag: &str| destination.manifest("m/ns/app", tag).map(|found| found.digest);
        assert_eq!(digest("v1"), Some(one.digest.clone()));
        assert_eq!(digest(&other.digest.as_tag()), Some(other.digest.clone()));
        assert_eq!(destination.tags("m/ns/app"), [other.digest.as_tag(), "v1".to_owned()]);
    };
    let (home, destination) = (Home::new(), Registry::start_blocking());
    home.additional_images(&names);
    home.to_disk(&[]).code(0).says("2 / 2 additional images mirrored successfully");
    std::fs::remove_dir_all(home.cache()).unwrap();
    for _ in 0..2 {
        home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        both(&destination);
    }
    let destination = Registry::start_blocking();
    for _ in 0..2 {
        home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        both(&destination);
    }
    // Either of them alone has its tag.
    for (name, image) in names.iter().zip([&one, &other]) {
        let destination = Registry::start_blocking();
        home.additional_images([name]);
        home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        assert_eq!(destination.manifest("m/ns/app", "v1").unwrap().digest, image.digest);
        assert_eq!(destination.tags("m/ns/app"), ["v1"]);
    }
}

/// Deletes additional images that a workspace has mirrored; gives the outcome of the second step.
fn delete(home: &Home, destination: &Registry, names: &[&str]) -> Outcome {
    let mut text =
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  additionalImages:\n"
            .to_owned();
    for name in names {
        writeln!(text, "  - name: {name}").unwrap();
    }
    home.write("disc.yaml", text);
    let (workspace, to) =
        (format!("file://{}", home.workspace().display()), format!("docker://{}/m", destination.host()));
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
    let list = home.workspace().join("working-dir/delete/delete-images.yaml").display().to_string();
    let flags = ["--dest-tls-verify=false", "--retry-delay=10ms", "--force-cache-delete"];
    home.run(&[&["delete", "--delete-yaml-file", &list, "--workspace", &workspace, &to], &flags[..]].concat())
}

#[test]
fn deleting_a_digest_leaves_another_one_of_its_tag_alone() {
    let (one, other) = (image(1), list(20));
    let source = Registry::start_blocking();
    source.push("ns/app", "v0", &one);
    source.push("ns/app", "v1", &other);
    let [first, second] = [&one, &other].map(|image| format!("{}/ns/app:v1@{}", source.host(), image.digest));
    let mirrored = |runs: &[&[&String]]| {
        let (home, destination) = (Home::new(), Registry::start_blocking());
        for run in runs {
            home.additional_images(*run);
            home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        }
        (home, destination)
    };
    let is_there =
        |destination: &Registry, image: &Image| destination.manifest("m/ns/app", &image.digest.to_string()).is_some();
    // One run after the other: the tag has moved on.
    let (home, destination) = mirrored(&[&[&first], &[&second]]);
    delete(&home, &destination, &[&first]).code(0);
    assert!(!is_there(&destination, &one) && is_there(&destination, &other));
    assert_eq!(destination.manifest("m/ns/app", "v1").unwrap().digest, other.digest);
    // Again: nothing is there, and the other one stays.
    delete(&home, &destination, &[&first]).code(1).says(&format!("The tag names another one, {}", other.digest));
    assert!(is_there(&destination, &other));
    delete(&home, &destination, &[&second]).code(0);
    assert_eq!(destination.tags("m/ns/app"), Vec::<String>::new());

    // Together: the second one lies under its digest.
    for (gone, name, stays) in [(&one, &first, &other), (&other, &second, &one)] {
        let (home, destination) = mirrored(&[&[&first, &second]]);
        delete(&home, &destination, &[name]).code(0);
        assert!(!is_there(&destination, gone) && is_there(&destination, stays), "{name}");
    }
    let (home, destination) = mirrored(&[&[&first, &second]]);
    delete(&home, &destination, &[&first, &second]).code(0);
    assert_eq!(destination.tags("m/ns/app"), Vec::<String>::new());

    // A digest tag that somebody moved.
    let by_digest = format!("{}/ns/app@{}", source.host(), one.digest);
    let (home, destination) = mirrored(&[&[&by_digest]]);
    destination.push("m/ns/app", one.digest.as_tag().as_str(), &other);
    delete(&home, &destination, &[&by_digest]).code(0);
    assert!(!is_there(&destination, &one) && is_there(&destination, &other));
}

/// What happens to an archive with this release.
type Change<'a> = &'a dyn Fn(&Medium, &Release);

/// Mirrors a signed release to disk, lets `change` loose on the archive, and loads it inside the gap.
fn release_through(change: impl Fn(&Medium, &Release)) -> Option<(Release, Home, Registry)> {
    let outside = Outside::new()?;
    let release = Release::new("4.99.1", 5, 2);
    outside.mirrors(&[&release]);
    outside.home.to_disk(&[]).code(0);
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let medium = Medium::of(&outside.home);
    change(&medium, &release);
    medium.pack(&inside);
    Some((release, inside, Registry::start_blocking()))
}

const PAYLOAD: &str = "openshift/release-images";
const COMPONENT: &str = "openshift/release";

#[test]
fn every_part_of_a_release_is_what_its_signature_leads_to() {
    let evil = image(666);
    let list_of_evil = |release: &Release| {
        let names = release.components.iter().map(|(name, _)| (name.as_str(), &evil));
        image_references("4.99.1", names)
    };
    let folder = "working-dir/hold-release/ocp-release/4.99.1-x86_64";
    let changes: [(&str, Change<'_>); 5] = [
        ("the payload's tag", &|medium, release| medium.plant(PAYLOAD, &release.tag, &evil)),
        ("a component's tag", &|medium, release| {
            let tag = format!("{}-{}", release.tag, release.components[3].0);
            medium.plant(COMPONENT, &tag, &evil);
        }),
        ("the list of components", &|medium, release| {
            medium.plant(COMPONENT, "planted", &evil);
            medium.write(&format!("{folder}/release-manifests/image-references"), &list_of_evil(release));
        }),
        ("the list as an archive of upstream has it", &|medium, release| {
            medium.plant(COMPONENT, "planted", &evil);
            medium.remove("/payload-digest");
            medium.write(&format!("{folder}/release-manifests/image-references"), &list_of_evil(release));
        }),
        ("no list", &|medium, _| medium.remove("hold-release/ocp-release/")),
    ];
    for (what, change) in changes {
        println!("{what}");
        let Some((release, inside, destination)) = release_through(change) else { return };
        inside.to_mirror(&format!("{}/m", destination.host()), &[]).code(0).says("6 / 6 release images mirrored");
        crate::releases::assert_arrived(&release, &destination, "m/");
        for repository in [PAYLOAD, COMPONENT] {
            assert!(destination.manifest(&format!("m/{repository}"), &evil.digest.to_string()).is_none(), "{what}");
        }
    }
}

/// Without the payload's layer nobody knows the components, whatever lies in the working directory.
#[test]
fn the_components_are_read_from_the_payload_and_from_nowhere_else() {
    for marker in [true, false] {
        let evil = image(666);
        let through = release_through(|medium, release| {
            let layer = release.payload.blobs.last().unwrap().digest.hex();
            medium.remove(&format!("blobs/sha256/{}/{layer}", &layer[..2]));
            medium.plant(COMPONENT, "planted", &evil);
            let references = image_references("4.99.1", [("component-000", &evil)]);
            let folder = "working-dir/hold-release/ocp-release/4.99.1-x86_64";
            medium.write(&format!("{folder}/release-manifests/image-references"), &references);
            if !marker {
                medium.remove("/payload-digest");
            }
        });
        let Some((release, inside, destination)) = through else { return };
        let outcome = inside.to_mirror(destination.host(), &[]);
        outcome.code(2).says(&release.payload.blobs.last().unwrap().digest.to_string());
        outcome.says("The list of its components is read from there and from nowhere else");
        assert_eq!(destination.repositories(), Vec::<String>::new());
    }
}

/// Machines of an enclave share a workspace: what an archive has left there is not believed by the next run either.
#[test]
fn a_list_that_was_planted_in_the_workspace_is_not_believed() {
    let Some(outside) = Outside::new() else { return };
    let (release, evil) = (Release::new("4.99.1", 5, 2), image(666));
    outside.mirrors(&[&release]);
    outside.source.push(COMPONENTS, None, &evil);
    outside.home.to_disk(&[]).code(0);
    let destination = Registry::start_blocking();
    let plant = |working_dir: &Path| {
        let folder = working_dir.join("hold-release/ocp-release/4.99.1-x86_64");
        assert!(folder.join("payload-digest").is_file());
        let references = image_references("4.99.1", [("component-000", &evil)]);
        std::fs::write(folder.join("release-manifests/image-references"), references).unwrap();
    };
    plant(&outside.home.disk().join("working-dir"));
    outside.home.to_disk(&["--since=2015-01-01"]).code(0).says("6 / 6 release images mirrored successfully");
    outside.home.mirror_to_mirror(destination.host(), &[]).code(0);
    plant(&outside.home.workspace().join("working-dir"));
    outside.home.mirror_to_mirror(destination.host(), &[]).code(0).says("6 / 6 release images mirrored successfully");
    crate::releases::assert_arrived(&release, &destination, "");
    // The list of what to delete is that of the release.
    plant(&outside.home.workspace().join("working-dir"));
    outside.home.write(
        "disc.yaml",
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  platform:\n    channels:\n    - name: stable-4.99\n",
    );
    let (workspace, to) =
        (format!("file://{}", outside.home.workspace().display()), format!("docker://{}", destination.host()));
    outside.home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
    let list = outside.home.workspace().join("working-dir/delete/delete-images.yaml");
    let list = std::fs::read_to_string(list).unwrap();
    assert_eq!(list.matches("imageReference:").count(), 6, "{list}");
    assert!(!list.contains(evil.digest.hex()), "{list}");
}

/// Configures the selection from a catalog of `host`, pinned to the digest of `catalog`.
fn pinned_catalog(home: &Home, host: &str, catalog: &Image, tag: &str) {
    let mut text = format!("operators:\n- catalog: {host}/cat/index{tag}@{}\n", catalog.digest);
    for line in FOO_FROM_0_2.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    home.configuration(&text);
}

#[test]
fn a_pinned_catalog_is_made_again_from_the_verified_original() {
    let source = Registry::start_blocking();
    let catalog = world(&source, &[]);
    let host = source.host().to_owned();
    for tag in ["", ":v1"] {
        let home = Home::new();
        pinned_catalog(&home, &host, &catalog, tag);
        home.to_disk(&[]).code(0);
        let whole = Medium::of(&home);
        let digest = std::fs::read_to_string(whole.only("digest")).unwrap();
        let load = |medium: &Medium, what: &str| {
            let destination = Registry::start_blocking();
            medium.pack(&home);
            home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
            let published = if tag.is_empty() { format!("sha256-{digest}") } else { "v1".to_owned() };
            let found = destination.manifest("m/cat/index", &published).expect(what);
            assert_eq!(found.digest.hex(), digest, "{what}");
            assert_eq!(
                served(&destination, "m/cat/index", &published),
                ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"],
                "{what}"
            );
            destination
        };
        load(&whole, "as it is");

        // Another catalog of our own making, in all places where the selection is looked for.
        let other = Home::new();
        let evil = {
            let registry = Registry::start_blocking();
            world(&registry, &[]);
            other.configuration(&format!(
                "operators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: bar\n",
                registry.host()
            ));
            other.to_disk(&[]).code(0);
            Medium::of(&other)
        };
        let planted = Medium::of(&home);
        for path in walk(&evil.path().join("docker/registry/v2/blobs")) {
            let name = path.strip_prefix(evil.path()).unwrap().display().to_string();
            planted.write(&name, &std::fs::read(&path).unwrap());
        }
        let evil_digest = std::fs::read_to_string(evil.only("digest")).unwrap();
        let kept = planted.only("digest");
        let id = kept.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        std::fs::write(&kept, &evil_digest).unwrap();
        planted.link("cat/index", &id, &format!("sha256:{evil_digest}").parse().unwrap());
        let destination = load(&planted, "planted");
        assert!(destination.manifest("m/cat/index", &format!("sha256:{evil_digest}")).is_none());

        // Where the original stands for another catalog, its own digest counts.
        let planted = Medium::of(&home);
        let original = if tag.is_empty() { catalog.digest.as_tag() } else { "v1".to_owned() };
        planted.plant("cat/index", &original, &image(666));
        load(&planted, "another original");
    }
}

#[test]
fn a_whole_catalog_that_is_pinned_is_that_one() {
    let source = Registry::start_blocking();
    let catalog = world(&source, &[]);
    let (home, destination) = (Home::new(), Registry::start_blocking());
    home.configuration(&format!(
        "operators:\n- catalog: {}/cat/index:v1@{}\n  full: true\n",
        source.host(),
        catalog.digest
    ));
    home.to_disk(&[]).code(0);
    let medium = Medium::of(&home);
    medium.plant("cat/index", "v1", &image(666));
    medium.pack(&home);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(destination.manifest("cat/index", "v1").unwrap().digest, catalog.digest);
}
