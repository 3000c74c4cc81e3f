//! Every pair of bounds and every pair of selected bundles, of every channel: what comes out satisfies OLM's model and holds no
//! version above `maxVersion`, or the request is refused and no bridge exists. Then the advice of the refusal, applied, helps.
//!
//! Generated catalogs are taken whole. Of published catalogs, which are skipped where the data is absent, a few packages
//! with small channels are taken; `OC_MIRROR_PAIRS=all` takes all of them, which needs minutes.

use std::collections::{BTreeSet, HashSet};

use fbc_catalog::{
    Catalog, ChannelRequest, Mend, PackageRequest, Request, Rule, RuleSet, SelectError, SelectErrors, Selected,
    Warning, select, validate,
};
use proptest::prelude::*;
use test_support::GeneratedCatalog;

use crate::notation::catalog;
use crate::properties::any_package;
use crate::real::published;

/// How requests ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// As asked.
    met: usize,
    /// With entries that hold the channel together.
    bridged: usize,
    /// Refused: no bridge exists.
    refused: usize,
    /// Refused for another reason: nothing lies in the range, the catalog itself is broken there.
    other: usize,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.met += more.met;
        self.bridged += more.bridged;
        self.refused += more.refused;
        self.other += more.other;
    }
}

/// A rule that the source breaks, and where.
type Broken = HashSet<(String, Option<String>, Rule)>;

fn request(package: &str, change: impl FnOnce(&mut PackageRequest)) -> Request {
    let mut one = PackageRequest { name: package.to_owned(), ..PackageRequest::default() };
    change(&mut one);
    Request { packages: vec![one], ..Request::default() }
}

/// The part of a channel between two bounds.
fn range(package: &str, channel: &str, min: Option<&str>, max: Option<&str>) -> Request {
    request(package, |one| {
        one.default_channel = Some(channel.to_owned());
        one.channels = vec![ChannelRequest {
            name: channel.to_owned(),
            min_version: min.map(str::to_owned),
            max_version: max.map(str::to_owned),
        }];
    })
}

fn is_bridged(selected: &Selected) -> bool {
    selected.report.warnings.iter().any(|warning| matches!(warning, Warning::Bridged { .. }))
}

#[track_caller]
fn assert_sound(selected: &Selected, broken: &Broken, request: &Request) {
    for violation in validate(&selected.catalog) {
        let known = (violation.package.clone(), violation.channel.clone(), violation.rule);
        assert!(broken.contains(&known), "{request:?} breaks a rule: {violation}");
    }
}

/// Whether the channel as a whole, up to a version if one is given, is a graph that OLM accepts: then a bridge exists.
fn is_sound_up_to(catalog: &Catalog, package: &str, channel: &str, max: Option<&str>) -> bool {
    let lowest = Some("0.0.0-0");
    let whole = range(package, channel, lowest, max);
    select(catalog, &whole, RuleSet::VersionRange).is_ok_and(|selected| !is_bridged(&selected))
}

fn check_bounds(catalog: &Catalog, package: &str, channel: &str, versions: &[&str], broken: &Broken) -> Counts {
    let mut counts = Counts::default();
    for (at, max) in versions.iter().enumerate() {
        let highest = catalog_version(max);
        let mut sound = None;
        for min in &versions[..=at] {
            let request = range(package, channel, Some(min), Some(max));
            match select(catalog, &request, RuleSet::VersionRange) {
                Ok(selected) => {
                    assert_sound(&selected, broken, &request);
                    for bundle in &selected.catalog.bundles {
                        let version = bundle.version().unwrap();
                        assert!(version <= highest, "{request:?} holds {version}");
                    }
                    *if is_bridged(&selected) { &mut counts.bridged } else { &mut counts.met } += 1;
                }
                Err(errors) if errors.0.iter().any(|error| matches!(error, SelectError::RangeBreaksChannel { .. })) => {
                    let sound = *sound.get_or_insert_with(|| is_sound_up_to(catalog, package, channel, Some(max)));
                    assert!(!sound, "{request:?} is refused, and the whole channel up to {max} is a bridge: {errors}");
                    assert_mended(catalog, package, channel, (min, max), &errors);
                    counts.refused += 1;
                }
                Err(_) => counts.other += 1,
            }
        }
    }
    counts
}

