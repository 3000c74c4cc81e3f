//! Values of templates, with Go's kinds.

pub(crate) mod context;
pub(crate) mod format;
pub(crate) mod function;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod object;
pub(crate) mod slot;
pub(crate) mod types;

use std::rc::Rc;

use crate::text::Text;
use crate::value::function::Function;
use crate::value::list::List;
use crate::value::map::Map;
use crate::value::object::Object;
use crate::value::types::{BYTES, Kind, Type};

/// A value, as Go's `interface{}` holds one.
///
/// Values are cheap to clone. Lists never change; **maps are shared and change in place** (see [`Map`]).
///
/// The common types have a variant of their own. All other types of numbers, and named types whose kind is a number, a
/// string or a boolean, are [`Typed`](Value::Typed). Ask with [`kind`](Value::kind), [`as_int`](Value::as_int),
/// [`as_text`](Value::as_text) and the like: they look through `Typed`, as Go's `reflect.Value` does.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Untyped nil: `nil`, a missing key, `null` in YAML.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`: literals in templates, `len`, sprig's `int`, `until`.
    Int(i64),
    /// `int64`: sprig's arithmetic.
    Int64(i64),
    /// `uint64`: the parts of a semantic version.
    Uint64(u64),
    /// `float64`: numbers out of YAML and JSON.
    Float(f64),
    /// `complex128`, which only literals like `1i` are.
    Complex(f64, f64),
    /// `string`
    String(Text),
    /// `[]byte`
    Bytes(Rc<[u8]>),
    /// Any other slice.
    List(List),
    /// A map with strings as keys.
    Map(Map),
    /// A struct or a pointer to one.
    Object(Rc<dyn Object>),
    /// A function as a value, which `call` calls.
    Function(Function),
    /// A value of a rarer type, or a typed nil pointer. See [`Typed`].
    Typed(Rc<Typed>),
}

/// A value of a type that has no variant in [`Value`].
///
/// `value` is the nearest variant: [`Value::Int`] for all signed numbers, [`Value::Uint64`] for all unsigned ones,
/// [`Value::Float`] for `float32`, [`Value::String`] for a named string, [`Value::Nil`] for a nil pointer. Named maps
/// and slices are no `Typed`: [`Map`] and [`List`] know their type.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The type.
    pub ty: Type,
    /// The bare value.
    pub value: Value,
}

impl Value {
    /// A value of a rarer type: `Value::typed(Type::Named(&JSON_NUMBER), "12")`.
    pub fn typed(ty: Type, value: impl Into<Value>) -> Self {
        Self::Typed(Rc::new(Typed { ty, value: value.into() }))
    }

