//! From the TOML of one file to checked tables, merged into what earlier files said.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Mirror, PullFromMirror, RegistriesConf, Registry, ShortNameMode, short_names, wire};
use crate::layer::{Layer, Origin, Position};

/// A mistake in a registries.conf file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {kind}")]
#[non_exhaustive]
pub struct Error {
    /// The file, with line and column when the parser can say.
    pub origin: Origin,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What can be wrong with a registries.conf file (`docs/behaviour/release.md` 7.3, "Validation").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ErrorKind {
    #[error("invalid TOML: {0}")]
    Syntax(String),
    #[error(
        "registries.conf must be in v2 format but is in v1: replace `[registries.search]` by \
         `unqualified-search-registries`, and `[registries.insecure]` and `[registries.block]` by `[[registry]]` tables"
    )]
    Version1,
    #[error("invalid location `{0}`: URI schemes are not supported, write `host[:port][/path]`")]
    Scheme(String),
    #[error("invalid condition: both location and prefix are unset")]
    Empty,
    #[error("invalid condition: location is unset and prefix `{0}` is not in the format `*.example.com`")]
    LocationMissing(String),
    #[error("wildcarded prefix should be in the format `*.example.com`, found `{0}`")]
    Wildcard(String),
    #[error(
        "`pull-from-mirror` must not be set for the non-mirror registry `{0}`: move it into a `[[registry.mirror]]`"
    )]
    PullFromMirrorOnRegistry(String),
    #[error("invalid condition: mirror location is unset, for the registry `{0}`")]
    MirrorLocationMissing(String),
    #[error(
        "cannot set `mirror-by-digest-only` for the registry `{0}` and `pull-from-mirror` for its mirror `{1}` at the same time"
    )]
    MirrorConflict(String, String),
    #[error("unsupported `pull-from-mirror` value `{0}` for mirror `{1}`: expected `all`, `digest-only` or `tag-only`")]
    PullFromMirror(String, String),
    #[error("registry `{0}` is defined multiple times with conflicting `{1}` setting")]
    Conflict(String, &'static str),
    #[error("invalid unqualified-search-registries entry `{0}`: expected `host[:port]`")]
    SearchRegistry(String),
    #[error("invalid short-name mode `{0}`: expected `disabled`, `enforcing` or `permissive`")]
    ShortNameMode(String),
    #[error("invalid short name `{0}`: {1}")]
    AliasName(String, &'static str),
    #[error("invalid alias `{0}`: {1}")]
    AliasValue(String, &'static str),
}

/// Reads one file and merges it into `merged`; nothing is merged when the file has a mistake.
pub(super) fn merge_layer(merged: &mut RegistriesConf, layer: &Layer) -> Result<(), Error> {
    let reader = Reader { layer };
    let file: wire::File = toml::from_str(&layer.text).map_err(|error| {
        reader.error(error.span().map(|span| span.start), ErrorKind::Syntax(error.message().into()))
    })?;
    if file.version_1.says_something() {
        return Err(reader.error(None, ErrorKind::Version1));
    }
    let registries = reader.registries(&file.registries)?;
    let search = file.unqualified_search.as_deref().map(|entries| reader.search(entries)).transpose()?;
    let mode = file.short_name_mode.as_ref().map(|mode| reader.short_name_mode(mode)).transpose()?.flatten();
    let aliases = reader.aliases(&file.aliases)?;

    for registry in registries {
        merged.registries.insert(registry.prefix.clone(), registry);
    }
    if let Some(search) = search {
        merged.unqualified_search = search;
        merged.unqualified_search_layer = Some(layer.name.clone());
    }
    if let Some(helpers) = file.credential_helpers {
        merged.credential_helpers = Some(helpers);
    }
    if !file.additional_layer_store_auth_helper.is_empty() {
        merged.additional_layer_store_auth_helper = Some(file.additional_layer_store_auth_helper);
    }
    merged.short_name_mode = mode.or(merged.short_name_mode);
    for (name, target) in aliases {
        match target {
            Some(target) => merged.aliases.insert(name, (target, layer.name.clone())),
            None => merged.aliases.remove(&name),
        };
    }
    merged.layers.push(layer.name.clone());
    Ok(())
}

struct Reader<'a> {
    layer: &'a Layer,
}

impl Reader<'_> {
    fn origin(&self, offset: Option<usize>) -> Origin {
        Origin::new(&self.layer.name, offset.map(|offset| Position::of_byte(&self.layer.text, offset)))
    }

    fn error(&self, offset: Option<usize>, kind: ErrorKind) -> Error {
        Error { origin: self.origin(offset), kind }
    }

    fn error_at<T>(&self, spanned: &Spanned<T>, kind: ErrorKind) -> Error {
        self.error(Some(spanned.span().start), kind)
    }

    /// The tables of one file. Of several with one prefix the first counts; all must agree on `insecure` and `blocked`
    /// with the others of their location.
    fn registries(&self, tables: &[Spanned<wire::Registry>]) -> Result<Vec<Registry>, Error> {
        let mut registries: Vec<Registry> = Vec::new();
        let mut by_location: BTreeMap<String, (bool, bool)> = BTreeMap::new();
        for table in tables {
            let registry = self.registry(table)?;
            let place = registry.location.as_ref().unwrap_or(&registry.prefix).clone();
            let (insecure, blocked) =
                *by_location.entry(place.clone()).or_insert((registry.insecure, registry.blocked));
            if registry.insecure != insecure {
                return Err(self.error_at(table, ErrorKind::Conflict(place, "insecure")));
            }
            if registry.blocked != blocked {
                return Err(self.error_at(table, ErrorKind::Conflict(place, "blocked")));
            }
            if !registries.iter().any(|earlier| earlier.prefix == registry.prefix) {
                registries.push(registry);
            }
        }
        Ok(registries)
    }

    fn registry(&self, table: &Spanned<wire::Registry>) -> Result<Registry, Error> {
        let raw = table.get_ref();
        let location = self.place(raw.location.as_ref())?;
        let prefix = self.place(raw.prefix.as_ref())?;
        let prefix = match (prefix, &location) {
            (Some(prefix), Some(_)) => prefix,
            (Some(prefix), None) if prefix.starts_with("*.") => prefix,
            (Some(prefix), None) => return Err(self.error_at(table, ErrorKind::LocationMissing(prefix))),
            (None, Some(location)) => location.clone(),
            (None, None) => return Err(self.error_at(table, ErrorKind::Empty)),
        };
        if prefix.starts_with("*.") && prefix.contains(['/', '@', ':']) {
            return Err(self.error_at(table, ErrorKind::Wildcard(prefix)));
        }
        if let Some(setting) = raw.pulls.as_ref().filter(|setting| !setting.get_ref().is_empty()) {
            return Err(self.error_at(setting, ErrorKind::PullFromMirrorOnRegistry(prefix)));
        }
        let mirrors = raw
            .mirrors
            .iter()
            .map(|mirror| self.mirror(mirror, &prefix, raw.mirror_by_digest_only))
            .collect::<Result<_, _>>()?;
        let origin = self.origin(Some(table.span().start));
        Ok(Registry { prefix, location, insecure: raw.insecure, blocked: raw.blocked, mirrors, origin })
    }

    fn mirror(&self, table: &Spanned<wire::Mirror>, prefix: &str, by_digest_only: bool) -> Result<Mirror, Error> {
        let raw = table.get_ref();
        let Some(location) = self.place(raw.location.as_ref())? else {
            return Err(self.error_at(table, ErrorKind::MirrorLocationMissing(prefix.into())));
        };
        let setting = raw.pulls.as_ref().filter(|setting| !setting.get_ref().is_empty());
        if let Some(setting) = setting
            && by_digest_only
        {
            return Err(self.error_at(setting, ErrorKind::MirrorConflict(prefix.into(), location)));
        }
        let pull_from_mirror = match setting.map(|setting| (setting, setting.get_ref().as_str())) {
            None if by_digest_only => PullFromMirror::DigestOnly,
            None | Some((_, "all")) => PullFromMirror::All,
            Some((_, "digest-only")) => PullFromMirror::DigestOnly,
            Some((_, "tag-only")) => PullFromMirror::TagOnly,
            Some((setting, other)) => {
                return Err(self.error_at(setting, ErrorKind::PullFromMirror(other.into(), location)));
            }
        };
        Ok(Mirror { location, insecure: raw.insecure, pull_from_mirror })
    }

    /// A prefix or location without trailing slashes; empty is as good as absent.
    fn place(&self, value: Option<&Spanned<String>>) -> Result<Option<String>, Error> {
        let Some(value) = value else { return Ok(None) };
        let trimmed = value.get_ref().trim_end_matches('/');
        if value.get_ref().starts_with("http://") || value.get_ref().starts_with("https://") {
            return Err(self.error_at(value, ErrorKind::Scheme(value.get_ref().clone())));
        }
        Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
    }

    fn search(&self, entries: &[Spanned<String>]) -> Result<Vec<String>, Error> {
        let mut registries = Vec::with_capacity(entries.len());
        for entry in entries {
            let registry = self.place(Some(entry))?.unwrap_or_default();
            // A repository needs a path, so a registry is checked by giving it one.
            if image_ref::Repository::new(registry.as_str(), "x").is_err() {
                return Err(self.error_at(entry, ErrorKind::SearchRegistry(registry)));
            }
            registries.push(registry);
        }
        Ok(registries)
    }

    fn short_name_mode(&self, mode: &Spanned<String>) -> Result<Option<ShortNameMode>, Error> {
        match mode.get_ref().as_str() {
            "" => Ok(None),
            "disabled" => Ok(Some(ShortNameMode::Disabled)),
            "enforcing" => Ok(Some(ShortNameMode::Enforcing)),
            "permissive" => Ok(Some(ShortNameMode::Permissive)),
            other => Err(self.error_at(mode, ErrorKind::ShortNameMode(other.into()))),
        }
    }

    /// The aliases of one file; `None` erases what earlier files said.
    fn aliases(&self, table: &BTreeMap<Spanned<String>, Spanned<String>>) -> Result<Aliases, Error> {
        let mut aliases = Vec::with_capacity(table.len());
        for (name, value) in table {
            short_names::check_name(name.get_ref())
                .map_err(|why| self.error_at(name, ErrorKind::AliasName(name.get_ref().clone(), why)))?;
            let target = match value.get_ref().as_str() {
                "" => None,
                target => Some(
                    short_names::parse_target(target)
                        .map_err(|why| self.error_at(value, ErrorKind::AliasValue(target.into(), why)))?,
                ),
            };
            aliases.push((name.get_ref().clone(), target));
        }
        Ok(aliases)
    }
}

type Aliases = Vec<(String, Option<image_ref::Repository>)>;
