//! Catalogs that nobody should publish: large, tangled, nested, of one name throughout. Each is read and selected from in
//! the time its size takes, or refused in a few words. That a row ends at all is what it proves.

use std::fmt::Write as _;

use fbc_catalog::{Catalog, RuleSet, listing, select, validate, write};
use serde_json::json;

use crate::notation::{catalog, outcome, request};

const MANY: usize = 100_000;

/// `package x`, its channel `c` with these entries as JSON, and its bundles.
fn package(entries: impl Iterator<Item = String>, bundles: impl Iterator<Item = String>) -> Catalog {
    let mut text = r#"{"schema":"olm.package","name":"x","defaultChannel":"c"}"#.to_owned();
    let entries: Vec<String> = entries.collect();
    write!(text, r#"{{"schema":"olm.channel","package":"x","name":"c","entries":[{}]}}"#, entries.join(",")).unwrap();
    text.extend(bundles);
    Catalog::read([("x", text)]).unwrap()
}

fn bundle(number: usize, more: &str) -> String {
    format!(
        r#"{{"schema":"olm.bundle","package":"x","name":"v1.{number}.0","image":"q.io/x:{number}",{more}"properties":[{{"type":"olm.package","value":{{"packageName":"x","version":"1.{number}.0"}}}}]}}"#
    )
}

/// Every version replaces the one before.
fn chain(length: usize) -> Catalog {
    let entry = |number: usize| match number.checked_sub(1) {
        None => r#"{"name":"v1.0.0"}"#.to_owned(),
        Some(before) => format!(r#"{{"name":"v1.{number}.0","replaces":"v1.{before}.0"}}"#),
    };
    package((0..length).map(entry), (0..length).map(|number| bundle(number, "")))
}

fn kept(catalog: &Catalog, wanted: &str, rules: RuleSet) -> usize {
    select(catalog, &request(wanted), rules).unwrap_or_else(|errors| panic!("{wanted}: {errors}")).catalog.bundles.len()
}

#[test]
fn long_chains() {
    let longest = chain(MANY);
    assert_eq!(validate(&longest), []);
    assert_eq!(longest.related_images().images.len(), MANY);
    assert_eq!(kept(&longest, "x >=1.50000.0", RuleSet::UpgradeGraph), MANY / 2);
    let length = 6_000;
    let chain = chain(length);
    assert_eq!(listing::packages(&chain)[0].channels[0].head.as_deref(), Ok("v1.5999.0"));
    assert!(write(&chain).unwrap()[0].1.len() > length * 100);
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        assert_eq!(kept(&chain, "x", rules), 1);
        assert_eq!(kept(&chain, "x >=1.2000.0", rules), length - 2000);
        assert_eq!(kept(&chain, "x >=1.2000.0 <=1.2000.0", rules), 1);
        // First and last of the chain: all between them hold them together.
        assert_eq!(kept(&chain, "x bundles=v1.0.0,v1.5999.0", rules), length);
        let ends = outcome(&chain, "strict x bundles=v1.0.0,v1.5999.0", rules);
        assert!(ends.starts_with("error: ") && ends.contains("; select [v1.1.0 v1.2.0 "), "{}", &ends[..200]);
        let none = outcome(&chain, "x >=2.0.0", rules);
        assert!(none.ends_with("no version of the package lies in the range; nearest: 1.5999.0"), "{none}");
    }
}

#[test]
fn one_head_that_skips_all_others() {
    let others = 6_000;
    let names: Vec<String> = (0..others).map(|number| format!(r#""v1.{number}.0""#)).collect();
    let head = || std::iter::once(format!(r#"{{"name":"v1.{others}.0","skips":[{}]}}"#, names.join(",")));
    // As entries they are kept, without being entries they are left out.
    let entries = (0..others).map(|number| format!(r#"{{"name":"v1.{number}.0"}}"#));
    let listed = package(entries.chain(head()), (0..=others).map(|number| bundle(number, "")));
    let unlisted = package(head(), (0..=others).map(|number| bundle(number, "")));
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        assert_eq!(kept(&listed, "x >=1.0.0", rules), others + 1);
        assert_eq!(kept(&unlisted, "x >=1.0.0", rules), 1);
        assert_eq!(kept(&listed, "x", rules), 1);
    }
    let selected = select(&unlisted, &request("x >=1.0.0"), RuleSet::UpgradeGraph).unwrap();
    assert_eq!(selected.report.warnings.len(), others);
    // Without the head each of them is one.
    let broken = outcome(&listed, "x >=1.0.0 <=1.5999.0", RuleSet::VersionRange);
    assert!(broken.ends_with("]; raise maxVersion to \"1.6000.0\""), "{}", &broken[..200]);
}

#[test]
fn circles() {
    let check = |entries: &str, expected: &str| {
        let names = entries.split(" | ").map(|entry| entry.split(['>', '!']).next().unwrap());
        let bundles: Vec<String> = names.enumerate().map(|(at, name)| format!("+{name}={at}.0.0")).collect();
        let source = catalog(&format!("package x default=c\n c: {entries}\n{}", bundles.join("\n")));
        for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
            for wanted in ["x", "x >=0.0.0", "x bundles=a"] {
                let outcome = outcome(&source, wanted, rules);
                if wanted != "x bundles=a" {
                    assert!(
                        outcome.starts_with("error: ") && outcome.contains(expected),
                        "{entries} {wanted}: {outcome}"
                    );
                }
            }
        }
        assert!(!validate(&source).is_empty(), "{entries}");
    };
    check("a!b | b!a", "no channel heads found");
    check("a!b | b!c | c!a", "no channel heads found");
    check("a>b | b!a", "no channel heads found");
    check("h>a | a>b | b>a", "detected a cycle");
    check("h>a | a>b | b>c!h | c", "no channel heads found");
    check("h>a!a | a>a", "replaces itself");
    // The whole length of a circle, found from its head.
    let length = 6_000;
    let mut circle: Vec<String> = (1..length).map(|at| format!("n{at}>n{}", at - 1)).collect();
    circle.push(format!("n0>n{}", length - 1));
    circle.push("a>n0".to_owned());
    check(&circle.join(" | "), "detected a cycle");
}

#[test]
fn one_name_for_everything() {
    let copies = 6_000;
    let mut text = String::new();
    for _ in 0..copies {
        text += r#"{"schema":"olm.package","name":"x","defaultChannel":"c"}"#;
        text += r#"{"schema":"olm.channel","package":"x","name":"c","entries":[{"name":"v1.1.0"}]}"#;
        text += &bundle(1, "");
        text += r#"{"schema":"olm.deprecations","package":"x","entries":[]}"#;
    }
    let catalog = Catalog::read([("x", text)]).unwrap();
    // Packages, channels, bundles and deprecations beyond the first, and the version that all bundles share.
    assert_eq!(validate(&catalog).len(), 4 * (copies - 1) + 1);
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        let selected = select(&catalog, &request("x"), rules).unwrap().catalog;
        assert_eq!((selected.bundles.len(), selected.channels.len()), (1, 1));
        assert_eq!((selected.packages.len(), selected.deprecations.len()), (1, 1));
    }
    assert_eq!(catalog.related_images().images.len(), 1);
    // No two of them are equal: one line tells of all.
    let package = r#"{"schema":"olm.package","name":"x","defaultChannel":"c"}"#.to_owned();
    let bundle =
        |number: usize| format!(r#"{{"schema":"olm.bundle","package":"x","name":"b","image":"q.io/b:{number}"}}"#);
    let text: Vec<String> = std::iter::once(package).chain((0..copies).map(bundle)).collect();
    let catalog = Catalog::read([("x", text.concat())]).unwrap();
    let refused = select(&catalog, &request("x"), RuleSet::VersionRange).unwrap_err();
    assert_eq!(refused.0.len(), 1, "{refused}");
}

#[test]
fn images_without_number() {
    // Every bundle needs the same image, and names one that is none.
    let more =
        |number: usize| format!(r#""relatedImages":[{{"image":"q.io/shared:1"}},{{"image":"broken-{number}"}}],"#);
    let entries = (0..MANY).map(|number| format!(r#"{{"name":"v1.{number}.0"}}"#));
    let catalog = package(entries, (0..MANY).map(|number| bundle(number, &more(number))));
    let found = catalog.related_images();
    assert_eq!((found.images.len(), found.errors.len()), (MANY + 1, MANY));
    assert_eq!(found.images[0].bundles.len(), MANY);
}

#[test]
fn requirements_without_number() {
    // Everybody requires what nobody has, and everybody offers what everybody else requires.
    let count = 6_000;
    let entry = |number: usize| match number.checked_sub(1) {
        None => r#"{"name":"v1.0.0"}"#.to_owned(),
        Some(before) => format!(r#"{{"name":"v1.{number}.0","replaces":"v1.{before}.0"}}"#),
    };
    let api = r#"{"group":"g","version":"v1","kind":"K"}"#;
    let bundle = |number: usize| {
        bundle(number, "").replace(
            r#""properties":["#,
            &format!(
                r#""properties":[{{"type":"olm.gvk","value":{api}}},{{"type":"olm.gvk.required","value":{api}}},{{"type":"olm.package.required","value":{{"packageName":"x","versionRange":">=2.0.0"}}}},"#
            ),
        )
    };
    let catalog = package((0..count).map(entry), (0..count).map(bundle));
    let selected = select(&catalog, &request("full x"), RuleSet::VersionRange).unwrap();
    assert_eq!(selected.report.missing.len(), 1);
    assert_eq!(selected.report.missing[0].required_by.len(), count);
    // Each requires another version of one large package.
    let own = |number: usize| bundle(number).replace(">=2.0.0", &format!(">=2.{number}.0"));
    let catalog = package((0..count).map(entry), (0..count).map(own));
    let selected = select(&catalog, &request("full x"), RuleSet::VersionRange).unwrap();
    assert_eq!(selected.report.missing.len(), count);
    assert!(selected.report.missing.iter().all(|missing| missing.providers.is_empty()));
}

#[test]
fn objects_of_many_fields_and_documents_without_number() {
    let fields: Vec<String> = (0..MANY).map(|number| format!("\"f{number}\":1")).collect();
    let text = format!(r#"{{"schema":"olm.package","name":"x",{},"f0":2}}"#, fields.join(","));
    let written = write(&Catalog::read([("x", text)]).unwrap()).unwrap().remove(0).1;
    let written: serde_json::Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written.as_object().unwrap().len(), MANY + 3);
    assert_eq!(written["f0"], 2);

    let catalog = Catalog::read([("x", "---\n".repeat(MANY) + "schema: s\n")]).unwrap();
    assert_eq!(catalog.others[0].origin().to_string(), format!("x:{} (document {MANY})", MANY + 1));
    assert_eq!(Catalog::read([("x", r#"{"schema":"s"}"#.repeat(MANY))]).unwrap().others.len(), MANY);
    let files = (0..MANY).map(|number| (format!("{number}/catalog.json"), r#"{"schema":"s"}"#));
    assert_eq!(Catalog::read(files).unwrap().others.len(), MANY);
}

/// Where a text is part of a message, its beginning is.
#[test]
fn texts_without_end() {
    let huge = "x".repeat(8 << 20);
    let refused = |text: String| {
        let message = Catalog::read([("a/c.json", text)]).unwrap_err().to_string();
        assert!(
            message.starts_with("failed to load catalog config: a/c.json:") && message.contains(" (document 1): "),
            "{}",
            &message[..100]
        );
        assert!(message.len() < 500, "{} bytes", message.len());
    };
    refused(huge.clone());
    refused(format!("[{huge:?}]"));
    refused(json!({"name": huge}).to_string());
    refused(json!({"schema": [huge]}).to_string());
    refused(json!({"schema": "olm.channel", "entries": huge}).to_string());
    refused(json!({"schema": "olm.channel", "entries": [{"name": [huge]}]}).to_string());
    refused(format!("schema: s\n{huge}\n"));
    refused(format!("{{\"schema\": \"s\", {huge}"));

    let version = json!({"packageName": "x", "version": huge});
    let properties = [version, json!(huge)].map(|value| json!([{"type": "olm.package", "value": value}]));
    for properties in properties {
        let bundle =
            json!({"schema": "olm.bundle", "package": "x", "name": "b", "image": "q.io/b:1", "properties": properties});
        let rest = r#"{"schema":"olm.package","name":"x","defaultChannel":"c"}{"schema":"olm.channel","package":"x","name":"c","entries":[{"name":"b"}]}"#;
        let catalog = Catalog::read([("x", format!("{rest}{bundle}"))]).unwrap();
        for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
            let message = outcome(&catalog, "x >=1.0.0", rules);
            assert!(message.starts_with("error: ") && message.len() < 500, "{} bytes", message.len());
        }
        assert!(validate(&catalog).iter().all(|violation| violation.detail.len() < 500));
    }
    // It may be long where it is only carried.
    let carried = json!({"schema": "olm.package", "name": "x", "description": huge}).to_string();
    assert!(write(&Catalog::read([("x", carried)]).unwrap()).unwrap()[0].1.len() > huge.len());
}

#[test]
fn nesting_without_end() {
    let deep = format!("{}{}", "[".repeat(MANY), "]".repeat(MANY));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(MANY), "}".repeat(MANY));
    for nested in [deep.as_str(), &objects] {
        for text in [
            format!(r#"{{"schema":"s","odd":{nested}}}"#),
            format!(r#"{{"schema":"olm.package","name":"x","icon":{nested}}}"#),
            format!(
                r#"{{"schema":"olm.bundle","package":"x","name":"b","properties":[{{"type":"olm.constraint","value":{nested}}}]}}"#
            ),
            format!(
                r#"{{"schema":"olm.bundle","package":"x","name":"b","properties":[{{"type":"olm.package","value":{nested}}}]}}"#
            ),
        ] {
            let catalog = Catalog::read([("x", text)]).unwrap();
            let _ = validate(&catalog);
            assert!(catalog.bundles.iter().all(|bundle| bundle.version().is_err() && bundle.display_name().is_none()));
            assert_eq!(write(&catalog).unwrap().len(), 1);
        }
        for field in ["schema", "name", "package", "entries"] {
            let text = format!(r#"{{"a":1,"schema":"olm.channel","{field}":{nested}}}"#);
            assert!(Catalog::read([("x", text)]).unwrap_err().to_string().len() < 500);
        }
        let yaml = Catalog::read([("a.yaml", format!("schema: s\n---\nschema: s\nodd: {nested}\n"))]).unwrap_err();
        let message = yaml.to_string();
        assert!(message.starts_with("failed to load catalog config: a.yaml:"), "{message}");
        assert!(message.contains("(document 2)") && message.len() < 500, "{message}");
    }
    // Formulas of constraints are followed as deep as they can be read.
    let mut formula = r#"{"package":{"packageName":"absent","versionRange":"1.x"}}"#.to_owned();
    for level in 0..50 {
        let kind = if level % 2 == 0 { "any" } else { "all" };
        formula = format!(r#"{{"{kind}":{{"constraints":[{formula},{formula_copy}]}}}}"#, formula_copy = "{}");
    }
    let property = format!(r#"{{"type":"olm.constraint","value":{formula}}}"#);
    let text = bundle(0, "").replace(r#""properties":["#, &format!(r#""properties":[{property},"#));
    let catalog = package(std::iter::once(r#"{"name":"v1.0.0"}"#.to_owned()), std::iter::once(text));
    assert!(select(&catalog, &request("x"), RuleSet::VersionRange).is_ok());
}

/// One megabyte of aliases is refused where it stands; a megabyte of anchors is read.
#[test]
fn aliases() {
    let mut bomb = "schema: first\n---\nschema: s\na0: &a0 [lol]\n".to_owned();
    for level in 1..=20 {
        let ten = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{ten}]").unwrap();
    }
    let message = Catalog::read([("a/c.yaml", bomb)]).unwrap_err().to_string();
    assert!(message.starts_with("failed to load catalog config: a/c.yaml:"), "{message}");
    assert!(message.contains("(document 2): invalid YAML: ") && message.len() < 500, "{message}");
    let circle = Catalog::read([("c.yaml", "schema: s\na: &a [*a]\n")]).unwrap_err().to_string();
    assert!(circle.starts_with("failed to load catalog config: c.yaml:2 (document 1): invalid YAML: "), "{circle}");
    // Merged keys are the keys of the mapping.
    let merged = Catalog::read([("c.yaml", "base: &base {schema: olm.package, name: x}\n<<: *base\n")]).unwrap();
    assert_eq!(merged.packages[0].name, "x");
}

#[test]
fn bytes_that_are_no_text() {
    let refused = |files: &[(&str, &[u8])], expected: &str| {
        let message = Catalog::read(files.iter().copied()).unwrap_err().to_string();
        assert_eq!(message, format!("failed to load catalog config: {expected}"));
    };
    refused(&[("a", b"schema: s\nname: \xff\n")], "a:2 (document 1): not UTF-8 text");
    refused(&[("a", b"{\"schema\":\"s\"}\n\n\xc3\x28")], "a:3 (document 1): not UTF-8 text");
    refused(&[("a", b"{\"schema\":\"s\xed\xa0\x80\"}")], "a:1 (document 1): not UTF-8 text");
    refused(&[("p/.indexignore", b"x\n\xff"), ("a", b"")], "p/.indexignore:2 (document 1): not UTF-8 text");
    // UTF-16, as some editors write it.
    refused(&[("a", b"\xff\xfes\0c\0")], "a:1 (document 1): not UTF-8 text");
    let rules = vec![b'x'; (1 << 20) + 1];
    let bound = "the catalog's `.indexignore` files have more than 1048576 bytes together";
    refused(&[("p/.indexignore", &rules), ("a", b"")], &format!("p/.indexignore:1 (document 1): {bound}"));
    // What is ignored need not be text.
    assert!(Catalog::read([(".indexignore", &b"*.png"[..]), ("icon.png", b"\x89PNG\xff")]).is_ok());
    let nul = Catalog::read([("a", "schema: s\nname: \"\0\"\n")]).unwrap_err().to_string();
    assert!(nul.starts_with("failed to load catalog config: a:"), "{nul}");
}
