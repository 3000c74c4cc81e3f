//! Help for people: what matters to a command, in groups, with examples. `-h` is one screen, `--help` says everything.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::switch::is_switch;

/// The width that help is written for, in columns.
const WIDTH: usize = 80;

/// Flags of every command that a command has a use for. A command that is not listed has none for any of them.
const USED: &[(&str, &[&str])] = &[
    (
        "delete",
        &[
            "config",
            "workspace",
            "authfile",
            "dest_tls_verify",
            "cache_dir",
            "parallel_images",
            "retry_times",
            "retry_delay",
            "log_level",
            "port",
        ],
    ),
    (
        "plan",
        &[
            "config",
            "workspace",
            "authfile",
            "src_tls_verify",
            "dest_tls_verify",
            "cache_dir",
            "limit_rate",
            "parallel_images",
            "retry_times",
            "retry_delay",
            "log_level",
            "policy",
            "registries_d",
        ],
    ),
    (
        "apply",
        &[
            "workspace",
            "authfile",
            "src_tls_verify",
            "dest_tls_verify",
            "cache_dir",
            "limit_rate",
            "parallel_images",
            "parallel_layers",
            "retry_times",
            "retry_delay",
            "log_level",
            "policy",
            "registries_d",
        ],
    ),
    (
        "list operators",
        &["authfile", "src_tls_verify", "cache_dir", "limit_rate", "retry_times", "retry_delay", "log_level"],
    ),
    ("plan push", &["authfile", "dest_tls_verify", "cache_dir", "retry_times", "retry_delay", "log_level"]),
    ("plan pull", &["authfile", "dest_tls_verify", "cache_dir", "retry_times", "retry_delay", "log_level"]),
    ("list releases", &["authfile", "src_tls_verify", "retry_times", "retry_delay", "log_level"]),
    ("list helm-images", &["authfile", "src_tls_verify", "retry_times", "retry_delay", "log_level"]),
    ("why", &["config", "authfile", "src_tls_verify", "cache_dir", "retry_times", "retry_delay", "log_level"]),
    ("init", &["authfile", "src_tls_verify", "cache_dir", "limit_rate", "retry_times", "retry_delay"]),
    ("doctor", &["config", "authfile", "src_tls_verify", "dest_tls_verify", "cache_dir", "log_level"]),
    ("archive list", &["log_level"]),
    ("archive verify", &["log_level"]),
    ("describe", &["log_level"]),
];

/// Flags of mirroring in the groups of `--help`. What stands in none is in the last one.
const GROUPS: &[(&str, &[&str])] = &[
    ("What to mirror", &["config", "since", "operator_selection", "strict_selection", "add_intermediate_releases"]),
    (
        "From where to where",
        &[
            "from",
            "workspace",
            "cache_dir",
            "no_cache",
            "max_nested_paths",
            "dry_run",
            "dry_run_manifest_lists",
            "check",
            "force",
            "strict_archive",
            "all_or_nothing",
            "checksums",
        ],
    ),
    (
        "Registries",
        &[
            "authfile",
            "src_tls_verify",
            "dest_tls_verify",
            "parallel_images",
            "parallel_layers",
            "image_timeout",
            "limit_rate",
            "retry_times",
            "retry_delay",
        ],
    ),
    (
        "Signatures",
        &["secure_policy", "policy", "registries_d", "remove_signatures", "ignore_release_signature", "sign_catalogs"],
    ),
    ("Output", &["output", "log_level", "color", "help", "version"]),
    ("Compatibility", &["port", "rootless_storage_path"]),
];

/// Flags of mirroring and of every command that `-h` shows. Other commands have all flags of their own there.
const COMMON: &[&str] = &[
    "destinations",
    "config",
    "from",
    "workspace",
    "cache_dir",
    "dry_run",
    "since",
    "authfile",
    "src_tls_verify",
    "dest_tls_verify",
    "secure_policy",
    "output",
    "log_level",
    "help",
    "version",
];

