//! `.indexignore`: which files of a catalog directory are not part of the catalog. The syntax is gitignore's.
//!
//! Whoever made the catalog wrote both the rules and the names that they are held against. A name is walked through once for each rule,
//! the text of all rules is bounded, and so is the work of all names together.

use std::collections::HashMap;
use std::str::Chars;

/// Bytes of all rules of one catalog. Published catalogs have a few lines.
const MAX_RULE_BYTES: usize = 1 << 20;
/// Comparisons for all names of one catalog: some seconds.
const MAX_STEPS: u64 = 1 << 30;

/// The rules of all `.indexignore` files of a catalog.
#[derive(Debug)]
pub(crate) struct IgnoreRules {
    /// Folders that lead to rules; the first one is the root.
    folders: Vec<Folder>,
    bytes: usize,
    steps: u64,
    max_steps: u64,
}

/// A folder with rules, or with such a folder below it.
#[derive(Debug, Default)]
struct Folder {
    rules: Vec<Rule>,
    /// Index into [`IgnoreRules::folders`] by name.
    below: HashMap<String, usize>,
}

/// The rules of a catalog, or their work, are more than what is reasonable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyRules {
    /// The text of the rules.
    #[error("the catalog's `.indexignore` files have more than {MAX_RULE_BYTES} bytes together")]
    Bytes,
    /// The work.
    #[error("the rules of the catalog's `.indexignore` files take more than {MAX_STEPS} comparisons")]
    Steps,
}

#[derive(Debug)]
struct Rule {
    /// The parts between slashes; a rule that floats begins with [`Segment::AnyDepth`].
    segments: Vec<Segment>,
    negated: bool,
    directories_only: bool,
}

#[derive(Debug)]
enum Segment {
    /// `**`: any number of folders.
    AnyDepth,
    /// The pattern of one name.
    Name(Vec<GlobItem>),
}

impl Default for IgnoreRules {
    fn default() -> Self {
        Self { folders: vec![Folder::default()], bytes: 0, steps: 0, max_steps: MAX_STEPS }
    }
}

impl IgnoreRules {
    /// The name of the files that hold rules.
    pub(crate) const FILE_NAME: &str = ".indexignore";

    /// Adds the rules of one file; `path` is the path of that file.
    pub(crate) fn add(&mut self, path: &str, text: &str) -> Result<(), TooManyRules> {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MAX_RULE_BYTES {
            return Err(TooManyRules::Bytes);
        }
        let mut at = 0;
        for name in path.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').filter(|name| !name.is_empty()) {
            let new = self.folders.len();
            let Some(folder) = self.folders.get_mut(at) else { break };
            at = *folder.below.entry(name.to_owned()).or_insert(new);
            if at == new {
                self.folders.push(Folder::default());
            }
        }
        if let Some(folder) = self.folders.get_mut(at) {
            folder.rules.extend(text.lines().filter_map(Rule::parse));
        }
        Ok(())
    }

    /// Whether a file, named by its path, is left out: by its own name or by one of its directories.
    pub(crate) fn ignores(&mut self, path: &str) -> Result<bool, TooManyRules> {
        let names: Vec<&str> = path.split('/').collect();
        // For each directory of the path and for the file: what the last rule said that names it.
        let mut verdicts = vec![false; names.len()];
        let mut folder = self.folders.first();
        let mut rest = (names.as_slice(), verdicts.as_mut_slice());
        // A deeper file speaks later, hence with more weight.
        while let Some(Folder { rules, below }) = folder {
            for rule in rules {
                rule.judge(rest.0, rest.1, &mut self.steps);
                if self.steps > self.max_steps {
                    return Err(TooManyRules::Steps);
                }
            }
            let (Some((name, names)), Some((_, verdicts))) = (rest.0.split_first(), rest.1.split_first_mut()) else {
                break;
            };
            rest = (names, verdicts);
            folder = below.get(*name).and_then(|at| self.folders.get(*at));
        }
        // A file below an ignored directory cannot be brought back.
        Ok(verdicts.contains(&true))
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = match line.trim_end_matches(' ') {
            kept if kept.ends_with('\\') => line.get(..=kept.len()).unwrap_or(line),
            kept => kept,
        };
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (negated, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (directories_only, pattern) = pattern.strip_suffix('/').map_or((false, pattern), |rest| (true, rest));
        let names = pattern.split('/').filter(|segment| !segment.is_empty());
        let mut segments: Vec<Segment> = names.map(Segment::parse).collect();
        if segments.is_empty() {
            return None;
        }
        if !pattern.contains('/') {
            segments.insert(0, Segment::AnyDepth);
        }
        Some(Self { segments, negated, directories_only })
    }

    /// Says its verdict of each prefix of a path that it names. Each name is looked at once.
    fn judge(&self, names: &[&str], verdicts: &mut [bool], steps: &mut u64) {
        // Which segments may come next. A rule names a path when its last segment took a name: `a/**` is what is in `a`, not `a`.
        let mut next = vec![false; self.segments.len()];
        self.reach(0, &mut next);
        for (at, (name, verdict)) in names.iter().zip(verdicts).enumerate() {
            let mut after = vec![false; self.segments.len()];
            let mut is_named = false;
            let possible = self.segments.iter().zip(&next).enumerate().filter(|(_, (_, is_next))| **is_next);
            for (index, (segment, _)) in possible {
                *steps += 1;
                let goes_on = match segment {
                    Segment::AnyDepth => {
                        self.reach(index, &mut after);
                        true
                    }
                    Segment::Name(pattern) => matches(pattern, name, steps),
                };
                if goes_on && index + 1 == self.segments.len() {
                    is_named = true;
                } else if goes_on {
                    self.reach(index + 1, &mut after);
                }
            }
            let is_directory = at + 1 < names.len();
            if is_named && (is_directory || !self.directories_only) {
                *verdict = !self.negated;
            }
            // Nothing can follow any more.
            if !after.contains(&true) {
                return;
            }
            next = after;
        }
    }

    /// Notes that a segment may come next, and those behind it where it may stand for no name at all.
    fn reach(&self, first: usize, next: &mut [bool]) {
        for (segment, is_next) in self.segments.iter().zip(next).skip(first) {
            *is_next = true;
            if matches!(segment, Segment::Name(_)) {
                return;
            }
        }
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        if text == "**" { Self::AnyDepth } else { Self::Name(glob_items(text)) }
    }
}

