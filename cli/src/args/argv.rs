//! Irons out what clap cannot be told about Go's flag package.
//!
//! clap itself takes `--f v`, `--f=v`, `-fv`, `-f=v`, combined short switches and flags behind positional arguments.
//! What is left: a switch followed by a literal `true` or `false`, which the published examples use, although
//! upstream takes the word for the destination; and `help --v2`, because clap's `help` takes names of commands only.

use std::ffi::OsString;

use super::switch::is_switch;

/// Joins `--switch true` and `--switch false` into `--switch=true` and `--switch=false`.
pub fn join_switch_values(list: &[OsString], command: &clap::Command) -> Vec<OsString> {
    let switches = switch_names(command);
    let mut joined: Vec<OsString> = Vec::with_capacity(list.len());
    let mut words = list.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            joined.push(word.clone());
            joined.extend(words.cloned());
            break;
        }
        let is_switch = word
            .to_str()
            .and_then(|word| word.strip_prefix("--"))
            .is_some_and(|name| switches.iter().any(|switch| switch == name));
        let literal = words.peek().filter(|next| is_switch && matches!(next.to_str(), Some("true" | "false")));
        match literal {
            Some(value) => {
                let mut word = word.clone();
                word.push("=");
                word.push(value);
                joined.push(word);
                words.next();
            }
            None => joined.push(word.clone()),
        }
    }
    joined
}

/// Leaves `--v2` out where the first word of the arguments is `help`.
pub fn without_generation_of_help(mut list: Vec<OsString>) -> Vec<OsString> {
    let first = list.iter().skip(1).find(|word| *word != "--v2");
    if first.is_some_and(|word| word == "help") {
        list.retain(|word| word != "--v2");
    }
    list
}

/// Long names of all switches of the command and those below it.
fn switch_names(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter(|arg| is_switch(arg));
    let own = own.flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default()).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(switch_names)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let rows = [
            ("x --dry-run true docker://h", "x --dry-run=true docker://h"),
            ("x --dest-tls-verify false", "x --dest-tls-verify=false"),
            ("x delete --force-cache-delete true docker://h", "x delete --force-cache-delete=true docker://h"),
            ("x --dry-run docker://h", "x --dry-run docker://h"),
            ("x --dry-run=false true", "x --dry-run=false true"),
            ("x --config true", "x --config true"),
            ("x --dry-run TRUE", "x --dry-run TRUE"),
            ("x -- --dry-run true", "x -- --dry-run true"),
            ("x --dry-run", "x --dry-run"),
        ];
        let command = crate::args::command(&[]);
        for (typed, joined) in rows {
            let list: Vec<OsString> = typed.split(' ').map(Into::into).collect();
            let expected: Vec<OsString> = joined.split(' ').map(Into::into).collect();
            assert_eq!(join_switch_values(&list, &command), expected, "{typed}");
        }
    }

    #[test]
    fn help_of_this_generation() {
        let rows = [
            ("x help --v2", "x help"),
            ("x --v2 help delete", "x help delete"),
            ("x help list --v2", "x help list"),
            ("x --v2 list help", "x --v2 list help"),
            ("x -c --v2 file://help", "x -c --v2 file://help"),
        ];
        for (typed, left) in rows {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(without_generation_of_help(words(typed)), words(left), "{typed}");
        }
    }
}