/// Lines to paste, with what they do, for each command.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "",
        "\
# Mirror to disk: from the internet into archives
oc-mirror -c isc.yaml file:///srv/mirror
# Disk to mirror: from the archives into your registry
oc-mirror -c isc.yaml --from file:///srv/mirror docker://reg.lan:5000/ocp
# Mirror to mirror: from registries to your registry
oc-mirror -c isc.yaml --workspace file:///srv/work docker://reg.lan:5000/ocp
# What would be mirrored, and how large is it?
oc-mirror -c isc.yaml --dry-run file:///srv/mirror
# A configuration to start from
oc-mirror init > isc.yaml",
    ),
    (
        "delete",
        "\
# First step: write the list of images to delete
oc-mirror delete -c disc.yaml --generate \\
  --workspace file:///srv/work docker://reg.lan:5000/ocp
# Second step: delete what the list names
oc-mirror delete docker://reg.lan:5000/ocp --delete-yaml-file \\
  /srv/work/working-dir/delete/delete-images.yaml",
    ),
    (
        "list",
        "\
oc-mirror list releases --channels --version 4.20
oc-mirror list operators --catalogs --version 4.20",
    ),
    (
        "list operators",
        "\
# The catalogs of an OpenShift version
oc-mirror list operators --catalogs --version 4.20
# The packages of a catalog; with --package, the channels of a package
oc-mirror list operators \\
  --catalog registry.redhat.io/redhat/redhat-operator-index:v4.20",
    ),
    (
        "list releases",
        "\
# The minor versions
oc-mirror list releases
# The channels of a minor version
oc-mirror list releases --channels --version 4.20
# The versions in a channel
oc-mirror list releases --channel fast-4.20",
    ),
    (
        "list helm-images",
        "\
# The images of a chart, with the values that you deploy with
oc-mirror list helm-images ./charts/app -f values.yaml
# Of a chart of a registry
oc-mirror list helm-images oci://reg.lan/charts/app --version 1.2.3",
    ),
    (
        "plan",
        "\
# What would be mirrored, to the digest
oc-mirror plan -c isc.yaml --workspace file:///srv/work \\
  docker://reg.lan:5000/ocp --out plan.json
oc-mirror plan show plan.json
# What changed since the last approval
oc-mirror plan diff approved.json plan.json
# Approve
oc-mirror plan sign plan.json --key approver.key",
    ),
    (
        "plan show",
        "\
oc-mirror plan show plan.json
oc-mirror plan show plan.json --html plan.html --against approved.json",
    ),
    ("plan push", "oc-mirror plan push plan.json docker://reg.lan:5000/oc-mirror/plans:2026-11"),
    ("plan pull", "oc-mirror plan pull docker://reg.lan:5000/oc-mirror/plans:2026-11"),
    ("plan diff", "oc-mirror plan diff approved.json plan.json"),
    ("plan sign", "oc-mirror plan sign plan.json --key approver.key"),
    ("plan verify", "oc-mirror plan verify plan.json --key approver.pub"),
    ("plan schema", "oc-mirror plan schema --out plan.schema.json"),
    (
        "apply",
        "\
# Mirror to mirror, and only what was signed
oc-mirror apply plan.json --plan-key approver.pub \\
  --workspace file:///srv/work
# Disk to mirror
oc-mirror apply plan.json --from file:///srv/mirror",
    ),
    (
        "jobs",
        "\
oc-mirror jobs docker://reg.lan:5000/oc-mirror/plans@sha256:... \\
  --shards 8 --image reg.lan:5000/oc-mirror:1 \\
  --source-secret pull --destination-secret push > jobs.yaml",
    ),
    ("archive", "oc-mirror archive list /srv/mirror\noc-mirror archive verify /srv/mirror"),
    ("archive list", "oc-mirror archive list /srv/mirror"),
    ("archive verify", "oc-mirror archive verify /srv/mirror"),
    (
        "why",
        "\
oc-mirror why -c isc.yaml registry.redhat.io/ubi9/ubi:latest
# Offline, from the archives
oc-mirror why -c isc.yaml --from file:///srv/mirror quay.io/ns/app:1.0",
    ),
    ("describe", "oc-mirror describe /srv/mirror"),
    (
        "doctor",
        "\
# Before a mirror to disk
oc-mirror doctor -c isc.yaml file:///srv/mirror
# Before a registry is loaded
oc-mirror doctor docker://reg.lan:5000/ocp",
    ),
    (
        "init",
        "\
oc-mirror init > isc.yaml
oc-mirror init --from-catalog \\
  registry.redhat.io/redhat/redhat-operator-index:v4.20 > isc.yaml
# With completion and checks in editors
oc-mirror schema --out isc.schema.json
oc-mirror init --schema isc.schema.json > isc.yaml",
    ),
    ("schema", "oc-mirror schema --out isc.schema.json"),
    ("version", "oc-mirror version --output json"),
    (
        "completion",
        "\
# For this shell; put the line into ~/.bashrc to keep it
source <(oc-mirror completion bash)
oc-mirror completion zsh > ~/.zfunc/_oc-mirror
oc-mirror completion fish > ~/.config/fish/completions/oc-mirror.fish",
    ),
];

