//! The functions of Go itself: comparisons, `and`, `or`, `index`, `printf` and the others of `funcs.go`.

use crate::error::Error;
use crate::escape;
use crate::node::Arg;
use crate::templates::eval::Wanted;
use crate::templates::exec::{At, State, printable};
use crate::value::Value;
use crate::value::format;
use crate::value::function::Function;
use crate::value::list::List;
use crate::value::slot::Slot;
use crate::value::types::{Kind, Type};

/// What a function takes: how many arguments at least, and whether more.
const BUILTINS: &[(&str, usize, bool)] = &[
    ("and", 1, true),
    ("call", 1, true),
    ("eq", 1, true),
    ("ge", 2, false),
    ("gt", 2, false),
    ("html", 0, true),
    ("index", 1, true),
    ("js", 0, true),
    ("le", 2, false),
    ("len", 1, false),
    ("lt", 2, false),
    ("ne", 2, false),
    ("not", 1, false),
    ("or", 1, true),
    ("print", 0, true),
    ("printf", 1, true),
    ("println", 0, true),
    ("slice", 1, true),
    ("urlquery", 0, true),
];

/// Whether Go itself has a function of that name.
pub(crate) fn has(name: &str) -> bool {
    BUILTINS.iter().any(|(known, ..)| *known == name)
}

/// Go's words when a method of `reflect.Value` is called on nothing, which `safeCall` turns into an error.
const ON_NOTHING: &str = "reflect: call of reflect.Value.Type on zero Value";

