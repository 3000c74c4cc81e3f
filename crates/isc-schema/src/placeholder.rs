//! Placeholders: values that a template, a shell or a reader was to fill in, and nobody did.
//!
//! Such a text breaks the rules of nearly every field. The rule that it breaks helps nobody; the placeholder does.

/// Which texts are placeholders in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Those of every template: the field may hold braces and angle brackets of its own.
    Templates,
    /// Braces, angle brackets and `$NAME` as well: no value of the field has them.
    Any,
}

/// The first placeholder in a text: `...`, `${X}` and `{{ x }}`, and with [`Strictness::Any`] also `$(X)`, `$X`, `{x}`, `<x>`.
pub(crate) fn find(text: &str, strictness: Strictness) -> Option<&str> {
    if matches!(text, "..." | "…") {
        return Some(text);
    }
    let pairs: &[(&str, &str)] = match strictness {
        Strictness::Templates => &[("${", "}"), ("{{", "}}")],
        Strictness::Any => &[("${", "}"), ("$(", ")"), ("{{", "}}"), ("{", "}"), ("<", ">")],
    };
    for (open, close) in pairs {
        let Some((before, inside)) = text.split_once(open) else { continue };
        // `a${2}` is a pattern, and no name begins with a digit.
        let is_name = *open != "${" || inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if let Some(length) = inside.find(close).filter(|length| *length > 0 && is_name) {
            let start = before.len();
            return text.get(start..start + open.len() + length + close.len());
        }
    }
    let (before, name) = text.split_once('$').filter(|_| strictness == Strictness::Any)?;
    let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    text.get(before.len()..=before.len() + length).filter(|_| length > 0)
}

/// Whether a version, or the end of a channel's name, leaves a number open: `4.16.x`, `stable-4.*`, `4.y.z`.
pub(crate) fn is_open_version(text: &str) -> bool {
    let version = text.rsplit('-').next().unwrap_or(text);
    let mut parts = version.split('.');
    let first = parts.next().unwrap_or_default().trim_start_matches('v');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_open = |part: &str| matches!(part, "x" | "X" | "y" | "Y" | "z" | "Z" | "*" | "n" | "N");
    let rest: Vec<&str> = parts.collect();
    is_number(first)
        && rest.iter().any(|part| is_open(part))
        && rest.iter().all(|part| is_open(part) || is_number(part))
}

/// The lowest version that an open one stands for: `4.16.0` for `4.16.x`.
pub(crate) fn lowest_of(text: &str) -> String {
    let number = |part: &str| part.parse::<u64>().unwrap_or_default().to_string();
    let mut numbers: Vec<String> = text.trim_start_matches('v').split('.').map(number).collect();
    numbers.resize(3, "0".to_owned());
    numbers.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_every_kind() {
        for (text, expected) in [
            ("...", Some("...")),
            ("${VERSION}", Some("${VERSION}")),
            ("quay.io/ns/app:${TAG}", Some("${TAG}")),
            ("$(REGISTRY)/app:1", Some("$(REGISTRY)")),
            ("$TAG", Some("$TAG")),
            ("quay.io/$NS/app:1", Some("$NS")),
            ("{{ version }}", Some("{{ version }}")),
            ("v{{.Values.version}}", Some("{{.Values.version}}")),
            ("index:v{product-version}", Some("{product-version}")),
            ("<registry>/ns/app:<tag>", Some("<registry>")),
            ("quay.io/ns/app:1", None),
            ("{}", None),
            ("a<b", None),
            ("$", None),
            ("cost$", None),
        ] {
            assert_eq!(find(text, Strictness::Any), expected, "{text}");
        }
        for (text, expected) in [
            ("{.spec.image}", None),
            ("a{2}$", None),
            ("a${2}", None),
            ("^<x>$", None),
            ("${X}", Some("${X}")),
            ("{{ x }}", Some("{{ x }}")),
        ] {
            assert_eq!(find(text, Strictness::Templates), expected, "{text}");
        }
    }

    #[test]
    fn lowest_versions() {
        for (text, expected) in [("4.16.x", "4.16.0"), ("v4.x", "4.0.0"), ("4.*.*", "4.0.0")] {
            assert_eq!(lowest_of(text), expected, "{text}");
        }
    }

    #[test]
    fn open_versions() {
        for text in ["4.16.x", "4.x", "stable-4.X", "4.*", "v4.16.*", "4.y.z", "fast-4.N"] {
            assert!(is_open_version(text), "{text}");
        }
        for text in
            ["4.16.1", "4.16", "stable-4.16", "x", "v1", "4.16.0-rc.x1", "stable", "stable-x", "1.2.3-x", "4..x1"]
        {
            assert!(!is_open_version(text), "{text}");
        }
    }
}
