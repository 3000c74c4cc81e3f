//! What a function gets besides its arguments: the bounds of the run.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::Error;

/// Bounds of one run. A template that reaches one is stopped with an error of kind
/// [`ErrorKind::Limit`](crate::ErrorKind).
///
/// No bound looks at a clock: the same template ends the same way on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: nodes of templates walked, functions called, turns of a `range`.
    pub steps: u64,
    /// Bytes of text and lists that templates and functions make, all together, also those thrown away again.
    pub bytes: u64,
    /// How deep templates may call each other (`template`, and Helm's `include` and `tpl`).
    pub depth: u32,
}

impl Default for Limits {
    /// Room for the largest charts known, some hundred times over: the largest takes under a million steps and about
    /// 20 MiB.
    fn default() -> Self {
        Self { steps: 100_000_000, bytes: 4 << 30, depth: 1_200 }
    }
}

/// What is left of the [`Limits`]; all parts of a run share it.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

/// The run that a function is called from.
#[derive(Debug, Clone)]
pub struct Context {
    budget: Rc<Budget>,
}

impl Context {
    /// A context outside a run, for example to test functions.
    pub fn new(limits: Limits) -> Self {
        Self { budget: Rc::new(Budget { limits, steps: Cell::new(0), bytes: Cell::new(0) }) }
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
