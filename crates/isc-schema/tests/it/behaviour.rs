//! `docs/behaviour/config-cli.md` 1.1, 1.2, 1.4 and 1.5, row by row.

use isc_schema::{Code, Document, Kind, Mirror, ReleaseType, Stage, parse};

/// What a file of kind `kind` says at its first error: code, stage and a part of the message.
#[track_caller]
fn refuse(kind: Kind, text: &str, code: Code, stage: Stage, message: &str) {
    let parsed = parse(text, kind);
    let found = parsed.errors().find(|error| error.code == code && error.message.contains(message));
    let error = found.unwrap_or_else(|| panic!("expected {code:?} `{message}`, found:\n{}", parsed.render("", text)));
    assert_eq!(error.stage, stage, "{error}");
    assert_eq!(parsed.config.is_none(), parsed.errors().any(|error| error.stage == Stage::Load));
    assert!(parsed.into_result().is_err());
}

#[track_caller]
fn accept(kind: Kind, text: &str) -> Document {
    let parsed = parse(text, kind);
    assert!(!parsed.has_errors(), "{}", parsed.render("", text));
    parsed.config.unwrap()
}

/// The content of an ImageSetConfiguration whose `mirror` section is `body`.
#[track_caller]
fn mirror(body: &str) -> Mirror {
    accept(Kind::ImageSet, &image_set(body)).content().clone()
}

fn image_set(body: &str) -> String {
    format!("kind: ImageSetConfiguration\nmirror:\n  {}\n", body.replace('\n', "\n  "))
}

fn delete(body: &str) -> String {
    format!("kind: DeleteImageSetConfiguration\ndelete:\n  {}\n", body.replace('\n', "\n  "))
}

/// The warnings about a file without errors, as code and message.
#[track_caller]
fn warnings(kind: Kind, text: &str) -> Vec<(Code, String)> {
    let parsed = parse(text, kind);
    assert!(!parsed.has_errors(), "{}", parsed.render("", text));
    parsed.diagnostics.into_iter().map(|warning| (warning.code, warning.message)).collect()
}

mod loading {
    use super::*;

    #[test]
    fn only_the_first_document_is_read() {
        let text = "kind: ImageSetConfiguration\nmirror: {}\n---\nkind: Nonsense\n: [\n";
        assert_eq!(warnings(Kind::ImageSet, text)[0].0, Code::Ignored);
        accept(Kind::ImageSet, "---\nkind: ImageSetConfiguration\nmirror:\n...\n");
    }

    #[test]
    fn booleans_are_those_of_yaml_1_1() {
        for (text, expected) in [
            ("true", true),
            ("yes", true),
            ("Yes", true),
            ("on", true),
            ("ON", true),
            ("y", true),
            ("false", false),
            ("no", false),
            ("off", false),
            ("N", false),
            ("", false),
            ("null", false),
            ("~", false),
            ("!!bool 'yes'", true),
        ] {
            assert_eq!(mirror(&format!("platform: {{graph: {text}}}")).platform.graph, expected, "{text}");
        }
        for text in ["'true'", "\"yes\"", "1", "0", "truth", "[true]", "!!str true"] {
            let text = image_set(&format!("platform: {{graph: {text}}}"));
            refuse(Kind::ImageSet, &text, Code::WrongType, Stage::Load, "expected true or false");
        }
    }

    #[test]
    fn duplicate_keys_at_any_level() {
        for text in [
            "kind: ImageSetConfiguration\nkind: ImageSetConfiguration\nmirror:\n",
            "kind: ImageSetConfiguration\nmirror: {helm: {}, helm: {}}\n",
            "kind: ImageSetConfiguration\nmirror: {additionalImages: [{name: 'a:1', name: 'a:1'}]}\n",
        ] {
            refuse(Kind::ImageSet, text, Code::DuplicateKey, Stage::Load, "already set in map");
        }
        let text = image_set("helm: {}\nHelm: {}");
        refuse(Kind::ImageSet, &text, Code::DuplicateKey, Stage::Load, "`helm` and `Helm` are the same field");
    }

