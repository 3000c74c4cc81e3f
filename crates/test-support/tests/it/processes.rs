//! Debian's registry and skopeo: the layout we write is what they read, and they see our registry as a registry.

use test_support::{DebianRegistry, Registry, Skopeo, TestCa, World, media_type, sha256};

use crate::support::Asker;

#[test]
fn skopeo_reads_and_verifies_the_worlds_from_both_registries() {
    let (Some(skopeo), Some(debian)) = (Skopeo::find(), DebianRegistry::start()) else { return };
    let ours = Registry::start_blocking();
    for world in [World::small(1), World::odd(2)] {
        world.push_to(&ours);
        world.push_to_debian(&debian);
        for image in &world.images {
            for host in [ours.host(), debian.host()] {
                // Distribution signs schema 1 manifests anew on each read.
                if host == debian.host() && image.repository.contains("schema1") {
                    continue;
                }
                let reference = match &image.tag {
                    Some(tag) => format!("{host}/{}:{tag}", image.repository),
                    None => format!("{host}/{}@{}", image.repository, image.digest()),
                };
                assert_eq!(skopeo.inspect_raw(&reference).unwrap(), image.image.bytes, "{reference}");
                assert_eq!(skopeo.digest(&reference).unwrap(), *image.digest());
                // skopeo 1.9 does not copy lists in lists, nor schema 1 with digests kept.
                let copies = !image.repository.contains("nested") && !image.repository.contains("schema1");
                if copies {
                    skopeo.verify(&reference).unwrap();
                }
            }
        }
    }
    assert_eq!(skopeo.tags(&format!("{}/apps/single", debian.host())).unwrap(), ["v1"]);
}

#[test]
fn skopeo_pushes_to_our_registry_what_it_read_from_the_other() {
    let (Some(skopeo), Some(debian)) = (Skopeo::find(), DebianRegistry::start()) else { return };
    let ours = Registry::start_blocking();
    let world = World::small(3);
    world.push_to_debian(&debian);
    for image in world.images.iter().filter(|image| image.tag.is_some()) {
        let name = format!("{}:{}", image.repository, image.tag.as_deref().unwrap());
        let url = |host: &str| format!("docker://{host}/{name}");
        skopeo.copy_all(&url(debian.host()), &url(ours.host())).unwrap();
        let stored = ours.manifest(&image.repository, image.tag.as_deref().unwrap()).unwrap();
        assert_eq!((stored.bytes, stored.media_type), (image.image.bytes.clone(), image.image.media_type.clone()));
        assert!(
            image
                .image
                .children
                .iter()
                .all(|child| { child.blobs.iter().all(|blob| ours.has_blob(&image.repository, &blob.digest)) })
        );
    }
    assert_eq!(ours.unfinished_uploads(), 0);
}

#[test]
fn with_tls_and_password() {
    let ca = TestCa::new();
    let (Some(skopeo), Some(debian)) = (Skopeo::find(), DebianRegistry::builder().tls(&ca).password().start()) else {
        return;
    };
    let world = World::small(4);
    world.push_to_debian(&debian);
    let image = &world.images[0];
    let reference = format!("{}/{}:v1", debian.host(), image.repository);
    assert!(debian.url().starts_with("https://"));
    assert!(skopeo.digest(&reference).is_err(), "without CA");
    let trusting = skopeo.certificates(ca.folder());
    assert!(trusting.digest(&reference).is_err(), "without password");
    let right = trusting.credentials(DebianRegistry::USER, DebianRegistry::PASSWORD);
    assert_eq!(right.digest(&reference).unwrap(), *image.digest());
}

#[tokio::test]
async fn a_folder_is_served_again_and_read_only_refuses_writes() {
    let folder = tempfile::tempdir().unwrap();
    let Some(debian) = DebianRegistry::builder().root(folder.path()).start() else { return };
    World::small(5).push_to_debian(&debian);
    drop(debian);
    let debian = DebianRegistry::builder().root(folder.path()).read_only().start().unwrap();
    assert_eq!(debian.root(), folder.path());
    let client = Asker::at(&debian.url());
    // Without `Accept` distribution hides OCI manifests.
    let request = client.request("GET", "/v2/apps/single/manifests/v1").header("accept", media_type::OCI_MANIFEST);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(client.status("POST", "/v2/apps/single/blobs/uploads/").await, 405);
    let digest = sha256(b"x");
    assert_eq!(client.status("HEAD", &format!("/v2/apps/single/blobs/{digest}")).await, 404);
}
