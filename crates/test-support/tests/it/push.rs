//! Writing: uploads in all forms, mounts, manifests, deletes.

use test_support::{ImageBuilder, IndexBuilder, Kind, Layer, Registry, When, media_type, schema1_signed, sha256};

use crate::support::{Asker, header};

#[tokio::test]
async fn uploads() {
    let registry = Registry::builder().start().await;
    let ask = Asker::of(&registry);
    let content = test_support::Random::new(1).bytes(100_000);
    let digest = sha256(&content);

    // One POST.
    let path = format!("/v2/one/blobs/uploads/?digest={digest}");
    let response = ask.request("POST", &path).body(content.clone()).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(registry.has_blob("one", &digest));

    // POST and PUT.
    let response = ask.ask("POST", "/v2/two/blobs/uploads/").await;
    assert_eq!(response.status(), 202);
    let location = header(&response, "location").unwrap().to_owned();
    let put = format!("{location}&digest={digest}");
    assert_eq!(ask.request("PUT", &put).body(content.clone()).send().await.unwrap().status(), 201);
    assert!(registry.has_blob("two", &digest));

    // POST, two PATCHes with a status between, PUT; a chunk out of order is refused.
    let response = ask.ask("POST", "/v2/three/blobs/uploads/").await;
    let mut location = header(&response, "location").unwrap().to_owned();
    for (start, end) in [(0, 60_000), (60_000, 100_000)] {
        let range = format!("{start}-{}", end - 1);
        let chunk = content[start..end].to_vec();
        let gap = ask.request("PATCH", &location).header("content-range", "99-100").body(vec![0; 2]);
        assert_eq!(gap.send().await.unwrap().status(), 416);
        let response = ask.request("PATCH", &location).header("content-range", range).body(chunk).send().await.unwrap();
        assert_eq!(response.status(), 202);
        location = header(&response, "location").unwrap().to_owned();
        let status = ask.ask("GET", &location).await;
        assert_eq!(status.status(), 204);
        assert_eq!(header(&status, "range"), Some(format!("0-{}", end - 1).as_str()));
    }
    assert_eq!(ask.status("PUT", &format!("{location}&digest={digest}")).await, 201);
    assert!(registry.has_blob("three", &digest));

    // The wrong digest, an unknown session, a cancelled one.
    let response = ask.ask("POST", "/v2/four/blobs/uploads/").await;
    let location = header(&response, "location").unwrap().to_owned();
    let put = format!("{location}&digest={}", sha256(b"another"));
    assert_eq!(ask.request("PUT", &put).body(content.clone()).send().await.unwrap().status(), 400);
    assert_eq!(ask.status("GET", &location).await, 404);
    let response = ask.ask("POST", "/v2/four/blobs/uploads/").await;
    let location = header(&response, "location").unwrap().to_owned();
    assert_eq!(registry.unfinished_uploads(), 1);
    assert_eq!(ask.status("DELETE", &location).await, 204);
    assert_eq!(ask.status("GET", &location).await, 404);
    assert_eq!(registry.unfinished_uploads(), 0);

    // Mounts.
    assert_eq!(ask.status("POST", &format!("/v2/five/blobs/uploads/?mount={digest}&from=one")).await, 201);
    assert!(registry.has_blob("five", &digest));
    let other = sha256(b"other");
    assert_eq!(ask.status("POST", &format!("/v2/five/blobs/uploads/?mount={other}&from=one")).await, 202);
    assert_eq!(ask.status("POST", &format!("/v2/five/blobs/uploads/?mount={digest}&from=nowhere")).await, 202);
    let mounts = registry.requests_matching(&When::kind(Kind::Upload).method("POST").digest(&digest).query("mount="));
    assert_eq!(mounts.len(), 2);

    // Deletes.
    assert_eq!(ask.status("DELETE", &format!("/v2/five/blobs/{digest}")).await, 202);
    assert_eq!(ask.status("HEAD", &format!("/v2/five/blobs/{digest}")).await, 404);
    assert_eq!(ask.status("DELETE", &format!("/v2/five/blobs/{digest}")).await, 404);
    assert_eq!(ask.status("HEAD", &format!("/v2/one/blobs/{digest}")).await, 200);
}

#[tokio::test]
async fn manifests_are_taken_when_all_they_name_is_there() {
    let registry = Registry::builder().start().await;
    let sparse = Registry::builder().sparse(true).start().await;
    let list = IndexBuilder::docker().architectures(&["amd64", "s390x"], 7, 2000).build();
    let old = schema1_signed("ns/app", "old", &[Layer::random(9, 2000)]);
    let put = async |registry: &Registry, reference: &str, image: &test_support::Image| {
        let path = format!("/v2/ns/app/manifests/{reference}");
        let request = Asker::of(registry).request("PUT", &path).header("content-type", &image.media_type);
        request.body(image.bytes.clone()).send().await.unwrap().status().as_u16()
    };
    let child = &list.children[0];
    assert_eq!(put(&registry, "v1", child).await, 400, "no blobs");
    for blob in list.all_blobs() {
        registry.put_blob("ns/app", blob.bytes.clone());
        sparse.put_blob("ns/app", blob.bytes.clone());
    }
    assert_eq!(put(&registry, &list.digest.to_string(), child).await, 400, "another digest");
    assert_eq!(put(&registry, "not%20a%20tag", child).await, 400, "no tag");
    assert_eq!(put(&registry, &child.digest.to_string(), child).await, 201);
    assert_eq!(put(&registry, "list", &list).await, 400, "one instance is missing");
    assert_eq!(put(&sparse, "list", &list).await, 201, "allowed here");
    assert_eq!(put(&registry, &list.children[1].digest.to_string(), &list.children[1]).await, 201);
    assert_eq!(put(&registry, "list", &list).await, 201);
    let stored = registry.manifest("ns/app", "list").unwrap();
    assert_eq!((stored.media_type.as_str(), stored.digest), (media_type::DOCKER_LIST, list.digest.clone()));
    assert_eq!(stored.bytes, list.bytes);
    registry.put_blob("ns/app", old.blobs[0].bytes.clone());
    assert_eq!(put(&registry, &old.digest.to_string(), &old).await, 201, "signed schema 1 by the payload's digest");

    let ask = Asker::of(&registry);
    assert_eq!(ask.status("DELETE", "/v2/ns/app/manifests/list").await, 202);
    assert_eq!(ask.status("GET", "/v2/ns/app/manifests/list").await, 404);
    assert_eq!(ask.status("DELETE", &format!("/v2/ns/app/manifests/{}", list.digest)).await, 202);
    assert_eq!(ask.status("GET", &format!("/v2/ns/app/manifests/{}", list.digest)).await, 404);
    assert_eq!(ask.status("DELETE", &format!("/v2/ns/app/manifests/{}", list.digest)).await, 404);
}

#[tokio::test]
async fn a_registry_on_disk_is_served_again_after_a_save() {
    let folder = tempfile::tempdir().unwrap();
    let storage = || test_support::Storage::Dir(folder.path().to_owned());
    let image = ImageBuilder::oci().layer(Layer::random(1, 50_000)).build();
    let registry = Registry::builder().storage(storage()).start().await;
    registry.push("ns/app", "v1", &image);
    let before = registry.snapshot();
    registry.save().unwrap();
    drop(registry);
    let registry = Registry::builder().storage(storage()).start().await;
    assert_eq!(registry.snapshot(), before);
    let path = format!("/v2/ns/app/blobs/{}", image.blobs[1].digest);
    let body = Asker::of(&registry).ask("GET", &path).await.bytes().await.unwrap();
    assert_eq!(body, image.blobs[1].bytes);
}
