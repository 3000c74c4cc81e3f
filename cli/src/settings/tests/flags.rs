//! How flags are read, and which command has which.

use super::*;

#[test]
fn flags_as_go_reads_them() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "-cisc.yaml file:///d",
            "-c=isc.yaml file:///d",
            "file:///d --config=isc.yaml -qf -p 5000",
            "-qfc isc.yaml file:///d",
            "-c a -c b file:///d",
            "-c a file:///d --retry-times -1",
            "-c a file:///d --retry-delay 1h30m",
            "-c a file:///d --retry-delay 3",
            "-c a file:///d --port 70000",
            "-c a file:///d --port",
            "-c a file:///d -p",
            "-c a file:///d --dry-run=maybe",
            "-c a file:///d --dry-run=T --strict-archive=0",
            "-c a file:///d --dryrun",
            "-c a file:///d --nonsense=1",
            "-c a file:///d -x",
            "-c a file:///d -qx",
            "-c a file:///d --operator-selection heads",
            "-c a file:///d second third",
            "-c a --from file:///f docker://reg.lan --max-nested-paths -1",
            "-c a file:///d --rootless-storage-path /r --tls-verify --tls-verify=false --quiet --v2=false",
            "-c a file:///d --dest-compress --dest-decompress=false --dest-compress-format gzip --dest-compress-level -1",
            "-c a file:///d --dest-oci-accept-uncompressed-layers --dest-precompute-digests --helm-binary h",
            "-c a file:///d --cpu-prof --mem-prof",
            "-c a -- file:///d",
        ],
    );
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror -cisc.yaml file:///d
        ok: mirror []
    $ oc-mirror -c=isc.yaml file:///d
        ok: mirror []
    $ oc-mirror file:///d --config=isc.yaml -qf -p 5000
        ok: mirror []
    $ oc-mirror -qfc isc.yaml file:///d
        ok: mirror []
    $ oc-mirror -c a -c b file:///d
        ok: mirror []
    $ oc-mirror -c a file:///d --retry-times -1
        ok: mirror []
    $ oc-mirror -c a file:///d --retry-delay 1h30m
        ok: mirror []
    $ oc-mirror -c a file:///d --retry-delay 3
        invalid argument "3" for "--retry-delay" flag: missing unit in duration `3`: expected `ns`, `us`, `ms`, `s`, `m` or `h`, like `3s`
    $ oc-mirror -c a file:///d --port 70000
        invalid argument "70000" for "--port" flag: 70000 is not in 0..=65535
    $ oc-mirror -c a file:///d --port
        flag needs an argument: --port
    $ oc-mirror -c a file:///d -p
        flag needs an argument: --port
    $ oc-mirror -c a file:///d --dry-run=maybe
        invalid argument "maybe" for "--dry-run" flag: expected `true` or `false`
    $ oc-mirror -c a file:///d --dry-run=T --strict-archive=0
        ok: mirror []
    $ oc-mirror -c a file:///d --dryrun
        unknown flag: --dryrun, did you mean `--dry-run`?
    $ oc-mirror -c a file:///d --nonsense=1
        unknown flag: --nonsense
    $ oc-mirror -c a file:///d -x
        unknown shorthand flag: 'x' in -x
    $ oc-mirror -c a file:///d -qx
        unknown shorthand flag: 'x' in -qx
    $ oc-mirror -c a file:///d --operator-selection heads
        invalid argument "heads" for "--operator-selection" flag: expected one of version-range, upgrade-graph
    $ oc-mirror -c a file:///d second third
        ok: mirror []
    $ oc-mirror -c a --from file:///f docker://reg.lan --max-nested-paths -1
        ok: mirror []
    $ oc-mirror -c a file:///d --rootless-storage-path /r --tls-verify --tls-verify=false --quiet --v2=false
        ok: mirror []
    $ oc-mirror -c a file:///d --dest-compress --dest-decompress=false --dest-compress-format gzip --dest-compress-level -1
        ok: mirror []
    $ oc-mirror -c a file:///d --dest-oci-accept-uncompressed-layers --dest-precompute-digests --helm-binary h
        ok: mirror []
    $ oc-mirror -c a file:///d --cpu-prof --mem-prof
        ok: mirror []
    $ oc-mirror -c a -- file:///d
        ok: mirror []
    "#);
}

