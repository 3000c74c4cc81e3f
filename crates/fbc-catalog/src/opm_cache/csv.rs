//! A `ClusterServiceVersion` made from `olm.csv.metadata`, for clients that expect one.

use serde_json::{Map, Value, json};

use super::canonical::{self, BrokenValue, field};
use super::packages::About;
use crate::catalog::Bundle;

/// What a field holds, and whether `opm` writes it when it is empty.
enum Shape {
    /// A text, always written.
    Text,
    /// A text, left out when empty.
    OptionalText,
    /// Yes or no, always written.
    Flag,
    /// A whole number, left out when zero.
    Number,
    /// Texts, left out when there are none.
    Texts,
    /// Texts by name, left out when there are none.
    TextsByName,
    /// Anything, as it is; left out when absent.
    Anything,
    /// An object, always written.
    One(&'static [Field]),
    /// Objects, left out when there are none.
    Many(&'static [Field]),
}

type Field = (&'static str, Shape);

const DESCRIPTOR: &[Field] = &[
    ("path", Shape::Text),
    ("displayName", Shape::OptionalText),
    ("description", Shape::OptionalText),
    ("x-descriptors", Shape::Texts),
    ("value", Shape::Anything),
];
const RESOURCE: &[Field] = &[("name", Shape::Text), ("kind", Shape::Text), ("version", Shape::Text)];
const CRD: &[Field] = &[
    ("name", Shape::Text),
    ("version", Shape::Text),
    ("kind", Shape::Text),
    ("displayName", Shape::OptionalText),
    ("description", Shape::OptionalText),
    ("resources", Shape::Many(RESOURCE)),
    ("statusDescriptors", Shape::Many(DESCRIPTOR)),
    ("specDescriptors", Shape::Many(DESCRIPTOR)),
    ("actionDescriptors", Shape::Many(DESCRIPTOR)),
];
const API_SERVICE: &[Field] = &[
    ("name", Shape::Text),
    ("group", Shape::Text),
    ("version", Shape::Text),
    ("kind", Shape::Text),
    ("deploymentName", Shape::OptionalText),
    ("containerPort", Shape::Number),
    ("displayName", Shape::OptionalText),
    ("description", Shape::OptionalText),
    ("resources", Shape::Many(RESOURCE)),
    ("statusDescriptors", Shape::Many(DESCRIPTOR)),
    ("specDescriptors", Shape::Many(DESCRIPTOR)),
    ("actionDescriptors", Shape::Many(DESCRIPTOR)),
];
const CRDS: &[Field] = &[("owned", Shape::Many(CRD)), ("required", Shape::Many(CRD))];
const API_SERVICES: &[Field] = &[("owned", Shape::Many(API_SERVICE)), ("required", Shape::Many(API_SERVICE))];
const KIND: &[Field] = &[("group", Shape::Text), ("version", Shape::Text), ("kind", Shape::Text)];
const LINK: &[Field] = &[("name", Shape::OptionalText), ("url", Shape::OptionalText)];
const MAINTAINER: &[Field] = &[("name", Shape::OptionalText), ("email", Shape::OptionalText)];
const INSTALL_MODE: &[Field] = &[("type", Shape::Text), ("supported", Shape::Flag)];

/// Fields of the metadata and the names that they have in `spec`.
const SPEC: &[(&str, &str, Shape)] = &[
    ("maturity", "maturity", Shape::OptionalText),
    ("crdDescriptions", "customresourcedefinitions", Shape::One(CRDS)),
    ("apiServiceDefinitions", "apiservicedefinitions", Shape::One(API_SERVICES)),
    ("nativeAPIs", "nativeAPIs", Shape::Many(KIND)),
    ("minKubeVersion", "minKubeVersion", Shape::OptionalText),
    ("displayName", "displayName", Shape::Text),
    ("description", "description", Shape::OptionalText),
    ("keywords", "keywords", Shape::Texts),
    ("maintainers", "maintainers", Shape::Many(MAINTAINER)),
    ("provider", "provider", Shape::One(LINK)),
    ("links", "links", Shape::Many(LINK)),
    ("installModes", "installModes", Shape::Many(INSTALL_MODE)),
];

/// The `ClusterServiceVersion` of a bundle.
pub(super) fn from_metadata(
    bundle: &Bundle,
    version: &str,
    package: Option<&About>,
    metadata: &Map<String, Value>,
) -> Result<Value, BrokenValue> {
    let mut about = Map::new();
    if !bundle.name.is_empty() {
        about.insert("name".to_owned(), bundle.name.clone().into());
    }
    for name in ["annotations", "labels"] {
        if let Some(value) = decode(name, field(metadata, name), &Shape::TextsByName)? {
            about.insert(name.to_owned(), value);
        }
    }
    let mut spec = Map::new();
    // Without this stub OLM's package server stops.
    spec.insert("install".to_owned(), json!({"strategy": "deployment", "spec": {"deployments": null}}));
    spec.insert("version".to_owned(), version.into());
    for (name, in_spec, shape) in SPEC {
        if let Some(value) = decode(name, field(metadata, name), shape)? {
            spec.insert((*in_spec).to_owned(), value);
        }
    }
    if let Some(package) = package {
        if !package.description.is_empty() {
            spec.entry("description").or_insert_with(|| package.description.clone().into());
        }
        if let Some(icon) = &package.icon {
            let data = icon.data.as_deref().unwrap_or_default();
            spec.insert("icon".to_owned(), json!([{"base64data": data, "mediatype": icon.media_type}]));
        }
    }
    spec.insert("cleanup".to_owned(), json!({"enabled": false}));
    if !bundle.related_images.is_empty() {
        let images = bundle.related_images.iter().map(|image| json!({"name": image.name, "image": image.image}));
        spec.insert("relatedImages".to_owned(), images.collect());
    }
    Ok(json!({
        "kind": "ClusterServiceVersion",
        "apiVersion": "operators.coreos.com/v1alpha1",
        "metadata": about,
        "spec": spec,
        "status": {"cleanup": {}},
    }))
}

/// The value of a field as `opm` writes it again; none when it leaves the field out.
fn decode(name: &str, value: Option<&Value>, shape: &Shape) -> Result<Option<Value>, BrokenValue> {
    let given = value.filter(|value| !value.is_null());
    let broken = |expected| {
        let value = given.map(canonical::text).unwrap_or_default();
        Err(BrokenValue::new(name, &value, expected))
    };
    Ok(match (shape, given) {
        (Shape::Text, None) => Some("".into()),
        (Shape::Text, Some(Value::String(text))) => Some(text.clone().into()),
        (Shape::OptionalText, Some(Value::String(text))) => (!text.is_empty()).then(|| text.clone().into()),
        (Shape::Text | Shape::OptionalText, Some(_)) => return broken("a text"),
        (Shape::Flag, None) => Some(false.into()),
        (Shape::Flag, Some(Value::Bool(flag))) => Some((*flag).into()),
        (Shape::Flag, Some(_)) => return broken("true or false"),
        (Shape::Number, Some(Value::Number(number))) => match whole(number) {
            Some(0) => None,
            Some(number) => Some(number.into()),
            None => return broken("a whole number of 32 bits"),
        },
        (Shape::Number, Some(_)) => return broken("a whole number of 32 bits"),
        // `null` is a value here.
        (Shape::Anything, _) => value.cloned(),
        (Shape::Texts, Some(Value::Array(items))) => {
            let texts = items.iter().map(|item| Ok(decode(name, Some(item), &Shape::Text)?.unwrap_or_default()));
            some_items(texts.collect::<Result<Vec<Value>, BrokenValue>>()?)
        }
        (Shape::TextsByName, Some(Value::Object(fields))) => {
            let texts = fields.iter().map(|(key, value)| {
                let text = decode(key, Some(value), &Shape::Text).map_err(|error| error.within(name))?;
                Ok((key.clone(), text.unwrap_or_default()))
            });
            let texts = texts.collect::<Result<Map<String, Value>, BrokenValue>>()?;
            (!texts.is_empty()).then_some(Value::Object(texts))
        }
        (Shape::TextsByName, Some(_)) => return broken("an object of texts"),
        (Shape::One(fields), None) => Some(object(name, &Map::new(), fields)?),
        (Shape::One(fields), Some(Value::Object(given))) => Some(object(name, given, fields)?),
        (Shape::One(_), Some(_)) => return broken("an object"),
        (Shape::Many(fields), Some(Value::Array(items))) => {
            let items = items.iter().map(|item| match item {
                Value::Object(given) => object(name, given, fields),
                Value::Null => object(name, &Map::new(), fields),
                other => Err(BrokenValue::new(name, &canonical::text(other), "a list of objects")),
            });
            some_items(items.collect::<Result<Vec<Value>, BrokenValue>>()?)
        }
        (Shape::Texts | Shape::Many(_), Some(_)) => return broken("a list"),
        (Shape::OptionalText | Shape::Number | Shape::Texts | Shape::TextsByName | Shape::Many(_), None) => None,
    })
}

fn some_items(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(name: &str, given: &Map<String, Value>, fields: &[Field]) -> Result<Value, BrokenValue> {
    let mut out = Map::new();
    for (inner, shape) in fields {
        if let Some(value) = decode(inner, field(given, inner), shape).map_err(|error| error.within(name))? {
            out.insert((*inner).to_owned(), value);
        }
    }
    Ok(Value::Object(out))
}

/// A number without a fraction that 32 bits hold.
fn whole(number: &serde_json::Number) -> Option<i32> {
    // A float without a fraction is written without one, as in `3` for `3.0`.
    number.as_f64()?.to_string().parse().ok()
}
