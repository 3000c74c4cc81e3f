//! The tools of the decoder: fields of a mapping, items of a list, scalars of a type; each says what is wrong.

use super::advice::{known_here, quote_help, quoted, shorthand_help};
use super::fits::{fits, fitting_list};
use super::path::Path;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Stage};
use crate::fields::{self, Object};
use crate::history;
use crate::placeholder::{self, Strictness};
use crate::suggest::nearest;
use crate::yaml::{Entry, Key, Node, Resolved, Scalar, Value};
use crate::{Kind, Span};

/// A mapping with any content.
type Json = serde_json::Map<String, serde_json::Value>;

/// What the decoder carries along.
pub(super) struct Context<'d> {
    pub(super) kind: Kind,
    pub(super) diagnostics: &'d mut Diagnostics,
    /// The stage at which oc-mirror would look at the values that are decoded now.
    pub(super) stage: Stage,
}

/// The known fields of a mapping.
pub(super) struct Fields<'n> {
    pub(super) span: Span,
    pub(super) width: u32,
    object: &'static Object,
    found: Vec<(&'static str, &'n Key, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// No fields yet, of an `object` at `span`.
    pub(super) fn empty(span: Span, object: &'static Object) -> Self {
        Self { span, width: 1, object, found: Vec::new() }
    }

    /// Which texts in the field `name` are placeholders.
    fn strictness(&self, name: &str) -> Strictness {
        self.object.field(name).map_or(Strictness::Templates, |field| field.shape.strictness())
    }

    /// The value of a field; `None` when it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.found.iter().find(|(known, _, node)| *known == name && !node.is_null()).map(|(_, _, node)| *node)
    }

    /// The key of a field, also when its value is null.
    pub(super) fn key(&self, name: &str) -> Option<&'n Key> {
        self.found.iter().find(|(known, ..)| *known == name).map(|(_, key, _)| *key)
    }
}

