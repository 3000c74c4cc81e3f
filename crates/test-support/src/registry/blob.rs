//! Blobs: `GET` and `HEAD` with ranges, `DELETE`.

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode};
use image_ref::Digest;

use super::error::{self, error};
use super::fault::Effect;
use super::handler::Call;
use super::storage::lock;

pub(super) fn read(call: &Call) -> Response<Body> {
    let Ok(digest) = call.target.reference.parse::<Digest>() else {
        return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    };
    let linked = lock(&call.shared.repositories)
        .get(&call.target.repository)
        .is_some_and(|repository| repository.blobs.contains(&digest));
    let Some(size) = call.shared.blobs.size(&digest).filter(|_| linked) else {
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    };
    let range = match call.header("range") {
        Some(header) if !call.struck_by(&Effect::IgnoreRange) => match parse_range(header, size) {
            Range::Whole => None,
            Range::Part(start, end) => Some((start, end)),
            Range::Unsatisfiable => {
                let mut response = error(416, "RANGE_INVALID", "the range cannot be satisfied");
                let value = HeaderValue::from_str(&format!("bytes */{size}")).expect("digits are printable");
                response.headers_mut().insert("content-range", value);
                return response;
            }
        },
        _ => None,
    };
    let (start, end) = range.unwrap_or((0, size));
    let body = if call.parts.method == Method::HEAD {
        Body::empty()
    } else {
        match call.shared.blobs.stream(&digest, start, end) {
            Ok(body) => body,
            Err(_) => return error::of_status(500),
        }
    };
    let mut response = Response::new(body);
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let value = format!("bytes {start}-{}/{size}", end - 1);
        let value = HeaderValue::from_str(&value).expect("digits are printable");
        response.headers_mut().insert("content-range", value);
    }
    let headers = response.headers_mut();
    headers.insert("content-length", (end - start).into());
    headers.insert("accept-ranges", HeaderValue::from_static("bytes"));
    headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
    headers.insert("docker-content-digest", digest.to_string().parse().expect("a digest is a header value"));
    response
}

pub(super) fn delete(call: &Call) -> Response<Body> {
    let mut repositories = lock(&call.shared.repositories);
    let known = call.target.reference.parse::<Digest>().is_ok_and(|digest| {
        repositories.get_mut(&call.target.repository).is_some_and(|repository| repository.blobs.remove(&digest))
    });
    if !known {
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// From the first offset up to, and not including, the second.
    Part(u64, u64),
    Unsatisfiable,
}

/// RFC 9110 section 14.1.2 for one range; what cannot be read is ignored, as the RFC allows.
fn parse_range(header: &str, size: u64) -> Range {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size => Range::Unsatisfiable,
        (Ok(first), Ok(last)) if last < first => Range::Whole,
        (Ok(first), Ok(last)) => Range::Part(first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => Range::Part(first, size),
        (Err(_), Ok(0)) if first.is_empty() => Range::Unsatisfiable,
        (Err(_), Ok(count)) if first.is_empty() => Range::Part(size.saturating_sub(count), size),
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        fn check(header: &str, expected: &Range) {
            assert_eq!(parse_range(header, 10), *expected, "{header}");
        }
        check("bytes=0-3", &Range::Part(0, 4));
        check("bytes=4-", &Range::Part(4, 10));
        check("bytes=8-99", &Range::Part(8, 10));
        check("bytes=-3", &Range::Part(7, 10));
        check("bytes=-30", &Range::Part(0, 10));
        check("bytes=10-", &Range::Unsatisfiable);
        check("bytes=-0", &Range::Unsatisfiable);
        check("bytes=5-4", &Range::Whole);
        check("bytes=a-b", &Range::Whole);
        check("items=0-3", &Range::Whole);
    }
}
