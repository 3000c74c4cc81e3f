//! Completion scripts of shells: what `clap_complete` makes, with what it cannot know.
//!
//! Added are the folders behind `file://`, the values of `--log-level`, and mends for the generators (4.6).

use clap::{Arg, Command};
use clap_complete::Shell;

use super::{command, help};

/// The completion script of a shell. It offers what help shows, and nothing that is hidden.
pub fn completion(shell: Shell) -> Vec<u8> {
    let mut built = command(&["oc-mirror".into()]);
    built.build();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown(&built, ""), "oc-mirror", &mut script);
    let text = String::from_utf8_lossy(&script);
    let text = match shell {
        Shell::Bash => for_bash(&text),
        Shell::Zsh => for_zsh(&text),
        Shell::Fish => for_fish(&text),
        _ => text.into_owned(),
    };
    text.into_bytes()
}

/// The command with what help shows of it: the generators of some shells offer hidden flags. Flags of every command are
/// flags of each that has a use for them.
fn shown(built: &Command, path: &str) -> Command {
    let flags = built.get_arguments().filter(|arg| help::is_shown(path, arg) && arg.get_id() != "help").map(completed);
    let inner = built.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
    let inner = inner.map(|inner| shown(inner, format!("{path} {}", inner.get_name()).trim()));
    Command::new(built.get_name().to_owned())
        .about(built.get_about().cloned().unwrap_or_default())
        .version(built.get_version().unwrap_or_default().to_owned())
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(flags)
        .subcommands(inner)
}

/// A flag of one command, with the values that completion offers.
fn completed(arg: &Arg) -> Arg {
    let arg = arg.clone().global(false);
    match arg.get_id().as_str() {
        "log_level" => arg.value_parser(["info", "debug", "trace", "error"]),
        _ => arg,
    }
}

/// Flags and arguments that take `file://DIR`.
const FOLDER_FLAGS: [&str; 2] = ["--from", "--workspace"];

/// The generator takes the dash of the program's name for the border of a subcommand in the second half of the script, so that
/// no subcommand would find its words.
fn for_bash(script: &str) -> String {
    let script = script.replace("oc__subcmd__mirror", "oc__mirror");
    // Readline splits words at colons, so `file:///srv` arrives as `file`, `:` and `///srv`.
    let folders = r#"
_oc_mirror_with_folders() {
    local line="${COMP_LINE:0:COMP_POINT}"
    local word="${line##*[[:space:]=]}"
    if [[ "${word}" == file://* ]]; then
        local before="file://"
        [[ "${COMP_WORDBREAKS}" == *:* ]] && before="//"
        local IFS=$'\n' folder
        COMPREPLY=()
        for folder in $(compgen -d -- "${word#file://}"); do
            COMPREPLY+=("${before}${folder}/")
        done
        compopt -o nospace 2>/dev/null
        return 0
    fi
    _oc__mirror "$@"
}
"#;
    let script = script.replace("complete -F _oc__mirror ", "complete -F _oc_mirror_with_folders ");
    match script.rfind("\nif [[ \"${BASH_VERSINFO") {
        Some(at) => format!("{}{folders}{}", &script[..at], &script[at..]),
        None => script,
    }
}

/// The generator counts the destination as a word in front of the command, so that no command would find its words.
fn for_zsh(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    for line in script.lines() {
        if line.starts_with("'::destinations --") {
            continue;
        }
        let takes_folder = FOLDER_FLAGS.iter().any(|flag| line.starts_with(&format!("'{flag}=")));
        out.push_str(&if takes_folder { line.replace(":_default'", ":_oc_mirror_place'") } else { line.to_owned() });
        out.push('\n');
    }
    let place = r"
_oc_mirror_place() {
    if compset -P 'file://'; then
        _files -/
    else
        compadd -S '' -- file:// docker://
    fi
}

_oc_mirror_first() {
    [[ $PREFIX == *://* ]] || _oc-mirror_commands
    _oc_mirror_place
}

_oc-mirror() {";
    out.replace("$line[2]", "$line[1]").replacen("\":: :_oc-mirror_commands\"", "\":: :_oc_mirror_first\"", 1).replacen(
        "\n_oc-mirror() {",
        place,
        1,
    )
}

/// `argparse` of fish takes no dot in the name of a flag, and with one flag that it refuses, it refuses all.
fn for_fish(script: &str) -> String {
    // A flag that still waits for its value fails too: then a value is made up.
    let parse = "argparse -s (__fish_oc_mirror_global_optspecs) -- $cmd 2>/dev/null";
    let script = script.replace(parse, &format!("{parse}\n    or {}", parse.replace("$cmd", "$cmd value")));
    let mut out = String::with_capacity(script.len());
    for line in script.lines() {
        let is_list = line.trim_start().starts_with("string join \\n");
        out.push_str(&if is_list { line.replace(" registries.d=", "") } else { line.to_owned() });
        let takes_folder = FOLDER_FLAGS.iter().any(|flag| line.contains(&format!(" -l {} ", &flag[2..])));
        if takes_folder {
            out.push_str(" -f -a '(__fish_oc_mirror_places)'");
        }
        out.push('\n');
    }
    out.push_str(
        "\nfunction __fish_oc_mirror_places\n    set -l word (string replace -r '^--[a-z]+=' '' -- (commandline -ct))\n    \
         if string match -q 'file://*' -- $word\n        \
         __fish_complete_directories (string replace 'file://' '' -- $word) '' | string replace -r '^' 'file://'\n    \
         else\n        printf '%s\\n' file:// docker://\n    end\nend\n\n\
         complete -c oc-mirror -n '__fish_oc_mirror_needs_command' -f -a '(__fish_oc_mirror_places)'\n",
    );
    out
}