/// What the exit codes say.
pub(super) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "everything was done"),
    ("1", "the command line, the configuration or the run failed; output was lost"),
    ("2", "releases failed"),
    ("4", "operators failed"),
    ("8", "additional images failed"),
    ("16", "Helm charts failed"),
    ("32", "apply --shard: running again cannot help"),
    ("130, 143", "Ctrl-C or kill ended the run; the same command continues"),
    ("255", "oc-mirror v1 was asked for"),
];

/// How exit codes add up.
pub(super) const EXIT_SUM: &str =
    "Codes of kinds that failed add up: 12 says that operators and additional images failed.";

/// The command's path below the program: `list operators`; empty for the program itself.
pub(super) fn path(command: &Command) -> &str {
    command.get_bin_name().and_then(|name| name.split_once(' ')).map_or("", |(_, path)| path)
}

/// The examples of a command.
pub(super) fn examples(path: &str) -> &'static str {
    EXAMPLES.iter().find(|(name, _)| *name == path).map_or("", |(_, text)| text)
}

/// Whether help shows an argument of a command: neither a hidden one, nor one of every command that has no use here.
pub(super) fn is_shown(path: &str, arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    let is_global = arg.is_global_set();
    let used = USED.iter().find(|(name, _)| *name == path).map_or(&[][..], |(_, ids)| ids);
    !arg.is_hide_set() && (path.is_empty() || !is_global || used.contains(&id))
}

fn is_common(path: &str, arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    let is_own = match path {
        "" => false,
        // It has the flags of mirroring, and these beside them.
        "plan" => id == "out" || arg.is_positional(),
        _ => !arg.is_global_set(),
    };
    is_own || COMMON.contains(&id)
}

