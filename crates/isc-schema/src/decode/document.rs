//! The top level: kind, stanza, `apiVersion`, and the sections below `mirror` or `delete`.

use super::context::{Context, Fields};
use super::path::Path;
use super::{helm, images, operators, platform};
use crate::config::{API_VERSION, DeleteImageSetConfiguration, Document, ImageSetConfiguration, Kind, Mirror, Sample};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Stage};
use crate::fields::{self, Object};
use crate::suggest::nearest;
use crate::yaml::{Entry, Node, Resolved, Value};
use crate::{BlockedImage, Span};

/// The only `apiVersion` under which `storageConfig` is still taken, without effect.
const API_VERSION_V1: &str = "mirror.openshift.io/v1alpha2";

/// Larger archives than this do not fit a signed 64-bit count of bytes.
const MAX_ARCHIVE_SIZE_GIB: i64 = i64::MAX >> 30;

/// Decodes a document of kind `expected`. What stays of it when there are errors is only good for a best effort.
pub(crate) fn document(root: Option<&Node>, expected: Kind, diagnostics: &mut Diagnostics) -> Option<Document> {
    let Some(root) = root.filter(|root| !root.is_null()) else {
        let example = format!("begin with `kind: {expected}` and `apiVersion: {API_VERSION}`");
        diagnostics.push(
            Diagnostic::error(Code::Kind, Span::new(1, 1), "", "the configuration is empty: it is missing `kind`")
                .help(example),
        );
        return None;
    };
    let mut context = Context { kind: expected, diagnostics, stage: Stage::Load };
    let Value::Mapping(entries) = &root.value else {
        let message = format!("expected {} (a mapping), found {}", context.root().title, root.describe());
        let help = format!("begin with `kind: {expected}` and `apiVersion: {API_VERSION}`");
        context.push(Diagnostic::error(Code::WrongType, root.span, "", message).help(help));
        return None;
    };
    if !kind(&mut context, entries) {
        return None;
    }
    let object = context.root();
    let stanza = stanza(&mut context, entries);
    let top = top_level(&mut context, root, entries, object, stanza);
    match expected {
        Kind::ImageSet => {
            let archive_size_gib = archive_size(&mut context, &top);
            let mirror = stanza.map(|node| content(&mut context, node, &fields::MIRROR)).unwrap_or_default();
            Some(Document::ImageSet(ImageSetConfiguration { archive_size_gib, mirror }))
        }
        Kind::Delete => {
            let mut delete =
                stanza.map(|node| content(&mut context, node, &fields::DELETE_CONTENT)).unwrap_or_default();
            delete.platform.fill_delete_defaults();
            Some(Document::Delete(DeleteImageSetConfiguration { delete }))
        }
    }
}

/// The entry whose key is exactly `name`: `kind`, `mirror` and `delete` are not looked up in other cases.
fn exact<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key.text == name)
}

/// The entry whose key is `name` but for its case, for advice.
fn in_other_case<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key.text.eq_ignore_ascii_case(name))
}

/// Checks `kind`; false when the file is of the other kind, so that no more can be said about it.
fn kind(context: &mut Context<'_>, entries: &[Entry]) -> bool {
    let expected = context.kind;
    let path = Path::Root.field("kind");
    let Some(entry) = exact(entries, "kind") else {
        let diagnostic = match in_other_case(entries, "kind") {
            Some(entry) => Diagnostic::error(Code::Kind, entry.key.span, "", "the configuration is missing `kind`")
                .width(entry.key.width)
                .help(format!("`{}` must be written `kind`", entry.key.text)),
            None => Diagnostic::error(Code::Kind, Span::new(1, 1), "", "the configuration is missing `kind`")
                .help(format!("add `kind: {expected}`")),
        };
        context.push(diagnostic);
        return true;
    };
    let node = &entry.value;
    let text = if node.is_null() { Some("") } else { context.text(node, &path) };
    let Some(text) = text else { return true };
    if text == expected.as_str() {
        return true;
    }
    let message = format!("cannot parse \"{}\" as \"{expected}\"", text.escape_debug());
    let is_other = text == expected.other().as_str();
    let help = match (is_other, expected) {
        (true, Kind::ImageSet) => "this file says what to delete; it is for `oc-mirror delete --generate`".to_owned(),
        (true, Kind::Delete) => {
            "this file says what to mirror; deleting takes a file with `kind: DeleteImageSetConfiguration`, \
             its content below `delete:`"
                .to_owned()
        }
        (false, _) => format!("write `kind: {expected}`"),
    };
    context.error_with_help(Code::Kind, node, &path, message, Some(help));
    !is_other
}

