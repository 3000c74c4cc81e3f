//! Any template text gives a readable `CatalogSource` that serves our image by gRPC.
#![no_main]

use cluster_resources::{CatalogTemplate, Kind, Mirrored, Request, emit};
use image_ref::ImageRef;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let catalog = ImageRef::parse("q.io/idx:v1").expect("a reference");
    let destination = ImageRef::parse("m.io/idx:v1").expect("a reference");
    let rows = [Mirrored { kind: Kind::Catalog, origin: catalog, destination }];
    let templates = [CatalogTemplate { catalog: "q.io/idx:v1".into(), text: Ok(text.into()) }];
    let emitted = emit(&rows, &Request { templates: &templates, ..Request::default() });
    let object: Value = serde_saphyr::from_str(&emitted.documents[0].text).expect("what we write is YAML");
    assert_eq!(object["metadata"]["name"], "cs-idx-v1");
    assert_eq!(object["spec"]["image"], "m.io/idx:v1");
    assert_eq!(object["spec"]["sourceType"], "grpc");
    assert!(object["status"].is_null());
});
