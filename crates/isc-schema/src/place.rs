//! Places of a configuration: which item something is about, and where that item stands in the file.

use std::fmt;
use std::str::FromStr;

use crate::{Mirror, Span};

/// An item of a configuration, by its position in each list, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item {
    /// `platform`.
    Platform,
    /// `platform.release`.
    Release,
    /// `platform.graph`.
    Graph,
    /// One of `platform.channels`.
    ReleaseChannel(usize),
    /// One of `operators`.
    Catalog(usize),
    /// A package: the number of its catalog, and its own.
    Package(usize, usize),
    /// A channel of a package: the numbers of catalog and package, and its own.
    Channel(usize, usize, usize),
    /// A bundle of a package: the numbers of catalog and package, and its own.
    Bundle(usize, usize, usize),
    /// One of `additionalImages`.
    AdditionalImage(usize),
    /// `helm`.
    Helm,
    /// One of `helm.repositories`.
    Repository(usize),
    /// A chart of a repository: the number of the repository, and its own.
    Chart(usize, usize),
    /// One of `helm.local`.
    LocalChart(usize),
}

/// A bound of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BoundField {
    /// `minVersion`.
    Min,
    /// `maxVersion`.
    Max,
}

impl BoundField {
    /// The field's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Min => "minVersion",
            Self::Max => "maxVersion",
        }
    }
}

/// What something is about: an item, or a bound of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The item.
    pub item: Item,
    /// The bound that is meant, and not the item as a whole.
    pub bound: Option<BoundField>,
}

impl Item {
    /// A bound of this item.
    pub fn bound(self, bound: BoundField) -> Place {
        Place { item: self, bound: Some(bound) }
    }
}

impl From<Item> for Place {
    fn from(item: Item) -> Self {
        Self { item, bound: None }
    }
}

impl fmt::Display for Item {
    /// The path of the item, such as `mirror.operators[0].packages[1]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mirror.")?;
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Release => f.write_str("platform.release"),
            Self::Graph => f.write_str("platform.graph"),
            Self::ReleaseChannel(channel) => write!(f, "platform.channels[{channel}]"),
            Self::Catalog(catalog) => write!(f, "operators[{catalog}]"),
            Self::Package(catalog, package) => write!(f, "operators[{catalog}].packages[{package}]"),
            Self::Channel(catalog, package, channel) => {
                write!(f, "operators[{catalog}].packages[{package}].channels[{channel}]")
            }
            Self::Bundle(catalog, package, bundle) => {
                write!(f, "operators[{catalog}].packages[{package}].bundles[{bundle}]")
            }
            Self::AdditionalImage(image) => write!(f, "additionalImages[{image}]"),
            Self::Helm => f.write_str("helm"),
            Self::Repository(repository) => write!(f, "helm.repositories[{repository}]"),
            Self::Chart(repository, chart) => write!(f, "helm.repositories[{repository}].charts[{chart}]"),
            Self::LocalChart(chart) => write!(f, "helm.local[{chart}]"),
        }
    }
}

impl fmt::Display for Place {
    /// The path of the item, and the name of the bound behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)?;
        match self.bound {
            Some(bound) => write!(f, ".{}", bound.as_str()),
            None => Ok(()),
        }
    }
}

/// A text that is no path of a [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path of the configuration, such as `mirror.operators[0].packages[1]`")]
pub struct ParsePlaceError(String);

impl FromStr for Place {
    type Err = ParsePlaceError;

    /// Reads what [`Place`] writes; `delete` may stand for `mirror`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePlaceError(text.to_owned());
        let (path, bound) = match text.rsplit_once('.') {
            Some((path, "minVersion")) => (path, Some(BoundField::Min)),
            Some((path, "maxVersion")) => (path, Some(BoundField::Max)),
            _ => (text, None),
        };
        let mut steps = Vec::new();
        for part in path.split('.') {
            steps.push(step(part).ok_or_else(error)?);
        }
        let Some((("mirror" | "delete", None), steps)) = steps.split_first() else { return Err(error()) };
        let item = match *steps {
            [("platform", None)] => Item::Platform,
            [("platform", None), ("release", None)] => Item::Release,
            [("platform", None), ("graph", None)] => Item::Graph,
            [("platform", None), ("channels", Some(channel))] => Item::ReleaseChannel(channel),
            [("operators", Some(catalog))] => Item::Catalog(catalog),
            [("operators", Some(catalog)), ("packages", Some(package))] => Item::Package(catalog, package),
            [("operators", Some(catalog)), ("packages", Some(package)), ("channels", Some(channel))] => {
                Item::Channel(catalog, package, channel)
            }
            [("operators", Some(catalog)), ("packages", Some(package)), ("bundles", Some(bundle))] => {
                Item::Bundle(catalog, package, bundle)
            }
            [("additionalImages", Some(image))] => Item::AdditionalImage(image),
            [("helm", None)] => Item::Helm,
            [("helm", None), ("repositories", Some(repository))] => Item::Repository(repository),
            [("helm", None), ("repositories", Some(repository)), ("charts", Some(chart))] => {
                Item::Chart(repository, chart)
            }
            [("helm", None), ("local", Some(chart))] => Item::LocalChart(chart),
            _ => return Err(error()),
        };
        Ok(Self { item, bound })
    }
}

