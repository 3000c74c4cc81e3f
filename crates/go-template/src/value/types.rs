//! Go's types, as far as templates can tell them apart.

use std::fmt;

use crate::error::Error;
use crate::text::Text;
use crate::value::Value;
use crate::value::context::Context;

/// A Go type: of a value (what `%T` and sprig's `typeOf` print) or of a function's parameter.
///
/// Keys of maps are strings: no template and no function of Helm makes another map.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// `interface {}`: as a parameter it takes every value and nil.
    Any,
    /// `bool`
    Bool,
    /// `int`, which has 64 bits here as on every machine that runs OpenShift.
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`, also `rune`.
    Int32,
    /// `int64`
    Int64,
    /// `uint`
    Uint,
    /// `uint8`, also `byte`.
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `float32`
    Float32,
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// `[]T`
    Slice(&'static Type),
    /// `map[string]T`
    Map(&'static Type),
    /// `*T`
    Pointer(&'static Type),
    /// The structure under a [`Named`] type. Its fields are asked of the object.
    Struct,
    /// A function.
    Func,
    /// A type with a name of its own, such as `chartutil.Values` or `json.Number`.
    Named(&'static Named),
}

/// `[]interface {}`, the list that YAML, JSON and sprig's `list` give.
pub const LIST: Type = Type::Slice(&Type::Any);
/// `map[string]interface {}`, the mapping that YAML, JSON and sprig's `dict` give.
pub const MAP: Type = Type::Map(&Type::Any);
/// `[]string`, the list that sprig's `splitList`, `keys` and `sortAlpha` give.
pub const STRINGS: Type = Type::Slice(&Type::String);
/// `[]uint8`, also `[]byte`.
pub const BYTES: Type = Type::Slice(&Type::Uint8);

/// A type with a name, and perhaps methods.
///
/// ```
/// use go_template::{Method, Named, Type, Value};
///
/// static VERSIONS: Named = Named {
///     name: "chartutil.VersionSet",
///     underlying: Type::Slice(&Type::String),
///     methods: &[Method {
///         name: "Has",
///         params: &[Type::String],
///         variadic: false,
///         run: |_, receiver, args| {
///             let wanted = args[0].as_text().expect("the parameter is a string");
///             let list = receiver.as_list().expect("the receiver is of this type");
///             Ok(Value::Bool(list.iter().any(|item| item.as_text() == Some(wanted.clone()))))
///         },
///     }],
///     string: None,
/// };
/// assert_eq!(Type::Named(&VERSIONS).to_string(), "chartutil.VersionSet");
/// ```
#[derive(Debug)]
pub struct Named {
    /// The name as `%T` prints it, with the package: `chartutil.Values`.
    pub name: &'static str,
    /// The type below the name. A value of this type has the kind of that one.
    pub underlying: Type,
    /// What templates can call: `.Capabilities.APIVersions.Has "x"`. For a struct these are also the methods of a
    /// pointer to the struct.
    pub methods: &'static [Method],
    /// `String()` or `Error()`, which `print`, `%v` and `%s` call.
    pub string: Option<fn(&Value) -> Text>,
}

/// A method of a [`Named`] type.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The name as templates write it.
    pub name: &'static str,
    /// The types of the arguments, without the receiver.
    pub params: &'static [Type],
    /// Whether the last parameter may come any number of times.
    pub variadic: bool,
    /// What the method does: context, receiver, arguments. The arguments have been checked against `params`.
    pub run: fn(&mut Context, &Value, &[Value]) -> Result<Value, Error>,
}

/// What `reflect.Kind` says of a value, and sprig's `kindOf` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float32,
    Float64,
    Complex128,
    Func,
    Interface,
    Map,
    Pointer,
    Slice,
    String,
    Struct,
}

