//! Why a command line makes no sense.

use crate::log::ParseLevelError;
use mirror_plan::DestinationError;

/// Why a command line makes no sense. Texts follow `docs/behaviour/config-cli.md` 2.5 to 2.9 and 7.1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum UsageError {
    // Before any command.
    #[error("when --workspace is used, it must have file:// prefix")]
    WorkspacePrefix,
    #[error(transparent)]
    LogLevel(#[from] ParseLevelError),
    #[error("either OC_MIRROR_CACHE or --cache-dir can be used but not both")]
    TwoCaches,
    #[error("no directory for the cache: set --cache-dir, OC_MIRROR_CACHE or HOME")]
    NoCacheBase,

    // Credentials.
    #[error("--{0}-creds and --{0}-no-creds: creds and no-creds cannot be specified at the same time")]
    CredsAndNoCreds(&'static str),
    #[error("--{0}-username and --{0}-no-creds: username and no-creds cannot be specified at the same time")]
    UsernameAndNoCreds(&'static str),
    #[error("--{0}-creds and --{0}-username: creds and username cannot be specified at the same time")]
    CredsAndUsername(&'static str),
    #[error("--{0}-username: password must be specified when username is specified")]
    UsernameWithoutPassword(&'static str),
    #[error("--{0}-password: username must be specified when password is specified")]
    PasswordWithoutUsername(&'static str),
    #[error("--{0}-creds: credentials can't be empty, expected USER[:PASSWORD]")]
    EmptyCreds(&'static str),

    // Plans.
    #[error(
        "requires a destination, `file://<dir>` or `docker://<host>`, or a command: show, diff, sign, verify, schema"
    )]
    PlanWithoutDestination,
    #[error("expected `docker://HOST[:PORT]/REPOSITORY{ending}`, found `{text}`")]
    PlanReference { text: String, ending: &'static str },
    #[error(
        "--shard: expected `1/8` to `8/8`, `finish/8`, or `auto/8`, for any number of workers up to 1000; found `{0}`"
    )]
    Shard(String),
    #[error("--shard {0}: JOB_COMPLETION_INDEX is not set; Kubernetes sets it in the pods of an Indexed Job")]
    ShardWithoutIndex(String),
    #[error("--shard {shard}: JOB_COMPLETION_INDEX is `{index}`; 0 to {workers} are expected")]
    ShardIndex { shard: String, index: String, workers: usize },
    #[error(
        "expected a pushed plan by digest, `docker://HOST/REPOSITORY@sha256:...`, found `{0}`; `oc-mirror plan push` prints it"
    )]
    JobsPlan(String),
    #[error("--shards: expected 1 to 1000 workers, found {0}")]
    JobsShards(usize),

    // Mirroring.
    #[error("use the --config flag, it is mandatory")]
    NoConfig,
    #[error("when destination is file://, mirrorToDisk workflow is assumed, and the --from argument is not needed")]
    FromWithFileDestination,
    #[error("{place} contains an internal keyword '{word}': choose a path without it")]
    ReservedWord { place: &'static str, word: &'static str },
    #[error("when --from is used, it must have file:// prefix, found `{0}`")]
    FromPrefix(String),
    #[error("--since flag needs to be in format yyyy-MM-dd, found `{0}`")]
    Since(String),
    #[error("--dry-run and --dry-run-manifest-lists cannot be used together")]
    TwoDryRuns,
    #[error("--check goes with --dry-run: it says how the dry run ends")]
    CheckWithoutDryRun,
    #[error("the flag {0} must be between the range 1 to 10")]
    Parallel(&'static str),
    #[error(
        "when destination is file://, mirrorToDisk workflow is assumed, and the --workspace argument is not needed"
    )]
    WorkspaceWithFileDestination,
    #[error(
        "when destination is docker://, either --from (assumes disk to mirror workflow) or --workspace (assumes mirror to mirror workflow) need to be provided"
    )]
    NeitherFromNorWorkspace,
    #[error(
        "destination must have either file:// (mirror to disk) or docker:// (diskToMirror) protocol prefixes, found `{0}`"
    )]
    DestinationPrefix(String),
    #[error(
        "--no-cache is only for mirror to disk (a file:// destination): what goes to a registry is not kept in the cache, but manifests and rebuilt catalogs are"
    )]
    NoCacheToRegistry,
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error("`{0}` is no directory: expected a path, with or without file://")]
    NoDirectory(String),

    // Delete.
    #[error("use the --workspace flag, it is mandatory when using the delete command with the --generate flag")]
    DeleteWithoutWorkspace,
    #[error("the --config flag is mandatory when used with the --generate flag")]
    DeleteWithoutConfig,
    #[error("the --delete-yaml-file flag is mandatory when not using the --generate flag")]
    DeleteWithoutFile,
    #[error("the --delete-v1-images flag can only be used with the --generate flag")]
    DeleteV1WithoutGenerate,
    #[error("the destination registry is missing in the command arguments")]
    DeleteWithoutDestination,
    #[error("the destination registry argument must have a docker:// protocol prefix, found `{0}`")]
    DeletePrefix(String),

    // List and version.
    #[error("one of --catalog and --catalogs is needed, and not both")]
    ListCatalogOrCatalogs,
    #[error("--catalogs and --version must be used together")]
    ListCatalogsAndVersion,
    #[error("--package needs --catalog")]
    ListPackageWithoutCatalog,
    #[error("--channel needs --package")]
    ListChannelWithoutPackage,
    #[error("the chart is empty: name a folder, a package (.tgz), the URL of a package, or oci://REGISTRY/PATH/NAME")]
    ListChartEmpty,
    #[error("--version chooses among the charts of a registry (oci://); a folder or package has one version")]
    ListVersionOfPackage,
    #[error("{0:?}: repository name must be canonical, like `registry.redhat.io/redhat/redhat-operator-index:v4.20`")]
    ListCatalogNotCanonical(String),
    #[error("{0:?}: invalid reference format: {1}")]
    ListCatalogInvalid(String, String),
    #[error("failed to load catalog {0:?}: the reference has neither tag nor digest, append `:v4.20` or `@sha256:…`")]
    ListCatalogUntagged(String),
    #[error("--channels needs --version")]
    ListChannelsWithoutVersion,
    #[error("unknown architecture {0:?}: expected amd64, arm64, multi, ppc64le or s390x")]
    ListArchitecture(String),
    #[error("--output must be 'yaml' or 'json'")]
    VersionOutput,
}

impl UsageError {
    /// Whether the usage follows the message; for `delete` and `version` it does not.
    pub fn shows_usage(&self) -> bool {
        !matches!(
            self,
            Self::DeleteWithoutWorkspace
                | Self::DeleteWithoutConfig
                | Self::DeleteWithoutFile
                | Self::DeleteV1WithoutGenerate
                | Self::DeleteWithoutDestination
                | Self::DeletePrefix(_)
                | Self::VersionOutput
        )
    }
}