    #[test]
    fn kind_is_exact() {
        let check = |kind, text, message| refuse(kind, text, Code::Kind, Stage::Load, message);
        check(Kind::ImageSet, "mirror:\n", "the configuration is missing `kind`");
        check(Kind::ImageSet, "Kind: ImageSetConfiguration\nmirror:\n", "the configuration is missing `kind`");
        check(Kind::ImageSet, "kind:\nmirror:\n", "cannot parse \"\" as \"ImageSetConfiguration\"");
        check(
            Kind::ImageSet,
            "kind: DeleteImageSetConfiguration\ndelete:\n",
            "cannot parse \"DeleteImageSetConfiguration\" as \"ImageSetConfiguration\"",
        );
        check(
            Kind::Delete,
            "kind: ImageSetConfiguration\nmirror:\n",
            "cannot parse \"ImageSetConfiguration\" as \"DeleteImageSetConfiguration\"",
        );
        check(Kind::ImageSet, "kind: imagesetconfiguration\nmirror:\n", "cannot parse \"imagesetconfiguration\"");
        refuse(
            Kind::ImageSet,
            "kind: 4\nmirror:\n",
            Code::WrongType,
            Stage::Load,
            "expected text, found the number `4`",
        );
        for text in ["", "\n", "# comment\n", "---\n", "null\n"] {
            check(Kind::ImageSet, text, "the configuration is empty: it is missing `kind`");
        }
    }

    #[test]
    fn stanzas() {
        let check = |kind, text, message| refuse(kind, text, Code::Stanza, Stage::Load, message);
        check(Kind::ImageSet, "kind: ImageSetConfiguration\n", "missing the `mirror` stanza");
        check(Kind::Delete, "kind: DeleteImageSetConfiguration\n", "missing the `delete` stanza");
        check(Kind::ImageSet, "kind: ImageSetConfiguration\nMirror:\n", "missing the `mirror` stanza");
        check(
            Kind::ImageSet,
            "kind: ImageSetConfiguration\nmirror:\ndelete:\n",
            "`delete:` is not allowed in ImageSetConfiguration",
        );
        check(
            Kind::Delete,
            "kind: DeleteImageSetConfiguration\nmirror:\n",
            "`mirror:` is not allowed in DeleteImageSetConfiguration",
        );
        accept(Kind::ImageSet, "kind: ImageSetConfiguration\nmirror:\n");
        accept(Kind::ImageSet, "kind: ImageSetConfiguration\nmirror: null\n");
        accept(Kind::Delete, "kind: DeleteImageSetConfiguration\ndelete: {}\n");
    }

    #[test]
    fn unknown_fields_at_any_depth() {
        for body in [
            "surprise: 1",
            "platform: {surprise: 1}",
            "platform: {channels: [{name: a, surprise: 1}]}",
            "platform: {platforms: [{os: linux, architecture: amd64, surprise: 1}]}",
            "operators: [{catalog: 'a:1', surprise: 1}]",
            "operators: [{catalog: 'a:1', packages: [{name: a, surprise: 1}]}]",
            "operators: [{catalog: 'a:1', packages: [{name: a, channels: [{name: a, surprise: 1}]}]}]",
            "operators: [{catalog: 'a:1', packages: [{name: a, bundles: [{name: a, surprise: 1}]}]}]",
            "additionalImages: [{name: 'a:1', surprise: 1}]",
            "helm: {surprise: 1}",
            "helm: {local: [{path: a, surprise: 1}]}",
            "helm: {repositories: [{name: a, url: 'https://a/', surprise: 1}]}",
            "helm: {repositories: [{name: a, url: 'https://a/', charts: [{name: a, surprise: 1}]}]}",
            "blockedImages: [{name: a, surprise: 1}]",
            "samples: [{name: a, surprise: 1}]",
        ] {
            let parsed = parse(&image_set(body), Kind::ImageSet);
            let errors: Vec<_> = parsed.errors().collect();
            assert_eq!(errors.len(), 1, "{body}");
            assert_eq!(errors[0].code, Code::UnknownField);
            assert!(errors[0].message.starts_with("unknown field \"surprise\""), "{}", errors[0]);
        }
        let top = "kind: ImageSetConfiguration\nmirror:\nsurprise: 1\n";
        refuse(Kind::ImageSet, top, Code::UnknownField, Stage::Load, "unknown field \"surprise\"");
        let blocked = delete("blockedImages: []");
        refuse(Kind::Delete, &blocked, Code::UnknownField, Stage::Load, "unknown field \"blockedImages\"");
        let size = "kind: DeleteImageSetConfiguration\narchiveSize: 4\ndelete:\n";
        refuse(Kind::Delete, size, Code::UnknownField, Stage::Load, "unknown field \"archiveSize\"");
    }

    #[test]
    fn storage_config_is_ignored_in_v1alpha2_only() {
        let file = |version: &str| {
            format!("kind: ImageSetConfiguration\n{version}storageConfig: {{local: {{path: a}}}}\nmirror:\n")
        };
        let found = warnings(Kind::ImageSet, &file("apiVersion: mirror.openshift.io/v1alpha2\n"));
        assert_eq!(found[0].0, Code::Ignored);
        for version in ["", "apiVersion: mirror.openshift.io/v2alpha1\n", "apiVersion: v1\n"] {
            let text = file(version);
            refuse(Kind::ImageSet, &text, Code::UnknownField, Stage::Load, "unknown field \"storageConfig\"");
        }
    }

