//! What is wrong with items of the configuration, as collecting finds it: by position, never by the words of a message.

use std::fmt::Write as _;

use isc_schema::{Item, Mirror, Place};
use mirror_job::Diagnostic;

/// One reason, and every item that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What to say of all of it.
    pub(crate) message: String,
    /// The items; none means the one that was being collected.
    pub(crate) found: Vec<Finding>,
}

/// What is wrong with one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The item.
    pub(crate) place: Place,
    /// What is wrong with this one in particular.
    pub(crate) message: Option<String>,
    /// What would work instead.
    pub(crate) help: Option<String>,
}

impl Finding {
    pub(crate) fn at(place: impl Into<Place>) -> Self {
        Self { place: place.into(), message: None, help: None }
    }
}

impl Fault {
    /// About these items.
    pub(crate) fn new(message: impl Into<String>, found: Vec<Finding>) -> Self {
        Self { message: message.into(), found }
    }

    /// About the item whose path a plan has written down, unless the fault says more.
    pub(crate) fn or_at(mut self, path: &str) -> Self {
        if self.found.is_empty() {
            self.found.extend(path.parse::<Place>().ok().map(Finding::at));
        }
        self
    }

    /// The same with `before` in front of the message.
    pub(crate) fn after(self, before: &str) -> Self {
        Self { message: format!("{before}{}", self.message), ..self }
    }

    /// The text for a person, and a diagnostic for each item. `of` is the item that was being collected.
    pub(crate) fn into_diagnostics(self, mirror: &Mirror, of: Item) -> (String, Vec<Diagnostic>) {
        let Self { message, mut found } = self;
        if found.is_empty() {
            found.push(Finding::at(of));
        }
        let is_one = found.len() == 1;
        let mut text = message.clone();
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for Finding { place, message: own, help } in found {
            let told = own.as_ref().filter(|_| !is_one).map(|own| format!(": {own}")).unwrap_or_default();
            let diagnostic = Diagnostic::at(mirror, place, own.unwrap_or_else(|| message.clone())).with_help(help);
            if diagnostics.contains(&diagnostic) {
                continue;
            }
            if is_one {
                // The text of all of it says more than that of the item.
                text = Diagnostic { message: message.clone(), ..diagnostic.clone() }.to_string();
            } else {
                let place = diagnostic.place().unwrap_or_else(|| diagnostic.path.clone());
                // Writing to a text cannot fail.
                let _ = write!(text, "\n{place}{told}");
                for help in diagnostic.help.iter().flat_map(|help| help.lines()).filter(|help| !message.contains(*help))
                {
                    let _ = write!(text, "\n  help: {help}");
                }
            }
            diagnostics.push(diagnostic);
        }
        (text, diagnostics)
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, found: Vec::new() }
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

/// The configuration in a text of a test.
#[cfg(test)]
pub(crate) fn configuration(text: &str) -> isc_schema::ImageSetConfiguration {
    match isc_schema::parse(text, isc_schema::Kind::ImageSet).config {
        Some(isc_schema::Document::ImageSet(configuration)) => configuration,
        _ => panic!("the text is a configuration"),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const TEXT: &str = "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  operators:
  - catalog: reg/a:v1
    packages:
    - name: foo
    - name: bar
";

    fn told(fault: Fault) -> (String, Vec<(u32, String)>) {
        let (text, found) = fault.into_diagnostics(&configuration(TEXT).mirror, Item::Catalog(0));
        (text, found.into_iter().map(|found| (found.line, found.message)).collect())
    }

    /// Whatever a message says, and whichever names stand in it, positions come from items.
    #[test]
    fn words_have_no_places() {
        for message in ["", "package \"bar\" is wrong", "line 8", "mirror.operators[0].packages[1]"] {
            let fault = Fault::new(message, vec![Finding::at(Item::Package(0, 0))]);
            assert_eq!(told(fault).1, [(7, message.to_owned())]);
            assert_eq!(told(Fault::from(message)).1, [(5, message.to_owned())]);
        }
    }

    #[test]
    fn one_reason_for_several_items() {
        let help = |package| Some(format!("use {package}"));
        let found = vec![
            Finding { help: help("fool"), ..Finding::at(Item::Package(0, 0)) },
            Finding { message: Some("bar is gone".to_owned()), help: help("baz"), place: Item::Package(0, 1).into() },
            Finding { help: help("fool"), ..Finding::at(Item::Package(0, 0)) },
        ];
        let (text, diagnostics) = told(Fault::new("nothing is there", found).after("catalog a: "));
        assert_eq!(diagnostics, [(7, "catalog a: nothing is there".to_owned()), (8, "bar is gone".to_owned())]);
        let expected = "\
catalog a: nothing is there
line 7 of the configuration (mirror.operators[0].packages[0])
  help: use fool
line 8 of the configuration (mirror.operators[0].packages[1]): bar is gone
  help: use baz";
        assert_eq!(text, expected);
    }
}
