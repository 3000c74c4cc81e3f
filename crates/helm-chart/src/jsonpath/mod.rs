//! JSONPath as client-go has it: templates with braces, where keys may be missing.

mod parse;

use std::cmp::Ordering;

use go_template::{Context, Limits};
use parse::{Entry, Node};

use crate::json;
use crate::number;
use crate::yaml::Json;

/// Most bytes that one template may print, and most values that it may look at.
const LIMITS: Limits = Limits { steps: 5_000_000, bytes: 64 << 20, depth: 1 };

/// A template that finds values in data.
///
/// ```
/// use helm_chart::{JsonPath, yaml};
///
/// let path = JsonPath::parse("{.spec.containers[*].image}")?;
/// let pod = yaml::read(b"spec: {containers: [{image: a}, {image: b}]}").expect("this is YAML");
/// assert_eq!(path.print(&pod)?, "a b");
/// # Ok::<_, helm_chart::JsonPathError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonPath {
    nodes: Vec<Node>,
}

/// Why a template cannot be read, or cannot be applied to data, in client-go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonPathError(String);

impl JsonPath {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// `unclosed action` and the like.
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        Ok(Self { nodes: parse::parse(template).map_err(JsonPathError)? })
    }

    /// What the template prints for data: several values of one action stand with blanks between them.
    ///
    /// # Errors
    ///
    /// `array index out of bounds: ...` and the like. A missing key is no error.
    pub fn print(&self, data: &Json) -> Result<String, JsonPathError> {
        let mut run = Run {
            nodes: &self.nodes,
            begin_range: 0,
            in_range: 0,
            end_range: 0,
            last_end: None,
            context: Context::new(LIMITS),
        };
        // Without data there is not even a nil.
        let root = if *data == Json::Null { Item::Nothing } else { Item::Data(data) };
        let mut out = String::new();
        for results in run.find(root, 0).map_err(JsonPathError)? {
            let last = results.len().saturating_sub(1);
            for (index, item) in results.iter().enumerate() {
                run.show(item, &mut out).map_err(JsonPathError)?;
                if index != last {
                    out.push(' ');
                }
            }
        }
        Ok(out)
    }
}

/// A value on the way.
#[derive(Debug, Clone)]
enum Item<'a> {
    Data(&'a Json),
    /// A byte of a string.
    Byte(u8),
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Nothing,
}

type Items<'a> = Vec<Item<'a>>;

struct Run<'a> {
    nodes: &'a [Node],
    begin_range: usize,
    in_range: usize,
    end_range: usize,
    last_end: Option<usize>,
    context: Context,
}

impl<'a> Run<'a> {
    fn step(&mut self, items: usize) -> Result<(), String> {
        self.context.step(items as u64 + 1).map_err(|_| "the template looks at too many values".to_owned())
    }

