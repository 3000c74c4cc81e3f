//! Patterns of `mirror.blockedImages`.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex::{Regex, RegexBuilder};

use crate::Span;

/// How large one compiled pattern may become, in bytes.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// One entry of `blockedImages`: a regular expression, searched anywhere in a reference without its `scheme://`
/// (`docs/behaviour/config-cli.md` 1.6). The published form (a plain string) and the upstream form (`name: …`) mean
/// the same.
#[derive(Clone)]
pub struct BlockedImage {
    pattern: String,
    regex: Regex,
    /// Where the entry stands.
    pub span: Span,
}

impl BlockedImage {
    /// Compiles a pattern. The syntax is RE2's; `\Q…\E` is understood as well.
    ///
    /// # Errors
    /// When the text is no regular expression, or its compiled form is larger than 1 MiB.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        let regex = RegexBuilder::new(&without_quotations(pattern)).size_limit(PATTERN_SIZE_LIMIT).build()?;
        Ok(Self { pattern: pattern.to_owned(), regex, span: Span::default() })
    }

    /// This entry at another place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern is found anywhere in `reference`, which the caller gives without `scheme://`.
    pub fn is_match(&self, reference: &str) -> bool {
        self.regex.is_match(reference)
    }
}

impl PartialEq for BlockedImage {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BlockedImage {}

impl Hash for BlockedImage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for BlockedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockedImage({:?})", self.as_str())
    }
}

/// Replaces RE2's `\Q…\E` (an open one reaches to the end) by escapes, which the library knows.
fn without_quotations(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some(quoted) = escape.strip_prefix("\\Q") {
            let (literal, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            rest = behind;
        } else {
            // A backslash and what it escapes, so that `\\Q` is not taken for a quotation.
            let mut characters = escape.chars();
            out.extend(characters.by_ref().take(2));
            rest = characters.as_str();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, reference, expected) in [
            ("alpine", "docker.io/library/alpine:3", true),
            ("^docker.io/", "quay.io/docker.io/x", false),
            ("debug-.*", "quay.io/a/debug-", true),
            (r"\Qa.b+\E.*", "quay.io/a.b+c", true),
            (r"\Qa.b\E", "quay.io/axb", false),
            (r"x\Q.*", "quay.io/x.*", true),
            (r"\\Q", "quay.io/Q", false),
            (r"\\Q", r"quay.io/\Q", true),
            ("(?i)ALPINE$", "quay.io/alpine", true),
            (r"(?P<name>a)\d\z", "quay.io/a1", true),
            ("", "anything", true),
        ] {
            let blocked = BlockedImage::new(pattern).unwrap();
            assert_eq!(blocked.is_match(reference), expected, "{pattern} {reference}");
            assert_eq!(blocked.as_str(), pattern);
        }
    }
}
