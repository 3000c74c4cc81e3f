//! Names that someone may have meant.

// Every index is a place in a list that this module has made itself, never a number that a catalog names.
#![allow(clippy::indexing_slicing)]

/// Up to three of the names that come close to the one that does not exist, best first.
pub fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 3;
    let allowed = (wanted.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let distance = distance(wanted, name);
            let holds = name.contains(wanted) || (!name.is_empty() && wanted.contains(name));
            (distance <= allowed || holds).then_some((distance, name))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// Edits between two names. Names too long to be typed are not measured.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 128;
    let left: Vec<char> = left.chars().take(LONGEST + 1).collect();
    let right: Vec<char> = right.chars().take(LONGEST + 1).collect();
    if left.len() > LONGEST || right.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["3scale-operator", "compliance-operator", "stable", "stable-5.5", "fast", "alpha"];
        let check = |wanted: &str, expected: &[&str]| assert_eq!(near(wanted, names), expected, "{wanted}");
        check("compliance-opertor", &["compliance-operator"]);
        check("compliance", &["compliance-operator"]);
        check("stabel", &["stable"]);
        check("stable-5.6", &["stable-5.5", "stable"]);
        check("zzz", &[]);
    }
}
