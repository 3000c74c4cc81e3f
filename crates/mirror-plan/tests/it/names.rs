//! Every name is one image's: who keeps a contested one, and what is said about it.

use std::collections::BTreeMap;

use image_ref::{Digest, ImageRef};
use mirror_plan::{
    CacheName, CatalogImage, CatalogRole, Collision, Destination, Draft, ImageKind, Mode, Plan, PlannedImage, Why,
};

/// `a/b:v1` of a registry, as an image of this kind.
fn image(kind: ImageKind, name: &str) -> PlannedImage {
    let source: ImageRef =
        name.replace("DA", &digest('a').to_string()).replace("DB", &digest('b').to_string()).parse().unwrap();
    let cache = CacheName { repository: source.path().into(), tag: source.tag_or_digest_tag() };
    named(kind, source, cache)
}

fn named(kind: ImageKind, source: ImageRef, cache: CacheName) -> PlannedImage {
    let why = Why { path: format!("path of {source}"), line: 7, steps: Vec::new() };
    PlannedImage::new(kind, source.to_string(), source, cache, None, why).unwrap()
}

/// The images with their names at a destination.
fn at(destination: &Destination, images: Vec<PlannedImage>) -> Vec<PlannedImage> {
    let place = |image: PlannedImage| {
        let there = destination.image(&image.cache).unwrap();
        image.with_destination(Some(there))
    };
    images.into_iter().map(place).collect()
}

fn digest(letter: char) -> Digest {
    Digest::sha256(&letter.to_string().repeat(64)).unwrap()
}

/// Settles the images with the digests that `known` has of their sources, one letter each; none where it is not known.
fn settle(mode: Mode, images: Vec<PlannedImage>, known: &[(&str, char)]) -> Result<Plan, Vec<Collision>> {
    let draft = Draft::new(mode, images, &[], None);
    let answer = |at: usize| {
        let source = draft.image(at).source.to_string();
        let found = known.iter().find(|(name, _)| *name == source);
        (at, found.map(|(_, letter)| digest(*letter)).ok_or_else(|| format!("{source} does not answer")))
    };
    let looked_up: BTreeMap<_, _> = draft.undecided().into_iter().map(answer).collect();
    draft.settle(&looked_up, false)
}

/// The plan in one line: each image with its twins, refused ones in brackets; or the messages.
fn told(outcome: &Result<Plan, Vec<Collision>>) -> String {
    let line = |image: &PlannedImage| {
        let twins = image.twins.iter().map(|twin| format!(" = {}", twin.origin));
        let text = format!("{}{}", image.origin, twins.collect::<String>());
        if image.refused.is_some() { format!("[{text}]") } else { text }
    };
    match outcome {
        Ok(plan) => plan.images.iter().map(line).collect::<Vec<_>>().join(", "),
        Err(collisions) => format!("{} collisions", collisions.len()),
    }
    .replace(&"a".repeat(64), "AA")
    .replace(&"b".repeat(64), "BB")
}

