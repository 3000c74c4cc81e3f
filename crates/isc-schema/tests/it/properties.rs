//! What holds for every text and every configuration.

use image_ref::{ImageRef, Platform};
use isc_schema::{
    AdditionalImage, BlockedImage, DeleteImageSetConfiguration, Document, Helm, HelmChart, HelmRepository,
    ImageSetConfiguration, Kind, Mirror, OperatorCatalog, Package, PackageChannel, PlatformConfig, ReleaseChannel,
    ReleaseType, Sample, SelectedBundle, Span, VersionBound, parse,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::fixtures::files;

/// Every diagnostic stands at a place of the text, nothing printed can move a cursor, and what was understood survives
/// writing.
fn check(text: &str) {
    for kind in [Kind::ImageSet, Kind::Delete] {
        let parsed = parse(text, kind);
        let lines = text.replace("\r\n", "\n");
        for finding in &parsed.diagnostics {
            let line = lines.split(['\n', '\r']).nth(finding.line as usize - 1).expect("the line exists");
            let columns = 1..=line.chars().count() + 1;
            assert!(columns.contains(&(finding.column as usize)), "{finding}\n{text:?}");
            assert!(finding.width >= 1);
        }
        assert!(parsed.config.is_some() || parsed.has_errors(), "{text:?}");
        let rendered = parsed.render("isc.yaml", text);
        assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'), "{rendered:?}");
        if let Some(config) = parsed.config {
            survives_writing(&config);
        }
    }
}

fn survives_writing(config: &Document) {
    let yaml = config.to_yaml();
    let again = parse(&yaml, config.kind());
    assert_eq!(again.config.as_ref(), Some(config), "{yaml}\n{}", again.render("", &yaml));
    assert_eq!(again.config.unwrap().to_yaml(), yaml);
}

/// One change of one line of a text.
#[derive(Debug, Clone)]
enum Edit {
    Remove(usize),
    Repeat(usize),
    Indent(usize, usize),
    Replace(usize, String),
    Cut(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        Just("- "),
        Just("  "),
        Just(": "),
        Just("null"),
        Just("[]"),
        Just("{}"),
        Just("*packages"),
        Just("&packages "),
        Just("<<: *index"),
        Just("4.18"),
        Just("yes"),
        Just("\""),
        Just("\t"),
        Just("---"),
        Just("!x "),
        Just("ü"),
        Just("name: x"),
        Just("mirror:"),
        Just("#"),
        Just("|"),
        Just("? "),
        Just("\r"),
    ];
    prop_oneof![
        any::<usize>().prop_map(Edit::Remove),
        any::<usize>().prop_map(Edit::Repeat),
        (any::<usize>(), 0..9usize).prop_map(|(line, indent)| Edit::Indent(line, indent)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Edit::Replace(at, piece.to_owned())),
        any::<usize>().prop_map(Edit::Cut),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for edit in edits {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let count = lines.len();
        match edit {
            Edit::Remove(at) => drop(lines.remove(at % count)),
            Edit::Repeat(at) => lines.insert(at % count, lines[at % count].clone()),
            Edit::Indent(at, indent) => {
                lines[at % count] = format!("{}{}", " ".repeat(*indent), lines[at % count].trim_start());
            }
            Edit::Replace(at, piece) => {
                let line = &lines[at % count];
                let start = line.char_indices().map(|(start, _)| start).nth(at / count % 20).unwrap_or(line.len());
                lines[at % count] =
                    format!("{}{piece}{}", &line[..start], line[start..].split_once(' ').map_or("", |(_, rest)| rest));
            }
            Edit::Cut(at) => {
                let end = text.char_indices().map(|(start, _)| start).nth(at % (text.len() + 1)).unwrap_or(text.len());
                lines = vec![text[..end].to_owned()];
            }
        }
        text = lines.join("\n");
    }
    text
}

/// Any text that is not empty, control characters and YAML's own characters included.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z][a-z0-9.-]{0,8}",
        1 => "[ -~]{1,8}",
        1 => prop_oneof![Just("yes"), Just("1.0"), Just("null"), Just("<<"), Just("~"), Just("0x1"), Just("- a"), Just("a: b")].prop_map(str::to_owned),
        1 => any::<String>(),
    ]
    .prop_filter("empty and blank names are absent names", |text| !text.trim().is_empty())
    .prop_filter("placeholders are no names", |text| !is_like_a_placeholder(text))
}

