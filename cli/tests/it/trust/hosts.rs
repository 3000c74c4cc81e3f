//! Where a registry of the network may lead: not to this machine, and not to its link.

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::Home;

/// The registry answers as its own proxy, under a name that is not of this machine.
#[test]
fn no_registry_leads_to_this_machine() {
    let far = "registry.invalid";
    let check = |kind: Kind, effect: &dyn Fn(&str) -> Effect, place: &str, code: i32, says: &str| {
        let (registry, victim) = (Registry::start_blocking(), Registry::start_blocking());
        registry.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
        let port = victim.host().rsplit_once(':').unwrap().1;
        registry.fault(Fault::new(When::kind(kind), effect(&place.replace("PORT", port))));
        let home = Home::new().variable("HTTP_PROXY", format!("http://{}", registry.host()));
        home.additional_images([format!("{far}/ns/app:v1")]);
        let outcome = home.mirror_to_mirror(&format!("{far}/copy"), &["--retry-times=0"]);
        outcome.code(code).says("refused: the registry sends ").says(says);
        assert_eq!(victim.request_count(), 0, "{place}");
    };
    let here = "an address of this machine";
    let redirect = |place: &str| Effect::Redirect(format!("http://{place}/secret"));
    for place in ["127.0.0.1:PORT", "localhost:PORT", "0.0.0.0:PORT", "[::ffff:127.0.0.1]:PORT"] {
        check(Kind::Manifest, &redirect, place, 8, here);
        check(Kind::Upload, &|place| Effect::LocationAt(place.to_owned()), place, 8, here);
    }
    check(Kind::Blob, &redirect, "127.0.0.1:PORT", 8, here);
    check(Kind::Blob, &redirect, "169.254.169.254", 8, "a link-local address");
    check(Kind::Ping, &redirect, "169.254.169.254", 1, "a link-local address");
}