/// The known top-level fields. `mirror`, `delete` and `kind` are looked at elsewhere.
fn top_level<'n>(
    context: &mut Context<'_>,
    root: &'n Node,
    entries: &'n [Entry],
    object: &'static Object,
    stanza: Option<&Node>,
) -> Fields<'n> {
    let mut fields = Fields::empty(root.span);
    let mut storage_config = None;
    for entry in entries {
        let key = &entry.key;
        match key.text.as_str() {
            "kind" | "mirror" | "delete" => {}
            _ if stanza.is_some_and(|stanza| std::ptr::eq(stanza, &raw const entry.value)) => {}
            name if ["kind", "mirror", "delete"].iter().any(|exact| exact.eq_ignore_ascii_case(name)) => {}
            "storageConfig" => storage_config = Some(key),
            name => match object.field(name) {
                Some(field) => context.add_field(&mut fields, field.name, key, &entry.value, &Path::Root),
                None => {
                    context.unknown_field(key, &Path::Root, object);
                }
            },
        }
    }
    let api_version = api_version(context, &fields);
    if let Some(key) = storage_config {
        if context.kind == Kind::ImageSet && api_version.as_deref() == Some(API_VERSION_V1) {
            let message = "`storageConfig` is no longer relevant and is ignored";
            let diagnostic = Diagnostic::warning(Code::Ignored, key.span, "storageConfig", message).width(key.width);
            context.push(diagnostic.help("remove it: the state is kept in the workspace"));
        } else {
            context.unknown_field(key, &Path::Root, object);
        }
    }
    fields
}

/// Any `apiVersion` is accepted, as in oc-mirror; one that was never published deserves a word.
fn api_version(context: &mut Context<'_>, fields: &Fields<'_>) -> Option<String> {
    let (text, node) = context.text_field(fields, &Path::Root, "apiVersion")?;
    if text != API_VERSION && text != API_VERSION_V1 {
        let message = format!("`{}` is not known and read as `{API_VERSION}`", text.escape_debug());
        let help = format!("write `apiVersion: {API_VERSION}`");
        let diagnostic = Diagnostic::warning(Code::ApiVersion, node.span, "apiVersion", message);
        context.push(diagnostic.width(node.width).help(help));
    }
    Some(text.to_owned())
}

/// The value of `mirror` or `delete`, whichever belongs to the kind. The other one is a mistake.
fn stanza<'n>(context: &mut Context<'_>, entries: &'n [Entry]) -> Option<&'n Node> {
    let kind = context.kind;
    let (wanted, foreign) = (kind.stanza(), kind.other().stanza());
    let foreign_entry = exact(entries, foreign);
    if let Some(entry) = foreign_entry {
        let message = format!("`{foreign}:` is not allowed in {kind}");
        let help = format!("write `{wanted}:`, or use `kind: {}`", kind.other());
        let diagnostic = Diagnostic::error(Code::Stanza, entry.key.span, "", message);
        context.push(diagnostic.width(entry.key.width).help(help));
    }
    if let Some(entry) = exact(entries, wanted) {
        return Some(&entry.value);
    }
    let message = format!("the configuration is missing the `{wanted}` stanza");
    let known = context.root();
    let near = |entry: &&Entry| known.field(&entry.key.text).is_none() && nearest(&entry.key.text, [wanted]).is_some();
    if let Some(entry) = in_other_case(entries, wanted).or_else(|| entries.iter().find(near)) {
        let help = format!("`{}` must be written `{wanted}`", entry.key.text);
        let diagnostic = Diagnostic::error(Code::Stanza, entry.key.span, "", message);
        context.push(diagnostic.width(entry.key.width).help(help));
        return Some(&entry.value);
    }
    if foreign_entry.is_none() {
        let help = format!("add `{wanted}:` with the content below it");
        context.push(Diagnostic::error(Code::Stanza, Span::new(1, 1), "", message).help(help));
    }
    foreign_entry.map(|entry| &entry.value)
}

