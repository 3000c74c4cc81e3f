//! What is wrong with values, in the words of the library that Helm uses.

use std::fmt::Write as _;

use boon::{ErrorKind, InstanceToken, ValidationError};
use serde_json::{Number, Value as Json};

use crate::number::format_g;

/// `ValidationError.Error()`
pub(super) fn of(error: &ValidationError) -> String {
    let mut out = String::new();
    show(&mut out, error, 0, None);
    out
}

fn show(out: &mut String, error: &ValidationError, mut indent: usize, parent: Option<&ValidationError>) {
    for (words, depth) in parent.map(|parent| dropped(parent, error)).unwrap_or_default() {
        let tokens = &error.instance_location.tokens;
        line(out, indent, &format!("at {}: {words}", place(tokens.get(..depth).unwrap_or(tokens))));
        indent += 1;
    }
    let is_way = error.causes.len() == 1 && matches!(error.kind, ErrorKind::Reference { .. });
    if !is_way {
        let words = match &error.kind {
            ErrorKind::Schema { .. } => kind(&error.kind),
            other => format!("at {}: {}", place(&error.instance_location.tokens), kind(other)),
        };
        line(out, indent, &words);
        indent += 1;
    }
    for cause in &error.causes {
        show(out, cause, indent, Some(error));
    }
}

fn line(out: &mut String, indent: usize, words: &str) {
    if indent > 0 {
        let _ = write!(out, "\n{}- ", "  ".repeat(indent - 1));
    }
    out.push_str(words);
}

fn place(tokens: &[InstanceToken]) -> String {
    let mut pointer = String::new();
    for token in tokens {
        let token = match token {
            InstanceToken::Prop(name) => name.replace('~', "~0").replace('/', "~1"),
            InstanceToken::Item(index) => index.to_string(),
        };
        let _ = write!(pointer, "/{token}");
    }
    quoted(&pointer)
}

/// The errors of `allOf`, `anyOf` and `oneOf` that `boon` leaves out because they have one cause only: their words, and
/// how many steps of the cause's place lead to theirs. The way from the parent's schema to that of the cause tells them.
fn dropped(parent: &ValidationError, cause: &ValidationError) -> Vec<(&'static str, usize)> {
    let mut all = Vec::new();
    let from = match &parent.kind {
        ErrorKind::Reference { url, .. } | ErrorKind::Schema { url } => *url,
        _ => parent.schema_url,
    };
    let Some(way) = cause.schema_url.strip_prefix(from.trim_end_matches('#')) else { return all };
    let way = way.trim_start_matches('#');
    let is_kept = matches!(parent.kind, ErrorKind::AllOf | ErrorKind::AnyOf | ErrorKind::OneOf(_));
    let mut depth = parent.instance_location.tokens.len();
    let mut steps = way.split('/').skip(1).peekable();
    let mut is_first = true;
    while let Some(step) = steps.next() {
        let first = std::mem::take(&mut is_first);
        let words = match step {
            "allOf" => Some("'allOf' failed"),
            "anyOf" => Some("'anyOf' failed"),
            "oneOf" => Some("'oneOf' failed, none matched"),
            _ => None,
        };
        match step {
            "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => {
                steps.next();
            }
            "properties" | "patternProperties" | "prefixItems" => {
                steps.next();
                depth += 1;
            }
            "items" => {
                steps.next_if(|step| step.bytes().all(|byte| byte.is_ascii_digit()));
                depth += 1;
            }
            "additionalProperties" | "additionalItems" | "unevaluatedItems" | "unevaluatedProperties" | "contains" => {
                depth += 1;
            }
            _ => {}
        }
        if let Some(words) = words
            && !(first && is_kept)
        {
            all.push((words, depth.min(cause.instance_location.tokens.len())));
        }
    }
    all
}