/// The range, changed as the refusal advises, is met.
#[track_caller]
fn assert_mended(catalog: &Catalog, package: &str, channel: &str, bounds: (&str, &str), errors: &SelectErrors) {
    for error in &errors.0 {
        let SelectError::RangeBreaksChannel { mend, .. } = error else { continue };
        let (min, max) = match mend {
            Mend::LowerMin(min) => (Some(min.as_str()), Some(bounds.1)),
            Mend::RaiseMax(max) => (Some(bounds.0), Some(max.as_str())),
            Mend::Both { min, max } => (Some(min.as_str()), Some(max.as_str())),
            Mend::DropBounds => (None, None),
            Mend::Nothing => continue,
            other => panic!("a range is not mended by {other:?}"),
        };
        // Without bounds, all versions are asked for with `full`.
        let mended = match (min, max) {
            (None, None) => Request { full: true, ..range(package, channel, None, None) },
            _ => range(package, channel, min, max),
        };
        let again = select(catalog, &mended, RuleSet::VersionRange);
        assert!(again.is_ok(), "{bounds:?} of {package} {channel}: {error}\nleads to {again:?}");
    }
}

fn catalog_version(text: &str) -> semver::Version {
    text.parse().unwrap()
}

fn check_bundles(catalog: &Catalog, package: &str, channel: &str, names: &[&str], broken: &Broken) -> Counts {
    let mut counts = Counts::default();
    let mut sound = None;
    for (at, one) in names.iter().enumerate() {
        for other in &names[..=at] {
            let request = request(package, |asked| {
                asked.default_channel = Some(channel.to_owned());
                asked.bundles = vec![(*one).to_owned(), (*other).to_owned()];
            });
            match select(catalog, &request, RuleSet::VersionRange) {
                Ok(selected) => {
                    assert_sound(&selected, broken, &request);
                    for name in [one, other] {
                        assert!(selected.catalog.bundles.iter().any(|bundle| bundle.name == **name), "{request:?}");
                    }
                    if is_bridged(&selected) {
                        counts.bridged += 1;
                        assert_named(catalog, &request, &selected, broken);
                    } else {
                        counts.met += 1;
                    }
                }
                Err(errors)
                    if errors.0.iter().any(|error| {
                        matches!(error, SelectError::BundlesBreakChannel { channel: broken, .. } if broken == channel)
                    }) =>
                {
                    let sound = *sound.get_or_insert_with(|| is_sound_up_to(catalog, package, channel, None));
                    assert!(!sound, "{request:?} is refused, and the whole channel is a bridge: {errors}");
                    counts.refused += 1;
                }
                Err(_) => counts.other += 1,
            }
        }
    }
    counts
}

/// A strict request is refused with the bundles to select as well; with these it is met, and holds what the bridge gives.
#[track_caller]
fn assert_named(catalog: &Catalog, request: &Request, bridged: &Selected, broken: &Broken) {
    let mut strict = Request { strict: true, ..request.clone() };
    let errors = select(catalog, &strict, RuleSet::VersionRange).unwrap_err();
    for error in &errors.0 {
        let SelectError::BundlesBreakChannel { mend: Mend::AddBundles(more), .. } = error else {
            panic!("{request:?} is bridged, and strict it is refused without a way out: {error}");
        };
        strict.packages[0].bundles.extend(more.iter().cloned());
    }
    let again = match select(catalog, &Request { strict: false, ..strict.clone() }, RuleSet::VersionRange) {
        Ok(again) => again,
        // Another channel, which the catalog itself has broken, lists them too.
        Err(_) if broken.iter().any(|(package, _, _)| *package == strict.packages[0].name) => return,
        Err(again) => panic!("{request:?}: {errors}\nleads to {again}"),
    };
    // Another channel may need more for these.
    if !is_bridged(&again) {
        let again = select(catalog, &strict, RuleSet::VersionRange);
        let again = again.unwrap_or_else(|again| panic!("{request:?}: {errors}\nleads to {again}"));
        let names = |of: &Selected| -> BTreeSet<String> {
            of.catalog.bundles.iter().map(|bundle| bundle.name.clone()).collect()
        };
        assert!(names(&again).is_superset(&names(bridged)), "{request:?}: {errors}");
    }
}

