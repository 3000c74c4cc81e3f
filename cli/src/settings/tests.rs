//! Rows for every check: what is typed, and what is said or meant.

use std::ffi::OsString;
use std::fmt::Write as _;

use super::*;
use crate::args::{Outcome, parse};
use crate::log::Streams;

const WORLD: [(&str, &str); 1] = [("HOME", "/home/u")];

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("oc-mirror").chain(line.split_whitespace()).map(Into::into).collect()
}

fn settled(line: &str, env: &Snapshot) -> Result<(Settings, Vec<String>), String> {
    match parse(&words(line)) {
        Outcome::Parsed(cli) => {
            let common = prerun(&cli, env).map_err(|error| error.to_string())?;
            settle(&cli, common).map_err(|error| error.to_string())
        }
        Outcome::Shown(text) => Err(format!("shown: {}", text.lines().next().unwrap_or_default())),
        Outcome::Refused { message, .. } => Err(message),
    }
}

/// The first line of the answer to each row.
fn answers(env: &Snapshot, rows: &[&str]) -> String {
    let mut text = String::new();
    for row in rows {
        let answer = match settled(row, env) {
            Ok((settings, warnings)) => format!("ok: {} {warnings:?}", settings.command.name()),
            Err(message) => message,
        };
        let _ = writeln!(text, "{}\n    {answer}", format!("$ oc-mirror {row}").trim_end());
    }
    text
}

