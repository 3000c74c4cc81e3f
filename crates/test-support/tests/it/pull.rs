//! Reading: manifests, blobs, ranges, lists.

use test_support::{ImageBuilder, IndexBuilder, Kind, Layer, Registry, When, artifact, media_type};

use crate::support::{Asker, header};

#[tokio::test]
async fn manifests_come_byte_for_byte_with_type_and_digest() {
    let registry = Registry::builder().start().await;
    let ask = Asker::of(&registry);
    let image = ImageBuilder::docker().layer(Layer::random(1, 5000)).build();
    let list = IndexBuilder::oci().architectures(&["amd64", "arm64"], 2, 3000).build();
    registry.push("ns/app", "v1", &image);
    registry.push("ns/list", None, &list);
    for (repository, reference, expected) in [
        ("ns/app", "v1".to_owned(), &image),
        ("ns/app", image.digest.to_string(), &image),
        ("ns/list", list.digest.to_string(), &list),
        ("ns/list", list.children[1].digest.to_string(), &list.children[1]),
    ] {
        let path = format!("/v2/{repository}/manifests/{reference}");
        for method in ["GET", "HEAD"] {
            let response = ask.ask(method, &path).await;
            assert_eq!(response.status(), 200, "{method} {path}");
            assert_eq!(header(&response, "content-type"), Some(expected.media_type.as_str()));
            assert_eq!(header(&response, "docker-content-digest"), Some(expected.digest.to_string().as_str()));
            assert_eq!(header(&response, "content-length"), Some(expected.bytes.len().to_string().as_str()));
            let body = response.bytes().await.unwrap();
            assert_eq!(body, if method == "GET" { expected.bytes.clone() } else { Vec::new().into() });
        }
    }
    assert_eq!(ask.status("GET", "/v2/").await, 200);
    assert_eq!(ask.status("GET", "/v2/ns/app/manifests/v2").await, 404);
    assert_eq!(ask.status("GET", "/v2/other/manifests/v1").await, 404);
    assert_eq!(ask.status("GET", &format!("/v2/ns/app/manifests/{}", list.digest)).await, 404);
}

#[tokio::test]
async fn blobs_come_whole_and_in_ranges() {
    let registry = Registry::builder().start().await;
    let folder = tempfile::tempdir().unwrap();
    let on_disk = Registry::builder().storage(test_support::Storage::Dir(folder.path().to_owned())).start().await;
    let content = test_support::Random::new(5).bytes(3_000_000);
    for registry in [&registry, &on_disk] {
        let ask = Asker::of(registry);
        let digest = registry.put_blob("ns/app", content.clone());
        let path = format!("/v2/ns/app/blobs/{digest}");
        for (range, status, expected) in [
            (None, 200, 0..3_000_000),
            (Some("bytes=0-9"), 206, 0..10),
            (Some("bytes=2000000-"), 206, 2_000_000..3_000_000),
            (Some("bytes=-5"), 206, 2_999_995..3_000_000),
        ] {
            let mut request = ask.request("GET", &path);
            if let Some(range) = range {
                request = request.header("range", range);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{range:?}");
            if status == 206 {
                let content_range = format!("bytes {}-{}/3000000", expected.start, expected.end - 1);
                assert_eq!(header(&response, "content-range"), Some(content_range.as_str()));
            }
            assert_eq!(response.bytes().await.unwrap(), content[expected]);
        }
        let beyond = ask.request("GET", &path).header("range", "bytes=3000000-").send().await.unwrap();
        assert_eq!(beyond.status(), 416);
        assert_eq!(header(&beyond, "content-range"), Some("bytes */3000000"));
        let head = ask.ask("HEAD", &path).await;
        assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, Some("3000000")));
        assert_eq!(ask.status("GET", &format!("/v2/other/blobs/{digest}")).await, 404, "blobs belong to a repository");
        let served = registry.requests_matching(&When::kind(Kind::Blob).method("GET").digest(&digest));
        assert_eq!(
            served.iter().map(test_support::Request::status).collect::<Vec<_>>(),
            [200, 206, 206, 206, 416, 404]
        );
        assert!(registry.blob_bytes_served() >= 4_000_015);
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let registry = Registry::builder().page_size(3).start().await;
    let ask = Asker::of(&registry);
    let image = ImageBuilder::oci().layer(Layer::random(1, 2000)).build();
    for number in 0..7 {
        registry.push("ns/app", format!("v{number}").as_str(), &image);
        registry.push(&format!("other/{number}"), "v1", &image);
        let referrer = artifact("application/x", "text/plain", format!("{number}").as_bytes(), Some(&image));
        registry.push("ns/app", None, &referrer);
    }
    let other = artifact("application/y", "text/plain", b"y", Some(&image));
    registry.push("ns/app", None, &other);

    let tags = pages(&ask, "/v2/ns/app/tags/list", "/tags").await;
    assert_eq!(tags, [["v0", "v1", "v2"].as_slice(), &["v3", "v4", "v5"], &["v6"]]);
    let two = pages(&ask, "/v2/ns/app/tags/list?n=2&last=v3", "/tags").await;
    assert_eq!(two, [["v4", "v5"].as_slice(), &["v6"]]);
    assert_eq!(pages(&ask, "/v2/_catalog", "/repositories").await.concat().len(), 8);
    let path = format!("/v2/ns/app/referrers/{}", image.digest);
    assert_eq!(pages(&ask, &path, "/manifests").await.concat().len(), 8);
    let filtered = ask.ask("GET", &format!("{path}?artifactType=application/y")).await;
    assert_eq!(header(&filtered, "oci-filters-applied"), Some("artifactType"));
    assert_eq!(header(&filtered, "content-type"), Some(media_type::OCI_INDEX));
    let filtered: serde_json::Value = serde_json::from_slice(&filtered.bytes().await.unwrap()).unwrap();
    assert_eq!(filtered["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(filtered["manifests"][0]["digest"], other.digest.to_string());

    let old = Registry::builder().referrers(false).start().await;
    assert_eq!(Asker::of(&old).status("GET", &path).await, 404);
}

/// All pages of a list, by following `Link`.
async fn pages(ask: &Asker, path: &str, pointer: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take() {
        let response = ask.ask("GET", &path).await;
        assert_eq!(response.status(), 200, "{path}");
        next = header(&response, "link").map(|link| {
            let (url, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            url.to_owned()
        });
        let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let entries = body.pointer(pointer).unwrap().as_array().unwrap();
        pages.push(entries.iter().map(|entry| entry.as_str().map_or(entry.to_string(), str::to_owned)).collect());
    }
    pages
}
