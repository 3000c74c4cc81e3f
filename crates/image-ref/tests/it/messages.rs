//! What people read.

use image_ref::{Digest, ImageRef, Platform, Repository};

#[test]
fn references() {
    let texts = [
        "",
        "quay.io/ns/app",
        "quay.io/ns/app:",
        "quay.io/ns/app:a+b",
        "quay.io/ns/app:-x",
        "docker://docker://quay.io/ns/app:1",
        "quay.io/ns/app@sha256:12",
        "quay.io/ns/app@latest",
        "quay.io/ns/app@md5:d41d8cd98f00b204e9800998ecf8427e",
        " quay.io/ns/app:1",
        "quay.io/ns/app:1\n",
    ];
    let messages: Vec<String> = texts.iter().map(|text| ImageRef::parse(text).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn digests_repositories_and_platforms() {
    let hex = "0".repeat(64);
    let messages = [
        "x".parse::<Digest>().unwrap_err().to_string(),
        format!("sha1:{hex}").parse::<Digest>().unwrap_err().to_string(),
        format!("sha256:{}X", &hex[1..]).parse::<Digest>().unwrap_err().to_string(),
        Repository::new("https://quay.io", "ns/app").unwrap_err().to_string(),
        Repository::new("quay.io", "Ns/App").unwrap_err().to_string(),
        ImageRef::parse("oci:///d").unwrap().repository().unwrap_err().to_string(),
        "quay.io".parse::<Repository>().unwrap_err().to_string(),
        "linux".parse::<Platform>().unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}