#[test]
fn checks_before_any_command() {
    let both = Snapshot::for_test([("OC_MIRROR_CACHE", "/c"), ("HOME", "/home/u")]);
    let text = answers(&both, &["version", "version --cache-dir /d", "version --cache-dir="]);
    insta::assert_snapshot!(text, @r"
    $ oc-mirror version
        ok: version []
    $ oc-mirror version --cache-dir /d
        either OC_MIRROR_CACHE or --cache-dir can be used but not both
    $ oc-mirror version --cache-dir=
        ok: version []
    ");
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "version --workspace /w",
            "version --workspace file://w",
            "version --workspace=",
            "version --log-level warn",
            "version --log-level=INFO",
            "version --log-level trace",
            "version --loglevel error",
            // The workspace is checked before the log level.
            "version --log-level x --workspace /w",
        ],
    );
    insta::assert_snapshot!(text, @r"
    $ oc-mirror version --workspace /w
        when --workspace is used, it must have file:// prefix
    $ oc-mirror version --workspace file://w
        ok: version []
    $ oc-mirror version --workspace=
        ok: version []
    $ oc-mirror version --log-level warn
        invalid log-level `warn`: expected `info`, `debug`, `trace` or `error`
    $ oc-mirror version --log-level=INFO
        invalid log-level `INFO`: expected `info`, `debug`, `trace` or `error`
    $ oc-mirror version --log-level trace
        ok: version []
    $ oc-mirror version --loglevel error
        ok: version []
    $ oc-mirror version --log-level x --workspace /w
        when --workspace is used, it must have file:// prefix
    ");
    insta::assert_snapshot!(answers(&Snapshot::for_test([]), &["version"]), @r"
    $ oc-mirror version
        no directory for the cache: set --cache-dir, OC_MIRROR_CACHE or HOME
    ");
}

/// Every command line of the published documentation, and every flag of its tables.
#[test]
fn published_command_lines() {
    let rows = [
        "--v2 --help",
        "--v2 version",
        "--v2 help delete",
        "-c isc.yaml --workspace file://work docker://reg.lan --v2",
        "-c isc.yaml file://work --v2",
        "-c isc.yaml --from file://work docker://reg.lan --v2",
        "delete --config delete-image-set-config.yaml --workspace file://work --v2 --generate docker://reg.lan",
        "delete --v2 --delete-yaml-file work/delete/delete-images.yaml docker://reg.lan",
        "-c isc.yaml --from file://work docker://reg.lan --dry-run --v2",
        "--config /tmp/isc_dryrun.yaml file://work --dry-run --v2",
        "--v2 -c isc.yaml --from file:///disk1/entreprise-content docker://entreprise-registry.in/",
        "--v2 -c isc-enclave.yaml file:///disk-enc1/",
        "--v2 -c isc-enclave.yaml --from /local-disk docker://registry.enc1.in",
        "--v2 -c isc-enclave.yaml --from file://local-disk docker://registry.enc1.in",
        // As printed, without a destination.
        "--v2 -c isc-enclave.yaml",
        "-c isc.yaml file://work --authfile auth.json --src-tls-verify --secure-policy=false --strict-archive",
        "-c isc.yaml file://work --loglevel debug -p 5000 --since 2026-02-28 --strict-archive true",
        "-c isc.yaml --from file://work docker://reg.lan --port 55001 --dest-tls-verify false --max-nested-paths 2",
    ];
    insta::assert_snapshot!(answers(&Snapshot::for_test(WORLD), &rows), @r"
    $ oc-mirror --v2 --help
        shown: Mirror OpenShift releases, operator catalogs and images into disconnected networks
    $ oc-mirror --v2 version
        ok: version []
    $ oc-mirror --v2 help delete
        shown: Delete images from a registry, in two steps: write the list, then delete what it names
    $ oc-mirror -c isc.yaml --workspace file://work docker://reg.lan --v2
        ok: mirror []
    $ oc-mirror -c isc.yaml file://work --v2
        ok: mirror []
    $ oc-mirror -c isc.yaml --from file://work docker://reg.lan --v2
        ok: mirror []
    $ oc-mirror delete --config delete-image-set-config.yaml --workspace file://work --v2 --generate docker://reg.lan
        ok: delete []
    $ oc-mirror delete --v2 --delete-yaml-file work/delete/delete-images.yaml docker://reg.lan
        ok: delete []
    $ oc-mirror -c isc.yaml --from file://work docker://reg.lan --dry-run --v2
        ok: mirror []
    $ oc-mirror --config /tmp/isc_dryrun.yaml file://work --dry-run --v2
        ok: mirror []
    $ oc-mirror --v2 -c isc.yaml --from file:///disk1/entreprise-content docker://entreprise-registry.in/
        ok: mirror []
    $ oc-mirror --v2 -c isc-enclave.yaml file:///disk-enc1/
        ok: mirror []
    $ oc-mirror --v2 -c isc-enclave.yaml --from /local-disk docker://registry.enc1.in
        ok: mirror []
    $ oc-mirror --v2 -c isc-enclave.yaml --from file://local-disk docker://registry.enc1.in
        ok: mirror []
    $ oc-mirror --v2 -c isc-enclave.yaml
        requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`
    $ oc-mirror -c isc.yaml file://work --authfile auth.json --src-tls-verify --secure-policy=false --strict-archive
        ok: mirror []
    $ oc-mirror -c isc.yaml file://work --loglevel debug -p 5000 --since 2026-02-28 --strict-archive true
        ok: mirror []
    $ oc-mirror -c isc.yaml --from file://work docker://reg.lan --port 55001 --dest-tls-verify false --max-nested-paths 2
        ok: mirror []
    ");
}

#[test]
fn credentials() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "version --src-creds u:p",
            "version --screds u:p",
            "version --dcreds u",
            "version --src-creds :p",
            "version --src-creds u:p --src-no-creds",
            "version --src-username u --src-password p --src-no-creds",
            "version --dest-creds u:p --dest-username u",
            "version --dest-username u",
            "version --dest-password p",
            "version --dest-username u --dest-password p",
        ],
    );
    insta::assert_snapshot!(text, @r"
    $ oc-mirror version --src-creds u:p
        ok: version []
    $ oc-mirror version --screds u:p
        ok: version []
    $ oc-mirror version --dcreds u
        ok: version []
    $ oc-mirror version --src-creds :p
        --src-creds: credentials can't be empty, expected USER[:PASSWORD]
    $ oc-mirror version --src-creds u:p --src-no-creds
        --src-creds and --src-no-creds: creds and no-creds cannot be specified at the same time
    $ oc-mirror version --src-username u --src-password p --src-no-creds
        --src-username and --src-no-creds: username and no-creds cannot be specified at the same time
    $ oc-mirror version --dest-creds u:p --dest-username u
        --dest-creds and --dest-username: creds and username cannot be specified at the same time
    $ oc-mirror version --dest-username u
        --dest-username: password must be specified when username is specified
    $ oc-mirror version --dest-password p
        --dest-password: username must be specified when password is specified
    $ oc-mirror version --dest-username u --dest-password p
        ok: version []
    ");
}

#[test]
fn mirror_checks_in_their_order() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "",
            "-c isc.yaml",
            "file:///d",
            "-c= file:///d",
            "-c isc.yaml --from file:///f file:///d",
            "-c isc.yaml file:///srv/deleted",
            "-c isc.yaml file:///srv/logs/dry-run",
            "-c isc.yaml --from oci:///f docker://reg.lan",
            "-c isc.yaml --from file:///srv/helm docker://reg.lan",
            "-c isc.yaml --from file:///f --since 2026-01-01 docker://reg.lan",
            "-c isc.yaml --since 2026-1-1 file:///d",
            "-c isc.yaml --since 20260101 file:///d",
            "-c isc.yaml --since 2026-13-01 file:///d",
            "-c isc.yaml --since 2026-02-28 file:///d",
            "-c isc.yaml --dry-run --dry-run-manifest-lists file:///d",
            "-c isc.yaml --parallel-images 0 file:///d",
            "-c isc.yaml --parallel-images 11 --parallel-layers 11 file:///d",
            "-c isc.yaml --parallel-layers 11 file:///d",
            "-c isc.yaml --parallel-images 10 --parallel-layers 1 file:///d",
            "-c isc.yaml --workspace file:///w file:///d",
            "-c isc.yaml --from file:///f --workspace file:///w docker://reg.lan",
            "-c isc.yaml docker://reg.lan",
            "-c isc.yaml /srv/d",
            "-c isc.yaml xdocker://reg.lan --workspace file:///w",
            "-c isc.yaml --workspace file:///w docker://reg.lan/ns:tag",
            "-c isc.yaml --workspace file:///w docker://myhost/ns",
            "-c isc.yaml file://",
            "-c isc.yaml --image-timeout 0 file:///d",
            // Several at once: the first in the contract's table wins.
            "--from oci://x --dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml file:///delete",
            "--since x --dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml --workspace file:///w file:///d",
            "--dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml --workspace file:///w file:///d",
        ],
    );
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror
        requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`
    $ oc-mirror -c isc.yaml
        requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`
    $ oc-mirror file:///d
        use the --config flag, it is mandatory
    $ oc-mirror -c= file:///d
        use the --config flag, it is mandatory
    $ oc-mirror -c isc.yaml --from file:///f file:///d
        when destination is file://, mirrorToDisk workflow is assumed, and the --from argument is not needed
    $ oc-mirror -c isc.yaml file:///srv/deleted
        the destination contains an internal keyword 'delete': choose a path without it
    $ oc-mirror -c isc.yaml file:///srv/logs/dry-run
        the destination contains an internal keyword 'dry-run': choose a path without it
    $ oc-mirror -c isc.yaml --from oci:///f docker://reg.lan
        when --from is used, it must have file:// prefix, found `oci:///f`
    $ oc-mirror -c isc.yaml --from file:///srv/helm docker://reg.lan
        --from contains an internal keyword 'helm': choose a path without it
    $ oc-mirror -c isc.yaml --from file:///f --since 2026-01-01 docker://reg.lan
        ok: mirror ["since flag is only taken into account during mirrorToDisk workflow"]
    $ oc-mirror -c isc.yaml --since 2026-1-1 file:///d
        --since flag needs to be in format yyyy-MM-dd, found `2026-1-1`
    $ oc-mirror -c isc.yaml --since 20260101 file:///d
        --since flag needs to be in format yyyy-MM-dd, found `20260101`
    $ oc-mirror -c isc.yaml --since 2026-13-01 file:///d
        --since flag needs to be in format yyyy-MM-dd, found `2026-13-01`
    $ oc-mirror -c isc.yaml --since 2026-02-28 file:///d
        ok: mirror []
    $ oc-mirror -c isc.yaml --dry-run --dry-run-manifest-lists file:///d
        --dry-run and --dry-run-manifest-lists cannot be used together
    $ oc-mirror -c isc.yaml --parallel-images 0 file:///d
        the flag parallel-images must be between the range 1 to 10
    $ oc-mirror -c isc.yaml --parallel-images 11 --parallel-layers 11 file:///d
        the flag parallel-images must be between the range 1 to 10
    $ oc-mirror -c isc.yaml --parallel-layers 11 file:///d
        the flag parallel-layers must be between the range 1 to 10
    $ oc-mirror -c isc.yaml --parallel-images 10 --parallel-layers 1 file:///d
        ok: mirror []
    $ oc-mirror -c isc.yaml --workspace file:///w file:///d
        when destination is file://, mirrorToDisk workflow is assumed, and the --workspace argument is not needed
    $ oc-mirror -c isc.yaml --from file:///f --workspace file:///w docker://reg.lan
        when destination is docker://, --from (assumes disk to mirror workflow) and --workspace (assumes mirror to mirror workflow) cannot be used together
    $ oc-mirror -c isc.yaml docker://reg.lan
        when destination is docker://, either --from (assumes disk to mirror workflow) or --workspace (assumes mirror to mirror workflow) need to be provided
    $ oc-mirror -c isc.yaml /srv/d
        destination must have either file:// (mirror to disk) or docker:// (diskToMirror) protocol prefixes, found `/srv/d`
    $ oc-mirror -c isc.yaml xdocker://reg.lan --workspace file:///w
        destination must have either file:// (mirror to disk) or docker:// (diskToMirror) protocol prefixes, found `xdocker://reg.lan`
    $ oc-mirror -c isc.yaml --workspace file:///w docker://reg.lan/ns:tag
        destination `docker://reg.lan/ns:tag` names a tag or digest: expected `docker://host[:port][/namespace]`
    $ oc-mirror -c isc.yaml --workspace file:///w docker://myhost/ns
        destination `docker://myhost/ns`: registry mismatch: `myhost` has neither a dot nor a port, and container tools would take it for a part of docker.io; write `myhost:443`
    $ oc-mirror -c isc.yaml file://
        `` is no directory: expected a path, with or without file://
    $ oc-mirror -c isc.yaml --image-timeout 0 file:///d
        ok: mirror ["--image-timeout 0: the copy of an image may take any time"]
    $ oc-mirror --from oci://x --dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml file:///delete
        when destination is file://, mirrorToDisk workflow is assumed, and the --from argument is not needed
    $ oc-mirror --since x --dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml --workspace file:///w file:///d
        --since flag needs to be in format yyyy-MM-dd, found `x`
    $ oc-mirror --dry-run --dry-run-manifest-lists --parallel-images 0 -c isc.yaml --workspace file:///w file:///d
        --dry-run and --dry-run-manifest-lists cannot be used together
    "#);
}

#[test]
fn modes_and_their_directories() {
    let rows = [
        "-c isc.yaml file:///d",
        "-c isc.yaml file://rel/d/",
        "-c isc.yaml --from file:///f docker://reg.lan:5000/ns",
        "-c isc.yaml --from /local-disk docker://registry.enc1.in",
        "-c isc.yaml --from file://local-disk docker://registry.enc1.in/",
        "-c isc.yaml --workspace file:///w docker://reg.lan",
        "-c isc.yaml --workspace file:///w/working-dir docker://reg.lan",
        "-c isc.yaml --workspace file://w/working-dir/ docker://reg.lan",
        "--v2 -c isc.yaml docker://reg.lan --workspace file:///w --dry-run true",
    ];
    let mut text = String::new();
    for row in rows {
        let (settings, _) = settled(row, &Snapshot::for_test(WORLD)).unwrap();
        let Command::Mirror(mirror) = settings.command else { panic!("{row}") };
        let _ = writeln!(
            text,
            "{row}\n    {} {} {:?}",
            mirror.mode.name(),
            mirror.mode.working_dir().display(),
            mirror.mode.destination().map(ToString::to_string)
        );
    }
    insta::assert_snapshot!(text, @r#"
    -c isc.yaml file:///d
        mirrorToDisk /d/working-dir None
    -c isc.yaml file://rel/d/
        mirrorToDisk /cwd/rel/d/working-dir None
    -c isc.yaml --from file:///f docker://reg.lan:5000/ns
        diskToMirror /f/working-dir Some("reg.lan:5000/ns")
    -c isc.yaml --from /local-disk docker://registry.enc1.in
        diskToMirror /local-disk/working-dir Some("registry.enc1.in")
    -c isc.yaml --from file://local-disk docker://registry.enc1.in/
        diskToMirror /cwd/local-disk/working-dir Some("registry.enc1.in")
    -c isc.yaml --workspace file:///w docker://reg.lan
        mirrorToMirror /w/working-dir Some("reg.lan")
    -c isc.yaml --workspace file:///w/working-dir docker://reg.lan
        mirrorToMirror /w/working-dir Some("reg.lan")
    -c isc.yaml --workspace file://w/working-dir/ docker://reg.lan
        mirrorToMirror /cwd/w/working-dir Some("reg.lan")
    --v2 -c isc.yaml docker://reg.lan --workspace file:///w --dry-run true
        mirrorToMirror /w/working-dir Some("reg.lan")
    "#);
}

#[test]
fn delete_checks_in_their_order() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "delete",
            "delete --generate",
            "delete --generate --workspace file:///w",
            "delete --generate --workspace file:///w -c disc.yaml",
            "delete --generate --workspace file:///w -c disc.yaml reg.lan",
            "delete --generate --workspace file:///w -c disc.yaml docker://reg.lan/ns",
            "delete docker://reg.lan",
            "delete --delete-v1-images --delete-yaml-file f docker://reg.lan",
            "delete --delete-yaml-file f",
            "delete --delete-yaml-file f file:///d",
            "delete --delete-yaml-file f docker://reg.lan --force-cache-delete true",
            "--delete-yaml-file f delete docker://reg.lan",
            "-c x --dry-run delete docker://reg.lan",
            "delete --from file:///f docker://reg.lan",
            "delete --image-timeout 1m docker://reg.lan",
        ],
    );
    insta::assert_snapshot!(text, @r"
    $ oc-mirror delete
        the --delete-yaml-file flag is mandatory when not using the --generate flag
    $ oc-mirror delete --generate
        use the --workspace flag, it is mandatory when using the delete command with the --generate flag
    $ oc-mirror delete --generate --workspace file:///w
        the --config flag is mandatory when used with the --generate flag
    $ oc-mirror delete --generate --workspace file:///w -c disc.yaml
        the destination registry is missing in the command arguments
    $ oc-mirror delete --generate --workspace file:///w -c disc.yaml reg.lan
        the destination registry argument must have a docker:// protocol prefix, found `reg.lan`
    $ oc-mirror delete --generate --workspace file:///w -c disc.yaml docker://reg.lan/ns
        ok: delete []
    $ oc-mirror delete docker://reg.lan
        the --delete-yaml-file flag is mandatory when not using the --generate flag
    $ oc-mirror delete --delete-v1-images --delete-yaml-file f docker://reg.lan
        the --delete-v1-images flag can only be used with the --generate flag
    $ oc-mirror delete --delete-yaml-file f
        the destination registry is missing in the command arguments
    $ oc-mirror delete --delete-yaml-file f file:///d
        the destination registry argument must have a docker:// protocol prefix, found `file:///d`
    $ oc-mirror delete --delete-yaml-file f docker://reg.lan --force-cache-delete true
        ok: delete []
    $ oc-mirror --delete-yaml-file f delete docker://reg.lan
        unknown flag: --delete-yaml-file
    $ oc-mirror -c x --dry-run delete docker://reg.lan
        unknown flag: --dry-run (it is a flag of mirroring, not of `delete`)
    $ oc-mirror delete --from file:///f docker://reg.lan
        unknown flag: --from
    $ oc-mirror delete --image-timeout 1m docker://reg.lan
        unknown flag: --image-timeout
    ");
}

#[test]
fn delete_settled() {
    let (settings, _) = settled(
        "delete --v2 --generate --delete-id x --delete-signatures=true --workspace file:///w -c disc.yaml docker://reg.lan/ns/",
        &Snapshot::for_test(WORLD),
    )
    .unwrap();
    insta::assert_debug_snapshot!(settings.command, @r#"
    Delete(
        Delete {
            phase: Generate {
                config: "/cwd/disc.yaml",
                working_dir: "/w/working-dir",
                id: Some(
                    "x",
                ),
                signatures: true,
                v1_tags: false,
                selection: Selection {
                    operators: VersionRange,
                    add_intermediate_releases: false,
                    helm_binary: None,
                },
            },
            dest: Destination {
                registry: "reg.lan",
                namespace: "ns",
                max_nested_paths: 0,
            },
            force_cache_delete: false,
            image_timeout: 600s,
        },
    )
    "#);
}

#[test]
fn list_checks_in_their_order() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "list",
            "list operators",
            "list operators --version 4.20",
            "list operators --catalogs",
            "list operators --catalogs --version 4.20",
            "list operators --catalogs --version 4.20 --catalog reg.lan/c:1",
            "list operators --catalog reg.lan/ns/c:v1",
            "list operators --catalog c:v1",
            "list operators --catalog docker.io/c:v1",
            "list operators --catalog reg.lan/C:v1",
            "list operators --catalog reg.lan/ns/c",
            "list operators --package p",
            "list operators --catalog reg.lan/ns/c:v1 --package p",
            "list operators --catalog reg.lan/ns/c:v1 --channel x",
            "list operators --catalog reg.lan/ns/c:v1 --package p --channel x",
            "list releases",
            "list releases --version 4.20",
            "list releases --channel fast-4.20 --filter-by-archs amd64,arm64",
            "list releases --channel fast-4.20 --filter-by-archs x86",
            "list releases --channels",
            "list releases --channels --version 4.20",
            "list nothing",
        ],
    );
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror list
        ok: help []
    $ oc-mirror list operators
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --version 4.20
        --catalogs and --version must be used together
    $ oc-mirror list operators --catalogs
        --catalogs and --version must be used together
    $ oc-mirror list operators --catalogs --version 4.20
        ok: list operators []
    $ oc-mirror list operators --catalogs --version 4.20 --catalog reg.lan/c:1
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1
        ok: list operators []
    $ oc-mirror list operators --catalog c:v1
        "c:v1": repository name must be canonical, like `registry.redhat.io/redhat/redhat-operator-index:v4.20`
    $ oc-mirror list operators --catalog docker.io/c:v1
        "docker.io/c:v1": repository name must be canonical, like `registry.redhat.io/redhat/redhat-operator-index:v4.20`
    $ oc-mirror list operators --catalog reg.lan/C:v1
        "reg.lan/C:v1": invalid reference format: invalid repository path `C`: expected lower-case components separated by `/`, like `openshift/cli`
    $ oc-mirror list operators --catalog reg.lan/ns/c
        failed to load catalog "reg.lan/ns/c": the reference has neither tag nor digest, append `:v4.20` or `@sha256:…`
    $ oc-mirror list operators --package p
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --package p
        ok: list operators []
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --channel x
        --channel needs --package
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --package p --channel x
        ok: list operators []
    $ oc-mirror list releases
        ok: list releases []
    $ oc-mirror list releases --version 4.20
        ok: list releases []
    $ oc-mirror list releases --channel fast-4.20 --filter-by-archs amd64,arm64
        ok: list releases []
    $ oc-mirror list releases --channel fast-4.20 --filter-by-archs x86
        unknown architecture "x86": expected amd64, arm64, multi, ppc64le or s390x
    $ oc-mirror list releases --channels
        --channels needs --version
    $ oc-mirror list releases --channels --version 4.20
        ok: list releases []
    $ oc-mirror list nothing
        unknown command "nothing"
    "#);
}