/// All pairs of bounds and all pairs of bundles, of every channel with at most `most` entries.
fn check(catalog: &Catalog, most: usize) -> (Counts, Counts) {
    let broken: Broken =
        validate(catalog).into_iter().map(|found| (found.package, found.channel, found.rule)).collect();
    let (mut bounds, mut bundles) = (Counts::default(), Counts::default());
    for channel in catalog.channels.iter().filter(|channel| channel.entries.len() <= most) {
        let listed = channel.entries.iter().filter_map(|entry| {
            let of = catalog.bundles.iter().find(|one| one.package == channel.package && one.name == entry.name)?;
            Some((of.version().ok()?, entry.name.as_str()))
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort();
        listed.dedup();
        let texts: Vec<String> = listed.iter().map(|(version, _)| version.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let names: Vec<&str> = listed.iter().map(|(_, name)| *name).collect();
        bounds.add(&check_bounds(catalog, &channel.package, &channel.name, &texts, &broken));
        bundles.add(&check_bundles(catalog, &channel.package, &channel.name, &names, &broken));
    }
    (bounds, bundles)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks for all of it")]
fn every_pair_of_published_catalogs() {
    let asked = std::env::var("OC_MIRROR_PAIRS").ok();
    let (every, most) = if asked.is_some() { (1, usize::MAX) } else { (10, 12) };
    for name in ["redhat-operators-v4.18", "certified-operators-v4.18", "certified-operators-v4.14"] {
        if asked.as_deref().is_some_and(|asked| asked != "all" && asked != name) {
            continue;
        }
        let Some(files) = published(name) else { continue };
        let (mut bounds, mut bundles) = (Counts::default(), Counts::default());
        for file in files.iter().step_by(every) {
            let catalog = Catalog::read([(&file.0, &file.1)]).unwrap();
            let (of_bounds, of_bundles) = check(&catalog, most);
            if asked.is_some() {
                eprintln!("{name} {}: {of_bounds:?} {of_bundles:?}", file.0);
            }
            bounds.add(&of_bounds);
            bundles.add(&of_bundles);
        }
        eprintln!("{name}: pairs of bounds {bounds:?}; pairs of bundles {bundles:?}");
        assert!(bounds.met > 0 && bundles.met + bundles.bridged > 0, "{name}: {bounds:?} {bundles:?}");
    }
}

#[test]
fn every_pair_of_generated_catalogs() {
    let shape = GeneratedCatalog { packages: 2, bundle_bytes: 200, ..GeneratedCatalog::with_metadata() };
    let catalog = Catalog::read(shape.files()).unwrap();
    let (bounds, bundles) = check(&catalog, 12);
    assert!(bounds.met > 0 && bundles.bridged > 0, "{bounds:?} {bundles:?}");
    assert_eq!(bundles.refused, 0, "{bundles:?}");
}

/// Two branches that a bridge joins, with the joint below and above `maxVersion`.
#[test]
fn a_joint_above_the_range_is_no_bridge() {
    let catalog = catalog("package x default=c\nc: v1.0.0 | v1.1.0>v1.0.0 | v1.2.0>v1.0.0 | v2.0.0>v1.2.0!v1.1.0");
    let (bounds, bundles) = check(&catalog, usize::MAX);
    // 1.1.0 to 1.2.0 has two heads, and so has 1.0.0 to 1.2.0; the entry that joins them is 2.0.0.
    assert_eq!((bounds.refused, bundles.refused), (2, 0), "{bounds:?} {bundles:?}");
    assert!(bundles.bridged > 0, "{bundles:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_pair_of_any_graph(text in any_package("x")) {
        check(&catalog(&text), usize::MAX);
    }
}