    #[test]
    fn types_are_not_converted() {
        for (body, field, found) in [
            ("platform: {channels: [{name: a, minVersion: 4.18}]}", "minVersion", "the number `4.18`"),
            ("platform: {channels: [{name: 4.18}]}", "name", "the number `4.18`"),
            ("platform: {channels: [{name: on}]}", "name", "the boolean `on`"),
            ("operators: [{catalog: 'a:1', targetTag: 1}]", "targetTag", "the number `1`"),
            ("operators: [{catalog: 'a:1', packages: [{name: [a]}]}]", "name", "a list"),
            ("operators: [{catalog: 'a:1', packages: [{name: a, maxVersion: 2}]}]", "maxVersion", "the number `2`"),
            ("additionalImages: [{name: {a: b}}]", "name", "a mapping"),
            ("platform: {release: 4}", "release", "the number `4`"),
            ("platform: {architectures: [1]}", "architectures[0]", "the number `1`"),
        ] {
            let text = image_set(body);
            let message = format!("expected text, found {found}");
            refuse(Kind::ImageSet, &text, Code::WrongType, Stage::Load, &message);
            let parsed = parse(&text, Kind::ImageSet);
            assert!(parsed.errors().any(|error| error.path.ends_with(field)), "{body}");
        }
        // `4.18.1` is text without quotes.
        let config = mirror("platform: {channels: [{name: a, minVersion: 4.18.1}]}");
        assert_eq!(config.platform.channels[0].min_version.as_ref().unwrap().as_str(), "4.18.1");
    }

    #[test]
    fn names_below_the_top_level_in_any_case() {
        let config = mirror("OPERATORS: [{CATALOG: 'a:1', Packages: [{NAME: x, minversion: 1.0.0}]}]");
        assert_eq!(config.operators[0].packages()[0].min_version.as_ref().unwrap().as_str(), "1.0.0");
    }

    #[test]
    fn any_api_version_is_accepted() {
        for (line, warned) in [
            ("", false),
            ("apiVersion: mirror.openshift.io/v2alpha1\n", false),
            ("apiVersion: mirror.openshift.io/v1alpha2\n", false),
            ("apiVersion:\n", false),
            ("apiVersion: anything\n", true),
        ] {
            let text = format!("kind: ImageSetConfiguration\n{line}mirror:\n");
            assert_eq!(!warnings(Kind::ImageSet, &text).is_empty(), warned, "{line}");
            let written = accept(Kind::ImageSet, &text).to_yaml();
            assert!(written.starts_with("apiVersion: mirror.openshift.io/v2alpha1\n"), "{written}");
        }
        let number = "kind: ImageSetConfiguration\napiVersion: 2\nmirror:\n";
        refuse(Kind::ImageSet, number, Code::WrongType, Stage::Load, "expected text");
    }

    #[test]
    fn empty_lists_and_objects_are_fine() {
        let body = "platform: {channels: [], platforms: [], architectures: []}\noperators: []\nadditionalImages: []\n\
                    helm: {repositories: [], local: []}\nblockedImages: []\nsamples: []";
        assert_eq!(mirror(body), Mirror::default());
        assert_eq!(mirror("platform:\noperators:\nhelm: ~"), Mirror::default());
    }
}

mod fields {
    use super::*;

    #[test]
    fn archive_size() {
        for (value, expected) in
            [("8", Some(8)), ("4.0", Some(4)), ("1_000", Some(1000)), ("0", None), ("", None), ("0x10", Some(16))]
        {
            let text = format!("kind: ImageSetConfiguration\narchiveSize: {value}\nmirror:\n");
            let Document::ImageSet(config) = accept(Kind::ImageSet, &text) else { panic!("the other kind") };
            assert_eq!(config.archive_size_gib, expected, "{value}");
            assert_eq!(config.archive_size_bytes(), expected.unwrap_or(500) * 1024 * 1024 * 1024);
        }
        for (value, code) in [
            ("\"4\"", Code::WrongType),
            ("1.5", Code::WrongType),
            ("4GiB", Code::WrongType),
            ("true", Code::WrongType),
            ("[4]", Code::WrongType),
            (".inf", Code::WrongType),
            (".nan", Code::WrongType),
            ("-1", Code::InvalidValue),
            ("8589934592", Code::InvalidValue),
            ("1e18", Code::InvalidValue),
        ] {
            let text = format!("kind: ImageSetConfiguration\narchiveSize: {value}\nmirror:\n");
            refuse(Kind::ImageSet, &text, code, Stage::Load, "");
        }
    }

