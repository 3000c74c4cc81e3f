//! One JSON object as its list of fields, each value still text: the form in which blobs are looked at and rewritten.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an object in the order of the text. Names are looked up case-insensitively, as OLM's decoder does.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The value of a field; of several spellings or repetitions the last one counts, and `null` is as good as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| same_name(key, name))?;
        (value.get() != "null").then_some(*value)
    }

    /// How many fields fold to this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(key, _)| same_name(key, name)).count()
    }

    /// Decodes a field; absent and `null` give the default.
    pub(crate) fn decode<T: Deserialize<'a> + Default>(&self, name: &str) -> Result<T, FieldError> {
        Ok(self.decode_optional(name)?.unwrap_or_default())
    }

    /// Decodes a field; absent and `null` give nothing.
    pub(crate) fn decode_optional<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, FieldError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map(Some).map_err(|error| FieldError {
            field: name.to_owned(),
            value: excerpt(value.get()),
            // It may repeat the value.
            reason: beginning(&error.to_string(), 160),
        })
    }

    /// Decodes a text field; absent and `null` give the empty text.
    pub(crate) fn text(&self, name: &str) -> Result<String, FieldError> {
        self.decode(name)
    }
}

/// A field of the wrong type.
#[derive(Debug, thiserror::Error)]
#[error("field `{field}` has the unexpected value `{value}`: {reason}")]
pub(crate) struct FieldError {
    field: String,
    value: String,
    reason: String,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A key borrowed where it holds no escapes; `Cow` alone would always copy.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Whether a key names a field: equal after Unicode case folding (the simple folding of the characters in question).
pub(crate) fn same_name(key: &str, name: &str) -> bool {
    if key.is_ascii() {
        return key.eq_ignore_ascii_case(name);
    }
    let fold = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
    key.chars().flat_map(fold).eq(name.chars().flat_map(fold))
}

/// The beginning of a text that a message quotes.
pub(crate) fn excerpt(text: &str) -> String {
    beginning(text, 60)
}

/// A text up to this many characters.
pub(crate) fn beginning(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold() {
        let check = |key: &str, name: &str, same: bool| assert_eq!(same_name(key, name), same, "{key} {name}");
        check("schema", "schema", true);
        check("SCHEMA", "schema", true);
        check("ſchema", "schema", true);
        check("pac\u{212a}age", "package", true);
        check("schemas", "schema", false);
        check("relatedimages", "relatedImages", true);
    }

    #[test]
    fn last_one_counts_and_null_is_absent() {
        let fields: Fields<'_> = serde_json::from_str(r#"{"a":1,"A":2,"b":null,"c\u0064":3}"#).unwrap();
        assert_eq!(fields.get("a").unwrap().get(), "2");
        assert_eq!(fields.count("a"), 2);
        assert!(fields.get("b").is_none());
        assert_eq!(fields.get("cd").unwrap().get(), "3");
        assert_eq!(fields.decode::<u8>("a").unwrap(), 2);
        assert_eq!(
            fields.text("a").unwrap_err().to_string(),
            "field `a` has the unexpected value `2`: invalid type: integer `2`, expected a string at line 1 column 1"
        );
    }
}
