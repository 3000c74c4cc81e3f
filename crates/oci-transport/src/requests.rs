//! How many requests a client has made, by host and kind.
//!
//! Public registries count requests, and refuse further ones when there were too many. What counts is each request that was
//! sent: attempts, challenges and redirects included.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use url::Url;

/// Requests to one host. Members that are zero are left out of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// For manifests: looks, reads, writes and deletions.
    #[serde(skip_serializing_if = "is_zero")]
    pub manifests: u64,
    /// For blobs: looks, reads and deletions.
    #[serde(skip_serializing_if = "is_zero")]
    pub blobs: u64,
    /// For uploads of blobs, mounts included.
    #[serde(skip_serializing_if = "is_zero")]
    pub uploads: u64,
    /// For pages of lists of tags.
    #[serde(skip_serializing_if = "is_zero")]
    pub tags: u64,
    /// For pages of lists of referrers.
    #[serde(skip_serializing_if = "is_zero")]
    pub referrers: u64,
    /// For tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// For anything else: the first contact, update graphs, signatures of releases.
    #[serde(skip_serializing_if = "is_zero")]
    pub other: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl RequestCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.manifests + self.blobs + self.uploads + self.tags + self.referrers + self.tokens + self.other
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Manifest,
    Blob,
    Upload,
    Tags,
    Referrers,
    Token,
    Other,
}

impl Purpose {
    /// What a path of the distribution API is for.
    pub(crate) fn of(url: &Url) -> Self {
        let path = url.path();
        let Some(rest) = path.strip_prefix("/v2/") else { return Self::Other };
        // Names of repositories may contain any of these words, references none of them.
        let (name, reference) = rest.rsplit_once('/').unwrap_or(("", rest));
        match name.rsplit('/').next() {
            _ if rest.contains("/blobs/uploads/") => Self::Upload,
            Some("manifests") => Self::Manifest,
            Some("blobs") => Self::Blob,
            Some("referrers") => Self::Referrers,
            Some("tags") if reference == "list" => Self::Tags,
            _ => Self::Other,
        }
    }
}

/// The counts of a client.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<String, RequestCounts>>);

impl Requests {
    /// One more request to the host of `url`.
    pub(crate) fn count(&self, url: &Url, purpose: Purpose) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = hosts.entry(crate::address::host_of(url)).or_default();
        *match purpose {
            Purpose::Manifest => &mut counts.manifests,
            Purpose::Blob => &mut counts.blobs,
            Purpose::Upload => &mut counts.uploads,
            Purpose::Tags => &mut counts.tags,
            Purpose::Referrers => &mut counts.referrers,
            Purpose::Token => &mut counts.tokens,
            Purpose::Other => &mut counts.other,
        } += 1;
    }

    pub(crate) fn so_far(&self) -> BTreeMap<String, RequestCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_of_paths() {
        let check = |path: &str, expected: Purpose| {
            let url = Url::parse(&format!("https://reg.io{path}")).unwrap();
            assert_eq!(Purpose::of(&url), expected, "{path}");
        };
        check("/v2/", Purpose::Other);
        check("/v2/_catalog", Purpose::Other);
        check("/v2/ns/app/manifests/v1", Purpose::Manifest);
        check("/v2/ns/blobs/manifests/sha256:00", Purpose::Manifest);
        check("/v2/ns/app/blobs/sha256:00", Purpose::Blob);
        check("/v2/ns/app/blobs/uploads/", Purpose::Upload);
        check("/v2/ns/app/blobs/uploads/6a1f", Purpose::Upload);
        check("/v2/ns/app/tags/list", Purpose::Tags);
        check("/v2/ns/tags/manifests/list", Purpose::Manifest);
        check("/v2/ns/app/referrers/sha256:00", Purpose::Referrers);
        check("/token", Purpose::Other);
    }

    #[test]
    fn counts_by_host() {
        let requests = Requests::default();
        for (url, purpose) in [
            ("https://reg.io/v2/a/tags/list", Purpose::Tags),
            ("https://reg.io:8443/v2/a/tags/list", Purpose::Tags),
            ("https://reg.io/token", Purpose::Token),
        ] {
            requests.count(&Url::parse(url).unwrap(), purpose);
        }
        let so_far = requests.so_far();
        assert_eq!(so_far.keys().collect::<Vec<_>>(), ["reg.io", "reg.io:8443"]);
        assert_eq!(so_far["reg.io"], RequestCounts { tags: 1, tokens: 1, ..RequestCounts::default() });
        assert_eq!(so_far["reg.io"].total(), 2);
        assert_eq!(serde_json::to_string(&so_far["reg.io:8443"]).unwrap(), r#"{"tags":1}"#);
    }
}
