//! The `Link` header (RFC 8288), as far as paging needs it.

/// The target of the link with relation `next`.
///
/// ```
/// let header = r#"</v2/app/tags/list?last=b&n=2>; rel="next""#;
/// assert_eq!(oci_transport::link::next(header).as_deref(), Some("/v2/app/tags/list?last=b&n=2"));
/// ```
pub fn next(header: &str) -> Option<String> {
    let mut rest = header;
    loop {
        let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
        // The parameters of this link go to the next comma outside quotes.
        let (params, after) = split_unquoted(behind);
        let is_next = params.split(';').any(|param| {
            let (key, value) = param.split_once('=').unwrap_or((param, ""));
            key.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = after;
    }
}

fn split_unquoted(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    text.split_once(ends).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn rows() {
        fn check(header: &str, expected: Option<&str>) {
            assert_eq!(next(header).as_deref(), expected, "{header}");
        }
        check("</a?last=x&n=1>; rel=\"next\"", Some("/a?last=x&n=1"));
        check("</a>; rel=next", Some("/a"));
        check("</a>;rel=\"prev next\"", Some("/a"));
        check("</a>; title=\"x, <y>; z\"; rel=\"next\"", Some("/a"));
        check("</a>; rel=\"prev\", </b>; rel=\"next\"", Some("/b"));
        check("</a,b>; rel=\"next\"", Some("/a,b"));
        check("<https://reg.io/v2/a/tags/list?last=b>; REL=\"Next\"", Some("https://reg.io/v2/a/tags/list?last=b"));
        check("</a>; rel=\"prev\"", None);
        check("</a>", None);
        check("</a; rel=\"next\"", None);
        check("", None);
    }
}
