//! Advice that works: what a refused selection says is applied to the text of the configuration, as a person would do it, and
//! the configuration is read and selected by again.

use fbc_catalog::{Catalog, RuleSet, Selected, select};
use isc_schema::{Document, Kind, parse};
use mirror_plan::operators;
use regex::Regex;
use serde_json::json;

/// The package `x` with these channels: name and entries, each `version` or `version>replaced`.
fn catalog(default: &str, channels: &[(&str, &str)]) -> Catalog {
    let mut documents = vec![json!({"schema": "olm.package", "name": "x", "defaultChannel": default})];
    let mut versions: Vec<&str> = Vec::new();
    for (name, entries) in channels {
        let entry = |text: &str| match text.split_once('>') {
            Some((version, replaced)) => json!({"name": format!("x.v{version}"), "replaces": format!("x.v{replaced}")}),
            None => json!({"name": format!("x.v{text}")}),
        };
        versions.extend(entries.split(' ').map(|entry| entry.split('>').next().unwrap()));
        let entries: Vec<_> = entries.split(' ').map(entry).collect();
        documents.push(json!({"schema": "olm.channel", "package": "x", "name": name, "entries": entries}));
    }
    versions.sort_unstable();
    versions.dedup();
    documents.extend(versions.iter().map(|version| {
        let property = json!({"type": "olm.package", "value": {"packageName": "x", "version": version}});
        let (name, image) = (format!("x.v{version}"), format!("r.io/x:{version}"));
        json!({"schema": "olm.bundle", "package": "x", "name": name, "image": image, "properties": [property]})
    }));
    let text: String = documents.iter().map(ToString::to_string).collect();
    Catalog::read([("x/catalog.json", text)]).unwrap()
}

/// Selects by a configuration whose lines of the package are these.
fn selected(catalog: &Catalog, lines: &[String], rules: RuleSet, strict: bool) -> Result<Selected, String> {
    let mut text =
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n  - catalog: \
                    r.io/index:v1\n    packages:\n    - name: x\n"
            .to_owned();
    for line in lines {
        text = text + "      " + line + "\n";
    }
    let parsed = parse(&text, Kind::ImageSet);
    let told = parsed.render("isc.yaml", &text);
    assert_eq!(told, "");
    let Some(Document::ImageSet(configuration)) = parsed.config else { panic!("{text}") };
    let request = operators::request(&configuration.mirror.operators[0], strict);
    select(catalog, &request, rules).map_err(|errors| errors.to_string())
}

