//! Whether a value could stand in another field: advice to move a value there must not lead to the next mistake.

use image_ref::{ImageRef, is_valid_path, is_valid_tag};

use crate::fields::{Format, Object, Shape};
use crate::yaml::{Node, Resolved, Value};
use crate::{BlockedImage, VersionBound};

/// Whether a field of this shape accepts the value. Nothing is accepted everywhere.
pub(super) fn fits(node: &Node, shape: &Shape) -> bool {
    if node.is_null() {
        return true;
    }
    match (shape, &node.value) {
        (Shape::Text(format), _) => node.as_text().is_some_and(|text| text_fits(text, *format)),
        (Shape::TextOrNamed(_), Value::Mapping(_)) => fits_object(node, &crate::fields::BLOCKED_IMAGE),
        (Shape::TextOrNamed(format), _) => node.as_text().is_some_and(|text| text_fits(text, *format)),
        (Shape::Boolean, Value::Scalar(scalar)) => matches!(scalar.resolved, Resolved::Bool(_)),
        (Shape::Integer, Value::Scalar(scalar)) => matches!(scalar.resolved, Resolved::Integer(0..)),
        (Shape::Values, Value::Mapping(_)) => true,
        (Shape::Object(object), _) => fits_object(node, object),
        (Shape::List(item), Value::Sequence(items)) => items.iter().all(|node| !node.is_null() && fits(node, item)),
        _ => false,
    }
}

/// Whether a mapping is this object: nothing in it is unknown, and nothing is missing.
fn fits_object(node: &Node, object: &Object) -> bool {
    let Value::Mapping(entries) = &node.value else { return false };
    let known =
        entries.iter().all(|entry| object.field(&entry.key.text).is_some_and(|field| fits(&entry.value, &field.shape)));
    let complete = object.fields.iter().filter(|field| field.required).all(|field| {
        entries.iter().any(|entry| entry.key.text.eq_ignore_ascii_case(field.name) && !entry.value.is_null())
    });
    known && complete
}

fn text_fits(text: &str, format: Format) -> bool {
    match format {
        Format::Any | Format::Name => true,
        Format::Image => ImageRef::parse(text).is_ok(),
        Format::OperatorVersion => VersionBound::lenient(text).is_ok(),
        Format::ReleaseVersion => VersionBound::strict(text).is_ok(),
        Format::Path => is_valid_path(text),
        Format::Tag => is_valid_tag(text),
        Format::Regex => BlockedImage::new(text).is_ok(),
        Format::Url => text.contains("://"),
        Format::ReleaseType => matches!(text, "ocp" | "okd"),
        Format::Architecture => super::platform::ARCHITECTURES.contains(&text),
    }
}

/// The only list among the fields of `object` that a list without a key can be. Nearly every list could be `blockedImages`
/// or `samples`, so that these are never meant.
pub(super) fn fitting_list(node: &Node, object: &Object) -> Option<&'static str> {
    let mut lists = object.fields.iter().filter(|field| {
        let is_object = matches!(field.shape, Shape::List(Shape::Object(_))) && field.name != "samples";
        is_object && fits(node, &field.shape)
    });
    match (lists.next(), lists.next()) {
        (Some(field), None) => Some(field.name),
        _ => None,
    }
}
