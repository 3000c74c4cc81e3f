//! OLM's model rules: what `opm serve` would refuse about a catalog (`docs/behaviour/operators-archive.md` 1.5).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use image_ref::ImageRef;

use crate::catalog::{Bundle, Catalog};
use crate::graph::{Graph, GraphFault};
use crate::range::Range;

/// One broken rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The package, empty when the blob names none.
    pub package: String,
    /// The channel, when the rule is about one.
    pub channel: Option<String>,
    /// The entry or bundle, when the rule is about one.
    pub entry: Option<String>,
    /// The rule.
    pub rule: Rule,
    /// What exactly is wrong.
    pub detail: String,
}

/// The rules of OLM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A package has a name that is a DNS-1123 label.
    PackageName,
    /// A package is defined once.
    PackageUnique,
    /// A package that is mentioned is defined.
    PackageExists,
    /// A package has a default channel among its channels.
    DefaultChannel,
    /// A package has at least one channel.
    HasChannels,
    /// No two bundles of a package have the same version.
    VersionUnique,
    /// A channel has a name.
    ChannelName,
    /// A channel is defined once.
    ChannelUnique,
    /// A channel has one head, no cycle, and nothing stranded.
    ChannelGraph,
    /// An entry has a bundle.
    EntryBundle,
    /// A bundle is defined once.
    BundleUnique,
    /// A bundle is listed in a channel.
    BundleListed,
    /// A bundle has one `olm.package` property, which names its package.
    PackageProperty,
    /// A bundle's version is semantic.
    BundleVersion,
    /// A bundle has an image or carries its objects.
    BundleImage,
    /// Images are references.
    ImageReference,
    /// Skips are names.
    Skips,
    /// A `skipRange` is a range.
    SkipRange,
    /// A package has one deprecations blob, about things that exist, each once and with a message.
    Deprecations,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "package \"{}\"", self.package)?;
        if let Some(channel) = &self.channel {
            write!(f, " channel \"{channel}\"")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, " bundle \"{entry}\"")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// Checks all rules. The answer is sorted and empty for a catalog OLM loads.
pub fn validate(catalog: &Catalog) -> Vec<Violation> {
    let mut checker = Checker { catalog, violations: Vec::new() };
    checker.packages();
    checker.channels();
    checker.bundles();
    checker.deprecations();
    checker.violations.sort();
    checker.violations
}

