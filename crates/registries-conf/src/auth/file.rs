//! One auth file: `auth.json`, docker's `config.json`, or the older `.dockercfg`.

use std::collections::BTreeMap;

use image_ref::Repository;
use serde::Deserialize;

use super::{Credentials, Helper, Secret};
use crate::base64::base64_of;
use crate::object::{Entries, Object};

/// The content of one auth file. Its secrets are decoded when parsed and cannot be printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthFile {
    /// Key as written to what it holds; `None` when the entry holds nothing usable.
    auths: BTreeMap<String, Option<Credentials>>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
    legacy: bool,
    warnings: Vec<String>,
}

/// What an auth file knows about a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The credentials stand in the file.
    Found(Credentials),
    /// A helper program has to be asked: the one that `credHelpers` names for this registry.
    Helper(Helper),
    /// The helper program that `credsStore` names for all registries may know. Docker Desktop leaves that setting behind, so
    /// a program that is not there knows nothing.
    Store(Helper),
}

/// A text is no auth file. The message never carries content, only a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum AuthFileError {
    #[error(
        "duplicate key `{key}`: the same object has it twice, the second time at line {line}, column {column}; keep one of them"
    )]
    Duplicate { key: String, line: usize, column: usize },
    #[error("invalid JSON at line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error(
        "not an auth file: a value of the wrong type is at line {line}, column {column}; \
         expected `{{\"auths\": {{\"host\": {{\"auth\": \"…\"}}}}}}`"
    )]
    Shape { line: usize, column: usize },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFile {
    auths: Option<Entries<Option<Object<RawEntry>>>>,
    #[serde(rename = "credHelpers")]
    cred_helpers: Option<Entries<String>>,
    #[serde(rename = "credsStore")]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawEntry {
    auth: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl AuthFile {
    /// Parses `auth.json` or docker's `config.json`. An empty text is an empty file.
    ///
    /// # Errors
    /// When the text is no JSON, or JSON of another shape. A single entry that cannot be used is no error: see
    /// [`AuthFile::warnings`].
    pub fn parse(text: &str) -> Result<Self, AuthFileError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let Object(raw): Object<RawFile> =
            serde_json::from_str(text).map_err(|error| AuthFileError::from_json(&error))?;
        let mut file = Self::from_entries(raw.auths.unwrap_or_default());
        let helpers = raw.cred_helpers.unwrap_or_default();
        file.warnings.extend(helpers.warnings());
        file.cred_helpers = helpers.last;
        file.creds_store = raw.creds_store.filter(|name| !name.is_empty());
        let helpers = file.cred_helpers.values().chain(&file.creds_store);
        let unusable: Vec<_> = helpers.filter(|name| Helper::new(name, "").is_none()).collect();
        if !unusable.is_empty() {
            file.warnings.push(format!("credential helper names {unusable:?} are ignored: a helper is named by letters, digits, `.`, `_` and `-`"));
        }
        Ok(file)
    }

    /// Parses docker's old `.dockercfg`: a bare map from server to entry, in which only whole hosts are looked up.
    ///
    /// # Errors
    /// When the text is no JSON, or JSON of another shape.
    pub fn parse_legacy(text: &str) -> Result<Self, AuthFileError> {
        if text.trim().is_empty() {
            return Ok(Self { legacy: true, ..Self::default() });
        }
        let raw: Entries<Option<Object<RawEntry>>> =
            serde_json::from_str(text).map_err(|error| AuthFileError::from_json(&error))?;
        Ok(Self { legacy: true, ..Self::from_entries(raw) })
    }

    fn from_entries(entries: Entries<Option<Object<RawEntry>>>) -> Self {
        let mut file = Self { warnings: entries.warnings().collect(), ..Self::default() };
        for (key, entry) in entries.last {
            let credentials = match entry.unwrap_or_default().0.decode() {
                Ok(credentials) => credentials,
                Err(why) => {
                    file.warnings.push(format!("the entry `{key}` is ignored: {why}"));
                    None
                }
            };
            file.auths.insert(key, credentials);
        }
        file
    }

    /// Entries that cannot be used, in words fit for a log: they name keys, never values.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The keys of `auths`, as written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.auths.keys().map(String::as_str)
    }

    /// What this file knows about `repository`, in the order of `docs/behaviour/release.md` 7.4: `credHelpers` of the
    /// host, then the keys `host/ns/repo`, `host/ns`, …, `host`, then keys that are URLs or other names of Docker Hub,
    /// then `credsStore`.
    pub fn credentials_for(&self, repository: &Repository) -> Option<Lookup> {
        self.lookup(repository.registry(), repository.path())
    }

    /// What this file knows about a whole registry, `host[:port]`.
    pub fn credentials_for_registry(&self, registry: &str) -> Option<Lookup> {
        self.lookup(registry, "")
    }

    fn lookup(&self, registry: &str, path: &str) -> Option<Lookup> {
        if let Some(name) = self.cred_helpers.get(registry) {
            return Helper::new(name, registry).map(Lookup::Helper);
        }
        if let Some(Some(credentials)) = self.entry(registry, path) {
            return Some(Lookup::Found(credentials.clone()));
        }
        // Docker leaves empty entries behind for what it moved into the store, so those count as absent here.
        let server = if is_docker_hub(registry) { "https://index.docker.io/v1/" } else { registry };
        Helper::new(self.creds_store.as_deref()?, server).map(Lookup::Store)
    }

    fn entry(&self, registry: &str, path: &str) -> Option<&Option<Credentials>> {
        if !self.legacy && !path.is_empty() {
            let mut path = path;
            loop {
                if let Some(entry) = self.auths.get(&format!("{registry}/{path}")) {
                    return Some(entry);
                }
                let Some((parent, _)) = path.rsplit_once('/') else { break };
                path = parent;
            }
        }
        if let Some(entry) = self.auths.get(registry) {
            return Some(entry);
        }
        let wanted = hub_name(registry);
        self.auths.iter().find(|(key, _)| self.host_of_key(key) == wanted).map(|(_, entry)| entry)
    }

    /// The host a key is about once scheme and path of a URL are gone. Keys with a path and no scheme are namespaces, and
    /// stay what they are.
    fn host_of_key<'a>(&self, key: &'a str) -> &'a str {
        let bare = key.strip_prefix("http://").unwrap_or(key);
        let bare = bare.strip_prefix("https://").unwrap_or(bare);
        let host = if self.legacy || bare.len() != key.len() { bare.split('/').next().unwrap_or(bare) } else { bare };
        hub_name(host)
    }
}

