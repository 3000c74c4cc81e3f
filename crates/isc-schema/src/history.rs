//! Fields of earlier versions of the format, and what became of them.

/// What to do about a field that oc-mirror v1, or an earlier v2, knew.
pub(crate) fn former_field(name: &str) -> Option<&'static str> {
    const TABLE: &[(&str, &str)] = &[
        (
            "storageConfig",
            "remove it: the state is kept in the workspace; \
             only files with `apiVersion: mirror.openshift.io/v1alpha2` may still have it, and it is ignored there",
        ),
        ("ocp", "it is called `platform` now"),
        ("headsOnly", "remove it: heads of channels are the default; for everything use `full: true`"),
        ("startingVersion", "it is called `minVersion` now"),
        ("startingBundle", "use `minVersion`, or list bundles under `bundles`"),
        ("minBundle", "use `minVersion`, or list bundles under `bundles`"),
        ("targetName", "use `targetCatalog`"),
        ("originalRef", "remove it: only the catalog itself is needed"),
        ("versions", "list `channels` with `minVersion` and `maxVersion`"),
        ("skipPruning", "remove it: nothing is pruned, deleting is `oc-mirror delete`"),
    ];
    TABLE.iter().find(|(former, _)| former.eq_ignore_ascii_case(name)).map(|(_, help)| *help)
}