#[test]
fn lists_settled() {
    let mut text = String::new();
    for row in [
        "list operators --catalog reg.lan/ns/c:v1 --package p --channel x",
        "list releases --version 4.20",
        "list releases --channel fast-4.20 --filter-by-archs amd64,arm64 --filter-by-archs s390x",
    ] {
        let (settings, _) = settled(row, &Snapshot::for_test(WORLD)).unwrap();
        let _ = writeln!(text, "{row}\n    {:?}", settings.command);
    }
    insta::assert_snapshot!(text, @r#"
    list operators --catalog reg.lan/ns/c:v1 --package p --channel x
        ListOperators(Catalog { catalog: ImageRef(reg.lan/ns/c:v1), query: Versions { package: "p", channel: "x" } })
    list releases --version 4.20
        ListReleases(Versions { channel: "stable-4.20", version: Some("4.20"), architectures: ["amd64"] })
    list releases --channel fast-4.20 --filter-by-archs amd64,arm64 --filter-by-archs s390x
        ListReleases(Versions { channel: "fast-4.20", version: None, architectures: ["amd64", "arm64", "s390x"] })
    "#);
}

#[test]
fn other_commands() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "archive",
            "archive list",
            "archive list file:///f",
            "archive verify /f --output json",
            "archive verify docker://reg.lan",
            "describe /f",
            "why reg.lan/a:1",
            "why -c isc.yaml reg.lan/a:1",
            "version --output json",
            "version --output xml",
            "version --short",
            "completion bash",
            "completion tcsh",
            "completion",
            "help delete",
            "--help",
            "--version",
            "-v",
            "--v2 --version",
        ],
    );
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror archive
        ok: help []
    $ oc-mirror archive list
        missing argument: <DIR>
    $ oc-mirror archive list file:///f
        ok: archive list []
    $ oc-mirror archive verify /f --output json
        ok: archive verify []
    $ oc-mirror archive verify docker://reg.lan
        `docker://reg.lan` is no directory: expected a path, with or without file://
    $ oc-mirror describe /f
        ok: describe []
    $ oc-mirror why reg.lan/a:1
        use the --config flag, it is mandatory
    $ oc-mirror why -c isc.yaml reg.lan/a:1
        ok: why []
    $ oc-mirror version --output json
        ok: version []
    $ oc-mirror version --output xml
        --output must be 'yaml' or 'json'
    $ oc-mirror version --short
        ok: version []
    $ oc-mirror completion bash
        ok: completion []
    $ oc-mirror completion tcsh
        invalid argument "tcsh" for "<SHELL>" flag: expected one of bash, elvish, fish, powershell, zsh
    $ oc-mirror completion
        missing argument: <SHELL>
    $ oc-mirror help delete
        shown: Delete images from a registry, in two steps: write the list, then delete what it names
    $ oc-mirror --help
        shown: Mirror OpenShift releases, operator catalogs and images into disconnected networks
    $ oc-mirror --version
        shown: oc-mirror version v0.1.0
    $ oc-mirror -v
        shown: oc-mirror version v0.1.0
    $ oc-mirror --v2 --version
        shown: oc-mirror version v0.1.0
    "#);
}

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
    $ oc-mirror -c a -- file:///d
        ok: mirror []
    "#);
}

