//! What became of a request that got no answer, or of an answer that broke off.

use std::error::Error as StdError;
use std::io;

use super::certificate;
use super::condition::Condition;
use super::hint::Hint;
use super::place::Place;

/// The first error of type `T` among `error` and its sources.
pub(super) fn find_source<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// What became of a request.
pub(super) struct Failure {
    pub(super) condition: Condition,
    /// What happened, and where.
    pub(super) message: String,
    /// The resolver says that the name does not exist, which is not the same as a resolver that does not answer.
    pub(super) unknown_name: bool,
    /// What to do about a certificate.
    pub(super) certificate: Option<Hint>,
}

/// Reads a failed request: the innermost words, which name the cause, and the place that was asked.
pub(super) fn classify(error: &reqwest::Error, place: &Place) -> Failure {
    let signs = Signs {
        texts: chain(error).map(ToString::to_string).collect(),
        kinds: chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind).collect(),
        dns: error.is_dns(),
        timeout: error.is_timeout(),
        unsent: error.is_connect() || error.is_request(),
        body: error.is_body(),
    };
    let condition = signs.condition();
    let unknown_name = condition == Condition::Dns && signs.texts.iter().any(|text| is_unknown_name(text));
    let tls = find_source::<rustls::Error>(error);
    if let (Condition::Certificate, Some(rustls::Error::InvalidCertificate(error))) = (condition, tls) {
        let (message, hint) = certificate::explain(error, place);
        return Failure { condition, message, unknown_name, certificate: Some(hint) };
    }
    let mut words = signs.texts.last().map(String::as_str).unwrap_or_default().chars();
    let innermost: String = words.next().into_iter().flat_map(char::to_lowercase).chain(words).collect();
    let message = match (condition, &place.proxy) {
        (Condition::Certificate, _) => format!("x509: `{place}`: {innermost}"),
        (Condition::PlainHttp, Some((proxy, variable))) if proxy.starts_with("https:") => format!(
            "proxyconnect: proxy `{proxy}` of {variable} answers in plain HTTP, on the way to `{place}`; if it speaks plain \
             HTTP, write `http://` in {variable}"
        ),
        (Condition::PlainHttp, _) => format!("`{place}`: http: server gave HTTP response to HTTPS client"),
        (Condition::Proxy, Some((proxy, variable))) => {
            format!("proxyconnect: {innermost} (proxy `{proxy}` of {variable}, on the way to `{place}`)")
        }
        (_, Some((proxy, variable))) if error.is_connect() => {
            format!("cannot connect to proxy `{proxy}` of {variable}, on the way to `{place}`: {innermost}")
        }
        (_, None) if error.is_connect() => format!("cannot connect to `{place}`: {innermost}"),
        _ => format!("`{place}`: {innermost}"),
    };
    let condition = match (condition, &place.proxy) {
        // A proxy whose address says HTTPS, and which speaks HTTP.
        (Condition::PlainHttp, Some((proxy, _))) if proxy.starts_with("https:") => Condition::Proxy,
        (other, _) => other,
    };
    Failure { condition, message, unknown_name, certificate: None }
}

/// The texts of `EAI_NONAME` and `EAI_NODATA`, of glibc and musl. A resolver that cannot be asked says something else.
fn is_unknown_name(text: &str) -> bool {
    ["Name or service not known", "Name does not resolve", "No address associated with", "nodename nor servname"]
        .iter()
        .any(|known| text.contains(known))
}

/// What there is to see of a failed request.
#[derive(Debug, Default)]
struct Signs {
    /// What the error and its sources say.
    texts: Vec<String>,
    /// What the input/output errors among them are.
    kinds: Vec<io::ErrorKind>,
    /// A name was being looked up.
    dns: bool,
    /// Some time limit passed.
    timeout: bool,
    /// No connection came about, or the request was not answered.
    unsent: bool,
    /// The body broke off.
    body: bool,
}

impl Signs {
    fn condition(&self) -> Condition {
        use io::ErrorKind as Kind;
        let has = |needle: &str| self.texts.iter().any(|text| text.contains(needle));
        let any = |kinds: &[Kind]| self.kinds.iter().any(|kind| kinds.contains(kind));
        if has("invalid peer certificate") || has("certificate not valid") {
            Condition::Certificate
        } else if has("InvalidContentType") {
            Condition::PlainHttp
        } else if has("proxy") || has("tunnel") {
            Condition::Proxy
        } else if self.dns {
            Condition::Dns
        } else if any(&[Kind::ConnectionRefused]) {
            Condition::Refused
        } else if any(&[Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe])
            // HTTP/2 tells its streams in words what became of their connection.
            || ["connection reset", "connection aborted", "broken pipe"].iter().any(|words| has(words))
        {
            Condition::Reset
        } else if any(&[Kind::UnexpectedEof]) || has("connection closed before message completed") || has("end of file")
        {
            Condition::Eof
        } else if any(&[Kind::HostUnreachable, Kind::NetworkUnreachable]) {
            Condition::Unreachable
        } else if self.timeout || any(&[Kind::TimedOut]) {
            Condition::Timeout
        } else if has("tls") || has("TLS") || has("handshake") || has("fatal alert") {
            Condition::Tls
        } else if has("GO_AWAY") || has("go away") || has("stream error") || has("connection error") || self.body {
            // HTTP/2 GOAWAY and RST_STREAM: the connection or stream is gone, a new one may be had.
            Condition::Reset
        } else if self.unsent {
            Condition::Eof
        } else {
            Condition::Protocol
        }
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        // `io::Error::source` skips the error it wraps, which is the one that matters.
        next = match this.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => this.source(),
        };
        Some(this)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel says of a connection; loopback alone cannot show them all.
    #[test]
    fn conditions_of_connections() {
        fn check(kind: io::ErrorKind, expected: Condition) {
            let signs = Signs { kinds: vec![kind], unsent: true, ..Signs::default() };
            assert_eq!(signs.condition(), expected, "{kind:?}");
        }
        check(io::ErrorKind::ConnectionRefused, Condition::Refused);
        check(io::ErrorKind::ConnectionReset, Condition::Reset);
        check(io::ErrorKind::ConnectionAborted, Condition::Reset);
        check(io::ErrorKind::BrokenPipe, Condition::Reset);
        check(io::ErrorKind::UnexpectedEof, Condition::Eof);
        check(io::ErrorKind::HostUnreachable, Condition::Unreachable);
        check(io::ErrorKind::NetworkUnreachable, Condition::Unreachable);
        check(io::ErrorKind::TimedOut, Condition::Timeout);
        check(io::ErrorKind::Other, Condition::Eof);
    }

    #[test]
    fn conditions_of_words() {
        fn check(text: &str, expected: Condition) {
            let signs = Signs { texts: vec!["error sending request".to_owned(), text.to_owned()], ..Signs::default() };
            assert_eq!(signs.condition(), expected, "{text}");
        }
        check("invalid peer certificate: Expired", Condition::Certificate);
        check("received corrupt message of type InvalidContentType", Condition::PlainHttp);
        check("tunnel error: unsuccessful", Condition::Proxy);
        check("connection reset", Condition::Reset);
        check("connection closed before message completed", Condition::Eof);
        check("received fatal alert: HandshakeFailure", Condition::Tls);
        check("stream error received: refused stream before processing any application logic", Condition::Reset);
        check("connection error received: not a result of an error", Condition::Reset);
        check("invalid HTTP version parsed", Condition::Protocol);
    }
}
