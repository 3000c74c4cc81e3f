//! The structs that templates see: `.Chart`, `.Files`, `.Capabilities`, versions, times, certificates.

mod capabilities;
mod certificate;
mod chart;
mod files;
mod shape;
mod time;
mod version;

use go_template::{Object, Value};

pub(crate) use capabilities::capabilities;
pub(crate) use certificate::{CERTIFICATE, Certificate};
pub(crate) use chart::chart;
pub(crate) use files::files;
use shape::Struct;
pub(crate) use time::{TIME, Time, parse_duration, show_duration};
pub(crate) use version::version;

/// The type of `.Values`, and of `.Template`: a map with methods.
pub(crate) use chart::VALUES;

/// The fields of an object as `encoding/json` writes them, in the order of their declaration. `None` for an object that
/// writes itself.
pub(crate) fn json_fields(object: &dyn Object) -> Option<Vec<(&'static str, Value)>> {
    object.as_any().downcast_ref::<Struct>().map(Struct::json_fields)
}