    #[test]
    fn effective_architectures() {
        for (body, expected) in [
            ("{}", vec!["amd64"]),
            ("{architectures: []}", vec!["amd64"]),
            ("{architectures: [arm64, multi]}", vec!["arm64", "multi"]),
            ("{platforms: [{os: linux, architecture: arm64}]}", vec!["multi"]),
        ] {
            assert_eq!(mirror(&format!("platform: {body}")).platform.release_architectures(), expected, "{body}");
        }
    }

    #[test]
    fn delete_fills_in_the_architecture() {
        for (body, expected) in [
            ("{channels: [{name: a}]}", vec!["amd64".to_owned()]),
            ("{channels: [{name: a}], architectures: [arm64]}", vec!["arm64".to_owned()]),
            ("{channels: []}", vec![]),
            ("{release: 'a/b:1'}", vec![]),
        ] {
            let config = accept(Kind::Delete, &delete(&format!("platform: {body}")));
            assert_eq!(config.content().platform.architectures, expected, "{body}");
        }
        // Platforms still win.
        let text = delete("platform: {channels: [{name: a}], platforms: [{os: linux, architecture: amd64}]}");
        assert_eq!(accept(Kind::Delete, &text).content().platform.release_architectures(), ["multi"]);
    }

    #[test]
    fn deprecated_architectures() {
        let deprecated = |body: &str| {
            let found = warnings(Kind::ImageSet, &image_set(body));
            found.contains(&(Code::Deprecated, "platform.architectures is deprecated".to_owned()))
        };
        assert!(deprecated("platform: {architectures: [amd64]}"));
        assert!(deprecated("platform: {architectures: [amd64], channels: [{name: a}]}"));
        assert!(!deprecated("platform: {architectures: [amd64], release: 'a/b:1'}"));
        assert!(!deprecated("platform: {architectures: []}"));
        assert!(!deprecated("platform: {channels: [{name: a}]}"));
    }

    #[test]
    fn release_types() {
        for (text, expected) in [("ocp", ReleaseType::Ocp), ("okd", ReleaseType::Okd), ("''", ReleaseType::Ocp)] {
            let config = mirror(&format!("platform: {{channels: [{{name: a, type: {text}}}]}}"));
            assert_eq!(config.platform.channels[0].release_type, expected);
        }
        for text in ["OCP", "openshift"] {
            let text = image_set(&format!("platform: {{channels: [{{name: a, type: {text}}}]}}"));
            refuse(Kind::ImageSet, &text, Code::InvalidValue, Stage::Load, "is no release type");
        }
    }

    #[test]
    fn blocked_images_in_both_forms() {
        let blocked =
            &mirror("blockedImages: [{name: 'debug-.*'}, docker.io/library/alpine, '^quay\\.io/x$']").blocked_images;
        assert!(blocked[0].is_match("quay.io/ns/a-debug-1:latest"));
        assert!(blocked[1].is_match("docker.io/library/alpine:3"));
        assert!(!blocked[2].is_match("quay.io/x:1"));
        assert_eq!(blocked[1].as_str(), "docker.io/library/alpine");
    }

    #[test]
    fn absent_and_empty_lists_that_differ() {
        let config =
            mirror("operators: [{catalog: 'a:1'}, {catalog: 'a:2', packages: []}, {catalog: 'a:3', packages: ~}]");
        let given: Vec<bool> = config.operators.iter().map(|operator| operator.packages.is_some()).collect();
        assert_eq!(given, [false, true, false]);
        let config =
            mirror("helm: {repositories: [{name: a, url: 'https://a/'}, {name: b, url: 'https://b/', charts: []}]}");
        let given: Vec<bool> = config.helm.repositories.iter().map(|repository| repository.charts.is_some()).collect();
        assert_eq!(given, [false, true]);
    }

    /// Values are what Helm reads from the same lines: YAML 1.1, anchors and merge keys followed.
    #[test]
    fn values_of_charts() {
        let config = mirror(
            "helm:\n  local:\n  - path: ./a\n    hooks: true\n    valuesFiles: [a.yaml, /b.yaml]\n    values:\n      \
             base: &base {on: yes, port: 0x10}\n      derived: {<<: *base, port: '80'}\n      1: [~, 1.5, 1e3, 2024-01-01]",
        );
        let chart = &config.helm.local[0];
        assert_eq!((chart.hooks, &chart.values_files[..]), (true, &["a.yaml".to_owned(), "/b.yaml".to_owned()][..]));
        let expected = serde_json::json!({
            "base": {"true": true, "port": 16},
            "derived": {"true": true, "port": "80"},
            "1": [null, 1.5, 1000.0, "2024-01-01"],
        });
        assert_eq!(serde_json::Value::Object(chart.values.clone().unwrap()), expected);
        let given =
            |values: &str| mirror(&format!("helm: {{local: [{{path: a{values}}}]}}")).helm.local[0].values.is_some();
        assert_eq!([given(""), given(", values: ~"), given(", values: {}")], [false, false, true]);
    }