#[test]
fn who_keeps_a_contested_name() {
    use ImageKind::*;
    let check = |images: &[(ImageKind, &str)], known: &[(&str, char)], expected: &str| {
        for mode in [Mode::MirrorToDisk, Mode::DiskToMirror, Mode::MirrorToMirror] {
            let mut collected: Vec<_> = images.iter().map(|(kind, name)| image(*kind, name)).collect();
            if mode != Mode::MirrorToDisk {
                collected = at(&Destination::parse("reg.lan/m").unwrap(), collected);
            }
            assert_eq!(told(&settle(mode, collected, known)), expected, "{mode} {images:?} {known:?}");
        }
    };
    let (one, two) = ("r1.io/a/b:v1", "r2.io/a/b:v1");
    // Lines of the configuration: an error, unless both are one image.
    check(&[(Additional, one), (Additional, two)], &[(one, 'a'), (two, 'b')], "1 collisions");
    check(&[(Additional, one), (Additional, two)], &[(one, 'a')], "1 collisions");
    check(&[(Additional, one), (Additional, two)], &[(one, 'a'), (two, 'a')], "r1.io/a/b:v1 = r2.io/a/b:v1");
    check(&[(Additional, one), (Additional, "r2.io/a/b:v2")], &[], "r1.io/a/b:v1, r2.io/a/b:v2");
    check(&[(Additional, one), (Additional, one)], &[], "r1.io/a/b:v1");
    // A digest that is written needs no question, and two of one tag that was asked for are two images.
    check(&[(Additional, "r1.io/a/b:v1@DA"), (Additional, "r1.io/a/b:v1@DB")], &[], "1 collisions");
    check(
        &[(Additional, "r1.io/a/b@DA"), (Additional, "r2.io/a/b@DA")],
        &[],
        "r1.io/a/b@sha256:AA = r2.io/a/b@sha256:AA",
    );
    check(&[(Additional, "r1.io/a/b:v1@DA"), (Additional, two)], &[(two, 'b')], "1 collisions");
    check(
        &[(Additional, "r1.io/a/b:v1@DA"), (Additional, two)],
        &[(two, 'a')],
        "r1.io/a/b:v1@sha256:AA = r2.io/a/b:v1",
    );
    // What a catalog or a chart names loses against a line of the configuration, wherever it stands.
    check(&[(OperatorRelated, one), (Additional, two)], &[(one, 'a'), (two, 'b')], "[r1.io/a/b:v1], r2.io/a/b:v1");
    check(&[(OperatorBundle, one), (OperatorCatalog, two)], &[(one, 'a'), (two, 'b')], "[r1.io/a/b:v1], r2.io/a/b:v1");
    check(&[(Additional, one), (Helm, two)], &[(one, 'a')], "r1.io/a/b:v1, [r2.io/a/b:v1]");
    // Of two that were found the first keeps the name, in the order of collecting.
    check(&[(OperatorBundle, one), (OperatorRelated, two)], &[(one, 'a'), (two, 'b')], "[r2.io/a/b:v1], r1.io/a/b:v1");
    check(&[(OperatorBundle, one), (OperatorRelated, two)], &[(one, 'a'), (two, 'a')], "r1.io/a/b:v1 = r2.io/a/b:v1");
    // Who lost keeps nobody from the names it would have had.
    check(
        &[(Additional, one), (OperatorRelated, two), (OperatorRelated, "r3.io/a/b:v1")],
        &[(one, 'a'), (two, 'b'), ("r3.io/a/b:v1", 'a')],
        "r1.io/a/b:v1 = r3.io/a/b:v1, [r2.io/a/b:v1]",
    );
}

#[test]
fn of_two_digests_of_one_tag_the_second_is_named_by_its_digest() {
    use ImageKind::*;
    let check = |images: &[(ImageKind, &str, bool)], expected: &str| {
        for mode in [Mode::MirrorToDisk, Mode::DiskToMirror, Mode::MirrorToMirror] {
            let image = |(kind, name, gives_way): &(ImageKind, &str, bool)| PlannedImage {
                tag_may_give_way: *gives_way,
                ..image(*kind, name)
            };
            let mut collected: Vec<_> = images.iter().map(image).collect();
            if mode != Mode::MirrorToDisk {
                collected = at(&Destination::parse("reg.lan/m").unwrap(), collected);
            }
            let outcome = settle(mode, collected, &[("r1.io/a/b:v1", 'b')]);
            let names = match &outcome {
                Ok(plan) => {
                    let name = |image: &PlannedImage| {
                        let there = image.destination.as_ref().map(|there| there.tag().unwrap().to_owned());
                        assert_eq!(there.unwrap_or_else(|| image.cache.tag.clone()), image.cache.tag);
                        let refused = if image.refused.is_some() { "!" } else { "" };
                        format!("{}{refused} {}", image.digest().map_or("?", |digest| &digest.hex()[..1]), image.cache)
                    };
                    let names = plan.images.iter().map(name).collect::<Vec<_>>().join(", ");
                    names.replace(&"a".repeat(64), "AA").replace(&"b".repeat(64), "BB")
                }
                Err(_) => told(&outcome),
            };
            assert_eq!(names, expected, "{mode} {images:?}");
        }
    };
    let (a, b, by_digest) = ("r1.io/a/b:v1@DA", "r1.io/a/b:v1@DB", "r1.io/a/b@DB");
    check(&[(Additional, a, true), (Additional, b, true)], "a a/b:v1, b a/b:sha256-BB");
    check(&[(OperatorRelated, a, true), (OperatorRelated, b, true)], "a a/b:v1, b a/b:sha256-BB");
    // The line of the configuration has the tag, wherever it stands.
    check(&[(OperatorRelated, a, true), (Additional, b, true)], "a a/b:sha256-AA, b a/b:v1");
    // One that has this name already is the same image.
    check(&[(Additional, a, true), (Additional, by_digest, false), (Additional, b, true)], "a a/b:v1, b a/b:sha256-BB");
    check(&[(Additional, a, true), (Additional, a, true), (Additional, b, true)], "a a/b:v1, b a/b:sha256-BB");
    // A tag that was asked for, a tag without a digest, and another registry do not give way.
    check(&[(Additional, a, true), (Additional, b, false)], "1 collisions");
    check(&[(Additional, a, true), (Additional, "r1.io/a/b:v1", false)], "1 collisions");
    check(&[(Additional, "r2.io/a/b:v1@DA", true), (Additional, b, true)], "1 collisions");
    check(&[(Additional, "r2.io/a/b:v1@DA", true), (OperatorRelated, b, true)], "b! a/b:v1, a a/b:v1");
}

