//! `cargo xtask tidy`, one of its rules: no public item without a user.
//!
//! A library that offers what nobody calls has more to read, to test and to keep. The rule looks at words: an item counts as
//! used when its name stands anywhere in the sources beside its own definition. Tests alone are no users, except for the
//! items of [`REVIEWED`].

use std::collections::BTreeMap;

/// Items that only tests use, and why they stay.
const REVIEWED: &[(&str, &str)] = &[
    ("NEVER", "tests of clients want one attempt"),
    ("OPM", "tests compare with what opm itself writes"),
    ("add_blob_bytes", "tests of archives write small blobs"),
    ("archive_size_bytes", "what the field means, in bytes"),
    ("foreign_files", "tests see what the reader leaves alone"),
    ("imbalance", "says how well a partition came out; whoever uses the library wants to know"),
    ("is_mirror", "tests see which source answered"),
    ("parse_tolerant", "versions as OLM's library reads them; baselines compare with it"),
    ("public_pem", "whoever signs gives the public key away"),
    ("short_name", "for programs that take short names; oc-mirror refuses them"),
    ("unqualified_search_registries", "part of short names"),
];

/// A public item, and where it is defined.
#[derive(Debug)]
struct Item {
    file: String,
    line: usize,
    name: String,
}

/// What all sources say: public items of the libraries, and how often each word stands in sources and in tests.
#[derive(Debug, Default)]
pub(crate) struct Public {
    items: Vec<Item>,
    words: BTreeMap<String, Uses>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Uses {
    sources: usize,
    tests: usize,
}

impl Public {
    /// Adds one file.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        let inside = &text[..tests_begin(text)];
        let is_source = name.contains("/src/") && !name.starts_with("crates/test-support/") && !is_tests(name);
        let (sources, tests) = if is_source { (inside, &text[inside.len()..]) } else { ("", text) };
        for word in words(&without_reexports(sources)) {
            self.words.entry(word.to_owned()).or_default().sources += 1;
        }
        for word in words(tests) {
            self.words.entry(word.to_owned()).or_default().tests += 1;
        }
        if is_source && name.starts_with("crates/") && !name.contains("/fuzz/") {
            let found = sources.lines().enumerate().filter_map(|(at, line)| Some((at + 1, item_of(line)?)));
            self.items.extend(found.map(|(line, item)| Item { file: name.to_owned(), line, name: item.to_owned() }));
        }
    }

    /// Every public item that nobody uses, and every reviewed item that is used or gone.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut needed = Vec::new();
        for Item { file, line, name } in &self.items {
            let uses = self.words.get(name).copied().unwrap_or_default();
            if uses.sources > 1 {
                continue;
            }
            if REVIEWED.iter().any(|(reviewed, _)| reviewed == name) {
                needed.push(name.as_str());
            } else {
                let who = if uses.tests > 0 { "only tests use" } else { "nobody uses" };
                faults.push(format!("{file}:{line}: {who} the public item `{name}`; take it away"));
            }
        }
        let stale = REVIEWED.iter().filter(|(reviewed, _)| !needed.contains(reviewed));
        faults.extend(stale.map(|(name, _)| format!("xtask/src/public.rs: `{name}` needs no exception any more")));
        faults
    }
}

/// Where the tests of a file begin: at the first item with a body that is only there for tests. Files of tests may be named anywhere.
fn tests_begin(text: &str) -> usize {
    let block = text.match_indices("#[cfg(test)]").find(|(at, mark)| {
        let item = text[at + mark.len()..].trim_start().lines().next().unwrap_or_default();
        !(item.contains("mod ") && item.ends_with(';'))
    });
    block.map_or(text.len(), |(at, _)| at)
}

/// A re-export is no use of what it offers.
fn without_reexports(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(at) = rest.find("pub use ") {
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
        kept.push_str(&rest[..at]);
        // Under another name it is used by that.
        if rest[at..end].contains(" as ") {
            kept.push_str(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    kept + rest
}

fn is_tests(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// The words of Rust in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The name of the public item that a line defines.
fn item_of(line: &str) -> Option<&str> {
    let mut rest = line.trim_start().strip_prefix("pub ")?;
    for word in ["const fn ", "async fn ", "fn ", "struct ", "enum ", "trait ", "const ", "static ", "type "] {
        if let Some(after) = rest.strip_prefix(word) {
            rest = after;
            return words(rest).next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_without_a_user_are_named() {
        fn check(files: &[(&str, &str)], expected: &[&str]) {
            let mut public = Public::default();
            for (name, text) in files {
                public.add(name, text);
            }
            let faults = public.faults();
            let found: Vec<_> = faults.iter().filter(|fault| !fault.starts_with("xtask/")).collect();
            assert_eq!(found, expected, "{files:?}");
        }
        let library = ("crates/a/src/lib.rs", "//! A.\npub fn open() {}\n");
        check(&[library], &["crates/a/src/lib.rs:2: nobody uses the public item `open`; take it away"]);
        check(&[library, ("cli/src/main.rs", "a::open()")], &[]);
        check(&[library, ("crates/a/src/b.rs", "crate::open()")], &[]);
        let only_tests = "crates/a/src/lib.rs:2: only tests use the public item `open`; take it away";
        check(&[library, ("crates/a/tests/it/main.rs", "a::open()")], &[only_tests]);
        check(&[("crates/a/src/lib.rs", "//! A.\npub fn open() {}\n#[cfg(test)]\nopen()")], &[only_tests]);
        check(&[("crates/a/src/lib.rs", "//! A.\npub const NEVER: u8 = 0;\n")], &[]);
        check(&[("crates/a/src/lib.rs", "//! A.\npub(crate) fn open() {}\nfn other() {}\n")], &[]);
        let reexport = ("crates/a/src/b.rs", "pub use crate::{\n    open,\n};\n");
        check(&[library, reexport], &["crates/a/src/lib.rs:2: nobody uses the public item `open`; take it away"]);
        let user = "//! A.\n#[cfg(test)]\nmod tests;\nfn a() {\n    crate::open()\n}\n";
        check(&[library, ("crates/a/src/b.rs", user)], &[]);
        check(&[("crates/test-support/src/lib.rs", "pub fn open() {}")], &[]);
    }

    #[test]
    fn an_exception_that_nobody_needs_is_named() {
        let faults = Public::default().faults();
        assert_eq!(faults.len(), REVIEWED.len());
        assert!(faults[0].contains("needs no exception any more"), "{faults:?}");
    }
}
