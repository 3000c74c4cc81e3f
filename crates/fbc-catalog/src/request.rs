//! What is asked of a catalog: packages, channels, versions, bundles.

/// What to keep of one catalog. Nothing listed means the whole catalog: its heads, or with `full` everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Keep all versions instead of heads.
    pub full: bool,
    /// The packages to keep; empty keeps all.
    pub packages: Vec<PackageRequest>,
    /// Refuse a range or a list of bundles that breaks the upgrade graph of a channel, rather than keep the entries that
    /// hold it together.
    pub strict: bool,
}

/// What to keep of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageRequest {
    /// The package.
    pub name: String,
    /// The default channel of the result, where it shall differ from the catalog's.
    pub default_channel: Option<String>,
    /// The lowest version to keep, included.
    pub min_version: Option<String>,
    /// The highest version to keep, included.
    pub max_version: Option<String>,
    /// The channels to keep; empty means what the rule set says.
    pub channels: Vec<ChannelRequest>,
    /// The names of the bundles to keep; not together with channels, versions or `full`.
    pub bundles: Vec<String>,
}

/// What to keep of one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelRequest {
    /// The channel.
    pub name: String,
    /// The lowest version to keep, included.
    pub min_version: Option<String>,
    /// The highest version to keep, included.
    pub max_version: Option<String>,
}

/// How versions are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RuleSet {
    /// As Red Hat documents it: the head of the default channel; ranges choose by version inside the
    /// default channel or the named ones.
    #[default]
    VersionRange,
    /// The rules of the current upstream program (`docs/behaviour/operators-archive.md` 2.3): the heads of all channels;
    /// ranges follow the upgrade graph and keep what an upgrade passes through.
    UpgradeGraph,
}
