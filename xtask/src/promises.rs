//! The promises of `SECURITY.md`: each test that it names, as `crate: module::test` or `module::test`, is a test.

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
}
