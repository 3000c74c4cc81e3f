//! How far the clocks of servers are from ours, as the `Date` headers of their answers tell. A clock that is wrong makes
//! certificates and signatures invalid, and nothing in those errors speaks of clocks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The last answer of each registry, by `host[:port]`: how many seconds its clock is ahead of ours.
#[derive(Debug, Default)]
pub(crate) struct Clocks(Mutex<BTreeMap<String, i64>>);

impl Clocks {
    /// Notes an answer that came at `now`. A server without a clock says nothing.
    pub(crate) fn note(&self, registry: &str, headers: &HeaderMap, now: SystemTime) {
        let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        let Some(theirs) = date.and_then(|text| httpdate::parse_http_date(text.trim()).ok()) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(registry.to_owned(), ahead(theirs, now));
    }

    /// What is known so far.
    pub(crate) fn so_far(&self) -> BTreeMap<String, i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How many seconds `theirs` is ahead of `ours`; below zero when it is behind.
fn ahead(theirs: SystemTime, ours: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match theirs.duration_since(ours) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_others() {
        let clocks = Clocks::default();
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (header, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", Some(3600)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(-60)),
            ("yesterday", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::DATE, header.parse().unwrap());
            clocks.note(header, &headers, now);
            assert_eq!(clocks.so_far().get(header).copied(), expected);
        }
        clocks.note("silent", &HeaderMap::new(), now);
        assert!(!clocks.so_far().contains_key("silent"));
    }
}
