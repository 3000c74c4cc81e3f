//! `.indexignore`: which files of a catalog directory are not part of the catalog. The syntax is gitignore's.

/// The rules of all `.indexignore` files of a catalog.
#[derive(Debug, Default)]
pub(crate) struct IgnoreRules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    /// The directory of the file that holds the rule, with a trailing `/`, or empty for the root.
    directory: String,
    /// Path segments; a rule that floats begins with `**`.
    segments: Vec<String>,
    negated: bool,
    directories_only: bool,
}

impl IgnoreRules {
    /// The name of the files that hold rules.
    pub(crate) const FILE_NAME: &str = ".indexignore";

    /// Adds the rules of one file; `path` is the path of that file.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let directory = path.rfind('/').map_or("", |at| &path[..=at]);
        self.0.extend(text.lines().filter_map(|line| Rule::parse(directory, line)));
        // A deeper file speaks later, hence with more weight, whatever order the files came in.
        self.0.sort_by_key(|rule| rule.directory.matches('/').count());
    }

    /// Whether a file, named by its path, is left out: by its own name or by one of its directories.
    pub(crate) fn ignores(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let directories = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        // A file below an ignored directory cannot be brought back, so the first verdict "ignored" is final.
        directories.chain([(path, false)]).any(|(path, is_directory)| {
            let verdict = self.0.iter().rev().find(|rule| rule.matches(path, is_directory));
            verdict.is_some_and(|rule| !rule.negated)
        })
    }
}

impl Rule {
    fn parse(directory: &str, line: &str) -> Option<Self> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = match line.trim_end_matches(' ') {
            kept if kept.ends_with('\\') && kept.len() < line.len() => &line[..=kept.len()],
            kept => kept,
        };
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (negated, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (directories_only, pattern) = pattern.strip_suffix('/').map_or((false, pattern), |rest| (true, rest));
        let anchored = pattern.contains('/');
        let mut segments: Vec<String> =
            pattern.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        if segments.is_empty() {
            return None;
        }
        if !anchored {
            segments.insert(0, "**".to_owned());
        }
        Some(Self { directory: directory.to_owned(), segments, negated, directories_only })
    }

    fn matches(&self, path: &str, is_directory: bool) -> bool {
        if self.directories_only && !is_directory {
            return false;
        }
        let Some(relative) = path.strip_prefix(&self.directory) else { return false };
        let path: Vec<&str> = relative.split('/').collect();
        matches_all(
            &self.segments,
            &path,
            true,
            |pattern| pattern == "**",
            |pattern, segment| {
                let pattern = glob_items(pattern);
                let segment: Vec<char> = segment.chars().collect();
                matches_all(&pattern, &segment, false, |item| matches!(item, GlobItem::Any), |item, c| item.accepts(*c))
            },
        )
    }
}

/// Matches a pattern with "any number of" items against a list, by a table of one row: pattern length times list
/// length at most, whatever the pattern.
fn matches_all<P, T>(
    pattern: &[P],
    list: &[T],
    trailing_needs_one: bool,
    is_any: impl Fn(&P) -> bool,
    accepts: impl Fn(&P, &T) -> bool,
) -> bool {
    // `row[i]`: the pattern up to here matches the first `i` items.
    let mut row = vec![false; list.len() + 1];
    row[0] = true;
    for (index, item) in pattern.iter().enumerate() {
        let mut next = vec![false; list.len() + 1];
        if is_any(item) {
            // `a/**` means what is in `a`, not `a` itself.
            let needs_one = index > 0 && index + 1 == pattern.len() && trailing_needs_one;
            let mut reached = false;
            for (at, before) in row.iter().enumerate() {
                next[at] = if needs_one { reached } else { reached || *before };
                reached |= *before;
            }
        } else {
            for at in 0..list.len() {
                next[at + 1] = row[at] && accepts(item, &list[at]);
            }
        }
        row = next;
    }
    row[list.len()]
}

#[derive(Debug)]
enum GlobItem {
    Literal(char),
    One,
    Any,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl GlobItem {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == c,
            Self::One | Self::Any => true,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
            }
        }
    }
}

fn glob_items(pattern: &str) -> Vec<GlobItem> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut items = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        items.push(match c {
            '*' => GlobItem::Any,
            '?' => GlobItem::One,
            '\\' if at < chars.len() => {
                at += 1;
                GlobItem::Literal(chars[at - 1])
            }
            '[' => match class(&chars[at..]) {
                Some((item, length)) => {
                    at += length;
                    item
                }
                None => GlobItem::Literal('['),
            },
            literal => GlobItem::Literal(literal),
        });
    }
    items
}

/// A character class without its `[`, and its length with the `]`.
fn class(chars: &[char]) -> Option<(GlobItem, usize)> {
    let negated = matches!(chars.first(), Some('!' | '^'));
    let start = usize::from(negated);
    // A `]` that comes first stands for itself.
    let end = chars.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    let body = &chars[start..end];
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < body.len() {
        if at + 2 < body.len() && body[at + 1] == '-' {
            ranges.push((body[at], body[at + 2]));
            at += 3;
        } else {
            ranges.push((body[at], body[at]));
            at += 1;
        }
    }
    Some((GlobItem::Class { negated, ranges }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |rules: &str, ignored: &[&str], kept: &[&str]| {
            let mut parsed = IgnoreRules::default();
            parsed.add(IgnoreRules::FILE_NAME, rules);
            for path in ignored {
                assert!(parsed.ignores(path), "{rules:?} should ignore {path}");
            }
            for path in kept {
                assert!(!parsed.ignores(path), "{rules:?} should keep {path}");
            }
        };
        check("", &[], &["a"]);
        check("# a\n\na", &["a", "b/a", "a/b"], &["ab", "# a"]);
        check("/a", &["a", "a/b"], &["b/a"]);
        check("a/b", &["a/b", "a/b/c"], &["c/a/b"]);
        check("a/", &["a/b", "c/a/b"], &["a", "c/a"]);
        check("*.md", &["README.md", "p/x.md"], &["p/x.mdx"]);
        check("*\n!*.json", &["a.yaml"], &["a.json"]);
        check("a/\n!a/b", &["a/b"], &[]);
        check("**/tmp", &["tmp", "a/b/tmp/c"], &["tmpx"]);
        check("a/**", &["a/b", "a/b/c"], &["a"]);
        check("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["z", "a/b"]);
        check("f?o[0-9]", &["foo1", "fxo9"], &["foo", "fooa"]);
        check("[!a]x", &["bx"], &["ax"]);
        check("[]]", &["]"], &["a"]);
        check("[a", &["[a"], &["a"]);
        check("a\\*", &["a*"], &["ab"]);
        check("a \r\nb\\ ", &["a", "b "], &["b"]);
        check("\\#a\n\\!b", &["#a", "!b"], &[]);
    }

    #[test]
    fn deeper_files_speak_later() {
        let mut rules = IgnoreRules::default();
        rules.add("p/.indexignore", "!keep.md");
        rules.add(".indexignore", "*.md");
        assert!(rules.ignores("keep.md"));
        assert!(rules.ignores("p/other.md"));
        assert!(!rules.ignores("p/keep.md"));
    }

    #[test]
    fn many_stars_are_cheap() {
        let mut rules = IgnoreRules::default();
        rules.add(".indexignore", &"*a".repeat(200));
        assert!(!rules.ignores(&format!("{}b", "a".repeat(2000))));
    }
}
