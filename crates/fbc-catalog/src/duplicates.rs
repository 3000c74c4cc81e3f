//! Documents that define the same thing: a package that stands in a JSON file and in a YAML file, for example. OLM refuses a
//! catalog that defines anything twice.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;

use serde_json::Value;

use crate::catalog::{Blob, Catalog, Origin};

/// A catalog in which equal documents stand once.
#[derive(Debug)]
pub(crate) struct Merged<'a> {
    pub(crate) catalog: Cow<'a, Catalog>,
    /// What is defined in several ways, in the order of the catalog.
    pub(crate) conflicts: Vec<Conflict>,
}

/// A package, channel, bundle or list of deprecations that two documents define, each in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The package.
    pub package: String,
    /// The schema of both documents.
    pub schema: &'static str,
    /// The channel or bundle; empty for the package itself and for its deprecations.
    pub name: String,
    /// Where the first document stands.
    pub first: Origin,
    /// Where the first document stands that says something else.
    pub second: Origin,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "package \"{}\": {}", self.package, self.schema)?;
        if !self.name.is_empty() {
            write!(f, " \"{}\"", self.name)?;
        }
        write!(
            f,
            " is defined in two documents that differ: {} and {}. OLM does not load such a package. Leave the package \
             out, or ask the maker of the catalog to remove one of the documents",
            self.first, self.second
        )
    }
}

/// Merges equal documents. Documents of other schemas may stand beside one another: of those only equal ones are merged.
pub(crate) fn merge(catalog: &Catalog) -> Merged<'_> {
    let packages = Kind::of(&catalog.packages, |package| (package.name.as_str(), ""), |package| &package.blob);
    let channels = Kind::of(
        &catalog.channels,
        |channel| (channel.package.as_str(), channel.name.as_str()),
        |channel| &channel.blob,
    );
    let bundles =
        Kind::of(&catalog.bundles, |bundle| (bundle.package.as_str(), bundle.name.as_str()), |bundle| &bundle.blob);
    let deprecations = Kind::of(&catalog.deprecations, |blob| (blob.package.as_str(), ""), |blob| &blob.blob);
    let others = Kind::of(&catalog.others, |other| (&other.package, (&other.schema, &other.name)), |other| &other.blob);
    let mut conflicts = Vec::new();
    for (schema, found) in [
        ("olm.package", &packages.differing),
        ("olm.channel", &channels.differing),
        ("olm.bundle", &bundles.differing),
        ("olm.deprecations", &deprecations.differing),
    ] {
        conflicts.extend(found.iter().map(|((package, name), first, second)| Conflict {
            package: (*package).to_owned(),
            schema,
            name: (*name).to_owned(),
            first: (*first).clone(),
            second: (*second).clone(),
        }));
    }
    let kinds = [&packages.repeated, &channels.repeated, &bundles.repeated, &deprecations.repeated, &others.repeated];
    if kinds.iter().all(|repeated| repeated.is_empty()) {
        return Merged { catalog: Cow::Borrowed(catalog), conflicts };
    }
    let merged = Catalog {
        packages: without(&catalog.packages, &packages.repeated),
        channels: without(&catalog.channels, &channels.repeated),
        bundles: without(&catalog.bundles, &bundles.repeated),
        deprecations: without(&catalog.deprecations, &deprecations.repeated),
        others: without(&catalog.others, &others.repeated),
    };
    Merged { catalog: Cow::Owned(merged), conflicts }
}

/// The documents of one kind.
struct Kind<'a, K> {
    /// Positions of documents that say what an earlier one says.
    repeated: HashSet<usize>,
    /// By what it defines: the first document, and the first that says something else.
    differing: Vec<(K, &'a Origin, &'a Origin)>,
}

impl<'a, K: Copy + Eq + Hash> Kind<'a, K> {
    fn of<T>(items: &'a [T], key: impl Fn(&'a T) -> K, blob: impl Fn(&'a T) -> &'a Blob) -> Self {
        let mut places: HashMap<K, Vec<usize>> = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            places.entry(key(item)).or_default().push(at);
        }
        let mut several: Vec<(K, Vec<usize>)> = places.into_iter().filter(|(_, places)| places.len() > 1).collect();
        several.sort_by_key(|(_, places)| places.first().copied());
        let mut kind = Self { repeated: HashSet::new(), differing: Vec::new() };
        for (key, places) in several {
            let mut known: HashSet<String> = HashSet::new();
            let mut first: Option<&Origin> = None;
            let mut is_told = false;
            for at in places {
                let Some(blob) = items.get(at).map(&blob) else { continue };
                if !known.insert(meaning(blob)) {
                    kind.repeated.insert(at);
                } else if let Some(first) = first {
                    if !std::mem::replace(&mut is_told, true) {
                        kind.differing.push((key, first, &blob.origin));
                    }
                } else {
                    first = Some(&blob.origin);
                }
            }
        }
        kind
    }
}

