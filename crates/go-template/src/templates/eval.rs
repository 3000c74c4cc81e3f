//! Evaluating pipelines: commands, fields, calls and arguments, as Go's `exec.go` does.

use crate::error::{Error, ErrorKind};
use crate::node::{Arg, ArgKind, Command, Pipe};
use crate::number::Number;
use crate::quote::quote;
use crate::templates::MissingKey;
use crate::templates::builtins;
use crate::templates::exec::{At, State};
use crate::value::Value;
use crate::value::function::Function;
use crate::value::slot::Slot;
use crate::value::types::{Kind, Method, Type};

/// What an argument is wanted as.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// A value of a type.
    Type(&'a Type),
    /// Anything, as it is: parameters of Go's own functions (`reflect.Value`).
    Slot,
}

/// The number in the variant of [`Value`] that its type has.
pub(crate) fn number_of_type(ty: &Type, number: Value) -> Value {
    match (ty, number) {
        (Type::Int | Type::Uint64 | Type::Float64 | Type::Complex128, number) => number,
        (Type::Int64, Value::Int(number)) => Value::Int64(number),
        (ty, number) => Value::typed(*ty, number),
    }
}

impl<'t> State<'t, '_> {
    pub(crate) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Slot, Error> {
        self.at = At::Pipe(pipe);
        let mut value = Slot::Missing;
        for command in &pipe.commands {
            value = self.command(dot, command, value)?.out_of_interface();
        }
        for name in &pipe.variables {
            if pipe.is_assign {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn parentheses(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Slot, Error> {
        self.context.enter()?;
        let value = self.pipeline(dot, pipe)?;
        self.context.levels -= 1;
        Ok(value)
    }

    fn not_a_function(&self, args: &'t [Arg], last: &Slot) -> Result<(), Error> {
        match args {
            [first, ..] if args.len() > 1 || !matches!(last, Slot::Missing) => {
                Err(self.error(format!("can't give argument to non-function {first}")))
            }
            _ => Ok(()),
        }
    }

    fn command(&mut self, dot: &Slot, command: &'t Command, last: Slot) -> Result<Slot, Error> {
        let args = command.args.as_slice();
        let first = args.first().expect("the parser refuses an empty command");
        match &first.kind {
            ArgKind::Field(names) => {
                self.at = At::Arg(first);
                return self.field_chain(dot, dot.clone(), At::Arg(first), names, args, last);
            }
            ArgKind::Chain { .. } => return self.chain(dot, first, args, last),
            ArgKind::Identifier(name) => {
                return self.function(dot, first, name, At::Command(command), args, last);
            }
            ArgKind::Pipe(pipe) => {
                self.not_a_function(args, &last)?;
                return self.parentheses(dot, pipe);
            }
            ArgKind::Variable(_) => return self.variable(dot, first, args, last),
            _ => {}
        }
        self.at = At::Arg(first);
        self.not_a_function(args, &last)?;
        match &first.kind {
            ArgKind::Bool(truth) => Ok(Slot::Direct(Value::Bool(*truth))),
            ArgKind::Dot => Ok(dot.clone()),
            ArgKind::Nil => Err(self.error("nil is not a command")),
            ArgKind::Number { text, number } => self.constant(text, number),
            ArgKind::String { text, .. } => Ok(Slot::Direct(Value::String(text.clone()))),
            _ => Err(self.error(format!("can't evaluate command {}", quote(first.to_string().as_bytes())))),
        }
    }

    /// A number where any type fits: its form decides.
    fn constant(&self, text: &str, number: &Number) -> Result<Slot, Error> {
        let is_hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        let value = match number {
            Number { complex: Some((real, imaginary)), .. } => Value::Complex(*real, *imaginary),
            Number { float: Some(float), .. }
                if !is_hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']) =>
            {
                Value::Float(*float)
            }
            Number { int: Some(int), .. } => Value::Int(*int),
            Number { uint: Some(_), .. } => return Err(self.error(format!("{text} overflows int"))),
            _ => return Ok(Slot::Invalid),
        };
        Ok(Slot::Direct(value))
    }

    fn chain(&mut self, dot: &Slot, node: &'t Arg, args: &'t [Arg], last: Slot) -> Result<Slot, Error> {
        self.at = At::Arg(node);
        let ArgKind::Chain { of, fields } = &node.kind else { return Ok(Slot::Invalid) };
        if matches!(of.kind, ArgKind::Nil) {
            return Err(self.error(format!("indirection through explicit nil in {node}")));
        }
        let receiver = match &of.kind {
            ArgKind::Pipe(pipe) => {
                self.at = At::Arg(of);
                self.parentheses(dot, pipe)?
            }
            ArgKind::Identifier(name) => {
                self.at = At::Arg(of);
                self.function(dot, of, name, At::Arg(of), &[], Slot::Missing)?
            }
            _ => self.chain(dot, of, &[], Slot::Missing)?,
        };
        self.field_chain(dot, receiver, At::Arg(node), fields, args, last)
    }

    fn variable(&mut self, dot: &Slot, node: &'t Arg, args: &'t [Arg], last: Slot) -> Result<Slot, Error> {
        self.at = At::Arg(node);
        let ArgKind::Variable(names) = &node.kind else { return Ok(Slot::Invalid) };
        let Some((variable, fields)) = names.split_first() else { return Ok(Slot::Invalid) };
        let value = self
            .variables
            .iter()
            .rev()
            .find(|(name, _)| name == variable)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| self.error(format!("undefined variable: {variable}")))?;
        if fields.is_empty() {
            if !args.is_empty() {
                self.not_a_function(args, &last)?;
            }
            return Ok(value);
        }
        self.field_chain(dot, value, At::Arg(node), fields, args, last)
    }

    fn field_chain(
        &mut self,
        dot: &Slot,
        mut receiver: Slot,
        node: At<'t>,
        names: &'t [String],
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Slot, Error> {
        let Some((name, before)) = names.split_last() else { return Ok(receiver) };
        for name in before {
            receiver = self.field(dot, name, node, &[], Slot::Missing, receiver)?;
        }
        self.field(dot, name, node, args, last, receiver)
    }

    fn field(
        &mut self,
        dot: &Slot,
        name: &str,
        node: At<'t>,
        args: &'t [Arg],
        last: Slot,
        receiver: Slot,
    ) -> Result<Slot, Error> {
        if !receiver.is_valid() {
            if self.templates.when_missing() == MissingKey::Error {
                return Err(self.error(format!("nil data; no entry for key {}", quote(name.as_bytes()))));
            }
            return Ok(Slot::Invalid);
        }
        let ty = receiver.ty().unwrap_or(Type::Any);
        let (receiver, is_nil) = receiver.indirect();
        if is_nil && receiver.kind() == Kind::Interface {
            return Err(self.error(format!("nil pointer evaluating {ty}.{name}")));
        }
        let value = receiver.value();
        if let Some(method) = value.ty().and_then(|ty| ty.method(name)) {
            return self.method(dot, &value, method, node, args, last);
        }
        let has_args = args.len() > 1 || !matches!(last, Slot::Missing);
        match &value {
            Value::Object(object) => {
                if let Some(field) = object.field(name) {
                    if has_args {
                        return Err(self.error(format!("{name} has arguments but cannot be invoked as function")));
                    }
                    return Ok(Slot::of(field));
                }
            }
            Value::Map(map) => {
                if has_args {
                    return Err(self.error(format!("{name} is not a method but has arguments")));
                }
                let element = map.ty().element().unwrap_or(Type::Any);
                if let Some(found) = map.get(name) {
                    return Ok(Slot::element(found, &element));
                }
                return match self.templates.when_missing() {
                    MissingKey::Invalid => Ok(Slot::Invalid),
                    MissingKey::Zero => Ok(Slot::element(Value::zero(&element), &element)),
                    MissingKey::Error => {
                        Err(self.error(format!("map has no entry for key {}", quote(name.as_bytes()))))
                    }
                };
            }
            _ if is_nil => return Err(self.error(format!("nil pointer evaluating {ty}.{name}"))),
            _ => {}
        }
        Err(self.error(format!("can't evaluate field {name} in type {ty}")))
    }

    fn function(
        &mut self,
        dot: &Slot,
        node: &'t Arg,
        name: &'t str,
        at: At<'t>,
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Slot, Error> {
        self.at = At::Arg(node);
        self.context.step(1)?;
        let args = args.get(1..).unwrap_or(&[]);
        let templates = self.templates;
        if let Some(function) = templates.functions().get(name) {
            return self.call(dot, function, at, name, args, last);
        }
        if builtins::has(name) {
            return self.call_builtin(dot, at, name, args, last);
        }
        Err(self.error(format!("{} is not a defined function", quote(name.as_bytes()))))
    }

    fn method(
        &mut self,
        dot: &Slot,
        receiver: &Value,
        method: &'static Method,
        node: At<'t>,
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Slot, Error> {
        let args = args.get(1..).unwrap_or(&[]);
        self.context.step(1)?;
        let values = self.arguments(dot, (method.params, method.variadic), method.name, args, last)?;
        self.context.look_at(&values)?;
        let result = (method.run)(self.context, receiver, &values);
        self.returned(result, node, method.name)
    }

    fn call(
        &mut self,
        dot: &Slot,
        function: &Function,
        node: At<'t>,
        name: &str,
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Slot, Error> {
        let values = self.arguments(dot, (function.params, function.variadic), name, args, last)?;
        self.context.look_at(&values)?;
        let result = function.call(self.context, &values);
        self.returned(result, node, name)
    }

    fn returned(&mut self, result: Result<Value, Error>, node: At<'t>, name: &str) -> Result<Slot, Error> {
        match result {
            Ok(value) => {
                let made = match &value {
                    Value::String(text) => text.len(),
                    Value::Bytes(bytes) => bytes.len(),
                    Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
                    _ => 0,
                };
                self.context.charge(made)?;
                Ok(Slot::returned(value))
            }
            Err(error) => Err(self.calling(&error, node, name)),
        }
    }

    /// What a function said, and where it was called.
    pub(crate) fn calling(&mut self, error: &Error, node: At<'t>, name: &str) -> Error {
        self.at = node;
        let kind = if error.kind() == ErrorKind::Limit { ErrorKind::Limit } else { ErrorKind::Execute };
        self.error_of(kind, format!("error calling {name}: {error}"))
    }

    /// Evaluates arguments and checks them against parameters.
    fn arguments(
        &mut self,
        dot: &Slot,
        (params, variadic): (&[Type], bool),
        name: &str,
        args: &'t [Arg],
        last: Slot,
    ) -> Result<Vec<Value>, Error> {
        let has_last = !matches!(last, Slot::Missing);
        let given = args.len() + usize::from(has_last);
        self.check_count(params.len(), variadic, name, args.len(), given)?;
        let param = |at: usize| params.get(at).or(params.last()).expect("a function with arguments has parameters");
        let mut values = Vec::with_capacity(given);
        for (at, arg) in args.iter().enumerate() {
            let slot = self.arg(dot, Wanted::Type(param(at)), arg)?;
            values.push(slot.value().converted_to(param(at)));
        }
        if has_last {
            let wanted = param(given - 1);
            values.push(self.checked(last, Wanted::Type(wanted))?.value().converted_to(wanted));
        }
        Ok(values)
    }

    pub(crate) fn check_count(
        &self,
        params: usize,
        variadic: bool,
        name: &str,
        args: usize,
        given: usize,
    ) -> Result<(), Error> {
        if variadic && given < params - 1 {
            let least = params - 1;
            return Err(self.error(format!("wrong number of args for {name}: want at least {least} got {args}")));
        }
        if !variadic && given != params {
            return Err(self.error(format!("wrong number of args for {name}: want {params} got {given}")));
        }
        Ok(())
    }

    /// `validateType`
    pub(crate) fn checked(&self, slot: Slot, wanted: Wanted<'_>) -> Result<Slot, Error> {
        let Wanted::Type(ty) = wanted else { return Ok(slot) };
        let Some(found) = slot.ty() else {
            if ty.takes_nil() {
                return Ok(Slot::element(Value::zero(ty), ty));
            }
            return Err(self.error(format!("invalid value; expected {ty}")));
        };
        if found.assignable_to(ty) {
            return Ok(slot);
        }
        let inner = match slot {
            Slot::Inside(value) if !value.is_nil() => Slot::of(value),
            other => other,
        };
        let Some(found) = inner.ty() else { return Ok(inner) };
        if found.assignable_to(ty) {
            return Ok(inner);
        }
        if let (Type::Pointer(target), Slot::Direct(value)) = (&found, &inner)
            && target.assignable_to(ty)
        {
            if value.is_nil_of_any_type() {
                return Err(self.error(format!("dereference of nil pointer of type {ty}")));
            }
            return Ok(inner);
        }
        Err(self.error(format!("wrong type for value; expected {ty}; got {found}")))
    }

    /// `evalArg`
    pub(crate) fn arg(&mut self, dot: &Slot, wanted: Wanted<'_>, node: &'t Arg) -> Result<Slot, Error> {
        self.at = At::Arg(node);
        let slot = match &node.kind {
            ArgKind::Dot => dot.clone(),
            ArgKind::Nil => {
                return match wanted {
                    Wanted::Slot => Ok(Slot::Invalid),
                    Wanted::Type(ty) if ty.takes_nil() => Ok(Slot::element(Value::zero(ty), ty)),
                    Wanted::Type(ty) => Err(self.error(format!("cannot assign nil to {ty}"))),
                };
            }
            ArgKind::Field(names) => {
                self.field_chain(dot, dot.clone(), At::Arg(node), names, std::slice::from_ref(node), Slot::Missing)?
            }
            ArgKind::Variable(_) => self.variable(dot, node, &[], Slot::Missing)?,
            ArgKind::Pipe(pipe) => self.parentheses(dot, pipe)?,
            ArgKind::Identifier(name) => self.function(dot, node, name, At::Arg(node), &[], Slot::Missing)?,
            ArgKind::Chain { .. } => self.chain(dot, node, &[], Slot::Missing)?,
            ArgKind::Bool(_) | ArgKind::Number { .. } | ArgKind::String { .. } => {
                return self.literal(wanted, node);
            }
        };
        self.checked(slot, wanted)
    }

    fn literal(&mut self, wanted: Wanted<'_>, node: &'t Arg) -> Result<Slot, Error> {
        let Wanted::Type(ty) = wanted else { return self.any_literal(node) };
        let of_type = |value| Ok(Slot::Direct(number_of_type(ty, value)));
        let found = |what: &str| Err(self.error(format!("expected {what}; found {node}")));
        let kind = ty.kind();
        match &node.kind {
            _ if kind == Kind::Interface => self.any_literal(node),
            ArgKind::Bool(truth) if kind == Kind::Bool => Ok(Slot::Direct(named(ty, Value::Bool(*truth)))),
            ArgKind::String { text, .. } if kind == Kind::String => {
                Ok(Slot::Direct(named(ty, Value::String(text.clone()))))
            }
            ArgKind::Number { number: Number { int: Some(int), .. }, .. } if kind.is_int() => {
                of_type(Value::Int(wrapped(kind, *int)))
            }
            ArgKind::Number { number: Number { uint: Some(uint), .. }, .. } if kind.is_uint() => {
                of_type(Value::Uint64(wrapped_unsigned(kind, *uint)))
            }
            ArgKind::Number { number: Number { float: Some(float), .. }, .. } if kind.is_float() => {
                of_type(Value::Float(*float))
            }
            ArgKind::Number { number: Number { complex: Some((real, imaginary)), .. }, .. }
                if kind == Kind::Complex128 =>
            {
                of_type(Value::Complex(*real, *imaginary))
            }
            _ if kind == Kind::Bool => found("bool"),
            _ if kind == Kind::String => found("string"),
            _ if kind.is_int() => found("integer"),
            _ if kind.is_uint() => found("unsigned integer"),
            _ if kind.is_float() => found("float"),
            _ if kind == Kind::Complex128 => found("complex"),
            _ => Err(self.error(format!("can't handle {node} for arg of type {ty}"))),
        }
    }

    fn any_literal(&mut self, node: &'t Arg) -> Result<Slot, Error> {
        match &node.kind {
            ArgKind::Bool(truth) => Ok(Slot::Direct(Value::Bool(*truth))),
            ArgKind::String { text, .. } => Ok(Slot::Direct(Value::String(text.clone()))),
            ArgKind::Number { text, number } => self.constant(text, number),
            _ => Err(self.error(format!("can't handle assignment of {node} to empty interface argument"))),
        }
    }
}

/// A literal of a named type of strings or booleans.
fn named(ty: &Type, value: Value) -> Value {
    if matches!(ty, Type::Named(_)) { Value::typed(*ty, value) } else { value }
}

/// The number cut to the size of its type, as `SetInt` does.
#[expect(clippy::cast_possible_truncation, reason = "Go cuts, too")]
fn wrapped(kind: Kind, number: i64) -> i64 {
    match kind {
        Kind::Int8 => i64::from(number as i8),
        Kind::Int16 => i64::from(number as i16),
        Kind::Int32 => i64::from(number as i32),
        _ => number,
    }
}

/// The number cut to the size of its type, as `SetUint` does.
#[expect(clippy::cast_possible_truncation, reason = "Go cuts, too")]
fn wrapped_unsigned(kind: Kind, number: u64) -> u64 {
    match kind {
        Kind::Uint8 => u64::from(number as u8),
        Kind::Uint16 => u64::from(number as u16),
        Kind::Uint32 => u64::from(number as u32),
        _ => number,
    }
}
