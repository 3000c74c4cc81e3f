//! What `list releases` prints (`docs/behaviour/release.md` 1.1).

use std::collections::BTreeSet;

/// The architectures that `--filter-by-archs` accepts.
pub const KNOWN_ARCHITECTURES: [&str; 5] = ["amd64", "arm64", "multi", "ppc64le", "s390x"];

/// Refuses architectures that the update service does not know.
///
/// # Errors
/// When any of them is not one of [`KNOWN_ARCHITECTURES`]; all of these are named.
pub fn check_architectures<'a>(archs: impl IntoIterator<Item = &'a str>) -> Result<(), UnknownArchitectureError> {
    let unknown: Vec<String> =
        archs.into_iter().filter(|arch| !KNOWN_ARCHITECTURES.contains(arch)).map(str::to_owned).collect();
    if unknown.is_empty() { Ok(()) } else { Err(UnknownArchitectureError(unknown)) }
}

/// Architectures that the update service does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid architecture(s) {}: expected any of {}", .0.join(", "), KNOWN_ARCHITECTURES.join(", "))]
pub struct UnknownArchitectureError(Vec<String>);

/// The `X.Y` versions among the tags of the release repository, ascending: the first two numbers joined by a dot in
/// each tag; signature tags (`….sig`) are passed over.
pub fn minor_versions<'a>(tags: impl IntoIterator<Item = &'a str>) -> BTreeSet<(u64, u64)> {
    tags.into_iter().filter(|tag| tag.strip_suffix(".sig").is_none()).filter_map(first_two_numbers).collect()
}

fn first_two_numbers(tag: &str) -> Option<(u64, u64)> {
    tag.match_indices('.').find_map(|(dot, _)| {
        let (left, right) = (&tag[..dot], &tag[dot + 1..]);
        let start = left.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let end = right.len() - right.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        Some((left[start..].parse().ok()?, right[..end].parse().ok()?))
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

    #[test]
    fn architectures() {
        assert_eq!(check_architectures(["amd64", "multi"]), Ok(()));
        insta::assert_snapshot!(
            check_architectures(["amd64", "x86", "riscv"]).unwrap_err(),
            @"invalid architecture(s) x86, riscv: expected any of amd64, arm64, multi, ppc64le, s390x"
        );
    }
}
