//! What holds for every input.

use image_ref::ImageRef;
use proptest::prelude::*;
use registries_conf::{AuthFile, Policy, RegistriesConf, RegistriesD, registry_scopes};

use crate::layer;

fn host() -> impl Strategy<Value = String> {
    "[a-c]{1,2}(\\.[a-c]{1,2}){1,2}(:500[01])?"
}

fn name() -> impl Strategy<Value = String> {
    (host(), "[a-c]{1,2}(/[a-c]{1,2}){0,2}").prop_map(|(host, path)| format!("{host}/{path}"))
}

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![host(), name(), "\\*\\.[a-c]{1,2}(\\.[a-c]{1,2})?"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_configuration_a_name_stands_for_itself(name in name()) {
        let image = ImageRef::parse(&format!("{name}:1")).unwrap();
        let sources = RegistriesConf::default().resolve(&image).unwrap();
        prop_assert_eq!(sources.len(), 1);
        prop_assert_eq!(sources[0].image.to_string(), image.normalized().to_string());
    }

    /// The rewritten name is the location and what the prefix left over; tag and logical name stay; a shorter or equal
    /// prefix never wins over a longer one.
    #[test]
    fn a_rewritten_name_keeps_the_remainder(name in name(), prefixes in prop::collection::vec(prefix(), 1..6)) {
        let tables: Vec<_> =
            prefixes.iter().map(|prefix| format!("[[registry]]\nprefix = '{prefix}'\nlocation = 'z.z/m'\n")).collect();
        let conf = RegistriesConf::from_layers(&[layer("p", &tables.concat())]).unwrap();
        let image = ImageRef::parse(&format!("{name}:1")).unwrap();
        let Ok(sources) = conf.resolve(&image) else { return Ok(()) };
        let source = sources.last().unwrap();
        prop_assert_eq!(source.logical.name(), name.as_str());
        prop_assert_eq!(source.image.tag(), Some("1"));
        match conf.registry_for(&name) {
            None => prop_assert_eq!(source.image.name(), name.as_str()),
            Some(table) => {
                let rest = source.image.name().strip_prefix("z.z/m").unwrap();
                prop_assert!(name.ends_with(rest));
                prop_assert!(rest.is_empty() || rest.starts_with('/'));
                for other in &prefixes {
                    let alone = RegistriesConf::from_layers(&[layer("o", &format!("[[registry]]\nprefix = '{other}'\nlocation = 'o.o'"))]).unwrap();
                    prop_assert!(alone.registry_for(&name).is_none() || other.len() <= table.prefix.len());
                }
            }
        }
    }

    #[test]
    fn parsers_never_panic(text in "\\PC{0,200}") {
        let _ = RegistriesConf::from_layers(&[layer("x", &text)]);
        let _ = RegistriesD::from_layers(&[layer("x", &text)]);
        let _ = Policy::parse("x", &text);
        let _ = AuthFile::parse(&text);
        let _ = RegistriesConf::default().short_name(&text, true);
        if let Ok(image) = ImageRef::parse_name(&text) {
            let _ = RegistriesConf::default().resolve(&image);
        }
    }

    /// Errors about auth files may quote nothing of them.
    #[test]
    fn auth_file_errors_quote_nothing(secret in "[a-z]{24}", shape in 0..5usize) {
        let text = match shape {
            0 => format!(r#"{{"auths": "{secret}"}}"#),
            1 => format!(r#"{{"auths": {{"a.io": "{secret}"}}}}"#),
            2 => format!(r#"{{"auths": {{"a.io": {{"auth": ["{secret}"]}}}}}}"#),
            3 => format!(r#"{{"auths": {{"a.io": {{"auth": "{secret}"#),
            _ => format!(r#"{{"auths": {{"a.io": {{"auth": "?{secret}"}}}}}}"#),
        };
        let printed = match AuthFile::parse(&text) {
            Ok(file) => file.warnings().join(" "),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!printed.is_empty() && !printed.contains(&secret), "{}", printed);
    }

    /// A key finds every repository at or below it.
    #[test]
    fn a_key_serves_what_lies_below_it(key in name(), below in "(/[a-c]{1,2}){0,2}") {
        let file = AuthFile::parse(&format!(r#"{{"auths": {{"{key}": {{"auth": "dTpw"}}}}}}"#)).unwrap();
        let found = file.credentials_for(&format!("{key}{below}").parse().unwrap());
        prop_assert!(found.is_some());
    }

    /// Scopes only ever get wider, up to the host.
    #[test]
    fn scopes_widen(name in name()) {
        let scopes = registry_scopes(&ImageRef::parse(&format!("{name}:1")).unwrap());
        let plain: Vec<_> = scopes.iter().filter(|scope| !scope.starts_with('*')).collect();
        for pair in plain.windows(2) {
            prop_assert!(pair[0].starts_with(pair[1].as_str()));
        }
    }
}