/// Whether a pattern matches the whole of a name. Of several `*` only the last one that was met is ever taken back: what matched
/// before it matches as well however long it is. So the work is the length of the pattern times that of the name at most.
fn matches(pattern: &[GlobItem], name: &str, steps: &mut u64) -> bool {
    let (mut items, mut chars) = (pattern.iter(), name.chars());
    // What follows the last `*`, and the text that it has not taken.
    let mut star: Option<(std::slice::Iter<'_, GlobItem>, Chars<'_>)> = None;
    loop {
        let (item, c) = (items.next(), chars.clone().next());
        *steps += item.map_or(1, GlobItem::cost);
        let goes_on = match (item, c) {
            (Some(GlobItem::Any), _) => {
                star = Some((items.clone(), chars.clone()));
                continue;
            }
            (None, None) => return true,
            // A longer `*` leaves even less.
            (Some(_), None) => return false,
            (Some(item), Some(c)) => item.accepts(c),
            (None, Some(_)) => false,
        };
        if goes_on {
            chars.next();
            continue;
        }
        let Some((after, taken)) = &mut star else { return false };
        taken.next();
        (items, chars) = (after.clone(), taken.clone());
    }
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

    /// Comparisons that [`GlobItem::accepts`] takes.
    fn cost(&self) -> u64 {
        match self {
            Self::Literal(_) | Self::One | Self::Any => 1,
            Self::Class { ranges, .. } => 1 + ranges.len() as u64,
        }
    }
}

fn glob_items(pattern: &str) -> Vec<GlobItem> {
    let mut items = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        items.push(match c {
            // Two are as good as one.
            '*' if matches!(items.last(), Some(GlobItem::Any)) => continue,
            '*' => GlobItem::Any,
            '?' => GlobItem::One,
            '\\' => GlobItem::Literal(chars.next().unwrap_or('\\')),
            '[' => match class(chars.as_str()) {
                Some((item, rest)) => {
                    chars = rest.chars();
                    item
                }
                None => GlobItem::Literal('['),
            },
            literal => GlobItem::Literal(literal),
        });
    }
    items
}

