//! Packages and APIs that selected bundles require of others, as far as the selection lacks them.
//!
//! Nothing is added on its own: the published rule is that the configuration is taken at its word.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::Value;

use super::view::PackageView;
use crate::catalog::{Bundle, Catalog};
use crate::graph::Graph;
use crate::range::Range;
use crate::version::Version;

/// Something that is required and not selected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingRequirement {
    /// What is required: a package with a version range, or an API.
    pub requirement: Requirement,
    /// The bundles that require it, as `package/bundle`, sorted.
    pub required_by: Vec<String>,
    /// The packages of the source catalog that would serve, sorted; empty when none does.
    pub providers: Vec<Provider>,
}

/// A package with a bundle that serves a requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider {
    /// The package.
    pub package: String,
    /// Where selecting the package alone is not enough: the channel and the version to ask for.
    pub pinned: Option<(String, String)>,
}

/// What a bundle can require.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Requirement {
    /// A bundle of a package, with a version in a range (`olm.package.required`).
    Package {
        /// The package.
        name: String,
        /// The range as written.
        range: String,
    },
    /// A bundle that provides an API (`olm.gvk.required`).
    Api {
        /// The group.
        group: String,
        /// The version.
        version: String,
        /// The kind.
        kind: String,
    },
}

/// A formula over requirements. CEL expressions are taken as met: judging them needs OLM.
enum Formula {
    Needs(Requirement),
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Met,
}

pub(crate) fn missing(source: &Catalog, selected: &Catalog) -> Vec<MissingRequirement> {
    let offered = Offers::new(selected);
    let available = Offers::new(source);
    let mut lacking: BTreeMap<Requirement, BTreeSet<String>> = BTreeMap::new();
    for bundle in &selected.bundles {
        let mut needs = Vec::new();
        for property in &bundle.properties {
            if let Some(formula) = formula(&property.kind, &property.value) {
                unmet(&formula, &offered, &available, &mut needs);
            }
        }
        for need in needs {
            lacking.entry(need).or_default().insert(format!("{}/{}", bundle.package, bundle.name));
        }
    }
    if lacking.is_empty() {
        return Vec::new();
    }
    let heads = Heads::of(source);
    let describe = |(requirement, required_by): (Requirement, BTreeSet<String>)| MissingRequirement {
        providers: available.providers(&requirement, &heads),
        requirement,
        required_by: required_by.into_iter().collect(),
    };
    lacking.into_iter().map(describe).collect()
}

