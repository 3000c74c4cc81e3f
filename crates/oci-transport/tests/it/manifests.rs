//! Manifests travel byte by byte, whatever kind they are.

use oci_transport::{Hint, ManifestView, Reference, VerifiedManifest, media_type};
use test_support::{Blob, Effect, Fault, Image, ImageBuilder, IndexBuilder, Kind, Layer, Registry, When};

use crate::support::{content, descriptor, destination, endpoint, image, source};

fn kinds() -> Vec<(&'static str, Image)> {
    let layers = || [Layer::random(1, 2000), Layer::random(2, 3000)];
    let base = ImageBuilder::oci().layers(layers()).build();
    vec![
        ("OCI image", base.clone()),
        ("Docker schema 2", ImageBuilder::docker().layers(layers()).build()),
        ("OCI index", IndexBuilder::oci().architectures(&["amd64", "arm64"], 7, 500).build()),
        ("Docker list", IndexBuilder::docker().architectures(&["amd64", "s390x"], 8, 500).build()),
        ("schema 1", test_support::schema1("ns/app", "v1", &layers())),
        ("signed schema 1", test_support::schema1_signed("ns/app", "v1", &layers())),
        ("artifact", test_support::artifact("application/x-sbom", "text/plain", b"content", Some(&base))),
        ("signature", test_support::cosign_signature("reg.io/ns/app", &base)),
    ]
}

#[tokio::test]
async fn every_kind_arrives_and_leaves_as_it_is() {
    for (name, made) in kinds() {
        let (from, to) = (Registry::start_blocking(), Registry::builder().sparse(true).start_blocking());
        from.push("ns/app", "v1", &made);
        let (source, destination) = (source(), destination());
        for reference in ["ns/app:v1".to_owned(), format!("ns/app@{}", made.digest)] {
            let pulled = source.pull_manifest(&image(&from, &reference)).await.unwrap();
            assert_eq!(*pulled.manifest.bytes(), made.bytes, "{name}");
            assert_eq!(pulled.manifest.media_type(), made.media_type, "{name}");
            assert_eq!(*pulled.manifest.digest(), made.digest, "{name}");
            let head = source.head_manifest(&image(&from, &reference)).await.unwrap().unwrap();
            assert_eq!(head, pulled.manifest.descriptor(), "{name}");
        }
        let pulled = source.pull_manifest(&image(&from, "ns/app:v1")).await.unwrap();
        let view = pulled.manifest.view().unwrap();
        let names: Vec<_> = view.blobs().into_iter().map(|blob| blob.digest.clone()).collect();
        match &view {
            ManifestView::Index(index) => {
                let children: Vec<_> = index.manifests.iter().map(|entry| entry.descriptor.digest.clone()).collect();
                assert_eq!(children, made.children.iter().map(|child| child.digest.clone()).collect::<Vec<_>>());
            }
            ManifestView::Schema1(schema1) => {
                assert!(
                    schema1.layers.iter().all(|layer| made.blobs.iter().any(|blob| blob.digest == *layer)),
                    "{name}"
                );
            }
            _ => assert_eq!(names, made.blobs.iter().map(|blob| blob.digest.clone()).collect::<Vec<_>>(), "{name}"),
        }
        let at = endpoint(&destination, &to, "copy/app");
        for blob in made.all_blobs() {
            let content = content(blob);
            destination.push_blob(&at, &descriptor(blob), content, &|_| {}).await.unwrap();
        }
        for child in &made.children {
            let manifest = VerifiedManifest::named(child.bytes.clone(), Some(&child.media_type));
            destination.push_manifest(&at, &Reference::Digest(child.digest.clone()), &manifest).await.unwrap();
        }
        destination.push_manifest(&at, &Reference::Tag("v1".into()), &pulled.manifest).await.unwrap();
        let stored = to.manifest("copy/app", "v1").unwrap();
        assert_eq!((stored.bytes, stored.media_type), (made.bytes, made.media_type), "{name}");
    }
}

