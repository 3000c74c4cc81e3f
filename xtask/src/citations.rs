//! What sources cite: each page below `docs/` that a comment names is there, and so is each section that stands behind the name.
//!
//! A citation is the path in backticks and, when one is meant, section numbers: `` `docs/behaviour/release.md` 7.3 and 7.4 ``.

use std::collections::{BTreeMap, BTreeSet};

use crate::links::Documents;

/// The pages of `docs/`, each with the numbers of its sections.
#[derive(Debug, Default)]
pub(crate) struct Pages(BTreeMap<String, BTreeSet<String>>);

impl Pages {
    /// The pages among the documents.
    pub(crate) fn of(documents: &Documents) -> Self {
        let mut pages = Self::default();
        for (path, text) in documents.iter().filter(|(path, _)| path.starts_with("docs")) {
            pages.add(&path.display().to_string(), text);
        }
        pages
    }

    fn add(&mut self, name: &str, text: &str) {
        let headings = text.lines().filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")));
        let numbers = headings.filter_map(|heading| number(heading.split_whitespace().next()?));
        self.0.insert(name.to_owned(), numbers.collect());
    }

    /// What the source `name` cites and `docs/` does not have.
    pub(crate) fn check(&self, name: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (line_number, line) in text.lines().enumerate() {
            let mut parts = line.split('`');
            parts.next();
            while let Some(span) = parts.next() {
                let rest = parts.next().unwrap_or_default();
                if !span.starts_with("docs/") || span.strip_suffix(".md").is_none() {
                    continue;
                }
                let at = format!("{name}:{}", line_number + 1);
                let Some(sections) = self.0.get(span) else {
                    faults.push(format!("{at}: `{span}` is no page of docs/"));
                    continue;
                };
                let lost = cited(rest).into_iter().filter(|number| !sections.contains(number));
                faults.extend(lost.map(|number| format!("{at}: `{span}` has no section {number}")));
            }
        }
        faults
    }
}

/// The numbers right behind the name of a page, up to the first other word.
fn cited(rest: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    for word in rest.split_whitespace() {
        match number(word) {
            Some(number) => numbers.push(number),
            None if matches!(word, "and" | "to" | "section" | "sections") => {}
            None => break,
        }
    }
    numbers
}

/// `7.3`, as it stands in a heading (`7.`) or in a sentence (`7.3,`).
fn number(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| !c.is_ascii_digit());
    let is_number =
        !word.is_empty() && word.split('.').all(|part| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty());
    is_number.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cited_is_there() {
        let mut pages = Pages::default();
        pages.add("docs/a.md", "# A\n## 1. One\n### 1.1 First\ntext\n## 2. Two\n### Notes\n");
        let check = |line: &str, expected: &[&str]| assert_eq!(pages.check("x.rs", line), expected, "{line}");
        check("//! See `docs/a.md`.", &[]);
        check("//! See `docs/a.md` 1.1.", &[]);
        check("//! (`docs/a.md` 1 and 2)", &[]);
        check("//! `docs/a.md` section 1.1, \"First\"", &[]);
        check("//! `docs/a.md` has 7 rows", &[]);
        check("//! `docs/a.md` 1.2", &["x.rs:1: `docs/a.md` has no section 1.2"]);
        check("//! `docs/a.md` 1.1 to 3", &["x.rs:1: `docs/a.md` has no section 3"]);
        check("//! `docs/b.md` 1", &["x.rs:1: `docs/b.md` is no page of docs/"]);
        check("//! `x`, then `docs/a.md` 9", &["x.rs:1: `docs/a.md` has no section 9"]);
    }
}
