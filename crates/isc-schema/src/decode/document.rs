//! The top level: kind, stanza, `apiVersion`, and the sections below `mirror` or `delete`.

use super::context::{Context, Fields};
use super::path::Path;
use super::{helm, images, operators, platform};
use crate::config::{API_VERSION, DeleteImageSetConfiguration, Document, ImageSetConfiguration, Kind, Mirror, Sample};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Stage};
use crate::fields::{self, Object};
use crate::suggest::nearest;
use crate::yaml::{Entry, Node, Resolved, Value, in_other_case, lines_to_remove};
use crate::{BlockedImage, Span, history};

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
    let unwrapped = unwrap(&mut context, entries);
    let entries = unwrapped.as_deref().unwrap_or(entries);
    if !kind(&mut context, entries) {
        return None;
    }
    let stanza = stanza(&mut context, entries);
    let top = top_level(&mut context, root, entries, stanza);
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

/// What stands below `spec:` belongs to the top. Taking it for that finds the mistakes in it, too.
fn unwrap(context: &mut Context<'_>, entries: &[Entry]) -> Option<Vec<Entry>> {
    let kind = context.kind;
    let (at, spec) = entries.iter().enumerate().find(|(_, entry)| entry.key.text == "spec")?;
    let Value::Mapping(below) = &spec.value.value else { return None };
    exact(below, kind.stanza())?;
    let key = &spec.key;
    let message = format!("unknown field \"spec\" in {}", context.root().title);
    let help = "remove the line `spec:` and move what stands below it to the left: the configuration is not a Kubernetes \
                object";
    let diagnostic = Diagnostic::error(Code::UnknownField, key.span, "", message).width(key.width);
    context.push(diagnostic.help(help));
    let others = entries.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, entry)| entry.clone());
    Some(others.chain(below.iter().cloned()).collect())
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
        (false, _) if text == "ConfigMap" => {
            "save the text of the key below `data:` as a file of its own, and use that file".to_owned()
        }
        (true, Kind::ImageSet) => "this file says what to delete; it is for `oc-mirror delete --generate`".to_owned(),
        (true, Kind::Delete) => {
            "this file says what to mirror; deleting takes a file with `kind: DeleteImageSetConfiguration`, \
             its content below `delete:`"
                .to_owned()
        }
        (false, _) => format!("write `kind: {expected}`"),
    };
    context.error_with_help(Code::Kind, node, &path, message, Some(help));
    !is_other && text != "ConfigMap"
}

/// The known top-level fields. `mirror`, `delete` and `kind` are looked at elsewhere.
fn top_level<'n>(context: &mut Context<'_>, root: &'n Node, entries: &'n [Entry], stanza: Option<&Node>) -> Fields<'n> {
    let object = context.root();
    let mut fields = Fields::empty(root.span, object);
    let mut storage_config = None;
    for entry in entries {
        let key = &entry.key;
        match key.text.as_str() {
            "kind" | "mirror" | "delete" => {}
            _ if stanza.is_some_and(|stanza| std::ptr::eq(stanza, &raw const entry.value)) => {}
            name if ["kind", "mirror", "delete"].iter().any(|exact| exact.eq_ignore_ascii_case(name)) => {}
            "storageConfig" => storage_config = Some(entry),
            name => match (object.field(name), history::wrapper(name)) {
                (Some(field), _) => context.add_field(&mut fields, field.name, key, &entry.value, &Path::Root),
                (None, Some(what)) => {
                    let message = format!("unknown field \"{name}\" in {}", object.title);
                    let help = format!("{}: {what}", remove(entry, entries));
                    let diagnostic = Diagnostic::error(Code::UnknownField, key.span, "", message).width(key.width);
                    context.push(diagnostic.help(help));
                }
                (None, None) => {
                    context.unknown_field(entry, entries, &Path::Root, object);
                }
            },
        }
    }
    let api_version = api_version(context, &fields);
    if let Some(entry) = storage_config {
        storage_config_is_gone(context, entry, entries, api_version.as_deref());
    }
    fields
}

/// `remove lines 4 to 7`, when these lines hold nothing else; otherwise what to remove by name.
fn remove(entry: &Entry, entries: &[Entry]) -> String {
    let (first, last) = (entry.key.span.line, entry.value.end_line.max(entry.key.span.line));
    let alone = entries.iter().filter(|other| !std::ptr::eq(*other, entry)).all(|other| {
        let (start, end) = (other.key.span.line, other.value.end_line.max(other.key.span.line));
        end < first || start > last
    });
    if alone { lines_to_remove(first, last) } else { format!("remove `{}` with its value", entry.key.text) }
}

/// `storageConfig`: a mistake, except under the `apiVersion` that had it.
fn storage_config_is_gone(context: &mut Context<'_>, entry: &Entry, entries: &[Entry], api_version: Option<&str>) {
    let key = &entry.key;
    let remove = remove(entry, entries);
    let why = "the working directory and the cache hold the state now";
    let diagnostic = if context.kind == Kind::ImageSet && api_version == Some(API_VERSION_V1) {
        let message = "`storageConfig` is no longer relevant and is ignored";
        let line = exact(entries, "apiVersion").map_or(0, |entry| entry.key.span.line);
        Diagnostic::warning(Code::Ignored, key.span, "storageConfig", message)
            .help(format!("{remove}, and write `apiVersion: {API_VERSION}` in line {line}: {why}"))
    } else {
        let message = format!("unknown field \"{}\" in {}", key.text, context.root().title);
        Diagnostic::error(Code::UnknownField, key.span, "", message).help(format!("{remove}: {why}"))
    };
    context.push(diagnostic.width(key.width));
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
    let sections = known.field(wanted).and_then(|field| field.shape.object());
    let holds_sections = |node: &Node| match (&node.value, sections) {
        (Value::Mapping(below), Some(sections)) => {
            !below.is_empty() && below.iter().all(|entry| sections.field(&entry.key.text).is_some())
        }
        _ => false,
    };
    let near = |entry: &&Entry| {
        let (name, value) = (entry.key.text.as_str(), &entry.value);
        known.field(name).is_none() && (nearest(name, [wanted]).is_some() || name == "spec" && holds_sections(value))
    };
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
            (context.text_item(node, path, fields::BLOCKED_IMAGE.fields.first()?)?, node)
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
    if let Some(pattern) = pattern_of_wildcard(text) {
        return format!("it is a regular expression, not a wildcard: write `{pattern}`");
    }
    let reason = error.to_string();
    let reason = reason.lines().last().unwrap_or_default().trim();
    reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
}

/// The regular expression for a wildcard such as `*foo`, `**/foo` and `?oo`: a text that no expression begins like.
fn pattern_of_wildcard(text: &str) -> Option<String> {
    if !text.starts_with(['*', '?', '+']) {
        return None;
    }
    let mut pattern = String::new();
    let mut before = None;
    for c in text.chars() {
        match c {
            '*' | '+' if before == Some('*') => {}
            '*' | '+' if before == Some('.') && !pattern.is_empty() => pattern.push('*'),
            '*' | '+' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            _ => pattern.push(c),
        }
        before = Some(if c == '+' { '*' } else { c });
    }
    BlockedImage::new(&pattern).is_ok().then_some(pattern)
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