#[test]
fn nothing_but_releases_in_the_repositories_of_releases() {
    use ImageKind::*;
    let check = |destination: &str, nested: u32, kind: ImageKind, name: &str, expected: &str| {
        let destination = Destination::parse(destination).unwrap().with_max_nested_paths(nested);
        let collected = at(&destination, vec![image(kind, name)]);
        for mode in [Mode::DiskToMirror, Mode::MirrorToMirror] {
            let draft = Draft::new(mode, collected.clone(), &[], Some(&destination));
            assert!(draft.undecided().is_empty(), "{name}");
            let outcome = draft.settle(&BTreeMap::new(), false);
            assert_eq!(told(&outcome), expected, "{mode} {destination} {nested} {kind} {name}");
        }
    };
    for repository in ["openshift/release", "openshift/release-images", "openshift/graph-image"] {
        let (tagged, pinned) = (format!("r.io/{repository}:4.16.0"), format!("r.io/{repository}@DA"));
        let written = pinned.replace("DA", "sha256:AA");
        for (name, written) in [(&tagged, &tagged), (&pinned, &written)] {
            check("reg.lan/m", 0, Additional, name, "1 collisions");
            check("reg.lan/m", 0, OperatorCatalog, name, "1 collisions");
            check("reg.lan/m", 0, OperatorRelated, name, &format!("[{written}]"));
            check("reg.lan/m", 0, OperatorBundle, name, &format!("[{written}]"));
            check("reg.lan/m", 2, Helm, name, &format!("[{written}]"));
            for kind in [ReleaseComponent, ReleasePayload, Graph] {
                check("reg.lan/m", 0, kind, name, written);
            }
        }
    }
    // Folded into the name of a folded one, and from the root of the registry.
    check("reg.lan/m", 2, OperatorRelated, "r.io/openshift-release:1", "[r.io/openshift-release:1]");
    check("reg.lan/m", 1, OperatorRelated, "r.io/openshift-graph/image:1", "[r.io/openshift-graph/image:1]");
    check("reg.lan/m", 1, OperatorRelated, "r.io/openshift-graph/images:1", "r.io/openshift-graph/images:1");
    check("reg.lan/m", 1, OperatorRelated, "r.io/openshift-graph-image:1", "[r.io/openshift-graph-image:1]");
    check("reg.lan/openshift", 0, OperatorRelated, "r.io/release:1", "[r.io/release:1]");
    check("reg.lan/m", 0, OperatorRelated, "r.io/x/openshift/release:1", "r.io/x/openshift/release:1");
    check("reg.lan/m", 0, OperatorRelated, "r.io/openshift/release/x:1", "r.io/openshift/release/x:1");
    // Mirror to disk knows no destination.
    let outcome = settle(Mode::MirrorToDisk, vec![image(Helm, "r.io/openshift/release:1")], &[]);
    assert_eq!(told(&outcome), "[r.io/openshift/release:1]");
}

