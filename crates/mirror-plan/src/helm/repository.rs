//! The address of a chart repository, and the addresses in its index.

use url::Url;

/// The address of a chart repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    url: Url,
}

/// Why an address is none of a chart repository, or of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum UrlError {
    #[error("invalid chart repository \"{url}\": {reason}")]
    Repository { url: String, reason: String },
    #[error("invalid chart URL format: {url}: {reason}")]
    Chart { url: String, reason: String },
}

impl RepositoryUrl {
    /// Reads an address. It may name the index itself; a slash at the end changes nothing.
    ///
    /// # Errors
    /// When it is no address with a host.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let failed = |reason: &str| UrlError::Repository { url: without_user(text), reason: reason.to_owned() };
        let mut url = Url::parse(text).map_err(|error| failed(&error.to_string()))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(failed("it names no host"));
        }
        url.set_fragment(None);
        let path = url.path();
        let path = path.strip_suffix("/index.yaml").unwrap_or(path).trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Whether charts are artifacts of a registry, `oci://`.
    pub fn is_oci(&self) -> bool {
        self.url.scheme() == "oci"
    }

    /// The address of the index. User information stays.
    pub fn index(&self) -> String {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/index.yaml", self.path()));
        url.into()
    }

    /// The address of a chart by what the index says: a whole address, or one below the repository, which then gets the
    /// repository's query, as Helm does. User information of the repository goes to its own host only.
    ///
    /// # Errors
    /// When it is no address of a web server.
    pub fn chart(&self, reference: &str) -> Result<String, UrlError> {
        let failed = |reason: String| UrlError::Chart { url: without_user(reference), reason };
        let mut base = self.url.clone();
        base.set_path(&format!("{}/", self.path()));
        let relative = Url::parse(reference) == Err(url::ParseError::RelativeUrlWithoutBase);
        let mut found = base.join(reference).map_err(|error| failed(error.to_string()))?;
        if !matches!(found.scheme(), "http" | "https" | "oci") {
            return Err(failed(format!("charts are not fetched by `{}`", found.scheme())));
        }
        if relative {
            found.set_query(self.url.query());
        }
        if found.origin() == self.url.origin() && found.username().is_empty() && found.password().is_none() {
            // Neither fails for an address that has a host.
            let _ = (found.set_username(self.url.username()), found.set_password(self.url.password()));
        }
        Ok(found.into())
    }

    /// The place of the index below the folder of indexes: `<host>/<path>/index.yaml`.
    pub fn index_file(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let parts = self.path().split('/').filter(|part| !part.is_empty());
        let mut file = format!("{host}{port}");
        parts.for_each(|part| {
            file.push('/');
            file.push_str(part);
        });
        file + "/index.yaml"
    }

    /// The name of a chart's repository in a registry: `host/path/<name>`, what follows `oci://`.
    pub fn registry_name(&self, chart: &str) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host}{port}{}/{chart}", self.path())
    }

    fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }
}

impl std::fmt::Display for RepositoryUrl {
    /// The address without user information, for messages and records.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut url = self.url.clone();
        // Neither fails for an address that has a host.
        let _ = (url.set_username(""), url.set_password(None));
        f.write_str(url.as_str().trim_end_matches('/'))
    }
}

/// A text without what stands between `//` and `@`.
fn without_user(text: &str) -> String {
    match text.split_once("//").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}//{host}{path}"))
    }) {
        Some(clean) => clean,
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_indexes() {
        let check = |url: &str, shown: &str, index: &str, file: &str| {
            let url = RepositoryUrl::parse(url).unwrap();
            assert_eq!((url.to_string().as_str(), url.index().as_str()), (shown, index));
            assert_eq!(url.index_file(), file);
        };
        let (shown, index) = ("https://c.io/a", "https://c.io/a/index.yaml");
        for url in ["https://c.io/a", "https://c.io/a/", "https://c.io/a//", "https://c.io/a/index.yaml#x"] {
            check(url, shown, index, "c.io/a/index.yaml");
        }
        check("http://c.io:80", "http://c.io", "http://c.io/index.yaml", "c.io/index.yaml");
        check("http://c.io:81/", "http://c.io:81", "http://c.io:81/index.yaml", "c.io:81/index.yaml");
        check("https://u:p@c.io/a?k=1", "https://c.io/a?k=1", "https://u:p@c.io/a/index.yaml?k=1", "c.io/a/index.yaml");
        check("https://c.io/a/../../b", "https://c.io/b", "https://c.io/b/index.yaml", "c.io/b/index.yaml");
        check("https://c.io/%2e%2e/b", "https://c.io/b", "https://c.io/b/index.yaml", "c.io/b/index.yaml");
    }

    #[test]
    fn addresses_of_charts() {
        let check = |url: &str, reference: &str, expected: &str| {
            assert_eq!(RepositoryUrl::parse(url).unwrap().chart(reference).unwrap(), expected);
        };
        check("https://c.io/a", "x-1.tgz", "https://c.io/a/x-1.tgz");
        check("https://c.io/a/", "charts/x-1.tgz", "https://c.io/a/charts/x-1.tgz");
        check("https://c.io/a?k=1", "x-1.tgz?z=2", "https://c.io/a/x-1.tgz?k=1");
        check("https://c.io/a", "/x-1.tgz", "https://c.io/x-1.tgz");
        check("https://c.io/a", "https://d.io/x-1.tgz?z=2", "https://d.io/x-1.tgz?z=2");
        check("https://c.io/a", "oci://d.io/x:1", "oci://d.io/x:1");
        check("https://u:p@c.io/a", "x-1.tgz", "https://u:p@c.io/a/x-1.tgz");
        check("https://u:p@c.io/a", "https://c.io/x.tgz", "https://u:p@c.io/x.tgz");
        check("https://u:p@c.io/a", "http://c.io/x.tgz", "http://c.io/x.tgz");
        check("https://u:p@c.io/a", "https://d.io/x.tgz", "https://d.io/x.tgz");
        let refused = RepositoryUrl::parse("https://c.io").unwrap().chart("file:///etc/passwd").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "invalid chart URL format: file:///etc/passwd: charts are not fetched by `file`"
        );
    }

    #[test]
    fn registries() {
        let check = |url: &str, expected: &str| {
            let url = RepositoryUrl::parse(url).unwrap();
            assert!(url.is_oci());
            assert_eq!(url.registry_name("app"), expected);
        };
        check("oci://r.io", "r.io/app");
        check("oci://r.io:5000/charts/", "r.io:5000/charts/app");
    }

    #[test]
    fn what_is_no_address() {
        let check = |url: &str, expected: &str| {
            assert_eq!(RepositoryUrl::parse(url).unwrap_err().to_string(), expected);
        };
        check("charts", "invalid chart repository \"charts\": relative URL without a base");
        check("https://u:p@:80/", "invalid chart repository \"https://:80/\": empty host");
        check("file:///srv", "invalid chart repository \"file:///srv\": it names no host");
    }
}
