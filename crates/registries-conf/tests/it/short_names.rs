//! Short names, for callers that want them (containers-registries.conf(5), "SHORT NAMES").

use registries_conf::RegistriesConf;

use crate::{layer, shared_layer};

fn check(conf: &RegistriesConf, text: &str, terminal: bool, expected: &str) {
    let found = match conf.short_name(text, terminal) {
        Ok(found) => {
            let names: Vec<_> = found.candidates.iter().map(ToString::to_string).collect();
            format!("{}{}", if found.ask { "ask " } else { "" }, names.join(" "))
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn aliases_then_search_then_mode() {
    let with = |mode: &str| {
        let text = format!(
            "unqualified-search-registries = ['quay.io', 'docker.io']\nshort-name-mode = '{mode}'\n[aliases]\n'repo/image' = 'quay.io/repo/image'"
        );
        RegistriesConf::from_layers(&[layer("r.conf", &text)]).unwrap()
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    let conf = with("permissive");
    check(&conf, "repo/image", true, "quay.io/repo/image:latest");
    check(&conf, "repo/image:1", true, "quay.io/repo/image:1");
    check(&conf, &format!("repo/image@{digest}"), true, &format!("quay.io/repo/image@{digest}"));
    check(&conf, "other", true, "ask quay.io/other:latest docker.io/library/other:latest");
    check(&conf, "other:2", false, "quay.io/other:2 docker.io/library/other:2");
    check(&conf, "reg.io/other", true, "reg.io/other:latest");
    check(&conf, "localhost:5000/other:3", true, "localhost:5000/other:3");
    check(&conf, "UPPER", true, "invalid short name `UPPER`: expected lower-case elements separated by `/`");
    check(&with("disabled"), "other", true, "quay.io/other:latest docker.io/library/other:latest");
    check(&with("enforcing"), "other", true, "ask quay.io/other:latest docker.io/library/other:latest");
    check(
        &with("enforcing"),
        "other",
        false,
        "short-name `other`: short-name resolution enforced but cannot prompt without a TTY",
    );
}

#[test]
pub(crate) fn the_shared_data() {
    let conf =
        |name: &str| Some(RegistriesConf::from_layers(&[shared_layer(&format!("short-names/{name}.conf"))?]).unwrap());
    let Some(none) = conf("no-reg") else { return };
    check(&none, "repo/image:tag", false, "quay.io/repo/image:tag");
    check(
        &none,
        "image",
        false,
        "short-name `image` did not resolve to an alias and no unqualified-search registries are defined",
    );
    let one = conf("one-reg").unwrap();
    check(&one, "image", true, "quay.io/image:latest");
    check(&one, "repo/image", true, "quay.io/repo/image:latest");
    let two = conf("two-reg").unwrap();
    check(&two, "image:tag", true, "ask quay.io/image:tag registry.com/image:tag");
    let aliases = conf("aliases").unwrap();
    check(&aliases, "docker", true, "docker.io/library/foo:latest");
    check(&aliases, "quay/foo:1", true, "quay.io/library/foo:1");
    check(&aliases, "example", true, "example.com/library/foo:latest");
    check(
        &aliases,
        "empty",
        true,
        "short-name `empty` did not resolve to an alias and no unqualified-search registries are defined",
    );
}