/// Help of a command that was built. `long` is everything; `styled` is for terminals.
pub(super) fn render(command: &Command, long: bool, styled: bool) -> String {
    let path = path(command);
    let mut page = Page { text: String::new(), styled };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.paragraph(&about, 0);
    let more = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    if let (true, Some((_, more))) = (long, more.split_once("\n\n")) {
        page.text.push('\n');
        page.paragraph(more, 0);
    }
    page.text.push('\n');
    page.usage(command);
    let commands: Vec<_> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).collect();
    if !commands.is_empty() {
        let rows = commands
            .iter()
            .filter(|inner| inner.get_name() != "help")
            .map(|inner| (inner.get_name().to_owned(), inner.get_about().map(ToString::to_string).unwrap_or_default()));
        page.section("Commands", rows.collect());
    }
    let shown: Vec<&Arg> =
        command.get_arguments().filter(|arg| is_shown(path, arg) && (long || is_common(path, arg))).collect();
    let (positionals, flags): (Vec<&Arg>, Vec<&Arg>) = shown.into_iter().partition(|arg| arg.is_positional());
    page.section("Arguments", positionals.iter().map(|arg| (name(arg), about_arg(arg, long))).collect());
    if path.is_empty() && long {
        let mut left = flags;
        for (title, ids) in GROUPS {
            let rows =
                ids.iter().filter_map(|id| left.iter().position(|arg| arg.get_id() == *id).map(|at| left.remove(at)));
            page.section(title, rows.map(|arg| (name(arg), about_arg(arg, long))).collect::<Vec<_>>());
        }
        page.section("Others", left.iter().map(|arg| (name(arg), about_arg(arg, long))).collect());
    } else {
        page.section("Flags", flags.iter().map(|arg| (name(arg), about_arg(arg, long))).collect());
    }
    let program = command.get_bin_name().unwrap_or_else(|| command.get_name());
    if !long {
        let _ = write!(page.text, "\nExamples and everything else: `{program} --help`\n");
        return page.text;
    }
    let examples = examples(path);
    if !examples.is_empty() {
        page.heading("Examples");
        examples.lines().for_each(|line| {
            let _ = writeln!(page.text, "  {line}");
        });
    }
    if path.is_empty() {
        let owned =
            |rows: &[(&str, &str)]| rows.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        page.section("Exit codes", owned(EXIT_CODES));
        page.paragraph(EXIT_SUM, 2);
        page.section("Environment", owned(crate::env::VARIABLES));
    }
    page.text
}

/// The ways to call a command, at least one.
pub(super) fn usage_of(command: &Command) -> Vec<String> {
    let program = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut ways = Vec::new();
    let shown = command.get_positionals().filter(|arg| !arg.is_hide_set());
    let positionals = shown.fold(String::new(), |text, arg| text + " " + &name(arg));
    let has_commands = command.get_subcommands().any(|inner| !inner.is_hide_set());
    if !(has_commands && positionals.is_empty()) {
        ways.push(format!("{program} [FLAGS]{positionals}"));
    }
    if has_commands {
        ways.push(format!("{program} COMMAND [FLAGS]"));
    }
    ways
}

/// How an argument is written.
fn name(arg: &Arg) -> String {
    let value = || arg.get_value_names().and_then(|names| names.first()).map_or("VALUE", |name| name.as_str());
    let mut text = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("    --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, None) => return value().to_owned(),
    };
    if arg.get_action().takes_values() && !is_switch(arg) {
        let _ = write!(text, " {}", value());
    }
    text
}

