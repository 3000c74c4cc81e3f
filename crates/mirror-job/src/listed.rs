//! Long lists in messages.

use std::fmt::Display;

/// The first names, and behind them what `rest` says of the number that is left out: `a, b, 3 more`.
pub fn listed<T: Display>(names: &[T], most: usize, between: &str, rest: impl FnOnce(usize) -> String) -> String {
    let mut shown: Vec<String> = names.iter().take(most).map(ToString::to_string).collect();
    if names.len() > most {
        shown.push(rest(names.len() - most));
    }
    shown.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let list = |names: &[&str]| listed(names, 2, ", ", |more| format!("{more} more"));
        assert_eq!(
            [list(&[]), list(&["a"]), list(&["a", "b"]), list(&["a", "b", "c"])],
            ["", "a", "a, b", "a, b, 1 more"]
        );
    }
}
