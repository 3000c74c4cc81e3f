//! From nodes to data: go-yaml's decoding into `interface{}`, then the step to JSON of `sigs.k8s.io/yaml`.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use base64::Engine as _;

use super::compose::{Document, Node, NodeId};
use super::resolve::{Scalar, resolve};
use super::{Error, Json, Target};
use crate::number;

/// How deep data may lie after aliases were followed.
const MAX_DEPTH: usize = 1_000;

/// Decodes a document for a target: where the target wants a string, numbers and truths become strings.
pub(super) fn decode(document: &Document, target: &Target) -> Result<Json, Error> {
    let mut decoder = Decoder {
        nodes: &document.nodes,
        open_aliases: HashSet::new(),
        decoded: 0,
        in_aliases: 0,
        alias_depth: 0,
        depth: 0,
    };
    let any = decoder.any(document.root)?;
    to_json(any, target)
}

/// Go's `interface{}` as go-yaml fills it. Keys of mappings keep their type until the step to JSON.
#[derive(Debug, Clone)]
enum Any {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(String),
    List(Vec<Any>),
    Map(BTreeMap<Key, Any>),
}

/// A key of a mapping. The order decides which of `1` and `"1"` wins, which Go leaves to chance, and in which order Go
/// prints keys of several types.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Str(String),
    /// The bits of a float.
    Float(u64),
    Int(i64),
    Uint(u64),
    Bool(bool),
}

struct Decoder<'a> {
    nodes: &'a [Node],
    open_aliases: HashSet<NodeId>,
    decoded: u64,
    in_aliases: u64,
    alias_depth: u64,
    depth: usize,
}

impl<'a> Decoder<'a> {
    /// go-yaml's defence against documents that grow by aliases.
    fn count(&mut self) -> Result<(), Error> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.in_aliases += 1;
        }
        let allowed = match self.decoded {
            0..=400_000 => 0.99,
            400_001..4_000_000 => 0.99 - 0.89 * ((self.decoded - 400_000) as f64 / 3_600_000.0),
            _ => 0.10,
        };
        let ratio = self.in_aliases as f64 / self.decoded as f64;
        if self.in_aliases > 100 && self.decoded > 1_000 && ratio > allowed {
            return Err(Error::plain("document contains excessive aliasing"));
        }
        Ok(())
    }

    fn node(&self, id: NodeId) -> &'a Node {
        self.nodes.get(id).expect("the document holds the nodes that its nodes name")
    }

    fn any(&mut self, id: NodeId) -> Result<Any, Error> {
        self.count()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::plain("exceeded max depth of 1000"));
        }
        let any = match self.node(id) {
            Node::Alias { name, to } => {
                self.open_alias(id, name)?;
                let any = self.any(*to)?;
                self.close_alias(id);
                any
            }
            Node::Scalar { value, tag, implicit } => scalar(value, tag, *implicit)?,
            Node::Sequence(children) => {
                Any::List(children.iter().map(|child| self.any(*child)).collect::<Result<_, _>>()?)
            }
            Node::Mapping(_) => {
                let mut map = BTreeMap::new();
                self.mapping_into(id, &mut map)?;
                Any::Map(map)
            }
        };
        self.depth -= 1;
        Ok(any)
    }

    fn open_alias(&mut self, id: NodeId, name: &str) -> Result<(), Error> {
        if !self.open_aliases.insert(id) {
            return Err(Error::plain(&format!("anchor '{name}' value contains itself")));
        }
        self.alias_depth += 1;
        Ok(())
    }

    fn close_alias(&mut self, id: NodeId) {
        self.alias_depth -= 1;
        self.open_aliases.remove(&id);
    }

    fn mapping_into(&mut self, id: NodeId, map: &mut BTreeMap<Key, Any>) -> Result<(), Error> {
        let Node::Mapping(children) = self.node(id) else { return Ok(()) };
        for (key, value) in children {
            if self.is_merge(*key) {
                self.merge(*value, map)?;
                continue;
            }
            let key = match self.any(*key)? {
                Any::Null => Key::Null,
                Any::Bool(value) => Key::Bool(value),
                Any::Int(value) => Key::Int(value),
                Any::Uint(value) => Key::Uint(value),
                Any::Float(value) => Key::Float(value.to_bits()),
                Any::Str(value) => Key::Str(value),
                collection => {
                    return Err(Error::plain(&format!("invalid map key: {}", go_syntax(&collection))));
                }
            };
            let value = self.any(*value)?;
            map.insert(key, value);
        }
        Ok(())
    }

    fn is_merge(&self, id: NodeId) -> bool {
        matches!(self.node(id), Node::Scalar { value, tag, implicit }
            if value == "<<" && (*implicit || tag == "tag:yaml.org,2002:merge"))
    }

    fn merge(&mut self, id: NodeId, map: &mut BTreeMap<Key, Any>) -> Result<(), Error> {
        match self.node(id) {
            Node::Sequence(children) => {
                for child in children.iter().rev() {
                    self.merge_one(*child, map)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, map),
        }
    }

    fn merge_one(&mut self, id: NodeId, map: &mut BTreeMap<Key, Any>) -> Result<(), Error> {
        self.count()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::plain("exceeded max depth of 1000"));
        }
        let wanted = Error::plain("map merge requires map or sequence of maps as the value");
        match self.node(id) {
            Node::Mapping(_) => self.mapping_into(id, map)?,
            Node::Alias { name, to } if matches!(self.node(*to), Node::Mapping(_)) => {
                self.open_alias(id, name)?;
                self.count()?;
                self.mapping_into(*to, map)?;
                self.close_alias(id);
            }
            _ => return Err(wanted),
        }
        self.depth -= 1;
        Ok(())
    }
}

