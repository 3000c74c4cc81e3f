//! The structs that templates see.

use go_template::{Object, Value};

/// The fields of an object as `encoding/json` writes them, in the order of their declaration. `None` for an object that
/// writes itself.
pub(crate) fn json_fields(object: &dyn Object) -> Option<Vec<(&'static str, Value)>> {
    let _ = object;
    None
}
