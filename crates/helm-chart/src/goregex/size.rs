//! How large an expression becomes when it is compiled: a repetition is written out.

/// The most that repetitions within repetitions may multiply to; Go's bound.
const MAX_REPEAT: u64 = 1_000;

/// What is known of a part of an expression.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// About how many states it takes.
    states: u64,
    /// The product of the repetitions within each other, the largest there is.
    repeats: u64,
}

/// Adds up an expression while it is read.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// What stands before each open group.
    outside: Vec<Part>,
    /// What stands in this group, without the last operand.
    before: Part,
    operand: Part,
}

impl Size {
    /// A character, a class, an assertion.
    pub(super) fn operand(&mut self, states: u64) {
        self.flush();
        self.operand = Part { states, repeats: 0 };
    }

    pub(super) fn open(&mut self) {
        self.flush();
        self.outside.push(std::mem::take(&mut self.before));
    }

    pub(super) fn close(&mut self) {
        self.flush();
        self.operand = std::mem::replace(&mut self.before, self.outside.pop().unwrap_or_default());
    }

    /// Repeats the last operand; says whether Go allows so many repetitions within each other.
    pub(super) fn repeat(&mut self, low: u32, high: Option<u32>) -> bool {
        let most = u64::from(high.unwrap_or(low));
        self.operand.states = self.operand.states.saturating_mul(most.max(1)).saturating_add(1);
        self.operand.repeats = most.saturating_mul(self.operand.repeats.max(1));
        most < 2 || self.operand.repeats <= MAX_REPEAT
    }

    /// About how many states the whole expression takes.
    pub(super) fn states(mut self) -> u64 {
        self.flush();
        self.before.states
    }

    fn flush(&mut self) {
        let operand = std::mem::take(&mut self.operand);
        self.before.states = self.before.states.saturating_add(operand.states);
        self.before.repeats = self.before.repeats.max(operand.repeats);
    }
}
