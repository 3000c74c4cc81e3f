//! A destination that calls itself by another name where it takes uploads.

use test_support::{Auth, Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, auths};

#[test]
fn uploads_under_another_name_use_the_entry_for_that_name() {
    let source = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
    source.push("ns/app", "v1", &image);
    let check = |flags: &[&str], entries: &dyn Fn(&str, &str) -> String, expected: Option<&str>| {
        let destination = Registry::builder().auth(Auth::basic("user", "s3cret")).start_blocking();
        let other = destination.host().replace("127.0.0.1", "localhost");
        destination.fault(Fault::new(When::kind(Kind::Upload), Effect::LocationAt(other.clone())));
        let home = Home::new();
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let file = home.write("auth.json", entries(destination.host(), &other)).display().to_string();
        let outcome =
            home.mirror_to_mirror(destination.host(), &[&["--authfile", &file, "--retry-times=0"], flags].concat());
        let arrived = destination.manifest("ns/app", "v1").map(|manifest| manifest.digest);
        match expected {
            None => {
                outcome.code(0);
                assert_eq!(arrived, Some(image.digest.clone()));
            }
            Some(expected) => {
                outcome.code(8).says(&expected.replace("OTHER", &other));
                assert_eq!(arrived, None);
                let asked = destination.requests();
                let strangers = asked.iter().filter(|request| request.header("host") == Some(&other));
                assert!(strangers.clone().count() > 0, "the other name was asked");
                assert!(strangers.clone().all(|request| request.header("authorization").is_none()));
            }
        }
    };
    let both = |registry: &str, other: &str| auths(&[(registry, "user:s3cret"), (other, "user:s3cret")]);
    let one = |registry: &str, _: &str| auths(&[(registry, "user:s3cret")]);
    let missing = Some("and there are none for `OTHER`: run `podman login OTHER`");
    check(&[], &both, None);
    check(&[], &one, missing);
    // Given credentials are for the host that was named, whatever stands in files.
    check(&["--dest-creds=user:s3cret"], &both, missing);
}
