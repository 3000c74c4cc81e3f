//! The program as `oc` and shells see it: its name, its completions, its manual pages.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{Home, plain};

/// Flags of a command that help shows, without dashes. Flags of every command stand in the help of mirroring; other commands
/// show those that they have a use for.
fn public_flags(path: &[String], command: &clap::Command) -> Vec<String> {
    let is_own = |arg: &&clap::Arg| path.is_empty() || !arg.is_global_set();
    let arguments = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter(is_own);
    arguments.filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

/// Every command that help shows, by its path from the program.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    fn collect(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, clap::Command)>) {
        found.push((path.to_vec(), command.clone()));
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
            collect(inner, &[path, &[inner.get_name().to_owned()]].concat(), found);
        }
    }
    let mut root = oc_mirror::args::command(&["oc-mirror".into()]);
    root.build();
    let mut found = Vec::new();
    collect(&root, &[], &mut found);
    found
}

/// Flags that are accepted and shown nowhere (`docs/behaviour/config-cli.md` 2.3).
const HIDDEN: [&str; 8] =
    ["tls-verify", "dest-creds", "cpu-prof", "v2", "quiet", "loglevel", "dest-compress", "helm-binary"];

#[test]
fn help_pages_and_completions_name_every_public_flag() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("pages")).unwrap();
    home.run(&["man", "pages"]).code(0);
    home.run(&["man", "nowhere"]).code(1).says("cannot write manual pages to");
    let scripts = ["bash", "fish", "zsh", "powershell"].map(|shell| {
        let script = home.run(&["completion", shell, "--no-descriptions"]);
        (shell, script.code(0).stdout.clone())
    });
    let commands = commands();
    assert!(commands.len() > 10, "{}", commands.len());
    // A page for each of them and for the configuration, and for nothing that is hidden.
    assert_eq!(std::fs::read_dir(home.path().join("pages")).unwrap().count(), commands.len() + 1);
    let page = std::fs::read_to_string(home.path().join("pages/oc-mirror-configuration.5")).unwrap();
    for field in ["archiveSize", "additionalImages", "minVersion", "targetCatalog"] {
        assert!(page.contains(&format!("\\fB{field}\\fR")), "the page of the configuration lacks {field}: {page}");
    }
    for (path, command) in &commands {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let help = home.run(&args).code(0).stdout.clone();
        let page = [&["oc-mirror".to_owned()], &path[..]].concat().join("-") + ".1";
        let page = std::fs::read_to_string(home.path().join("pages").join(&page))
            .unwrap_or_else(|error| panic!("{page}: {error}"));
        let page = page.replace("\\-", "-");
        for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
            let title = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            assert!(
                title.iter().any(|title| page.contains(title)),
                "{path:?}: the manual page lacks {section}: {page}"
            );
        }
        let flags = public_flags(path, command);
        assert_eq!(flags.contains(&"authfile".to_owned()), path.is_empty(), "{path:?}: {flags:?}");
        let uses_registries = [
            "delete",
            "list operators",
            "list releases",
            "list helm-images",
            "why",
            "init",
            "doctor",
            "plan",
            "plan push",
            "plan pull",
            "apply",
        ]
        .contains(&&*path.join(" "));
        assert_eq!(help.contains("--authfile"), path.is_empty() || uses_registries, "{path:?}: {help}");
        for flag in flags {
            assert!(help.contains(&format!("--{flag}")), "{path:?}: help lacks {flag}");
            assert!(page.contains(&format!("--{flag}")), "{path:?}: the manual page lacks {flag}");
            for (shell, script) in &scripts {
                let written = if *shell == "fish" { format!("-l {flag}") } else { format!("--{flag}") };
                assert!(script.contains(&written), "{path:?}: completion of {shell} lacks {flag}");
            }
        }
        for hidden in HIDDEN {
            let flag = format!("--{hidden}");
            assert!(!help.contains(&flag) && !page.contains(&flag), "{path:?} shows {flag}");
        }
    }
    let help = home.run(&["--help"]).code(0).stdout.clone();
    let page = std::fs::read_to_string(home.path().join("pages/oc-mirror.1")).unwrap();
    for (variable, _) in oc_mirror::env::VARIABLES {
        assert!(help.contains(&format!("\n  {variable}")), "help lacks {variable}: {help}");
        assert!(page.contains(variable), "the manual page lacks {variable}");
    }
    for hidden in HIDDEN {
        for (shell, script) in &scripts {
            let written = if *shell == "fish" { format!("-l {hidden}") } else { format!("--{hidden}") };
            assert!(!script.contains(&written), "completion of {shell} offers {hidden}");
        }
    }
}