#[tokio::test]
async fn the_media_type_of_the_answer_counts_and_is_guessed_only_without() {
    let registry = Registry::start_blocking();
    for (name, made) in kinds() {
        registry.push("ns/app", "v1", &made);
        for content_type in [None, Some("text/plain".to_owned()), Some("application/json; charset=utf-8".to_owned())] {
            let fault =
                registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::ContentType(content_type.clone())));
            let pulled = source().pull_manifest(&image(&registry, "ns/app:v1")).await.unwrap();
            fault.stop();
            // Unsigned schema 1 says nothing of its type but its version.
            assert_eq!(pulled.manifest.media_type(), made.media_type, "{name}, {content_type:?}");
        }
    }
    let made = ImageBuilder::oci().build();
    registry.push("ns/app", "odd", &made);
    registry.fault(Fault::new(
        When::kind(Kind::Manifest),
        Effect::ContentType(Some(format!("{}; charset=utf-8", media_type::DOCKER_MANIFEST))),
    ));
    let pulled = source().pull_manifest(&image(&registry, "ns/app:odd")).await.unwrap();
    assert_eq!(pulled.manifest.media_type(), media_type::DOCKER_MANIFEST);
}

#[tokio::test]
async fn more_than_four_mebibytes_are_refused_in_words() {
    let registry = Registry::start_blocking();
    let big = format!("{{\"schemaVersion\":2,\"layers\":[],\"x\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    let digest = registry.put_manifest("ns/app", media_type::OCI_MANIFEST, big.clone());
    registry.tag("ns/app", "big", &digest);
    let host = registry.host().to_owned();
    let error = source().pull_manifest(&image(&registry, "ns/app:big")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("pulling manifest `{host}/ns/app:big`: the manifest is larger than the 4 MiB allowed")
    );
    let client = destination();
    let manifest = VerifiedManifest::named(big, Some(media_type::OCI_MANIFEST));
    let at = endpoint(&client, &registry, "ns/app");
    let error = client.push_manifest(&at, &Reference::Tag("big2".into()), &manifest).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "pushing manifest `{host}/ns/app:big2`: the manifest has 4194342 bytes, more than the 4 MiB that registries accept"
        )
    );
}

#[tokio::test]
async fn what_is_not_there() {
    let registry = Registry::start_blocking();
    let client = source();
    assert_eq!(client.head_manifest(&image(&registry, "ns/app:none")).await.unwrap(), None);
    let error = client.pull_manifest(&image(&registry, "ns/app:none")).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_retryable());
    assert_eq!(error.attempts(), 1);
    let at = endpoint(&client, &registry, "ns/app");
    let digest = test_support::sha256(b"none");
    assert_eq!(client.head_blob(&at, &digest).await.unwrap(), None);
    destination().delete_manifest(&at, &digest).await.unwrap();
}

/// Some registries do not know the method, and some refuse the question to whoever may push.
#[tokio::test]
async fn a_head_that_is_refused() {
    async fn check(status: u16, head: Option<bool>, probe: Option<bool>) {
        let registry = Registry::start_blocking();
        let made = ImageBuilder::oci().build();
        registry.push("ns/app", "v1", &made);
        registry.fault(Fault::new(When::kind(Kind::Manifest).method("HEAD"), Effect::status(status)));
        let client = destination();
        let (at, tag) = (endpoint(&client, &registry, "ns/app"), Reference::Tag("v1".to_owned()));
        let found = |answer: Result<Option<oci_transport::Descriptor>, oci_transport::Error>| {
            answer.ok().map(|found| found.is_some_and(|found| found.digest == made.digest))
        };
        assert_eq!(found(client.head_manifest_at(&at, &tag).await), head, "{status}");
        assert_eq!(found(client.probe_manifest_at(&at, &tag).await), probe, "{status}");
    }
    for status in [405, 501] {
        check(status, Some(true), Some(true)).await;
    }
    for status in [400, 401, 403] {
        check(status, None, Some(false)).await;
    }
    check(404, Some(false), Some(false)).await;
    check(413, None, None).await;
}

/// What to do where a registry refuses a push, by what it refused. A look or one manifest says nothing about writing.
#[tokio::test]
async fn advice_about_refused_pushes() {
    async fn check(kind: Kind, method: &str, status: u16, expected: Option<Hint>) {
        let registry = Registry::start_blocking();
        registry.fault(Fault::new(When::kind(kind).method(method), Effect::status(status)));
        let client = destination();
        let at = endpoint(&client, &registry, "ns/app");
        let (made, blob) = (ImageBuilder::docker().build(), Blob::new(b"blob".to_vec()));
        let manifest = VerifiedManifest::named(made.bytes.to_vec(), None);
        let tag = Reference::Tag("v1".to_owned());
        let error = match (kind, method) {
            (Kind::Upload, _) => client.push_blob(&at, &descriptor(&blob), content(&blob), &|_| {}).await.unwrap_err(),
            (_, "PUT") => client.push_manifest(&at, &tag, &manifest).await.unwrap_err(),
            _ => client.pull_manifest_at(&at, &tag).await.unwrap_err(),
        };
        let expected = expected.map(|hint| match hint {
            Hint::CreateRepository { .. } => Hint::CreateRepository { repository: at.to_string() },
            hint => hint,
        });
        assert_eq!(error.hint(), expected.as_ref(), "{method} {status}");
    }
    check(Kind::Upload, "POST", 405, Some(Hint::ReadOnly)).await;
    check(Kind::Upload, "POST", 404, Some(Hint::CreateRepository { repository: String::new() })).await;
    check(Kind::Manifest, "PUT", 405, None).await;
    check(Kind::Manifest, "PUT", 415, Some(Hint::AcceptDockerTypes)).await;
    check(Kind::Manifest, "GET", 405, None).await;
}

