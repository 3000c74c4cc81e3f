//! The place of a request, as errors name it: scheme, host and port, and the proxy on the way there.

use std::fmt;
use std::path::PathBuf;

use super::hint::Side;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `host[:port]` of the registry that led there.
    pub(crate) registry: String,
    /// `host[:port]`, as a folder below `certs.d` is called.
    pub(crate) host: String,
    /// `scheme://host:port`.
    pub(crate) origin: String,
    /// The address of the proxy, without user information, and the variable it came from.
    pub(crate) proxy: Option<(String, &'static str)>,
    /// Whether it has never answered this client.
    pub(crate) is_fresh: bool,
    /// The file that an authority for this host belongs into.
    pub(crate) authority: PathBuf,
    pub(crate) side: Side,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}
