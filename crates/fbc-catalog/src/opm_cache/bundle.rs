//! A bundle as the registry's gRPC service answers it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::canonical::{self, BrokenValue, field};
use super::csv;
use super::packages::{About, Deprecation, bytes, object, text};
use crate::catalog::{Bundle, Channel, Entry};
use crate::yaml;

/// What a bundle says in every channel.
pub(super) struct Decoded {
    name: String,
    image: String,
    version: String,
    csv: String,
    objects: Vec<String>,
    provided: Vec<Api>,
    required: Vec<Api>,
    dependencies: Vec<Typed>,
    properties: Vec<Typed>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "csvName")]
    name: &'a str,
    #[serde(rename = "packageName")]
    package: &'a str,
    #[serde(rename = "channelName")]
    channel: &'a str,
    #[serde(rename = "csvJson", skip_serializing_if = "str::is_empty")]
    csv: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    object: &'a [String],
    #[serde(rename = "bundlePath", skip_serializing_if = "str::is_empty")]
    image: &'a str,
    #[serde(rename = "providedApis", skip_serializing_if = "<[Api]>::is_empty")]
    provided: &'a [Api],
    #[serde(rename = "requiredApis", skip_serializing_if = "<[Api]>::is_empty")]
    required: &'a [Api],
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(rename = "skipRange", skip_serializing_if = "str::is_empty")]
    skip_range: &'a str,
    #[serde(skip_serializing_if = "<[Typed]>::is_empty")]
    dependencies: &'a [Typed],
    #[serde(skip_serializing_if = "<[Typed]>::is_empty")]
    properties: &'a [Typed],
    #[serde(skip_serializing_if = "str::is_empty")]
    replaces: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    skips: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Deprecation<'a>>,
}

#[derive(Serialize)]
struct Api {
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
}

/// A property or a dependency; the value is JSON text.
#[derive(Serialize)]
struct Typed {
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    value: String,
}

impl Decoded {
    /// The text of the bundle's file for one channel.
    pub(super) fn text(&self, channel: &Channel, entry: &Entry, deprecation: Option<Deprecation<'_>>) -> String {
        let answer = Answer {
            name: &self.name,
            package: &channel.package,
            channel: &channel.name,
            csv: &self.csv,
            object: &self.objects,
            image: &self.image,
            provided: &self.provided,
            required: &self.required,
            version: &self.version,
            skip_range: entry.skip_range.as_deref().unwrap_or_default(),
            dependencies: &self.dependencies,
            properties: &self.properties,
            replaces: entry.replaces.as_deref().unwrap_or_default(),
            skips: &entry.skips,
            deprecation,
        };
        serde_json::to_string(&answer).expect("texts in lists are JSON")
    }
}

/// Reads what the cache says of a bundle; `package` is what its package says of itself.
pub(super) fn decode(bundle: &Bundle, package: Option<&About>) -> Result<Decoded, BrokenValue> {
    let mut decoded = Decoded {
        name: bundle.name.clone(),
        image: bundle.image.clone(),
        version: String::new(),
        csv: String::new(),
        objects: Vec::new(),
        provided: Vec::new(),
        required: Vec::new(),
        dependencies: Vec::new(),
        properties: Vec::new(),
    };
    let fields = object(canonical::parse(bundle.blob.text.get())?);
    let properties = match field(&fields, "properties") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(BrokenValue::new("properties", &canonical::text(other), "a list")),
    };
    let mut metadata: Option<&Map<String, Value>> = None;
    for property in properties {
        let Value::Object(property) = property else {
            return Err(BrokenValue::new("properties", &canonical::text(property), "a list of objects"));
        };
        let kind = text(property, "type")?;
        let value = field(property, "value").unwrap_or(&Value::Null);
        let place = |error: BrokenValue| error.within(&format!("property {kind}"));
        match kind.as_str() {
            "olm.bundle.object" => {
                decoded.objects.push(manifest(fields_of(value).map_err(place)?).map_err(place)?);
                continue;
            }
            "olm.csv.metadata" => {
                if metadata.replace(fields_of(value).map_err(place)?).is_some() {
                    return Err(BrokenValue::new("properties", &kind, "one property of this type"));
                }
                continue;
            }
            "olm.package" => decoded.version = text(fields_of(value).map_err(place)?, "version").map_err(place)?,
            "olm.gvk" => decoded.provided.push(api(value).map_err(place)?),
            "olm.gvk.required" => {
                decoded.required.push(api(value).map_err(place)?);
                decoded.dependencies.push(Typed { kind: "olm.gvk".to_owned(), value: canonical::text(value) });
            }
            "olm.package.required" => {
                let fields = fields_of(value).map_err(place)?;
                let (name, range) =
                    (text(fields, "packageName").map_err(place)?, text(fields, "versionRange").map_err(place)?);
                let value = canonical::text(&json!({"packageName": name, "version": range}));
                decoded.dependencies.push(Typed { kind: "olm.package".to_owned(), value });
            }
            _ => {}
        }
        decoded.properties.push(Typed { value: canonical::text(value), kind });
    }
    let is_csv = |text: &&String| {
        canonical::parse(text).is_ok_and(|value| value.get("kind").is_some_and(|kind| kind == "ClusterServiceVersion"))
    };
    if let Some(csv) = decoded.objects.iter().find(is_csv) {
        decoded.csv.clone_from(csv);
    } else if let Some(metadata) = metadata {
        let made = csv::from_metadata(bundle, &decoded.version, package, metadata);
        decoded.csv = canonical::text(&made.map_err(|error| error.within("property olm.csv.metadata"))?);
        if decoded.objects.is_empty() {
            decoded.objects.push(decoded.csv.clone());
        }
    }
    Ok(decoded)
}

fn fields_of(value: &Value) -> Result<&Map<String, Value>, BrokenValue> {
    value.as_object().ok_or_else(|| BrokenValue::new("value", &canonical::text(value), "an object"))
}

fn api(value: &Value) -> Result<Api, BrokenValue> {
    let fields = fields_of(value)?;
    Ok(Api { group: text(fields, "group")?, version: text(fields, "version")?, kind: text(fields, "kind")? })
}

/// A manifest that a bundle carries in base64, as JSON.
fn manifest(fields: &Map<String, Value>) -> Result<String, BrokenValue> {
    let bytes = bytes("data", &text(fields, "data")?)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim_start().starts_with('{') {
        return Ok(text);
    }
    match yaml::to_json(&text) {
        Ok(json) => Ok(json.map_or_else(|| "null".to_owned(), |json| json.get().to_owned())),
        Err(error) => Err(BrokenValue::new("data", &text, "YAML or JSON").within(&error.message)),
    }
}
