//! `targetCatalogSourceTemplate`: a `CatalogSource` whose settings are kept (`docs/behaviour/release.md` 6.3).

use image_ref::{ImageRef, Transport};
use serde_json::{Map, Value};

pub(crate) const API_VERSION: &str = "operators.coreos.com/v1alpha1";
pub(crate) const KIND: &str = "CatalogSource";

/// Fields of `spec` that a template may set. `sourceType` and `image` are ours; others are not part of the resource.
const SPEC_FIELDS: [&str; 9] = [
    "address",
    "description",
    "displayName",
    "grpcPodConfig",
    "icon",
    "priority",
    "publisher",
    "secrets",
    "updateStrategy",
];

/// A template, and the catalog of the configuration that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogTemplate {
    /// The catalog, as configured.
    pub catalog: String,
    /// The template file's content, or why it could not be read.
    pub text: Result<String, String>,
}

/// The template configured for the catalog with this origin.
pub(crate) fn find<'a>(templates: &'a [CatalogTemplate], origin: &ImageRef) -> Option<&'a CatalogTemplate> {
    let same_text = |template: &&CatalogTemplate| {
        template.catalog == origin.to_string() || template.catalog == origin.with_scheme()
    };
    templates.iter().find(same_text).or_else(|| {
        templates
            .iter()
            .find(|template| ImageRef::parse_name(&template.catalog).is_ok_and(|catalog| names(&catalog, origin)))
    })
}

/// Whether the configured reference names the catalog at `origin`. Pinning replaces a tag by a digest, so tag and
/// digest only count where both sides have one; a relative directory is the end of an absolute one.
fn names(catalog: &ImageRef, origin: &ImageRef) -> bool {
    let agree = |a: Option<String>, b: Option<String>| a.is_none() || b.is_none() || a == b;
    let tag = |image: &ImageRef| image.tag().map(str::to_owned);
    let digest = |image: &ImageRef| image.digest().map(ToString::to_string);
    let same_name = if catalog.transport() == &Transport::Docker {
        catalog.normalized().name() == origin.normalized().name()
    } else {
        let path = catalog.name().trim_start_matches("./").trim_end_matches('/');
        let whole = origin.name().trim_end_matches('/');
        whole == path || whole.strip_suffix(path).is_some_and(|rest| rest.ends_with('/'))
    };
    catalog.transport() == origin.transport()
        && same_name
        && agree(tag(catalog), tag(origin))
        && agree(digest(catalog), digest(origin))
}

/// What a valid template contributes.
#[derive(Debug)]
pub(crate) struct Template {
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    spec: Map<String, Value>,
}

/// Reads and checks a template.
pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
    let value: Value =
        serde_saphyr::from_str(text).map_err(|error| TemplateError::Yaml(first_line(&error.to_string())))?;
    let Value::Object(mut object) = value else { return Err(TemplateError::NoMapping) };
    let text_of = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let api_version = text_of(object.get("apiVersion"));
    if api_version != API_VERSION {
        return Err(TemplateError::ApiVersion(api_version));
    }
    let kind = text_of(object.get("kind"));
    if kind != KIND {
        return Err(TemplateError::Kind(kind));
    }
    let mut metadata = mapping(object.remove("metadata"), "metadata")?;
    let mut spec = mapping(object.remove("spec"), "spec")?;
    let source_type = text_of(spec.get("sourceType"));
    if !source_type.is_empty() && source_type != "grpc" {
        return Err(TemplateError::SourceType(source_type));
    }
    if !text_of(spec.get("configMap")).is_empty() {
        return Err(TemplateError::ConfigMap);
    }
    spec.retain(|field, value| SPEC_FIELDS.contains(&field.as_str()) && !is_empty(value));
    if spec.get("updateStrategy").is_some_and(|strategy| strategy.get("registryPoll").is_none_or(is_empty)) {
        spec.remove("updateStrategy");
    }
    Ok(Template {
        labels: mapping(metadata.remove("labels"), "metadata.labels")?,
        annotations: mapping(metadata.remove("annotations"), "metadata.annotations")?,
        spec,
    })
}

impl Template {
    /// Puts the template's settings into an object; what the object has already wins.
    pub(crate) fn apply(self, object: &mut Value) {
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            for (key, value) in self.annotations {
                annotations.entry(key).or_insert(value);
            }
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && !self.labels.is_empty()
        {
            metadata.insert("labels".into(), Value::Object(self.labels));
        }
        if let Some(object) = object.as_object_mut() {
            object.insert("spec".into(), Value::Object(self.spec));
        }
    }
}

fn mapping(value: Option<Value>, field: &'static str) -> Result<Map<String, Value>, TemplateError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(TemplateError::Field(field)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Why a template cannot be used. The plain `CatalogSource` is written instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum TemplateError {
    #[error("cannot read it: {0}")]
    Read(String),
    #[error("not valid YAML: {0}")]
    Yaml(String),
    #[error("no mapping: expected a CatalogSource")]
    NoMapping,
    #[error("apiVersion is `{0}`, expected `operators.coreos.com/v1alpha1`")]
    ApiVersion(String),
    #[error("kind is `{0}`, expected `CatalogSource`")]
    Kind(String),
    #[error("spec.sourceType is `{0}`, expected `grpc` or nothing")]
    SourceType(String),
    #[error("spec.configMap is set, but the catalog is an image: remove it")]
    ConfigMap,
    #[error("{0} is no mapping")]
    Field(&'static str),
}

impl From<String> for TemplateError {
    /// What the reader of the file said.
    fn from(why: String) -> Self {
        Self::Read(why)
    }
}
