//! Fields of earlier versions of the format, and of other people's imagination, and what to write instead.
//!
//! Every answer is advice that works: what is printed here can be written into the file, and the file then means what its
//! writer meant. Where it would mean something else, the answer says so instead.

use crate::VersionBound;
use crate::fields::{Object, Shape};
use crate::yaml::{Entry, Node, Resolved, Scalar, Value, in_other_case};

/// What is said about a field that is not known any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What to do.
    pub(crate) help: String,
    /// The field that the value belongs to now, unchanged. Decoding it as that field finds the mistakes below it, too.
    pub(crate) now: Option<&'static str>,
}

impl Answer {
    #[expect(clippy::unnecessary_wraps, reason = "every arm of a lookup that may find nothing gives it")]
    fn say(help: impl Into<String>) -> Option<Self> {
        Some(Self { help: help.into(), now: None })
    }
}

/// Fields that are only called otherwise now.
const RENAMED: &[(&str, &str)] = &[
    ("ocp", "platform"),
    ("repos", "repositories"),
    ("startingVersion", "minVersion"),
    ("skipDeps", "skipDependencies"),
    ("selectedBundles", "bundles"),
    ("imagePath", "imagePaths"),
    ("images", "additionalImages"),
    ("image", "name"),
];

/// What to do about `entry` of `object`, a field that oc-mirror v1 or an earlier v2 knew. `siblings` are all entries of the
/// mapping.
pub(crate) fn former_field(entry: &Entry, object: &'static Object, siblings: &[Entry]) -> Option<Answer> {
    let name = entry.key.text.as_str();
    let has = |name: &str| in_other_case(siblings, name).is_some();
    if let Some((_, now)) = RENAMED.iter().find(|(former, _)| former.eq_ignore_ascii_case(name))
        && let Some(field) = object.field(now)
    {
        if has(now) {
            return Answer::say(format!("it is called `{now}` now, and `{now}` is there already: keep one of the two"));
        }
        return Some(Answer { help: format!("it is called `{now}` now"), now: Some(field.name) });
    }
    match name.to_ascii_lowercase().as_str() {
        "headsonly" => heads_only(entry, object, siblings),
        "startingbundle" | "minbundle" => starting_bundle(entry, object, has("minVersion")),
        "targetname" => target_name(entry, object, siblings),
        "originalref" => Answer::say("remove it: `catalog` alone says which catalog is read"),
        "version" | "versions" => versions(entry, object, siblings),
        "shortestpath" if is_of_operators(object) => Answer::say(
            "remove it: `shortestPath` is for release channels; for operators write `minVersion` and `maxVersion`",
        ),
        "skippruning" => Answer::say("remove it: mirroring deletes nothing; `oc-mirror delete` does"),
        _ => None,
    }
}

fn is_of_operators(object: &Object) -> bool {
    matches!(object.name, "OperatorCatalog" | "Package" | "PackageChannel")
}

/// `headsOnly: true` is the default; `false` is `full: true` where nothing else bounds the selection.
fn heads_only(entry: &Entry, object: &Object, siblings: &[Entry]) -> Option<Answer> {
    let off = matches!(&entry.value.value, Value::Scalar(Scalar { resolved: Resolved::Bool(false), .. }));
    let full = in_other_case(siblings, "full").is_some();
    if !off {
        return Answer::say(if is_of_operators(object) {
            "remove it: heads are the default now, but of the default channel of each package only; list `channels` for more"
        } else {
            "remove it: the newest release of the channel is the default"
        });
    }
    if full {
        return Answer::say("remove it: `full` says whether every version is taken");
    }
    if siblings.iter().any(|sibling| is_bounded(&sibling.value)) {
        return Answer::say("remove it: the versions or bundles listed with it say what is mirrored");
    }
    match object.field("full") {
        Some(_) => Answer::say(
            "write `full: true`: it mirrors every version; without it, only the head of each default channel is mirrored",
        ),
        None => Answer::say("remove it: for every version of every package, write `full: true` in the catalog"),
    }
}

/// Whether something in the tree selects by version or bundle.
fn is_bounded(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(_) => false,
        Value::Sequence(items) => items.iter().any(is_bounded),
        Value::Mapping(entries) => entries.iter().any(|entry| {
            let name = entry.key.text.to_ascii_lowercase();
            let bounds = [
                "minversion",
                "maxversion",
                "startingversion",
                "startingbundle",
                "minbundle",
                "bundles",
                "selectedbundles",
            ];
            (bounds.contains(&name.as_str()) && !entry.value.is_null()) || is_bounded(&entry.value)
        }),
    }
}

