//! Go's maps: shared, mutable, with strings as keys.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::text::Text;
use crate::value::types::{MAP, Type};
use crate::value::{Value, drop_slowly};

/// A map.
///
/// **A clone is the same map**, as in Go: `set $.Values "a" 1` is seen by everyone who holds the map. Templates count on
/// this. Use [`copy`](Self::copy) for a map of its own. The keys stand in the order of their bytes, which is the order
/// in which templates range over a map and in which Go prints it.
#[derive(Clone)]
pub struct Map {
    ty: Type,
    /// `None` is Go's nil map: empty, `null` in JSON, and nothing can be put into it.
    entries: Option<Rc<Entries>>,
}

struct Entries(RefCell<BTreeMap<Text, Value>>);

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::typed(MAP)
    }

    /// An empty map of the type `ty`, for example `map[string]string`.
    pub fn typed(ty: Type) -> Self {
        Self { ty, entries: Some(Rc::new(Entries(RefCell::default()))) }
    }

    /// The nil map of the type `ty`.
    pub fn nil(ty: Type) -> Self {
        Self { ty, entries: None }
    }

    /// The type of the map.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The same map, shared, under another type: `chartutil.Values` given to a parameter `map[string]interface {}`.
    #[must_use]
    pub fn with_type(&self, ty: Type) -> Self {
        Self { ty, entries: self.entries.clone() }
    }

    /// Whether this is the nil map.
    pub fn is_nil(&self) -> bool {
        self.entries.is_none()
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.as_ref()?.0.borrow().get(key.as_ref()).cloned()
    }

    /// Whether there is such a key.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.entries.as_ref().is_some_and(|entries| entries.0.borrow().contains_key(key.as_ref()))
    }

    /// Sets a key, and says whether this was possible: nothing can be put into the nil map, where Go panics with
    /// `assignment to entry in nil map`.
    pub fn insert(&self, key: impl Into<Text>, value: impl Into<Value>) -> bool {
        let Some(entries) = &self.entries else { return false };
        // The old value is dropped after the borrow ends: dropping it may end other maps, and they look here.
        let old = entries.0.borrow_mut().insert(key.into(), value.into());
        drop(old);
        true
    }

    /// Removes a key and returns its value.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.as_ref()?.0.borrow_mut().remove(key.as_ref())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.0.borrow().len())
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys as they are now, in order.
    pub fn keys(&self) -> Vec<Text> {
        self.entries.as_ref().map_or_else(Vec::new, |entries| entries.0.borrow().keys().cloned().collect())
    }

    /// Keys and values as they are now, in order. Later changes of the map are not seen.
    pub fn entries(&self) -> Vec<(Text, Value)> {
        self.entries.as_ref().map_or_else(Vec::new, |entries| {
            entries.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }

    /// A map of its own with the same keys and values. Maps inside stay shared.
    #[must_use]
    pub fn copy(&self) -> Self {
        let Some(entries) = &self.entries else { return self.clone() };
        Self { ty: self.ty, entries: Some(Rc::new(Entries(RefCell::new(entries.0.borrow().clone())))) }
    }

    /// Whether both are the same map, so that a change of one is a change of the other.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.entries, &other.entries) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    /// Takes the values out, when nobody else holds the map.
    pub(crate) fn take(self) -> Vec<Value> {
        let Some(entries) = self.entries else { return Vec::new() };
        match Rc::try_unwrap(entries) {
            Ok(entries) => entries.0.take().into_values().collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        drop_slowly(self.0.take().into_values().collect());
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

// A map may hold itself; only the keys are shown.
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "map of {:?}", self.keys())
    }
}