#[test]
fn tags_of_signatures_are_for_those_of_the_repository_itself() {
    use ImageKind::*;
    let tag = |ending: &str| format!("{}.{ending}", digest('d').as_tag());
    let check = |first: (ImageKind, &str), second: (ImageKind, &str), expected: &str| {
        let name =
            |text: &str| text.replace("SIG", &tag("sig")).replace("ATT", &tag("att")).replace("SBOM", &tag("sbom"));
        let images = [first, second].map(|(kind, text)| image(kind, &name(text))).to_vec();
        let expected = name(expected);
        for mode in [Mode::MirrorToDisk, Mode::DiskToMirror, Mode::MirrorToMirror] {
            let destination = Destination::parse("reg.lan/m").unwrap();
            let collected = if mode == Mode::MirrorToDisk { images.clone() } else { at(&destination, images.clone()) };
            assert_eq!(told(&settle(mode, collected, &[])), expected, "{mode} {first:?} {second:?}");
        }
    };
    let app = (Additional, "r1.io/a/b:v1");
    for shape in ["SIG", "ATT", "SBOM"] {
        let other = format!("r2.io/a/b:{shape}");
        check(app, (Additional, &other), "1 collisions");
        check((Additional, &other), app, "1 collisions");
        check(app, (OperatorRelated, &other), &format!("[{other}], r1.io/a/b:v1"));
        check((OperatorBundle, "r1.io/a/b:v1"), (OperatorRelated, &other), &format!("[{other}], r1.io/a/b:v1"));
    }
    // What would travel with the image anyway may be named.
    check(app, (Additional, "r1.io/a/b:SIG"), "r1.io/a/b:v1, r1.io/a/b:SIG");
    // In a repository of its own, and against what a catalog names, a line may have any tag.
    check(app, (Additional, "r2.io/a/c:SIG"), "r1.io/a/b:v1, r2.io/a/c:SIG");
    check((OperatorRelated, "r1.io/a/b:v1"), (Additional, "r2.io/a/b:SIG"), "r1.io/a/b:v1, r2.io/a/b:SIG");
    // No such tag.
    check(app, (Additional, "r2.io/a/b:v1.sig"), "r1.io/a/b:v1, r2.io/a/b:v1.sig");
    // Paths that are folded into one repository.
    let destination = Destination::parse("reg.lan/m").unwrap().with_max_nested_paths(2);
    let images = [format!("r.io/a-b/c:{}", tag("sig")), "r.io/a/b-c:1".to_owned()];
    let outcome =
        settle(Mode::DiskToMirror, at(&destination, images.map(|name| image(Additional, &name)).to_vec()), &[]);
    assert_eq!(told(&outcome), "1 collisions");
}

#[test]
fn folded_paths_are_one_name() {
    let destination = Destination::parse("reg.lan/m").unwrap().with_max_nested_paths(2);
    let images = || ["r.io/a/b-c:1", "r.io/a-b/c:1"].map(|name| image(ImageKind::Additional, name)).to_vec();
    let known = [("r.io/a/b-c:1", 'a'), ("r.io/a-b/c:1", 'b')];
    let outcome = settle(Mode::DiskToMirror, at(&destination, images()), &known);
    insta::assert_snapshot!(outcome.unwrap_err()[0].to_string().replace(&"a".repeat(64), "AA").replace(&"b".repeat(64), "BB"), @"r.io/a-b/c:1 (path of r.io/a-b/c:1, line 7) and r.io/a/b-c:1 (path of r.io/a/b-c:1, line 7) would both be named `reg.lan/m/a-b-c:1`: the first is sha256:BB, the second is sha256:AA. Set `targetRepo` or `targetTag` of path of r.io/a-b/c:1, or allow more nested paths");
    // In the archive they have two names, and what is one image lies there twice.
    assert_eq!(told(&settle(Mode::MirrorToDisk, images(), &[])), "r.io/a/b-c:1, r.io/a-b/c:1");
    let one = [("r.io/a/b-c:1", 'a'), ("r.io/a-b/c:1", 'a')];
    assert_eq!(told(&settle(Mode::DiskToMirror, at(&destination, images()), &one)), "r.io/a/b-c:1, r.io/a-b/c:1");
    assert_eq!(told(&settle(Mode::MirrorToMirror, at(&destination, images()), &one)), "r.io/a/b-c:1 = r.io/a-b/c:1");
}

