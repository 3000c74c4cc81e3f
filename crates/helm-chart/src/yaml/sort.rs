//! The order of keys in written YAML: go-yaml's, which counts numbers inside of keys.

use std::cmp::Ordering;

use super::emit::Tree;

/// Sorts entries as go-yaml v2 does.
pub(super) fn natural_sort(entries: &mut Vec<(String, Tree)>) {
    sort(entries, less);
}

/// Sorts entries as go-yaml v3 does: a number goes before a letter only at its own place.
pub(super) fn natural_sort_v3(entries: &mut Vec<(String, Tree)>) {
    sort(entries, less_v3);
}

/// A merge sort of our own: go-yaml's order is not total for numbers beyond 64 bits, and the standard library may
/// panic then.
fn sort(entries: &mut Vec<(String, Tree)>, less: fn(&[char], &[char]) -> bool) {
    let ordered = entries.is_sorted_by(|(a, _), (b, _)| compare(a, b, less) != Ordering::Greater);
    if ordered {
        return;
    }
    let mut keyed: Vec<(Vec<char>, (String, Tree))> =
        std::mem::take(entries).into_iter().map(|entry| (entry.0.chars().collect(), entry)).collect();
    keyed = merge_sort(keyed, less);
    *entries = keyed.into_iter().map(|(_, entry)| entry).collect();
}

fn compare(a: &str, b: &str, less: fn(&[char], &[char]) -> bool) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if less(&b, &a) { Ordering::Greater } else { Ordering::Less }
}

fn merge_sort<T>(mut items: Vec<(Vec<char>, T)>, less: fn(&[char], &[char]) -> bool) -> Vec<(Vec<char>, T)> {
    if items.len() < 2 {
        return items;
    }
    let right = items.split_off(items.len() / 2);
    let total = items.len() + right.len();
    let mut left = merge_sort(items, less).into_iter().peekable();
    let mut right = merge_sort(right, less).into_iter().peekable();
    let mut out = Vec::with_capacity(total);
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(&b.0, &a.0) { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

fn less(a: &[char], b: &[char]) -> bool {
    natural(a, b, false)
}

fn less_v3(a: &[char], b: &[char]) -> bool {
    natural(a, b, true)
}

/// `keyList.Less` of go-yaml.
fn natural(a: &[char], b: &[char], third: bool) -> bool {
    let mut digits = false;
    for (index, (&in_a, &in_b)) in a.iter().zip(b).enumerate() {
        if in_a == in_b {
            digits = in_a.is_numeric() && is_digit(in_a);
            continue;
        }
        let (a_letter, b_letter) = (in_a.is_alphabetic(), in_b.is_alphabetic());
        if a_letter && b_letter {
            return in_a < in_b;
        }
        if a_letter || b_letter {
            return if third && digits { a_letter } else { b_letter };
        }
        let (mut a_number, mut b_number): (i64, i64) = (0, 0);
        if in_a == '0' || in_b == '0' {
            for before in a.iter().take(index).rev().take_while(|c| is_digit(**c)) {
                if *before != '0' {
                    a_number = 1;
                    b_number = 1;
                    break;
                }
            }
        }
        let a_end = number_end(a, index, &mut a_number);
        let b_end = number_end(b, index, &mut b_number);
        if a_number != b_number {
            return a_number < b_number;
        }
        if a_end != b_end {
            return a_end < b_end;
        }
        return in_a < in_b;
    }
    a.len() < b.len()
}

fn number_end(text: &[char], start: usize, number: &mut i64) -> usize {
    let mut end = start;
    for &character in text.iter().skip(start).take_while(|character| is_digit(**character)) {
        let digit = i64::from(u32::from(character)) - i64::from(u32::from('0'));
        *number = number.wrapping_mul(10).wrapping_add(digit);
        end += 1;
    }
    end
}

/// `unicode.IsDigit` for the digits that keys have.
fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_go_yaml_sorts_them() {
        let mut entries: Vec<(String, Tree)> = ["b10", "b9", "a", "B", "1", "10", "2", "a-b", "a.b", "ab", "_x", "a1"]
            .map(|key| (key.to_owned(), Tree::Bare(String::new())))
            .into();
        natural_sort(&mut entries);
        let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["_x", "1", "2", "10", "B", "a", "a-b", "a.b", "a1", "ab", "b9", "b10"]);
    }
}
