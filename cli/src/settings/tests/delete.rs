//! `oc-mirror delete`.

use super::*;

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
            // Only mirroring bounds them (`docs/behaviour/config-cli.md` 2.3).
            "delete --delete-yaml-file f docker://reg.lan --parallel-images 11 --parallel-layers 0",
            "delete --delete-yaml-file f docker://reg.lan --parallel-images 0",
            "delete --delete-yaml-file f docker://reg.lan --parallel-images -1",
        ],
    );
    insta::assert_snapshot!(text, @r#"
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
        unknown flag: --delete-yaml-file: flags of a command stand behind its name
    $ oc-mirror -c x --dry-run delete docker://reg.lan
        unknown flag: --dry-run (it is a flag of mirroring, not of `delete`)
    $ oc-mirror delete --from file:///f docker://reg.lan
        unknown flag: --from
    $ oc-mirror delete --image-timeout 1m docker://reg.lan
        unknown flag: --image-timeout
    $ oc-mirror delete --delete-yaml-file f docker://reg.lan --parallel-images 11 --parallel-layers 0
        ok: delete []
    $ oc-mirror delete --delete-yaml-file f docker://reg.lan --parallel-images 0
        ok: delete []
    $ oc-mirror delete --delete-yaml-file f docker://reg.lan --parallel-images -1
        invalid argument "-1" for "--parallel-images" flag: -1 is not in 0..=4294967295
    "#);
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
                    strict: false,
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
