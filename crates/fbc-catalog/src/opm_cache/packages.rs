//! `packages.json`: packages, channels, and the edges between bundles.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::OpmCacheError;
use super::canonical::{self, BrokenValue, field};
use crate::catalog::{Bundle, Catalog, Channel};
use crate::graph::Graph;

/// What is known of all packages.
pub(super) struct Index<'a> {
    /// The text of the file.
    pub(super) text: String,
    /// By name.
    pub(super) packages: HashMap<&'a str, About>,
    deprecations: HashMap<(&'a str, &'a str, &'a str), &'a str>,
}

/// What a package says of itself.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) description: String,
    pub(super) icon: Option<Icon>,
}

#[derive(Debug, Serialize)]
pub(super) struct Icon {
    /// Base64; none when the package names an icon without data.
    #[serde(rename = "base64data")]
    pub(super) data: Option<String>,
    #[serde(rename = "mediatype")]
    pub(super) media_type: String,
}

#[derive(Serialize)]
struct CachedPackage<'a> {
    name: &'a str,
    description: &'a str,
    icon: Option<&'a Icon>,
    #[serde(rename = "defaultChannel")]
    default_channel: &'a str,
    #[serde(rename = "Channels")]
    channels: BTreeMap<&'a str, CachedChannel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Deprecation<'a>>,
}

#[derive(Serialize)]
struct CachedChannel<'a> {
    #[serde(rename = "Name")]
    name: &'a str,
    #[serde(rename = "Head")]
    head: &'a str,
    #[serde(rename = "Bundles")]
    bundles: BTreeMap<&'a str, CachedBundle<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Deprecation<'a>>,
}

#[derive(Serialize)]
struct CachedBundle<'a> {
    package: &'a str,
    channel: &'a str,
    name: &'a str,
    replaces: &'a str,
    skips: Option<&'a [String]>,
}

/// The message that goes with something deprecated.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Deprecation<'a> {
    pub(super) message: &'a str,
}

impl Index<'_> {
    pub(super) fn deprecation_of(&self, bundle: &Bundle) -> Option<Deprecation<'_>> {
        let key = (bundle.package.as_str(), "olm.bundle", bundle.name.as_str());
        self.deprecations.get(&key).map(|message| Deprecation { message })
    }
}

pub(super) fn index(catalog: &Catalog) -> Result<Index<'_>, OpmCacheError> {
    let deprecations: HashMap<(&str, &str, &str), &str> = catalog
        .deprecations
        .iter()
        .flat_map(|of| of.entries.iter().map(|entry| ((of.package.as_str(), entry), entry.message.as_str())))
        .map(|((package, entry), message)| ((package, entry.schema.as_str(), entry.name.as_str()), message))
        .collect();
    let deprecation = |package: &str, schema: &str, name: &str| {
        deprecations.get(&(package, schema, name)).map(|message| Deprecation { message })
    };
    let mut about = HashMap::new();
    for package in &catalog.packages {
        let read = || -> Result<About, BrokenValue> {
            let fields = object(canonical::parse(package.blob.text.get())?);
            Ok(About {
                description: text(&fields, "description")?,
                icon: icon(&fields).map_err(|error| error.within("icon"))?,
            })
        };
        let read = read().map_err(|reason| OpmCacheError::Package { package: package.name.clone(), reason })?;
        about.insert(package.name.as_str(), read);
    }
    let mut packages: BTreeMap<&str, CachedPackage<'_>> = BTreeMap::new();
    for package in &catalog.packages {
        let Some(said) = about.get(package.name.as_str()) else { continue };
        let channels = catalog.channels.iter().filter(|channel| channel.package == package.name);
        let channels = channels.map(|channel| {
            let bundles = channel.entries.iter().map(|entry| {
                let cached = CachedBundle {
                    package: &package.name,
                    channel: &channel.name,
                    name: &entry.name,
                    replaces: entry.replaces.as_deref().unwrap_or_default(),
                    skips: (!entry.skips.is_empty()).then_some(entry.skips.as_slice()),
                };
                (entry.name.as_str(), cached)
            });
            let cached = CachedChannel {
                name: &channel.name,
                head: head(channel),
                bundles: bundles.collect(),
                deprecation: deprecation(&package.name, "olm.channel", &channel.name),
            };
            (channel.name.as_str(), cached)
        });
        let cached = CachedPackage {
            name: &package.name,
            description: &said.description,
            icon: said.icon.as_ref(),
            default_channel: &package.default_channel,
            channels: channels.collect(),
            deprecation: deprecation(&package.name, "olm.package", ""),
        };
        packages.insert(&package.name, cached);
    }
    let text = serde_json::to_string(&packages).expect("texts in maps by text are JSON");
    Ok(Index { text, packages: about, deprecations })
}

/// The entry that no other replaces or skips; a sound channel has one.
fn head(channel: &Channel) -> &str {
    Graph::new(&channel.entries).heads().first().map_or("", |entry| entry.name.as_str())
}

/// The fields of an object. Nothing else was read as a document.
pub(super) fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

/// A text; absent and `null` give the empty one.
pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Result<String, BrokenValue> {
    match field(fields, name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(BrokenValue::new(name, &canonical::text(other), "a text")),
    }
}

fn icon(fields: &Map<String, Value>) -> Result<Option<Icon>, BrokenValue> {
    let fields = match field(fields, "icon") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(BrokenValue::new("it", &canonical::text(other), "an object")),
    };
    let data = match field(fields, "base64data") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(STANDARD.encode(bytes("base64data", text)?)),
        Some(other) => return Err(BrokenValue::new("base64data", &canonical::text(other), "a text")),
    };
    Ok(Some(Icon { data, media_type: text(fields, "mediatype")? }))
}

/// What a text in base64 stands for. Line ends inside it do not count.
pub(super) fn bytes(name: &str, text: &str) -> Result<Vec<u8>, BrokenValue> {
    let broken = |_| BrokenValue::new(name, text, "base64");
    if text.contains(['\r', '\n']) {
        return STANDARD.decode(text.replace(['\r', '\n'], "")).map_err(broken);
    }
    STANDARD.decode(text).map_err(broken)
}