fn is_docker_hub(registry: &str) -> bool {
    hub_name(registry) == "index.docker.io"
}

/// Docker Hub goes by three names; the oldest one stands for all.
fn hub_name(registry: &str) -> &str {
    match registry {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        other => other,
    }
}

impl RawEntry {
    /// The strongest credentials of the entry, `None` when it is empty. The error says why it cannot be used, without
    /// content.
    fn decode(self) -> Result<Option<Credentials>, &'static str> {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = some(self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(Secret::new(token))));
        }
        if let Some(token) = some(self.registrytoken) {
            return Ok(Some(Credentials::Bearer(Secret::new(token))));
        }
        let Some(auth) = some(self.auth) else {
            return Ok(some(self.username).map(|user| Credentials::basic(user, self.password.unwrap_or_default())));
        };
        let decoded = base64_of(auth.trim()).map_err(|_| "its `auth` is not base64")?;
        let decoded = String::from_utf8(decoded).map_err(|_| "its `auth` is not UTF-8 text")?;
        let (username, password) =
            decoded.split_once(':').ok_or("its `auth` has no colon between user and password")?;
        Ok(Some(Credentials::basic(username, password.trim_matches('\0'))))
    }
}

impl AuthFileError {
    /// Only the position is taken over: the text of a JSON error quotes the value it did not like.
    fn from_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // The keys that are told so are names of this format, not content.
        let text = error.to_string();
        if let Some(key) = text.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next()) {
            return Self::Duplicate { key: key.to_owned(), line, column };
        }
        if error.is_data() { Self::Shape { line, column } } else { Self::Syntax { line, column } }
    }
}
