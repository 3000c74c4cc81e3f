//! The nearest known name to a misspelt one.

// The rows of the table of distances are as long as the names that are compared.
#![allow(clippy::indexing_slicing)]

/// The candidate nearest to `name`, if one is near enough to be what was meant: a third of its letters, at most four, may be
/// wrong.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(name, candidates, |candidate| candidate.chars().count().div_ceil(3).min(4))
}

/// As [`nearest`], with a bound of the caller's for the letters that may be wrong.
pub fn nearest_within<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    bound: impl Fn(&str) -> usize,
) -> Option<&'a str> {
    let name = simplified(name);
    // Longer than any name there is; comparing would only cost time.
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &simplified(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= bound(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Lower case without `-` and `_`: `min_version` is a spelling of `minVersion`.
fn simplified(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Edit distance with insertion, deletion, replacement and swap of neighbours (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; right.len() + 1];
        for j in 1..=right.len() {
            let cost = usize::from(left[i - 1] != right[j - 1]);
            row[j] = (previous[j] + 1).min(row[j - 1] + 1).min(previous[j - 1] + cost);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let names = ["catalog", "packages", "minVersion", "maxVersion", "full", "name", "additionalImages"];
        for (written, expected) in [
            ("catlog", Some("catalog")),
            ("catalogs", Some("catalog")),
            ("min_version", Some("minVersion")),
            ("minversion", Some("minVersion")),
            ("mniVersion", Some("minVersion")),
            ("additonalImage", Some("additionalImages")),
            ("nmae", Some("name")),
            ("fulll", Some("full")),
            ("storageConfig", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), expected, "{written}");
        }
        assert_eq!(nearest(&"m".repeat(1000), names), None);
    }
}