    #[test]
    fn untagged_additional_images_are_latest() {
        let text = image_set("additionalImages: [{name: quay.io/ns/app}, {name: 'docker://host:5000/app'}]");
        assert_eq!(warnings(Kind::ImageSet, &text).len(), 2);
        let config = accept(Kind::ImageSet, &text);
        let images: Vec<&str> =
            config.content().additional_images.iter().map(|image| image.name.as_written()).collect();
        assert_eq!(images, ["quay.io/ns/app:latest", "host:5000/app:latest"]);
    }

    #[test]
    fn whole_catalogs() {
        for (body, expected) in [
            ("full: true", true),
            ("full: true, packages: []", true),
            ("full: true, packages: [{name: a}]", false),
            ("full: false", false),
        ] {
            let config = mirror(&format!("operators: [{{catalog: 'a:1', {body}}}]"));
            assert_eq!(config.operators[0].is_whole(), expected, "{body}");
        }
    }

    #[test]
    fn items_know_their_lines() {
        let text = "\
kind: ImageSetConfiguration
mirror:
  platform:
    channels:
    - name: stable-4.20
  operators:
  - catalog: registry.example.com/ops/index:v1
    packages:
    - name: widget
      channels:
      - name: fast
        maxVersion: 2.0.0
  additionalImages: [{name: 'quay.io/a:1'}, {name: 'quay.io/b:1'}]
  helm:
    local:
    - path: ./a
  blockedImages:
  - x
";
        let config = accept(Kind::ImageSet, text).content().clone();
        let package = &config.operators[0].packages()[0];
        let spans = [
            config.platform.channels[0].span,
            config.operators[0].span,
            package.span,
            package.channels[0].span,
            package.channels[0].max_version.as_ref().unwrap().span,
            config.additional_images[1].span,
            config.helm.local[0].span,
            config.blocked_images[0].span,
        ];
        let places: Vec<String> = spans.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["5:7", "7:5", "9:7", "11:9", "12:21", "13:45", "16:7", "18:5"]);
    }
}

mod validation {
    use super::*;

    /// Rules 1 to 3.
    #[test]
    fn catalogs() {
        for kind in [Kind::ImageSet, Kind::Delete] {
            let file = |body: &str| if kind == Kind::ImageSet { image_set(body) } else { delete(body) };
            let check = |body: &str, code, stage, message: &str| refuse(kind, &file(body), code, stage, message);
            check(
                "operators: [{catalog: quay.io/ns/index}]",
                Code::InvalidValue,
                Stage::Load,
                "tag and digest are empty",
            );
            check(
                "operators: [{catalog: 'quay.io/ns/index@sha256:1'}]",
                Code::InvalidValue,
                Stage::Load,
                "invalid digest",
            );
            check("operators: [{full: true}]", Code::MissingField, Stage::Load, "needs a `catalog`");
            check("operators: [{catalog: 'dir:///d'}]", Code::InvalidValue, Stage::Load, "catalogs are not supported");
            check("operators: [{catalog: 'quay.io/Ns/x:1'}]", Code::InvalidValue, Stage::Operators, "lower-case");
            for path in ["Upper/x", "/lead", "trail/", "a//b", "x:v1", "x@sha256:1", "a___b", "docker://x"] {
                let body = format!("operators: [{{catalog: 'a/b:1', targetCatalog: '{path}'}}]");
                let message = format!("invalid target path component \"{path}\"");
                check(&body, Code::InvalidValue, Stage::Load, &message);
            }
            check(
                "operators: [{catalog: 'q.io/a:1'}, {catalog: 'q.io/a:1'}]",
                Code::DuplicateEntry,
                Stage::Load,
                "catalog \"q.io/a:1\": duplicate found in configuration",
            );
            check(
                "operators: [{catalog: 'q.io/a:1', targetCatalog: x/y, targetTag: t}, {catalog: 'q.io/x/y:t'}]",
                Code::DuplicateEntry,
                Stage::Load,
                "catalog \"q.io/x/y:t\": duplicate found in configuration",
            );
            accept(kind, &file("operators: [{catalog: 'q.io/a:1'}, {catalog: 'q.io/a:1', targetTag: other}]"));
            accept(kind, &file("operators: [{catalog: 'q.io/a:1'}, {catalog: 'r.io/a:1'}, {catalog: 'oci:///a'}]"));
            accept(kind, &file("operators: [{catalog: 'q.io/a:1', targetCatalog: a.b/c_d/e__f/g--h}]"));
        }
    }

