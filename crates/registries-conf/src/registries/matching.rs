//! Which `prefix` fits which name (containers-registries.conf(5), "Choosing a [[registry]] TOML table").

/// How many bytes of `name` (`host[:port][/path]`, no tag, no digest) the prefix matches, or `None`.
///
/// A plain prefix matches up to a `:`, `/`, `@` or the end. `*.example.com` matches a host that ends in
/// `.example.com`, whatever the number of labels in front; it does not match `example.com` itself. What a match leaves
/// over is appended to the location, so the count matters.
pub(crate) fn matched_len(name: &str, prefix: &str) -> Option<usize> {
    let ends_here = |at: usize| matches!(name.as_bytes().get(at), None | Some(b':' | b'/' | b'@'));
    if let Some(domain) = prefix.strip_prefix('*').filter(|rest| rest.starts_with('.')) {
        let host = name.split_once('/').map_or(name, |(host, _)| host);
        return host.match_indices(domain).map(|(at, _)| at + domain.len()).find(|end| ends_here(*end));
    }
    (!prefix.is_empty() && name.starts_with(prefix) && ends_here(prefix.len())).then_some(prefix.len())
}

#[cfg(test)]
mod tests {
    use super::matched_len;

    /// The rows of `docs/behaviour/release.md` 7.3, "Choosing a table".
    #[test]
    fn a_prefix_matches_up_to_a_separator() {
        let check = |name: &str, prefix: &str, expected: Option<&str>| {
            assert_eq!(matched_len(name, prefix).map(|len| &name[..len]), expected, "`{prefix}` on `{name}`");
        };
        check("quay.io/foo/bar", "quay.io", Some("quay.io"));
        check("quay.io/foo/bar", "quay.io/foo", Some("quay.io/foo"));
        check("quay.io/foo/bar", "quay.io/foo/bar", Some("quay.io/foo/bar"));
        check("quay.io/foo/bar", "quay.io/fo", None);
        check("quay.io/foo", "quay.io/foo/bar", None);
        check("quay.io.evil/foo", "quay.io", None);
        check("host.io:5000/x", "host.io", Some("host.io"));
        check("host.io:5000/x", "host.io:5000", Some("host.io:5000"));
        check("host.io:5000/x", "host.io:500", None);
        check("host.io/x", "", None);
        check("a.example.com/x", "*.example.com", Some("a.example.com"));
        check("a.b.example.com/x", "*.example.com", Some("a.b.example.com"));
        check("a.example.com:5000/x", "*.example.com", Some("a.example.com"));
        check("example.com/x", "*.example.com", None);
        check("a.example.community/x", "*.example.com", None);
        check("reg.io/a.example.com/x", "*.example.com", None);
        check("a.com.com/x", "*.com", Some("a.com.com"));
        check("a.example.com", "*.example.com", Some("a.example.com"));
    }
}
