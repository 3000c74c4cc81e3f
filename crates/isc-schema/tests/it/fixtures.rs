//! Every file below `fixtures/isc`: the valid ones parse and survive writing, the invalid ones have their whole answer
//! as a snapshot.

use std::path::{Path, PathBuf};

use isc_schema::{Kind, Parsed, Severity, parse};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/isc").join(name)
}

/// File names (without `.yaml`) and texts, in order.
pub(crate) fn files(name: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn parse_as_named(name: &str, text: &str) -> Parsed {
    parse(text, if name.starts_with("delete") { Kind::Delete } else { Kind::ImageSet })
}

#[test]
fn valid_files_parse_and_survive_writing() {
    for (name, text) in files("valid") {
        let parsed = parse_as_named(&name, &text);
        assert!(!parsed.has_errors(), "{name}:\n{}", parsed.render(&name, &text));
        let warnings = parsed.render(&format!("{name}.yaml"), &text);
        let (document, _) = parsed.into_result().unwrap();
        let yaml = document.to_yaml();
        let again = parse(&yaml, document.kind());
        assert_eq!(again.config.as_ref(), Some(&document), "{name}:\n{yaml}\n{}", again.render(&name, &yaml));
        assert_eq!(document.to_yaml(), again.config.unwrap().to_yaml(), "{name}");
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("valid_{name}"), format!("{warnings}\n---\n{yaml}"));
        });
    }
}

#[test]
fn invalid_files_are_explained() {
    for (name, text) in files("invalid") {
        let parsed = parse_as_named(&name, &text);
        assert!(parsed.has_errors(), "{name}");
        for finding in &parsed.diagnostics {
            let line = text.split('\n').nth(finding.line as usize - 1);
            assert!(line.is_some() && finding.column >= 1, "{name}: {finding}");
            assert!(finding.help.is_some() || finding.severity == Severity::Error, "{name}: {finding}");
        }
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("invalid_{name}"), parsed.render(&format!("{name}.yaml"), &text));
        });
    }
}
