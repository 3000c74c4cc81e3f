//! Words of other command lines, and what answers them here: commands and flags of oc-mirror v1, and of habit.
//!
//! The configuration's old fields have such a table in `isc-schema`.

use isc_schema::suggest::{nearest, nearest_within};

/// Flags of oc-mirror v1 (`oc-mirror --help` of 4.15), and what to do instead.
const FLAGS: &[(&str, &str)] = &[
    ("ignore-history", "v2 has `--since YYYY-MM-DD`: the archive holds everything that was new since that day"),
    ("use-oci-feature", "leave it out: `catalog: oci://DIR` in the configuration works as it stands"),
    ("include-local-oci-catalogs", "leave it out: `catalog: oci://DIR` in the configuration works as it stands"),
    (
        "oci-registries-config",
        "v2 reads `/etc/containers/registries.conf`; CONTAINERS_REGISTRIES_CONF names another file",
    ),
    ("oci-insecure-signature-policy", "leave it out: a trust policy is enforced with `--secure-policy` only"),
    (
        "dest-skip-tls",
        "put the registry's CA into `/etc/containers/certs.d/HOST:PORT/ca.crt`, or say `--dest-tls-verify=false`",
    ),
    ("dest-use-http", "v2 has `--dest-tls-verify=false`, which allows plain HTTP"),
    ("dest-plain-http", "v2 has `--dest-tls-verify=false`, which allows plain HTTP"),
    (
        "source-skip-tls",
        "put the registry's CA into `/etc/containers/certs.d/HOST:PORT/ca.crt`, or say `--src-tls-verify=false`",
    ),
    ("source-use-http", "v2 has `--src-tls-verify=false`, which allows plain HTTP"),
    ("source-plain-http", "v2 has `--src-tls-verify=false`, which allows plain HTTP"),
    (
        "continue-on-error",
        "leave it out: v2 copies the other images when one fails, and the exit code says which kind failed",
    ),
    ("skip-missing", "leave it out: v2 copies the other images when one is missing, and names the missing ones"),
    ("manifests-only", "leave it out: each run to a registry writes `working-dir/cluster-resources`"),
    (
        "rebuild-catalogs",
        "leave it out: v2 rebuilds each filtered catalog; `full: true` mirrors a catalog as it was published",
    ),
    ("build-catalog-cache", "leave it out: v2 rebuilds each filtered catalog with its cache"),
    ("skip-verification", "leave it out: v2 compares every digest"),
    (
        "skip-image-pin",
        "leave it out: v2 pins images in `working-dir/isc_pinned_*.yaml` and leaves the configuration alone",
    ),
    ("skip-metadata-check", "leave it out: v2 has no such metadata"),
    ("skip-pruning", "leave it out: v2 deletes nothing on its own; see `oc-mirror delete --help`"),
    ("skip-cleanup", "leave it out: v2 keeps `working-dir`"),
    ("max-per-registry", "v2 has `--parallel-images N` and `--parallel-layers N`"),
    ("filter-by-os", "say `platforms` or `architectures` in the configuration"),
    ("dir", "v2 has `--workspace file://DIR`"),
    ("output-dir", "give the destination as `file://DIR`"),
    ("registry", "leave it out: v2 keeps what it knows beside the archive"),
    ("verbose", "v2 has `--log-level debug`"),
];

/// Words that people try as commands, the words in front of them first, and what to do instead.
const COMMANDS: &[(&str, &str)] = &[
    ("list updates", "`oc-mirror list releases --channel NAME` lists the versions of a channel"),
    ("list upgrades", "`oc-mirror list releases --channel NAME` lists the versions of a channel"),
    ("mirror", "mirroring is what the program does without a command: leave the word out"),
    ("copy", "mirroring is what the program does without a command: leave the word out"),
    ("sync", "mirroring is what the program does without a command: leave the word out"),
    ("rm", "the command is `delete`"),
    ("remove", "the command is `delete`"),
    ("prune", "the command is `delete`"),
    ("ls", "the command is `list`"),
    ("get", "the command is `list`"),
    ("verify", "the command is `archive verify DIR`"),
    ("inspect", "the command is `describe DIR`"),
    ("show", "the command is `describe DIR`"),
    ("info", "the command is `describe DIR`"),
    ("explain", "the command is `why IMAGE`"),
];

/// Flags that weaken what is verified, or what protects the disk. Nobody gets them for a slip of the finger.
const WEAKENING: &[&str] =
    &["src-tls-verify", "dest-tls-verify", "tls-verify", "ignore-release-signature", "remove-signatures", "force"];

/// What to say behind an unknown flag, written without its dashes: nothing, or what to do instead.
pub(super) fn of_flag<'a>(flag: &str, known: impl Iterator<Item = &'a str>) -> String {
    if let Some((_, answer)) = FLAGS.iter().find(|(name, _)| *name == flag) {
        return format!(" (a flag of oc-mirror v1): {answer}");
    }
    // A weakening flag that is nearest hides a harmless one that is farther away.
    match nearest(flag, known) {
        Some(near) if near == flag => ": flags of a command stand behind its name".to_owned(),
        Some(near) if !WEAKENING.contains(&near) => format!(", did you mean `--{near}`?"),
        _ => String::new(),
    }
}

/// What to say behind an unknown command; `before` is the command in front of it, if there is one. Nothing when the word is
/// like no command.
pub(super) fn of_command<'a>(before: &str, word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let whole = format!("{before} {word}");
    if let Some((_, answer)) = COMMANDS.iter().find(|(name, _)| *name == whole.trim()) {
        return Some(format!(": {answer}"));
    }
    let near = nearest_within(word, known, |name| if name.len() < 6 { 1 } else { 2 })?;
    Some(format!(", did you mean `{}`?", format!("{before} {near}").trim()))
}