/// A catalog image of `c.io/ns/idx:v1`.
fn catalog(role: CatalogRole, tag: &str, root: char, published: Option<&str>) -> PlannedImage {
    let name = |tag: &str| CacheName { repository: "ns/idx".into(), tag: tag.into() };
    let source: ImageRef = format!("c.io/ns/idx@{}", digest('c')).parse().unwrap();
    let image = named(ImageKind::OperatorCatalog, source, name(tag));
    let catalog = Some(CatalogImage { role, published: published.map(name) });
    PlannedImage { root: Some(digest(root)), built: role == CatalogRole::Rebuilt, catalog, ..image }
}

#[test]
fn rebuilt_catalogs_meet_at_the_destination_only() {
    use CatalogRole::*;
    let check = |images: Vec<PlannedImage>, expected: Option<usize>| {
        let outcome = settle(Mode::MirrorToDisk, images, &[]);
        assert_eq!(outcome.as_ref().ok().map(|plan| plan.images.len()), expected, "{}", told(&outcome));
    };
    let original = || catalog(Original, "v1", 'c', None);
    let whole = || catalog(Original, "v1", 'c', Some("v1"));
    // One selection, and two selections of one catalog.
    check(vec![original(), catalog(Rebuilt, "id1", 'd', Some("v1"))], Some(2));
    check(
        vec![
            original(),
            catalog(Rebuilt, "id1", 'd', Some("v1")),
            original(),
            catalog(Rebuilt, "id2", 'e', Some("v1")),
        ],
        None,
    );
    check(
        vec![original(), catalog(Rebuilt, "id1", 'd', Some("v1")), original(), catalog(Rebuilt, "id2", 'e', Some("t"))],
        Some(3),
    );
    // Selections that come to the same catalog stay apart in the archive, because they are looked for by their ids.
    check(
        vec![
            original(),
            catalog(Rebuilt, "id1", 'd', Some("v1")),
            original(),
            catalog(Rebuilt, "id2", 'd', Some("v1")),
        ],
        Some(3),
    );
    // The whole catalog and a selection from it.
    check(vec![whole(), original(), catalog(Rebuilt, "id1", 'd', Some("v1"))], None);
    check(vec![original(), catalog(Rebuilt, "id1", 'd', Some("v1")), whole()], None);
    // The catalog as an additional image is the original, not the rebuilt one.
    check(vec![whole(), image(ImageKind::Additional, "r.io/ns/idx:v1@DA")], None);
    let same = || {
        let source: ImageRef = format!("r.io/ns/idx:v1@{}", digest('c')).parse().unwrap();
        named(ImageKind::Additional, source, CacheName { repository: "ns/idx".into(), tag: "v1".into() })
    };
    check(vec![whole(), same()], Some(1));
    check(vec![original(), catalog(Rebuilt, "id1", 'd', Some("v1")), same()], None);
}

#[test]
fn both_copies_of_a_whole_catalog_stay() {
    let destination = Destination::parse("reg.lan/m").unwrap();
    let cached = catalog(CatalogRole::Original, "v1", 'c', Some("v1"));
    let pushed = at(&destination, vec![cached.clone()]);
    let images = [vec![cached], pushed].concat();
    assert_eq!(settle(Mode::MirrorToMirror, images, &[]).unwrap().images.len(), 2);
}

#[test]
fn a_bundle_needs_what_its_twin_stands_for() {
    let mut bundle = image(ImageKind::OperatorBundle, "r.io/bundle:1");
    let related = image(ImageKind::OperatorRelated, "r2.io/a/b:v1");
    bundle.needs = vec![related.id.clone()];
    let images = vec![bundle, related, image(ImageKind::OperatorCatalog, "r1.io/a/b:v1")];
    let plan = settle(Mode::MirrorToDisk, images, &[("r1.io/a/b:v1", 'a'), ("r2.io/a/b:v1", 'a')]).unwrap();
    assert_eq!(plan.images[0].origin, "r1.io/a/b:v1", "copied before the bundle");
    assert_eq!(plan.images[1].needs, [plan.images[0].id.clone()]);
}