fn archive_size(context: &mut Context<'_>, fields: &Fields<'_>) -> Option<u64> {
    let node = fields.get("archiveSize")?;
    let path = Path::Root.field("archiveSize");
    let scalar = match &node.value {
        Value::Scalar(scalar) => Some(scalar),
        _ => None,
    };
    let size = match scalar.map(|scalar| scalar.resolved) {
        Some(Resolved::Integer(size)) => size,
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the bounds of i64, checked here")]
        Some(Resolved::Float(size)) if size.fract() == 0.0 && size.abs() < 9e18 => size as i64,
        resolved => {
            let help = match (resolved, scalar) {
                (Some(Resolved::Float(_)), _) => "round it; parts of a GiB are not possible".to_owned(),
                (Some(Resolved::String), Some(scalar)) if scalar.text.trim().parse::<u32>().is_ok() => {
                    format!("remove the quotes: `archiveSize: {}`", scalar.text.trim())
                }
                _ => "write the number of GiB alone, like `archiveSize: 4`".to_owned(),
            };
            let message = format!("expected a whole number of GiB, found {}", node.describe());
            context.error_with_help(Code::WrongType, node, &path, message, Some(help));
            return None;
        }
    };
    match u64::try_from(size) {
        Ok(0) => None,
        Ok(gib) if size <= MAX_ARCHIVE_SIZE_GIB => Some(gib),
        _ => {
            let message = format!("`{size}` is no size of an archive in GiB");
            let help = format!("a number from 1 to {MAX_ARCHIVE_SIZE_GIB}; without it archives have up to 500 GiB");
            context.error_with_help(Code::InvalidValue, node, &path, message, Some(help));
            None
        }
    }
}

/// The sections below `mirror` or `delete`.
fn content(context: &mut Context<'_>, node: &Node, object: &'static Object) -> Mirror {
    if node.is_null() {
        return Mirror::default();
    }
    let path = Path::Root.field(context.kind.stanza());
    let Some(fields) = context.fields(node, &path, object) else { return Mirror::default() };
    let platform = platform::platform(context, &fields, &path);
    let operators = operators::operators(context, &fields, &path);
    let additional_images = images::additional_images(context, &fields, &path);
    let helm = helm::helm(context, &fields, &path);
    context.stage = Stage::Load;
    let blocked_images = blocked_images(context, &fields, &path);
    let samples = samples(context, &fields, &path);
    Mirror { platform, operators, additional_images, helm, blocked_images, samples }
}

/// Both forms: a string as published, and `name: …` as upstream reads it.
fn blocked_images(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>) -> Vec<BlockedImage> {
    let decode = |context: &mut Context<'_>, node: &Node, path: &Path<'_>| {
        let (text, node) = if let Value::Scalar(_) = &node.value {
            (context.text(node, path)?, node)
        } else {
            let object = &fields::BLOCKED_IMAGE;
            let fields = context.fields(node, path, object)?;
            context.required(&fields, path, "name", object, "registry.example/app:.*")?
        };
        match BlockedImage::new(text) {
            Ok(blocked) => Some(blocked.at(node.span)),
            Err(error) => {
                let message = format!("blocked image `{}`: invalid regular expression", text.escape_debug());
                context.error_with_help(Code::InvalidValue, node, path, message, Some(regex_help(text, &error)));
                None
            }
        }
    };
    context.list(fields, path, "blockedImages", "regular expressions", decode).unwrap_or_default()
}

/// The last line of the library's answer says what is wrong; the lines before draw the pattern.
fn regex_help(text: &str, error: &regex::Error) -> String {
    if text.starts_with(['*', '?', '+']) {
        return format!("it is a regular expression, not a wildcard: write `.{text}` for any text there");
    }
    let reason = error.to_string();
    let reason = reason.lines().last().unwrap_or_default().trim();
    reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
}

fn samples(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>) -> Vec<Sample> {
    let decode = |context: &mut Context<'_>, node: &Node, path: &Path<'_>| {
        let fields = context.fields(node, path, &fields::SAMPLE)?;
        Some(Sample { name: context.string(&fields, path, "name").unwrap_or_default(), span: node.span })
    };
    let samples = context.list(fields, path, "samples", "samples", decode).unwrap_or_default();
    if let (false, Some(key)) = (samples.is_empty(), fields.key("samples")) {
        let message = "samples are accepted and have no effect";
        let diagnostic = Diagnostic::warning(Code::Ignored, key.span, path.field("samples"), message);
        context.push(diagnostic.width(key.width).help("remove them"));
    }
    samples
}
