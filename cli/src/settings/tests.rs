//! Rows for every check: what is typed, and what is said or meant.

use std::ffi::OsString;
use std::fmt::Write as _;

mod commands;
mod delete;
mod flags;
mod list;
mod mirror;
mod program;

use super::*;
use crate::args::{Outcome, parse};

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
        Outcome::Help { long } => Err(format!("help, long: {long}")),
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
}

/// Only what keeps a cache asks for a place for it.
#[test]
fn without_a_home() {
    let nowhere = Snapshot::for_test([]);
    for row in [
        "version",
        "completion bash",
        "man d",
        "list",
        "list releases",
        "list releases --version 4.20",
        "list operators --catalogs --version 4.20",
        "archive list d",
        "archive verify d",
        "describe d",
        "delete --delete-yaml-file f docker://reg.lan",
        "-c isc.yaml file://d --no-cache",
        "-c isc.yaml file://d --cache-dir c",
    ] {
        settled(row, &nowhere).unwrap_or_else(|refused| panic!("{row}: {refused}"));
    }
    for row in [
        "-c isc.yaml file://d",
        "-c isc.yaml file://d --cache-dir=",
        "-c isc.yaml file://d --no-cache=false",
        "-c isc.yaml --from file://d docker://reg.lan",
        "-c isc.yaml --workspace file://w docker://reg.lan",
        "delete --generate -c disc.yaml --workspace file://w docker://reg.lan",
        "delete --delete-yaml-file f docker://reg.lan --force-cache-delete",
        "list operators --catalog reg.lan/c:1",
        "why -c isc.yaml reg.lan/a:1",
    ] {
        let refused = settled(row, &nowhere).map(|_| ()).unwrap_err();
        assert_eq!(refused, "no directory for the cache: set --cache-dir, OC_MIRROR_CACHE or HOME", "{row}");
        for name in ["HOME", "OC_MIRROR_CACHE"] {
            let (settings, _) = settled(row, &Snapshot::for_test([(name, "/h")])).unwrap();
            assert_eq!(settings.common.cache(), Path::new("/h/.oc-mirror/.cache"), "{row}");
        }
    }
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
        "-c isc.yaml --from file://work docker://reg.lan --max-nested-paths -1",
    ];
    insta::assert_snapshot!(answers(&Snapshot::for_test(WORLD), &rows), @r"
    $ oc-mirror --v2 --help
        help, long: true
    $ oc-mirror --v2 version
        ok: version []
    $ oc-mirror --v2 help delete
        help, long: true
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
    $ oc-mirror -c isc.yaml --from file://work docker://reg.lan --max-nested-paths -1
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

/// Settings without the world, which is shown by its own test.
fn shown(settings: &Settings) -> String {
    let text = format!("{:#?}\n{:#?}\n{:?}", settings.common, settings.command, settings.output);
    let text: Vec<_> = text.lines().collect();
    let start = text.iter().position(|line| line.starts_with("    env:")).unwrap();
    let end = text.iter().position(|line| *line == "}").unwrap();
    [&text[..start], &text[end..]].concat().join("\n")
}

/// What a flag means that is not given (`docs/behaviour/config-cli.md` 2.3).
#[test]
fn defaults() {
    let (settings, warnings) = settled("-c isc.yaml file:///d", &Snapshot::for_test(WORLD)).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    insta::assert_snapshot!(shown(&settings), @r#"
    Common {
        log_level: Info,
        cache: Some(
            "/home/u/.oc-mirror/.cache",
        ),
        port: 55000,
        parallel_images: 4,
        parallel_layers: 5,
        policy: None,
        registries_d: None,
        retry_times: 5,
        retry_delay: None,
        retry_given: false,
        limit_rate: None,
        source: Access {
            authfile: None,
            credentials: None,
            anonymous: false,
            registry_token: None,
            cert_dir: None,
            shared_blob_dir: None,
            daemon_host: None,
            verify_tls: true,
            tls_given: false,
        },
        destination: Access {
            authfile: None,
            credentials: None,
            anonymous: false,
            registry_token: None,
            cert_dir: None,
            shared_blob_dir: None,
            daemon_host: None,
            verify_tls: true,
            tls_given: false,
        },
    }
    Mirror(
        Mirror {
            config: "/cwd/isc.yaml",
            mode: MirrorToDisk {
                dest: "/d",
            },
            dry_run: No,
            since: None,
            image_timeout: Some(
                600s,
            ),
            secure_policy: false,
            strict_archive: false,
            all_or_nothing: false,
            check: false,
            checksums: false,
            remove_signatures: false,
            ignore_release_signature: false,
            no_cache: false,
            sign_catalogs: None,
            force: false,
            selection: Selection {
                operators: VersionRange,
                strict: false,
                add_intermediate_releases: false,
                helm_binary: None,
            },
        },
    )
    Text
    "#);
    let (settings, _) = settled("delete --delete-yaml-file f docker://reg.lan", &Snapshot::for_test(WORLD)).unwrap();
    insta::assert_debug_snapshot!(settings.command, @r#"
    Delete(
        Delete {
            phase: Execute {
                list: "/cwd/f",
                working_dir: None,
            },
            dest: Destination {
                registry: "reg.lan",
                namespace: "",
                max_nested_paths: 0,
            },
            force_cache_delete: false,
            image_timeout: 600s,
        },
    )
    "#);
}

/// The shapes of values.
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
    let text = shown(&settings);
    assert!(!text.contains("secret") && !text.contains("tokentoken"));
    insta::assert_snapshot!(text, @r#"
    Common {
        log_level: Info,
        cache: Some(
            "/home/u/.oc-mirror/.cache",
        ),
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
        retry_given: true,
        limit_rate: None,
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
            shared_blob_dir: None,
            daemon_host: None,
            verify_tls: true,
            tls_given: false,
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
            shared_blob_dir: None,
            daemon_host: None,
            verify_tls: false,
            tls_given: true,
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
            all_or_nothing: false,
            check: false,
            checksums: false,
            remove_signatures: false,
            ignore_release_signature: false,
            no_cache: false,
            sign_catalogs: Some(
                "/cwd/k.pem",
            ),
            force: false,
            selection: Selection {
                operators: UpgradeGraph,
                strict: false,
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