impl Context<'_> {
    pub(super) fn root(&self) -> &'static Object {
        match self.kind {
            Kind::ImageSet => &fields::IMAGE_SET,
            Kind::Delete => &fields::DELETE,
        }
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// An error at a node, of the current stage.
    pub(super) fn error_with_help(
        &mut self,
        code: Code,
        node: &Node,
        path: &Path<'_>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic::error(code, node.span, path, message).width(node.width).stage(self.stage);
        self.push(diagnostic.help_opt(help));
    }

    pub(super) fn wrong_type(&mut self, node: &Node, path: &Path<'_>, expected: &str, help: Option<String>) {
        if let Some(placeholder) = placeholder_in(node) {
            self.placeholder(node, path, &placeholder, &format!("put {expected} in its place"));
            return;
        }
        let message = format!("expected {expected}, found {}", node.describe());
        let diagnostic = Diagnostic::error(Code::WrongType, node.span, path, message).width(node.width);
        self.push(diagnostic.help_opt(help));
    }

    /// Says that nobody filled in a placeholder.
    fn placeholder(&mut self, node: &Node, path: &Path<'_>, placeholder: &str, help: &str) {
        let message = format!("the placeholder `{}` was not filled in", placeholder.escape_debug());
        let diagnostic = Diagnostic::error(Code::Placeholder, node.span, path, message).width(node.width);
        self.push(diagnostic.help(help));
    }

    /// Whether `text`, the value at `node`, holds no placeholder; says so when it does.
    fn is_filled_in(&mut self, text: &str, node: &Node, path: &Path<'_>, strictness: Strictness) -> bool {
        let Some(placeholder) = placeholder::find(text, strictness) else { return true };
        self.placeholder(node, path, placeholder, &format!("write the value in the place of `{placeholder}`"));
        false
    }

    /// The fields of a mapping. `None` when the node is no mapping; unknown fields are said and left out.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        path: &Path<'_>,
        object: &'static Object,
    ) -> Option<Fields<'n>> {
        let Value::Mapping(entries) = &node.value else {
            let help = match &node.value {
                Value::Sequence(_) if matches!(path, Path::Item(..)) => Some(known_here(object)),
                Value::Sequence(items) => Some(match fitting_list(node, object) {
                    Some(name) => {
                        let line = items.first().map_or(node.span.line, |item| item.span.line);
                        format!("write `{name}:` above line {line}, and indent the list below it")
                    }
                    None if items.len() > 1 => known_here(object),
                    None => "remove the `- `: there is only one of it".to_owned(),
                }),
                Value::Scalar(scalar) => Some(shorthand_help(scalar, object)),
                Value::Mapping(_) => None,
            };
            self.wrong_type(node, path, &format!("{} (a mapping)", object.title), help);
            return None;
        };
        let mut fields = Fields::empty(node.span, object);
        if let Some(first) = entries.first() {
            fields.width = first.key.width;
        }
        let mut misspelt = Vec::new();
        for entry in entries {
            let Some(field) = object.field(&entry.key.text) else {
                if let Some(near) = self.unknown_field(entry, entries, path, object) {
                    misspelt.push((near, entry));
                }
                continue;
            };
            self.add_field(&mut fields, field.name, &entry.key, &entry.value, path);
        }
        for (name, entry) in misspelt {
            // Said already; taking it for what it was meant to be finds the mistakes below it, too.
            if fields.key(name).is_none() {
                fields.found.push((name, &entry.key, &entry.value));
            }
        }
        Some(fields)
    }

    /// Adds a known field, unless it is there already in another case.
    pub(super) fn add_field<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        name: &'static str,
        key: &'n Key,
        value: &'n Node,
        path: &Path<'_>,
    ) {
        let Some(before) = fields.key(name) else {
            fields.found.push((name, key, value));
            return;
        };
        let message = format!("`{}` and `{}` are the same field", before.text, key.text);
        let help = format!("keep one; it is written `{name}`");
        let diagnostic = Diagnostic::error(Code::DuplicateKey, key.span, path.field(name), message);
        self.push(diagnostic.width(key.width).help(help));
    }

    /// Says that the field `entry` does not exist; `siblings` are all fields of its mapping. The answer is the field that was
    /// meant, if it is only misspelt or has another name now.
    pub(super) fn unknown_field(
        &mut self,
        entry: &Entry,
        siblings: &[Entry],
        path: &Path<'_>,
        object: &'static Object,
    ) -> Option<&'static str> {
        let key = &entry.key;
        let message = format!("unknown field \"{}\" in {}", key.text.escape_debug(), object.title);
        let (help, meant) = match history::former_field(entry, object, siblings) {
            Some(answer) => (answer.help, answer.now),
            None => self.unknown_field_help(entry, path, object),
        };
        self.push(Diagnostic::error(Code::UnknownField, key.span, path, message).width(key.width).help(help));
        meant
    }

    fn unknown_field_help(
        &self,
        entry: &Entry,
        path: &Path<'_>,
        object: &'static Object,
    ) -> (String, Option<&'static str>) {
        let name = entry.key.text.as_str();
        let places_of =
            |name: &str| nearest_places(fields::places(self.root(), name, &|shape| fits(&entry.value, shape)), path);
        let mut places = places_of(name);
        match nearest(name, object.names()) {
            Some(near) if places.is_empty() => return (format!("did you mean `{near}`?"), Some(near)),
            Some(near) => return (format!("did you mean `{near}`? It exists as {}", quoted(&places)), None),
            None => {}
        }
        if places.is_empty() {
            // A misspelt name that belongs elsewhere.
            let all = fields::all_names(self.root());
            places = nearest(name, all).map(places_of).unwrap_or_default();
        }
        let help = match &places[..] {
            [] => known_here(object),
            places => format!("it exists as {}; check the indentation", quoted(places)),
        };
        (help, None)
    }

    /// The items of a list; none when the node is no list.
    pub(super) fn items<'n>(&mut self, node: &'n Node, path: &Path<'_>, of: &str) -> &'n [Node] {
        if let Value::Sequence(items) = &node.value {
            return items;
        }
        let help = match &node.value {
            Value::Mapping(_) => "begin each item with `- `".to_owned(),
            _ => "write one item per line, each beginning with `- `".to_owned(),
        };
        self.wrong_type(node, path, &format!("a list of {of}"), Some(help));
        &[]
    }

    /// Decodes a field that is a list of objects; `None` when it is absent or null.
    pub(super) fn list<'n, T>(
        &mut self,
        fields: &Fields<'n>,
        path: &Path<'_>,
        name: &'static str,
        of: &str,
        mut decode: impl FnMut(&mut Self, &'n Node, &Path<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let node = fields.get(name)?;
        let path = path.field(name);
        let mut list = Vec::new();
        for (at, item) in self.items(node, &path, of).iter().enumerate() {
            let path = path.item(at);
            if item.is_null() {
                let message = format!("this item of the list is empty, expected one of {of}");
                self.error_with_help(Code::MissingField, item, &path, message, Some("remove the `-`".to_owned()));
                continue;
            }
            list.extend(decode(self, item, &path));
        }
        Some(list)
    }

    /// The text of a scalar. Nothing is converted: numbers and booleans have to be quoted to be text.
    pub(super) fn text<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n str> {
        let help = match &node.value {
            Value::Scalar(Scalar { text, resolved: Resolved::String, .. }) => return Some(text),
            Value::Scalar(Scalar { text, resolved, .. }) => Some(quote_help(text, *resolved)),
            _ => None,
        };
        self.wrong_type(node, path, "text", help);
        None
    }

    /// The text of an item of a list whose items have the shape of `field`. A placeholder is no text.
    pub(super) fn text_item<'n>(&mut self, node: &'n Node, path: &Path<'_>, field: &fields::Field) -> Option<&'n str> {
        let text = self.text(node, path)?;
        self.is_filled_in(text, node, path, field.shape.strictness()).then_some(text)
    }

    /// The text of a field; `None` when it is absent, null or empty.
    pub(super) fn text_field<'n>(
        &mut self,
        fields: &Fields<'n>,
        path: &Path<'_>,
        name: &'static str,
    ) -> Option<(&'n str, &'n Node)> {
        let node = fields.get(name)?;
        let path = path.field(name);
        let text = self.text(node, &path)?;
        let is_filled_in = self.is_filled_in(text, node, &path, fields.strictness(name));
        (is_filled_in && !text.is_empty()).then_some((text, node))
    }

    /// The owned text of a field without further meaning.
    pub(super) fn string(&mut self, fields: &Fields<'_>, path: &Path<'_>, name: &'static str) -> Option<String> {
        self.text_field(fields, path, name).map(|(text, _)| text.to_owned())
    }

    /// The text of a field that must not be empty. The mistake is said once: as missing, or as of the wrong type.
    pub(super) fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        path: &Path<'_>,
        name: &'static str,
        object: &'static Object,
        example: &str,
    ) -> Option<(&'n str, &'n Node)> {
        let is_blank = |text: &str| text.trim().is_empty();
        if let Some(found) = self.text_field(fields, path, name).filter(|(text, _)| !is_blank(text)) {
            return Some(found);
        }
        if fields.get(name).is_none_or(|node| node.as_text().is_some_and(is_blank)) {
            let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
            let message = format!("{} needs {article} `{name}`", object.title);
            let filled = format!(
                "write `{name}: {example}`; if a template wrote this file, the template filled in nothing here"
            );
            let (span, width, message, help) = match (fields.get(name), fields.key(name)) {
                (Some(node), _) => (node.span, node.width, message + ", and this one is empty", filled),
                (None, Some(key)) => (key.span, key.width, message + ", and this one is empty", filled),
                (None, None) => (fields.span, fields.width, message, format!("add `{name}: {example}`")),
            };
            let diagnostic = Diagnostic::error(Code::MissingField, span, path.field(name), message);
            self.push(diagnostic.width(width).stage(self.stage).help(help));
        }
        None
    }

    /// A mapping with any content, as JSON.
    pub(super) fn values(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let Value::Mapping(entries) = &node.value else {
            let help = "write one `key: value` per line, as in `values.yaml` of the chart".to_owned();
            self.wrong_type(node, path, "a mapping", Some(help));
            return None;
        };
        Some(entries.iter().map(|entry| (entry.key.as_json(), self.json(&entry.value, path))).collect())
    }

    fn json(&mut self, node: &Node, path: &Path<'_>) -> serde_json::Value {
        use serde_json::Value as J;
        match &node.value {
            Value::Mapping(entries) => {
                J::Object(entries.iter().map(|entry| (entry.key.as_json(), self.json(&entry.value, path))).collect())
            }
            Value::Sequence(items) => J::Array(items.iter().map(|item| self.json(item, path)).collect()),
            Value::Scalar(Scalar { text, resolved, .. }) => match resolved {
                Resolved::Null => J::Null,
                Resolved::Bool(truth) => J::Bool(*truth),
                Resolved::Integer(number) => J::from(*number),
                Resolved::Float(number) => {
                    if let Some(number) = serde_json::Number::from_f64(*number) {
                        return J::Number(number);
                    }
                    let message = format!("the number `{text}` cannot be a value of a chart");
                    let help = format!("quote it, if it is text: `'{text}'`");
                    self.error_with_help(Code::InvalidValue, node, path, message, Some(help));
                    J::Null
                }
                Resolved::String => J::String(text.clone()),
            },
        }
    }

    /// A boolean field; false when absent or null.
    pub(super) fn boolean(&mut self, fields: &Fields<'_>, path: &Path<'_>, name: &'static str) -> bool {
        let Some(node) = fields.get(name) else { return false };
        let help = match &node.value {
            Value::Scalar(Scalar { resolved: Resolved::Bool(value), .. }) => return *value,
            Value::Scalar(Scalar { text, .. })
                if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") =>
            {
                format!("remove the quotes: `{name}: {}`", text.to_ascii_lowercase())
            }
            _ => format!("write `{name}: true` or `{name}: false`"),
        };
        self.wrong_type(node, &path.field(name), "true or false", Some(help));
        false
    }
}

/// The places that are nearest to `path`: a list item that belongs one level deeper is not sent to the other end of the
/// file.
fn nearest_places(places: Vec<String>, path: &Path<'_>) -> Vec<String> {
    let here = path.to_string();
    let here: Vec<&str> = here.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect();
    let shared = |place: &String| {
        place.split('.').map(|part| part.trim_end_matches("[]")).zip(&here).take_while(|(one, two)| one == *two).count()
    };
    let most = places.iter().map(shared).max().unwrap_or_default();
    places.into_iter().filter(|place| shared(place) == most).collect()
}

/// The placeholder that a node of the wrong type is: a text, or `{x}`, in which YAML sees a mapping.
fn placeholder_in(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar(scalar) => placeholder::find(&scalar.text, Strictness::Any).map(str::to_owned),
        Value::Mapping(entries) => match &entries[..] {
            [entry] if entry.value.is_null() && entry.key.span.line == node.span.line => {
                let is_flow = entry.key.span.column > node.span.column;
                is_flow.then(|| format!("{{{}}}", entry.key.text))
            }
            _ => None,
        },
        Value::Sequence(_) => None,
    }
}