    /// Rules 4 to 7: of what is to be mirrored only.
    #[test]
    fn packages() {
        let duplicates = [
            ("packages: [{name: p}, {name: p, minVersion: 1.0.0}]", "catalog \"c:1\": duplicate package entry \"p\""),
            (
                "packages: [{name: p, channels: [{name: x}, {name: x}]}]",
                "catalog \"c:1\": operator \"p\": duplicate channel entry \"x\"",
            ),
            (
                "packages: [{name: p, minVersion: 1.0.0, channels: [{name: x, maxVersion: 2.0.0}]}]",
                "catalog \"c:1\": operator \"p\": mixing both filtering by minVersion/maxVersion and filtering by channel \
                 minVersion/maxVersion is not allowed",
            ),
        ];
        for (body, message) in duplicates {
            let body = format!("operators: [{{catalog: 'c:1', {body}}}]");
            let parsed = parse(&image_set(&body), Kind::ImageSet);
            let errors: Vec<_> = parsed.errors().map(|error| (error.stage, error.message.as_str())).collect();
            assert_eq!(errors, [(Stage::Load, message)]);
            assert_eq!(warnings(Kind::Delete, &delete(&body))[0].1, message);
        }
        for bound in ["minVersion", "maxVersion"] {
            for body in [
                format!("packages: [{{name: p, {bound}: abc}}]"),
                format!("packages: [{{name: p, channels: [{{name: x, {bound}: abc}}]}}]"),
            ] {
                let body = format!("operators: [{{catalog: 'c:1', {body}}}]");
                let message = format!("{bound} \"abc\" must respect semantic versioning notation");
                refuse(Kind::ImageSet, &image_set(&body), Code::InvalidValue, Stage::Load, &message);
                refuse(Kind::Delete, &delete(&body), Code::InvalidValue, Stage::Operators, &message);
            }
        }
        mirror("operators: [{catalog: 'c:1', packages: [{name: p}]}, {catalog: 'c:2', packages: [{name: p}]}]");
        mirror(
            "operators: [{catalog: 'c:1', packages: [{name: p, channels: [{name: x}]}, {name: q, channels: [{name: x}]}]}]",
        );
        mirror("operators: [{catalog: 'c:1', packages: [{name: p, minVersion: 1.0.0, channels: [{name: x}]}]}]");
    }

    /// A package that is listed twice with the same words does no harm, and counts once.
    #[test]
    fn a_repeated_package_counts_once() {
        for packages in [
            "packages: [{name: p}, {name: q}, {name: p}]",
            "packages: [{name: p, minVersion: 1.0.0}, {name: q}, {minVersion: 1.0.0, name: p}]",
        ] {
            for kind in [Kind::ImageSet, Kind::Delete] {
                let body = format!("operators: [{{catalog: 'c:1', {packages}}}]");
                let text = if kind == Kind::ImageSet { image_set(&body) } else { delete(&body) };
                let message = "catalog \"c:1\": duplicate package entry \"p\"".to_owned();
                assert_eq!(warnings(kind, &text), [(Code::DuplicateEntry, message)]);
                let document = accept(kind, &text);
                let names: Vec<&str> =
                    document.content().operators[0].packages().iter().map(|package| package.name.as_str()).collect();
                assert_eq!(names, ["p", "q"]);
            }
        }
    }

    /// Rule 8.
    #[test]
    fn release_channels() {
        for (kind, text) in [
            (Kind::ImageSet, image_set("platform: {channels: [{name: x}, {name: y}, {name: x}]}")),
            (Kind::Delete, delete("platform: {channels: [{name: x}, {name: y}, {name: x}]}")),
        ] {
            let message = "release channel \"x\": duplicate found in configuration";
            refuse(kind, &text, Code::DuplicateEntry, Stage::Load, message);
        }
    }

    /// Rule 9.
    #[test]
    fn blocked_images() {
        for pattern in ["a(b", "*x", "[z-a]", "a{2,1}", "(?=x)", "\\1"] {
            for body in [format!("blockedImages: ['{pattern}']"), format!("blockedImages: [{{name: '{pattern}'}}]")] {
                let message = "invalid regular expression";
                refuse(Kind::ImageSet, &image_set(&body), Code::InvalidValue, Stage::Load, message);
            }
        }
        // Too large when compiled.
        let text = image_set("blockedImages: ['((x{100}){100}){100}']");
        refuse(Kind::ImageSet, &text, Code::InvalidValue, Stage::Load, "invalid regular expression");
    }

