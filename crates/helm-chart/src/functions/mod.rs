//! The functions of Helm's templates: those of sprig, and Helm's own.
//!
//! What chance, the clock or a cluster would decide is fixed: the same chart gives the same text on every machine
//! (see [`placeholders`]).

mod cases;
mod cast;
mod certificates;
mod dates;
mod decimal;
mod dicts;
mod encoding;
mod equal;
mod hashes;
mod lists;
mod merge;
mod numbers;
mod paths;
mod placeholders;
mod reflection;
mod regexes;
mod strings;
mod toml;
mod urls;
mod versions;

use go_template::{Context, Error, Functions, List, Text, Value};

use crate::objects::NIL_POINTER;

/// All functions but those that run templates (`include`, `tpl`) and their like.
pub(crate) fn all() -> Functions {
    let mut functions = Functions::new();
    strings::add(&mut functions);
    cases::add(&mut functions);
    lists::add(&mut functions);
    dicts::add(&mut functions);
    numbers::add(&mut functions);
    encoding::add(&mut functions);
    reflection::add(&mut functions);
    regexes::add(&mut functions);
    versions::add(&mut functions);
    hashes::add(&mut functions);
    paths::add(&mut functions);
    urls::add(&mut functions);
    dates::add(&mut functions);
    certificates::add(&mut functions);
    placeholders::add(&mut functions);
    functions
}

/// The items of any slice, or the words of the panic that looking at something else is.
fn items(value: &Value, words: impl Fn(&str) -> String) -> Result<Vec<Value>, Error> {
    match value.to_items() {
        Some(items) => Ok(items),
        None if value.is_nil() => Err(Error::new(NIL_POINTER)),
        None => Err(Error::new(words(value.kind().name()))),
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List(List::new(items))
}

/// sprig's `strval`: how a value becomes a text.
fn strval(value: &Value, context: &mut Context) -> Result<Text, Error> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bytes(bytes) => Ok(Text::from(&bytes[..])),
        other => context.print(std::slice::from_ref(other)),
    }
}

/// sprig's `strslice`: the texts of a list's items, without nil.
fn strings_of(value: &Value, context: &mut Context) -> Result<Vec<Text>, Error> {
    match value.to_items() {
        Some(items) => {
            context.step(items.len() as u64)?;
            items.iter().filter(|item| !item.is_nil()).map(|item| strval(item, context)).collect()
        }
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![strval(value, context)?]),
    }
}

/// sprig's `empty`.
fn is_empty(value: &Value) -> bool {
    match value {
        // A typed nil pointer is empty; a struct and a function never are.
        Value::Object(_) | Value::Function(_) => false,
        other => !other.truth(),
    }
}