#[test]
fn manifests_of_other_tools_are_read() {
    // File, its type as guessed from the bytes, blobs it names, how many of them must not be distributed.
    const ROWS: &[(&str, &str, usize, usize)] = &[
        ("ociv1.encrypted.manifest.json", media_type::OCI_MANIFEST, 4, 0),
        ("ociv1.everything.json", media_type::OCI_MANIFEST, 2, 0),
        ("ociv1.invalid.mediatype.manifest.json", media_type::OCI_MANIFEST, 4, 0),
        ("ociv1.nondistributable.gzip.manifest.json", media_type::OCI_MANIFEST, 2, 1),
        ("ociv1.nondistributable.manifest.json", media_type::OCI_MANIFEST, 2, 1),
        ("ociv1.nondistributable.zstd.manifest.json", media_type::OCI_MANIFEST, 2, 1),
        ("ociv1.uncompressed.manifest.json", media_type::OCI_MANIFEST, 4, 0),
        ("ociv1.zstd.manifest.json", media_type::OCI_MANIFEST, 4, 0),
        // Schema 1 names its layers without sizes, so it has none that can be told as blobs.
        ("v2s1.everything.json", media_type::DOCKER_SCHEMA1, 0, 0),
        ("v2s2.everything.json", media_type::DOCKER_MANIFEST, 2, 0),
        ("v2s2.nondistributable.gzip.manifest.json", media_type::DOCKER_MANIFEST, 2, 1),
        ("v2s2.nondistributable.manifest.json", media_type::DOCKER_MANIFEST, 2, 1),
        ("v2s2.uncompressed.manifest.json", media_type::DOCKER_MANIFEST, 4, 0),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/containers/manifests");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    assert_eq!(files.count(), ROWS.len(), "every file is a row");
    for (file, kind, blobs, foreign) in ROWS {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let manifest = VerifiedManifest::named(bytes.clone(), None);
        assert_eq!((manifest.media_type(), &manifest.bytes()[..]), (*kind, &bytes[..]), "{file}");
        let view = manifest.view().unwrap();
        assert_eq!(view.blobs().len(), *blobs, "{file}");
        let of_others = view
            .blobs()
            .into_iter()
            .filter(|blob| blob.media_type.contains("nondistributable") || blob.media_type.contains("foreign"))
            .count();
        assert_eq!(of_others, *foreign, "{file}");
    }
}

/// What `docker-registry` says when it reads the note of a blob while it is written, and what sounds like it.
#[tokio::test]
async fn a_registry_that_does_not_know_its_blobs_for_a_moment() {
    async fn check(codes: &[&str], times: u64, expected: &str) {
        let registry = Registry::start_blocking();
        let image = ImageBuilder::oci().layer(Layer::random(1, 100)).build();
        let (destination, manifest) =
            (destination(), VerifiedManifest::named(image.bytes.clone(), Some(&image.media_type)));
        let at = endpoint(&destination, &registry, "ns/app");
        for blob in image.all_blobs() {
            destination.push_blob(&at, &descriptor(blob), content(blob), &|_| {}).await.unwrap();
        }
        let errors: Vec<_> = codes.iter().map(|code| format!("{{\"code\":\"{code}\",\"message\":\"no\"}}")).collect();
        let body = Some(format!("{{\"errors\":[{}]}}", errors.join(",")));
        let effect = Effect::Status { code: 400, headers: Vec::new(), body };
        registry.fault(Fault::new(When::kind(Kind::Manifest).method("PUT").times(times), effect));
        let found = match destination.push_manifest(&at, &Reference::Tag("v1".to_owned()), &manifest).await {
            Ok(()) => "pushed".to_owned(),
            Err(error) => format!("{} x{}", error.condition(), error.attempts()),
        };
        assert_eq!(found, expected, "{codes:?}");
        assert_eq!(registry.manifest("ns/app", "v1").is_some(), found == "pushed");
    }
    check(&["DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"], 2, "pushed").await;
    check(&["DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"], 9, "try-again x4").await;
    check(&["MANIFEST_BLOB_UNKNOWN"], 1, "rejected x1").await;
    check(&["DIGEST_INVALID"], 1, "rejected x1").await;
    check(&["MANIFEST_INVALID"], 1, "rejected x1").await;
}

/// Signatures in a manifest that are none say nothing about its payload: the digest is that of all its bytes.
#[test]
fn a_signed_manifest_without_readable_signatures() {
    let file = "../../../shared/data/containers/signatures/v2s1-invalid-signatures.manifest.json";
    let Ok(bytes) = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)) else {
        println!("skipped: {file} is not there");
        return;
    };
    let manifest = VerifiedManifest::named(bytes.clone(), None);
    assert_eq!(manifest.media_type(), media_type::DOCKER_SCHEMA1_SIGNED);
    assert_eq!((&manifest.bytes()[..], manifest.digest()), (&bytes[..], &test_support::sha256(&bytes)));
    assert!(manifest.has_digest(&test_support::sha256(&bytes)));
    let signed_by_nobody = test_support::sha256(&[&bytes[..bytes.len() - 4], b"}"].concat());
    assert!(!manifest.has_digest(&signed_by_nobody));
    assert!(manifest.view().unwrap().blobs().is_empty());
}