/// bash really completes with what `completion bash` prints.
#[test]
fn bash_completes() {
    let home = Home::new();
    let script = home.write("completion.bash", &home.run(&["completion", "bash"]).code(0).stdout);
    let complete = |words: &[&str]| {
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let output = Command::new("bash")
            .args(["--norc", "-c"])
            .arg(
                "source \"$1\"; function=$(complete -p oc-mirror); function=${function#*-F }; function=${function%% *}
                 last=$2 before=$3; shift 3; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); \"$function\" oc-mirror \"$last\" \"$before\"
                 printf '%s\\n' \"${COMPREPLY[@]}\"",
            )
            .arg("bash")
            .arg(&script)
            .args([last, before])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["oc-mirror", "des"]), ["describe"]);
    assert_eq!(complete(&["oc-mirror", "--dry-run-"]), ["--dry-run-manifest-lists"]);
    assert_eq!(complete(&["oc-mirror", "list", "op"]), ["operators"]);
    assert_eq!(complete(&["oc-mirror", "delete", "--delete-y"]), ["--delete-yaml-file"]);
    assert_eq!(complete(&["oc-mirror", "list", "releases", "--filter"]), ["--filter-by-archs"]);
    // What help does not show is not offered.
    assert_eq!(complete(&["oc-mirror", "--src-"]), ["--src-tls-verify"]);
    assert_eq!(complete(&["oc-mirror", "delete", "--dest-"]), ["--dest-tls-verify"]);
    assert!(complete(&["oc-mirror", "man"]).is_empty());
}

/// `oc mirror ARGS` looks for `oc-mirror` on the search path and runs it with ARGS; the published examples add `--v2`.
#[test]
fn a_plugin_of_oc() {
    let home = Home::new();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_oc-mirror"), bin.join("oc-mirror")).unwrap();
    let run = |line: &str| {
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let output = home
            .command(&[])
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .fold(Command::new("sh"), |mut sh, (name, value)| {
                sh.env(name, value);
                sh
            })
            .env("PATH", path)
            .current_dir(home.path())
            .args(["-c", &format!("exec oc-mirror {line}")])
            .output()
            .unwrap();
        home.outcome(&output)
    };
    for line in ["version --v2 --short", "--v2 version --short", "version --short"] {
        assert!(run(line).code(0).stdout.starts_with("Client Version: v"), "{line}");
    }
    for line in ["--v2 --version", "-v --v2", "--version"] {
        assert!(run(line).code(0).stdout.starts_with("oc-mirror version v"), "{line}");
    }
    for line in ["--v2 --help", "help --v2", "--help"] {
        assert!(plain(&run(line).code(0).stdout).contains("Usage: oc-mirror "), "{line}");
    }
    let text = run("--v1 -c isc.yaml file://x");
    text.code(255).says("contains no v1");
    run("--v1 --v2 -c isc.yaml file://x").code(255).says("mutually exclusive");
    // `--v2` in every place, and in both forms.
    for line in ["list --v2", "list operators --v2=true --help", "completion bash --v2", "delete --help --v2"] {
        run(line).code(0);
    }
}
