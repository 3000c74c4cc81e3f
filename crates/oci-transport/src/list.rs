//! Lists: tags and referrers, page by page.

use std::collections::HashSet;

use http::HeaderValue;
use http::header::{ACCEPT, LINK};
use image_ref::Digest;
use oci_manifest::{Descriptor, ManifestView, media_type};
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use crate::call::{Call, Reply};
use crate::client::Client;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error};
use crate::link;
use crate::location::same_origin;

/// How many bytes one page may have: 8 MiB.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// How many pages are read. At 100 entries a page, a million entries.
const MAX_PAGES: usize = 10_000;

/// Most pages of referrers of one manifest: signatures, attestations and SBOMs are few.
const MAX_REFERRER_PAGES: usize = 256;

/// How many bytes all pages of a list may have together, since what they say is held in memory: 128 MiB.
const MAX_LIST_BYTES: usize = 128 * 1024 * 1024;

impl Client {
    /// All tags of a repository, in the registry's order. Mirrors are not asked (`docs/behaviour/release.md` 7.2).
    ///
    /// # Errors
    /// When the repository is not there or the list cannot be read.
    pub async fn list_tags(&self, at: &Endpoint) -> Result<Vec<String>, Error> {
        Ok(self.list_tags_within(at, MAX_PAGES).await?.unwrap_or_default())
    }

    /// All tags of a repository, or `None` when the registry needs more than `pages` pages for them. The first page tells
    /// whether there is another one, so with `pages` = 1 one request is made at most.
    ///
    /// # Errors
    /// When the repository is not there or the list cannot be read.
    pub async fn list_tags_within(&self, at: &Endpoint, pages: usize) -> Result<Option<Vec<String>>, Error> {
        let action = format!("listing tags of `{at}`");
        let (mut tags, mut left, mut whole) = (Vec::new(), pages.min(MAX_PAGES), true);
        self.pages(at, ("tags/list?n=1000", None, MAX_PAGES), &action, |page| {
            let listed: TagPage = serde_json::from_slice(&page.bytes)?;
            tags.extend(listed.tags.unwrap_or_default());
            left = left.saturating_sub(1);
            whole = page.next.is_none() || left > 0;
            Ok(whole)
        })
        .await?;
        if !whole && pages >= MAX_PAGES {
            let text = format!("the list has more than {MAX_PAGES} pages");
            return Err(Error::new(Condition::Protocol, action, text).with_registry(at.repository().registry()));
        }
        Ok(whole.then_some(tags))
    }

