//! What would work instead: the advice behind the messages.

use image_ref::is_valid_path;

use crate::VersionBound;
use crate::fields::{self, Object};
use crate::version::ParseVersionError;
use crate::yaml::{Resolved, Scalar};

/// What somebody who wrote a bare text instead of an object meant.
pub(super) fn shorthand_help(scalar: &Scalar, object: &'static Object) -> String {
    let field = object.fields.iter().find(|field| field.required && matches!(field.shape, fields::Shape::Text(_)));
    match (field, scalar.resolved) {
        (Some(field), Resolved::String) if !scalar.text.is_empty() && scalar.text.len() < 200 => {
            format!("write `{}: {}`", field.name, scalar.text)
        }
        _ => known_here(object),
    }
}

pub(super) fn known_here(object: &Object) -> String {
    format!("known here: {}", join(object.names().map(|name| format!("`{name}`")), "and"))
}

pub(super) fn quoted(names: &[String]) -> String {
    join(names.iter().map(|name| format!("`{name}`")), "and")
}

pub(super) fn quote_help(text: &str, resolved: Resolved) -> String {
    match resolved {
        Resolved::Bool(_) => format!("YAML reads `{text}` as a boolean; quote it: \"{text}\""),
        Resolved::Integer(_) | Resolved::Float(_) => format!("YAML reads `{text}` as a number; quote it: \"{text}\""),
        Resolved::Null | Resolved::String => format!("quote it: \"{text}\""),
    }
}

pub(super) fn version_help(name: &str, text: &str, error: &ParseVersionError) -> String {
    match (VersionBound::lenient(text.trim()), error) {
        (Ok(bound), _) => format!("write `{name}: {}`", bound.version()),
        (Err(_), ParseVersionError::Lenient(_)) => "like `1.2.3`, `v1.2` or `5.2.3-31`".to_owned(),
        (Err(_), ParseVersionError::Strict(_)) => "like `4.18.1` or `4.18.0-rc.1`".to_owned(),
    }
}

pub(super) fn path_help(name: &str, text: &str) -> String {
    if text.contains("://") {
        return format!("`{name}` is a path only, without scheme and registry, like `team/app`");
    }
    if text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':')) {
        let without = text.split('@').next().unwrap_or(text);
        let without = without.rsplit_once(':').map_or(without, |(path, _)| path);
        return format!("should not contain a tag or digest: write `{without}`, and put a tag into `targetTag`");
    }
    let lower = text.trim_matches('/').to_lowercase();
    if is_valid_path(&lower) {
        return format!("write `{lower}`");
    }
    "lower-case letters and digits, joined by `.`, `_`, `__` or dashes, components separated by `/`, like `team/app`"
        .to_owned()
}

pub(super) fn image_help(text: &str, error: &image_ref::ParseError) -> Option<String> {
    use image_ref::ParseError;
    match error {
        ParseError::TagAndDigestEmpty(_) => Some(format!("add a tag or a digest: `{text}:TAG` or `{text}@sha256:…`")),
        ParseError::EmptyName(_) => Some(format!(
            "write the image in front of `{text}`; if a template wrote this file, the template filled in nothing there"
        )),
        _ if text.trim() != text => Some("remove the spaces around it".to_owned()),
        ParseError::Tag { tag, .. } if tag.is_empty() => Some("write the tag behind the `:`".to_owned()),
        ParseError::Digest { .. } => Some("a digest is `sha256:` and 64 hex digits, all in lower case".to_owned()),
        _ => None,
    }
}

/// `a`, `b` and `c`; the word before the last is `and` or `or`.
pub(super) fn join(names: impl Iterator<Item = String>, word: &str) -> String {
    let names: Vec<String> = names.collect();
    match &names[..] {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} {word} {last}", front.join(", ")),
    }
}
