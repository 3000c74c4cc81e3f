//! Against Debian's `docker-registry`, read back with `skopeo`: independent witnesses.

use test_support::{DebianRegistry, Skopeo, TestCa, World, WorldImage};

use crate::harness::{Home, auths};

/// The tag under which an image of the world is kept: its own, else its digest.
fn target_tag(image: &WorldImage) -> String {
    image.tag.clone().unwrap_or_else(|| image.digest().as_tag())
}

/// A world in a real registry, mirrored to disk and on into a second real registry.
#[test]
fn every_image_arrives_with_its_digest() {
    let (Some(source), Some(destination), Some(skopeo)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find())
    else {
        return;
    };
    let world = World::small(1);
    world.push_to_debian(&source);
    let home = Home::new();
    home.additional_images(world.references(source.host()));
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{}/m/n", destination.host()), &[]).code(0);
    for image in &world.images {
        // Older skopeo refuses tag and digest together; the digest names the content.
        let from = format!("{}/{}@{}", source.host(), image.repository, image.digest());
        let tag = target_tag(image);
        let to = format!("{}/m/n/{}:{tag}", destination.host(), image.repository);
        let (sent, found) = (skopeo.inspect_raw(&from).unwrap(), skopeo.inspect_raw(&to).unwrap());
        assert_eq!(sent, found, "{from} and {to} differ");
        assert_eq!(skopeo.digest(&to).unwrap(), *image.digest());
        skopeo.verify(&to).unwrap();
    }
}

/// TLS from a private CA in certs.d and a password from an auth file.
#[test]
fn certificates_and_passwords() {
    let ca = TestCa::new();
    let secured = || DebianRegistry::builder().tls(&ca).password().start();
    let (Some(source), Some(destination), Some(skopeo)) = (secured(), secured(), Skopeo::find()) else { return };
    let world = World::small(2);
    world.push_to_debian(&source);
    let home = Home::new();
    let certs = home.path().join(".config/containers/certs.d");
    for registry in [&source, &destination] {
        ca.write_certs_d(&certs, registry.host(), false).unwrap();
    }
    let auth_file =
        home.write("auth.json", auths(&[source.host(), destination.host()].map(|host| (host, "test:test"))));
    home.additional_images(world.references(source.host()));
    let (disk, to) = (format!("file://{}", home.disk().display()), format!("docker://{}", destination.host()));
    let auth = auth_file.to_str().unwrap();
    home.run(&["-c", "isc.yaml", &disk, "--authfile", auth]).code(0);
    home.run(&["-c", "isc.yaml", "--from", &disk, &to, "--authfile", auth]).code(0);
    let skopeo = skopeo
        .certificates(&certs.join(destination.host()))
        .credentials(DebianRegistry::USER, DebianRegistry::PASSWORD);
    for image in &world.images {
        let tag = target_tag(image);
        let there = format!("{}/{}:{tag}", destination.host(), image.repository);
        assert_eq!(skopeo.digest(&there).unwrap(), *image.digest());
    }

    // Without the auth file the registry's refusal is told, with what is missing.
    let other = Home::new();
    ca.write_certs_d(&other.path().join(".config/containers/certs.d"), source.host(), false).unwrap();
    other.additional_images(world.references(source.host()));
    let disk = format!("file://{}", other.disk().display());
    other.run(&["-c", "isc.yaml", &disk]).code(8).says("auth");
}

/// The cache is a registry's storage: Debian's registry serves it, and skopeo pulls every image from it.
#[test]
fn the_cache_is_served_by_a_real_registry() {
    let (Some(source), Some(skopeo)) = (DebianRegistry::start(), Skopeo::find()) else { return };
    let world = World::small(3);
    world.push_to_debian(&source);
    let home = Home::new();
    home.additional_images(world.references(source.host()));
    home.to_disk(&[]).code(0);
    let served = DebianRegistry::builder().root(&home.cache()).start().unwrap();
    for image in &world.images {
        let tag = target_tag(image);
        let cached = format!("{}/{}:{tag}", served.host(), image.repository);
        assert_eq!(skopeo.digest(&cached).unwrap(), *image.digest());
        skopeo.verify(&cached).unwrap();
    }
}
