//! One YAML document to JSON text, in one pass and without a tree in between.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_saphyr::{Budget, Options};

/// A document that does not convert: the line within the document, from 1, when known, and what is wrong.
#[derive(Debug)]
pub(crate) struct YamlError {
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
}

/// Converts a document; `None` when it holds nothing.
pub(crate) fn to_json(text: &str) -> Result<Option<Box<RawValue>>, YamlError> {
    let JsonText(json) = serde_saphyr::from_str_with_options(text, options(text)).map_err(|error| {
        let line = error.location().and_then(|location| usize::try_from(location.line()).ok());
        YamlError { line, message: error.without_snippet().to_string() }
    })?;
    if json == "null" {
        return Ok(None);
    }
    RawValue::from_string(json).map(Some).map_err(|error| YamlError { line: None, message: error.to_string() })
}

/// Real catalogs break every default limit of the YAML library (a bundle carries megabytes in one scalar). Their size is
/// bounded where their bytes come from; what stays bounded here is depth, because it costs stack, and what aliases repeat:
/// the library bounds how often, and the texts together may not be much longer than the document.
fn options(text: &str) -> Options {
    // Catalogs have about a dozen levels. Each takes several frames, and threads have 2 MiB.
    const DEPTH: usize = 64;
    const TIMES: usize = 8;
    const AT_LEAST: usize = 1 << 20;
    let mut options = Options::default();
    options.with_snippet = false;
    options.emit_comments = false;
    let mut budget = Budget::default();
    budget.max_depth = DEPTH;
    budget.flow_nesting_limit = DEPTH;
    budget.max_events = usize::MAX;
    budget.max_nodes = usize::MAX;
    budget.max_total_scalar_bytes = text.len().saturating_mul(TIMES).saturating_add(AT_LEAST);
    budget.max_total_comment_bytes = usize::MAX;
    options.budget = Some(budget);
    options
}

struct JsonText(String);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = String::new();
        Transcode(&mut json).deserialize(deserializer)?;
        json.shrink_to_fit();
        Ok(Self(json))
    }
}

struct Transcode<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_i128<E>(self, value: i128) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u128<E>(self, value: u128) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let number = serde_json::Number::from_f64(value).ok_or_else(|| E::custom("a number that JSON cannot write"))?;
        self.0.push_str(&number.to_string());
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        push_string(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        let mut first = true;
        loop {
            let length = self.0.len();
            if !std::mem::take(&mut first) {
                self.0.push(',');
            }
            if items.next_element_seed(Transcode(self.0))?.is_none() {
                self.0.truncate(length);
                break;
            }
        }
        self.0.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut first = true;
        let mut key = String::new();
        loop {
            key.clear();
            if map.next_key_seed(Transcode(&mut key))?.is_none() {
                break;
            }
            if !std::mem::take(&mut first) {
                self.0.push(',');
            }
            // Scalars other than texts become texts, as in every YAML to JSON conversion; collections cannot be keys.
            match key.as_bytes().first() {
                Some(b'"') => self.0.push_str(&key),
                Some(b'{' | b'[') => return Err(A::Error::custom("a collection cannot be a key")),
                _ => push_string(self.0, &key),
            }
            self.0.push(':');
            map.next_value_seed(Transcode(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

/// Appends a JSON string. Runs without special characters are copied whole: icons and manifests are long.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let mut special = special.chars();
        match special.next() {
            Some('"') => json.push_str("\\\""),
            Some('\\') => json.push_str("\\\\"),
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some('\u{8}') => json.push_str("\\b"),
            Some('\u{c}') => json.push_str("\\f"),
            control => {
                let _ = write!(json, "\\u{:04x}", control.map_or(0, u32::from));
            }
        }
        rest = special.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn converts() {
        let check = |yaml: &str, json: Option<&str>| {
            assert_eq!(to_json(yaml).unwrap().as_deref().map(RawValue::get), json, "{yaml}");
        };
        check("", None);
        check("  \n", None);
        check("a: 1", Some(r#"{"a":1}"#));
        check("b: 1\na: [x, [], {}, [p, yes]]", Some(r#"{"b":1,"a":["x",[],{},["p",true]]}"#));
        check("a: 9007199254740993", Some(r#"{"a":9007199254740993}"#));
        check("a: 1.5\nb: -3\nc: true\nd: null\ne: ~", Some(r#"{"a":1.5,"b":-3,"c":true,"d":null,"e":null}"#));
        check("a: '1'\nb: \"x\\ny\"\nc: 1.2.3", Some(r#"{"a":"1","b":"x\ny","c":"1.2.3"}"#));
        check("1: a\ntrue: b", Some(r#"{"1":"a","true":"b"}"#));
        check("a: |\n  x\n  y\nb: >-\n  x\n  y", Some(r#"{"a":"x\ny\n","b":"x y"}"#));
        check("a: &x [1]\nb: *x", Some(r#"{"a":[1],"b":[1]}"#));
    }

    #[test]
    fn refuses() {
        let check = |yaml: &str, line: Option<usize>| {
            assert_eq!(to_json(yaml).unwrap_err().line, line, "{yaml}");
        };
        check("a: 1\na: 2", Some(2));
        check("a: [", Some(1));
        check(&format!("{}1{}", "[".repeat(500), "]".repeat(500)), Some(1));
        check("a: *nobody", Some(1));
    }

    /// Ten lists of ten of the list before, down to ten billion texts; and one long text again and again.
    #[test]
    fn aliases_do_not_multiply() {
        let mut laughs = "a0: &a0 [lol]\n".to_owned();
        for level in 1..=10 {
            let ten = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(laughs, "a{level}: &a{level} [{ten}]").unwrap();
        }
        let mut long = format!("a: &a {}\nb:\n", "x".repeat(1 << 20));
        long += &"- *a\n".repeat(99);
        for bomb in [laughs, long] {
            let error = to_json(&bomb).unwrap_err();
            assert!(error.line.is_some() && error.message.len() < 500, "{error:?}");
        }
        // What people write is far from it.
        let shared = format!("a: &a {{text: {}}}\nb: [*a, *a, *a, *a]", "x".repeat(100_000));
        assert_eq!(to_json(&shared).unwrap().unwrap().get().len(), 5 * 100_011 + 16);
    }

    proptest! {
        #[test]
        fn strings_survive(text in "\\PC*|[\\x00-\\x7f]{0,20}") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn json_is_yaml(text in r#"[a-z0-9 :\\\[\]{}"',-]{0,30}"#) {
            let mut json = String::new();
            push_string(&mut json, &text);
            let document = format!("{{\"k\": {json}}}");
            let converted = to_json(&document).unwrap().unwrap();
            let value: serde_json::Value = serde_json::from_str(converted.get()).unwrap();
            prop_assert_eq!(value["k"].as_str().unwrap(), text);
        }
    }
}