impl Kind {
    /// The name as Go prints it: `ptr` for a pointer, `float64` for a number with a fraction.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::Func => "func",
            Self::Interface => "interface",
            Self::Map => "map",
            Self::Pointer => "ptr",
            Self::Slice => "slice",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }

    /// Whether the kind is a signed whole number.
    pub fn is_int(self) -> bool {
        matches!(self, Self::Int | Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    /// Whether the kind is an unsigned whole number.
    pub fn is_uint(self) -> bool {
        matches!(self, Self::Uint | Self::Uint8 | Self::Uint16 | Self::Uint32 | Self::Uint64)
    }

    /// Whether the kind is a number with a fraction.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }
}

impl Type {
    /// The kind of values of this type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Any => Kind::Interface,
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Int8 => Kind::Int8,
            Self::Int16 => Kind::Int16,
            Self::Int32 => Kind::Int32,
            Self::Int64 => Kind::Int64,
            Self::Uint => Kind::Uint,
            Self::Uint8 => Kind::Uint8,
            Self::Uint16 => Kind::Uint16,
            Self::Uint32 => Kind::Uint32,
            Self::Uint64 => Kind::Uint64,
            Self::Float32 => Kind::Float32,
            Self::Float64 => Kind::Float64,
            Self::Complex128 => Kind::Complex128,
            Self::String => Kind::String,
            Self::Slice(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Pointer(_) => Kind::Pointer,
            Self::Struct => Kind::Struct,
            Self::Func => Kind::Func,
            Self::Named(named) => named.underlying.kind(),
        }
    }

    /// The type without its name: what a [`Named`] stands for, or the type itself.
    #[must_use]
    pub fn underlying(&self) -> Type {
        match self {
            Self::Named(named) => named.underlying.underlying(),
            other => *other,
        }
    }

    /// The type of the elements of a slice or map, and of what a pointer points to.
    pub fn element(&self) -> Option<Type> {
        match self.underlying() {
            Self::Slice(element) | Self::Map(element) | Self::Pointer(element) => Some(*element),
            _ => None,
        }
    }

    /// Whether untyped nil is a value of this type.
    pub fn takes_nil(&self) -> bool {
        matches!(self.kind(), Kind::Interface | Kind::Map | Kind::Pointer | Kind::Slice | Kind::Func)
    }

    /// Whether a value of this type may stand where `target` is wanted (Go's assignability).
    pub fn assignable_to(&self, target: &Type) -> bool {
        if matches!(target, Self::Any) || self == target {
            return true;
        }
        // Identical underlying types are enough when one of both has no name. Basic types have one.
        let unnamed = |of: &Type| matches!(of, Self::Slice(_) | Self::Map(_) | Self::Pointer(_));
        (unnamed(self) || unnamed(target)) && self.underlying() == target.underlying()
    }

    /// The method of that name, of the type or of what it points to.
    pub fn method(&self, name: &str) -> Option<&'static Method> {
        let (Self::Named(named) | Self::Pointer(Self::Named(named))) = self else { return None };
        named.methods.iter().find(|method| method.name == name)
    }

    /// `String()` of the type or of what it points to.
    pub(crate) fn stringer(&self) -> Option<fn(&Value) -> Text> {
        match self {
            Self::Named(named) | Self::Pointer(Self::Named(named)) => named.string,
            _ => None,
        }
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Slice(a), Self::Slice(b)) | (Self::Map(a), Self::Map(b)) | (Self::Pointer(a), Self::Pointer(b)) => {
                a == b
            }
            (Self::Named(a), Self::Named(b)) => a.name == b.name,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl Eq for Type {}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Slice(element) => write!(f, "[]{element}"),
            Self::Map(element) => write!(f, "map[string]{element}"),
            Self::Pointer(element) => write!(f, "*{element}"),
            Self::Struct => f.write_str("struct {}"),
            Self::Func => f.write_str("func()"),
            Self::Named(named) => f.write_str(named.name),
            basic => f.write_str(basic.kind().name()),
        }
    }
}
