//! Completion as shells do it: bash, zsh and fish are run with the script of the program. A shell that is not installed is
//! left out, with a message.

use std::process::{Command, Stdio};

use crate::harness::Home;

/// A home with two folders below `srv`, and the script of a shell.
fn home(shell: &str) -> Home {
    let home = Home::new();
    let script = home.run(&["completion", shell]);
    home.write(&format!("complete.{shell}"), &script.code(0).stdout);
    std::fs::create_dir_all(home.path().join("srv/mirror")).unwrap();
    std::fs::create_dir_all(home.path().join("srv/minutes")).unwrap();
    home.write("srv/mistake.txt", "no folder");
    home
}

/// What the shell offers for a line; `None` when the shell is not installed.
fn offers(home: &Home, shell: &str, line: &str) -> Option<Vec<String>> {
    let program = match shell {
        "bash" => {
            r#"source complete.bash
            COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}
            # As readline does: words end at blanks, `=` and colons, which are words of their own.
            COMP_WORDS=(); rest="$COMP_LINE"
            while [[ "$rest" =~ ^[[:space:]]*([:=]+|[^[:space:]:=]+)(.*)$ ]]; do COMP_WORDS+=("${BASH_REMATCH[1]}"); rest="${BASH_REMATCH[2]}"; done
            [[ "$COMP_LINE" == *[[:space:]] ]] && COMP_WORDS+=("")
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            complete -p oc-mirror | grep -q _oc_mirror_with_folders || exit 3
            _oc_mirror_with_folders oc-mirror "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\n' "${COMPREPLY[@]}""#
        }
        "fish" => "source complete.fish; complete -C $argv[1] | string replace -r '\\t.*' ''",
        "zsh" => {
            r#"zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z "PROMPT=; cd ${(q)PWD}; autoload -U compinit; compinit -D -u; source ./complete.zsh"
            zpty -w z "compadd() { local -a hits; builtin compadd -A hits \"\$@\" ; (( \$#hits )) && print -l -- \$'\\n'OFFER:\${^hits}; builtin compadd \"\$@\" }"
            zpty -w z "comppostfuncs=( done-line ); done-line() { print; print THE-END }; bindkey '^I' complete-word"
            zpty -w -n z "$1"$'\t'
            text=
            while zpty -r z line '*'$'\n'; do text+=$line; [[ $line == *THE-END* && $line != *print* ]] && break; done
            zpty -d z
            print -r -- "$text" | tr -d '\r' | sed -n 's/^.*OFFER://p' | grep -v '{'"#
        }
        other => panic!("no way to run {other}"),
    };
    // A shell that waits for more input must not hold up the others.
    let mut command = Command::new("timeout");
    command.args(["120", shell]);
    match shell {
        "bash" => command.args(["--norc", "--noprofile", "-c", program, "bash", line]),
        "fish" => command.args(["--no-config", "-c", program, line]),
        _ => command.args(["-f", "-c", program, "zsh", line]),
    };
    command.current_dir(home.path()).env("HOME", home.path()).env("TERM", "dumb").stdin(Stdio::null());
    let output = command.output().expect("coreutils are installed");
    if output.status.code() == Some(127) {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found: Vec<String> =
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    found.sort();
    found.dedup();
    Some(found)
}

/// Asserts that a shell offers `wanted` for a line, and none of `unwanted`.
#[track_caller]
fn check(home: &Home, shell: &str, line: &str, wanted: &[&str], unwanted: &[&str]) {
    let Some(found) = offers(home, shell, line) else { return };
    for word in wanted {
        assert!(found.iter().any(|offer| offer == word), "{shell} {line:?} offers {found:?}, not {word}");
    }
    for word in unwanted {
        assert!(!found.iter().any(|offer| offer == word), "{shell} {line:?} offers {word}");
    }
}

/// Tries every line; false when the shell is not installed.
fn all_lines(shell: &str, folders: [&str; 2]) -> bool {
    let home = home(shell);
    if offers(&home, shell, "oc-mirror ").is_none() {
        return false;
    }
    check(&home, shell, "oc-mirror ", &["delete", "list", "archive", "init"], &["man", "--src-creds"]);
    check(&home, shell, "oc-mirror --log-level ", &["debug", "error", "info", "trace"], &[]);
    check(&home, shell, "oc-mirror -c isc.yaml --operator-selection ", &["upgrade-graph", "version-range"], &[]);
    check(&home, shell, "oc-mirror list operators --output ", &["json", "text"], &[]);
    check(&home, shell, "oc-mirror list ", &["operators", "releases"], &["delete"]);
    check(&home, shell, "oc-mirror list operators --cat", &["--catalog", "--catalogs"], &["--parallel-images", "--v2"]);
    check(
        &home,
        shell,
        "oc-mirror -c isc.yaml --from file://srv/mi",
        &folders,
        &["file://srv/mistake.txt", "//srv/mistake.txt"],
    );
    check(&home, shell, "oc-mirror -c isc.yaml file://srv/mi", &folders, &[]);
    true
}

#[test]
fn of_bash() {
    if !all_lines("bash", ["//srv/minutes/", "//srv/mirror/"]) {
        println!("skipped: bash is not installed");
    }
}

#[test]
fn of_fish() {
    if !all_lines("fish", ["file://srv/minutes/", "file://srv/mirror/"]) {
        println!("skipped: fish is not installed");
    }
}

#[test]
fn of_zsh() {
    if !all_lines("zsh", ["minutes", "mirror"]) {
        println!("skipped: zsh is not installed");
    }
}
