//! Wherever a `Location` header leads: it is HTTP at a host, carries no user information, never leaves HTTPS unless that
//! is allowed, and what is shown of it hides its query.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::{Hasher, location};
use url::Url;

fuzz_target!(|input: (&str, bool, bool)| {
    let (header, tls, insecure) = input;
    let scheme = if tls { "https" } else { "http" };
    let base = Url::parse(&format!("{scheme}://registry.example:5000/")).expect("a fixed address");
    let from = base.join("v2/ns/app/blobs/uploads/?mount=x").expect("a fixed address");
    let digest = Hasher::of(image_ref::Algorithm::Sha256, header.as_bytes());
    for target in [location::session(&from, &base, header, insecure), location::redirect(&from, header, insecure)] {
        let Ok(target) = target else { continue };
        assert!(matches!(target.scheme(), "http" | "https"));
        assert!(target.host_str().is_some_and(|host| !host.is_empty()));
        assert!(target.username().is_empty() && target.password().is_none());
        assert!(!tls || insecure || target.scheme() == "https");
        assert!(!location::shown(&target).contains('?'));
        // Reading it again from its own text changes nothing.
        assert_eq!(location::redirect(&target, target.as_str(), insecure).as_ref(), Ok(&target));

        let query = target.query().unwrap_or_default().to_owned();
        let place = location::with_digest(target.clone(), &digest);
        let added = place.query().expect("the digest was added");
        assert!(added.starts_with(&query) && added.ends_with(&format!("digest={digest}")));
        assert!(location::same_origin(&place, &target) && place.path() == target.path());
    }
});