struct Checker<'a> {
    catalog: &'a Catalog,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    fn report(
        &mut self,
        package: &str,
        channel: Option<&str>,
        entry: Option<&str>,
        rule: Rule,
        detail: impl Into<String>,
    ) {
        self.violations.push(Violation {
            package: package.to_owned(),
            channel: channel.map(str::to_owned),
            entry: entry.map(str::to_owned),
            rule,
            detail: detail.into(),
        });
    }

    fn packages(&mut self) {
        let mut seen = HashSet::new();
        for package in &self.catalog.packages {
            if !is_dns_label(&package.name) {
                self.report(&package.name, None, None, Rule::PackageName, "the name must be a DNS-1123 label");
            }
            if !seen.insert(&package.name) {
                self.report(&package.name, None, None, Rule::PackageUnique, "the package is defined twice");
            }
        }
        let mut channels: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for channel in &self.catalog.channels {
            channels.entry(&channel.package).or_default().insert(&channel.name);
        }
        for package in &self.catalog.packages {
            match channels.get(package.name.as_str()) {
                None => self.report(&package.name, None, None, Rule::HasChannels, "the package has no channels"),
                Some(_) if package.default_channel.is_empty() => {
                    self.report(&package.name, None, None, Rule::DefaultChannel, "the default channel must be set");
                }
                Some(names) if !names.contains(package.default_channel.as_str()) => {
                    let detail = format!("the default channel \"{}\" does not exist", package.default_channel);
                    self.report(&package.name, None, None, Rule::DefaultChannel, detail);
                }
                Some(_) => {}
            }
        }
    }

    fn channels(&mut self) {
        let packages: HashSet<&str> = self.catalog.packages.iter().map(|package| package.name.as_str()).collect();
        let bundles: HashSet<(&str, &str)> =
            self.catalog.bundles.iter().map(|bundle| (bundle.package.as_str(), bundle.name.as_str())).collect();
        let mut seen = HashSet::new();
        for channel in &self.catalog.channels {
            let package = channel.package.as_str();
            let name = Some(channel.name.as_str());
            if channel.name.is_empty() {
                self.report(package, name, None, Rule::ChannelName, "the channel must have a name");
            }
            if !packages.contains(package) {
                self.report(package, name, None, Rule::PackageExists, "the package of the channel does not exist");
            }
            if !seen.insert((package, channel.name.as_str())) {
                self.report(package, name, None, Rule::ChannelUnique, "the channel is defined twice");
            }
            for fault in Graph::new(&channel.entries).faults() {
                let entry = match &fault {
                    GraphFault::Duplicate(entry)
                    | GraphFault::ReplacesItself(entry)
                    | GraphFault::SkipsItself(entry) => Some(entry.as_str()),
                    _ => None,
                };
                self.report(package, name, entry, Rule::ChannelGraph, fault.to_string());
            }
            for entry in &channel.entries {
                let at = Some(entry.name.as_str());
                if !bundles.contains(&(package, entry.name.as_str())) {
                    self.report(package, name, at, Rule::EntryBundle, "the entry has no bundle");
                }
                if entry.skips.iter().any(String::is_empty) {
                    self.report(package, name, at, Rule::Skips, "skips an empty name");
                }
                if let Some(range) = &entry.skip_range
                    && let Err(error) = Range::parse(range)
                {
                    self.report(package, name, at, Rule::SkipRange, format!("invalid skipRange: {error}"));
                }
            }
        }
    }

    fn bundles(&mut self) {
        let packages: HashSet<&str> = self.catalog.packages.iter().map(|package| package.name.as_str()).collect();
        let listed: HashSet<(&str, &str)> = self
            .catalog
            .channels
            .iter()
            .flat_map(|channel| channel.entries.iter().map(|entry| (channel.package.as_str(), entry.name.as_str())))
            .collect();
        let mut seen = HashSet::new();
        let mut versions: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for bundle in &self.catalog.bundles {
            let package = bundle.package.as_str();
            let name = Some(bundle.name.as_str());
            if !packages.contains(package) {
                self.report(package, None, name, Rule::PackageExists, "the package of the bundle does not exist");
            }
            if !seen.insert((package, bundle.name.as_str())) {
                self.report(package, None, name, Rule::BundleUnique, "the bundle is defined twice");
            }
            if !listed.contains(&(package, bundle.name.as_str())) {
                self.report(package, None, name, Rule::BundleListed, "the bundle is in no channel");
            }
            if bundle.image.is_empty() && !bundle.has_objects {
                self.report(package, None, name, Rule::BundleImage, "the bundle has neither an image nor objects");
            }
            for image in
                std::iter::once(&bundle.image).chain(bundle.related_images.iter().map(|related| &related.image))
            {
                if !image.is_empty()
                    && let Err(error) = ImageRef::parse_name(image)
                {
                    let detail = format!("`{image}` is no image reference: {error}");
                    self.report(package, None, name, Rule::ImageReference, detail);
                }
            }
            if let Some(version) = self.package_property(bundle) {
                versions.entry((package, version)).or_default().push(&bundle.name);
            }
        }
        for ((package, version), names) in versions {
            if names.len() > 1 {
                let detail = format!("version {version} belongs to several bundles: [{}]", names.join(" "));
                self.report(package, None, None, Rule::VersionUnique, detail);
            }
        }
    }

    /// Checks the `olm.package` property and gives the text by which OLM tells versions apart.
    fn package_property(&mut self, bundle: &Bundle) -> Option<String> {
        let (package, name) = (bundle.package.as_str(), Some(bundle.name.as_str()));
        let properties = match bundle.package_properties() {
            Ok(properties) => properties,
            Err(error) => {
                self.report(package, None, name, Rule::PackageProperty, error.to_string());
                return None;
            }
        };
        let [property] = properties.as_slice() else {
            let detail = format!("must have exactly one property `olm.package`, has {}", properties.len());
            self.report(package, None, name, Rule::PackageProperty, detail);
            return None;
        };
        if property.package != bundle.package {
            let detail = format!("its property `olm.package` names the package \"{}\"", property.package);
            self.report(package, None, name, Rule::PackageProperty, detail);
        }
        if let Err(error) = crate::version::parse_strict(&property.version) {
            self.report(package, None, name, Rule::BundleVersion, error.to_string());
        }
        let release =
            if property.release.is_empty() { String::new() } else { format!(" release {}", property.release) };
        Some(format!("{}{release}", property.version))
    }

    fn deprecations(&mut self) {
        let packages: HashSet<&str> = self.catalog.packages.iter().map(|package| package.name.as_str()).collect();
        let channels: HashSet<(&str, &str)> =
            self.catalog.channels.iter().map(|channel| (channel.package.as_str(), channel.name.as_str())).collect();
        let bundles: HashSet<(&str, &str)> =
            self.catalog.bundles.iter().map(|bundle| (bundle.package.as_str(), bundle.name.as_str())).collect();
        let mut seen = HashSet::new();
        for deprecations in &self.catalog.deprecations {
            let package = deprecations.package.as_str();
            let mut wrong = |detail: String| self.report(package, None, None, Rule::Deprecations, detail);
            if !packages.contains(package) {
                wrong("deprecations of a package that does not exist".into());
            }
            if !seen.insert(package) {
                wrong("the package has several deprecations blobs".into());
            }
            let mut references = HashSet::new();
            for entry in &deprecations.entries {
                let exists = match entry.schema.as_str() {
                    "olm.package" => entry.name.is_empty(),
                    "olm.channel" => channels.contains(&(package, entry.name.as_str())),
                    "olm.bundle" => bundles.contains(&(package, entry.name.as_str())),
                    _ => false,
                };
                if !exists {
                    wrong(format!("deprecation of {} \"{}\", which does not exist", entry.schema, entry.name));
                }
                if !references.insert((&entry.schema, &entry.name)) {
                    wrong(format!("{} \"{}\" is deprecated twice", entry.schema, entry.name));
                }
                if entry.message.is_empty() {
                    wrong(format!("deprecation of {} \"{}\" has no message", entry.schema, entry.name));
                }
            }
        }
    }
}

fn is_dns_label(name: &str) -> bool {
    const LONGEST: usize = 63;
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= LONGEST
        && bytes.first().is_some_and(|b| edge(*b))
        && bytes.last().is_some_and(|b| edge(*b))
        && bytes.iter().all(|b| edge(*b) || *b == b'-')
}
