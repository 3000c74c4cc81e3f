//! What a request is about: the path of the distribution API taken apart.

/// The kind of thing a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `/v2/`, the version check.
    Ping,
    /// The token server.
    Token,
    /// `/v2/NAME/manifests/REFERENCE`.
    Manifest,
    /// `/v2/NAME/blobs/DIGEST`.
    Blob,
    /// `/v2/NAME/blobs/uploads/` and the sessions below it.
    Upload,
    /// `/v2/NAME/tags/list`.
    Tags,
    /// `/v2/NAME/referrers/DIGEST`.
    Referrers,
    /// `/v2/_catalog`.
    Catalog,
    /// A blob at the second server, the target of [`Effect::RedirectToCdn`](super::Effect::RedirectToCdn).
    Cdn,
    /// Everything else.
    Other,
}

/// Paths below which the registry answers as if they were not there: where some registries lead uploads.
pub(super) const UPLOAD_PATHS: [&str; 2] = ["/repository/docker-hosted", "/artifacts-uploads"];

/// A classified path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// The repository, empty when the path names none.
    pub(super) repository: String,
    /// Tag, digest or session, empty when the path names none.
    pub(super) reference: String,
}

impl Target {
    pub(super) fn of(path: &str) -> Self {
        let new = |kind, repository: &str, reference: &str| Self {
            kind,
            repository: repository.to_owned(),
            reference: reference.to_owned(),
        };
        let path = UPLOAD_PATHS.iter().find_map(|below| path.strip_prefix(below)).unwrap_or(path);
        if path == "/token" {
            return new(Kind::Token, "", "");
        }
        if let Some((repository, reference)) = path.strip_prefix("/cdn/").and_then(|rest| rest.rsplit_once('/')) {
            return new(Kind::Cdn, repository, reference);
        }
        let Some(rest) = path.strip_prefix("/v2") else { return new(Kind::Other, "", "") };
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.is_empty() {
            return new(Kind::Ping, "", "");
        }
        if rest == "_catalog" {
            return new(Kind::Catalog, "", "");
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return new(Kind::Tags, repository, "");
        }
        if let Some(at) = rest.rfind("/blobs/uploads") {
            let session = rest[at + "/blobs/uploads".len()..].trim_start_matches('/');
            return new(Kind::Upload, &rest[..at], session);
        }
        for (infix, kind) in
            [("/manifests/", Kind::Manifest), ("/blobs/", Kind::Blob), ("/referrers/", Kind::Referrers)]
        {
            if let Some(at) = rest.rfind(infix) {
                return new(kind, &rest[..at], &rest[at + infix.len()..]);
            }
        }
        new(Kind::Other, "", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        fn check(path: &str, kind: Kind, repository: &str, reference: &str) {
            let expected = Target { kind, repository: repository.into(), reference: reference.into() };
            assert_eq!(Target::of(path), expected, "{path}");
        }
        check("/v2/", Kind::Ping, "", "");
        check("/v2", Kind::Ping, "", "");
        check("/token", Kind::Token, "", "");
        check("/v2/_catalog", Kind::Catalog, "", "");
        check("/v2/a/b/tags/list", Kind::Tags, "a/b", "");
        check("/v2/a/manifests/v1", Kind::Manifest, "a", "v1");
        check("/v2/a/manifests/manifests/x", Kind::Manifest, "a/manifests", "x");
        check("/v2/a/blobs/sha256:00", Kind::Blob, "a", "sha256:00");
        check("/v2/a/b/blobs/uploads/", Kind::Upload, "a/b", "");
        check("/v2/a/b/blobs/uploads/7", Kind::Upload, "a/b", "7");
        check("/v2/a/referrers/sha256:00", Kind::Referrers, "a", "sha256:00");
        check("/artifacts-uploads/v2/a/b/blobs/uploads/7", Kind::Upload, "a/b", "7");
        check("/cdn/a/b/sha256:00", Kind::Cdn, "a/b", "sha256:00");
        check("/", Kind::Other, "", "");
    }
}
