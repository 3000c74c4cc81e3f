//! `cargo xtask tidy`, one of its rules: words for people are the matter of `cli`.
//!
//! Libraries raise events and errors; the program draws pictures, names its flags, and marks its lines. A library that
//! names a flag speaks of a program that its user may not have.

/// Sources that may name flags, and why.
const REVIEWED: &[(&str, &str)] = &[
    ("crates/archive-format/src/store/error.rs", "the result document says which folder to choose"),
    ("crates/catalog-image/src/command.rs", "flags of opm"),
    ("crates/cincinnati-graph/src/select/outcome.rs", "the result document says what completes an upgrade path"),
    ("crates/fbc-catalog/src/select/report.rs", "the result document says how to refuse additions"),
    ("crates/isc-schema/src/decode/document.rs", "a file for another command"),
    ("crates/mirror-collect/src/operators/mistakes.rs", "the result document says which command lists the names"),
    ("crates/mirror-collect/src/operators/source.rs", "the result document says how to make a complete archive"),
    ("crates/mirror-collect/src/releases/mistakes.rs", "the result document says which command lists the names"),
    ("crates/mirror-collect/src/releases/selection.rs", "the result document says what completes an upgrade path"),
    ("crates/mirror-collect/src/releases/signatures.rs", "the result document says what lets an unsigned release pass"),
    ("crates/mirror-copy/src/transfers/earlier.rs", "the result document says how to make a complete archive"),
    ("crates/mirror-copy/src/transfers/mod.rs", "the result document says which bound to raise"),
    ("crates/mirror-engine/src/delete/execute.rs", "the result document holds upstream's sentence"),
    ("crates/mirror-engine/src/room.rs", "the result document says how to go on"),
    ("crates/mirror-engine/src/workflow/archiving.rs", "the result document says why there is no archive"),
    ("crates/mirror-engine/src/workflow/disk_to_mirror.rs", "the result document says which folder is meant"),
    ("crates/mirror-engine/src/workflow/mirror_to_disk.rs", "the archive's own note says what it lacks"),
    ("crates/mirror-engine/src/workflow/mod.rs", "the result document holds upstream's sentence"),
    ("crates/mirror-engine/src/workflow/replaced.rs", "the result document says how to get the content again"),
    ("crates/mirror-plan/src/delete.rs", "a file that another command writes"),
    ("crates/mirror-trust/src/gate.rs", "the result document says how a signature gets into an archive"),
    ("crates/mirror-trust/src/lib.rs", "the result document says which key is none"),
    ("crates/mirror-trust/src/lookaside.rs", "the result document says how a signature gets into an archive"),
    ("crates/oci-transport/src/error/hint.rs", "the result document says what to do about a registry"),
    ("crates/oci-transport/src/skopeo.rs", "flags of skopeo"),
];

/// What a library says that only the program should say. Tests, comments and crates that serve tests may.
pub(crate) fn check(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_shipped(name) {
        return faults;
    }
    let is_reviewed = REVIEWED.iter().any(|(file, _)| *file == name);
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut names_flags = false;
    for (number, line) in shipped.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let at = number + 1;
        if line.chars().any(is_picture) {
            faults.push(format!("{name}:{at}: pictures belong to `cli/src/render`; raise an event"));
        }
        if names_flag(line) || line.contains("[Worker]") {
            names_flags = true;
            if !is_reviewed {
                faults.push(format!(
                    "{name}:{at}: flags and `[Worker]` belong to `cli`; raise an event, or an error that `cli` explains"
                ));
            }
        }
    }
    if is_reviewed && !names_flags {
        faults.push(format!("xtask/src/voice.rs: `{name}` names no flag any more; take its line away"));
    }
    faults
}

fn is_shipped(name: &str) -> bool {
    let is_library = name.starts_with("crates/") && !name.starts_with("crates/test-support/");
    is_library && name.contains("/src/") && !name.ends_with("/tests.rs") && !name.contains("/tests/")
}

/// Signs that a terminal shows as pictures.
fn is_picture(sign: char) -> bool {
    matches!(sign, '\u{1f300}'..='\u{1faff}' | '\u{fe0f}')
}

/// Whether a text names a flag: two hyphens at the beginning of a word, and a letter behind them.
fn names_flag(line: &str) -> bool {
    line.match_indices("--").any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + 2..].chars().next());
        before.is_some_and(|before| matches!(before, ' ' | '"' | '`' | '('))
            && after.is_some_and(|c| c.is_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_leave_words_for_people_to_the_program() {
        fn found(name: &str, text: &str) -> usize {
            check(name, text).len()
        }
        for (line, expected) in [
            ("const A: &str = \"\u{1f680} go\";", 1),
            ("const A: &str = \"go on with --force\";", 1),
            ("const A: &str = \"raise `--image-timeout`\";", 1),
            ("const A: &str = \"[Worker] failed\";", 1),
            ("const A: &str = \"a -- b, a--b\";", 0),
            ("// go on with --force", 0),
            ("#[cfg(test)]\nconst A: &str = \"--force\";", 0),
        ] {
            let text = format!("//! A.\n{line}\n");
            assert_eq!(found("crates/a/src/b.rs", &text), expected, "{line}");
            for elsewhere in ["cli/src/a.rs", "crates/a/tests/it/main.rs", "crates/a/src/tests.rs"] {
                assert_eq!(found(elsewhere, &text), 0, "{elsewhere}");
            }
        }
    }

    #[test]
    fn an_exception_that_nobody_needs_is_named() {
        let (file, _) = REVIEWED[0];
        assert_eq!(check(file, "//! A.\nconst A: &str = \"choose another --cache-dir\";\n"), Vec::<String>::new());
        assert!(check(file, "//! A.\n")[0].contains("take its line away"));
    }
}