    fn find(&mut self, root: Item<'a>, start: usize) -> Result<Vec<Items<'a>>, String> {
        let current = vec![root];
        let mut found = Vec::new();
        let mut at = start;
        let nodes = self.nodes;
        while let Some(node) = nodes.get(at) {
            let results = self.walk(&current, node)?;
            if self.end_range > 0 && self.end_range <= self.in_range {
                self.end_range -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.begin_range > 0 {
                self.begin_range -= 1;
                self.in_range += 1;
                if results.is_empty() {
                    // The body is walked all the same, so that its end is found.
                    self.find(Item::Nothing, at + 1)?;
                }
                for item in results {
                    self.step(1)?;
                    found.extend(self.find(item, at + 1)?);
                }
                self.in_range -= 1;
                if let Some(end) = self.last_end.filter(|end| *end > at) {
                    at = end;
                }
                at += 1;
                continue;
            }
            found.push(results);
            at += 1;
        }
        Ok(found)
    }

    fn walk(&mut self, input: &[Item<'a>], node: &'a Node) -> Result<Items<'a>, String> {
        self.step(input.len())?;
        Ok(match node {
            Node::List(nodes) => return self.list(input, nodes),
            Node::Text(text) => vec![Item::Text(text)],
            Node::Field(name) => fields(input, name),
            Node::Array(entries) => return slice(input, entries),
            Node::Filter(left, right, operator) => return self.filter(input, left, right, operator),
            Node::Int(value) => vec![Item::Int(*value); input.len()],
            Node::Bool(value) => vec![Item::Bool(*value); input.len()],
            Node::Float(value) => vec![Item::Float(*value); input.len()],
            Node::Wildcard => input.iter().flat_map(children).collect(),
            Node::Recursive => return self.recursive(input),
            Node::Union(lists) => {
                let mut all = Vec::new();
                for list in lists {
                    all.append(&mut self.list(input, list)?);
                }
                all
            }
            Node::Identifier(word) => match word.as_str() {
                "range" => {
                    self.begin_range += 1;
                    input.to_vec()
                }
                "end" if self.in_range > 0 => {
                    self.end_range += 1;
                    Vec::new()
                }
                "end" => return Err("not in range, nothing to end".into()),
                word => return Err(format!("unrecognized identifier {word}")),
            },
        })
    }

    fn list(&mut self, input: &[Item<'a>], nodes: &'a [Node]) -> Result<Items<'a>, String> {
        let mut current = input.to_vec();
        for node in nodes {
            current = self.walk(&current, node)?;
        }
        Ok(current)
    }

    fn recursive(&mut self, input: &[Item<'a>]) -> Result<Items<'a>, String> {
        let mut all = Vec::new();
        // Depth first; the stack holds what is still to be looked at, the next one last.
        let mut stack: Items<'a> = input.iter().rev().cloned().collect();
        while let Some(item) = stack.pop() {
            let mut inner = children(&item);
            self.step(inner.len())?;
            if inner.is_empty() {
                continue;
            }
            all.push(item);
            inner.reverse();
            stack.append(&mut inner);
        }
        Ok(all)
    }

    fn filter(
        &mut self,
        input: &[Item<'a>],
        left: &'a [Node],
        right: &'a [Node],
        operator: &str,
    ) -> Result<Items<'a>, String> {
        let mut kept = Vec::new();
        for item in input {
            let Item::Data(Json::List(items)) = item else {
                return Err(format!("{} is not array or slice and cannot be filtered", self.shown(item)));
            };
            for candidate in items {
                let candidate = [Item::Data(candidate)];
                let lefts = self.list(&candidate, left);
                if operator == "exists" {
                    if lefts.is_ok_and(|lefts| !lefts.is_empty()) {
                        kept.extend(candidate);
                    }
                    continue;
                }
                let lefts = lefts?;
                let many = || "can only compare one element at a time".to_owned();
                let left = match lefts.as_slice() {
                    [] => continue,
                    [left] => left,
                    _ => return Err(many()),
                };
                let rights = self.list(&candidate, right)?;
                let right = match rights.as_slice() {
                    [] => continue,
                    [right] => right,
                    _ => return Err(many()),
                };
                if compare(left, right, operator)? {
                    kept.extend(candidate);
                }
            }
        }
        Ok(kept)
    }

    /// The value as Go's `%v` shows it.
    fn shown(&mut self, item: &Item<'_>) -> String {
        match item {
            Item::Data(data) => match self.context.print(&[data.to_value()]) {
                Ok(text) => text.to_string(),
                Err(error) => error.to_string(),
            },
            Item::Byte(byte) => byte.to_string(),
            Item::Text(text) => (*text).to_owned(),
            Item::Int(value) => value.to_string(),
            Item::Float(value) => number::format_g(*value),
            Item::Bool(value) => value.to_string(),
            Item::Nothing => "<invalid reflect.Value>".into(),
        }
    }

    fn show(&mut self, item: &Item<'_>, out: &mut String) -> Result<(), String> {
        match item {
            Item::Data(data @ (Json::Map(_) | Json::List(_))) => {
                let text = json::marshal(&data.to_value(), json::Style::PLAIN, &mut self.context)
                    .map_err(|error| error.to_string())?;
                out.push_str(&String::from_utf8_lossy(&text));
            }
            Item::Data(Json::Null) => out.push_str("null"),
            Item::Data(Json::Str(text)) => {
                self.context.charge(text.len()).map_err(|error| error.to_string())?;
                out.push_str(text);
            }
            Item::Nothing => out.push_str("<no value>"),
            other => out.push_str(&self.shown(other)),
        }
        Ok(())
    }
}

fn children<'a>(item: &Item<'a>) -> Items<'a> {
    match item {
        Item::Data(Json::Map(entries)) => entries.values().map(Item::Data).collect(),
        Item::Data(Json::List(items)) => items.iter().map(Item::Data).collect(),
        Item::Data(Json::Str(text)) => text.bytes().map(Item::Byte).collect(),
        Item::Text(text) => text.bytes().map(Item::Byte).collect(),
        _ => Vec::new(),
    }
}

fn fields<'a>(input: &[Item<'a>], name: &str) -> Items<'a> {
    let field = |item: &Item<'a>| match item {
        Item::Data(data) => data.get(name).map(Item::Data),
        _ => None,
    };
    input.iter().filter_map(field).collect()
}

