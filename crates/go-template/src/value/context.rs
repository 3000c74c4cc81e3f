//! What a function gets besides its arguments: the run it is called from, and the bounds of the run.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::error::Error;
use crate::text::Text;
use crate::value::Value;
use crate::value::format;

/// Bounds of one run. A template that reaches one is stopped with an error of kind
/// [`ErrorKind::Limit`](crate::ErrorKind).
///
/// No bound looks at a clock: the same template ends the same way on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: nodes of templates walked, functions called, turns of a `range`; the text and lists that functions look at.
    pub steps: u64,
    /// Bytes of text and lists that templates and functions make, all together, also those thrown away again.
    pub bytes: u64,
    /// How deep templates may call each other (`template`, and Helm's `include` and `tpl`).
    pub depth: u32,
}

impl Default for Limits {
    /// Room for the largest charts known, many times over.
    fn default() -> Self {
        Self { steps: 100_000_000, bytes: 1 << 30, depth: 1_200 }
    }
}

/// How deep all that nests while a template runs may nest together: templates, blocks, parentheses. With the depth of
/// [`Limits`] this bounds the stack (see [`on_large_stack`](crate::on_large_stack)).
const MOST_LEVELS: u32 = 12_000;

/// What is left of the [`Limits`]; all parts of a run share it.
#[derive(Debug)]
struct Budget {
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

/// The templates that run, as a function may use them.
pub(crate) trait Running: fmt::Debug {
    /// Executes the template of that name.
    fn execute(&self, name: &[u8], data: &Value, context: &mut Context) -> Result<Text, Error>;

