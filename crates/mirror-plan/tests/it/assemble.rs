//! From collected images to a plan: blocking, merging, ordering.

use std::collections::BTreeMap;

use image_ref::Platform;
use isc_schema::BlockedImage;
use mirror_plan::{
    CacheName, Destination, Draft, ImageKind, Mode, Plan, PlannedBundle, PlannedImage, PlannedRelease, Why,
};

fn image(kind: ImageKind, name: &str) -> PlannedImage {
    let source: image_ref::ImageRef = name.parse().unwrap();
    let cache = CacheName { repository: source.path().into(), tag: source.tag_or_digest_tag() };
    let destination = Destination::parse("reg.lan/m").unwrap();
    PlannedImage::new(kind, name, source, cache, Some(&destination), Why::default()).unwrap()
}

/// The plan of images whose names nobody contests.
#[track_caller]
fn assemble(mode: Mode, collected: Vec<PlannedImage>, blocked: &[BlockedImage]) -> Plan {
    let draft = Draft::new(mode, collected, blocked, None);
    assert!(draft.undecided().is_empty());
    draft.settle(&BTreeMap::new(), false).unwrap()
}

fn origins(plan: &Plan) -> Vec<&str> {
    plan.images.iter().map(|image| image.origin.as_str()).collect()
}

#[test]
fn copying_order_follows_the_kinds() {
    use ImageKind::*;
    let collected =
        [OperatorCatalog, OperatorBundle, Helm, Additional, OperatorRelated, Graph, ReleasePayload, ReleaseComponent]
            .map(|kind| image(kind, &format!("h.io/{}:1", kind.as_str().to_lowercase())));
    let plan = assemble(Mode::DiskToMirror, collected.into(), &[]);
    let kinds: Vec<_> = plan.images.iter().map(|image| image.kind).collect();
    assert_eq!(
        kinds,
        [ReleaseComponent, ReleasePayload, Graph, OperatorRelated, Additional, Helm, OperatorBundle, OperatorCatalog]
    );
}

#[test]
fn needs_follow_their_images() {
    let mut bundle = image(ImageKind::OperatorBundle, "h.io/bundle:1");
    let related = ["h.io/b:1", "h.io/blocked:1", "h.io/b:1"].map(|name| image(ImageKind::OperatorRelated, name));
    bundle.needs = related.iter().map(|image| image.id.clone()).collect();
    let collected = std::iter::once(bundle).chain(related).collect();
    let blocked = [BlockedImage::new("blocked").unwrap()];
    let plan = assemble(Mode::MirrorToDisk, collected, &blocked);
    assert_eq!(origins(&plan), ["h.io/b:1", "h.io/bundle:1"]);
    assert_eq!(plan.images[1].needs, [plan.images[0].id.clone()]);
    assert_eq!(plan.blocked[0].origin, "h.io/blocked:1");
}

#[test]
fn blocked_images_match_source_or_destination_anywhere_without_scheme() {
    let check = |pattern: &str, expected: &[&str]| {
        let collected =
            vec![image(ImageKind::Additional, "quay.io/a/debug-tools:1"), image(ImageKind::Additional, "h.io/b:2")];
        let plan = assemble(Mode::DiskToMirror, collected, &[BlockedImage::new(pattern).unwrap()]);
        assert_eq!(origins(&plan), expected, "{pattern}");
    };
    check("debug-.*", &["h.io/b:2"]);
    check("^quay", &["h.io/b:2"]);
    check("^docker://", &["quay.io/a/debug-tools:1", "h.io/b:2"]);
    check("reg.lan/m/b", &["quay.io/a/debug-tools:1"]);
    check(":", &[]);
    check("nothing", &["quay.io/a/debug-tools:1", "h.io/b:2"]);
}

/// One bundle that two catalogs have, and a payload that the configuration names once more.
#[test]
fn merged_images_keep_what_each_of_them_is() {
    let bundle = |catalog: &str| PlannedBundle {
        catalog: catalog.to_owned(),
        package: "foo".to_owned(),
        name: "foo.v1".to_owned(),
        version: None,
        channels: Vec::new(),
    };
    let of = |catalog: &str| PlannedImage {
        bundles: vec![bundle(catalog)],
        ..image(ImageKind::OperatorBundle, "h.io/foo-bundle:1")
    };
    let release = Some(PlannedRelease { version: Some("4.20.1".to_owned()), ..PlannedRelease::default() });
    let payload = PlannedImage { release: release.clone(), ..image(ImageKind::ReleasePayload, "h.io/release:4.20.1") };
    let again = image(ImageKind::Additional, "h.io/release:4.20.1");
    for pair in [[payload.clone(), again.clone()], [again, payload]] {
        let collected = pair.into_iter().chain([of("one"), of("two"), of("one")]).collect();
        let plan = assemble(Mode::MirrorToDisk, collected, &[]);
        assert_eq!(plan.images[0].release, release);
        assert_eq!(plan.images[1].bundles, [bundle("one"), bundle("two")]);
    }
}

#[test]
fn duplicates_merge_wherever_they_stand() {
    let collected = vec![
        image(ImageKind::Additional, "h.io/a:1"),
        image(ImageKind::Additional, "h.io/b:1"),
        image(ImageKind::Additional, "h.io/a:1"),
    ];
    assert_eq!(origins(&assemble(Mode::MirrorToDisk, collected, &[])), ["h.io/a:1", "h.io/b:1"]);
}

#[test]
fn platform_filters_of_duplicates() {
    let check = |first: &[&str], second: &[&str], expected: &[&str]| {
        let platforms = |names: &[&str]| names.iter().map(|name| name.parse::<Platform>().unwrap()).collect::<Vec<_>>();
        let (mut a, mut b) = (image(ImageKind::Additional, "h.io/a:1"), image(ImageKind::Additional, "h.io/a:1"));
        a.platforms = platforms(first);
        b.platforms = platforms(second);
        assert_eq!(assemble(Mode::MirrorToDisk, vec![a, b], &[]).images[0].platforms, platforms(expected));
    };
    check(&["linux/amd64"], &["linux/arm64"], &["linux/amd64", "linux/arm64"]);
    check(&["linux/amd64"], &["linux/amd64"], &["linux/amd64"]);
    check(&["linux/amd64"], &[], &[]);
    check(&[], &["linux/amd64"], &[]);
}

#[test]
fn a_plan_survives_being_saved() {
    let plan = assemble(Mode::MirrorToMirror, vec![image(ImageKind::Helm, "h.io/a:1")], &[]);
    let saved = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&saved).unwrap(), plan);
}