impl Mirror {
    /// Where something stands: the bound when the item has it, else the item. None when there is no such item, or when the
    /// configuration was not read from a text.
    pub fn span_of(&self, place: Place) -> Option<Span> {
        let bound = place.bound.and_then(|bound| self.bound(place.item, bound));
        let span = bound.or_else(|| self.item(place.item))?;
        (span.line > 0).then_some(span)
    }

    fn item(&self, item: Item) -> Option<Span> {
        let package = |catalog: usize, package: usize| self.operators.get(catalog)?.packages().get(package);
        Some(match item {
            Item::Platform | Item::Release | Item::Graph => self.platform.span,
            Item::ReleaseChannel(channel) => self.platform.channels.get(channel)?.span,
            Item::Catalog(catalog) => self.operators.get(catalog)?.span,
            Item::Package(catalog, at) => package(catalog, at)?.span,
            Item::Channel(catalog, at, channel) => package(catalog, at)?.channels.get(channel)?.span,
            Item::Bundle(catalog, at, bundle) => package(catalog, at)?.bundles.get(bundle)?.span,
            Item::AdditionalImage(image) => self.additional_images.get(image)?.span,
            Item::Helm => self.helm.repositories.first().map(|first| first.span).or(self
                .helm
                .local
                .first()
                .map(|first| first.span))?,
            Item::Repository(repository) => self.helm.repositories.get(repository)?.span,
            Item::Chart(repository, chart) => self.helm.repositories.get(repository)?.charts.as_ref()?.get(chart)?.span,
            Item::LocalChart(chart) => self.helm.local.get(chart)?.span,
        })
    }

    fn bound(&self, item: Item, bound: BoundField) -> Option<Span> {
        let (min, max) = match item {
            Item::ReleaseChannel(channel) => {
                let channel = self.platform.channels.get(channel)?;
                (&channel.min_version, &channel.max_version)
            }
            Item::Package(catalog, package) => {
                let package = self.operators.get(catalog)?.packages().get(package)?;
                (&package.min_version, &package.max_version)
            }
            Item::Channel(catalog, package, channel) => {
                let channel = self.operators.get(catalog)?.packages().get(package)?.channels.get(channel)?;
                (&channel.min_version, &channel.max_version)
            }
            _ => return None,
        };
        let bound = match bound {
            BoundField::Min => min,
            BoundField::Max => max,
        };
        bound.as_ref().map(|bound| bound.span)
    }
}

/// `packages[3]` as `packages` and 3; none when the brackets hold no number.
fn step(text: &str) -> Option<(&str, Option<usize>)> {
    match text.split_once('[') {
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(']')?.parse().ok()?))),
        None => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, Kind, parse};

    const TEXT: &str = "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  platform:
    channels:
    - name: stable-4.1
    - name: stable-4.16
      maxVersion: 4.16.9
  operators:
  - catalog: reg/a:v1
  - catalog: reg/b:v1
    packages:
    - name: foo
      channels:
      - name: fast
        minVersion: 1.2.3
    - name: foo-bar
      bundles:
      - name: foo-bar.v1
    - name: baz
      maxVersion: 9.9.9
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
            ("mirror.platform.graph", "channels"),
            ("mirror.platform.release", "channels"),
            ("mirror.platform.channels[1]", "stable-4.16"),
            ("mirror.platform.channels[1].maxVersion", "4.16.9"),
            // It has no lower bound.
            ("mirror.platform.channels[1].minVersion", "stable-4.16"),
            ("mirror.operators[0]", "reg/a"),
            ("mirror.operators[1].packages[0]", "foo"),
            ("mirror.operators[1].packages[0].channels[0]", "fast"),
            ("mirror.operators[1].packages[0].channels[0].minVersion", "1.2.3"),
            ("mirror.operators[1].packages[1].bundles[0]", "foo-bar.v1"),
            ("mirror.operators[1].packages[2].maxVersion", "9.9.9"),
            ("mirror.additionalImages[0]", "reg/c"),
            ("mirror.helm", "name: r"),
            ("mirror.helm.repositories[0]", "name: r"),
            ("mirror.helm.repositories[0].charts[0]", "name: c"),
            ("mirror.helm.local[0]", "name: l"),
        ];
        for (path, word) in rows {
            let place: Place = path.parse().unwrap();
            assert_eq!(place.to_string(), path);
            let of_delete = path.replace("mirror", "delete");
            assert_eq!(of_delete.parse::<Place>().as_ref(), Ok(&place));
            let span = mirror.span_of(place).unwrap_or_else(|| panic!("{path}"));
            let line = TEXT.lines().nth(span.line as usize - 1).unwrap();
            assert!(line.contains(word) && span.column > 0, "{path}: {span}: {line}");
        }
        for path in ["mirror.operators[2]", "mirror.operators[0].packages[0]", "mirror.platform.channels[7].minVersion"]
        {
            assert!(mirror.span_of(path.parse().unwrap()).is_none(), "{path}");
        }
    }

    #[test]
    fn texts_that_are_no_path() {
        for text in [
            "",
            "mirror",
            "mirror.operators",
            "mirror.operators[x]",
            "mirror.operators[0",
            "mirror.operators[0].channels[0]",
            "mirror.platform[0]",
            "mirror.x[0]",
            "mirror.helm.x",
            "other.platform",
            "minVersion",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
