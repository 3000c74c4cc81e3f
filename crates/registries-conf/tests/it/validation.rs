//! Mistakes in registries.conf (`docs/behaviour/release.md` 7.3, "Validation" and "errors").

use insta::assert_snapshot;
use registries_conf::RegistriesConf;

use crate::{layer, shared_layer};

fn error(text: &str) -> String {
    RegistriesConf::from_layers(&[layer("r.conf", text)]).unwrap_err().to_string()
}

#[test]
fn each_mistake_says_where_and_what() {
    assert_snapshot!(
        error("\n[[registry]]\nlocation = 'http://a.io'"),
        @"r.conf:3:12: invalid location `http://a.io`: URI schemes are not supported, write `host[:port][/path]`"
    );
    assert_snapshot!(
        error("[[registry]]\nprefix = 'https://a.io'\nlocation = 'a.io'"),
        @"r.conf:2:10: invalid location `https://a.io`: URI schemes are not supported, write `host[:port][/path]`"
    );
    assert_snapshot!(
        error("[[registry]]\ninsecure = true"),
        @"r.conf:1:1: invalid condition: both location and prefix are unset"
    );
    assert_snapshot!(
        error("[[registry]]\nprefix = '/'\nlocation = ''"),
        @"r.conf:1:1: invalid condition: both location and prefix are unset"
    );
    assert_snapshot!(
        error("[[registry]]\nprefix = 'a.io'"),
        @"r.conf:1:1: invalid condition: location is unset and prefix `a.io` is not in the format `*.example.com`"
    );
    assert_snapshot!(
        error("[[registry]]\nprefix = '*.a.io/x'"),
        @"r.conf:1:1: wildcarded prefix should be in the format `*.example.com`, found `*.a.io/x`"
    );
    assert_snapshot!(
        error("[[registry]]\nprefix = '*.a.io:5000'\nlocation = 'b.io'"),
        @"r.conf:1:1: wildcarded prefix should be in the format `*.example.com`, found `*.a.io:5000`"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\npull-from-mirror = 'all'"),
        @"r.conf:3:20: `pull-from-mirror` must not be set for the non-mirror registry `a.io`: move it into a `[[registry.mirror]]`"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\ninsecure = true"),
        @"r.conf:3:1: invalid condition: mirror location is unset, for the registry `a.io`"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'm.io'\npull-from-mirror = 'never'"),
        @"r.conf:5:20: unsupported `pull-from-mirror` value `never` for mirror `m.io`: expected `all`, `digest-only` or `tag-only`"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm.io'\npull-from-mirror = 'all'"),
        @"r.conf:6:20: cannot set `mirror-by-digest-only` for the registry `a.io` and `pull-from-mirror` for its mirror `m.io` at the same time"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\n[[registry]]\nprefix = 'b.io'\nlocation = 'a.io'\ninsecure = true"),
        @"r.conf:3:1: registry `a.io` is defined multiple times with conflicting `insecure` setting"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 'a.io'\n[[registry]]\nprefix = 'b.io'\nlocation = 'a.io'\nblocked = true"),
        @"r.conf:3:1: registry `a.io` is defined multiple times with conflicting `blocked` setting"
    );
    assert_snapshot!(
        error("unqualified-search-registries = ['a.io/ns']"),
        @"r.conf:1:34: invalid unqualified-search-registries entry `a.io/ns`: expected `host[:port]`"
    );
    assert_snapshot!(
        error("unqualified-search-registries = ['a.io', '']"),
        @"r.conf:1:42: invalid unqualified-search-registries entry ``: expected `host[:port]`"
    );
    assert_snapshot!(
        error("short-name-mode = 'sometimes'"),
        @"r.conf:1:19: invalid short-name mode `sometimes`: expected `disabled`, `enforcing` or `permissive`"
    );
    assert_snapshot!(
        error("[aliases]\n'a:1' = 'a.io/a'"),
        @"r.conf:2:1: invalid short name `a:1`: must not contain a tag"
    );
    assert_snapshot!(
        error("[aliases]\n'a.io/a' = 'a.io/a'"),
        @"r.conf:2:1: invalid short name `a.io/a`: must not contain a registry"
    );
    assert_snapshot!(
        error("[aliases]\na = 'a.io/a:1'"),
        @"r.conf:2:5: invalid alias `a.io/a:1`: must not contain a tag"
    );
    assert_snapshot!(
        error("[aliases]\na = 'a'"),
        @"r.conf:2:5: invalid alias `a`: must contain registry and repository"
    );
    assert_snapshot!(
        error("[registries.search]\nregistries = ['a.io']"),
        @"r.conf: registries.conf must be in v2 format but is in v1: replace `[registries.search]` by `unqualified-search-registries`, and `[registries.insecure]` and `[registries.block]` by `[[registry]]` tables"
    );
    assert_snapshot!(
        error("[[registry]]\nlocation = 1"),
        @"r.conf:2:12: invalid TOML: invalid type: integer `1`, expected a string"
    );
    assert_snapshot!(error("invalid"), @"r.conf:1:8: invalid TOML: key with no value, expected `=`");
}

