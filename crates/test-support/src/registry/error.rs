//! Error answers of the distribution API ("Error Codes").

use axum::body::Body;
use http::{Response, StatusCode};

/// An answer with status, code and message in the registry's JSON.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message, "detail": null }] }).to_string();
    let status = StatusCode::from_u16(status).expect("a test writes a valid status");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

/// The code and message that a registry sends with a status when nothing more is known.
pub(super) fn of_status(status: u16) -> Response<Body> {
    let (code, message) = match status {
        401 => ("UNAUTHORIZED", "authentication required"),
        403 => ("DENIED", "requested access to the resource is denied"),
        404 => ("NAME_UNKNOWN", "repository name not known to registry"),
        405 => ("UNSUPPORTED", "The operation is unsupported."),
        408 => ("TIMEOUT", "request timeout"),
        413 => ("SIZE_INVALID", "the body is too large"),
        429 => ("TOOMANYREQUESTS", "too many requests"),
        503 => ("UNAVAILABLE", "service unavailable"),
        _ => ("UNKNOWN", "unknown error"),
    };
    error(status, code, message)
}