/// What the header of a tag says and the body does not is a warning; a proxy that packs everything unasked changes nothing;
/// a digest that was asked for is strict.
#[tokio::test]
async fn the_body_of_a_tag_counts() {
    for (name, made) in kinds() {
        let registry = Registry::start_blocking();
        registry.push("ns/app", "v1", &made);
        let (tag, pinned) = (image(&registry, "ns/app:v1"), image(&registry, &format!("ns/app@{}", made.digest)));
        let client = source();
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let listener = std::sync::Arc::clone(&told);
        client.on_notice(std::sync::Arc::new(move |notice| {
            if let oci_transport::Notice::Warning(text) = notice {
                listener.lock().unwrap().push(text.clone());
            }
        }));
        let wrong = registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::WrongDigestHeader));
        for _ in 0..2 {
            let pulled = client.pull_manifest(&tag).await.unwrap().manifest;
            assert_eq!((pulled.bytes(), pulled.digest()), (&made.bytes, &made.digest), "{name}");
        }
        // The header of what is pinned is not asked.
        assert_eq!(*client.pull_manifest(&pinned).await.unwrap().manifest.digest(), made.digest, "{name}");
        let warnings = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(warnings.len(), 1, "{name}: {warnings:?}");
        assert_eq!(
            warnings[0],
            format!(
                "`{}/ns/app:v1`: the header Docker-Content-Digest says `{}`, the manifest has the digest `{}`; the manifest is \
                 used. Check the registry and the proxies in front of it",
                registry.host(),
                test_support::sha256(b"another thing"),
                made.digest
            )
        );
        wrong.stop();

        let packed = registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::Gzip));
        for reference in [&tag, &pinned] {
            let pulled = client.pull_manifest(reference).await.unwrap().manifest;
            assert_eq!((pulled.bytes(), pulled.digest()), (&made.bytes, &made.digest), "{name}");
            let head = client.head_manifest(reference).await.unwrap().unwrap();
            assert_eq!((head.digest, head.size), (made.digest.clone(), made.bytes.len() as u64), "{name}");
        }
        packed.stop();
        assert!(told.lock().unwrap().is_empty(), "{name}");

        registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::WrongBytes(3)));
        let error = client.pull_manifest(&pinned).await.unwrap_err();
        assert_eq!(error.condition(), oci_transport::Condition::Digest, "{name}: {error}");
    }
}

/// What is small when packed and large when not is bounded by what it becomes.
#[tokio::test]
async fn packed_answers_are_bounded() {
    let registry = Registry::start_blocking();
    let big = format!("{{\"schemaVersion\":2,\"layers\":[],\"x\":\"{}\"}}", "x".repeat(64 * 1024 * 1024));
    let digest = registry.put_manifest("ns/app", media_type::OCI_MANIFEST, big);
    registry.tag("ns/app", "big", &digest);
    registry.fault(Fault::new(When::kind(Kind::Manifest), Effect::Gzip));
    let error = source().pull_manifest(&image(&registry, "ns/app:big")).await.unwrap_err();
    assert!(error.to_string().ends_with("the manifest is larger than the 4 MiB allowed"), "{error}");
}
