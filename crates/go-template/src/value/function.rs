//! Functions that templates call, and the registry of them.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::error::Error;
use crate::value::Value;
use crate::value::context::Context;
use crate::value::types::Type;

type Body = dyn Fn(&mut Context, &[Value]) -> Result<Value, Error>;

/// A function of a template: the types of its parameters, and what it does.
///
/// The executor checks number and types of the arguments as Go does, with Go's words, before the function runs. So a
/// body may trust them: `args[0].as_text().expect("the parameter is a string")`. A parameter of type [`Type::Any`] takes
/// everything, nil included. A whole number written in a template fits every type of number; a *value* of type `int`
/// does not fit a parameter `int64`, as in Go.
#[derive(Clone)]
pub struct Function {
    pub(crate) params: &'static [Type],
    pub(crate) variadic: bool,
    pub(crate) body: Rc<Body>,
}

impl Function {
    /// A function with a fixed number of parameters.
    pub fn new(
        params: &'static [Type],
        body: impl Fn(&mut Context, &[Value]) -> Result<Value, Error> + 'static,
    ) -> Self {
        Self { params, variadic: false, body: Rc::new(body) }
    }

    /// A function whose last parameter may come any number of times, also never.
    ///
    /// # Panics
    ///
    /// Without parameters.
    pub fn variadic(
        params: &'static [Type],
        body: impl Fn(&mut Context, &[Value]) -> Result<Value, Error> + 'static,
    ) -> Self {
        assert!(!params.is_empty(), "the last parameter of a variadic function repeats, so there has to be one");
        Self { params, variadic: true, body: Rc::new(body) }
    }

    /// Calls the function with arguments that fit its parameters.
    ///
    /// # Errors
    ///
    /// Those of the function.
    pub fn call(&self, context: &mut Context, args: &[Value]) -> Result<Value, Error> {
        (self.body)(context, args)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "func{:?}{}", self.params, if self.variadic { "..." } else { "" })
    }
}

/// The functions that templates know by name, besides those of Go itself (`and`, `printf`, `index`, ...).
///
/// ```
/// use go_template::{Error, Function, Functions, Type, Value};
///
/// let mut functions = Functions::new();
/// functions.add("upper", Function::new(&[Type::String], |_, args| {
///     let text = args[0].as_text().expect("the parameter is a string");
///     Ok(Value::from(text.to_str().to_uppercase()))
/// }));
/// functions.add("fail", Function::new(&[Type::String], |_, args| {
///     Err(Error::new(args[0].as_text().expect("the parameter is a string").to_string()))
/// }));
/// // Large results are announced before they are made, so that a hostile template cannot fill the memory.
/// functions.add("repeat", Function::new(&[Type::Int, Type::String], |context, args| {
///     let count = usize::try_from(args[0].as_int().expect("an int")).map_err(|_| Error::new("negative"))?;
///     let text = args[1].as_text().expect("a string");
///     context.charge(count.saturating_mul(text.len()))?;
///     Ok(Value::from(text.to_str().repeat(count)))
/// }));
/// assert!(functions.get("upper").is_some());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Functions {
    by_name: BTreeMap<String, Function>,
}

impl Functions {
    /// No functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function, or replaces the one of the same name. A function of Go itself can be replaced too.
    pub fn add(&mut self, name: impl Into<String>, function: Function) {
        self.by_name.insert(name.into(), function);
    }

    /// Removes a function: sprig's `env` and `expandenv`, for example, which Helm takes away.
    pub fn remove(&mut self, name: &str) -> Option<Function> {
        self.by_name.remove(name)
    }

    /// The function of that name.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}
