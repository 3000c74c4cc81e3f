//! The structs that templates see: `.Chart`, `.Files`, `.Capabilities`, versions, times, certificates.

mod capabilities;
mod certificate;
mod chart;
mod files;
mod time;
mod version;

pub(crate) use capabilities::capabilities;
pub(crate) use certificate::{CERTIFICATE, Certificate};
pub(crate) use chart::chart;
pub(crate) use files::files;
pub(crate) use time::{TIME, Time, parse_duration, show_duration};
pub(crate) use version::version;

/// The type of `.Values`, and of `.Template`: a map with methods.
pub(crate) use chart::VALUES;

/// Go's words where a pointer leads nowhere.
pub(crate) const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";