fn kind(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Schema { url } => format!("jsonschema validation failed with {}", quoted(url)),
        ErrorKind::Group | ErrorKind::Reference { .. } => "validation failed".into(),
        ErrorKind::Not => "'not' failed".into(),
        ErrorKind::AllOf => "'allOf' failed".into(),
        ErrorKind::AnyOf => "'anyOf' failed".into(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".into(),
        ErrorKind::OneOf(Some((one, other))) => format!("'oneOf' failed, subschemas {one}, {other} matched"),
        ErrorKind::FalseSchema => "false schema".into(),
        ErrorKind::RefCycle { url, kw_loc1, kw_loc2 } => {
            let url = go_template::quote(url.as_bytes());
            format!("both {kw_loc1} and {kw_loc2} resolve to {url} causing reference cycle")
        }
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|ty| ty.to_string()).collect();
            format!("got {got}, want {}", want.join(" or "))
        }
        ErrorKind::Enum { want } => match want.as_slice() {
            all if !all.iter().all(is_primitive) => "'enum' failed".into(),
            [one] => format!("value must be {}", display(one)),
            all => format!("value must be one of {}", all.iter().map(display).collect::<Vec<_>>().join(", ")),
        },
        ErrorKind::Const { want } if is_primitive(want) => format!("value must be {}", display(want)),
        ErrorKind::Const { .. } => "'const' failed".into(),
        ErrorKind::Format { got, want, err } => format!("{} is not valid {want}: {err}", display(got)),
        ErrorKind::MinProperties { got, want } => counts("minProperties", *got, *want),
        ErrorKind::MaxProperties { got, want } => counts("maxProperties", *got, *want),
        ErrorKind::MinItems { got, want } => counts("minItems", *got, *want),
        ErrorKind::MaxItems { got, want } => counts("maxItems", *got, *want),
        ErrorKind::MinLength { got, want } => counts("minLength", *got, *want),
        ErrorKind::MaxLength { got, want } => counts("maxLength", *got, *want),
        ErrorKind::AdditionalItems { got } => {
            format!("last {} additionalItem(s) not allowed", grouped(&got.to_string()))
        }
        ErrorKind::Required { want } => match want.as_slice() {
            [one] => format!("missing property {}", quoted(one)),
            all => format!("missing properties {}", all_quoted(all)),
        },
        ErrorKind::Dependency { prop, missing } | ErrorKind::DependentRequired { prop, missing } => {
            format!("properties {} required, if {} exists", all_quoted(missing), quoted(prop))
        }
        ErrorKind::AdditionalProperties { got } => format!("additional properties {} not allowed", all_quoted(got)),
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quoted(prop)),
        ErrorKind::UniqueItems { got: [one, other] } => format!("items at {one} and {other} are equal"),
        ErrorKind::Contains => "no items match contains schema".into(),
        ErrorKind::MinContains { got, want } if got.is_empty() => {
            format!("min {want} items required to match contains schema, but none matched")
        }
        ErrorKind::MinContains { got, want } => {
            format!("min {want} items required to match contains schema, but matched {}", places(got))
        }
        ErrorKind::MaxContains { got, want } => {
            format!("max {want} items required to match contains schema, but matched {}", places(got))
        }
        ErrorKind::Pattern { got, want } => format!("{} does not match pattern {}", quoted(got), quoted(want)),
        ErrorKind::ContentEncoding { want, err } => format!("value is not {} encoded: {err}", quoted(want)),
        ErrorKind::ContentMediaType { want, err, .. } => format!("value if not of mediatype {}: {err}", quoted(want)),
        ErrorKind::ContentSchema => "'contentSchema' failed".into(),
        ErrorKind::Minimum { got, want } => numbers("minimum", got, want),
        ErrorKind::Maximum { got, want } => numbers("maximum", got, want),
        ErrorKind::ExclusiveMinimum { got, want } => numbers("exclusiveMinimum", got, want),
        ErrorKind::ExclusiveMaximum { got, want } => numbers("exclusiveMaximum", got, want),
        ErrorKind::MultipleOf { got, want } => numbers("multipleOf", got, want),
    }
}

fn counts(what: &str, got: usize, want: usize) -> String {
    format!("{what}: got {}, want {}", grouped(&got.to_string()), grouped(&want.to_string()))
}

fn numbers(what: &str, got: &Number, want: &Number) -> String {
    let show = |number: &Number| grouped(&format_g(number.as_f64().unwrap_or(f64::NAN)));
    format!("{what}: got {}, want {}", show(got), show(want))
}

/// A number as Go's `message.Printer` writes it in English: `70,000`.
fn grouped(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = text.find(|c: char| !c.is_ascii_digit()).map_or((text, ""), |at| text.split_at(at));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

fn places(at: &[usize]) -> String {
    let list: Vec<String> = at.iter().map(usize::to_string).collect();
    format!("{} items at {}", at.len(), list.join(" "))
}

fn is_primitive(value: &Json) -> bool {
    !value.is_array() && !value.is_object()
}

fn display(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Null => "<nil>".into(),
        Json::Array(_) | Json::Object(_) => "value".into(),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let quoted = go_template::quote(text.as_bytes());
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
    format!("'{}'", inside.replace("\\\"", "\"").replace('\'', "\\'"))
}

fn all_quoted<T: AsRef<str>>(texts: &[T]) -> String {
    texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", ")
}