/// Words of v1 and of habit are answered, slips of the finger are named, and no slip leads to a flag that weakens what is
/// verified.
#[test]
fn unknown_words_are_answered() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "delet docker://reg.lan:5000",
            "lst operators",
            "ls",
            "mirror -c a file:///d",
            "list updates",
            "list operator",
            "list upgrades",
            "archive lst d",
            "archive x d",
            "-c a disk",
            "-c a file:///d --ignore-history",
            "-c a file:///d --use-oci-feature",
            "-c a file:///d --dest-skip-tls",
            "-c a file:///d --source-skip-tls",
            "-c a file:///d --continue-on-error",
            "-c a file:///d --skip-missing",
            "-c a file:///d --manifests-only",
            "-c a file:///d --rebuild-catalogs=false",
            "-c a file:///d --dir ws",
            "-c a file:///d --parallel-image 3",
            "list operators --catalog-name x",
            "list operators --pakage x",
            // Near to a flag that weakens: not a word of it.
            "-c a file:///d --ignore-release-signatur",
            "-c a file:///d --dest-tls-verfy=false",
            "-c a file:///d --src-tls-verifi",
            "-c a file:///d --remove-signature",
            "-c a file:///d --forse",
        ],
    );
    insta::assert_snapshot!(text);
}

/// Flags of every command that help does not show (`docs/behaviour/config-cli.md` 2.3).
const HIDDEN: &[&str] = &[
    "v2",
    "cpu-prof",
    "mem-prof",
    "tls-verify",
    "src-authfile",
    "src-creds",
    "src-username",
    "src-password",
    "src-registry-token",
    "src-cert-dir",
    "src-no-creds",
    "src-shared-blob-dir",
    "src-daemon-host",
    "dest-authfile",
    "dest-creds",
    "dest-username",
    "dest-password",
    "dest-registry-token",
    "dest-cert-dir",
    "dest-no-creds",
    "dest-shared-blob-dir",
    "dest-daemon-host",
    "dest-compress",
    "dest-decompress",
    "dest-oci-accept-uncompressed-layers",
    "dest-compress-format",
    "dest-compress-level",
    "dest-precompute-digests",
];

