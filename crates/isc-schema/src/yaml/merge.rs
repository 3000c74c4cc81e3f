//! Merge keys, `<<: *defaults` (YAML 1.1 merge type).

use super::{Entry, Node, Value};
use crate::diagnostic::{Code, Diagnostic};

/// Replaces the merge entries of a mapping by the entries they stand for. What the mapping itself says wins, then the
/// first of several merged mappings.
pub(super) fn apply(entries: Vec<Entry>) -> Result<Vec<Entry>, Diagnostic> {
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.key.is_merge);
    for merge in merges {
        let sources = match merge.value.value {
            Value::Sequence(items) => items,
            _ => vec![merge.value],
        };
        for source in sources {
            let Node { value: Value::Mapping(merged), .. } = source else {
                let message = format!("`<<` merges mappings, found {}", source.describe());
                return Err(Diagnostic::error(Code::Syntax, source.span, "", message)
                    .help("refer to a mapping by its anchor: `<<: *name`"));
            };
            for entry in merged {
                if own.iter().all(|known| known.key.text != entry.key.text) {
                    own.push(entry);
                }
            }
        }
    }
    Ok(own)
}
