//! Broken YAML, explained by the line it broke on.

use granit_parser::{ErrorKind, ScanError};

use super::load::span_of;
use crate::diagnostic::{Code, Diagnostic};
use crate::placeholder::{self, Strictness};
use crate::span::lines;

/// A diagnostic for a syntax error, with the advice that the common mistakes deserve.
pub(super) fn explain(error: &ScanError, text: &str) -> Diagnostic {
    let span = span_of(*error.marker());
    let message = format!("broken YAML: {}", error.info());
    let help = match error.kind() {
        ErrorKind::UnknownAnchor => {
            Some("define it before with `&` and the same name; a text that begins with `*` must be quoted".to_owned())
        }
        _ => advice(span.line as usize, text),
    };
    Diagnostic::error(Code::Syntax, span, "", message).help_opt(help)
}

/// Looks at the line of the error and the one before it, because a parser often notices late.
fn advice(number: usize, text: &str) -> Option<String> {
    let lines: Vec<&str> = lines(text).take(number).collect();
    let nearby: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| (at + 1, *line))
        .rev()
        .filter(|(_, line)| has_content(line))
        .take(2)
        .collect();
    for (number, line) in &nearby {
        let indent = line.strip_suffix(line.trim_start()).unwrap_or_default();
        if indent.contains('\t') {
            return Some(format!("line {number} is indented by a tab; YAML allows only spaces there"));
        }
    }
    if let Some((number, _)) = nearby.iter().find(|(_, line)| matches!(line.trim(), "..." | "…")) {
        return Some(format!("remove line {number}: `...` only stands for lines that an example leaves out"));
    }
    if let Some((number, placeholder)) =
        nearby.iter().find_map(|(number, line)| placeholder_of(line).map(|placeholder| (number, placeholder)))
    {
        return Some(format!("line {number}: write the value in the place of the placeholder `{placeholder}`"));
    }
    if let [(number, line), (before, previous)] = nearby[..]
        && is_complete(previous)
        && line.trim_start().starts_with("- ")
        && key_column(previous).is_some_and(|column| line.len() - line.trim_start().len() >= column)
    {
        return Some(format!(
            "line {number} begins a list, but line {before} has its value already: write the key of the list, like \
             `packages:` or `channels:`, in a line between them"
        ));
    }
    if let [(number, line), (before, previous)] = nearby[..]
        && is_complete(previous)
        && let (Some(column), Some(column_before)) = (key_column(line), key_column(previous))
        && column > column_before
    {
        return Some(format!(
            "line {before} has its value already, and line {number} is indented deeper; \
             fields of one item begin in the same column"
        ));
    }
    for (number, line) in &nearby {
        let content = line.trim();
        if let Some(bracket) = open_bracket(content) {
            return Some(format!("`{bracket}` in line {number} is not closed"));
        }
        if content.matches('"').count() % 2 == 1 || content.matches('\'').count() % 2 == 1 {
            return Some(format!("a quote in line {number} is not closed"));
        }
        if let Some(key) = missing_space(content) {
            return Some(format!("line {number} needs a space after `{key}:`"));
        }
        if is_bare_word(content) {
            return Some(format!("line {number} seems to lack a `:` after `{}`", content.trim_start_matches("- ")));
        }
    }
    None
}

fn has_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// Where the key of a line begins, behind any `- `.
fn key_column(line: &str) -> Option<usize> {
    let content = line.trim_start().trim_start_matches("- ").trim_start();
    content.contains(':').then(|| line.len() - content.len())
}

/// Whether a line is a key with its value.
fn is_complete(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(_, value)| has_content(value) && !value.trim().starts_with(['|', '>', '&']))
}

/// `key:value`, which is one word to YAML.
fn missing_space(content: &str) -> Option<&str> {
    let (key, value) = content.trim_start_matches("- ").split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic());
    (is_key && !value.is_empty() && !value.starts_with([' ', '/'])).then_some(key)
}

fn is_bare_word(content: &str) -> bool {
    let content = content.trim_start_matches("- ");
    !content.is_empty() && content.bytes().all(|b| b.is_ascii_alphabetic())
}

/// The first bracket of a line that has more opening than closing ones.
fn open_bracket(content: &str) -> Option<char> {
    let count = |brackets: [char; 2]| content.chars().filter(|c| brackets.contains(c)).count();
    if count(['[', '{']) > count([']', '}']) { content.chars().find(|c| matches!(c, '[' | '{')) } else { None }
}

/// A placeholder in braces, which breaks YAML unless it is quoted. `{a: b}` and `{a, b}` are YAML.
fn placeholder_of(line: &str) -> Option<&str> {
    let (before, _) = line.split_once('{')?;
    let quoted = before.contains(['"', '\'']);
    placeholder::find(line, Strictness::Any)
        .filter(|found| !quoted && found.contains('{') && !found.contains([':', ',', '"', '\'']))
}
