//! Go's slices.

use std::fmt;
use std::rc::Rc;

use crate::text::Text;
use crate::value::types::{LIST, STRINGS, Type};
use crate::value::{Value, drop_slowly};

/// A slice: a sequence that nobody changes in place.
///
/// A clone is cheap: the items are shared. Functions that add or remove items make a new list, as sprig's do.
#[derive(Clone)]
pub struct List {
    ty: Type,
    /// `None` is Go's nil slice: empty, and `null` in JSON.
    items: Option<Rc<Items>>,
}

struct Items(Vec<Value>);

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(LIST, items)
    }

    /// A `[]string`.
    pub fn strings<T: Into<Text>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::typed(STRINGS, items.into_iter().map(|item| Value::String(item.into())).collect())
    }

    /// A slice of the type `ty`, for example `[]int`. The items have to be of its element type.
    pub fn typed(ty: Type, items: Vec<Value>) -> Self {
        Self { ty, items: Some(Rc::new(Items(items))) }
    }

    /// The nil slice of the type `ty`.
    pub fn nil(ty: Type) -> Self {
        Self { ty, items: None }
    }

    /// The type of the slice.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The same items as a slice of another type, as Go converts an argument to a parameter's type.
    #[must_use]
    pub fn with_type(&self, ty: Type) -> Self {
        Self { ty, items: self.items.clone() }
    }

    /// Whether this is the nil slice.
    pub fn is_nil(&self) -> bool {
        self.items.is_none()
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        self.items.as_ref().map_or(&[], |items| &items.0)
    }

    /// The items, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.items().iter()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items().len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items().is_empty()
    }

    /// Takes the items out, when nobody else holds them.
    pub(crate) fn take(self) -> Vec<Value> {
        let Some(items) = self.items else { return Vec::new() };
        Rc::try_unwrap(items).map_or_else(|_| Vec::new(), |mut items| std::mem::take(&mut items.0))
    }

    /// Whether both share their items.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.items, &other.items) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        drop_slowly(std::mem::take(&mut self.0));
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