/// Every flag of `docs/behaviour/config-cli.md` 2.3 is accepted by the commands that it belongs to, and by no other.
#[test]
fn every_flag_belongs_to_its_commands() {
    const OTHERS: &[&str] = &[
        "authfile",
        "cache-dir",
        "color",
        "config",
        "log-level",
        "loglevel",
        "workspace",
        "port",
        "parallel-images",
        "parallel-layers",
        "policy",
        "registries.d",
        "retry-times",
        "retry-delay",
        "limit-rate",
        "src-tls-verify",
        "dest-tls-verify",
        "screds",
        "dcreds",
        "help",
    ];
    const SELECTION: &[&str] = &["operator-selection", "strict-selection", "add-intermediate-releases", "helm-binary"];
    let own: &[(&[&str], &[&str])] = &[
        (
            &[],
            &[
                "from",
                "dry-run",
                "dry-run-manifest-lists",
                "since",
                "image-timeout",
                "secure-policy",
                "max-nested-paths",
                "strict-archive",
                "remove-signatures",
                "ignore-release-signature",
                "rootless-storage-path",
                "quiet",
                "force",
                "no-cache",
                "all-or-nothing",
                "check",
                "checksums",
                "sign-catalogs",
                "output",
                "version",
                "operator-selection",
                "strict-selection",
                "add-intermediate-releases",
                "helm-binary",
            ],
        ),
        (
            &["delete"],
            &[
                "delete-id",
                "delete-yaml-file",
                "force-cache-delete",
                "generate",
                "delete-signatures",
                "delete-v1-images",
                "output",
                "operator-selection",
                "strict-selection",
                "add-intermediate-releases",
                "helm-binary",
            ],
        ),
        (&["list"], &[]),
        (&["list", "operators"], &["catalogs", "version", "catalog", "package", "channel", "output"]),
        (&["list", "releases"], &["version", "channel", "channels", "filter-by-archs", "output"]),
        (&["archive"], &[]),
        (&["archive", "list"], &["output"]),
        (&["archive", "verify"], &["output"]),
        (&["describe"], &["output"]),
        (&["why"], &["from", "output", SELECTION[0], SELECTION[1], SELECTION[2], SELECTION[3]]),
        (&["doctor"], &["output"]),
        (&["init"], &["from-catalog", "schema"]),
        (&["schema"], &["out", "kind"]),
        (&["version"], &["output", "short"]),
        (&["completion"], &["no-descriptions"]),
        (&["man"], &[]),
    ];
    for (path, flags) in own {
        let mut root = crate::args::command(&[]);
        root.build();
        let command = path.iter().fold(&root, |command, name| command.find_subcommand(name).expect("a command"));
        let mut found: Vec<String> = command
            .get_arguments()
            .flat_map(|arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long().into_iter().chain(aliases).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let mut expected: Vec<String> =
            OTHERS.iter().chain(HIDDEN).chain(*flags).map(|flag| (*flag).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{path:?}");
    }
}

/// Flags that are taken without effect leave everything as it is.
#[test]
fn flags_without_effect_change_nothing() {
    let settled = |line: &str| shown(&settled(line, &Snapshot::for_test(WORLD)).unwrap().0);
    let plain = settled("-c a --from file:///f docker://reg.lan");
    for flag in [
        "--cpu-prof",
        "--mem-prof",
        "--v2",
        "--quiet",
        "--tls-verify=false",
        "--rootless-storage-path /r",
        "--max-nested-paths -1",
        "--dest-compress",
        "--dest-decompress",
        "--dest-compress-format gzip",
        "--dest-compress-level 9",
        "--dest-oci-accept-uncompressed-layers",
        "--dest-precompute-digests",
    ] {
        assert_eq!(settled(&format!("-c a --from file:///f docker://reg.lan {flag}")), plain, "{flag}");
    }
}

/// What help does not show (`docs/behaviour/config-cli.md` 2.3); beside that, only `--force`, which upstream hides and
/// which has an effect here.
#[test]
fn hidden_flags() {
    let mut root = crate::args::command(&[]);
    root.build();
    let commands: &[(&[&str], &[&str])] = &[
        (&[], &["quiet", "helm-binary"]),
        (&["delete"], &["helm-binary"]),
        (&["list", "operators"], &[]),
        (&["list", "releases"], &[]),
        (&["why"], &["helm-binary"]),
        (&["version"], &[]),
        (&["completion"], &[]),
    ];
    for (path, own) in commands {
        let command = path.iter().fold(&root, |command, name| command.find_subcommand(name).expect("a command"));
        let hidden = command.get_arguments().filter(|arg| arg.is_hide_set()).filter_map(clap::Arg::get_long);
        let mut hidden: Vec<&str> = hidden.collect();
        let mut expected = [HIDDEN, own].concat();
        hidden.sort_unstable();
        expected.sort_unstable();
        assert_eq!(hidden, expected, "{path:?}");
        let help = command.clone().render_long_help().to_string();
        for flag in hidden {
            assert!(!help.lines().any(|line| line.contains(&format!("--{flag} "))), "{path:?} shows --{flag}");
        }
    }
    let help = root.render_long_help().to_string();
    assert!(help.contains("--rootless-storage-path") && help.contains("`platform.release`"), "{help}");
}
