//! Values by their kinds: lists, maps, structs, pointers, and what answers for itself.

use super::numbers::Sign;
use super::{ADDRESS, DEEPEST, Printer};
use crate::text::Text;
use crate::value::Value;
use crate::value::types::{Kind, Type};

impl Printer {
    /// `printArg`
    pub(super) fn arg(&mut self, arg: &Value, verb: char) {
        if arg.is_nil() {
            if matches!(verb, 'T' | 'v') {
                self.pad("<nil>");
            } else {
                self.bad_verb(None, verb);
            }
            return;
        }
        match verb {
            'T' => self.string(arg.type_name().as_bytes(), 's', None),
            'p' => self.pointer(arg, 'p'),
            // Bytes are printed before Go looks for methods.
            _ if !matches!(arg, Value::Bytes(_)) && self.methods(arg, verb) => {}
            _ => self.value(arg, false, verb, 0),
        }
    }

    /// `handleMethods`: `String()` and `Error()` of a type. Says whether the value is printed by it.
    pub(super) fn methods(&mut self, arg: &Value, verb: char) -> bool {
        if self.erroring {
            return false;
        }
        if verb == 'w' {
            self.bad_verb(Some(arg), verb);
            return true;
        }
        if self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let Some(string) = arg.ty().and_then(|ty| ty.stringer()) else { return false };
        if arg.is_nil_of_any_type() {
            self.write("<nil>");
            return true;
        }
        let text = string(arg);
        self.string(text.as_bytes(), verb, Some(arg));
        true
    }

    /// `printValue`; `inside` says that the value lies in an `interface {}`.
    pub(super) fn value(&mut self, value: &Value, inside: bool, verb: char, depth: usize) {
        if self.stopped.is_some() {
            return;
        }
        if depth > DEEPEST {
            return self.stop("a value is nested too deep to be printed; does a map hold itself?");
        }
        if depth > 0 && !value.is_nil() && self.methods(value, verb) {
            return;
        }
        match value.bare() {
            Value::Nil if value.kind() == Kind::Pointer => self.pointer(value, verb),
            Value::Nil if inside && self.flags.sharp_v => self.write("interface {}(nil)"),
            Value::Nil if inside => self.write("<nil>"),
            Value::Nil if depth == 0 => self.write("<invalid reflect.Value>"),
            Value::Nil if verb == 'v' => self.write("<nil>"),
            Value::Nil => self.bad_verb(None, verb),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { "true" } else { "false" }),
                _ => self.bad_verb(Some(value), verb),
            },
            Value::Int(number) | Value::Int64(number) => {
                self.integer(number.unsigned_abs(), Sign::of(*number), verb, value);
            }
            Value::Uint64(number) => self.integer(*number, Sign::Unsigned, verb, value),
            Value::Float(number) => self.float(*number, verb, value.kind() == Kind::Float32, Some(value)),
            Value::Complex(real, imaginary) => self.complex(*real, *imaginary, verb, value),
            Value::String(text) => self.string(text.as_bytes(), verb, Some(value)),
            Value::Bytes(bytes) => self.bytes(bytes, verb, value, depth),
            Value::List(list) => {
                let element = list.ty().element().unwrap_or(Type::Any);
                self.sequence(
                    value,
                    list.is_nil(),
                    ("[", "]"),
                    list.iter().map(|item| (None, item.clone())),
                    element,
                    (verb, depth),
                );
            }
            Value::Map(map) => {
                let element = map.ty().element().unwrap_or(Type::Any);
                let entries = map.entries();
                self.sequence(
                    value,
                    map.is_nil(),
                    ("map[", "]"),
                    entries.into_iter().map(|(key, item)| (Some(key), item)),
                    element,
                    (verb, depth),
                );
            }
            Value::Object(object) => {
                let ty = object.ty();
                if ty.kind() == Kind::Pointer {
                    if depth > 0 {
                        return self.pointer(value, verb);
                    }
                    self.write("&");
                }
                self.structure(value, verb, depth);
            }
            Value::Function(_) => self.pointer(value, verb),
            Value::Typed(_) => unreachable!("a bare value is not typed"),
        }
    }

    pub(super) fn sequence(
        &mut self,
        value: &Value,
        is_nil: bool,
        (open, close): (&str, &str),
        items: impl Iterator<Item = (Option<Text>, Value)>,
        element: Type,
        (verb, depth): (char, usize),
    ) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(value.type_name());
            if is_nil {
                return self.write("(nil)");
            }
            self.write("{");
        } else {
            self.write(open);
        }
        let inside = matches!(element, Type::Any);
        // An interface takes a level of its own.
        let deeper = depth + 1 + usize::from(inside);
        for (at, (key, item)) in items.enumerate() {
            if at > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            if let Some(key) = key {
                self.string(key.as_bytes(), verb, Some(&Value::String(key.clone())));
                self.write(":");
            }
            self.value(&item, inside, verb, deeper);
            if self.stopped.is_some() {
                return;
            }
        }
        self.write(if sharp { "}" } else { close });
    }

    pub(super) fn structure(&mut self, value: &Value, verb: char, depth: usize) {
        let Value::Object(object) = value else { return };
        let sharp = self.flags.sharp_v;
        if sharp {
            let name = value.type_name();
            self.write(name.trim_start_matches('*'));
        }
        self.write("{");
        for (at, (name, field)) in object.fields().into_iter().enumerate() {
            if at > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            if sharp || self.flags.plus_v {
                self.write(name);
                self.write(":");
            }
            self.value(&field, true, verb, depth + 1);
        }
        self.write("}");
    }

    pub(super) fn bad_verb(&mut self, value: Option<&Value>, verb: char) {
        self.erroring = true;
        self.write(format!("%!{verb}("));
        if let Some(value) = value {
            self.write(value.type_name());
            self.write("=");
            self.value(value, false, 'v', 0);
        } else {
            self.write("<nil>");
        }
        self.write(")");
        self.erroring = false;
    }

    pub(super) fn pointer(&mut self, value: &Value, verb: char) {
        let is_pointer = matches!(value.kind(), Kind::Func | Kind::Map | Kind::Pointer | Kind::Slice);
        let address = if value.is_nil_of_any_type() { 0 } else { ADDRESS };
        match verb {
            _ if !is_pointer => self.bad_verb(Some(value), verb),
            'v' if self.flags.sharp_v => {
                self.write(format!("({})(", value.type_name()));
                if address == 0 {
                    self.write("nil");
                } else {
                    self.hex(address, true);
                }
                self.write(")");
            }
            'v' if address == 0 => self.pad("<nil>"),
            'v' | 'p' => self.hex(address, !self.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(address, Sign::Unsigned, verb, value),
            _ => self.bad_verb(Some(value), verb),
        }
    }
}