/// Lines to paste below `packages:` of the catalog. What no package of the catalog provides becomes a comment.
pub(crate) fn as_yaml(missing: &[MissingRequirement]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let mut yaml = String::from("packages:\n");
    let mut written = BTreeSet::new();
    for item in missing {
        let what = match &item.requirement {
            Requirement::Package { name, range } => format!("package {name} {range}"),
            Requirement::Api { group, version, kind } => format!("API {kind} of {group}/{version}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(yaml, "# {what}, required by {}", item.required_by.join(", "));
        match item.providers.as_slice() {
            [] => yaml.push_str("# nothing in this catalog provides it\n"),
            [first, others @ ..] => {
                if !others.is_empty() {
                    let names: Vec<&str> = others.iter().map(|other| other.package.as_str()).collect();
                    let _ = writeln!(yaml, "# or one of: {}", names.join(", "));
                }
                if !written.insert(&first.package) {
                    let _ = writeln!(yaml, "# {} is listed above", first.package);
                    continue;
                }
                let _ = writeln!(yaml, "- name: {}", first.package);
                if let Some((channel, version)) = &first.pinned {
                    let _ = writeln!(yaml, "  defaultChannel: {channel:?}");
                    let _ = writeln!(yaml, "  channels:\n  - name: {channel:?}");
                    let _ = writeln!(yaml, "    minVersion: {version:?}\n    maxVersion: {version:?}");
                }
            }
        }
    }
    Some(yaml)
}

/// What the bundles of a catalog offer.
struct Offers<'a> {
    packages: HashMap<&'a str, Vec<&'a Bundle>>,
    apis: HashMap<Requirement, Vec<&'a Bundle>>,
    channels: HashMap<(&'a str, &'a str), &'a str>,
    /// What was asked before: thousands of bundles may require the same.
    served: RefCell<HashMap<Requirement, bool>>,
    /// The packages that were asked for, by version: thousands of bundles may require different versions of the same.
    by_version: RefCell<HashMap<&'a str, Rc<ByVersion<'a>>>>,
}

/// Bundles of one package, sorted by version, so that a range is looked up and not compared with each of them.
#[derive(Default)]
struct ByVersion<'a> {
    releases: Vec<(Version, &'a Bundle)>,
    pre_releases: Vec<(Version, &'a Bundle)>,
    /// The first bundle whose version cannot be read. It is taken to fit any range.
    unversioned: Option<&'a Bundle>,
}

impl<'a> ByVersion<'a> {
    fn new(bundles: impl IntoIterator<Item = &'a Bundle>) -> Self {
        let mut sorted = Self::default();
        for bundle in bundles {
            match bundle.version() {
                Ok(version) if version.pre.is_empty() => sorted.releases.push((version, bundle)),
                Ok(version) => sorted.pre_releases.push((version, bundle)),
                Err(_) => sorted.unversioned = sorted.unversioned.or(Some(bundle)),
            }
        }
        for list in [&mut sorted.releases, &mut sorted.pre_releases] {
            // Of several with one version, the first of the catalog stays.
            list.sort_by(|(a, _), (b, _)| a.cmp(b));
            list.dedup_by(|(a, _), (b, _)| a == b);
        }
        sorted
    }

    /// The best bundle in a range, or of all: a release is a better advice than a pre-release, a higher version than a lower
    /// one.
    fn best(&self, range: Option<&Range>) -> Option<&'a Bundle> {
        let last = |list: &[(Version, &'a Bundle)]| {
            let found = match range {
                Some(range) => range.last_in(list, |(version, _)| version),
                None => list.last(),
            };
            found.map(|(_, bundle)| *bundle)
        };
        last(&self.releases).or_else(|| last(&self.pre_releases)).or(self.unversioned)
    }
}

/// The heads of the default channels of a catalog: what a package alone selects.
struct Heads<'a> {
    names: BTreeSet<(&'a str, &'a str)>,
    by_version: HashMap<&'a str, ByVersion<'a>>,
}

impl<'a> Heads<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let names = heads_of_default_channels(catalog);
        let mut bundles: HashMap<&str, Vec<&Bundle>> = HashMap::new();
        for bundle in &catalog.bundles {
            if names.contains(&(bundle.package.as_str(), bundle.name.as_str())) {
                bundles.entry(&bundle.package).or_default().push(bundle);
            }
        }
        let by_version = bundles.into_iter().map(|(package, bundles)| (package, ByVersion::new(bundles))).collect();
        Self { names, by_version }
    }

    fn contains(&self, bundle: &Bundle) -> bool {
        self.names.contains(&(bundle.package.as_str(), bundle.name.as_str()))
    }
}

impl<'a> Offers<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let mut offers = Self {
            packages: HashMap::new(),
            apis: HashMap::new(),
            channels: HashMap::new(),
            served: RefCell::default(),
            by_version: RefCell::default(),
        };
        for bundle in &catalog.bundles {
            offers.packages.entry(&bundle.package).or_default().push(bundle);
            for property in bundle.properties.iter().filter(|property| property.kind == "olm.gvk") {
                if let Some(Formula::Needs(api)) = formula("olm.gvk.required", &property.value) {
                    offers.apis.entry(api).or_default().push(bundle);
                }
            }
        }
        for channel in &catalog.channels {
            for entry in &channel.entries {
                offers.channels.entry((&channel.package, &entry.name)).or_insert(&channel.name);
            }
        }
        offers
    }

    /// A package by version; `None` when the catalog does not have it.
    fn by_version(&self, package: &str) -> Option<Rc<ByVersion<'a>>> {
        let (name, bundles) = self.packages.get_key_value(package)?;
        let mut known = self.by_version.borrow_mut();
        Some(Rc::clone(known.entry(name).or_insert_with(|| Rc::new(ByVersion::new(bundles.iter().copied())))))
    }

    /// Whether a bundle serves a requirement.
    fn serve(&self, requirement: &Requirement) -> bool {
        if let Some(known) = self.served.borrow().get(requirement) {
            return *known;
        }
        let served = match requirement {
            Requirement::Api { .. } => self.apis.contains_key(requirement),
            Requirement::Package { name, range } => {
                self.by_version(name).is_some_and(|bundles| bundles.best(range_of(range).as_ref()).is_some())
            }
        };
        self.served.borrow_mut().insert(requirement.clone(), served);
        served
    }

    /// The best bundle of each package that serves a requirement: the head of a default channel where it does, which needs
    /// no more than the package's name.
    fn providers(&self, requirement: &Requirement, heads: &Heads<'_>) -> Vec<Provider> {
        let mut best: BTreeMap<&str, &Bundle> = BTreeMap::new();
        match requirement {
            Requirement::Package { name, range } => {
                let range = range_of(range);
                let head = heads.by_version.get(name.as_str()).and_then(|heads| heads.best(range.as_ref()));
                let any = || self.by_version(name)?.best(range.as_ref());
                best.extend(head.or_else(any).map(|bundle| (bundle.package.as_str(), bundle)));
            }
            Requirement::Api { .. } => {
                let mut serving: BTreeMap<&str, Vec<&Bundle>> = BTreeMap::new();
                for bundle in self.apis.get(requirement).into_iter().flatten() {
                    serving.entry(&bundle.package).or_default().push(bundle);
                }
                for (package, bundles) in serving {
                    let head =
                        ByVersion::new(bundles.iter().copied().filter(|bundle| heads.contains(bundle))).best(None);
                    best.extend(head.or_else(|| ByVersion::new(bundles).best(None)).map(|bundle| (package, bundle)));
                }
            }
        }
        let provider = |bundle: &Bundle| {
            let channel = self.channels.get(&(bundle.package.as_str(), bundle.name.as_str()));
            let pinned = match (heads.contains(bundle), channel, bundle.version_text()) {
                (false, Some(channel), Ok(version)) => Some(((*channel).to_owned(), version)),
                _ => None,
            };
            Provider { package: bundle.package.clone(), pinned }
        };
        best.into_values().map(provider).collect()
    }
}

