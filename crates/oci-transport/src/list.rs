//! Lists: tags and referrers, page by page.

use std::collections::HashSet;

use http::HeaderValue;
use http::header::{ACCEPT, LINK};
use image_ref::Digest;
use serde::Deserialize;
use url::Url;

use crate::call::{Call, Reply};
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error};
use crate::link;
use crate::location::same_origin;
use crate::manifest::ManifestView;
use crate::media_type;

/// How many bytes one page may have: 8 MiB.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// How many pages are read. At 100 entries a page, a million entries.
const MAX_PAGES: usize = 10_000;

/// How many bytes all pages of a list may have together, since what they say is held in memory: 128 MiB.
const MAX_LIST_BYTES: usize = 128 * 1024 * 1024;

impl Client {
    /// All tags of a repository, in the registry's order. Mirrors are not asked (contract `release.md` 7.2).
    ///
    /// # Errors
    /// When the repository is not there or the list cannot be read.
    pub async fn list_tags(&self, at: &Endpoint) -> Result<Vec<String>, Error> {
        let action = format!("listing tags of `{at}`");
        let mut tags = Vec::new();
        self.pages(at, "tags/list?n=1000", None, &action, |page: TagPage| tags.extend(page.tags.unwrap_or_default()))
            .await?;
        Ok(tags)
    }

    /// The manifests that refer to `subject`, such as signatures. A registry without the referrers API is asked for the
    /// tag that the specification puts in its place. Empty when there are none.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn referrers(&self, at: &Endpoint, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let action = format!("listing referrers of `{at}@{subject}`");
        let (mut found, mut has_api) = (Vec::new(), false);
        let rest = format!("referrers/{subject}");
        let listed = self
            .pages(at, &rest, Some(media_type::OCI_INDEX), &action, |page: ReferrersPage| {
                has_api = true;
                found.extend(page.manifests);
            })
            .await;
        match listed {
            Ok(()) => Ok(found),
            // A registry that has given a page has the API: what is missing then is not in the tag either.
            Err(error)
                if !has_api && (error.is_not_found() || matches!(error.status_code(), Some(400 | 405 | 406))) =>
            {
                self.referrers_by_tag(at, subject, &action).await
            }
            Err(error) => Err(error),
        }
    }

    async fn referrers_by_tag(&self, at: &Endpoint, subject: &Digest, action: &str) -> Result<Vec<Descriptor>, Error> {
        let manifest = match self.pull_manifest_at(at, &Reference::Tag(subject.as_tag())).await {
            Ok(manifest) => manifest,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.with_action(action)),
        };
        match manifest.view() {
            Ok(ManifestView::Index(index)) => Ok(index.manifests.into_iter().map(|entry| entry.descriptor).collect()),
            // Something else of that name, such as an old signature.
            _ => Ok(Vec::new()),
        }
    }

    async fn pages<T: for<'de> Deserialize<'de>>(
        &self,
        at: &Endpoint,
        rest: &str,
        accept: Option<&'static str>,
        action: &str,
        mut take: impl FnMut(T),
    ) -> Result<(), Error> {
        let host = self.inner.host(at)?;
        let endless = |text: String| Error::new(Condition::Protocol, action, text).with_registry(&host.registry);
        let mut url: Option<Url> = None;
        let mut seen = HashSet::new();
        let mut total = 0;
        for _ in 0..MAX_PAGES {
            let mut retries = self.inner.retries(at);
            let (bytes, next) = loop {
                match self.page(&host, at, rest, url.clone(), accept, action).await {
                    Ok(page) => break page,
                    Err(error) => retries.again(error, 0).await?,
                }
            };
            let page = serde_json::from_slice(&bytes).map_err(|error| {
                Error::new(Condition::Protocol, action, format!("the list cannot be read: {error}"))
                    .with_registry(&host.registry)
                    .redacted(&self.inner.options.redactor)
            })?;
            take(page);
            total += bytes.len();
            if total > MAX_LIST_BYTES {
                return Err(endless(format!("the list is larger than {} MiB", MAX_LIST_BYTES / 1024 / 1024)));
            }
            match next {
                None => return Ok(()),
                // A registry that names the same page again would never end.
                Some(next) if url.as_ref() == Some(&next) => return Ok(()),
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(endless("the pages of the list go round in a circle".to_owned()));
                }
                Some(next) => url = Some(next),
            }
        }
        Err(endless(format!("the list has more than {MAX_PAGES} pages")))
    }

    async fn page(
        &self,
        host: &std::sync::Arc<crate::host::Host>,
        at: &Endpoint,
        rest: &str,
        url: Option<Url>,
        accept: Option<&'static str>,
        action: &str,
    ) -> Result<(bytes::Bytes, Option<Url>), Error> {
        let url = match url {
            Some(url) => url,
            None => self.inner.url(host, at, rest, action).await?,
        };
        let asked = url.clone();
        let mut call = Call::get(url, self.inner.scope(at), action, &self.inner.options);
        call.endpoint = Some(at);
        if let Some(accept) = accept {
            call.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        let reply = self.inner.call(host, call).await?;
        let mut next = next_page(&reply);
        // Credentials go with the next page, so it must be the registry's own. A registry behind a proxy may call itself
        // by another name or scheme than it was asked by: the same list there is the list here.
        if let (Some(page), Some(base)) = (&next, host.base.get())
            && !same_origin(page, base)
        {
            if page.path() != asked.path() {
                let message = "the next page of the list is at another host";
                return Err(Error::new(Condition::Redirect, action, message).with_registry(&host.registry));
            }
            let mut here = asked;
            here.set_query(page.query());
            next = Some(here);
        }
        Ok((reply.bytes(MAX_PAGE_BYTES, "list").await?, next))
    }
}

fn next_page(reply: &Reply) -> Option<Url> {
    let headers = reply.headers().get_all(LINK);
    let target = headers.iter().filter_map(|value| value.to_str().ok()).find_map(link::next)?;
    reply.url.join(&target).ok()
}

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ReferrersPage {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}
