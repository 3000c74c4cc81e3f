//! Patterns of `mirror.blockedImages`.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex::{Regex, RegexBuilder};

use crate::Span;

/// How large one compiled pattern may become, in bytes.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// One entry of `blockedImages`: a regular expression, searched anywhere in a reference without its `scheme://`
/// (contract `config-cli.md` 1.6). The published form (a plain string) and the upstream form (`name: …`) mean the same.
#[derive(Clone)]
pub struct BlockedImage {
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
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE_LIMIT).build()?;
        Ok(Self { regex, span: Span::default() })
    }

    /// This entry at another place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
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
