//! `cargo xtask tidy`: rules that are plainest as text.
//!
//! - every module of ours opens with a `//!` line that says what it is;
//! - no unfinished marks in the sources;
//! - internal dependencies are written one way (`name.workspace = true`), so that a version or path has one home;
//! - every crate has the workspace's lint table, keywords, and a README that bears its name;
//! - every library that ships holds the lints against indexing and slicing;
//! - words for people are the matter of `cli`: no pictures and no flags in the sources of libraries;
//! - every public item of a library has a user;
//! - every test that `docs/promises.md` or `SECURITY.md` names is there;
//! - the guide's reference is that of the schema, and its command blocks say whether a test runs them;
//! - every link between documents leads to a page and to a heading that are there;
//! - every page and section of `docs/` that a source cites is there.

use anyhow::{Context as _, bail};

use crate::citations::Pages;
use crate::process::{root, say};
use crate::public::Public;
use crate::{files, guide, links, promises, voice};

/// Folders whose files nobody wrote here.
const NOT_OURS: [&str; 4] = ["target", "corpus", "artifacts", "fixtures"];

/// Checks the whole tree and lists every fault at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "cli", "xtask"] {
        files.extend(files::below(&root.join(folder), |name| !NOT_OURS.contains(&name))?);
    }
    files.retain(|path| path.ends_with("Cargo.toml") || path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    let documents = links::documents(&root)?;
    let pages = Pages::of(&documents);
    let mut faults = Vec::new();
    let mut tests = Vec::new();
    let mut public = Public::default();
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        faults.extend(check_file(&name, &text));
        faults.extend(voice::check(&name, &text));
        if !name.ends_with("Cargo.toml") && name != "xtask/src/public.rs" {
            public.add(&name, &text);
        }
        // Its own tests cite pages that are not there.
        if !name.ends_with("xtask/src/citations.rs") {
            faults.extend(pages.check(&name, &text));
        }
        tests.extend(promises::tests_of(&name, &text));
    }
    faults.extend(public.faults());
    for entry in std::fs::read_dir(root.join("crates")).context("cannot list crates")? {
        let folder = entry?.path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        faults.extend(check_crate(name, &text("Cargo.toml"), &text("README.md")));
        faults.extend(check_lints(name, &text("src/lib.rs")));
    }
    let table = std::fs::read_to_string(root.join("docs/promises.md")).context("cannot read docs/promises.md")?;
    faults.extend(promises::check_table(&table, &tests));
    faults.extend(links::check(&root, &documents));
    faults.extend(guide::check(&documents)?);
    let promises = std::fs::read_to_string(root.join("SECURITY.md")).context("cannot read SECURITY.md")?;
    faults.extend(promises::check("SECURITY.md", &promises, &tests));
    if faults.is_empty() {
        say(&format!("tidy: {} files", files.len()));
        return Ok(());
    }
    bail!("{} text rules are broken:\n  {}", faults.len(), faults.join("\n  "));
}

fn check_file(name: &str, text: &str) -> Vec<String> {
    if name.ends_with("Cargo.toml") { check_manifest(name, text) } else { check_source(name, text) }
}

/// What somebody reads who finds the crate by itself.
fn check_crate(name: &str, manifest: &str, readme: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !manifest.lines().any(|line| line.starts_with("keywords = [")) {
        faults.push(format!("crates/{name}/Cargo.toml: give the crate `keywords`"));
    }
    if readme.lines().next() != Some(&format!("# {name}")) {
        faults.push(format!("crates/{name}/README.md: begin with `# {name}`, and say what the crate is for"));
    }
    faults
}

/// A place that foreign data names must be an error, not the end of the program.
fn check_lints(name: &str, library: &str) -> Option<String> {
    let line = "#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]";
    (name != "test-support" && !library.lines().any(|found| found == line))
        .then(|| format!("crates/{name}/src/lib.rs: add `{line}`"))
}

fn check_source(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.lines().take(3).any(|line| line.starts_with("//!")) {
        faults.push(format!("{name}: begin with a `//!` line that says what the module is"));
    }
    // Spelled in two halves, so that this file does not find itself.
    let marks = [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("FIX", "ME"), concat!("XX", "X:")];
    for (number, line) in text.lines().enumerate() {
        for mark in marks {
            if line.contains(mark) {
                faults.push(format!("{name}:{}: `{mark}` marks unfinished work", number + 1));
            }
        }
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[ignore") {
            faults.push(format!("{name}:{}: an ignored test proves nothing; run it or remove it", number + 1));
        }
    }
    faults
}

fn check_manifest(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // Fuzz crates stand outside the workspace and name their crate by path.
    if name.contains("/fuzz/") {
        return faults;
    }
    for (number, line) in text.lines().enumerate() {
        if line.contains("path = \"..") || line.contains("path=\"..") {
            faults.push(format!(
                "{name}:{}: write `name.workspace = true`; paths stand in the root manifest",
                number + 1
            ));
        }
    }
    if !text.contains("[lints]\nworkspace = true") {
        faults.push(format!("{name}: add `[lints]` with `workspace = true`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &[&str]) {
        assert_eq!(check_file(name, text), expected, "{name}");
    }

    #[test]
    fn sources() {
        check("a.rs", "//! What it is.\nfn a() {}\n", &[]);
        check("a.rs", "fn a() {}\n", &["a.rs: begin with a `//!` line that says what the module is"]);
        check(
            "a.rs",
            concat!("//! A.\nfn a() { to", "do!() }\n"),
            &[concat!("a.rs:2: `to", "do!(` marks unfinished work")],
        );
        check("a.rs", "//! A.\n#[ignore]\n", &["a.rs:2: an ignored test proves nothing; run it or remove it"]);
    }

    #[test]
    fn libraries_hold_the_lints_against_indexing() {
        let line = "#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]";
        assert_eq!(check_lints("a", &format!("//! A.\n\n{line}\n")), None);
        assert_eq!(check_lints("test-support", "//! A.\n"), None);
        assert_eq!(
            check_lints("a", "//! A.\n").as_deref(),
            Some(format!("crates/a/src/lib.rs: add `{line}`").as_str())
        );
    }

    #[test]
    fn manifests() {
        check("crates/a/Cargo.toml", "[lints]\nworkspace = true\n[dependencies]\nimage-ref.workspace = true\n", &[]);
        check("crates/a/Cargo.toml", "[package]\n", &["crates/a/Cargo.toml: add `[lints]` with `workspace = true`"]);
        check(
            "cli/Cargo.toml",
            "[lints]\nworkspace = true\nimage-ref = { path = \"../crates/image-ref\" }\n",
            &["cli/Cargo.toml:3: write `name.workspace = true`; paths stand in the root manifest"],
        );
        check("crates/a/fuzz/Cargo.toml", "a = { path = \"..\" }\n", &[]);
    }

    #[test]
    fn crates() {
        fn check(manifest: &str, readme: &str, faults: usize) {
            assert_eq!(check_crate("a", manifest, readme).len(), faults, "{manifest:?} {readme:?}");
        }
        check("keywords = [\"oci\"]\n", "# a\n\nWhat it is for.\n", 0);
        check("", "# a\n", 1);
        check("keywords = [\"oci\"]\n", "# b\n", 1);
        check("", "", 2);
    }
}
