//! Go's text/template: parse and execute templates as Go does.
//!
//! Helm charts are written for Go's `text/template`, and their authors count on its details: maps that everybody shares,
//! kinds of numbers, what is true and what is empty, the exact words of errors. This crate follows Go in all of them.
//!
//! [`Templates`] are parsed with [`Templates::add`] and run with [`Templates::execute`]. A [`Value`] is what a template
//! works on. A [`Functions`] registry holds what a template can call beyond the functions of Go itself. Bodies of
//! functions get a [`Context`]: by it they stay inside the [`Limits`] of the run, and run templates themselves, as Helm's
//! `include` ([`Context::execute`]) and `tpl` ([`Context::render`]) do.
//!
//! ```
//! use go_template::{Context, Function, Functions, Limits, Map, Templates, Type, Value, on_large_stack};
//!
//! let text = on_large_stack(|| {
//!     let mut functions = Functions::new();
//!     functions.add("include", Function::new(&[Type::String, Type::Any], |context, args| {
//!         let name = args[0].as_text().expect("the parameter is a string");
//!         Ok(Value::from(context.execute(name.as_bytes(), &args[1])?))
//!     }));
//!     let mut templates = Templates::new("chart", functions);
//!     templates.add("page", br#"{{ define "name" }}{{ .a }}-{{ .b }}{{ end }}{{ include "name" . | printf "%q" }}"#)?;
//!     let data = Value::from(Map::from_iter([("a", 1), ("b", 2)]));
//!     templates.execute("page", &data, &mut Context::new(Limits::default())).map(|text| text.to_string())
//! });
//! assert_eq!(text.unwrap().unwrap(), r#""1-2""#);
//! ```
//!
//! The crate touches no files, no clock and no environment.
//!
//! ## Deviation
//!
//! - Bounds: steps, bytes and depth ([`Limits`]), 500 levels of blocks and parentheses in a text, 2 000 levels of lists and
//!   maps when a value is printed. Go has other bounds, or overflows its stack.
//! - `%p` and pointers inside printed values show one fixed address, so that the same template gives the same text.
//! - Keys of maps are strings; channels, arrays and iterator functions do not exist.
//! - A slice has no capacity beyond its length, so `slice` cannot reach behind the end.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod error;
mod escape;
mod float;
mod lex;
mod node;
mod number;
mod parse;
mod quote;
mod stack;
mod templates;
mod text;
mod utf8;
mod value;

pub use error::{Error, ErrorKind};
pub use quote::quote;
pub use stack::on_large_stack;
pub use templates::{MissingKey, Templates};
pub use text::Text;
pub use value::context::{Context, Limits, RenderError};
pub use value::function::{Function, Functions};
pub use value::list::List;
pub use value::map::Map;
pub use value::object::Object;
pub use value::types::{BYTES, Kind, LIST, MAP, Method, Named, STRINGS, Type};
pub use value::{Typed, Value};