/// The document with sorted fields, and without those that are `null`: they are as good as absent.
fn meaning(blob: &Blob) -> String {
    let text = blob.text.get();
    serde_json::from_str(text).map(without_nulls).map_or_else(
        |_| text.to_owned(),
        |mut value| {
            value.sort_all_objects();
            value.to_string()
        },
    )
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn without<T: Clone>(items: &[T], repeated: &HashSet<usize>) -> Vec<T> {
    items.iter().enumerate().filter(|(at, _)| !repeated.contains(at)).map(|(_, item)| item.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a catalog of these documents, one letter each: its kind and how often it stands; and the conflicts.
    fn merged(files: &[(&str, &str)]) -> (String, Vec<String>) {
        let catalog = Catalog::read(files.iter().copied()).unwrap();
        let Merged { catalog, conflicts } = merge(&catalog);
        let left = format!(
            "p{} c{} b{} d{} o{}",
            catalog.packages.len(),
            catalog.channels.len(),
            catalog.bundles.len(),
            catalog.deprecations.len(),
            catalog.others.len()
        );
        let places = |conflict: Conflict| {
            let Conflict { package, schema, name, first, second } = conflict;
            format!("{schema} {package}/{name}: {first} and {second}")
        };
        (left, conflicts.into_iter().map(places).collect())
    }

    const PACKAGE: &str = r#"{"schema":"olm.package","name":"p","defaultChannel":"c"}"#;
    const CHANNEL: &str = r#"{"schema":"olm.channel","package":"p","name":"c","entries":[{"name":"b"}]}"#;
    const BUNDLE: &str = r#"{"schema":"olm.bundle","package":"p","name":"b","image":"q.io/b:1"}"#;
    const DEPRECATIONS: &str = r#"{"schema":"olm.deprecations","package":"p","entries":[]}"#;
    const OTHER: &str = r#"{"schema":"s","package":"p","x":1}"#;

    #[test]
    fn equal_documents_stand_once() {
        let check = |files: &[(&str, &str)]| {
            assert_eq!(merged(files), ("p1 c1 b1 d1 o1".to_owned(), Vec::new()), "{files:?}");
        };
        let all = [PACKAGE, CHANNEL, BUNDLE, DEPRECATIONS, OTHER].concat();
        check(&[("a.json", &all)]);
        check(&[("a.json", &all), ("b.json", &all)]);
        check(&[("a.json", &[all.as_str(); 3].concat())]);
        // The same as YAML, in another order of fields, with blanks, and with what is as good as absent.
        let yaml = "schema: olm.package\ndefaultChannel: c\nname: p\nicon: null\n---\n\
                    schema: olm.channel\nname: c\npackage: p\nentries:\n- replaces: null\n  name: b\n---\n\
                    image: q.io/b:1\nschema: olm.bundle\npackage: p\nname: b\n---\n\
                    schema: olm.deprecations\npackage: p\nentries: []\n---\nx: 1\nschema: s\npackage: p\n";
        check(&[("a.json", &all), ("b.yaml", yaml)]);
        check(&[("a.yaml", yaml), ("b.json", &all)]);
    }

    #[test]
    fn documents_that_differ_are_told() {
        let check = |documents: &[&str], left: &str, conflicts: &[&str]| {
            let found = merged(&[("a", &documents.join("\n"))]);
            assert_eq!(found, (left.to_owned(), conflicts.iter().map(|text| (*text).to_owned()).collect()));
        };
        let at = |what: &str| format!("{what}: a:1 (document 1) and a:2 (document 2)");
        let other = PACKAGE.replace("\"c\"", "\"d\"");
        check(&[PACKAGE, &other], "p2 c0 b0 d0 o0", &[&at("olm.package p/")]);
        check(&[CHANNEL, &CHANNEL.replace("\"b\"", "\"x\"")], "p0 c2 b0 d0 o0", &[&at("olm.channel p/c")]);
        check(&[BUNDLE, &BUNDLE.replace(":1", ":2")], "p0 c0 b2 d0 o0", &[&at("olm.bundle p/b")]);
        let entry = r#""entries":[{"reference":{"schema":"olm.package"},"message":"old"}]"#;
        check(
            &[DEPRECATIONS, &DEPRECATIONS.replace(r#""entries":[]"#, entry)],
            "p0 c0 b0 d2 o0",
            &[&at("olm.deprecations p/")],
        );
        // Nobody says that a document of another schema stands once.
        check(&[OTHER, &OTHER.replace(":1", ":2"), OTHER], "p0 c0 b0 d0 o2", &[]);
        // Of three, the equal ones are one, and the other is told once.
        let told = "olm.package p/: a:1 (document 1) and a:3 (document 3)";
        check(&[PACKAGE, PACKAGE, &other, &other], "p2 c0 b0 d0 o0", &[told]);
        // One name in two packages, and one in two kinds.
        check(&[BUNDLE, &BUNDLE.replace("\"p\"", "\"q\""), CHANNEL], "p0 c1 b2 d0 o0", &[]);
    }
}