    /// Parses `text` as one more template, which is gone afterwards, and executes it.
    fn render(&self, name: &str, text: &[u8], data: &Value, context: &mut Context) -> Result<Text, RenderError>;
}

/// The run that a function is called from.
#[derive(Debug, Clone)]
pub struct Context {
    budget: Rc<Budget>,
    /// The templates that run now: inside Helm's `tpl` these are more than outside.
    templates: Option<Rc<dyn Running>>,
    pub(crate) depth: u32,
    pub(crate) levels: u32,
}

impl Context {
    /// A context for one run: execute templates with it, or call functions to test them. Runs that share a context share
    /// its limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            budget: Rc::new(Budget { limits, steps: Cell::new(0), bytes: Cell::new(0) }),
            templates: None,
            depth: 0,
            levels: 0,
        }
    }

    /// Announces that about so many bytes are about to be made, **before** they are made.
    ///
    /// The executor announces the text it writes itself, and the length of strings and lists that functions return. So
    /// only functions whose result can be far larger than their arguments need this: `repeat`, `until`, `indent`.
    ///
    /// # Errors
    ///
    /// When the run has made too much already.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        let made = self.budget.bytes.get().saturating_add(bytes as u64);
        self.budget.bytes.set(made);
        let most = self.budget.limits.bytes;
        if made > most {
            return Err(Error::limit(format!("the templates make more than {most} bytes of text")));
        }
        Ok(())
    }

    /// Counts steps of work that take long without making anything: each turn of a loop of a function.
    ///
    /// # Errors
    ///
    /// When the run has taken too many steps already.
    pub fn step(&mut self, steps: u64) -> Result<(), Error> {
        let taken = self.budget.steps.get().saturating_add(steps);
        self.budget.steps.set(taken);
        let most = self.budget.limits.steps;
        if taken > most {
            return Err(Error::limit(format!("the templates take more than {most} steps")));
        }
        Ok(())
    }

    /// Counts the steps for looking at values whole: 64 bytes of a text, or 16 items of a list or map, are a step. What
    /// lies inside of the items does not count.
    ///
    /// The executor counts the arguments of each function so. Functions that do more with a text than walk over it count
    /// steps of their own.
    ///
    /// # Errors
    ///
    /// When the run has taken too many steps already.
    pub fn look_at<'a>(&mut self, values: impl IntoIterator<Item = &'a Value>) -> Result<(), Error> {
        let steps = values.into_iter().map(|value| match value {
            Value::String(text) => text.len() / 64,
            Value::Bytes(bytes) => bytes.len() / 64,
            Value::List(list) => list.len() / 16,
            Value::Map(map) => map.len() / 16,
            _ => 0,
        });
        self.step(steps.sum::<usize>() as u64)
    }

    /// Executes the template of that name, of those that run now, and returns what it writes: Helm's `include`.
    ///
    /// # Errors
    ///
    /// Those of the template; also when there is none of that name, or outside a run.
    pub fn execute(&mut self, name: &[u8], data: &Value) -> Result<Text, Error> {
        self.running()?.execute(name, data, self)
    }

    /// Parses `text` as one more template, beside those that run now, and executes it under `name`: Helm's `tpl`. What it
    /// defines can be called while it runs, and is gone afterwards.
    ///
    /// # Errors
    ///
    /// Those of the parser and of the template, each with the words that `tpl` puts in front.
    pub fn render(&mut self, name: &str, text: &[u8], data: &Value) -> Result<Text, RenderError> {
        // To parse takes far longer than to look at.
        self.step(text.len() as u64 / 8).map_err(RenderError::Execute)?;
        self.running().map_err(RenderError::Execute)?.render(name, text, data, self)
    }

    /// The text of values, as Go's `fmt.Sprint` makes it: sprig's `toString` of one value.
    ///
    /// # Errors
    ///
    /// When the text becomes too long, or a value holds itself.
    pub fn print(&mut self, values: &[Value]) -> Result<Text, Error> {
        let text = format::print(values, self.bytes_left())?;
        Ok(text.into())
    }

    /// Values by the verbs of a format, as Go's `fmt.Sprintf`.
    ///
    /// # Errors
    ///
    /// When the text becomes too long, or a value holds itself.
    pub fn printf(&mut self, format: &str, values: &[Value]) -> Result<Text, Error> {
        let text = format::printf(format.as_bytes(), values, self.bytes_left())?;
        Ok(text.into())
    }

    pub(crate) fn bytes_left(&self) -> u64 {
        self.budget.limits.bytes.saturating_sub(self.budget.bytes.get())
    }

    pub(crate) fn most_depth(&self) -> u32 {
        self.budget.limits.depth
    }

    /// Enters a level of nesting; the caller leaves it with `self.levels -= 1` when all went well. An error ends the
    /// run, so nobody leaves then.
    pub(crate) fn enter(&mut self) -> Result<(), Error> {
        self.levels += 1;
        if self.levels > MOST_LEVELS {
            return Err(Error::limit(format!("the templates nest deeper than {MOST_LEVELS} levels")));
        }
        Ok(())
    }

    /// Runs `what` while `templates` are the running ones.
    pub(crate) fn with<T>(&mut self, templates: Rc<dyn Running>, what: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.templates.replace(templates);
        let (depth, levels) = (self.depth, self.levels);
        let result = what(self);
        (self.templates, self.depth, self.levels) = (before, depth, levels);
        result
    }

    fn running(&self) -> Result<Rc<dyn Running>, Error> {
        self.templates.clone().ok_or_else(|| Error::new("no template is running"))
    }
}

/// What [`Context::render`] failed at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The text cannot be parsed.
    #[error(transparent)]
    Parse(Error),
    /// The text was parsed; executing it failed.
    #[error(transparent)]
    Execute(Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stops_at_its_bounds() {
        let mut context = Context::new(Limits { steps: 2, bytes: 10, depth: 1 });
        context.charge(10).unwrap();
        let error = context.charge(1).unwrap_err();
        assert_eq!(error.to_string(), "the templates make more than 10 bytes of text");
        assert_eq!(error.kind(), crate::ErrorKind::Limit);
        context.step(2).unwrap();
        assert_eq!(context.step(1).unwrap_err().to_string(), "the templates take more than 2 steps");
    }
}
