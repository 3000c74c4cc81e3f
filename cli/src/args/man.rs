//! Manual pages: one for each command, and one for the configuration.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use isc_schema::{Kind, json_schema};
use serde_json::Value;

use super::{command, help};

/// Files that the program reads and writes, and what they are for.
const FILES: &[(&str, &str)] = &[
    ("DIR/mirror_000001.tar, ...", "The archive of a mirror to disk. Carry all of its files."),
    ("DIR/working-dir/logs/", "The log of each run, its result as a JSON document, and the list of errors."),
    ("DIR/working-dir/cluster-resources/", "What to apply to the cluster after a mirror to a registry."),
    ("$HOME/.oc-mirror/.cache", "The cache. --cache-dir or OC_MIRROR_CACHE puts it elsewhere."),
    ("$XDG_RUNTIME_DIR/containers/auth.json", "Credentials, see containers-auth.json(5)."),
    ("/etc/containers/certs.d/HOST:PORT/", "Certificates of registries, see containers-certs.d(5)."),
    ("/etc/containers/registries.conf", "Mirrors and insecure registries, see containers-registries.conf(5)."),
    ("/etc/containers/policy.json", "The trust policy, see containers-policy.json(5)."),
];

/// Writes one manual page for each command, and one for the configuration, into a directory that exists.
///
/// # Errors
/// When a page cannot be written.
pub fn write_man_pages(directory: &Path) -> io::Result<()> {
    let mut root = command(&["oc-mirror".into()]);
    root.build();
    let mut names = Vec::new();
    collect(&root, &mut names);
    write_below(&root, directory, &names)?;
    std::fs::write(directory.join("oc-mirror-configuration.5"), configuration_page())
}

/// The page names of a command and all below it.
fn collect(command: &Command, names: &mut Vec<String>) {
    names.push(page_name(command));
    inner(command).for_each(|inner| collect(inner, names));
}

fn inner(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
}

fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).replace(' ', "-")
}

fn write_below(command: &Command, directory: &Path, names: &[String]) -> io::Result<()> {
    let name = page_name(command);
    std::fs::write(directory.join(format!("{name}.1")), page(command, names)?)?;
    inner(command).try_for_each(|inner| write_below(inner, directory, names))
}

fn page(command: &Command, names: &[String]) -> io::Result<Vec<u8>> {
    let (path, name) = (help::path(command), page_name(command));
    let shown = command.clone().name(name.clone()).mut_args(|arg| {
        let hide = arg.is_hide_set() || !help::is_shown(path, &arg);
        arg.hide(hide)
    });
    let man = Man::new(shown);
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    let mut text = String::new();
    let commands: Vec<_> = inner(command).collect();
    if !commands.is_empty() {
        heading(&mut text, "COMMANDS");
        for inner in commands {
            let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
            entry(&mut text, &format!("{}(1)", page_name(inner)), &about);
        }
    }
    let examples = help::examples(path);
    if !examples.is_empty() {
        heading(&mut text, "EXAMPLES");
        verbatim(&mut text, examples);
    }
    heading(&mut text, "EXIT STATUS");
    for (code, about) in help::EXIT_CODES {
        entry(&mut text, code, about);
    }
    let _ = writeln!(text, ".PP\n{}", escaped(help::EXIT_SUM));
    if path.is_empty() {
        heading(&mut text, "ENVIRONMENT");
        for (name, about) in crate::env::VARIABLES {
            entry(&mut text, name, about);
        }
        heading(&mut text, "FILES");
        for (name, about) in FILES {
            entry(&mut text, name, about);
        }
    }
    let others = names.iter().filter(|other| **other != name).map(|other| format!("{other}(1)"));
    see_also(&mut text, others.chain(std::iter::once("oc-mirror-configuration(5)".to_owned())));
    out.extend(text.bytes());
    Ok(out)
}

/// The page of the configuration, from the schema that editors use.
fn configuration_page() -> String {
    let mut text = String::from(
        ".TH oc-mirror-configuration 5\n.SH NAME\noc\\-mirror\\-configuration \\- what oc\\-mirror mirrors and deletes\n.SH DESCRIPTION\n",
    );
    let about = "The configuration is a YAML file. An ImageSetConfiguration says what to mirror, a \
                 DeleteImageSetConfiguration what to delete. `oc-mirror init` prints one to start from. `oc-mirror schema` \
                 prints the same fields as a JSON Schema for editors.";
    let _ = writeln!(text, "{}", escaped(about));
    for kind in [Kind::ImageSet, Kind::Delete] {
        let schema = json_schema(kind);
        heading(&mut text, &kind.as_str().to_uppercase());
        fields(&mut text, &schema);
        if kind == Kind::ImageSet {
            for (name, object) in schema["$defs"].as_object().into_iter().flatten() {
                heading(&mut text, &format!("FIELDS OF {}", name.to_uppercase()));
                fields(&mut text, object);
            }
        }
    }
    see_also(&mut text, std::iter::once("oc-mirror(1)".to_owned()));
    text
}

fn fields(text: &mut String, object: &Value) {
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let mut about = field["description"].as_str().unwrap_or_default().to_owned();
        if required.contains(&name.as_str()) {
            about.push_str(" Required.");
        }
        let below = field["$ref"].as_str().or_else(|| field["items"]["$ref"].as_str());
        if let Some(object) = below.and_then(|place| place.rsplit('/').next()) {
            let list = if field["items"].is_object() { "A list; see" } else { "See" };
            let _ = write!(about, " {list} FIELDS OF {}.", object.to_uppercase());
        }
        entry(text, name, &about);
    }
}

fn heading(text: &mut String, title: &str) {
    let _ = writeln!(text, ".SH \"{}\"", escaped(title));
}

fn entry(text: &mut String, name: &str, about: &str) {
    let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", escaped(name), escaped(about));
}

fn verbatim(text: &mut String, lines: &str) {
    text.push_str(".nf\n");
    lines.lines().for_each(|line| {
        let _ = writeln!(text, "{}", escaped(line));
    });
    text.push_str(".fi\n");
}

fn see_also(text: &mut String, pages: impl Iterator<Item = String>) {
    heading(text, "SEE ALSO");
    let _ = writeln!(text, "{}", escaped(&pages.collect::<Vec<_>>().join(", ")));
}

/// Text that roff prints as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
