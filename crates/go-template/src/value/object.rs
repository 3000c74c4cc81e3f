//! Go's structs and pointers to structs.

use std::any::Any;
use std::fmt::Debug;

use crate::text::Text;
use crate::value::Value;
use crate::value::types::Type;

/// A struct, or a pointer to a struct, that templates read fields of and call methods on: `.Chart`, `.Files`,
/// `.Capabilities.KubeVersion`, a parsed version, a certificate.
///
/// Methods stand in the type ([`Named::methods`](crate::Named)); fields are asked here.
pub trait Object: Debug {
    /// The type: `Type::Named` of a struct, or `Type::Pointer` to one.
    fn ty(&self) -> Type;

    /// The value of a field; `None` when the struct has no such field.
    fn field(&self, name: &str) -> Option<Value>;

    /// All fields in the order of their declaration, with Go's names: what `%v` and `%+v` print.
    fn fields(&self) -> Vec<(&'static str, Value)>;

    /// What JSON and YAML show of the object: mostly a map with the names of the `json` tags.
    fn encode(&self) -> Value {
        let map = crate::Map::new();
        for (name, value) in self.fields() {
            map.insert(name, value);
        }
        Value::Map(map)
    }

    /// What a template writes for a struct that lies in a place of its own (a field behind a pointer), when `String()` is a
    /// method of pointers to the struct only. Functions get a copy of the struct, and print its fields.
    fn shown_by_pointer(&self) -> Option<Text> {
        None
    }

    /// The object as its Rust type, so that a function that knows the type can have it back.
    fn as_any(&self) -> &dyn Any;
}
