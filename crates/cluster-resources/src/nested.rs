//! `--max-nested-paths`: registries that allow only so many path elements (`docs/behaviour/config-cli.md` 4.7).

/// Shortens the path of `name`, which is `host/path` without tag and digest, to at most `most` elements: the first
/// `most - 1` stay, the rest is joined with `-`. Without limit, or when the path fits, the name stays as it is.
///
/// ```
/// assert_eq!(cluster_resources::flatten("reg.lan/a/b/c/d", Some(2)), "reg.lan/a/b-c-d");
/// ```
pub fn flatten(name: &str, most: Option<u32>) -> String {
    let (Some(most), Some((host, path))) = (most.filter(|most| *most > 0), name.split_once('/')) else {
        return name.to_owned();
    };
    let elements: Vec<&str> = path.split('/').collect();
    let keep = most as usize - 1;
    if elements.len() <= keep + 1 {
        return name.to_owned();
    }
    let (head, tail) = elements.split_at(keep);
    let mut flat = host.to_owned();
    for element in head {
        flat.push('/');
        flat.push_str(element);
    }
    flat.push('/');
    flat.push_str(&tail.join("-"));
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        for (name, most, expected) in [
            ("h/a/b/c/d", Some(2), "h/a/b-c-d"),
            ("h/a/b/c/d", Some(3), "h/a/b/c-d"),
            ("h/a/b/c/d", Some(4), "h/a/b/c/d"),
            ("h/a/b/c/d", Some(5), "h/a/b/c/d"),
            ("h/a/b/c/d", None, "h/a/b/c/d"),
            ("h/a/b/c/d", Some(0), "h/a/b/c/d"),
            ("h/a/b/c/d", Some(1), "h/a-b-c-d"),
            ("h/ns/openshift/release", Some(2), "h/ns/openshift-release"),
            ("m:5000/ns/redhat/redhat-operator-index", Some(2), "m:5000/ns/redhat-redhat-operator-index"),
            ("m:5000", Some(1), "m:5000"),
        ] {
            assert_eq!(flatten(name, most), expected, "{name} {most:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn fits_and_is_stable(path in "[a-z]{1,3}(/[a-z]{1,3}){0,6}", most in 1_u32..6) {
            let flat = flatten(&format!("h/{path}"), Some(most));
            proptest::prop_assert!(flat.split('/').count() <= most as usize + 1);
            proptest::prop_assert_eq!(flatten(&flat, Some(most)), flat);
        }
    }
}