/// Every flag of contract 2.3 is accepted by the commands that it belongs to, and by no other.
#[test]
fn every_flag_belongs_to_its_commands() {
    const PERSISTENT: &[&str] = &[
        "authfile",
        "cache-dir",
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
        "src-tls-verify",
        "dest-tls-verify",
        "v2",
        "cpu-prof",
        "mem-prof",
        "tls-verify",
        "src-authfile",
        "src-creds",
        "screds",
        "src-username",
        "src-password",
        "src-registry-token",
        "src-cert-dir",
        "src-no-creds",
        "src-shared-blob-dir",
        "src-daemon-host",
        "dest-authfile",
        "dest-creds",
        "dcreds",
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
        "help",
    ];
    const SELECTION: &[&str] = &["operator-selection", "add-intermediate-releases", "helm-binary"];
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
                "sign-catalogs",
                "output",
                "version",
                "operator-selection",
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
        (&["why"], &["from", "output", SELECTION[0], SELECTION[1], SELECTION[2]]),
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
        let mut expected: Vec<String> = PERSISTENT.iter().chain(*flags).map(|flag| (*flag).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{path:?}");
    }
}

/// The shapes of values, and the defaults.
#[test]
fn everything_settled() {
    let env = Snapshot::for_test([("HOME", "/home/u"), ("REGISTRY_AUTH_FILE", "auth.json")]);
    let (settings, _) = settled(
        "-c isc.yaml file://d --src-creds u:secret --dest-registry-token tokentoken --dest-authfile other.json \
         --dest-tls-verify=false --retry-delay 2s --max-nested-paths 2 --sign-catalogs k.pem --helm-binary bin/helm \
         --operator-selection upgrade-graph --output json --policy p.json --registries.d r.d --src-cert-dir certs",
        &env,
    )
    .unwrap();
    let mut common = settings.common.clone();
    common.env = Snapshot::for_test([]);
    let text = format!("{common:#?}\n{:#?}\n{:?}", settings.command, settings.output);
    let text: Vec<_> = text.lines().collect();
    // The world is shown by its own test.
    let start = text.iter().position(|line| line.starts_with("    env:")).unwrap();
    let end = text.iter().position(|line| *line == "}").unwrap();
    let text = [&text[..start], &text[end..]].concat().join("\n");
    assert!(!text.contains("secret") && !text.contains("tokentoken"));
    insta::assert_snapshot!(text, @r#"
    Common {
        log_level: Info,
        cache: "/home/u/.oc-mirror/.cache",
        port: 55000,
        parallel_images: 4,
        parallel_layers: 5,
        policy: Some(
            "/cwd/p.json",
        ),
        registries_d: Some(
            "/cwd/r.d",
        ),
        retry_times: 5,
        retry_delay: Some(
            2s,
        ),
        source: Access {
            authfile: Some(
                "/cwd/auth.json",
            ),
            credentials: Some(
                Credentials {
                    username: "u",
                    password: [redacted],
                },
            ),
            anonymous: false,
            registry_token: None,
            cert_dir: Some(
                "/cwd/certs",
            ),
            verify_tls: true,
        },
        destination: Access {
            authfile: Some(
                "/cwd/other.json",
            ),
            credentials: None,
            anonymous: false,
            registry_token: Some(
                [redacted],
            ),
            cert_dir: None,
            verify_tls: false,
        },
    }
    Mirror(
        Mirror {
            config: "/cwd/isc.yaml",
            mode: MirrorToDisk {
                dest: "/cwd/d",
            },
            dry_run: No,
            since: None,
            image_timeout: Some(
                600s,
            ),
            secure_policy: false,
            strict_archive: false,
            remove_signatures: false,
            ignore_release_signature: false,
            no_cache: false,
            sign_catalogs: Some(
                "/cwd/k.pem",
            ),
            force: false,
            selection: Selection {
                operators: UpgradeGraph,
                add_intermediate_releases: false,
                helm_binary: Some(
                    "/cwd/bin/helm",
                ),
            },
        },
    )
    Json
    "#);
}

#[test]
fn a_whole_refusal() {
    let (streams, written) = Streams::captured();
    let status = crate::run(
        words("-c isc.yaml --dry-run-manifest-lists --dry-run file:///d"),
        &Snapshot::for_test(WORLD),
        streams,
    );
    assert_eq!((status, written.stdout().as_str()), (1, ""));
    let stderr = written.stderr();
    let lines: Vec<_> = stderr.lines().collect();
    assert!(lines[0].ends_with("[INFO] \x1b[0m  : 👋 Hello, welcome to oc-mirror"), "{stderr}");
    assert!(lines[1].contains("environment version: v"), "{stderr}");
    assert!(stderr.contains("\nUsage: oc-mirror"), "{stderr}");
    let last =
        " \x1b[1;91m [ERROR] \x1b[0m : [Executor] --dry-run and --dry-run-manifest-lists cannot be used together \n";
    assert!(stderr.ends_with(last), "{stderr}");
}

#[test]
fn flag_errors_come_before_the_greeting_and_delete_errors_without_usage() {
    for (line, greeting, usage) in
        [("", false, true), ("--nonsense", false, true), ("delete", true, false), ("version --output x", true, false)]
    {
        let (streams, written) = Streams::captured();
        assert_eq!(crate::run(words(line), &Snapshot::for_test(WORLD), streams), 1);
        assert_eq!(written.stderr().contains("Hello"), greeting, "{line}");
        assert_eq!(written.stderr().contains("Usage:"), usage, "{line}");
    }
}

#[test]
fn v1_ends_with_255() {
    let mut text = String::new();
    for line in ["--v1", "--v1 --v2", "delete --v1 --v2", "-- --v1"] {
        let (streams, written) = Streams::captured();
        let status = crate::run(words(line), &Snapshot::for_test(WORLD), streams);
        let stderr = written.stderr();
        let _ = writeln!(
            text,
            "{line}: {status} {}",
            stderr.lines().last().and_then(|line| line.split(": ").last()).unwrap_or_default()
        );
    }
    insta::assert_snapshot!(text, @r"
    --v1: 255 this program is oc-mirror v2 and contains no v1; leave the flag out, or use an older oc-mirror
    --v1 --v2: 255 --v1 and --v2 are mutually exclusive; this program is v2, with or without the flag
    delete --v1 --v2: 255 --v1 and --v2 are mutually exclusive; this program is v2, with or without the flag
    -- --v1: 1 [Executor] use the --config flag, it is mandatory
    ");
}

#[test]
fn an_odd_umask_is_told_and_a_quiet_level_keeps_the_greeting() {
    let mut env = Snapshot::for_test(WORLD);
    env.umask = 0o077;
    let (streams, written) = Streams::captured();
    assert_eq!(crate::run(words("version --short --log-level error"), &env, streams), 0);
    let stderr = written.stderr();
    assert!(stderr.contains("Hello") && stderr.contains("Detected bad umask 0077"), "{stderr}");
    assert!(!stderr.contains("environment version"), "{stderr}");
    assert_eq!(written.stdout(), format!("Client Version: {}\n", version::GIT_VERSION));
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "fish", "powershell", "zsh"] {
        let (streams, written) = Streams::captured();
        assert_eq!(crate::run(words(&format!("completion {shell}")), &Snapshot::for_test(WORLD), streams), 0);
        assert!(written.stdout().contains("dry-run-manifest-lists"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let (streams, _) = Streams::captured();
    let line = format!("man {}", directory.path().display());
    assert_eq!(crate::run(words(&line), &Snapshot::for_test(WORLD), streams), 0);
    let page = std::fs::read_to_string(directory.path().join("oc-mirror-delete.1")).unwrap();
    assert!(page.contains("delete\\-yaml\\-file"), "{page}");
}
