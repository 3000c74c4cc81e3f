//! What `list releases` prints (`docs/behaviour/release.md` 1.1).

use std::collections::BTreeSet;

/// The `X.Y` versions among the tags of the release repository, ascending: the first two numbers joined by a dot in
/// each tag; signature tags (`….sig`) are passed over.
pub fn minor_versions<'a>(tags: impl IntoIterator<Item = &'a str>) -> BTreeSet<(u64, u64)> {
    tags.into_iter().filter(|tag| tag.strip_suffix(".sig").is_none()).filter_map(first_two_numbers).collect()
}

fn first_two_numbers(tag: &str) -> Option<(u64, u64)> {
    tag.match_indices('.').find_map(|(dot, _)| {
        let (left, right) = tag.split_at(dot);
        let is_no_digit = |c: char| !c.is_ascii_digit();
        let left = left.rsplit(is_no_digit).next()?;
        let right = right.strip_prefix('.')?.split(is_no_digit).next()?;
        Some((left.parse().ok()?, right.parse().ok()?))
    })
}

/// The channel that `--version X.Y` stands for.
pub fn stable_channel(version: &str) -> String {
    format!("stable-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_of_tags() {
        let check = |tags: &[&str], expected: &[(u64, u64)]| {
            assert_eq!(minor_versions(tags.iter().copied()).into_iter().collect::<Vec<_>>(), expected, "{tags:?}");
        };
        check(&["4.9.1-x86_64", "4.10.0-rc.1-multi", "4.9.2-s390x"], &[(4, 9), (4, 10)]);
        check(&["sha256-0a1.2.sig", "4.16.0.sig"], &[]);
        check(&["latest", "v5.0", ".1.2", "a.b.3.4x"], &[(1, 2), (3, 4), (5, 0)]);
        check(&["99999999999999999999.1"], &[]);
    }
}