fn type_name(item: &Item<'_>) -> &'static str {
    match item {
        Item::Data(Json::Map(_)) => "map[string]interface {}",
        Item::Data(Json::List(_)) => "[]interface {}",
        Item::Data(Json::Str(_)) | Item::Text(_) => "string",
        Item::Data(Json::Bool(_)) | Item::Bool(_) => "bool",
        Item::Byte(_) => "uint8",
        Item::Int(_) => "int",
        Item::Data(Json::Null) | Item::Nothing => "nil",
        Item::Data(_) | Item::Float(_) => "float64",
    }
}

fn slice<'a>(input: &[Item<'a>], entries: &[Entry; 3]) -> Result<Items<'a>, String> {
    let mut kept = Vec::new();
    for item in input {
        let items = match item {
            Item::Data(Json::Null) => continue,
            Item::Data(Json::List(items)) => items,
            other => return Err(format!("{} is not array or slice", type_name(other))),
        };
        let length = i64::try_from(items.len()).expect("a list in memory");
        let [mut from, mut to, step] = *entries;
        if !from.known {
            from.value = 0;
        }
        if from.value < 0 {
            from.value += length;
        }
        if !to.known {
            to.value = length;
        }
        if to.value < 0 || (to.value == 0 && to.derived) {
            to.value += length;
        }
        if from.value == to.value {
            // Go gives up on all further values here.
            return Ok(kept);
        }
        let outside = |index| format!("array index out of bounds: index {index}, length {length}");
        if from.value >= length || from.value < 0 {
            return Err(outside(from.value));
        }
        if to.value > length || to.value < 0 {
            return Err(outside(to.value - 1));
        }
        if from.value > to.value {
            return Err(format!("starting index {} is greater than ending index {}", from.value, to.value));
        }
        let step = match step {
            Entry { known: true, value, .. } if value <= 0 => return Err("step must be > 0".into()),
            Entry { known: true, value, .. } => usize::try_from(value).unwrap_or(usize::MAX),
            _ => 1,
        };
        let bound = |value| usize::try_from(value).expect("compared with the length");
        let items = items.get(bound(from.value)..bound(to.value)).unwrap_or_default();
        kept.extend(items.iter().step_by(step).map(Item::Data));
    }
    Ok(kept)
}

/// What `==` and `<` compare.
enum Basic<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(&'a str),
}

fn basic<'a>(item: &Item<'a>) -> Result<Basic<'a>, String> {
    Ok(match item {
        Item::Data(Json::Bool(value)) | Item::Bool(value) => Basic::Bool(*value),
        Item::Data(Json::Int(value)) => Basic::Float(*value as f64),
        Item::Data(Json::Uint(value)) => Basic::Float(*value as f64),
        Item::Data(Json::Float(value)) | Item::Float(value) => Basic::Float(*value),
        Item::Data(Json::Str(text)) => Basic::Text(text),
        Item::Text(text) => Basic::Text(text),
        Item::Byte(byte) => Basic::Uint((*byte).into()),
        Item::Int(value) => Basic::Int(*value),
        Item::Data(_) | Item::Nothing => return Err("invalid type for comparison".into()),
    })
}

fn compare(left: &Item<'_>, right: &Item<'_>, operator: &str) -> Result<bool, String> {
    if !matches!(operator, "<" | ">" | "==" | "!=" | "<=" | ">=") {
        return Err(format!("unrecognized filter operator {operator}"));
    }
    let (left, right) = (basic(left)?, basic(right)?);
    let order = match (&left, &right) {
        (Basic::Bool(a), Basic::Bool(b)) => {
            if !matches!(operator, "==" | "!=") {
                return Err("invalid type for comparison".into());
            }
            Some(a.cmp(b))
        }
        (Basic::Int(a), Basic::Int(b)) => Some(a.cmp(b)),
        (Basic::Uint(a), Basic::Uint(b)) => Some(a.cmp(b)),
        (Basic::Int(a), Basic::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Basic::Uint(a), Basic::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Basic::Float(a), Basic::Float(b)) => a.partial_cmp(b),
        (Basic::Text(a), Basic::Text(b)) => Some(a.cmp(b)),
        _ => return Err("incompatible types for comparison".into()),
    };
    let (less, equal) = (order == Some(Ordering::Less), order == Some(Ordering::Equal));
    Ok(match operator {
        "==" => equal,
        "!=" => !equal,
        "<" => less,
        "<=" => less || equal,
        ">" => !(less || equal),
        _ => !less,
    })
}