/// Whether a text has what marks placeholders, or is a version with a letter for a number.
fn is_like_a_placeholder(text: &str) -> bool {
    let is_open = |part: &str| matches!(part, "x" | "X" | "y" | "Y" | "z" | "Z" | "n" | "N" | "*");
    text.contains(['$', '{', '>']) || text.split('.').skip(1).any(is_open)
}

fn image() -> impl Strategy<Value = ImageRef> {
    (
        "(docker://)?[a-z]{1,3}\\.io(:[1-9][0-9]{0,3})?/[a-z]{1,4}(/[a-z]{1,4})?",
        "[a-z][a-z0-9.]{0,4}",
        option::of("[0-9a-f]{64}"),
    )
        .prop_map(|(name, tag, digest)| match digest {
            Some(digest) => format!("{name}@sha256:{digest}"),
            None => format!("{name}:{tag}"),
        })
        .prop_map(|text| ImageRef::parse(&text).unwrap())
}

fn platforms() -> impl Strategy<Value = Vec<Platform>> {
    vec(prop_oneof![Just(Platform::new("linux", "amd64")), Just(Platform::new("linux", "arm64"))], 0..3)
}

/// A range that is not empty.
fn bounds(strict: bool) -> impl Strategy<Value = (Option<VersionBound>, Option<VersionBound>)> {
    let number = 0..20u32;
    (option::of((number.clone(), number.clone())), option::of((number.clone(), number))).prop_map(move |(min, max)| {
        let bound = |major: u32, (minor, patch): (u32, u32)| {
            if strict || patch % 2 == 0 {
                VersionBound::strict(&format!("{major}.{minor}.{patch}")).unwrap()
            } else {
                VersionBound::lenient(&format!("v{major}.{minor}")).unwrap()
            }
        };
        (min.map(|min| bound(1, min)), max.map(|max| bound(2, max)))
    })
}

/// Makes the names of a list unique.
fn numbered<T>(items: &mut [T], name: impl Fn(&mut T) -> &mut String) {
    for (at, item) in items.iter_mut().enumerate() {
        name(item).push_str(&at.to_string());
    }
}

fn package() -> impl Strategy<Value = Package> {
    let channel = (name(), bounds(false)).prop_map(|(name, (min_version, max_version))| PackageChannel {
        name,
        min_version,
        max_version,
        span: Span::default(),
    });
    let bundles = vec(name().prop_map(|name| SelectedBundle { name, span: Span::default() }), 0..3);
    let selection = prop_oneof![
        vec(channel, 0..3).prop_map(|channels| (channels, Vec::new(), (None, None))),
        bundles.prop_map(|bundles| (Vec::new(), bundles, (None, None))),
        bounds(false).prop_map(|bounds| (Vec::new(), Vec::new(), bounds)),
    ];
    (name(), option::of(name()), selection).prop_map(
        |(name, default_channel, (mut channels, mut bundles, (min_version, max_version)))| {
            numbered(&mut channels, |channel| &mut channel.name);
            numbered(&mut bundles, |bundle| &mut bundle.name);
            Package { name, channels, default_channel, min_version, max_version, bundles, span: Span::default() }
        },
    )
}

fn operator() -> impl Strategy<Value = OperatorCatalog> {
    let target = (option::of("[a-z]{1,3}(/[a-z]{1,3})?"), option::of("[a-z0-9]{1,4}"), option::of(name()));
    (image(), option::of(vec(package(), 0..3)), target, any::<bool>(), platforms()).prop_map(
        |(catalog, packages, (target_catalog, target_tag, template), skip_dependencies, platforms)| {
            let packages = packages.map(|mut packages| {
                numbered(&mut packages, |package| &mut package.name);
                packages
            });
            OperatorCatalog {
                packages,
                target_catalog,
                target_tag,
                skip_dependencies,
                target_catalog_source_template: template,
                platforms,
                ..OperatorCatalog::new(catalog)
            }
        },
    )
}