    /// Rule 10.
    #[test]
    fn platforms_and_architectures() {
        let body = "platform: {architectures: [amd64], platforms: [{os: linux, architecture: amd64}]}";
        let message = "platform.platforms and platform.architectures cannot be used together";
        refuse(Kind::ImageSet, &image_set(body), Code::Conflict, Stage::Load, message);
        accept(Kind::Delete, &delete(body));
        mirror("platform: {architectures: [], platforms: [{os: linux, architecture: amd64}]}");
    }

    /// Published scenario 14, and the rules of the version that had it.
    #[test]
    fn selected_bundles() {
        let config =
            mirror("operators: [{catalog: 'c:1', packages: [{name: p, bundles: [{name: p.v1}, {name: p.v2}]}]}]");
        let bundles: Vec<&str> =
            config.operators[0].packages()[0].bundles.iter().map(|bundle| bundle.name.as_str()).collect();
        assert_eq!(bundles, ["p.v1", "p.v2"]);
        for body in ["minVersion: 1.0.0", "maxVersion: 1.0.0", "channels: [{name: x}]"] {
            let text = image_set(&format!(
                "operators: [{{catalog: 'c:1', packages: [{{name: p, bundles: [{{name: b}}], {body}}}]}}]"
            ));
            let message =
                "mixing both filtering by bundles and filtering by channels or minVersion/maxVersion is not allowed";
            refuse(Kind::ImageSet, &text, Code::Conflict, Stage::Load, message);
        }
        let text = image_set("operators: [{catalog: 'c:1', full: true, packages: [{name: p, bundles: [{name: b}]}]}]");
        refuse(Kind::ImageSet, &text, Code::Conflict, Stage::Operators, "cannot be mixed with selected bundles");
    }
}

/// Section 1.5: found while collecting by oc-mirror, at once here, under the stage that has the exit code.
mod late {
    use super::*;

    #[test]
    fn rows() {
        for (body, code, stage, message) in [
            (
                "additionalImages: [{name: 'q.io/a@sha256:1'}]",
                Code::InvalidValue,
                Stage::AdditionalImages,
                "invalid digest",
            ),
            ("additionalImages: [{name: 'q.io/a:b+c'}]", Code::InvalidValue, Stage::AdditionalImages, "is no tag"),
            ("additionalImages: [{name: 'q.io/A:1'}]", Code::InvalidValue, Stage::AdditionalImages, "lower-case"),
            (
                "additionalImages: [{name: 'https://q.io/a:1'}]",
                Code::InvalidValue,
                Stage::AdditionalImages,
                "no transport of images",
            ),
            ("additionalImages: [{targetRepo: a}]", Code::MissingField, Stage::AdditionalImages, "needs a `name`"),
            (
                "additionalImages: [{name: 'q.io/a:1', targetRepo: A/b}]",
                Code::InvalidValue,
                Stage::AdditionalImages,
                "invalid targetRepo A/b for image q.io/a:1",
            ),
            (
                "additionalImages: [{name: 'q.io/a:1', targetTag: a/b}]",
                Code::InvalidValue,
                Stage::AdditionalImages,
                "is no tag",
            ),
            (
                "additionalImages: [{name: 'q.io/a:1', platforms: [{os: linux}]}]",
                Code::MissingField,
                Stage::AdditionalImages,
                "invalid platform for q.io/a:1",
            ),
            (
                "operators: [{catalog: 'c:1', platforms: [{os: '', architecture: amd64}]}]",
                Code::MissingField,
                Stage::Operators,
                "invalid platform for catalog c:1",
            ),
            ("platform: {platforms: [{}]}", Code::MissingField, Stage::Release, "invalid platform for the release"),
            (
                "helm: {local: [{path: x, platforms: [{architecture: amd64}]}]}",
                Code::MissingField,
                Stage::Helm,
                "invalid platform for chart x",
            ),
            (
                "platform: {channels: [{name: x, minVersion: '4.18'}]}",
                Code::InvalidValue,
                Stage::Release,
                "is no release version",
            ),
            (
                "platform: {channels: [{name: x, maxVersion: v4.18.1}]}",
                Code::InvalidValue,
                Stage::Release,
                "is no release version",
            ),
            ("platform: {channels: [{minVersion: 4.18.1}]}", Code::MissingField, Stage::Release, "needs a `name`"),
            ("platform: {release: q.io/ocp/release}", Code::InvalidValue, Stage::Release, "tag and digest are empty"),
            (
                "platform: {channels: [{name: x, minVersion: 4.18.1, maxVersion: 4.18.0}]}",
                Code::EmptyRange,
                Stage::Release,
                "minVersion `4.18.1` is higher than maxVersion `4.18.0`",
            ),
            (
                "operators: [{catalog: 'c:1', packages: [{name: p, minVersion: 2.0.0, maxVersion: 1.0.0}]}]",
                Code::EmptyRange,
                Stage::Operators,
                "minVersion `2.0.0` is higher than maxVersion `1.0.0`",
            ),
            (
                "operators: [{catalog: 'c:1', packages: [{name: p, channels: [{name: x, minVersion: 2.0.0, maxVersion: 1.0.0}]}]}]",
                Code::EmptyRange,
                Stage::Operators,
                "channel \"x\": minVersion `2.0.0` is higher",
            ),
            (
                "operators: [{catalog: 'c:1', full: true, packages: [{name: p, minVersion: 1.0.0}]}]",
                Code::Conflict,
                Stage::Operators,
                "`full: true` cannot be mixed with minVersion/maxVersion",
            ),
            (
                "operators: [{catalog: 'c:1', full: true, packages: [{name: p, channels: [{name: x, maxVersion: 1.0.0}]}]}]",
                Code::Conflict,
                Stage::Operators,
                "`full: true` cannot be mixed with minVersion/maxVersion",
            ),
            ("operators: [{catalog: 'c:1', packages: [{}]}]", Code::MissingField, Stage::Operators, "needs a `name`"),
            (
                "operators: [{catalog: 'c:1', packages: [{name: p, channels: [{}]}]}]",
                Code::MissingField,
                Stage::Operators,
                "needs a `name`",
            ),
            ("helm: {repositories: [{name: a}]}", Code::MissingField, Stage::Helm, "needs a `url`"),
            ("helm: {repositories: [{name: a, url: charts}]}", Code::InvalidValue, Stage::Helm, "is no URL"),
            ("helm: {local: [{name: a}]}", Code::MissingField, Stage::Helm, "needs a `path`"),
            (
                "helm: {local: [{path: a, values: {a: {b: [.nan]}}}]}",
                Code::InvalidValue,
                Stage::Helm,
                "the number `.nan` cannot be a value of a chart",
            ),
            (
                "helm: {local: [{path: a, valuesFiles: ['']}]}",
                Code::InvalidValue,
                Stage::Helm,
                "the path of a file is empty",
            ),
        ] {
            refuse(Kind::ImageSet, &image_set(body), code, stage, message);
            refuse(Kind::Delete, &delete(body), code, stage, message);
        }
    }

