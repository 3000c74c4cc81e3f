//! Helm charts: load them, render them as Helm does, and find their images.
//!
//! [`yaml`] reads YAML 1.1 as Helm does.
#![allow(dead_code)]

mod gostring;
mod json;
mod number;
mod objects;
#[cfg(test)]
mod rows;
pub mod yaml;
