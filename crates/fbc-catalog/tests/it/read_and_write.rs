//! Reading every layout, refusing every fault by name, writing in one form (`docs/behaviour/operators-archive.md` 1 and 4).

use std::fmt::Write as _;

use fbc_catalog::{Catalog, Rule, RuleSet, listing, select, validate, write};

use crate::notation::{A, catalog, catalog_json, request};

fn counts(catalog: &Catalog) -> [usize; 5] {
    [
        catalog.packages.len(),
        catalog.channels.len(),
        catalog.bundles.len(),
        catalog.deprecations.len(),
        catalog.others.len(),
    ]
}

#[test]
fn layouts() {
    let check = |files: &[(&str, &str)], expected: [usize; 5]| {
        assert_eq!(counts(&Catalog::read(files.iter().copied()).unwrap()), expected, "{files:?}");
    };
    let package = r#"{"schema":"olm.package","name":"a","defaultChannel":"c"}"#;
    let channel = r#"{"schema":"olm.channel","name":"c","package":"a","entries":[{"name":"a.v1"}]}"#;
    let channel_yaml = "schema: olm.channel\nname: c\npackage: a\nentries:\n- name: a.v1\n";
    let both = format!("{package}{channel}");
    check(&[("index.json", &both)], [1, 1, 0, 0, 0]);
    check(&[("a/catalog.json", &format!("{package}\n\n{channel}\n"))], [1, 1, 0, 0, 0]);
    check(&[("a/package.json", package), ("a/channels.yaml", channel_yaml)], [1, 1, 0, 0, 0]);
    check(&[("any.thing", &format!("---\n{channel_yaml}---\n{channel_yaml}"))], [0, 2, 0, 0, 0]);
    check(&[("mixed", &format!("{package}\n---\n{channel_yaml}---\n{both}"))], [2, 2, 0, 0, 0]);
    check(&[("crlf.yaml", &format!("---\r\n{}---\r\n", channel_yaml.replace('\n', "\r\n")))], [0, 1, 0, 0, 0]);
    check(&[("bom.json", &format!("\u{feff}{package}"))], [1, 0, 0, 0, 0]);
    check(&[("flow.yaml", "{schema: olm.package, name: a}")], [1, 0, 0, 0, 0]);
    check(&[("indented.yaml", "schema: x\ntext: |\n  a\n  ---\n  b\n")], [0, 0, 0, 0, 1]);
    check(&[("empty", ""), ("blank", " \n\n"), ("separators.yaml", "---\n---\n\n---\n")], [0, 0, 0, 0, 0]);
    check(&[("folded.json", r#"{"SCHEMA":"olm.package","Name":"a","DEFAULTCHANNEL":"c"}"#)], [1, 0, 0, 0, 0]);
    check(
        &[
            (".indexignore", "*.md\n/skip/\n"),
            ("README.md", "# not a catalog"),
            ("skip/x.json", "{"),
            ("a.json", package),
        ],
        [1, 0, 0, 0, 0],
    );
    check(&[("a/.indexignore", "*.txt"), ("a/x.txt", "nonsense"), ("a/b/y.txt", "nonsense")], [0, 0, 0, 0, 0]);
}

#[test]
fn faults_name_file_line_and_document() {
    let check = |text: &str, expected: &str| {
        let error = Catalog::read([("a/catalog.yaml", text)]).unwrap_err().to_string();
        assert_eq!(error, format!("failed to load catalog config: a/catalog.yaml:{expected}"), "{text}");
    };
    check(r#"{"name":"a"}"#, r#"1 (document 1): object '{"name":"a"}' is missing root schema field"#);
    check("# only a comment\n", "1 (document 1): object '' is missing root schema field");
    check("schema: x\n---\n# a\n", "2 (document 2): object '' is missing root schema field");
    check(
        "{\"schema\":\"x\"}\n\n{\"schema\":\n\"y\",}",
        "4 (document 2): invalid JSON: key must be a string at line 4 column 5",
    );
    check("{\"schema\":\"x\"}\n[1]", "2 (document 2): a document must be an object with a `schema`, this one is `[1]`");
    check("nonsense", "1 (document 1): a document must be an object with a `schema`, this one is `\"nonsense\"`");
    check(
        r#"{"schema":1}"#,
        "1 (document 1): field `schema` has the unexpected value `1`: invalid type: integer `1`, expected a string at line 1 column 1",
    );
    check(r#"{"schema":"x","Schema":"y"}"#, "1 (document 1): field `schema` stands there twice");
    check(r#"{"schema":"x","name":"a","NAME":"a"}"#, "1 (document 1): field `name` stands there twice");
    check(
        "schema: olm.channel\nname: c\npackage: a\nentries: {}\n",
        "1 (document 1): field `entries` has the unexpected value `{}`: invalid type: map, expected a sequence at line 1 column 0",
    );
    let message = Catalog::read([("x.yaml", "schema: x\n---\nschema: y\na: 1\na: 2\n")]).unwrap_err().to_string();
    assert!(message.starts_with("failed to load catalog config: x.yaml:5 (document 2): invalid YAML: "), "{message}");
    let two = Catalog::read([("a", &b"\xff"[..]), ("b", b"{"), ("c", b"{\"schema\":\"x\"}")]).unwrap_err();
    let message = two.to_string();
    assert!(message.contains("a:1 (document 1): not UTF-8 text\nb:1 (document 1): invalid JSON: EOF"), "{message}");
}

#[test]
fn origins() {
    let text = "{\"schema\":\"x\"}\n{\"schema\":\"y\"}\n---\n\nschema: z\n---\n---\nschema: w\n";
    let catalog = Catalog::read([("f", text)]).unwrap();
    let origins: Vec<String> =
        catalog.others.iter().map(|other| format!("{} {}", other.schema, other.origin())).collect();
    assert_eq!(origins, ["x f:1 (document 1)", "y f:2 (document 2)", "z f:5 (document 3)", "w f:8 (document 5)"]);
}

#[test]
fn written_form() {
    let input = r#"{"name":"a","schema":"olm.package","extra":{"x":[]},"defaultChannel":"c"}
{"schema":"olm.channel","package":"a","name":"d","entries":[]}
{"schema":"olm.channel","package":"a","name":"c","entries":[{"name":"a.v1","skipRange":"<1.0.0","skips":["x","y"],"replaces":"z"}]}
{"schema":"olm.deprecations","package":"a","entries":[{"reference":{"schema":"olm.package"},"message":"m\n\"q\" <"}]}
{"b" : 1.50,   "schema":"my.schema", "package":"a", "a":[ 1,2 ]}
{"schema":"root"}"#;
    let files = write(&Catalog::read([("x", input)]).unwrap()).unwrap();
    let mut written = String::new();
    for (path, bytes) in &files {
        writeln!(written, "=== {path}\n{}", std::str::from_utf8(bytes).unwrap()).unwrap();
    }
    insta::assert_snapshot!(written, @r##"
    === catalog.json
    {"schema":"root"}

    === a/catalog.json
    {
        "schema": "olm.package",
        "name": "a",
        "defaultChannel": "c",
        "extra": {
            "x": []
        }
    }
    {
        "schema": "olm.channel",
        "name": "c",
        "package": "a",
        "entries": [
            {
                "name": "a.v1",
                "replaces": "z",
                "skips": [
                    "x",
                    "y"
                ],
                "skipRange": "<1.0.0"
            }
        ]
    }
    {
        "schema": "olm.channel",
        "name": "d",
        "package": "a",
        "entries": []
    }
    {"b" : 1.50,   "schema":"my.schema", "package":"a", "a":[ 1,2 ]}
    {
        "schema": "olm.deprecations",
        "package": "a",
        "entries": [
            {
                "reference": {
                    "schema": "olm.package"
                },
                "message": "m\n\"q\" <"
            }
        ]
    }
    "##);
}

#[test]
fn unknown_schemas_keep_their_bytes() {
    let odd = "{ \"schema\" : \"odd\",\"n\":1.0,\"n2\":9007199254740993,\"u\":\"\\u003c\", \"z\":null,\"a\":[ ] }";
    let catalog = Catalog::read([("x", odd)]).unwrap();
    assert_eq!(catalog.others[0].text(), odd);
    assert_eq!(write(&catalog).unwrap(), [("catalog.json".to_owned(), format!("{odd}\n").into_bytes())]);
}

#[test]
fn deep_nesting_stays_small() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let text = format!(r#"{{"schema":"olm.package","name":"x","odd":{deep}}}"#);
    let files = write(&Catalog::read([("x", &text)]).unwrap()).unwrap();
    assert!(files[0].1.len() < 300 * text.len());
    let yaml = format!("schema: x\nodd: {deep}\n");
    assert!(Catalog::read([("x", yaml)]).is_err());
}

#[test]
fn what_was_written_reads_the_same() {
    let first = write(&catalog(A)).unwrap();
    let again = Catalog::read(first.iter().map(|(path, bytes)| (path.as_str(), bytes))).unwrap();
    assert_eq!(write(&again).unwrap(), first);
    assert_eq!(counts(&again), counts(&catalog(A)));
}

#[test]
fn package_names_stay_in_their_place() {
    for name in ["..", ".", "a/b", "a\\b"] {
        let catalog = Catalog::read([("x", format!("{{\"schema\":\"s\",\"package\":{name:?}}}"))]).unwrap();
        let message = write(&catalog).unwrap_err().to_string();
        assert_eq!(message, format!("invalid package name \"{name}\": must be a single local path element"));
    }
}

#[test]
fn model_rules() {
    let check = |source: &str, expected: &[&str]| {
        let violations: Vec<String> = validate(&catalog(source)).iter().map(ToString::to_string).collect();
        assert_eq!(violations, expected, "{source}");
    };
    check("package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0!v1.5.0~\">=1.0.0 <2.0.0\"", &[]);
    check("package x default=c", &["package \"x\": the package has no channels"]);
    check("package x\n c: v1.0.0", &["package \"x\": the default channel must be set"]);
    check("package x default=d\n c: v1.0.0", &["package \"x\": the default channel \"d\" does not exist"]);
    check("package X_ default=c\n c: v1.0.0", &["package \"X_\": the name must be a DNS-1123 label"]);
    check("package x default=c\npackage x default=c\n c: v1.0.0", &["package \"x\": the package is defined twice"]);
    check(
        "package x default=c\n c: v1.0.0\n c: v1.0.0",
        &["package \"x\" channel \"c\": the channel is defined twice"],
    );
    check(
        "package x default=c\n c: v1.0.0 | v2.0.0",
        &["package \"x\" channel \"c\": multiple channel heads found: [v1.0.0 v2.0.0]"],
    );
    check(
        "package x default=c\n c: v1.0.0 | v1.1.0>v1.0.0!v1.2.0 | v1.2.0>v1.1.0",
        &["package \"x\" channel \"c\": no channel heads found"],
    );
    check(
        "package x default=c\n c: v1.0.0 | v1.1.0>v1.0.0 | v1.2.0>v1.1.0 | v2.0.0>v1.1.0!v1.2.0,v1.1.0",
        &["package \"x\" channel \"c\": channel contains one or more stranded bundles: [v1.0.0]"],
    );
    check(
        "package x default=c\n c: v1.0.0 | v2.0.0>v1.0.0\n-v2.0.0",
        &["package \"x\" channel \"c\" bundle \"v2.0.0\": the entry has no bundle"],
    );
    check(
        "package x default=c\n c: v1.0.0~\"nonsense\"",
        &[
            "package \"x\" channel \"c\" bundle \"v1.0.0\": invalid skipRange: version range `nonsense` has the invalid version `nonsense`",
        ],
    );
    check(
        "package x default=c\n c: v1.0.0\n+v2.0.0\n+other=1.0.0",
        &[
            "package \"x\": version 1.0.0 belongs to several bundles: [other v1.0.0]",
            "package \"x\" bundle \"other\": the bundle is in no channel",
            "package \"x\" bundle \"v2.0.0\": the bundle is in no channel",
        ],
    );
    check("package x default=c\n c: a\n+a=1.0", &["package \"x\" bundle \"a\": invalid semantic version `1.0`"]);
    check(
        "package x default=c\n c: v1.0.0\n deprecated channel d\n deprecated bundle v1.0.0\n deprecated bundle v1.0.0",
        &[
            "package \"x\": deprecation of olm.channel \"d\", which does not exist",
            "package \"x\": olm.bundle \"v1.0.0\" is deprecated twice",
        ],
    );
    check(
        " c: v1.0.0",
        &[
            "package \"\" bundle \"v1.0.0\": the package of the bundle does not exist",
            "package \"\" channel \"c\": the package of the channel does not exist",
        ],
    );
}

/// Rules about what the notation cannot say: a sound package `x` of one bundle, and one document more or another.
#[test]
fn model_rules_of_single_documents() {
    let package = serde_json::json!({"schema": "olm.package", "name": "x", "defaultChannel": "c"});
    let channel =
        serde_json::json!({"schema": "olm.channel", "package": "x", "name": "c", "entries": [{"name": "x.v1"}]});
    let property = serde_json::json!({"type": "olm.package", "value": {"packageName": "x", "version": "1.0.0"}});
    let bundle = serde_json::json!({
        "schema": "olm.bundle", "package": "x", "name": "x.v1", "image": "q.io/x:1", "properties": [property],
    });
    let deprecations = serde_json::json!({
        "schema": "olm.deprecations", "package": "x",
        "entries": [{"reference": {"schema": "olm.package"}, "message": "old"}],
    });
    let check = |changes: &[(&str, &str, serde_json::Value)], more: &[serde_json::Value], expected: &[&str]| {
        let mut documents = [package.clone(), channel.clone(), bundle.clone(), deprecations.clone()];
        for (schema, pointer, value) in changes {
            let document = documents.iter_mut().find(|document| document["schema"] == *schema).unwrap();
            document[*pointer] = value.clone();
        }
        let text: String = documents.iter().chain(more).map(ToString::to_string).collect();
        let violations = validate(&Catalog::read([("x", text)]).unwrap());
        assert_eq!(violations.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        // Each is also told by its rule, package, channel and entry, not by its text alone.
        assert!(
            violations.iter().all(|violation| !violation.package.is_empty() || violation.rule == Rule::PackageName)
        );
    };
    let json = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    check(&[], &[], &[]);
    let entries = |text: &str| [("olm.channel", "entries", json(text))];
    let at = "package \"x\" channel \"c\"";
    check(&entries(r#"[{"name":"x.v1","replaces":"absent","skips":["gone"]}]"#), &[], &[]);
    check(
        &entries("[]"),
        &[],
        &["package \"x\" bundle \"x.v1\": the bundle is in no channel", &format!("{at}: channel has no entries")],
    );
    check(
        &entries(r#"[{"name":"x.v1"},{"name":"x.v1"}]"#),
        &[],
        &[
            &format!("{at}: multiple channel heads found: [x.v1 x.v1]"),
            &format!("{at} bundle \"x.v1\": duplicate channel entry \"x.v1\""),
        ],
    );
    check(
        &entries(r#"[{"name":"x.v1","replaces":"x.v1"}]"#),
        &[],
        &[
            &format!("{at}: no channel heads found"),
            &format!("{at} bundle \"x.v1\": invalid channel entry \"x.v1\": replaces itself"),
        ],
    );
    check(
        &entries(r#"[{"name":"x.v1","skips":["x.v1"]}]"#),
        &[],
        &[
            &format!("{at}: no channel heads found"),
            &format!("{at} bundle \"x.v1\": invalid channel entry \"x.v1\": skips itself"),
        ],
    );
    check(&entries(r#"[{"name":"x.v1","skips":[""]}]"#), &[], &[&format!("{at} bundle \"x.v1\": skips an empty name")]);
    check(
        &entries(r#"[{"name":"x.v1","replaces":"a"},{"name":"a","replaces":"b"},{"name":"b","replaces":"a"}]"#),
        &[],
        &[
            &format!("{at}: detected a cycle in the upgrade graph of the channel"),
            &format!("{at} bundle \"a\": the entry has no bundle"),
            &format!("{at} bundle \"b\": the entry has no bundle"),
        ],
    );
    check(
        &[("olm.channel", "name", json(r#""""#))],
        &[],
        &[
            "package \"x\": the default channel \"c\" does not exist",
            "package \"x\" channel \"\": the channel must have a name",
        ],
    );
    let of_bundle = "package \"x\" bundle \"x.v1\"";
    check(
        &[],
        std::slice::from_ref(&bundle),
        &[
            "package \"x\": version 1.0.0 belongs to several bundles: [x.v1 x.v1]",
            &format!("{of_bundle}: the bundle is defined twice"),
        ],
    );
    let changed = |field: &'static str, text: &str| [("olm.bundle", field, json(text))];
    check(
        &changed("properties", "[]"),
        &[],
        &[&format!("{of_bundle}: must have exactly one property `olm.package`, has 0")],
    );
    check(
        &changed("properties", &format!("[{property},{property}]")),
        &[],
        &[&format!("{of_bundle}: must have exactly one property `olm.package`, has 2")],
    );
    check(
        &changed("properties", r#"[{"type":"olm.package","value":{"packageName":"y","version":"1.0.0"}}]"#),
        &[],
        &[&format!("{of_bundle}: its property `olm.package` names the package \"y\"")],
    );
    check(
        &changed("properties", r#"[{"type":"olm.package","value":7}]"#),
        &[],
        &[&format!("{of_bundle}: bundle \"x.v1\" in package \"x\" has a broken package property `7`")],
    );
    check(&changed("image", r#""""#), &[], &[&format!("{of_bundle}: the bundle has neither an image nor objects")]);
    let objects = format!(r#"[{property},{{"type":"olm.bundle.object","value":{{"data":"e30="}}}}]"#);
    check(&[("olm.bundle", "image", json(r#""""#)), ("olm.bundle", "properties", json(&objects))], &[], &[]);
    let of_image = |text: &str| {
        let catalog = Catalog::read([("x", text)]).unwrap();
        validate(&catalog).into_iter().find(|violation| violation.rule == Rule::ImageReference).map(|one| one.entry)
    };
    for (image, related, is_fine) in
        [("q.io/x:1", "", true), ("Q.io/ x", "", false), ("q.io/x:1", "q.io/y@sha256:12", false)]
    {
        let mut document = bundle.clone();
        document["image"] = image.into();
        document["relatedImages"] = serde_json::json!([{"name": "", "image": related}]);
        let expected = if is_fine { None } else { Some(Some("x.v1".to_owned())) };
        assert_eq!(of_image(&document.to_string()), expected, "{image} {related}");
    }
    check(&[], std::slice::from_ref(&deprecations), &["package \"x\": the package has several deprecations blobs"]);
    let deprecated = |text: &str| [("olm.deprecations", "entries", json(text))];
    check(
        &deprecated(r#"[{"reference":{"schema":"olm.bundle","name":"x.v1"},"message":""}]"#),
        &[],
        &["package \"x\": deprecation of olm.bundle \"x.v1\" has no message"],
    );
    check(
        &deprecated(r#"[{"reference":{"schema":"olm.package","name":"x"},"message":"m"}]"#),
        &[],
        &["package \"x\": deprecation of olm.package \"x\", which does not exist"],
    );
    check(
        &deprecated(r#"[{"reference":{"schema":"odd"},"message":"m"}]"#),
        &[],
        &["package \"x\": deprecation of odd \"\", which does not exist"],
    );
    check(
        &[("olm.deprecations", "package", json(r#""y""#))],
        &[],
        &["package \"y\": deprecations of a package that does not exist"],
    );
}

fn bundle(package: &str, name: &str, image: &str, related: &[&str]) -> String {
    let related: Vec<_> = related.iter().map(|image| serde_json::json!({"name": "", "image": image})).collect();
    serde_json::json!({
        "schema": "olm.bundle", "package": package, "name": name, "image": image, "relatedImages": related,
    })
    .to_string()
}

#[test]
fn related_images() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let shared = format!("quay.io/acme/shared@{digest}");
    let text = [
        bundle("x", "x.v1", "quay.io/acme/x:1", &["quay.io/acme/x:1", &shared, &shared]),
        bundle("x", "x.v2", "quay.io/acme/x:2", &[&shared]),
        bundle("y", "y.v1", "", &["quay.io/acme/x:1"]),
    ]
    .concat();
    let found = Catalog::read([("x", text)]).unwrap().related_images();
    assert!(found.errors.is_empty());
    let lines: Vec<String> = found
        .images
        .iter()
        .map(|image| {
            let bundles: Vec<&str> = image.bundles.iter().map(|id| id.bundle.as_str()).collect();
            format!("{} {} {}", image.image, image.is_bundle, bundles.join(","))
        })
        .collect();
    let expected = [
        "quay.io/acme/x:1 true x.v1,y.v1".to_owned(),
        format!("{shared} false x.v1,x.v2"),
        "quay.io/acme/x:2 true x.v2".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn broken_related_images() {
    let check = |image: &str, expected: &str| {
        let catalog = Catalog::read([("x", bundle("x", "x.v1", "q.io/b:1", &[image, "q.io/ok:1"]))]).unwrap();
        let found = catalog.related_images();
        assert_eq!(found.images.len(), 2, "{image}");
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{image}");
        assert!(errors[0].starts_with("bundle x.v1 of operator x: "), "{}", errors[0]);
        assert!(errors[0].contains(expected), "{}", errors[0]);
    };
    check("", "error parsing image : ");
    check(
        "quay.io/acme/x",
        "error parsing image quay.io/acme/x: quay.io/acme/x unable to parse image correctly: tag and digest are empty",
    );
    check("quay.io/acme/x@sha256:12", "error parsing image quay.io/acme/x@sha256:12: ");
    check("oci:///tmp/x", "invalid image: oci:///tmp/x 'oci' is not supported in operator catalogs");
}

#[test]
fn lists() {
    let mut text = catalog_json(A);
    text.push_str(
        r#"{"schema":"olm.bundle","package":"pear","name":"pear.v9","properties":[
        {"type":"olm.package","value":{"packageName":"pear","version":"9.0.0"}},
        {"type":"olm.csv.metadata","value":{"displayName":"The Pear"}}]}"#,
    );
    text.push_str(&catalog_json("package x default=c\n b: 1.0.0 | 2.0.0\n a: 1.0.0"));
    let catalog = Catalog::read([("x", text)]).unwrap();
    let packages = listing::packages(&catalog);
    let rows: Vec<String> =
        packages.iter().map(|row| format!("{}|{}|{}", row.name, row.display_name, row.default_channel)).collect();
    assert_eq!(rows, ["apple||stable", "pear|The Pear|main", "x||c"]);
    let channels = |package: &str| {
        let row = packages.iter().find(|row| row.name == package).unwrap();
        let shown = |channel: &listing::ChannelRow| match &channel.head {
            Ok(head) => format!("{} {head} {}", channel.name, channel.versions.join(",")),
            Err(faults) => format!("{} ERROR: {}", channel.name, faults[0]),
        };
        row.channels.iter().map(shown).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(channels("apple"), "fast apple.v2.1.0 2.0.0,2.1.0; stable apple.v2.0.0 1.0.0,1.1.0,1.2.0,2.0.0");
    assert_eq!(channels("x"), "a 1.0.0 1.0.0; b ERROR: multiple channel heads found: [1.0.0 2.0.0]");
}

#[test]
fn requirements() {
    let bundle = |package: &str, version: &str, properties: serde_json::Value| {
        let mut all =
            vec![serde_json::json!({"type": "olm.package", "value": {"packageName": package, "version": version}})];
        all.extend(properties.as_array().unwrap().iter().cloned());
        let bundle = serde_json::json!({
            "schema": "olm.bundle", "package": package, "name": format!("{package}.v{version}"),
            "image": format!("q.io/{package}:{version}"), "properties": all,
        });
        let name = format!("{package}.v{version}");
        let rest = catalog_json(&format!("package {package} default=c\n c: {name}\n-{name}"));
        format!("{bundle}{rest}")
    };
    let gvk = serde_json::json!({"group": "g.io", "kind": "Thing", "version": "v1"});
    let text = [
        bundle(
            "needy",
            "1.0.0",
            serde_json::json!([
                {"type": "olm.package.required", "value": {"packageName": "base", "versionRange": ">=1.0.0 <2.0.0"}},
                {"type": "olm.package.required", "value": {"packageName": "elsewhere", "versionRange": ">=1.0.0"}},
                {"type": "olm.gvk.required", "value": gvk},
                {"type": "olm.constraint", "value": {"failureMessage": "m", "any": {"constraints": [
                    {"gvk": {"group": "no", "kind": "No", "version": "v1"}}, {"gvk": gvk}]}}},
            ]),
        ),
        bundle("base", "1.5.0", serde_json::json!([])),
        bundle("maker", "1.0.0", serde_json::json!([{"type": "olm.gvk", "value": gvk}])),
        bundle("other-maker", "1.0.0", serde_json::json!([{"type": "olm.gvk", "value": gvk}])),
    ]
    .concat();
    let catalog = Catalog::read([("x", text)]).unwrap();
    let yaml = |wanted: &str| {
        let selected = select(&catalog, &request(wanted), RuleSet::VersionRange).unwrap();
        selected.report.missing_as_yaml().unwrap_or_default()
    };
    insta::assert_snapshot!(yaml("needy"), @r##"
    packages:
    # package base >=1.0.0 <2.0.0, required by needy/needy.v1.0.0
    - name: base
    # package elsewhere >=1.0.0, required by needy/needy.v1.0.0
    # nothing in this catalog provides it
    # API Thing of g.io/v1, required by needy/needy.v1.0.0
    # or one of: other-maker
    - name: maker
    "##);
    insta::assert_snapshot!(yaml("needy; base; maker"), @r##"
    packages:
    # package elsewhere >=1.0.0, required by needy/needy.v1.0.0
    # nothing in this catalog provides it
    "##);
    assert_eq!(yaml("base; maker"), "");
}

/// Two thousand entries that skip a hundred names each: a walk that followed skips would not come back.
#[test]
fn a_generated_large_catalog_is_walked_once() {
    let mut entries = Vec::new();
    for index in 0..2_000_u32 {
        let replaces = if index == 0 { String::new() } else { format!(">v1.{}.0", index - 1) };
        let skips: Vec<String> = (index.saturating_sub(100)..index).map(|skipped| format!("v1.{skipped}.0")).collect();
        let skips = if skips.is_empty() { String::new() } else { format!("!{}", skips.join(",")) };
        entries.push(format!("v1.{index}.0{replaces}{skips}"));
    }
    let catalog = catalog(&format!("package x default=c\n c: {}", entries.join(" | ")));
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        let selected = select(&catalog, &request("x >=1.100.0 <=1.1500.0"), rules).unwrap();
        assert!(selected.catalog.bundles.len() >= 1_401);
        assert!(selected.report.violations.is_empty());
        assert_eq!(select(&catalog, &request("x"), rules).unwrap().catalog.bundles.len(), 1);
    }
}

#[test]
fn snapshots() {
    let snapshot = |catalog: &Catalog| {
        let mut bytes = Vec::new();
        catalog.write_snapshot(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let check = |files: &[(&str, &str)]| {
        let catalog = Catalog::read(files.iter().copied()).unwrap();
        let text = snapshot(&catalog);
        let again = Catalog::from_snapshot(&text).unwrap();
        assert_eq!(format!("{again:?}"), format!("{catalog:?}"));
        assert_eq!(snapshot(&again), text);
        // Whatever is cut off is seen, except behind a document.
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let part = Catalog::from_snapshot(&text[..at]);
            assert!(part.is_none_or(|part| snapshot(&part) == text[..at]), "cut off at {at}");
        }
    };
    check(&[]);
    check(&[("a/c.json", &catalog_json(A))]);
    check(&[
        (
            "päckage/\"quoted\".yaml",
            "---\n# first\nschema: olm.package\nname: ä\n---\nschema: my.schema\ntext: |\n  a\n\n  b\n",
        ),
        ("b.json", "{\"schema\": \"other\",\n \"n\": 1.50,\n \"n\": 12345678901234567890}\n"),
    ]);
    let other = |text: &str| assert!(Catalog::from_snapshot(text).is_none(), "{text}");
    other("");
    other("fbc-catalog snapshot 0\n");
    for line in
        ["[\"a\",1,1,2]\n{}", "[\"a\",1,1,9]\n{}\n", "[\"a\",1,1]\n{}\n", "[\"a\",1,1,2]\n{]\n", "[\"a\",1,1,2]\n{}\n"]
    {
        other(&format!("fbc-catalog snapshot 1\n{line}"));
    }
}