    /// What is not wrong stays, for the one command that goes on with it.
    #[test]
    fn the_rest_is_kept() {
        let text = delete("additionalImages: [{name: 'q.io/a:1'}, {name: 'q.io/b:+'}, {name: 'q.io/c:1'}]");
        let parsed = parse(&text, Kind::Delete);
        let config = parsed.config.as_ref().unwrap();
        assert_eq!(config.content().additional_images.len(), 2);
        assert!(parsed.into_result().is_err());
    }

    #[test]
    fn prerelease_bounds_are_compared_as_versions() {
        mirror("platform: {channels: [{name: x, minVersion: 4.18.0-rc.1, maxVersion: 4.18.0}]}");
        mirror("operators: [{catalog: 'c:1', packages: [{name: p, minVersion: 1.0.0+b2, maxVersion: 1.0.0+b1}]}]");
        mirror("operators: [{catalog: 'c:1', packages: [{name: p, minVersion: '1', maxVersion: v1.0}]}]");
    }
}

/// So many mistakes that the answer has to end somewhere.
#[test]
fn the_answer_is_bounded() {
    let items = "\n- nonsense: 1".repeat(1000);
    let text = image_set(&format!("additionalImages:{items}"));
    let parsed = parse(&text, Kind::ImageSet);
    assert_eq!(parsed.diagnostics.len(), 201);
    assert_eq!(parsed.diagnostics.last().unwrap().code, Code::TooMany);
    assert!(parsed.has_errors());
    // A mistake that ends the program at once is not lost behind the limit.
    let items = "\n- {name: 'q.io/a:+'}".repeat(1000);
    let text = image_set(&format!("additionalImages:{items}\nsurprise: 1"));
    refuse(Kind::ImageSet, &text, Code::UnknownField, Stage::Load, "surprise");
}

#[test]
fn exit_bits_of_the_stages() {
    let stages = [Stage::Load, Stage::Release, Stage::Operators, Stage::AdditionalImages, Stage::Helm];
    assert_eq!(stages.map(Stage::exit_bit), [1, 2, 4, 8, 16]);
}

/// A lone carriage return ends a line of YAML, too: the places after it are right.
#[test]
fn lines_end_as_in_yaml() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("kind: ImageSetConfiguration{end}mirror:{end}  surprise: 1{end}");
        let parsed = parse(&text, Kind::ImageSet);
        let error = &parsed.diagnostics[0];
        assert_eq!((error.line, error.column), (3, 3), "{end:?}");
        assert!(parsed.render("", &text).contains("3 |   surprise: 1\n"), "{end:?}");
    }
}