/// What an argument does, with its default and its values.
fn about_arg(arg: &Arg, long: bool) -> String {
    let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let whole = arg.get_long_help().map(ToString::to_string).filter(|_| long);
    // The first paragraph is a title: it has no full stop of its own.
    let mut text = whole.map_or(short, |text| text.replacen("\n\n", ". ", 1));
    if arg.get_id() == "help" {
        "Print this; --help says more than -h".clone_into(&mut text);
    }
    if arg.get_action().takes_values() && !is_switch(arg) {
        let values: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !values.is_empty() {
            let _ = write!(text, " [{}]", values.join(", "));
        }
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let is_off = default.is_empty() || default == ["false"] || arg.is_hide_default_value_set();
    if arg.get_action().takes_values() && !is_off && (long || is_switch(arg)) {
        let _ = write!(text, " [default: {}]", default.join(", "));
    }
    text
}

/// A page that grows.
struct Page {
    text: String,
    styled: bool,
}

impl Page {
    fn bold(&self, text: &str) -> String {
        if self.styled { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn heading(&mut self, title: &str) {
        let title = self.bold(&format!("{title}:"));
        let _ = write!(self.text, "\n{title}\n");
    }

    fn usage(&mut self, command: &Command) {
        let label = self.bold("Usage:");
        let _ = writeln!(self.text, "{label} {}", usage_of(command).join("\n       "));
    }

    fn section(&mut self, title: &str, rows: Vec<(String, String)>) {
        if rows.is_empty() {
            return;
        }
        self.heading(title);
        let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        // Names that are far longer than others get lines of their own.
        let column = widest.min(28) + 4;
        for (name, text) in rows {
            let padding = column.saturating_sub(2 + name.chars().count());
            let shown = self.bold(&name);
            let _ = write!(self.text, "  {shown}");
            if padding < 2 {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(column));
            } else {
                self.text.push_str(&" ".repeat(padding));
            }
            self.text.push_str(&wrapped(&text, column));
        }
    }

    fn paragraph(&mut self, text: &str, indent: usize) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(&wrapped(text, indent));
    }
}

/// Text behind `indent` columns, wrapped at [`WIDTH`], the later lines indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{}", " ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program's command and all below it.
    fn all(command: &Command) -> Vec<Command> {
        let mut found = vec![command.clone()];
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
            found.extend(all(inner));
        }
        found
    }

    fn commands() -> Vec<Command> {
        let mut command = crate::args::command(&["oc-mirror".into()]);
        command.build();
        all(&command)
    }

    #[test]
    fn short_help_fits_a_screen_of_80_by_40() {
        for command in commands() {
            let text = render(&command, false, false);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(
                widest <= 80 && text.lines().count() <= 40,
                "{} lines, {widest} columns:\n{text}",
                text.lines().count()
            );
        }
    }

    #[test]
    fn long_help_fits_80_columns_has_examples_and_names_every_flag_that_is_of_use() {
        for command in commands() {
            let (path, text) = (path(&command).to_owned(), render(&command, true, false));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(text.contains("\nExamples:\n  "), "`{path}` has no example");
            for arg in command.get_arguments().filter(|arg| is_shown(&path, arg)) {
                assert!(arg.get_long().is_none_or(|long| text.contains(&format!("--{long}"))), "{path}: {arg:?}");
            }
        }
        let all: Vec<String> = commands().iter().map(|command| path(command).to_owned()).collect();
        for (name, _) in USED
            .iter()
            .map(|(name, ids)| (name, ids.len()))
            .chain(EXAMPLES.iter().map(|(name, text)| (name, text.len())))
        {
            assert!(all.iter().any(|path| path == name), "no command `{name}`");
        }
    }

    /// Examples can be pasted: each parses.
    #[test]
    fn examples_are_command_lines() {
        for (_, text) in EXAMPLES {
            let joined = text.replace("\\\n", " ");
            for line in joined.lines().filter(|line| !line.starts_with('#')) {
                let line = line.trim_start_matches("source <(").trim_end_matches(')');
                let mut words: Vec<std::ffi::OsString> = Vec::new();
                let mut given = line.split_whitespace();
                while let Some(word) = given.next() {
                    if word == ">" {
                        given.next();
                    } else {
                        words.push(word.into());
                    }
                }
                assert!(matches!(crate::args::parse(&words), crate::args::Outcome::Parsed(_)), "{line}");
            }
        }
    }

    #[test]
    fn flags_of_the_groups_exist() {
        let command = &commands()[0];
        let ids: Vec<_> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        let used = GROUPS.iter().chain(USED).flat_map(|(_, ids)| ids.iter()).chain(COMMON);
        for id in used {
            assert!(ids.contains(id), "no flag `{id}`");
        }
    }

    #[test]
    fn pages() {
        let commands = commands();
        insta::assert_snapshot!("short_help", render(&commands[0], false, false));
        let version = commands.iter().find(|command| path(command) == "version").unwrap();
        let text = render(version, true, true).replace('\u{1b}', "ESC");
        assert!(text.starts_with("Show the version\n\nESC[1mUsage:ESC[0m oc-mirror version [FLAGS]\n"), "{text}");
    }
}
