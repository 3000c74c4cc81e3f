//! `oc-mirror` itself: its checks, its modes and their directories.

use std::fmt::Write as _;

use super::*;

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
            // Several at once: the first in the table of `docs/behaviour/config-cli.md` wins.
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
        ok: mirror []
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
            mirror.mode.kind(),
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

/// Who limits the rate has said how long an image may take, unless he says so himself.
#[test]
fn a_limit_of_the_rate_takes_the_place_of_the_limit_of_time() {
    for (flags, rate, limit) in [
        ("", None, Some(600)),
        ("--limit-rate 20M", Some(20 << 20), None),
        ("--limit-rate 20M --image-timeout 1m", Some(20 << 20), Some(60)),
        ("--image-timeout 0", None, None),
    ] {
        let line = format!("-c isc.yaml {flags} file:///d");
        let (settings, _) = settled(&line, &Snapshot::for_test(WORLD)).unwrap();
        let Command::Mirror(mirror) = &settings.command else { panic!("{line}") };
        assert_eq!(settings.common.limit_rate, rate, "{line}");
        assert_eq!(mirror.image_timeout.map(|limit| limit.as_secs()), limit, "{line}");
    }
    let refused = settled("-c isc.yaml --limit-rate 20 file:///d", &Snapshot::for_test(WORLD)).unwrap_err();
    assert!(refused.contains("the lowest rate is 64K"), "{refused}");
}
