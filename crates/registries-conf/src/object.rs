//! JSON objects, and nothing that serde would take for one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

/// What is read from a JSON object. A derived struct also reads itself from an array of its fields' values, in their order,
/// which no format of this crate means.
#[derive(Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

/// A JSON object of any keys. Of a key that stands twice the last value counts, as in Go, and the key is remembered.
pub(crate) struct Entries<T> {
    pub(crate) last: BTreeMap<String, T>,
    twice: BTreeSet<String>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { last: BTreeMap::new(), twice: BTreeSet::new() }
    }
}

impl<T> Entries<T> {
    /// What to say of keys that stand twice.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.twice.iter().map(|key| format!("duplicate key `{key}`: the last of its entries counts; remove the others"))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Entries::default();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if entries.last.insert(key.clone(), value).is_some() {
                        entries.twice.insert(key);
                    }
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Visitor(PhantomData))
    }
}
