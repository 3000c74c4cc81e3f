//! The arguments of functions and methods. The engine has counted them and has checked their types before it calls.

use go_template::{Map, Text, Value};

/// An argument by its place, from 0.
pub(crate) fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).expect("the engine counts the arguments")
}

/// The arguments behind the first `count`.
pub(crate) fn behind(args: &[Value], count: usize) -> &[Value] {
    args.get(count..).unwrap_or_default()
}

pub(crate) fn text(args: &[Value], index: usize) -> Text {
    arg(args, index).as_text().expect("the parameter is a string")
}

pub(crate) fn int(args: &[Value], index: usize) -> i64 {
    arg(args, index).as_int().expect("the parameter is an int")
}

pub(crate) fn map(args: &[Value], index: usize) -> &Map {
    arg(args, index).as_map().expect("the parameter is a map")
}
