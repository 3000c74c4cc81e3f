//! Names that may stand only once in a list.

use std::collections::HashMap;

use super::context::Context;
use super::path::Path;
use crate::config::Kind;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::yaml::Node;

/// The names seen so far, and in which line.
#[derive(Default)]
pub(super) struct Unique {
    seen: HashMap<String, u32>,
}

impl Unique {
    /// Notes `name`; says `message` when it was there already.
    pub(super) fn check(
        &mut self,
        context: &mut Context<'_>,
        name: &str,
        node: &Node,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) {
        if let Some(finding) = self.find(name, node, path, message) {
            context.push(finding);
        }
    }
    /// As [`Unique::check`], for a rule that oc-mirror does not apply to what is to be deleted: only a warning there.
    pub(super) fn check_to_mirror(
        &mut self,
        context: &mut Context<'_>,
        name: &str,
        node: &Node,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) {
        if let Some(mut finding) = self.find(name, node, path, message) {
            if context.kind == Kind::Delete {
                finding.severity = Severity::Warning;
            }
            context.push(finding);
        }
    }

    fn find(
        &mut self,
        name: &str,
        node: &Node,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) -> Option<Diagnostic> {
        let Some(first) = self.seen.get(name) else {
            self.seen.insert(name.to_owned(), node.span.line);
            return None;
        };
        let help = format!("it stands in line {first} already; make one entry of the two");
        let finding = Diagnostic::error(Code::DuplicateEntry, node.span, path, message());
        Some(finding.width(node.width).help(help))
    }
}
