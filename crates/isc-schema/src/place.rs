//! Places of a configuration by name: which item a path such as `mirror.operators[0].packages[1]` is, and where it stands.

use crate::{Mirror, Span};

impl Mirror {
    /// Where the item at `path` stands; none when there is no such item. What stands before the first dot (`mirror` or
    /// `delete`) does not matter.
    pub fn span_of(&self, path: &str) -> Option<Span> {
        let mut steps = path.split('.').skip(1).map(step);
        let span = match steps.next()? {
            ("platform", None) => match steps.next() {
                Some(("channels", Some(at))) => self.platform.channels.get(at)?.span,
                _ => self.platform.span,
            },
            ("operators", Some(at)) => {
                let catalog = self.operators.get(at)?;
                match steps.next() {
                    Some(("packages", Some(at))) => {
                        let package = catalog.packages.iter().flatten().nth(at)?;
                        match steps.next() {
                            Some(("channels", Some(at))) => package.channels.get(at)?.span,
                            Some(("bundles", Some(at))) => package.bundles.get(at)?.span,
                            _ => package.span,
                        }
                    }
                    _ => catalog.span,
                }
            }
            ("additionalImages", Some(at)) => self.additional_images.get(at)?.span,
            ("helm", None) => match (steps.next()?, steps.next()) {
                (("local", Some(at)), _) => self.helm.local.get(at)?.span,
                (("repositories", Some(at)), Some(("charts", Some(chart)))) => {
                    self.helm.repositories.get(at)?.charts.iter().flatten().nth(chart)?.span
                }
                (("repositories", Some(at)), _) => self.helm.repositories.get(at)?.span,
                _ => return None,
            },
            _ => return None,
        };
        (span.line > 0).then_some(span)
    }

    /// The path of the item that a message about the item at `path` is about: a package, a channel or a bundle inside of it,
    /// when the message names one; of several the one that is named first.
    pub fn item_named_by(&self, path: &str, message: &str) -> String {
        let mut steps = path.split('.').skip(1).map(step);
        let inside = match (steps.next(), steps.next()) {
            (Some(("platform", None)), None) => {
                let channels = &self.platform.channels;
                let names = channels.iter().map(|channel| channel.name.as_str());
                // One channel is meant, whether or not the message names it.
                first_named(names, message)
                    .or_else(|| (channels.len() == 1).then_some(0))
                    .map(|at| format!("{path}.channels[{at}]"))
            }
            (Some(("operators", Some(at))), None) => self.operators.get(at).and_then(|catalog| {
                let packages: Vec<_> = catalog.packages.iter().flatten().collect();
                let at = first_named(packages.iter().map(|package| package.name.as_str()), message)?;
                let package = packages.get(at)?;
                let path = format!("{path}.packages[{at}]");
                let channels = package.channels.iter().map(|channel| channel.name.as_str());
                let bundles = package.bundles.iter().map(|bundle| bundle.name.as_str());
                let channel = first_named(channels, message).map(|at| format!("{path}.channels[{at}]"));
                let bundle = || first_named(bundles, message).map(|at| format!("{path}.bundles[{at}]"));
                Some(channel.or_else(bundle).unwrap_or(path))
            }),
            _ => None,
        };
        inside.unwrap_or_else(|| path.to_owned())
    }
}

/// `packages[3]` as `packages` and 3.
fn step(text: &str) -> (&str, Option<usize>) {
    match text.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']').and_then(|number| number.parse().ok())),
        None => (text, None),
    }
}

/// Which of the names the text says first.
fn first_named<'a>(names: impl Iterator<Item = &'a str>, text: &str) -> Option<usize> {
    let said = names.enumerate().filter_map(|(at, name)| Some((position(text, name)?, at)));
    said.min().map(|(_, at)| at)
}

/// Where the text says the name as a whole word.
fn position(text: &str, name: &str) -> Option<usize> {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '/');
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let (before, found) = text.split_at_checked(*at).unwrap_or_default();
        let mut after = found.strip_prefix(name).unwrap_or_default().chars();
        let goes_on = match after.next() {
            // The end of a sentence, or the next part of a name.
            Some('.') => after.next().is_some_and(is_part),
            next => next.is_some_and(is_part),
        };
        !name.is_empty() && !goes_on && !before.ends_with(|char| is_part(char) || char == '.')
    })
}

#[cfg(test)]
mod tests {
    use crate::{Document, Kind, Mirror, parse};

    const TEXT: &str = "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  platform:
    channels:
    - name: stable-4.1
    - name: stable-4.16
  operators:
  - catalog: reg/a:v1
  - catalog: reg/b:v1
    packages:
    - name: foo
      channels:
      - name: fast
    - name: foo-bar
      bundles:
      - name: foo-bar.v1
  additionalImages:
  - name: reg/c:v1
  helm:
    repositories:
    - name: r
      url: https://charts
      charts:
      - name: c
    local:
    - name: l
      path: ./l
";

    fn mirror() -> Mirror {
        match parse(TEXT, Kind::ImageSet).config {
            Some(Document::ImageSet(configuration)) => configuration.mirror,
            _ => panic!("the text is a configuration"),
        }
    }

    #[test]
    fn where_an_item_stands() {
        let mirror = mirror();
        let rows = [
            ("mirror.platform", "channels"),
            ("mirror.platform.channels[1]", "stable-4.16"),
            ("mirror.operators[0]", "reg/a"),
            ("mirror.operators[1].packages[0]", "foo"),
            ("mirror.operators[1].packages[0].channels[0]", "fast"),
            ("mirror.operators[1].packages[1].bundles[0]", "foo-bar.v1"),
            ("mirror.additionalImages[0]", "reg/c"),
            ("mirror.helm.repositories[0]", "name: r"),
            ("mirror.helm.repositories[0].charts[0]", "name: c"),
            ("mirror.helm.local[0]", "name: l"),
            ("delete.additionalImages[0]", "reg/c"),
        ];
        for (path, word) in rows {
            let span = mirror.span_of(path).unwrap_or_else(|| panic!("{path}"));
            let line = TEXT.lines().nth(span.line as usize - 1).unwrap();
            assert!(line.contains(word) && span.column > 0, "{path}: {span}: {line}");
        }
        for path in
            ["", "mirror", "mirror.operators[2]", "mirror.operators", "mirror.helm", "mirror.x[0]", "mirror.helm.x"]
        {
            assert!(mirror.span_of(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_a_message_is_about() {
        let mirror = mirror();
        let rows = [
            ("mirror.operators[1]", "package \"foo\" not found, near: foo-bar", "mirror.operators[1].packages[0]"),
            ("mirror.operators[1]", "package \"foo-bar\" is not foo", "mirror.operators[1].packages[1]"),
            ("mirror.operators[1]", "operator foo: no channel `fast`.", "mirror.operators[1].packages[0].channels[0]"),
            ("mirror.operators[1]", "foo-bar: foo-bar.v1 is not there", "mirror.operators[1].packages[1].bundles[0]"),
            ("mirror.operators[1]", "401 Unauthorized", "mirror.operators[1]"),
            ("mirror.operators[0]", "package foo", "mirror.operators[0]"),
            ("mirror.platform", "channel stable-4.16 has no such version", "mirror.platform.channels[1]"),
            ("mirror.platform", "no releases", "mirror.platform"),
            ("mirror.additionalImages[0]", "foo", "mirror.additionalImages[0]"),
        ];
        for (path, message, expected) in rows {
            assert_eq!(mirror.item_named_by(path, message), expected, "{message}");
        }
    }
}
