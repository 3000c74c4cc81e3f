//! What holds for every catalog and every request.

use fbc_catalog::{Catalog, Request, RuleSet, Selected, select, validate, write};
use proptest::prelude::*;

use crate::notation::{catalog, request};

/// A package with channels of up to eight versions; edges point anywhere, also upwards and to what does not exist.
pub(crate) fn any_package(name: &'static str) -> impl Strategy<Value = String> {
    let entry = (proptest::option::of(0..10_u8), proptest::collection::vec(0..10_u8, 0..3));
    let sound_entry = (0..3_u8, proptest::collection::vec(0..10_u8, 0..2));
    let wild = proptest::collection::vec(entry, 1..8).prop_map(|entries| {
        let line = |(index, (replaces, skips)): (usize, (Option<u8>, Vec<u8>))| {
            let replaces = replaces.map(|target| format!(">v{target}.0.0")).unwrap_or_default();
            format!("v{index}.0.0{replaces}{}", skips_of(&skips))
        };
        entries.into_iter().enumerate().map(line).collect::<Vec<_>>().join(" | ")
    });
    // A chain in which some entries are skipped over: mostly sound.
    let chain = proptest::collection::vec(sound_entry, 1..8).prop_map(|entries| {
        let line = |(index, (_, skips)): (usize, (u8, Vec<u8>))| {
            let below: Vec<u8> = skips.into_iter().filter(|skip| usize::from(*skip) < index).collect();
            let replaces = if index == 0 { String::new() } else { format!(">v{}.0.0", index - 1) };
            format!("v{index}.0.0{replaces}{}", skips_of(&below))
        };
        entries.into_iter().enumerate().map(line).collect::<Vec<_>>().join(" | ")
    });
    proptest::collection::vec(prop_oneof![1 => wild, 3 => chain], 1..3).prop_map(move |channels| {
        let lines = channels.iter().enumerate().map(|(index, entries)| format!("c{index}: {entries}"));
        format!("package {name} default=c0\n{}", lines.collect::<Vec<_>>().join("\n"))
    })
}

fn skips_of(skips: &[u8]) -> String {
    let names: Vec<String> = skips.iter().map(|target| format!("v{target}.0.0")).collect();
    if names.is_empty() { String::new() } else { format!("!{}", names.join(",")) }
}

fn any_catalog() -> impl Strategy<Value = Catalog> {
    let of_package = "other o\ndeprecated package\ndeprecated channel c1\ndeprecated bundle v1.0.0";
    (any_package("x"), any_package("y"))
        .prop_map(move |(x, y)| catalog(&format!("other root\n{x}\n{of_package}\n{y}\n{of_package}")))
}

fn any_request() -> impl Strategy<Value = Request> {
    let bound = || 0..10_u8;
    prop_oneof![
        Just(String::new()),
        Just("x".to_owned()),
        Just("full".to_owned()),
        Just("full x".to_owned()),
        Just("full x c1".to_owned()),
        Just("y; zzz".to_owned()),
        Just("x c1 zzz".to_owned()),
        Just("x c1".to_owned()),
        Just("x default=c1".to_owned()),
        bound().prop_map(|min| format!("x >={min}.0.0")),
        bound().prop_map(|max| format!("x <={max}.0.0")),
        (bound(), bound()).prop_map(|(min, max)| format!("x >={min}.0.0 <={max}.0.0")),
        (bound(), bound()).prop_map(|(min, max)| format!("x c0[>={min}.0.0,<={max}.0.0] c1; y")),
        (bound(), bound()).prop_map(|(one, two)| format!("x bundles=v{one}.0.0,v{two}.0.0")),
    ]
    .prop_map(|text| request(&text))
}

fn any_rules() -> impl Strategy<Value = RuleSet> {
    prop_oneof![Just(RuleSet::VersionRange), Just(RuleSet::UpgradeGraph)]
}

fn try_select(catalog: &Catalog, request: &Request, rules: RuleSet) -> Option<Selected> {
    select(catalog, request, rules).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn selecting_twice_is_selecting_once(catalog in any_catalog(), request in any_request(), rules in any_rules()) {
        if let Some(once) = try_select(&catalog, &request, rules) {
            let twice = select(&once.catalog, &request, rules);
            prop_assert!(twice.is_ok(), "{:?}", twice.err());
            prop_assert_eq!(write(&twice.unwrap().catalog).unwrap(), write(&once.catalog).unwrap());
        }
    }

    #[test]
    fn the_same_twice_is_the_same(catalog in any_catalog(), request in any_request(), rules in any_rules()) {
        let bytes = || select(&catalog, &request, rules).map(|selected| write(&selected.catalog).unwrap());
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn what_is_selected_from_a_sound_catalog_is_sound(catalog in any_catalog(), request in any_request(), rules in any_rules()) {
        if !validate(&catalog).is_empty() {
            return Ok(());
        }
        if let Some(selected) = try_select(&catalog, &request, rules) {
            prop_assert_eq!(validate(&selected.catalog), []);
        }
    }

    /// `full` takes channels as they are; whatever else is asked for, OLM finds the one version that a channel ends in.
    #[test]
    fn every_kept_channel_has_one_head(catalog in any_catalog(), request in any_request(), rules in any_rules()) {
        if request.full {
            return Ok(());
        }
        let Some(Selected { catalog: selected, .. }) = try_select(&catalog, &request, rules) else { return Ok(()) };
        for channel in &selected.channels {
            let superseded = |name: &String| {
                channel.entries.iter().any(|entry| entry.replaces.as_ref() == Some(name) || entry.skips.contains(name))
            };
            let heads = channel.entries.iter().filter(|entry| !superseded(&entry.name)).count();
            prop_assert_eq!(heads, 1, "{}: {:?}", channel.name, channel.entries);
        }
        for package in &selected.packages {
            let is_default = |channel: &&fbc_catalog::Channel| {
                channel.package == package.name && channel.name == package.default_channel
            };
            prop_assert!(selected.channels.iter().any(|channel| is_default(&channel)), "{}", package.name);
        }
    }

    #[test]
    fn nothing_else_is_kept(catalog in any_catalog(), request in any_request(), rules in any_rules()) {
        if let Some(Selected { catalog: selected, .. }) = try_select(&catalog, &request, rules) {
            let asked = |package: &String| request.packages.is_empty() || request.packages.iter().any(|one| one.name == *package);
            prop_assert!(selected.packages.iter().all(|package| asked(&package.name)));
            prop_assert!(selected.channels.iter().all(|channel| asked(&channel.package)));
            prop_assert!(selected.deprecations.iter().all(|blob| asked(&blob.package)));
            prop_assert!(selected.others.iter().all(|other| other.package.is_empty() || asked(&other.package)));
            prop_assert!(selected.others.iter().any(|other| other.package.is_empty()));
            prop_assert!(selected.bundles.iter().all(|bundle| asked(&bundle.package)));
            if request.full && request.packages.is_empty() {
                return Ok(());
            }
            for bundle in &selected.bundles {
                let lists = |channel: &&fbc_catalog::Channel| {
                    channel.package == bundle.package && channel.entries.iter().any(|entry| entry.name == bundle.name)
                };
                prop_assert!(selected.channels.iter().any(|channel| lists(&channel)));
            }
        }
    }

    #[test]
    fn reading_never_panics(text in r#"[{}\[\]:,"a-z0-9 \n#&*!|>-]{0,80}"#) {
        let _ = Catalog::read([("x", text)]);
    }
}
