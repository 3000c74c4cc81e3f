//! Several files, one configuration (`docs/behaviour/release.md` 7.3, "merge").

use registries_conf::{RegistriesConf, ShortNameMode};

use crate::{layer, shared_layer};

fn merged(texts: &[&str]) -> RegistriesConf {
    let layers: Vec<_> = texts.iter().enumerate().map(|(at, text)| layer(&format!("{at}.conf"), text)).collect();
    RegistriesConf::from_layers(&layers).unwrap()
}

#[test]
fn a_later_table_replaces_the_earlier_one_as_a_whole() {
    let conf = merged(&[
        "[[registry]]\nlocation = 'a.io'\ninsecure = true\n[[registry.mirror]]\nlocation = 'm.io'",
        "[[registry]]\nlocation = 'b.io'",
        "[[registry]]\nprefix = 'a.io'\nlocation = 'c.io'",
    ]);
    let tables: Vec<_> = conf.registries().map(|table| (table.prefix.as_str(), table.origin.to_string())).collect();
    assert_eq!(tables, [("a.io", "2.conf:1:1".to_owned()), ("b.io", "1.conf:1:1".to_owned())]);
    let table = conf.registry_for("a.io/x").unwrap();
    assert_eq!((table.location.as_deref(), table.insecure, table.mirrors.len()), (Some("c.io"), false, 0));
}

#[test]
fn the_first_table_of_a_prefix_counts_inside_one_file() {
    let conf = merged(&[
        "[[registry]]\nprefix = 'a.io'\nlocation = 'x.io'\n[[registry]]\nprefix = 'a.io/'\nlocation = 'y.io'",
    ]);
    assert_eq!(conf.registry_for("a.io/x").unwrap().location.as_deref(), Some("x.io"));
}

#[test]
fn lists_are_replaced_when_present() {
    let check = |texts: &[&str], search: &[&str], helpers: &[&str]| {
        let conf = merged(texts);
        assert_eq!(conf.unqualified_search_registries(), search, "{texts:?}");
        assert_eq!(conf.credential_helpers(), helpers, "{texts:?}");
    };
    let first = "unqualified-search-registries = ['a.io', 'b.io:5000/']\ncredential-helpers = ['one', 'two']";
    check(&[""], &[], &["containers-auth.json"]);
    check(&[first], &["a.io", "b.io:5000"], &["one", "two"]);
    check(&[first, ""], &["a.io", "b.io:5000"], &["one", "two"]);
    check(&[first, "unqualified-search-registries = []"], &[], &["one", "two"]);
    check(&[first, "unqualified-search-registries = ['c.io']"], &["c.io"], &["one", "two"]);
    check(&[first, "credential-helpers = ['three']"], &["a.io", "b.io:5000"], &["three"]);
    check(&[first, "credential-helpers = []"], &["a.io", "b.io:5000"], &["containers-auth.json"]);
}

#[test]
fn words_are_replaced_when_not_empty() {
    let conf = merged(&[
        "short-name-mode = 'disabled'\nadditional-layer-store-auth-helper = 'helper'",
        "short-name-mode = ''\nadditional-layer-store-auth-helper = ''",
    ]);
    assert_eq!(conf.short_name_mode(), ShortNameMode::Disabled);
    assert_eq!(conf.additional_layer_store_auth_helper(), Some("helper"));
    assert_eq!(RegistriesConf::default().short_name_mode(), ShortNameMode::Permissive);
    assert_eq!(merged(&["short-name-mode = 'enforcing'"]).short_name_mode(), ShortNameMode::Enforcing);
}

#[test]
fn aliases_are_merged_by_name_and_erased_by_nothing() {
    let conf = merged(&["[aliases]\na = 'a.io/a'\nb = 'b.io/b'", "[aliases]\na = ''\nb = 'c.io/b'\nc = ''"]);
    let aliases: Vec<_> = conf.aliases().map(|(name, target)| format!("{name}={target}")).collect();
    assert_eq!(aliases, ["b=c.io/b"]);
}

#[test]
fn unknown_keys_are_ignored() {
    let conf = merged(&["future = 1\n[[registry]]\nlocation = 'a.io'\nfuture = {}\n[other]\nkey = true"]);
    assert!(conf.registry_for("a.io/x").is_some());
}

/// The drop-in folder of the containers projects, on top of each of its main files.
#[test]
pub(crate) fn the_drop_ins_of_the_shared_data() {
    let drop_ins = ["config-1.conf", "config-2.conf", "config-3.conf"];
    let Some(drop_ins) = drop_ins
        .iter()
        .map(|name| shared_layer(&format!("registries-conf/registries.conf.d/{name}")))
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let on_top_of = |main: &str| {
        let mut layers = vec![shared_layer(&format!("registries-conf/{main}")).unwrap()];
        layers.extend(drop_ins.clone());
        RegistriesConf::from_layers(&layers).unwrap()
    };

    let conf = on_top_of("base-for-registries.d.conf");
    assert_eq!(conf.unqualified_search_registries(), ["example-overwrite.com"]);
    assert_eq!(conf.credential_helpers(), ["dropin-1", "dropin-2"]);
    assert_eq!(conf.short_name_mode(), ShortNameMode::Permissive);
    let tables: Vec<_> = conf.registries().map(|table| table.prefix.as_str()).collect();
    assert_eq!(tables, ["1.com", "2.com", "base.com"]);
    let base = conf.registry_for("base.com/x").unwrap();
    assert!(base.blocked && !base.insecure, "the drop-in replaces the whole table");
    assert_eq!(base.origin.to_string(), "config-2.conf:11:1");

    let conf = on_top_of("aliases.conf");
    let aliases: Vec<_> = conf.aliases().map(|(name, target)| format!("{name}={target}")).collect();
    assert_eq!(
        aliases,
        [
            "added3=xxx.com/image",
            "barz=barz.com/config2",
            "config1=config1.com/image",
            "config2=config2.com/image",
            "docker=docker.io/library/config1",
            "quay/foo=quay.io/library/foo",
        ]
    );

    let helpers = |drop_in: &str| {
        let layers = ["registries-conf/cred-helper.conf", drop_in].map(|path| shared_layer(path).unwrap());
        RegistriesConf::from_layers(&layers).unwrap().credential_helpers().join(" ")
    };
    assert_eq!(helpers("registries-conf/empty.conf"), "helper-1 helper-2");
    assert_eq!(helpers("registries-conf/registries.conf.d-empty-helpers/empty.conf"), "containers-auth.json");

    let search = |drop_in: &str| {
        let layers = ["registries-conf/unqualified-search.conf", drop_in].map(|path| shared_layer(path).unwrap());
        RegistriesConf::from_layers(&layers).unwrap().unqualified_search_registries().join(" ")
    };
    assert_eq!(
        search("registries-conf/registries.conf.d-usr1/no-usr.conf"),
        "registry-a.com registry-c.com registry-d.com"
    );
    assert_eq!(search("registries-conf/registries.conf.d-usr2/empty-usr.conf"), "");
}