/// Every single file of the containers projects' test data, with its outcome: `ok`, or a part of the message.
#[test]
pub(crate) fn every_file_of_the_shared_data() {
    let check = |name: &str, expected: &str| {
        let Some(layer) = shared_layer(name) else { return };
        match RegistriesConf::from_layers(&[layer]) {
            Ok(_) => assert_eq!(expected, "ok", "{name} is accepted"),
            Err(error) => assert!(error.to_string().contains(expected), "{name}: {error}"),
        }
    };
    for name in [
        "aliases",
        "base-for-registries.d",
        "cred-helper",
        "empty",
        "find-registry",
        "invalidate-cache",
        "mirrors",
        "mixing-v1-v2-empty",
        "pull-sources-from-reference",
        "try-update-cache-valid",
        "unmarshal",
        "unqualified-search",
        "registries.conf.d/config-1",
        "registries.conf.d/config-2",
        "registries.conf.d/config-3",
        "registries.conf.d/subdomain-override-1",
        "registries.conf.d/subdomain-override-2",
        "registries.conf.d/subdomain-override-3",
        "registries.conf.d-empty-helpers/empty",
        "registries.conf.d-usr1/no-usr",
        "registries.conf.d-usr2/empty-usr",
    ] {
        check(&format!("registries-conf/{name}.conf"), "ok");
    }
    for name in [
        "aliases",
        "no-reg",
        "one-reg",
        "two-reg",
        "registries.conf.d/config-1",
        "registries.conf.d/config-2",
        "registries.conf.d/config-3",
    ] {
        check(&format!("short-names/{name}.conf"), "ok");
    }
    check("auth/cred-helper.conf", "ok");
    check("auth/cred-helper-with-auth-files.conf", "ok");
    check(
        "registries-conf/blocked-conflicts.conf",
        "11:1: registry `registry.com` is defined multiple times with conflicting `blocked`",
    );
    check(
        "registries-conf/insecure-conflicts.conf",
        "11:1: registry `registry.com` is defined multiple times with conflicting `insecure`",
    );
    check("registries-conf/invalid-aliases.conf", "2:8: invalid alias `quay.io/repo/image:1`: must not contain a tag");
    check(
        "registries-conf/invalid-config-level-mirror.conf",
        "`pull-from-mirror` must not be set for the non-mirror registry `registry-a.com/foo`",
    );
    check(
        "registries-conf/invalid-conflict-mirror.conf",
        "cannot set `mirror-by-digest-only` for the registry `registry-a.com/foo`",
    );
    check(
        "registries-conf/invalid-prefix.conf",
        "3:10: invalid location `http://schema-is-invalid.com`: URI schemes are not supported",
    );
    check(
        "registries-conf/invalid-search.conf",
        "invalid unqualified-search-registries entry `registry-a.com/namespace-is-forbidden`",
    );
    check("registries-conf/invalid-short-name-mode.conf", "invalid short-name mode `invalid`");
    check(
        "registries-conf/invalid-value-mirror.conf",
        "unsupported `pull-from-mirror` value `notvalid` for mirror `mirror-1.registry-a.com`",
    );
    check("registries-conf/missing-mirror-location.conf", "mirror location is unset");
    check("registries-conf/try-update-cache-invalid.conf", "invalid TOML");
    for name in ["mixing-v1-v2", "v1-compatibility", "v1-invalid-block", "v1-invalid-insecure", "v1-invalid-search"] {
        check(&format!("registries-conf/{name}.conf"), "registries.conf must be in v2 format but is in v1");
    }
}
