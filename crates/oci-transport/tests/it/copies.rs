//! From registry to registry, and between registries and layouts.

use image_ref::ImageRef;
use oci_transport::{Condition, ImageSource, Layout, ManifestView, Reference, VerifiedManifest};
use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use crate::support::{descriptor, destination, endpoint, image, random, source};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registry_to_registry_streams_and_resumes_both_ways() {
    let (from, to) = (Registry::start_blocking(), Registry::start_blocking());
    let blob = random(1, 3_000_000);
    from.put_blob("ns/app", blob.bytes.clone());
    from.fault(Fault::new(When::kind(Kind::Blob).once(), Effect::ResetAfter(1_000_000)));
    to.fault(Fault::new(When::kind(Kind::Upload).method("PUT").once(), Effect::status(503)));
    let (source, destination) = (source(), destination());
    let at = endpoint(&source, &from, "ns/app");
    let content = source.blob_source(&at, &descriptor(&blob));
    let target = endpoint(&destination, &to, "copy/app");
    destination.push_blob(&target, &descriptor(&blob), content.clone(), &|_| {}).await.unwrap();
    assert_eq!(to.blob(&blob.digest), Some(blob.bytes.clone()));
    assert_eq!(to.unfinished_uploads(), 0);

    // The same bytes for a blocking reader.
    let mut read = Vec::new();
    let (content, start) = (content.clone(), 1000);
    let read = tokio::task::spawn_blocking(move || {
        std::io::Read::read_to_end(&mut content.open(start).unwrap(), &mut read).unwrap();
        read
    });
    assert_eq!(read.await.unwrap(), blob.bytes[1000..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_blob_is_not_copied() {
    let (from, to) = (Registry::start_blocking(), Registry::start_blocking());
    let blob = random(1, 300_000);
    from.put_blob("ns/app", blob.bytes.clone());
    from.corrupt_blob(&blob.digest, random(2, 300_000).bytes);
    let (source, destination) = (source(), destination());
    let content = source.blob_source(&endpoint(&source, &from, "ns/app"), &descriptor(&blob));
    let target = endpoint(&destination, &to, "copy/app");
    let error = destination.push_blob(&target, &descriptor(&blob), content, &|_| {}).await.unwrap_err();
    assert_eq!(error.condition(), Condition::Digest);
    assert!(error.to_string().contains(&format!("pulling blob `{}` from `{}", blob.digest, from.host())), "{error}");
    assert!(!to.has_blob("copy/app", &blob.digest));
}

#[tokio::test]
async fn layouts() {
    let registry = Registry::start_blocking();
    let made = ImageBuilder::oci().layer(Layer::random(1, 5000)).build();
    registry.push("ns/app", "v1", &made);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let client = source();
    let (from, manifest) = ImageSource::open(&client, &image(&registry, "ns/app:v1")).await.unwrap();
    let ImageSource::Registry(_, at) = &from else { panic!("a registry") };
    let layout = Layout::create(&root).unwrap();
    let ManifestView::Image(view) = manifest.view().unwrap() else { panic!("an image") };
    for blob in std::iter::once(&view.config).chain(&view.layers) {
        let mut sink = layout.begin_blob(&blob.digest).unwrap();
        client.pull_blob(at, blob, &mut sink, &|_| {}).await.unwrap();
        sink.finish().unwrap();
    }
    layout.put_manifest(&manifest, Some("v1")).unwrap();
    layout.put_manifest(&manifest, Some("v1")).unwrap();

    for name in ["", ":v1"] {
        let reference = ImageRef::parse(&format!("oci://{}{name}", root.display())).unwrap();
        let (from, read) = ImageSource::open(&client, &reference).await.unwrap();
        assert_eq!(read, manifest);
        let pushing = destination();
        let target = endpoint(&pushing, &registry, "copy/app");
        for blob in std::iter::once(&view.config).chain(&view.layers) {
            pushing.push_blob(&target, blob, from.blob(blob).unwrap(), &|_| {}).await.unwrap();
        }
        pushing.push_manifest(&target, &Reference::Tag("v1".into()), &read).await.unwrap();
    }
    assert_eq!(registry.manifest("copy/app", "v1").unwrap().bytes, made.bytes);

    let other = VerifiedManifest::named(ImageBuilder::oci().build().bytes, Some(manifest.media_type()));
    layout.put_manifest(&other, Some("v2")).unwrap();
    let mut texts = Vec::new();
    for name in ["", ":v3"] {
        let reference = ImageRef::parse(&format!("oci://{}{name}", root.display())).unwrap();
        texts.push(ImageSource::open(&client, &reference).await.unwrap_err().to_string());
    }
    let none = ImageRef::parse(&format!("oci://{}/none", root.display())).unwrap();
    texts.push(ImageSource::open(&client, &none).await.unwrap_err().to_string());
    let archive = ImageRef::parse("docker-archive:///x.tar").unwrap();
    texts.push(ImageSource::open(&client, &archive).await.unwrap_err().to_string());
    let texts = texts.join("\n").replace(&root.display().to_string(), "ROOT");
    insta::assert_snapshot!(texts, @"
    reading `oci://ROOT`: `ROOT` holds 2 images; write which one: `oci://ROOT:v1` or `oci://ROOT:v2`
    reading `oci://ROOT:v3`: `ROOT` holds no image `v3`; it holds `v1`, `v2`
    reading `oci://ROOT/none`: `ROOT/none` is no OCI layout: there is no such folder
    reading `docker-archive:///x.tar`: transport `docker-archive`: it is read with the program `skopeo`, which is not on PATH; install it, or on another machine copy the image into an OCI layout with it and use `oci://DIR`
    ");

    // A wrong blob leaves nothing.
    let blob = random(1, 10);
    let mut sink = layout.begin_blob(&blob.digest).unwrap();
    oci_transport::BlobSink::write(&mut sink, b"other").unwrap();
    assert!(sink.finish().unwrap_err().to_string().contains("is damaged"));
    let names = std::fs::read_dir(root.join("blobs/sha256")).unwrap().count();
    assert_eq!(names, 4);
}

/// The storage of containers keeps layers unpacked; a daemon may not be there.
#[tokio::test]
async fn storage_of_containers_and_no_daemon() {
    let program = std::path::PathBuf::from("/usr/bin/skopeo");
    if !program.exists() {
        eprintln!("skipped: no skopeo");
        return;
    }
    let registry = Registry::start_blocking();
    registry.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 5000)).build());
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let conf =
        format!("[storage]\ndriver = \"vfs\"\nrunroot = \"{}\"\ngraphroot = \"{}\"\n", place("run"), place("graph"));
    std::fs::write(place("storage.conf"), conf).unwrap();
    let environment = vec![
        ("CONTAINERS_STORAGE_CONF".into(), place("storage.conf").into()),
        ("DOCKER_HOST".into(), format!("unix://{}", place("none.sock")).into()),
        ("TMPDIR".into(), folder.path().into()),
    ];
    let stored = std::process::Command::new(&program)
        .args(["--insecure-policy", "copy", "--src-tls-verify=false", "--quiet"])
        .arg(format!("docker://{}/ns/app:v1", registry.host()))
        .arg("containers-storage:localhost/app:v1")
        .envs(environment.iter().cloned())
        .output()
        .unwrap();
    if !stored.status.success() {
        eprintln!("skipped: no storage can be made here: {}", String::from_utf8_lossy(&stored.stderr));
        return;
    }
    let scratch = folder.path().join("scratch");
    let timeout = std::time::Duration::from_secs(600);
    let skopeo = oci_transport::Skopeo { program, scratch, environment, daemon: Vec::new(), timeout };
    let options =
        oci_transport::ClientOptions { skopeo: Some(skopeo), ..crate::support::options(oci_transport::Side::Source) };
    let client = oci_transport::Client::new(options).unwrap();
    let reference = ImageRef::parse("containers-storage://localhost/app:v1").unwrap();
    let (from, manifest) = ImageSource::open(&client, &reference).await.unwrap();
    let ManifestView::Image(view) = manifest.view().unwrap() else { panic!("an image") };
    assert_eq!(view.layers.len(), 1);
    assert_eq!(from.blob(&view.layers[0]).unwrap().size(), view.layers[0].size);

    let daemon = ImageRef::parse("docker-daemon://app:v1").unwrap();
    let error = ImageSource::open(&client, &daemon).await.unwrap_err().to_string();
    assert!(error.contains("`skopeo copy docker-daemon:app:v1` failed"), "{error}");
    assert!(error.contains("Cannot connect to the Docker daemon at unix://"), "{error}");
}
