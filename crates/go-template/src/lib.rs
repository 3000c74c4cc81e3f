//! Go's text/template: parse and execute templates as Go does.
//!
//! Helm charts are written for Go's `text/template`, and their authors count on its details: maps that everybody shares,
//! kinds of numbers, what is true and what is empty, the exact words of errors. This crate follows Go in all of them.
//!
//! A [`Value`] is what a template works on. A [`Functions`] registry holds what a template can call beyond the functions
//! of Go itself. Bodies of functions get a [`Context`], by which they stay inside the [`Limits`] of the run.
//!
//! The crate touches no files, no clock and no environment.

mod context;
mod error;
mod function;
mod list;
mod map;
mod object;
mod text;
mod types;
mod value;

pub use context::{Context, Limits};
pub use error::{Error, ErrorKind};
pub use function::{Function, Functions};
pub use list::List;
pub use map::Map;
pub use object::Object;
pub use text::Text;
pub use types::{BYTES, Kind, LIST, MAP, Method, Named, STRINGS, Type};
pub use value::{Typed, Value};
