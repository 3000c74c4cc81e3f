//! Names that may stand only once in a list.

use std::collections::HashMap;

use super::context::Context;
use super::path::Path;
use crate::config::Kind;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::yaml::{Node, lines_to_remove};

/// The names seen so far, the line of each, and the item that it names.
#[derive(Default)]
pub(super) struct Unique<'n> {
    seen: HashMap<String, (u32, &'n Node)>,
}

/// A name of an item of a list: what stands in the file, the node of the name, and the whole item.
#[derive(Clone, Copy)]
pub(super) struct Named<'a, 'n> {
    pub(super) name: &'a str,
    pub(super) node: &'n Node,
    pub(super) item: &'n Node,
}

impl<'n> Unique<'n> {
    /// Notes `name`; says `message` when it was there already.
    pub(super) fn check(
        &mut self,
        context: &mut Context<'_>,
        named: Named<'_, 'n>,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) {
        if let Some(finding) = self.find(named, path, message) {
            context.push(finding);
        }
    }

    /// As [`Unique::check_to_mirror`], but an item that says the same as the first one does no harm: a warning. True for such
    /// an item, which adds nothing.
    pub(super) fn check_repeated(
        &mut self,
        context: &mut Context<'_>,
        named: Named<'_, 'n>,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) -> bool {
        let repeats = self.seen.get(named.name).is_some_and(|(_, first)| first.says_the_same_as(named.item));
        if let Some(mut finding) = self.find(named, path, message) {
            if repeats || context.kind == Kind::Delete {
                finding.severity = Severity::Warning;
            }
            context.push(finding);
        }
        repeats
    }

    /// As [`Unique::check`], for a rule that oc-mirror does not apply to what is to be deleted: only a warning there.
    pub(super) fn check_to_mirror(
        &mut self,
        context: &mut Context<'_>,
        named: Named<'_, 'n>,
        path: &Path<'_>,
        message: impl FnOnce() -> String,
    ) {
        if let Some(mut finding) = self.find(named, path, message) {
            if context.kind == Kind::Delete {
                finding.severity = Severity::Warning;
            }
            context.push(finding);
        }
    }

    fn find(&mut self, named: Named<'_, 'n>, path: &Path<'_>, message: impl FnOnce() -> String) -> Option<Diagnostic> {
        let Named { name, node, item } = named;
        let Some((line, first)) = self.seen.get(name) else {
            self.seen.insert(name.to_owned(), (node.span.line, item));
            return None;
        };
        let same = first.says_the_same_as(item);
        let help = match same {
            true if item.is_flow => format!("remove it: line {line} says the same"),
            true => format!("{}: line {line} says the same", lines_to_remove(item.span.line, item.end_line)),
            false => format!("it stands in line {line} already; make one entry of the two"),
        };
        let finding = Diagnostic::error(Code::DuplicateEntry, node.span, path, message());
        Some(finding.width(node.width).help(help))
    }
}