#[test]
fn a_bundle_does_not_fail_with_what_only_its_twin_needs() {
    let related = |name: &str| image(ImageKind::OperatorRelated, name);
    let bundle = |name: &str, need: &str| PlannedImage {
        needs: vec![related(need).id],
        ..image(ImageKind::OperatorBundle, name)
    };
    let collected = || {
        vec![
            bundle("r1.io/bundle:1", "r1.io/a/b:v1"),
            related("r1.io/a/b:v1"),
            bundle("r2.io/bundle:1", "r2.io/a/b:v1"),
            related("r2.io/a/b:v1"),
        ]
    };
    let (one, two) = (("r1.io/bundle:1", 'c'), ("r2.io/bundle:1", 'c'));
    let plan = settle(Mode::MirrorToDisk, collected(), &[one, two, ("r1.io/a/b:v1", 'a'), ("r2.io/a/b:v1", 'b')]);
    assert_eq!(told(&plan), "r1.io/a/b:v1, [r2.io/a/b:v1], r1.io/bundle:1, r2.io/bundle:1");
    let plan = settle(Mode::MirrorToDisk, collected(), &[one, two, ("r1.io/a/b:v1", 'a'), ("r2.io/a/b:v1", 'a')]);
    assert_eq!(told(&plan), "r1.io/a/b:v1 = r2.io/a/b:v1, r1.io/bundle:1 = r2.io/bundle:1");
}

#[test]
fn twins_are_copied_by_the_digest_that_was_compared() {
    let check = |mode: Mode, one_by_one: bool, expected: &[&str]| {
        let collected = ["r1.io/a/b:v1", "r2.io/a/b:v1"].map(|name| image(ImageKind::Additional, name)).to_vec();
        let draft = Draft::new(mode, collected, &[], None);
        let looked_up = draft.undecided().into_iter().map(|at| (at, Ok(digest('a')))).collect();
        let plan = draft.settle(&looked_up, one_by_one).unwrap();
        let sources: Vec<_> =
            plan.images.iter().map(|image| image.source.to_string().replace(&"a".repeat(64), "AA")).collect();
        assert_eq!(sources, expected, "{mode} {one_by_one}");
    };
    check(Mode::MirrorToDisk, false, &["r1.io/a/b@sha256:AA"]);
    // A policy judges both.
    check(Mode::MirrorToDisk, true, &["r1.io/a/b@sha256:AA", "r2.io/a/b@sha256:AA"]);
    // An archive is asked by the name.
    check(Mode::DiskToMirror, false, &["r1.io/a/b:v1"]);
}

/// What people read decides nothing: who keeps a name, what merges, what needs what, and in which order all that is.
#[test]
fn explanations_decide_nothing() {
    use ImageKind::*;
    let (one, two, three) = ("r1.io/a/b:v1", "r2.io/a/b:v1", "r3.io/a/b:v1");
    let mut bundle = image(OperatorBundle, "r1.io/bundle:1");
    let related = [image(OperatorRelated, two), image(OperatorRelated, three)];
    bundle.needs = related.iter().map(|image| image.id.clone()).collect();
    let mut collected = vec![bundle, image(Additional, one), image(Additional, one)];
    collected.extend(related);
    collected.push(catalog(CatalogRole::Original, "v1", 'c', None));
    collected.push(catalog(CatalogRole::Rebuilt, "id1", 'd', Some("v1")));
    let silent = |image: &PlannedImage| PlannedImage {
        origin: "any".into(),
        why: Why { path: "elsewhere".into(), line: 3, steps: vec!["any".into(), "step".into()] },
        ..image.clone()
    };
    let outline = |images: Vec<PlannedImage>| -> Vec<_> {
        let plan = settle(Mode::MirrorToDisk, images, &[(one, 'a'), (two, 'b'), (three, 'a')]).unwrap();
        let twins = |image: &PlannedImage| image.twins.iter().map(|twin| twin.named.clone()).collect::<Vec<_>>();
        let of = |image: &PlannedImage| {
            let (refused, rebuilt) = (image.refused.is_some(), mirror_plan::operators::is_rebuilt(image));
            (image.id.clone(), image.needs.clone(), image.source.clone(), twins(image), refused, rebuilt)
        };
        plan.images.iter().map(of).collect()
    };
    let silenced = collected.iter().map(silent).collect();
    assert_eq!(outline(collected), outline(silenced));
}

