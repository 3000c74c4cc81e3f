//! Names that may stand only once in a list.

use std::collections::HashMap;

use super::context::Context;
use super::path::Path;
use crate::Span;
use crate::diagnostic::{Code, Diagnostic};

/// The names seen so far, and where.
#[derive(Default)]
pub(super) struct Unique {
    seen: HashMap<String, Span>,
}

impl Unique {
    /// Notes `name`; says `message` when it was there already.
    pub(super) fn check(
        &mut self,
        context: &mut Context<'_>,
        name: &str,
        span: Span,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) {
        if let Some(first) = self.seen.get(name) {
            let help = format!("it stands in line {} already; make one entry of the two", first.line);
            context.push(Diagnostic::error(Code::DuplicateEntry, span, path, message()).help(help));
        } else {
            self.seen.insert(name.to_owned(), span);
        }
    }
}
