//! policy.json: what an image must prove before it is used (containers-policy.json(5), `docs/behaviour/release.md` 7.7).
//!
//! Parsing and choosing only. Whether signatures satisfy a requirement is decided elsewhere.

mod identity;
mod parse;
mod requirement;
mod wire;

use std::collections::BTreeMap;

use image_ref::{ImageRef, Transport};

use crate::scopes::registry_scopes;
pub use identity::SignedIdentity;
pub use parse::PolicyError;
pub use requirement::{Fulcio, KeySource, KeyType, Pki, Requirement, SignedBy, SigstoreSigned, SigstoreTrust};

/// A parsed policy.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    name: String,
    default: Vec<Requirement>,
    /// Transport name to scope to requirements.
    transports: BTreeMap<String, BTreeMap<String, Vec<Requirement>>>,
}

/// The requirements that apply to one image, and where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applicable<'a> {
    /// All of these must be satisfied. Never empty.
    pub requirements: &'a [Requirement],
    /// The file, as it was named to [`Policy::parse`].
    pub file: &'a str,
    /// The transport of the section, `None` for the policy's `default`.
    pub transport: Option<&'a str>,
    /// The scope of the section; empty for the `default` and for the default of a transport.
    pub scope: &'a str,
}

impl Policy {
    /// Parses policy.json strictly: unknown and duplicate keys are mistakes, since a misspelt rule protects nothing.
    /// `name` is what messages call the file.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        parse::policy(name, text)
    }

    /// The file, as it was named to [`Policy::parse`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `image` must prove when it is read through `transport`: the section of the most specific scope, else the
    /// transport's `""`, else `default`. Sections never add up.
    pub fn requirements_for(&self, transport: &Transport, image: &ImageRef) -> Applicable<'_> {
        if let Some((transport, sections)) = self.transports.get_key_value(transport.scheme()) {
            let scopes = match image.transport() {
                Transport::Docker => registry_scopes(image),
                _ => path_scopes(image),
            };
            let found = scopes.iter().map(String::as_str).chain([""]).find_map(|scope| sections.get_key_value(scope));
            if let Some((scope, requirements)) = found {
                return Applicable { requirements, file: &self.name, transport: Some(transport), scope };
            }
        }
        Applicable { requirements: &self.default, file: &self.name, transport: None, scope: "" }
    }
}

impl std::fmt::Display for Applicable<'_> {
    /// The place in the file, such as ``transports.docker."quay.io" of /etc/containers/policy.json``.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.transport {
            Some(transport) => write!(f, "transports.{transport}.{:?} of {}", self.scope, self.file),
            None => write!(f, "default of {}", self.file),
        }
    }
}

/// For images that are files: the path with its reference, the path, the folders above. The root folder is no scope of
/// its own; the transport's `""` says as much.
fn path_scopes(image: &ImageRef) -> Vec<String> {
    let mut scopes = vec![image.name().to_owned()];
    let file = image.name().rsplit_once('/').map_or(image.name(), |(_, file)| file);
    let reference = file.split_once(':').map(|(_, reference)| reference);
    let mut path =
        reference.and_then(|reference| image.name().strip_suffix(reference)?.strip_suffix(':')).unwrap_or(image.name());
    if path != image.name() {
        scopes.push(path.to_owned());
    }
    while let Some((parent, _)) = path.rsplit_once('/') {
        if parent.is_empty() {
            break;
        }
        scopes.push(parent.to_owned());
        path = parent;
    }
    scopes
}