    /// A `uint8`, which indexing a string or bytes gives.
    pub fn byte(byte: u8) -> Self {
        Self::typed(Type::Uint8, Self::Uint64(byte.into()))
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    /// The type; `None` for nil.
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Int64(_) => Type::Int64,
            Self::Uint64(_) => Type::Uint64,
            Self::Float(_) => Type::Float64,
            Self::Complex(..) => Type::Complex128,
            Self::String(_) => Type::String,
            Self::Bytes(_) => BYTES,
            Self::List(list) => list.ty(),
            Self::Map(map) => map.ty(),
            Self::Object(object) => object.ty(),
            Self::Function(_) => Type::Func,
            Self::Typed(typed) => typed.ty,
        })
    }

    /// The name of the type, as `%T` prints it: `<nil>` for nil.
    pub fn type_name(&self) -> String {
        self.ty().map_or_else(|| "<nil>".into(), |ty| ty.to_string())
    }

    /// The kind; [`Kind::Invalid`] for nil.
    pub fn kind(&self) -> Kind {
        self.ty().map_or(Kind::Invalid, |ty| ty.kind())
    }

    /// The value without the name of its type.
    pub fn bare(&self) -> &Value {
        match self {
            Self::Typed(typed) => &typed.value,
            other => other,
        }
    }

    /// Whether this is untyped nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether this is nil of any type: untyped, a nil map, a nil slice, a nil pointer.
    pub fn is_nil_of_any_type(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            Self::Typed(typed) => typed.value.is_nil(),
            _ => false,
        }
    }

    /// The truth of a boolean of any type.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self.bare() { Some(*truth) } else { None }
    }

    /// A signed number of any type.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) | Self::Int64(number) = self.bare() { Some(*number) } else { None }
    }

    /// An unsigned number of any type.
    pub fn as_uint(&self) -> Option<u64> {
        if let Self::Uint64(number) = self.bare() { Some(*number) } else { None }
    }

    /// A number with a fraction of any type.
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(number) = self.bare() { Some(*number) } else { None }
    }

    /// A string of any type. Not `[]byte`, which is a slice in Go.
    pub fn as_text(&self) -> Option<Text> {
        if let Self::String(text) = self.bare() { Some(text.clone()) } else { None }
    }

    /// A slice other than `[]byte`.
    pub fn as_list(&self) -> Option<&List> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// A map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// An object as its Rust type.
    pub fn as_object<T: Object + 'static>(&self) -> Option<&T> {
        if let Self::Object(object) = self { object.as_any().downcast_ref() } else { None }
    }

    /// The items of any slice; bytes become `uint8` values.
    pub fn to_items(&self) -> Option<Vec<Value>> {
        match self {
            Self::List(list) => Some(list.items().to_vec()),
            Self::Bytes(bytes) => Some(bytes.iter().copied().map(Self::byte).collect()),
            _ => None,
        }
    }

    /// The length, as Go's `len` counts: bytes of a string, items, keys.
    pub fn length(&self) -> Option<usize> {
        match self.bare() {
            Self::String(text) => Some(text.len()),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::List(list) => Some(list.len()),
            Self::Map(map) => Some(map.len()),
            _ => None,
        }
    }

    /// What `if` thinks of the value: false for nil, zero, the empty string, an empty list or map. A struct is true.
    pub fn truth(&self) -> bool {
        match self.bare() {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Uint64(number) => *number != 0,
            // Also true for "not a number", as in Go.
            Self::Float(number) => *number != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(_) | Self::Function(_) => true,
            Self::Typed(_) => unreachable!("a bare value is not typed"),
        }
    }

    /// The zero of a type: what Go's `reflect.Zero` gives, nil for `interface {}`.
    pub fn zero(ty: &Type) -> Self {
        match ty {
            Type::Any | Type::Struct | Type::Func => Self::Nil,
            Type::Bool => Self::Bool(false),
            Type::Int => Self::Int(0),
            Type::Int64 => Self::Int64(0),
            Type::Uint64 => Self::Uint64(0),
            Type::Float64 => Self::Float(0.0),
            Type::Complex128 => Self::Complex(0.0, 0.0),
            Type::String => Self::String(Text::default()),
            Type::Map(_) => Self::Map(Map::nil(*ty)),
            Type::Slice(_) => Self::List(List::nil(*ty)),
            Type::Int8 | Type::Int16 | Type::Int32 => Self::typed(*ty, 0_i64),
            Type::Uint | Type::Uint8 | Type::Uint16 | Type::Uint32 => Self::typed(*ty, Self::Uint64(0)),
            Type::Float32 => Self::typed(*ty, 0.0),
            Type::Pointer(_) => Self::typed(*ty, Self::Nil),
            Type::Named(named) => match Self::zero(&named.underlying) {
                Self::Map(_) => Self::Map(Map::nil(*ty)),
                Self::List(_) => Self::List(List::nil(*ty)),
                // The number in a `Typed` is bare.
                Self::Typed(typed) => Self::typed(*ty, typed.value.clone()),
                bare => Self::typed(*ty, bare),
            },
        }
    }

    /// The value under the type of a parameter that it may be assigned to: a `chartutil.Values` given as
    /// `map[string]interface {}` is the same map under that type.
    pub(crate) fn converted_to(self, ty: &Type) -> Self {
        match self {
            Self::Map(map) if !matches!(ty, Type::Any) => Self::Map(map.with_type(*ty)),
            Self::List(list) if !matches!(ty, Type::Any) => Self::List(list.with_type(*ty)),
            other => other,
        }
    }
}

/// Drops values without recursion: a list in a list in a list, a million deep, must not overflow the stack.
pub(crate) fn drop_slowly(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(list) => values.append(&mut list.take()),
            Value::Map(map) => values.append(&mut map.take()),
            _ => {}
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    /// A Go `int`; an `int64` is [`Value::Int64`].
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Vec<u8>> for Value {
    /// A string of these bytes; a `[]byte` is [`Value::Bytes`].
    fn from(text: Vec<u8>) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(List::new(items))
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_of_a_map_is_the_same_map_and_a_copy_is_not() {
        let map = Map::new();
        let (shared, own) = (map.clone(), map.copy());
        map.insert("a", 1);
        assert_eq!((shared.len(), own.len()), (1, 0));
        assert!(map.same(&shared) && !map.same(&own));
    }

    #[test]
    fn deep_nesting_is_dropped_without_recursion() {
        let mut value = Value::Nil;
        for _ in 0..200_000 {
            value = Value::from(vec![Value::from(Map::from_iter([("a", value)]))]);
        }
        drop(value);
    }

    #[test]
    fn zeros_have_the_type_they_were_asked_for() {
        static DURATION: crate::Named =
            crate::Named { name: "time.Duration", underlying: Type::Int64, methods: &[], string: None };
        for ty in [Type::Bool, Type::Int8, Type::Uint, Type::Float32, crate::MAP, crate::LIST, Type::Named(&DURATION)] {
            let zero = Value::zero(&ty);
            assert_eq!(zero.ty(), Some(ty));
            assert!(!zero.truth());
        }
        assert!(Value::zero(&Type::Any).is_nil());
    }
}
