//! Structs that hold nothing but fields.

use std::any::Any;

use go_template::{Map, Object, Text, Type, Value};

/// What a struct looks like.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The type: `Type::Named`, or a pointer to one.
    pub(crate) ty: Type,
    /// The fields in the order of their declaration.
    pub(crate) fields: &'static [Field],
    /// Whether the first field is embedded, so that its fields are fields of this struct too.
    pub(crate) embeds: bool,
    /// Which field a pointer to the struct shows by its `String()`, when the struct itself has no such method.
    pub(crate) shown: Option<&'static str>,
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name in Go.
    pub(crate) name: &'static str,
    /// The name in JSON.
    pub(crate) tag: &'static str,
    /// Whether JSON leaves an empty field out.
    pub(crate) omit: bool,
}

impl Field {
    /// A field that JSON always has.
    pub(crate) const fn always(name: &'static str, tag: &'static str) -> Self {
        Self { name, tag, omit: false }
    }

    /// A field that JSON has when it is not empty.
    pub(crate) const fn unless_empty(name: &'static str, tag: &'static str) -> Self {
        Self { name, tag, omit: true }
    }
}

/// A struct with a value for each field of its shape.
#[derive(Debug)]
pub(crate) struct Struct {
    shape: &'static Shape,
    values: Vec<Value>,
}

impl Struct {
    /// A struct; `values` stand in the order of the shape's fields.
    pub(crate) fn value<const N: usize>(shape: &'static Shape, values: [Value; N]) -> Value {
        assert_eq!(shape.fields.len(), N, "each field has a value");
        Value::object(Self { shape, values: values.into() })
    }

    pub(crate) fn json_fields(&self) -> Vec<(&'static str, Value)> {
        let mut out = Vec::new();
        for (index, (field, value)) in self.shape.fields.iter().zip(&self.values).enumerate() {
            if index == 0 && self.shape.embeds {
                if let Some(inner) = value.as_object::<Self>() {
                    out.extend(inner.json_fields());
                }
            } else if !field.omit || value.truth() {
                out.push((field.tag, value.clone()));
            }
        }
        out
    }
}

impl Object for Struct {
    fn ty(&self) -> Type {
        self.shape.ty
    }

    fn field(&self, name: &str) -> Option<Value> {
        let own = self.shape.fields.iter().position(|field| field.name == name);
        match own {
            Some(index) => self.values.get(index).cloned(),
            None if self.shape.embeds => self.values.first()?.as_object::<Self>()?.field(name),
            None => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.shape.fields.iter().zip(&self.values).map(|(field, value)| (field.name, value.clone())).collect()
    }

    fn encode(&self) -> Value {
        Value::Map(self.json_fields().into_iter().collect::<Map>())
    }

    fn shown_by_pointer(&self) -> Option<Text> {
        self.field(self.shape.shown?)?.as_text()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The fields of an object as `encoding/json` writes them, in the order of their declaration. `None` for an object that
/// writes itself.
pub(crate) fn json_fields(object: &dyn Object) -> Option<Vec<(&'static str, Value)>> {
    object.as_any().downcast_ref::<Struct>().map(Struct::json_fields)
}