    /// The manifests that refer to `subject`, such as signatures. A registry without the referrers API is asked for the
    /// tag that the specification puts in its place. Empty when there are none.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn referrers(&self, at: &Endpoint, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        match self.referrers_by_api(at, subject).await? {
            Some(found) => Ok(found),
            None => self.referrers_by_tag(at, subject).await,
        }
    }

    /// What the referrers API lists (distribution specification, "Listing Referrers"); `None` when the registry does not
    /// have the API for this manifest.
    ///
    /// Only an OCI index is an answer of the API. A page of a web server, the page of a login, `null` or a refusal say that
    /// there is no API. Whether a host has the API is learned from its first answer: a host without it is not asked again.
    ///
    /// # Errors
    /// When the registry cannot be reached, or a list of the API cannot be read.
    pub async fn referrers_by_api(&self, at: &Endpoint, subject: &Digest) -> Result<Option<Vec<Descriptor>>, Error> {
        let host = self.inner.host(at)?;
        let mut first = None;
        let ask = async {
            // Boxed, since the caller keeps this future beside its own state.
            let answer = Box::pin(self.ask_for_referrers(at, subject)).await?;
            let has_api = answer.is_some();
            first = Some(answer);
            Ok(has_api)
        };
        let has_api = *host.referrers_api.get_or_try_init(|| ask).await?;
        match first {
            Some(answer) => Ok(answer),
            None if has_api => Box::pin(self.ask_for_referrers(at, subject)).await,
            None => Ok(None),
        }
    }

    async fn ask_for_referrers(&self, at: &Endpoint, subject: &Digest) -> Result<Option<Vec<Descriptor>>, Error> {
        let action = format!("listing referrers of `{at}@{subject}`");
        let rest = format!("referrers/{subject}");
        let (mut found, mut pages, mut is_api) = (Vec::new(), 0, true);
        let listed = self
            .pages(at, (&rest, Some(media_type::OCI_INDEX), MAX_REFERRER_PAGES), &action, |page| {
                // A registry that has given a page has the API: what is missing then is missing.
                is_api = is_index(&page.bytes);
                if !is_api && pages > 0 {
                    return Err(serde::de::Error::custom("a page is no index"));
                }
                if is_api {
                    let page: ReferrersPage = serde_json::from_slice(&page.bytes)?;
                    found.extend(page.manifests.unwrap_or_default());
                }
                pages += 1;
                Ok(is_api)
            })
            .await;
        match listed {
            Ok(()) => Ok(is_api.then_some(found)),
            Err(error) if pages == 0 && says_no_api(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the tag lists that the specification puts in place of the referrers API (distribution specification,
    /// "Referrers Tag Schema"). Empty when there is no such tag.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn referrers_by_tag(&self, at: &Endpoint, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let manifest = match self.pull_manifest_at(at, &Reference::Tag(subject.as_referrers_tag())).await {
            Ok(manifest) => manifest,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.with_action(&format!("listing referrers of `{at}@{subject}`"))),
        };
        match manifest.view() {
            Ok(ManifestView::Index(index)) => Ok(index.manifests.into_iter().map(|entry| entry.descriptor).collect()),
            // Something else of that name, such as an old signature.
            _ => Ok(Vec::new()),
        }
    }

    /// Reads a list page by page, `most` of them. `take` gets each page and says whether it wants the next one.
    async fn pages(
        &self,
        at: &Endpoint,
        (rest, accept, most): (&str, Option<&'static str>, usize),
        action: &str,
        mut take: impl FnMut(&Page) -> Result<bool, serde_json::Error>,
    ) -> Result<(), Error> {
        let host = self.inner.host(at)?;
        let endless = |text: String| Error::new(Condition::Protocol, action, text).with_registry(&host.registry);
        let mut url: Option<Url> = None;
        let mut seen = HashSet::new();
        let mut total = 0;
        for _ in 0..most {
            let mut retries = self.inner.retries(at);
            let page = loop {
                match self.page(&host, at, rest, url.clone(), accept, action).await {
                    Ok(page) => break page,
                    // The registry does not know this list at all: another attempt gives the same.
                    Err(error) if error.status_code() == Some(501) => return Err(error),
                    Err(error) => retries.again(error, 0).await?,
                }
            };
            let goes_on = take(&page).map_err(|error| {
                Error::new(Condition::Protocol, action, format!("the list cannot be read: {error}"))
                    .with_registry(&host.registry)
                    .redacted(&self.inner.options.redactor)
            })?;
            total += page.bytes.len();
            if total > MAX_LIST_BYTES {
                return Err(endless(format!("the list is larger than {} MiB", MAX_LIST_BYTES / 1024 / 1024)));
            }
            match page.next {
                Some(_) if !goes_on => return Ok(()),
                None => return Ok(()),
                // A registry that names the same page again would never end.
                Some(next) if url.as_ref() == Some(&next) => return Ok(()),
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(endless("the pages of the list go round in a circle".to_owned()));
                }
                Some(next) => url = Some(next),
            }
        }
        Err(endless(format!("the list has more than {most} pages")))
    }

    async fn page(
        &self,
        host: &std::sync::Arc<crate::host::Host>,
        at: &Endpoint,
        rest: &str,
        url: Option<Url>,
        accept: Option<&'static str>,
        action: &str,
    ) -> Result<Page, Error> {
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
        Ok(Page { bytes: reply.bytes(MAX_PAGE_BYTES, "list").await?, next })
    }
}

fn next_page(reply: &Reply) -> Option<Url> {
    let headers = reply.headers().get_all(LINK);
    let target = headers.iter().filter_map(|value| value.to_str().ok()).find_map(link::next)?;
    reply.url.join(&target).ok()
}

/// One page of a list.
struct Page {
    bytes: bytes::Bytes,
    /// Where the next page is.
    next: Option<Url>,
}

/// Whether an answer to the first question for referrers means that the registry does not have the API. Quay, GitLab and
/// others refuse the path in ways of their own; a server that is in trouble may have the API.
fn says_no_api(error: &Error) -> bool {
    match error.status_code() {
        Some(_) => error.is_refusal(),
        None => error.is_not_found() || error.condition() == Condition::Redirect,
    }
}

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

/// Whether an answer is an OCI index as far as its shape goes. Some registries write an empty list as `null`.
fn is_index(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        #[serde(rename = "schemaVersion")]
        schema_version: Option<u32>,
        manifests: Option<Vec<IgnoredAny>>,
    }
    serde_json::from_slice(bytes).is_ok_and(|shape: Shape| shape.manifests.is_some() || shape.schema_version == Some(2))
}

#[derive(Deserialize)]
struct ReferrersPage {
    manifests: Option<Vec<Descriptor>>,
}
