//! The promises of `SECURITY.md` and `docs/promises.md`: each test that the first names, as `crate: module::test` or `module::test`, is
//! a test, and each command of the second runs one.

use std::path::Path;

/// A test of the tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// Folders and file, from the root of the tree; `mod` and `tests` are no names.
    path: Vec<String>,
    name: String,
}

/// The tests in a source file; `file` is relative to the root of the tree.
pub(crate) fn tests_of(file: &str, text: &str) -> Vec<Test> {
    let path: Vec<String> = Path::new(file)
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .filter(|part| part != "mod" && part != "tests")
        .collect();
    let mut tests = Vec::new();
    let mut is_next = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_next = true;
        } else if let (true, Some((_, rest))) = (is_next, line.split_once("fn ")) {
            let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            tests.push(Test { path: path.clone(), name: name.to_owned() });
            is_next = false;
        }
    }
    tests
}

/// What `text` names and `tests` does not have.
pub(crate) fn check(name: &str, text: &str, tests: &[Test]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut named = 0;
    for (number, line) in text.lines().enumerate() {
        for span in line.split('`').skip(1).step_by(2) {
            let Some((of_crate, test)) = test_name(span) else { continue };
            named += 1;
            if !tests.iter().any(|found| fits(found, of_crate, &test)) {
                faults.push(format!("{name}:{}: `{span}` is no test", number + 1));
            }
        }
    }
    if named == 0 {
        faults.push(format!("{name}: names no test; has the way of naming them changed?"));
    }
    faults
}

/// Commands of the table of promises that run no end-to-end test would show nothing.
pub(crate) fn check_table(text: &str, tests: &[Test]) -> Vec<String> {
    let names: Vec<String> = tests
        .iter()
        .filter(|test| test.path.starts_with(&["cli".to_owned(), "it".to_owned()]))
        .map(|test| format!("{}::{}", test.path[2..].join("::"), test.name))
        .collect();
    let filters: Vec<&str> =
        text.split("`cargo test -p oc-mirror --test it ").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    if filters.is_empty() {
        return vec!["docs/promises.md: names no test; has the way of naming them changed?".to_owned()];
    }
    let missing = filters.into_iter().filter(|filter| !names.iter().any(|name| name.contains(filter)));
    missing.map(|filter| format!("docs/promises.md: no end-to-end test is called `{filter}`")).collect()
}

/// The crate, if it is given, and the modules and name of a test, when a code span is the name of one.
fn test_name(span: &str) -> Option<(Option<&str>, Vec<&str>)> {
    let (of_crate, path) = span.split_once(": ").map_or((None, span), |(of_crate, path)| (Some(of_crate), path));
    let parts: Vec<&str> = path.split("::").collect();
    let is_name =
        |part: &&str| *part == "*" || part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (parts.len() > 1 && parts.iter().all(is_name))
        .then(|| (of_crate, parts.into_iter().filter(|part| *part != "tests").collect()))
}

fn fits(found: &Test, of_crate: Option<&str>, named: &[&str]) -> bool {
    let Some((name, modules)) = named.split_last() else { return false };
    let folder: &[&str] = match of_crate {
        Some("oc-mirror") => &["cli"],
        Some(of_crate) => &["crates", of_crate],
        None => &[],
    };
    let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
    (*name == "*" || *name == found.name) && path.starts_with(folder) && path.ends_with(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_tests_exist() {
        let source = "//! A.\nfn helper() {}\n#[test]\n#[cfg(unix)]\nfn one() {}\n    #[tokio::test(flavor = \"x\")]\n    async fn two() {}\n";
        let mut tests = tests_of("cli/tests/it/trust/mod.rs", source);
        tests.extend(tests_of("crates/oci-transport/src/retry.rs", source));
        let check = |line: &str, expected: &[&str]| assert_eq!(check("S.md", line, &tests), expected, "{line}");
        check("`oc-mirror: trust::one`, `trust::two`", &[]);
        check("`oci-transport: retry::tests::two` and `oci-transport: retry::*`", &[]);
        check("`retry::one`; `Cargo.toml`, `image-ref`, `Type::method`, `oc-mirror: no path`", &[]);
        check("\n`trust::three`", &["S.md:2: `trust::three` is no test"]);
        check("`oci-transport: trust::one`", &["S.md:1: `oci-transport: trust::one` is no test"]);
        check("`trust::helper`", &["S.md:1: `trust::helper` is no test"]);
        check("`policy::*`", &["S.md:1: `policy::*` is no test"]);
        check("nothing", &["S.md: names no test; has the way of naming them changed?"]);
    }

    #[test]
    fn tests_of_the_table() {
        let mut tests = tests_of("cli/tests/it/releases/selection.rs", "#[test]\nfn of_a_channel() {}\n");
        tests.extend(tests_of("cli/tests/it/mirror.rs", "//! A.\n#[test]\nfn a_second_run() {}\n"));
        tests.extend(tests_of("crates/image-ref/src/lib.rs", "#[test]\nfn a_third_run() {}\n"));
        for (filter, there) in
            [("releases::selection", true), ("mirror", true), ("second_run", true), ("a_third_run", false)]
        {
            let faults = check_table(&format!("| x | `cargo test -p oc-mirror --test it {filter}` |\n"), &tests);
            assert_eq!(faults.is_empty(), there, "{filter}: {faults:?}");
        }
        assert_eq!(check_table("| x | `cargo test` |\n", &tests).len(), 1, "a table without tests shows nothing");
    }
}
