//! What Go's `reflect.Value` is while a template runs.

use crate::value::Value;
use crate::value::types::{Kind, Type};

/// A place that may hold a value. Unlike a [`Value`], a slot knows whether its value lies in an `interface {}` (an element
/// of a `map[string]interface {}`) and tells "nothing at all" from "a nil interface": errors and `print` do.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// Go's zero `reflect.Value`: nothing.
    Invalid,
    /// The mark for "the pipeline brought no value".
    Missing,
    /// A value of its own type; never untyped nil.
    Direct(Value),
    /// An `interface {}`, perhaps nil.
    Inside(Value),
}

impl Slot {
    /// `reflect.ValueOf`
    pub(crate) fn of(value: Value) -> Self {
        if value.is_nil() { Self::Invalid } else { Self::Direct(value) }
    }

    /// An element of a map or slice whose elements have the type `element`.
    pub(crate) fn element(value: Value, element: &Type) -> Self {
        if matches!(element, Type::Any) { Self::Inside(value) } else { Self::of(value) }
    }

    /// What a function returned.
    pub(crate) fn returned(value: Value) -> Self {
        if value.is_nil() { Self::Inside(value) } else { Self::Direct(value) }
    }

    /// The value without the interface around it (`indirectInterface`).
    pub(crate) fn out_of_interface(self) -> Self {
        match self {
            Self::Inside(value) => Self::of(value),
            other => other,
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        !matches!(self, Self::Invalid)
    }

    /// The value; nil for nothing.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Invalid | Self::Missing => Value::Nil,
            Self::Direct(value) | Self::Inside(value) => value.clone(),
        }
    }

    /// The static type, as `reflect.Value.Type` says.
    pub(crate) fn ty(&self) -> Option<Type> {
        match self {
            Self::Invalid | Self::Missing => None,
            Self::Direct(value) => value.ty(),
            Self::Inside(_) => Some(Type::Any),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.ty().map_or(Kind::Invalid, |ty| ty.kind())
    }

    /// The value at the end of interfaces and pointers, and whether a nil ended the way (`indirect`). A pointer to a
    /// struct counts as the struct.
    pub(crate) fn indirect(self) -> (Self, bool) {
        match self {
            Self::Inside(Value::Nil) => (self, true),
            Self::Inside(value) => Self::of(value).indirect(),
            Self::Direct(ref value) if value.kind() == Kind::Pointer && value.is_nil_of_any_type() => (self, true),
            other => (other, false),
        }
    }

    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Invalid | Self::Missing => false,
            Self::Direct(value) | Self::Inside(value) => value.truth(),
        }
    }
}