impl<'t> State<'t, '_> {
    /// Calls a function of Go itself. `args` are without the function's name.
    pub(crate) fn call_builtin(
        &mut self,
        dot: &Slot,
        node: At<'t>,
        name: &'t str,
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Slot, Error> {
        let (_, least, variadic) =
            *BUILTINS.iter().find(|(known, ..)| *known == name).expect("the caller has asked for the name");
        let has_last = !matches!(last, Slot::Missing);
        self.check_count(
            least + usize::from(variadic),
            variadic,
            name,
            args.len(),
            args.len() + usize::from(has_last),
        )?;
        if matches!(name, "and" | "or") {
            return self.and_or(dot, name == "or", args, last);
        }
        let values = matches!(name, "print" | "printf" | "println" | "html" | "js" | "urlquery");
        let mut slots = Vec::with_capacity(args.len() + 1);
        for (at, arg) in args.iter().enumerate() {
            let slot = match (values, name == "printf" && at == 0) {
                (_, true) => self.arg(dot, Wanted::Type(&Type::String), arg)?,
                (true, _) => self.arg(dot, Wanted::Type(&Type::Any), arg)?,
                _ => self.arg(dot, Wanted::Slot, arg)?,
            };
            slots.push(slot);
        }
        if has_last {
            let slot = match (values, name == "printf" && slots.is_empty()) {
                (_, true) => self.checked(last, Wanted::Type(&Type::String))?,
                (true, _) => self.checked(last, Wanted::Type(&Type::Any))?,
                _ => last,
            };
            slots.push(slot);
        }
        self.context.look_at(slots.iter().filter_map(|slot| match slot {
            Slot::Direct(value) | Slot::Inside(value) => Some(value),
            Slot::Invalid | Slot::Missing => None,
        }))?;
        let result = if name == "call" {
            // Without an argument of its own, Go shows the value itself, by `reflect.Value.String`.
            let callee = match args.first() {
                Some(callee) => callee.to_string(),
                None => slots.first().map(shown_by_reflect).unwrap_or_default(),
            };
            self.call_value(&callee, &slots)
        } else {
            self.run_builtin(name, slots)
        };
        match result {
            Ok(slot) => {
                if let Slot::Direct(Value::String(text)) = &slot {
                    self.context.charge(text.len())?;
                }
                Ok(slot)
            }
            Err(error) => Err(self.calling(&error, node, name)),
        }
    }

    fn and_or(&mut self, dot: &Slot, is_or: bool, args: &'t [Arg], last: Slot) -> Result<Slot, Error> {
        let mut value = Slot::Invalid;
        for arg in args {
            value = self.arg(dot, Wanted::Slot, arg)?;
            if value.truth() == is_or {
                return Ok(value);
            }
        }
        if !matches!(last, Slot::Missing) {
            value = last;
        }
        Ok(value)
    }

    fn run_builtin(&mut self, name: &str, mut slots: Vec<Slot>) -> Result<Slot, Error> {
        let most = self.context.bytes_left();
        let values = || slots.iter().map(Slot::value).collect::<Vec<_>>();
        let text = |bytes: Vec<u8>| Ok(Slot::Direct(Value::String(bytes.into())));
        let truth = |truth: bool| Ok(Slot::Direct(Value::Bool(truth)));
        match name {
            "print" => text(format::print(&values(), most)?),
            "println" => text(format::println(&values(), most)?),
            "printf" => {
                let values = values();
                let (format, args) = values.split_first().expect("printf has its format");
                let format = format.as_text().unwrap_or_default();
                text(format::printf(format.as_bytes(), args, most)?)
            }
            "html" => text(escape::html(&joined(&slots, most)?)),
            "js" => text(escape::js(&joined(&slots, most)?)),
            "urlquery" => text(escape::query(&joined(&slots, most)?)),
            "not" => truth(!slots.first().is_some_and(Slot::truth)),
            "len" => length(slots.remove(0)),
            "index" => {
                let item = slots.remove(0);
                index(item, slots)
            }
            "slice" => {
                let item = slots.remove(0);
                slice(item, &slots)
            }
            "eq" => {
                let first = slots.remove(0);
                if slots.is_empty() {
                    return Err(Error::new("missing argument for comparison"));
                }
                truth(self.equal(first, slots)?)
            }
            _ => {
                let second = slots.remove(1);
                let first = slots.remove(0);
                truth(match name {
                    "ne" => !self.equal(first, vec![second])?,
                    "lt" => less(&first, &second)?,
                    "ge" => !less(&first, &second)?,
                    "le" => less(&first, &second)? || self.equal(first, vec![second])?,
                    _ => !(less(&first, &second)? || self.equal(first, vec![second])?),
                })
            }
        }
    }

    fn equal(&self, first: Slot, others: Vec<Slot>) -> Result<bool, Error> {
        let first = first.out_of_interface();
        for other in others {
            if self.equal_two(&first, &other.out_of_interface())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equal_two(&self, first: &Slot, other: &Slot) -> Result<bool, Error> {
        let (a, b) = (first.value(), other.value());
        match (Basic::of(&a), Basic::of(&b)) {
            (Basic::Bool, Basic::Bool) => Ok(a.as_bool() == b.as_bool()),
            (Basic::Int, Basic::Int) => Ok(a.as_int() == b.as_int()),
            (Basic::Uint, Basic::Uint) => Ok(a.as_uint() == b.as_uint()),
            // As Go compares: a number that is none equals nothing.
            (Basic::Float, Basic::Float) => Ok(a.as_float() == b.as_float()),
            (Basic::String, Basic::String) => Ok(a.as_text() == b.as_text()),
            #[expect(clippy::float_cmp, reason = "as Go compares")]
            (Basic::Complex, Basic::Complex) => match (a.bare(), b.bare()) {
                (Value::Complex(r1, i1), Value::Complex(r2, i2)) => Ok(r1 == r2 && i1 == i2),
                _ => Ok(false),
            },
            (Basic::Int, Basic::Uint) => Ok(a.as_int().and_then(|a| u64::try_from(a).ok()) == b.as_uint()),
            (Basic::Uint, Basic::Int) => Ok(b.as_int().and_then(|b| u64::try_from(b).ok()) == a.as_uint()),
            (Basic::Other, Basic::Other) => {
                if a.kind() != b.kind() && !a.is_nil() && !b.is_nil() {
                    let (first, second) = (self.show(&a, 's')?, self.show(&b, 'v')?);
                    let (a, b) = (a.type_name(), b.type_name());
                    return Err(Error::new(format!("non-comparable types {first}: {a}, {b}: {second}")));
                }
                if a.is_nil_of_any_type() || b.is_nil_of_any_type() {
                    return Ok(a.is_nil_of_any_type() == b.is_nil_of_any_type());
                }
                match (&a, &b) {
                    (Value::Object(first), Value::Object(second)) => Ok(std::rc::Rc::ptr_eq(first, second)),
                    _ => Err(Error::new(format!("non-comparable type {}: {}", self.show(&b, 's')?, b.type_name()))),
                }
            }
            _ if a.is_nil() || b.is_nil() => Ok(false),
            _ => Err(incompatible(&a, &b)),
        }
    }

    fn call_value(&mut self, callee: &str, slots: &[Slot]) -> Result<Slot, Error> {
        let (first, slots) = slots.split_first().expect("call has its function");
        let function = match first.clone().out_of_interface() {
            Slot::Direct(Value::Function(function)) => function,
            Slot::Direct(other) => {
                return Err(Error::new(format!("non-function {callee} of type {}", other.type_name())));
            }
            _ => return Err(Error::new("call of nil")),
        };
        let given = slots.len();
        let Function { params, variadic, .. } = &function;
        if *variadic && given < params.len() - 1 {
            let least = params.len() - 1;
            return Err(Error::new(format!("wrong number of args for {callee}: got {given} want at least {least}")));
        }
        if !*variadic && given != params.len() {
            return Err(Error::new(format!("wrong number of args for {callee}: got {given} want {}", params.len())));
        }
        let mut values = Vec::with_capacity(given);
        for (at, slot) in slots.iter().enumerate() {
            let param = params.get(at).or(params.last()).expect("a function with arguments has parameters");
            let value = prepared(slot.value(), param).map_err(|error| error.wrap(&format!("arg {at}")))?;
            values.push(value);
        }
        Ok(Slot::returned(function.call(self.context, &values)?))
    }
}

/// `reflect.Value.String`
fn shown_by_reflect(slot: &Slot) -> String {
    match (slot, slot.ty()) {
        (Slot::Direct(value), _) if value.kind() == Kind::String => value.as_text().unwrap_or_default().to_string(),
        (_, Some(ty)) => format!("<{ty} Value>"),
        (_, None) => "<invalid Value>".into(),
    }
}

/// The arguments of `html`, `js` and `urlquery` as one text.
fn joined(slots: &[Slot], most: u64) -> Result<Vec<u8>, Error> {
    if let [only] = slots {
        return printable(&only.clone().out_of_interface(), most);
    }
    let mut values = Vec::with_capacity(slots.len());
    for slot in slots {
        values.push(match slot.value() {
            Value::Nil => Value::from("<no value>"),
            value if value.kind() == Kind::Pointer => Value::from(printable(&Slot::Direct(value), most)?),
            value => value,
        });
    }
    format::print(&values, most)
}

/// `prepareArg`
fn prepared(value: Value, ty: &Type) -> Result<Value, Error> {
    let Some(found) = value.ty() else {
        if ty.takes_nil() {
            return Ok(Value::zero(ty));
        }
        return Err(Error::new(format!("value is nil; should be of type {ty}")));
    };
    if found.assignable_to(ty) {
        return Ok(value.converted_to(ty));
    }
    Err(Error::new(format!("value has type {found}; should be {ty}")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    String,
    Other,
}

impl Basic {
    fn of(value: &Value) -> Self {
        match value.kind() {
            Kind::Bool => Self::Bool,
            Kind::String => Self::String,
            Kind::Complex128 => Self::Complex,
            kind if kind.is_int() => Self::Int,
            kind if kind.is_uint() => Self::Uint,
            kind if kind.is_float() => Self::Float,
            _ => Self::Other,
        }
    }
}

fn incompatible(a: &Value, b: &Value) -> Error {
    Error::new(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
}

fn less(first: &Slot, second: &Slot) -> Result<bool, Error> {
    const BAD: &str = "invalid type for comparison";
    let (a, b) = (first.value(), second.value());
    let kinds = (Basic::of(&a), Basic::of(&b));
    match kinds {
        (Basic::Other, _) | (_, Basic::Other) => Err(Error::new(BAD)),
        (Basic::Int, Basic::Int) => Ok(a.as_int() < b.as_int()),
        (Basic::Uint, Basic::Uint) => Ok(a.as_uint() < b.as_uint()),
        (Basic::Float, Basic::Float) => Ok(a.as_float() < b.as_float()),
        (Basic::String, Basic::String) => Ok(a.as_text() < b.as_text()),
        (Basic::Int, Basic::Uint) => Ok(a.as_int().is_none_or(|a| a < 0 || u64::try_from(a).ok() < b.as_uint())),
        (Basic::Uint, Basic::Int) => {
            Ok(b.as_int().is_some_and(|b| u64::try_from(b).is_ok_and(|b| a.as_uint() < Some(b))))
        }
        (a, b) if a == b => Err(Error::new(BAD)),
        _ => Err(incompatible(&a, &b)),
    }
}

fn length(item: Slot) -> Result<Slot, Error> {
    let (item, is_nil) = item.indirect();
    if is_nil {
        return Err(Error::new("len of nil pointer"));
    }
    if !item.is_valid() {
        return Err(Error::new(ON_NOTHING));
    }
    let value = item.value();
    let length = value.length().ok_or_else(|| Error::new(format!("len of type {}", pointed_to(&value))))?;
    Ok(Slot::Direct(Value::Int(i64::try_from(length).unwrap_or(i64::MAX))))
}

/// The name of a value's type, of what it points to if it is a pointer.
fn pointed_to(value: &Value) -> String {
    value.type_name().trim_start_matches('*').to_owned()
}

/// `indexArg`: a position from 0 to `most`.
fn position(index: &Slot, most: usize) -> Result<usize, Error> {
    let value = index.value();
    let number = match (value.as_int(), value.as_uint()) {
        (Some(int), _) => int,
        // Go converts, and so wraps.
        (None, Some(uint)) => uint.cast_signed(),
        (None, None) if value.is_nil() => return Err(Error::new("cannot index slice/array with nil")),
        (None, None) => {
            return Err(Error::new(format!("cannot index slice/array with type {}", value.type_name())));
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|&position| position <= most)
        .ok_or_else(|| Error::new(format!("index out of range: {number}")))
}

fn index(item: Slot, indexes: Vec<Slot>) -> Result<Slot, Error> {
    let mut item = item.out_of_interface();
    if !item.is_valid() {
        return Err(Error::new("index of untyped nil"));
    }
    for index in indexes {
        let index = index.out_of_interface();
        let (inner, is_nil) = item.indirect();
        if is_nil {
            return Err(Error::new("index of nil pointer"));
        }
        let value = inner.value();
        let element = value.ty().and_then(|ty| ty.element()).unwrap_or(Type::Any);
        // One behind the end passes Go's check, and then `reflect` panics.
        let beyond = |kind: &str| Err(Error::new(format!("reflect: {kind} index out of range")));
        item = match value.bare() {
            Value::String(text) => {
                let at = position(&index, text.len())?;
                match text.as_bytes().get(at) {
                    Some(&byte) => Slot::Direct(Value::byte(byte)),
                    None => return beyond("string"),
                }
            }
            Value::Bytes(bytes) => {
                let at = position(&index, bytes.len())?;
                match bytes.get(at) {
                    Some(&byte) => Slot::Direct(Value::byte(byte)),
                    None => return beyond("slice"),
                }
            }
            Value::List(list) => {
                let at = position(&index, list.len())?;
                match list.items().get(at) {
                    Some(found) => Slot::element(found.clone(), &element),
                    None => return beyond("slice"),
                }
            }
            Value::Map(map) => {
                let key = prepared(index.value(), &Type::String)?.as_text().unwrap_or_default();
                Slot::element(map.get(&key).unwrap_or_else(|| Value::zero(&element)), &element)
            }
            _ => return Err(Error::new(format!("can't index item of type {}", pointed_to(&value)))),
        };
    }
    Ok(item)
}

fn slice(item: Slot, indexes: &[Slot]) -> Result<Slot, Error> {
    let item = item.out_of_interface();
    if !item.is_valid() {
        return Err(Error::new("slice of untyped nil"));
    }
    let (item, is_nil) = item.indirect();
    if is_nil {
        return Err(Error::new("slice of nil pointer"));
    }
    if indexes.len() > 3 {
        return Err(Error::new(format!("too many slice indexes: {}", indexes.len())));
    }
    let value = item.value();
    let is_string = value.kind() == Kind::String;
    if is_string && indexes.len() == 3 {
        return Err(Error::new("cannot 3-index slice a string"));
    }
    let length = match value.bare() {
        Value::String(_) | Value::Bytes(_) | Value::List(_) => value.length().unwrap_or(0),
        _ => return Err(Error::new(format!("can't slice item of type {}", pointed_to(&value)))),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        // A map's element, for example, is an interface to Go, which its check does not look into.
        if let Slot::Inside(_) = index {
            return Err(Error::new("cannot index slice/array with type interface {}"));
        }
        *bound = position(index, length)?;
    }
    let [begin, end, most] = bounds;
    if begin > end {
        return Err(Error::new(format!("invalid slice index: {begin} > {end}")));
    }
    if indexes.len() == 3 && end > most {
        return Err(Error::new(format!("invalid slice index: {end} > {most}")));
    }
    Ok(Slot::Direct(match value.bare() {
        Value::String(text) => {
            let cut = Value::String(text.as_bytes().get(begin..end).unwrap_or_default().into());
            match &value {
                Value::Typed(typed) => Value::typed(typed.ty, cut),
                _ => cut,
            }
        }
        Value::Bytes(bytes) => Value::Bytes(bytes.get(begin..end).unwrap_or_default().into()),
        Value::List(list) => {
            Value::List(List::typed(list.ty(), list.items().get(begin..end).unwrap_or_default().to_vec()))
        }
        _ => Value::Nil,
    }))
}
