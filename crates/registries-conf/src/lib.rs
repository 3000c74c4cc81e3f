//! registries.conf, short names, auth files, certs.d, registries.d and policy.json: merge, match, resolve.
//!
//! Pure: text and paths in, decisions out. Someone else reads files (in the order [`locations`] says), runs helper
//! programs and opens connections; this crate says which, and what the answers mean.
//!
//! - [`RegistriesConf`] merges registries.conf layers; [`RegistriesConf::resolve`] turns the name that was asked for into
//!   the names to contact, mirrors first.
//! - [`CredentialChain`] and [`AuthFile`] find credentials for a repository, from the most specific key to the host.
//! - [`Policy`] says what an image must prove; [`RegistriesD`] says where its signatures lie; [`HostCerts`] sorts the
//!   files of a certs.d folder.
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
//!
//! The crate knows no file system, no environment, no network and no process. Whether a signature is good is not its
//! question either.
//!
//! ## Deviations
//! From containers/image as `docs/behaviour/release.md` 7 describes it:
//! - A wildcard prefix `*.d` matches a `.d` at the end of the host, where upstream looks at the first `.d` only, so that
//!   `*.com` matches `a.com.com`.
//! - `credsStore` of a docker configuration is honoured, where docker honours it and upstream does not; so are
//!   `registrytoken` and `username` with `password` in an entry.
//! - An auth entry that cannot be decoded is a warning about that entry, never the end of the run, and messages about auth
//!   files never quote them.
//! - A lookaside that is neither `file:///…` nor `http(s)://…` is refused when it is asked for, not when it is used.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod auth;
mod base64;
mod certs;
mod layer;
pub mod locations;
mod lookaside;
mod object;
pub mod policy;
mod registries;
mod scopes;

pub use auth::{AuthFile, AuthFileError, CredentialChain, Credentials, Helper, HelperError, Lookup, Secret};
pub use certs::{CertsError, ClientPair, HostCerts};
pub use layer::{Layer, Origin, Position};
pub use lookaside::{Lookaside, LookasideError, RegistriesD, RegistriesDError};
pub use policy::{Policy, PolicyError};
pub use registries::{
    AUTH_FILES_HELPER, Blocked, Error, ErrorKind, Mirror, PullFromMirror, PullSource, RegistriesConf, Registry,
    ResolveError, ShortName, ShortNameError, ShortNameMode,
};
pub use scopes::registry_scopes;