/// A character class without its `[`, and the text behind its `]`.
fn class(text: &str) -> Option<(GlobItem, &str)> {
    let (negated, text) = text.strip_prefix(['!', '^']).map_or((false, text), |rest| (true, rest));
    // A `]` that comes first stands for itself.
    let (end, _) = text.char_indices().skip(1).find(|(_, c)| *c == ']')?;
    let (body, rest) = text.split_at(end);
    let mut ranges = Vec::new();
    let mut chars = body.chars();
    while let Some(first) = chars.next() {
        let mut ahead = chars.clone();
        if ahead.next() == Some('-')
            && let Some(last) = ahead.next()
        {
            ranges.push((first, last));
            chars = ahead;
        } else {
            ranges.push((first, first));
        }
    }
    Some((GlobItem::Class { negated, ranges }, rest.strip_prefix(']')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |rules: &str, ignored: &[&str], kept: &[&str]| {
            let mut parsed = IgnoreRules::default();
            parsed.add(IgnoreRules::FILE_NAME, rules).unwrap();
            for path in ignored {
                assert!(parsed.ignores(path).unwrap(), "{rules:?} should ignore {path}");
            }
            for path in kept {
                assert!(!parsed.ignores(path).unwrap(), "{rules:?} should keep {path}");
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
        check("**", &["a", "a/b"], &[]);
        check("/**", &["a", "a/b"], &[]);
        check("**/a/**/b", &["a/b", "x/a/b", "a/x/y/b/z", "a/a/b"], &["a", "b", "b/a"]);
        check("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["z", "a/b"]);
        check("f?o[0-9]", &["foo1", "fxo9"], &["foo", "fooa"]);
        check("[!a]x", &["bx"], &["ax"]);
        check("[]]", &["]"], &["a"]);
        check("[a", &["[a"], &["a"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("[", &["["], &["a"]);
        check("a**b", &["ab", "axb"], &["a", "abx"]);
        check("*a*b*", &["ab", "xaxbx", "aab"], &["a", "b", "ba"]);
        check("*ab", &["ab", "aab", "abab"], &["aba"]);
        check("*", &["a", "a/b"], &[]);
        check("a\\*", &["a*"], &["ab"]);
        check("a \r\nb\\ ", &["a", "b "], &["b"]);
        check("\\#a\n\\!b", &["#a", "!b"], &[]);
    }

    #[test]
    fn deeper_files_speak_later() {
        let mut rules = IgnoreRules::default();
        rules.add("p/.indexignore", "!keep.md").unwrap();
        rules.add(".indexignore", "*.md").unwrap();
        rules.add("p/q/.indexignore", "/a").unwrap();
        assert_eq!(rules.ignores("keep.md"), Ok(true));
        assert_eq!(rules.ignores("p/other.md"), Ok(true));
        assert_eq!(rules.ignores("p/keep.md"), Ok(false));
        // A rule counts below its own folder.
        assert_eq!(rules.ignores("p/q/a"), Ok(true));
        assert_eq!(rules.ignores("p/a"), Ok(false));
        assert_eq!(rules.ignores("a"), Ok(false));
    }

    /// Comparisons that it takes to hold a path against rules.
    fn steps(rules: &str, path: &str) -> u64 {
        let mut parsed = IgnoreRules::default();
        parsed.add(IgnoreRules::FILE_NAME, rules).unwrap();
        parsed.ignores(path).unwrap();
        parsed.steps
    }

    /// Whatever the rule, a path of twice the length takes twice the comparisons at most, and never more than the length of the rule
    /// times that of the path.
    #[test]
    fn the_work_grows_with_the_path_and_not_faster() {
        let check = |rules: &str, path: &dyn Fn(usize) -> String| {
            for length in [100, 200, 400] {
                let (once, twice) = (path(length), path(2 * length));
                let (few, many) = (steps(rules, &once), steps(rules, &twice));
                assert!(many <= 2 * few + 4 * rules.len() as u64, "{rules:?}: {few} became {many} at {length}");
                let most = (rules.len() as u64 + 2) * (twice.len() as u64 + 1);
                assert!(many <= most, "{rules:?}: {many} is more than {most}");
            }
        };
        let rules = [
            "*a*a*a*a*b",
            &"*a".repeat(50),
            "a*a*a*a*a*a*a*a*b",
            "**/a/**/a/**/a/**/b",
            "*/*/*/*/b",
            "[a-b]*[a-b]*c",
            "**/*a*a*a*b/c",
            "a\n!a\na/\n*\n!*",
        ];
        for rules in rules {
            check(rules, &|length| "a".repeat(length));
            check(rules, &|length| "a/".repeat(length) + "a");
            check(rules, &|length| "aaaaaaa/".repeat(length / 8) + "c");
        }
    }

    #[test]
    fn rules_without_end_are_refused() {
        let mut rules = IgnoreRules::default();
        rules.add("a/.indexignore", &"x".repeat(MAX_RULE_BYTES)).unwrap();
        assert_eq!(rules.add("b/.indexignore", "x"), Err(TooManyRules::Bytes));
        // All paths together have one bound.
        let mut rules = IgnoreRules { max_steps: 1000, ..IgnoreRules::default() };
        rules.add(".indexignore", "*a*b").unwrap();
        let path = "a".repeat(100);
        let end = (0..100).find_map(|_| rules.ignores(&path).err());
        assert_eq!(end, Some(TooManyRules::Steps));
        assert_eq!(rules.ignores("c"), Err(TooManyRules::Steps), "and stays there");
    }
}