fn platform() -> impl Strategy<Value = PlatformConfig> {
    let channel =
        (name(), any::<[bool; 3]>(), bounds(true)).prop_map(|(name, [okd, shortest_path, full], (min, max))| {
            let release_type = if okd { ReleaseType::Okd } else { ReleaseType::Ocp };
            ReleaseChannel {
                name,
                release_type,
                min_version: min,
                max_version: max,
                shortest_path,
                full,
                span: Span::default(),
            }
        });
    let architectures = vec(name(), 1..3);
    (any::<[bool; 2]>(), vec(channel, 0..3), architectures, platforms(), any::<bool>(), option::of(image())).prop_map(
        |([graph, kube_virt_container], mut channels, architectures, platforms, sparse, release)| {
            numbered(&mut channels, |channel| &mut channel.name);
            let (architectures, platforms) = if sparse { (Vec::new(), platforms) } else { (architectures, Vec::new()) };
            PlatformConfig {
                graph,
                channels,
                architectures,
                platforms,
                release,
                kube_virt_container,
                span: Span::default(),
            }
        },
    )
}

fn chart() -> impl Strategy<Value = HelmChart> {
    let files = vec(name(), 0..2);
    let values = option::of(values());
    (name(), option::of(name()), name(), vec(name(), 0..2), platforms(), values, files, any::<bool>()).prop_map(
        |(name, version, path, image_paths, platforms, values, values_files, hooks)| HelmChart {
            name,
            version,
            path: Some(path),
            image_paths,
            platforms,
            values,
            values_files,
            hooks,
            span: Span::default(),
        },
    )
}

fn values() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    use serde_json::Value as J;
    let leaf = prop_oneof![
        Just(J::Null),
        any::<bool>().prop_map(J::Bool),
        any::<i64>().prop_map(J::from),
        any::<f64>().prop_map(|number| serde_json::Number::from_f64(number).map_or(J::Null, J::Number)),
        prop_oneof![name(), Just(String::new()), Just("yes".into()), Just("1.0".into()), "\\PC{0,4}"]
            .prop_map(J::String),
    ];
    let key = || prop_oneof![name(), Just("y".to_owned()), Just("1".to_owned()), Just("a: b".to_owned())];
    let tree = leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(J::Array),
            vec((key(), inner), 0..3).prop_map(|entries| J::Object(entries.into_iter().collect())),
        ]
    });
    vec((name(), tree), 0..3).prop_map(|entries| entries.into_iter().collect())
}

fn mirror() -> impl Strategy<Value = Mirror> {
    let repository = (name(), option::of(vec(chart(), 0..2))).prop_map(|(name, charts)| {
        let url = "https://charts.example.com/".to_owned();
        HelmRepository { name, url, charts, span: Span::default() }
    });
    let additional = (image(), option::of("[a-z]{1,3}"), option::of("[0-9]{1,3}"), platforms()).prop_map(
        |(name, target_repo, target_tag, platforms)| AdditionalImage {
            target_repo,
            target_tag,
            platforms,
            ..AdditionalImage::new(name)
        },
    );
    let blocked = name().prop_map(|name| {
        let escaped: String = name.chars().flat_map(|c| ['[', '\\', c, ']']).filter(char::is_ascii_graphic).collect();
        BlockedImage::new(&escaped).or_else(|_| BlockedImage::new("x.*y$")).unwrap()
    });
    let sample = name().prop_map(|name| Sample { name, span: Span::default() });
    (
        platform(),
        option::of(operator()),
        vec(additional, 0..3),
        vec(repository, 0..2),
        vec(chart(), 0..2),
        vec(blocked, 0..3),
        vec(sample, 0..2),
    )
        .prop_map(|(platform, operator, additional_images, repositories, local, blocked_images, samples)| Mirror {
            platform,
            operators: operator.into_iter().collect(),
            additional_images,
            helm: Helm { repositories, local },
            blocked_images,
            samples,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_configuration_survives_writing(mirror in mirror(), archive_size_gib in option::of(1..9000u64)) {
        let configuration = ImageSetConfiguration { archive_size_gib, mirror };
        let mut delete = DeleteImageSetConfiguration::from_image_set(&configuration);
        survives_writing(&Document::ImageSet(configuration));
        if delete.delete.platform.architectures.is_empty() {
            // With channels, `amd64` would be filled in.
            delete.delete.platform.channels.clear();
        }
        survives_writing(&Document::Delete(delete));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn no_damaged_configuration_panics(at in any::<prop::sample::Index>(), edits in vec(edit(), 1..6)) {
        let mut texts = files("valid");
        texts.extend(files("invalid").into_iter().filter(|(name, _)| name != "alias-bomb"));
        check(&apply(&texts[at.index(texts.len())].1, &edits));
    }
}
