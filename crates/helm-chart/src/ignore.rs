//! `.helmignore`: what of a folder does not belong to the chart.

/// Why a `.helmignore` cannot be read, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// Helm has no `**` here.
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// A pattern is malformed.
    #[error("syntax error in pattern")]
    Pattern,
    /// A line is longer than Go's scanner takes.
    #[error("bufio.Scanner: token too long")]
    LongLine,
}

/// The longest line that Go's `bufio.Scanner` takes.
const MAX_LINE: usize = 64 * 1024;

/// The rules of a `.helmignore`, with Helm's own rule behind them: hidden files in `templates/` never belong to a chart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    /// `!`: what does **not** match is ignored.
    negated: bool,
    /// A `/` at the end: only folders match.
    folders_only: bool,
    /// How much of a path is looked at.
    scope: Scope,
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    /// The whole path.
    Path,
    /// The name only.
    Name,
}

impl Rules {
    /// The rules of a text; an empty text has Helm's own rule only.
    ///
    /// # Errors
    ///
    /// When a pattern is malformed.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut rules = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            if line.len() >= MAX_LINE {
                return Err(Error::LongLine);
            }
            rules.add(&String::from_utf8_lossy(line))?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let rule = line.trim_matches(crate::gostring::is_space);
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(Error::DoubleStar);
        }
        match_path(rule, "abc")?;
        let (negated, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let (pattern, scope) = match rule.strip_prefix('/') {
            Some(rest) => (rest, Scope::Path),
            None if rule.contains('/') => (rule, Scope::Path),
            None => (rule, Scope::Name),
        };
        self.rules.push(Rule { pattern: pattern.to_owned(), negated, folders_only, scope });
        Ok(())
    }

    /// Whether a file or folder does not belong to the chart. `path` is relative to the chart's folder, with `/`.
    ///
    /// Folders that are ignored are not entered.
    pub(crate) fn ignores(&self, path: &str, is_folder: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        for rule in &self.rules {
            let wrong_kind = rule.folders_only && !is_folder;
            if rule.negated {
                if wrong_kind || !rule.matches(path) {
                    return true;
                }
            } else if !wrong_kind && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let part = match self.scope {
            Scope::Path => path,
            Scope::Name => path.trim_end_matches('/').rsplit('/').next().unwrap_or(path),
        };
        match_path(&self.pattern, part).unwrap_or(false)
    }
}

/// `filepath.Match`: `*` and `?` stay within a folder, `[a-z]` and `[^a-z]` are classes, `\` takes away a meaning.
fn match_path(pattern: &str, name: &str) -> Result<bool, Error> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let (star, chunk, rest) = scan_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains('/'));
        }
        let (tail, fits) = match_chunk(chunk, name)?;
        if fits && (tail.is_empty() || !pattern.is_empty()) {
            name = tail;
            continue;
        }
        if star {
            let mut found = None;
            let mut characters = name.chars();
            while characters.next().is_some_and(|character| character != '/') {
                let (tail, fits) = match_chunk(chunk, characters.as_str())?;
                if fits && (tail.is_empty() || !pattern.is_empty()) {
                    found = Some(tail);
                    break;
                }
            }
            if let Some(tail) = found {
                name = tail;
                continue;
            }
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// The stars at the beginning, what follows up to the next star, and the rest.
fn scan_chunk(pattern: &str) -> (bool, &str, &str) {
    let rest = pattern.trim_start_matches('*');
    let star = rest.len() < pattern.len();
    let mut in_class = false;
    let mut escaped = false;
    for (index, character) in rest.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match character {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => {
                let (chunk, rest) = rest.split_at_checked(index).unwrap_or((rest, ""));
                return (star, chunk, rest);
            }
            _ => {}
        }
    }
    (star, rest, "")
}

/// Matches a chunk at the beginning of a name, and gives what is left of the name.
fn match_chunk<'a>(chunk: &str, name: &'a str) -> Result<(&'a str, bool), Error> {
    let (mut chunk, mut name) = (chunk, name);
    let mut failed = false;
    while let Some(first) = chunk.chars().next() {
        if !failed && name.is_empty() {
            failed = true;
        }
        let next = name.chars().next();
        match first {
            '[' => {
                if !failed {
                    name = behind_first(name);
                }
                let character = next.unwrap_or('\0');
                chunk = behind_first(chunk);
                let negated = chunk.starts_with('^');
                if negated {
                    chunk = behind_first(chunk);
                }
                let mut fits = false;
                let mut count = 0;
                loop {
                    if count > 0 && chunk.starts_with(']') {
                        chunk = behind_first(chunk);
                        break;
                    }
                    let (low, rest) = class_character(chunk)?;
                    let (high, rest) = match rest.strip_prefix('-') {
                        Some(rest) => class_character(rest)?,
                        None => (low, rest),
                    };
                    chunk = rest;
                    fits |= low <= character && character <= high;
                    count += 1;
                }
                failed |= fits == negated;
            }
            '?' => {
                if !failed {
                    failed = name.starts_with('/');
                    name = behind_first(name);
                }
                chunk = behind_first(chunk);
            }
            _ => {
                let mut literal = first;
                if first == '\\' {
                    chunk = behind_first(chunk);
                    literal = chunk.chars().next().ok_or(Error::Pattern)?;
                }
                if !failed {
                    failed = next != Some(literal);
                    name = behind_first(name);
                }
                chunk = behind_first(chunk);
            }
        }
    }
    Ok(if failed { ("", false) } else { (name, true) })
}

fn behind_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

/// One character of a class, and what follows.
fn class_character(chunk: &str) -> Result<(char, &str), Error> {
    let mut characters = chunk.chars();
    let character = match characters.next() {
        None | Some('-' | ']') => return Err(Error::Pattern),
        Some('\\') => characters.next().ok_or(Error::Pattern)?,
        Some(character) => character,
    };
    if characters.as_str().is_empty() {
        return Err(Error::Pattern);
    }
    Ok((character, characters.as_str()))
}