#[test]
fn messages() {
    use ImageKind::*;
    let message = |first: (ImageKind, &str), second: (ImageKind, &str), known: &[(&str, char)]| {
        let images = vec![image(first.0, first.1), image(second.0, second.1)];
        let text = match settle(Mode::MirrorToDisk, images, known) {
            Err(collisions) => collisions[0].to_string(),
            Ok(plan) => plan.images.iter().find_map(|image| image.refused.as_ref()).unwrap().to_string(),
        };
        text.replace(&"a".repeat(64), "AA").replace(&"b".repeat(64), "BB")
    };
    let (one, two) = ("r1.io/a/b:v1", "r2.io/a/b:v1");
    let known = [(one, 'a'), (two, 'b')];
    insta::assert_snapshot!(message((Additional, one), (Additional, two), &known), @"r2.io/a/b:v1 (path of r2.io/a/b:v1, line 7) and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) would both be named `a/b:v1`: the first is sha256:BB, the second is sha256:AA. Set `targetRepo` or `targetTag` of path of r2.io/a/b:v1");
    insta::assert_snapshot!(message((OperatorCatalog, one), (Additional, two), &known), @"r2.io/a/b:v1 (path of r2.io/a/b:v1, line 7) and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) would both be named `a/b:v1`: the first is sha256:BB, the second is sha256:AA. Set `targetRepo` or `targetTag` of path of r2.io/a/b:v1");
    insta::assert_snapshot!(message((OperatorCatalog, one), (OperatorCatalog, two), &known[..1]), @"r2.io/a/b:v1 (path of r2.io/a/b:v1, line 7) and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) would both be named `a/b:v1`: their digests could not be compared (r2.io/a/b:v1 does not answer). Set `targetCatalog` or `targetTag` of path of r2.io/a/b:v1");
    insta::assert_snapshot!(message((OperatorRelated, one), (Additional, two), &known), @"r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) and r2.io/a/b:v1 (path of r2.io/a/b:v1, line 7) would both be named `a/b:v1`: the first is sha256:AA, the second is sha256:BB. Set `targetRepo` or `targetTag` of path of r2.io/a/b:v1");
    insta::assert_snapshot!(message((OperatorRelated, one), (OperatorBundle, two), &known), @"r2.io/a/b:v1 (path of r2.io/a/b:v1, line 7) and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) would both be named `a/b:v1`: the first is sha256:BB, the second is sha256:AA. Mirror them in two runs below different namespaces, or leave one out with `blockedImages`");
    let signature = format!("r2.io/a/b:{}.sig", digest('a').as_tag());
    insta::assert_snapshot!(message((Additional, one), (Additional, &signature), &[]), @"r2.io/a/b:sha256-AA.sig (path of r2.io/a/b:sha256-AA.sig, line 7) would be named `a/b:sha256-AA.sig`, but such a tag is for signatures, and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) is in the same repository. Set `targetRepo` or `targetTag` of path of r2.io/a/b:sha256-AA.sig");
    insta::assert_snapshot!(message((Additional, one), (OperatorRelated, &signature), &[]), @"r2.io/a/b:sha256-AA.sig (path of r2.io/a/b:sha256-AA.sig, line 7) would be named `a/b:sha256-AA.sig`, but such a tag is for signatures, and r1.io/a/b:v1 (path of r1.io/a/b:v1, line 7) is in the same repository. Leave the image out with `blockedImages`");
    insta::assert_snapshot!(message((Additional, "r.io/openshift/release:1"), (Additional, two), &known), @"r.io/openshift/release:1 (path of r.io/openshift/release:1, line 7) would be named `openshift/release:1`, but `openshift/release` is reserved for images of releases. Set `targetRepo` of path of r.io/openshift/release:1 to another repository");
    insta::assert_snapshot!(message((OperatorCatalog, "r.io/openshift/release:1"), (Additional, two), &known), @"r.io/openshift/release:1 (path of r.io/openshift/release:1, line 7) would be named `openshift/release:1`, but `openshift/release` is reserved for images of releases. Set `targetCatalog` of path of r.io/openshift/release:1 to another repository");
    insta::assert_snapshot!(message((OperatorBundle, "r.io/openshift/release:1"), (Additional, two), &known), @"r.io/openshift/release:1 (path of r.io/openshift/release:1, line 7) would be named `openshift/release:1`, but `openshift/release` is reserved for images of releases. Nothing but a release may write there: leave the image out with `blockedImages`");
}
