//! From the YAML tree to the typed configuration, going on after every mistake.

mod advice;
mod context;
mod document;
mod fits;
mod helm;
mod images;
mod operators;
mod path;
mod platform;
mod unique;
mod values;

pub(crate) use document::document;