/// `startingBundle: widget.v1.2.3` is `minVersion: 1.2.3`.
fn starting_bundle(entry: &Entry, object: &Object, has_min_version: bool) -> Option<Answer> {
    object.field("minVersion")?;
    if has_min_version {
        return Answer::say("remove it: `minVersion` says where to begin");
    }
    match entry.value.as_text().and_then(version_of_bundle) {
        Some(version) => Answer::say(format!("write `minVersion: {version}`")),
        None => Answer::say("write `minVersion` and the version of that bundle"),
    }
}

/// The version at the end of the name of a bundle: `widget.v1.2.3`, `widget-operator.5.2.3-31`.
fn version_of_bundle(name: &str) -> Option<&str> {
    name.match_indices('.')
        .filter_map(|(at, _)| name.get(at + 1..))
        .map(|version| version.strip_prefix('v').unwrap_or(version))
        .find(|version| version.split('.').count() >= 3 && VersionBound::lenient(version).is_ok())
}

/// `targetName` replaced the last element of the catalog's path; `targetCatalog` is the whole path.
fn target_name(entry: &Entry, object: &Object, siblings: &[Entry]) -> Option<Answer> {
    object.field("targetCatalog")?;
    if in_other_case(siblings, "targetCatalog").is_some() {
        return Answer::say("remove it: `targetCatalog` is the whole path at the destination");
    }
    let Some(name) = entry.value.as_text().filter(|name| image_ref::is_valid_path(name)) else {
        return Answer::say("write `targetCatalog` and the whole path at the destination, like `team/index`");
    };
    let catalog = in_other_case(siblings, "catalog");
    let image =
        catalog.and_then(|catalog| catalog.value.as_text()).and_then(|text| image_ref::ImageRef::parse(text).ok());
    let namespace = image.filter(|image| *image.transport() == image_ref::Transport::Docker).and_then(|image| {
        let repository = image.repository().ok()?;
        repository.path().rsplit_once('/').map(|(namespace, _)| namespace.to_owned())
    });
    Answer::say(match namespace {
        Some(namespace) => format!("write `targetCatalog: {namespace}/{name}`"),
        None => format!("write `targetCatalog: {name}`"),
    })
}

/// One version, or a list of versions, where bounds are expected.
fn versions(entry: &Entry, object: &'static Object, siblings: &[Entry]) -> Option<Answer> {
    let field = object.field("minVersion")?;
    let has = |name: &str| in_other_case(siblings, name).is_some();
    if has("minVersion") || has("maxVersion") {
        return Answer::say("remove it: `minVersion` and `maxVersion` say what is taken");
    }
    let strict = matches!(field.shape, Shape::Text(crate::fields::Format::ReleaseVersion));
    let parse = |text: &str| if strict { VersionBound::strict(text) } else { VersionBound::lenient(text) };
    let mut bounds: Vec<VersionBound> = match &entry.value.value {
        Value::Scalar(scalar) => parse(&scalar.text).into_iter().collect(),
        Value::Sequence(items) => items.iter().filter_map(Node::as_text).filter_map(|text| parse(text).ok()).collect(),
        Value::Mapping(_) => Vec::new(),
    };
    bounds.sort_by(|one, two| one.version().cmp_precedence(two.version()));
    match &bounds[..] {
        [] if strict => Answer::say(
            "the name of the channel says the minor version, like `stable-4.20`; `minVersion` and `maxVersion` say the \
             releases, like `4.20.1`",
        ),
        [] => Answer::say("write `minVersion` and `maxVersion`"),
        [one] => Answer::say(format!("write `minVersion: {one}` and `maxVersion: {one}`")),
        [first, .., last] => Answer::say(format!(
            "write `minVersion: {first}` and `maxVersion: {last}`: every version between them is taken, too"
        )),
    }
}

/// What the parts of a Kubernetes object mean at the top of a file: why each of them is not needed.
pub(crate) fn wrapper(name: &str) -> Option<&'static str> {
    matches!(name, "metadata" | "status").then_some("the configuration is a file of oc-mirror, not a Kubernetes object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_bundles() {
        for (name, version) in [
            ("widget.v1.2.3", Some("1.2.3")),
            ("widget-operator.5.2.3-31", Some("5.2.3-31")),
            ("widget.v2.0.0-rc.1", Some("2.0.0-rc.1")),
            ("acm.app.v0.1.0", Some("0.1.0")),
            ("widget.v1", None),
            ("widget", None),
        ] {
            assert_eq!(version_of_bundle(name), version, "{name}");
        }
    }
}