/// The lines, changed as the refusal says.
fn apply(lines: &[String], refusal: &str) -> Vec<String> {
    let find = |pattern: &str| Regex::new(pattern).unwrap().captures(refusal);
    let mut lines = lines.to_vec();
    let set = |lines: &mut Vec<String>, key: &str, line: String| {
        lines.retain(|line| !line.starts_with(&format!("{key}:")));
        lines.push(line);
    };
    let mut is_applied = false;
    if refusal.contains("remove minVersion and maxVersion of the package") {
        lines.retain(|line| !line.starts_with("minVersion:") && !line.starts_with("maxVersion:"));
        is_applied = true;
    }
    if let Some(found) = find(r"write `(channels: [^`]*)`") {
        set(&mut lines, "channels", found[1].to_owned());
    }
    if let Some(found) = find(r#"write `(\{[^`]*)` in place of channel "([^"]*)""#) {
        let old = Regex::new(&format!(r#"\{{name: "?{}"?[^}}]*\}}"#, regex::escape(&found[2]))).unwrap();
        for line in &mut lines {
            *line = old.replace(line, &found[1]).into_owned();
        }
        is_applied = true;
    }
    if let Some(found) = find(r#"remove channel "([^"]*)""#) {
        let old = Regex::new(&format!(r#"\{{name: "?{}"?[^}}]*\}}(, )?"#, regex::escape(&found[1]))).unwrap();
        for line in &mut lines {
            *line = old.replace(line, "").into_owned();
        }
    }
    if let Some(found) = find(r"`(defaultChannel: [^`]*)`") {
        set(&mut lines, "defaultChannel", found[1].to_owned());
        is_applied = true;
    }
    if let Some(found) = find(r"; nearest: (?P<first>[^ ,]+)") {
        set(&mut lines, "minVersion", format!("minVersion: {}", &found[1]));
        set(&mut lines, "maxVersion", format!("maxVersion: {}", &found[1]));
        is_applied = true;
    }
    for (pattern, key) in
        [(r#"lower minVersion to "([^"]*)""#, "minVersion"), (r#"raise maxVersion to "([^"]*)""#, "maxVersion")]
    {
        if let Some(found) = find(pattern) {
            set(&mut lines, key, format!("{key}: \"{}\"", &found[1]));
            is_applied = true;
        }
    }
    if let Some(found) = find(r"; select \[([^\]]*)\] as well") {
        let line = lines.iter_mut().find(|line| line.starts_with("bundles:")).unwrap();
        let more = found[1].split(' ').fold(String::new(), |more, name| more + ", {name: " + name + "}");
        *line = line.trim_end_matches(']').to_owned() + &more + "]";
        is_applied = true;
    }
    assert!(is_applied, "the refusal advises nothing that can be applied: {refusal}");
    lines
}

/// Refused as it stands; after the advice, of which there may be some in a row, these versions are selected.
#[track_caller]
fn check(catalog: &Catalog, lines: &[&str], strict: bool, expected: &str) {
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut refusals = Vec::new();
        let found = loop {
            match selected(catalog, &lines, rules, strict) {
                Ok(found) => break found,
                Err(refusal) => {
                    assert!(refusals.len() < 3, "{rules:?}: {refusals:#?}\n{lines:#?}");
                    lines = apply(&lines, &refusal);
                    refusals.push(refusal);
                }
            }
        };
        assert!(!refusals.is_empty(), "{rules:?}: {lines:?} is not refused");
        let mut versions: Vec<String> =
            found.catalog.bundles.iter().map(|bundle| bundle.version().unwrap().to_string()).collect();
        versions.sort();
        assert_eq!(versions.join(" "), expected, "{rules:?}: {refusals:#?}\n{lines:#?}");
    }
}

#[test]
fn about_an_empty_channel() {
    let two = catalog("stable", &[("stable", "2.0.0 2.1.0>2.0.0"), ("release-1", "1.0.0 1.1.0>1.0.0 1.2.0>1.1.0")]);
    check(&two, &["maxVersion: 1.1.0"], false, "1.0.0 1.1.0");
    check(&two, &["minVersion: 1.1.0", "maxVersion: 1.2.0"], false, "1.1.0 1.2.0");
    check(&two, &["minVersion: 1.1.0", "maxVersion: 1.1.0"], false, "1.1.0");
    check(&two, &["defaultChannel: stable", "maxVersion: 1.1.0"], false, "1.0.0 1.1.0");
    // Bounds of a channel, alone and beside another one.
    check(&two, &["channels: [{name: stable, maxVersion: 1.1.0}]"], false, "1.0.0 1.1.0");
    let three =
        catalog("stable", &[("stable", "2.0.0"), ("4.10", "1.0.0 1.1.0>1.0.0"), ("other", "3.0.0 3.1.0>3.0.0")]);
    check(
        &three,
        &["defaultChannel: stable", "channels: [{name: stable, maxVersion: 1.0.0}, {name: other}]"],
        false,
        "1.0.0 3.1.0",
    );
    check(
        &three,
        &["defaultChannel: stable", "channels: [{name: stable, minVersion: 4.0.0}, {name: other}]"],
        false,
        "3.1.0",
    );
    check(&three, &["maxVersion: 1.1.0"], false, "1.0.0 1.1.0");
    // Versions that do not exist.
    let suffixed = catalog("c", &[("c", "26.0.7 26.0.8-opr.1>26.0.7 26.0.9>26.0.8-opr.1")]);
    check(&suffixed, &["minVersion: 26.0.8", "maxVersion: 26.0.8"], false, "26.0.8-opr.1");
    check(&suffixed, &["minVersion: 27.0.0"], false, "26.0.9");
    check(&two, &["minVersion: 1.1.5", "maxVersion: 1.1.9"], false, "1.1.0");
}

#[test]
fn about_bundles_that_lie_apart() {
    let chain = catalog("c", &[("c", "1.0.0 1.1.0>1.0.0 1.2.0>1.1.0 1.3.0>1.2.0")]);
    check(&chain, &["bundles: [{name: x.v1.0.0}, {name: x.v1.3.0}]"], true, "1.0.0 1.1.0 1.2.0 1.3.0");
    check(&chain, &["bundles: [{name: x.v1.1.0}, {name: x.v1.3.0}]"], true, "1.1.0 1.2.0 1.3.0");
}
