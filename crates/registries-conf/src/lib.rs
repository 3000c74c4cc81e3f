//! registries.conf, short names, auth files, certs.d, registries.d and policy.json: merge, match, resolve.
//!
//! Pure: text and paths in, decisions out. Someone else reads files (in the order [`locations`] says), runs helper
//! programs and opens connections; this crate says which, and what the answers mean.
//!
//! - [`RegistriesConf`] merges registries.conf layers; [`RegistriesConf::resolve`] turns the name that was asked for into
//!   the names to contact, mirrors first.
//! - [`CredentialChain`] and [`AuthFile`] find credentials for a repository, from the most specific key to the host.
//!
//! ```
//! use image_ref::ImageRef;
//! use registries_conf::{Layer, RegistriesConf};
//!
//! let conf = RegistriesConf::from_layers(&[Layer::new("registries.conf", r#"
//!     [[registry]]
//!     location = "quay.io"
//!     [[registry.mirror]]
//!     location = "mirror.lab:5000"
//! "#)]).unwrap();
//! let sources = conf.resolve(&ImageRef::parse("quay.io/foo/bar:1").unwrap()).unwrap();
//! let names: Vec<_> = sources.iter().map(|source| source.image.to_string()).collect();
//! assert_eq!(names, ["mirror.lab:5000/foo/bar:1", "quay.io/foo/bar:1"]);
//! assert!(sources[0].mirror && !sources[1].mirror);
//! ```

mod auth;
mod layer;
mod registries;

pub use auth::{AuthFile, AuthFileError, CredentialChain, Credentials, Helper, HelperError, Lookup, Secret};
pub use layer::{Layer, Origin, Position};
pub use registries::{
    AUTH_FILES_HELPER, Blocked, Error, ErrorKind, Mirror, PullFromMirror, PullSource, RegistriesConf, Registry,
    ResolveError, ShortName, ShortNameError, ShortNameMode,
};
