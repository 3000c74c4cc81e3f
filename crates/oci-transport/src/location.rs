//! The `Location` header: where an upload goes on, and where a redirect leads (RFC 9110, section 10.2.2).
//!
//! What a registry writes there decides to which host bytes go, so it is read by one strict rule: an HTTP address with a
//! host, without user information, and never plain HTTP where HTTPS was spoken.

use image_ref::Digest;
use url::Url;

/// Why an address is not used. Its text shows neither query nor user information of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// It is no address, or one without host.
    #[error("an address that cannot be read")]
    Unreadable,
    /// Its scheme is neither `http` nor `https`.
    #[error("`{0}`, which is no HTTP address")]
    Scheme(String),
    /// HTTPS would become plain HTTP.
    #[error("plain HTTP at `{0}` after HTTPS")]
    Downgrade(String),
}

/// The target of a redirect from `from`. Plain HTTP after HTTPS is an error unless `insecure`.
///
/// # Errors
/// When the header names no address that may be followed.
pub fn redirect(from: &Url, header: &str, insecure: bool) -> Result<Url, LocationError> {
    let target = read(from, header)?;
    if from.scheme() == "https" && target.scheme() == "http" && !insecure {
        return Err(LocationError::Downgrade(shown(&target)));
    }
    Ok(target)
}

/// Where an upload goes on, by the answer to a request to `from` at the registry whose root is `base`. A relative address
/// is that of the request. `http` for a registry that is reached by HTTPS is the mistake of a proxy that ends TLS in
/// front of it, and read as HTTPS; `http` at another host is an error unless `insecure`.
///
/// # Errors
/// When the header names no address that bytes may be sent to.
///
/// ```
/// let url = |text: &str| url::Url::parse(text).unwrap();
/// let (from, base) = (url("https://reg.io/v2/a/blobs/uploads/"), url("https://reg.io/"));
/// let session = oci_transport::location::session(&from, &base, "/v2/a/blobs/uploads/1?_state=x", false).unwrap();
/// assert_eq!(session.as_str(), "https://reg.io/v2/a/blobs/uploads/1?_state=x");
/// ```
pub fn session(from: &Url, base: &Url, header: &str, insecure: bool) -> Result<Url, LocationError> {
    let mut target = read(from, header)?;
    if base.scheme() == "https" && target.scheme() == "http" {
        if target.host() == base.host() {
            let port = if matches!(target.port(), None | Some(80)) { base.port() } else { target.port() };
            target.set_scheme("https").map_err(|()| LocationError::Unreadable)?;
            target.set_port(port).map_err(|()| LocationError::Unreadable)?;
        } else if !insecure {
            return Err(LocationError::Downgrade(shown(&target)));
        }
    }
    Ok(target)
}

/// The session's address with the digest added; what its query holds already is kept as it is.
pub fn with_digest(mut session: Url, digest: &Digest) -> Url {
    let query = match session.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    session.set_query(Some(&query));
    session
}

/// A URL as it may be shown: without user information, query and fragment, any of which may carry a signature or token.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Whether two URLs have the same scheme, host and port.
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

fn read(from: &Url, header: &str) -> Result<Url, LocationError> {
    let mut target = from.join(header.trim()).map_err(|_| LocationError::Unreadable)?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(LocationError::Scheme(target.scheme().to_owned()));
    }
    if target.host_str().is_none_or(str::is_empty) {
        return Err(LocationError::Unreadable);
    }
    // A name and password here would become an `Authorization` header of someone else's choice.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    target.set_fragment(None);
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// The session that `header` names, or what is wrong with it.
    fn session_of(base: &str, header: &str, insecure: bool) -> String {
        let base = url(base);
        match session(&base.join("v2/a/blobs/uploads/").unwrap(), &base, header, insecure) {
            Ok(url) => url.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn sessions() {
        fn check(base: &str, header: &str, expected: &str) {
            assert_eq!(session_of(base, header, false), expected, "{header} at {base}");
        }
        let (secure, ported, plain) = ("https://reg.io/", "https://reg.io:8443/", "http://reg.io/");
        check(secure, "/v2/a/blobs/uploads/1?_state=x%3D", "https://reg.io/v2/a/blobs/uploads/1?_state=x%3D");
        check(secure, "1?_state=x", "https://reg.io/v2/a/blobs/uploads/1?_state=x");
        check(secure, "https://reg.io/u/1", "https://reg.io/u/1");
        check(secure, "//cdn.io/u/1", "https://cdn.io/u/1");
        check(secure, "http://reg.io/u/1", "https://reg.io/u/1");
        check(secure, "http://reg.io:80/u/1", "https://reg.io/u/1");
        check(secure, "http://reg.io:5000/u/1", "https://reg.io:5000/u/1");
        check(ported, "http://reg.io/u/1", "https://reg.io:8443/u/1");
        check(ported, "http://reg.io:8443/u/1", "https://reg.io:8443/u/1");
        check(secure, "http://cdn.io/u/1?sig=s3cret", "plain HTTP at `http://cdn.io/u/1` after HTTPS");
        check(plain, "https://cdn.io/u/1", "https://cdn.io/u/1");
        check(plain, "/u/1#part", "http://reg.io/u/1");
        check(secure, "https://user:s3cret@reg.io/u/1", "https://reg.io/u/1");
        check(secure, "ftp://reg.io/u/1", "`ftp`, which is no HTTP address");
        check(secure, "file:///etc/passwd", "`file`, which is no HTTP address");
        check(secure, "https://", "an address that cannot be read");
        check(secure, "https://[::1/u", "an address that cannot be read");
        check(secure, " /u/1 ", "https://reg.io/u/1");
        assert_eq!(session_of(secure, "http://cdn.io/u/1", true), "http://cdn.io/u/1");
    }

    #[test]
    fn redirects() {
        fn check(from: &str, header: &str, insecure: bool, expected: &str) {
            let found = redirect(&url(from), header, insecure);
            let found = found.map_or_else(|error| error.to_string(), |url| url.to_string());
            assert_eq!(found, expected, "{header} from {from}");
        }
        check("https://reg.io/v2/a", "https://cdn.io/x?sig=1", false, "https://cdn.io/x?sig=1");
        check("https://reg.io/v2/a", "/x", false, "https://reg.io/x");
        check("https://reg.io/v2/a", "http://reg.io/x?sig=1", false, "plain HTTP at `http://reg.io/x` after HTTPS");
        check("https://reg.io/v2/a", "http://reg.io/x", true, "http://reg.io/x");
        check("http://reg.io/v2/a", "http://cdn.io/x", false, "http://cdn.io/x");
        check("http://reg.io/v2/a", "javascript:alert(1)", false, "`javascript`, which is no HTTP address");
    }

    #[test]
    fn digests_are_added_behind_what_is_there() {
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        for (session, expected) in [
            ("https://reg.io/u/1", "https://reg.io/u/1?digest="),
            ("https://reg.io/u/1?", "https://reg.io/u/1?digest="),
            ("https://reg.io/u/1?_state=a%2Fb+c%3D%3D", "https://reg.io/u/1?_state=a%2Fb+c%3D%3D&digest="),
        ] {
            assert_eq!(with_digest(url(session), &digest).to_string(), format!("{expected}{digest}"));
        }
    }
}