/// A range of versions. One that cannot be read is met by any version, rather than by none.
fn range_of(text: &str) -> Option<Range> {
    Range::parse(text).ok()
}

fn heads_of_default_channels(catalog: &Catalog) -> BTreeSet<(&str, &str)> {
    let views = PackageView::all(catalog);
    let mut heads = BTreeSet::new();
    for (name, view) in views {
        for (_, channel) in view.channels.iter().filter(|(_, channel)| channel.name == view.default_channel) {
            heads.extend(Graph::new(&channel.entries).heads().into_iter().map(|head| (name, head.name.as_str())));
        }
    }
    heads
}

/// What has to be added for a formula to hold; of alternatives the first that the source can serve, else the first.
fn unmet(formula: &Formula, offered: &Offers<'_>, available: &Offers<'_>, needs: &mut Vec<Requirement>) {
    match formula {
        Formula::Met => {}
        Formula::Needs(requirement) => {
            if !offered.serve(requirement) {
                needs.push(requirement.clone());
            }
        }
        Formula::All(parts) => parts.iter().for_each(|part| unmet(part, offered, available, needs)),
        Formula::Any(parts) => {
            let mut choice: Option<(bool, Vec<Requirement>)> = None;
            for part in parts {
                let mut needs_of_part = Vec::new();
                unmet(part, offered, available, &mut needs_of_part);
                if needs_of_part.is_empty() {
                    return;
                }
                let can_be_served = needs_of_part.iter().all(|need| available.serve(need));
                if choice.as_ref().is_none_or(|(served, _)| can_be_served && !served) {
                    choice = Some((can_be_served, needs_of_part));
                }
            }
            needs.extend(choice.into_iter().flat_map(|(_, needs)| needs));
        }
    }
}

fn formula(kind: &str, value: &str) -> Option<Formula> {
    if !matches!(kind, "olm.package.required" | "olm.gvk.required" | "olm.constraint") {
        return None;
    }
    let value: Value = serde_json::from_str(value).ok()?;
    match kind {
        "olm.package.required" => package_requirement(&value),
        "olm.gvk.required" => api_requirement(&value),
        _ => Some(constraint(&value)),
    }
}

fn constraint(value: &Value) -> Formula {
    let list = |name: &str| -> Option<Vec<Formula>> {
        Some(value.get(name)?.get("constraints")?.as_array()?.iter().map(constraint).collect())
    };
    let found = value
        .get("package")
        .and_then(package_requirement)
        .or_else(|| value.get("gvk").and_then(api_requirement))
        .or_else(|| list("all").map(Formula::All))
        .or_else(|| list("any").map(Formula::Any));
    // `none`, `not` and `cel` ask for nothing that could be added.
    found.unwrap_or(Formula::Met)
}

fn package_requirement(value: &Value) -> Option<Formula> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let range = text("versionRange").or(text("version")).unwrap_or_default();
    Some(Formula::Needs(Requirement::Package { name: text("packageName")?.to_owned(), range: range.to_owned() }))
}

fn api_requirement(value: &Value) -> Option<Formula> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    Some(Formula::Needs(Requirement::Api { group: text("group")?, version: text("version")?, kind: text("kind")? }))
}