fn scalar(value: &str, tag: &str, implicit: bool) -> Result<Any, Error> {
    if tag.is_empty() && !implicit {
        return Ok(Any::Str(value.to_owned()));
    }
    Ok(match resolve(tag, value)? {
        Scalar::Null => Any::Null,
        Scalar::Bool(value) => Any::Bool(value),
        Scalar::Int(value) => Any::Int(value),
        Scalar::Uint(value) => Any::Uint(value),
        Scalar::Float(value) => Any::Float(value),
        Scalar::Timestamp | Scalar::Merge | Scalar::Str => Any::Str(value.to_owned()),
        Scalar::Binary => {
            let compact: String = value.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
            let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(compact) else {
                return Err(Error::plain("!!binary value contains invalid base64 data"));
            };
            // JSON replaces what is not UTF-8 in the next step.
            Any::Str(String::from_utf8_lossy(&bytes).into_owned())
        }
    })
}

fn to_json(any: Any, target: &Target) -> Result<Json, Error> {
    Ok(match any {
        Any::Map(entries) => {
            let mut map = BTreeMap::new();
            for (key, value) in entries {
                let key = match key {
                    Key::Str(key) => key,
                    Key::Int(key) => key.to_string(),
                    Key::Bool(key) => key.to_string(),
                    Key::Float(bits) => float_key(f64::from_bits(bits)),
                    Key::Null => return Err(unsupported_key("%!s(<nil>)", "<nil>", &value)),
                    Key::Uint(key) => return Err(unsupported_key("uint64", &format!("{key:#x}"), &value)),
                };
                let value = to_json(value, target.field(&key))?;
                map.insert(key, value);
            }
            Json::Map(map)
        }
        Any::List(items) => {
            let element = target.element();
            Json::List(items.into_iter().map(|item| to_json(item, element)).collect::<Result<_, _>>()?)
        }
        Any::Bool(value) if target.is_string() => Json::Str(value.to_string()),
        Any::Int(value) if target.is_string() => Json::Str(value.to_string()),
        Any::Uint(value) if target.is_string() => Json::Str(value.to_string()),
        Any::Float(value) if target.is_string() => Json::Str(number::format_g32(value)),
        Any::Null => Json::Null,
        Any::Bool(value) => Json::Bool(value),
        Any::Int(value) => Json::Int(value),
        Any::Uint(value) => Json::Uint(value),
        Any::Float(value) if value.is_finite() => Json::Float(value),
        Any::Float(value) => {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(Error::whole(format!("json: unsupported value: {name}")));
        }
        Any::Str(value) => Json::Str(value),
    })
}

fn float_key(value: f64) -> String {
    if value.is_nan() {
        return ".nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf".into() } else { "-.inf".into() };
    }
    number::format_g32(value)
}

fn unsupported_key(ty: &str, key: &str, value: &Any) -> Error {
    let value = if matches!(value, Any::Null) { "<nil>".to_owned() } else { go_syntax(value) };
    Error::whole(format!("unsupported map key of type: {ty}, key: {key}, value: {value}"))
}

/// `%#v` of decoded data.
fn go_syntax(any: &Any) -> String {
    let mut text = String::new();
    write_go(any, &mut text);
    text
}

fn write_go(any: &Any, out: &mut String) {
    // Longer output helps nobody, and a hostile document could make it huge.
    if out.len() > 10_000 {
        return;
    }
    match any {
        Any::Null => out.push_str("interface {}(nil)"),
        Any::Bool(value) => {
            let _ = write!(out, "{value}");
        }
        Any::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Any::Uint(value) => {
            let _ = write!(out, "{value:#x}");
        }
        Any::Float(value) => out.push_str(&number::format_g(*value)),
        Any::Str(value) => out.push_str(&go_template::quote(value.as_bytes())),
        Any::List(items) => {
            out.push_str("[]interface {}{");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_go(item, out);
            }
            out.push('}');
        }
        Any::Map(entries) => {
            out.push_str("map[interface {}]interface {}{");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                let key = match key {
                    Key::Null => Any::Null,
                    Key::Bool(value) => Any::Bool(*value),
                    Key::Int(value) => Any::Int(*value),
                    Key::Uint(value) => Any::Uint(*value),
                    Key::Float(bits) => Any::Float(f64::from_bits(*bits)),
                    Key::Str(value) => Any::Str(value.clone()),
                };
                write_go(&key, out);
                out.push(':');
                write_go(value, out);
            }
            out.push('}');
        }
    }
}
