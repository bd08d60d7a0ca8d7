//! What a cell holds.
//!
//! A null has no type of its own: the column or expression it comes from has one. A string is never null; a missing one
//! is empty. Values compare and convert elsewhere (`compare`, `convert`); here they are only made and taken apart.

use std::sync::Arc;

use crate::kql::types::ScalarType;

/// A scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value, of any type but string.
    Null,
    /// `true`
    Bool(bool),
    /// `int(1)`
    Int(i32),
    /// `1`
    Long(i64),
    /// `1.0`
    Real(f64),
    /// `"text"`
    String(Arc<str>),
    /// Ticks of 100 ns since 0001-01-01T00:00:00Z.
    DateTime(i64),
    /// Ticks of 100 ns.
    TimeSpan(i64),
    /// As in its text: the first digit is the highest.
    Guid(u128),
    /// Anything that JSON can say, and more. Never [`Dynamic::Null`], which is [`Value::Null`].
    Dynamic(Arc<Dynamic>),
}

/// A dynamic value, and the parts of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Dynamic {
    /// `null`
    Null,
    /// `true`
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A number with a fraction.
    Real(f64),
    /// `"text"`
    String(Arc<str>),
    /// Inside `dynamic(...)` and after `pack(...)`; JSON text never gives one.
    DateTime(i64),
    /// As above.
    TimeSpan(i64),
    /// As above.
    Guid(u128),
    /// `[1, 2]`
    Array(Vec<Dynamic>),
    /// `{"a": 1}`: keys are unique and keep their order.
    Bag(Vec<(Arc<str>, Dynamic)>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Value {
        Value::String(Arc::from(text))
    }

    /// The value of a cell that nothing was said about: null, or an empty string.
    #[must_use]
    pub fn missing(ty: ScalarType) -> Value {
        // The empty text of the standard library is one for all and takes no memory.
        if ty == ScalarType::String { Value::String(Arc::default()) } else { Value::Null }
    }

    /// A dynamic value as a cell of type dynamic.
    #[must_use]
    pub fn dynamic(value: Dynamic) -> Value {
        match value {
            Dynamic::Null => Value::Null,
            other => Value::Dynamic(Arc::new(other)),
        }
    }

    /// What a dynamic holds as a value of its own type: `dynamic(1)` is the long 1. Arrays and bags stay dynamic.
    #[must_use]
    pub fn unwrapped(self) -> Value {
        match &self {
            Value::Dynamic(inner) => match &**inner {
                Dynamic::Null => Value::Null,
                Dynamic::Bool(b) => Value::Bool(*b),
                Dynamic::Long(n) => Value::Long(*n),
                Dynamic::Real(n) => Value::Real(*n),
                Dynamic::String(s) => Value::String(Arc::clone(s)),
                Dynamic::DateTime(t) => Value::DateTime(*t),
                Dynamic::TimeSpan(t) => Value::TimeSpan(*t),
                Dynamic::Guid(g) => Value::Guid(*g),
                Dynamic::Array(_) | Dynamic::Bag(_) => self,
            },
            _ => self,
        }
    }

    /// The value as part of a dynamic: what `pack` and `make_list` do to it.
    #[must_use]
    pub fn into_dynamic(self) -> Dynamic {
        match self {
            Value::Null => Dynamic::Null,
            Value::Bool(b) => Dynamic::Bool(b),
            Value::Int(n) => Dynamic::Long(i64::from(n)),
            Value::Long(n) => Dynamic::Long(n),
            Value::Real(n) => Dynamic::Real(n),
            Value::String(s) => Dynamic::String(s),
            Value::DateTime(t) => Dynamic::DateTime(t),
            Value::TimeSpan(t) => Dynamic::TimeSpan(t),
            Value::Guid(g) => Dynamic::Guid(g),
            Value::Dynamic(d) => Arc::unwrap_or_clone(d),
        }
    }

    /// True for null; an empty string is not null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A truth value, also out of a dynamic.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            Value::Dynamic(d) => match **d {
                Dynamic::Bool(b) => Some(b),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number of either size, also out of a dynamic.
    #[must_use]
    pub fn as_long(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(i64::from(*n)),
            Value::Long(n) => Some(*n),
            Value::Dynamic(d) => match **d {
                Dynamic::Long(n) => Some(n),
                _ => None,
            },
            _ => None,
        }
    }

    /// A number of any type, also out of a dynamic.
    #[must_use]
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(f64::from(*n)),
            #[expect(clippy::cast_precision_loss, reason = "as Kusto does it")]
            Value::Long(n) => Some(*n as f64),
            Value::Real(n) => Some(*n),
            Value::Dynamic(d) => match **d {
                #[expect(clippy::cast_precision_loss, reason = "as Kusto does it")]
                Dynamic::Long(n) => Some(n as f64),
                Dynamic::Real(n) => Some(n),
                _ => None,
            },
            _ => None,
        }
    }

    /// A text, also out of a dynamic that holds one. `None` for any other value: nothing is converted.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            Value::Dynamic(d) => match &**d {
                Dynamic::String(s) => Some(s),
                _ => None,
            },
            _ => None,
        }
    }

    /// Bytes that the value takes besides its cell, and what looking at all of it is measured by.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::String(text) => text.len(),
            Value::Dynamic(inner) => inner.size_within(usize::MAX).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// A dynamic as such.
    #[must_use]
    pub fn as_dynamic(&self) -> Option<&Dynamic> {
        match self {
            Value::Dynamic(d) => Some(d),
            _ => None,
        }
    }
}

impl Dynamic {
    /// The member of a bag; keys are case-sensitive.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Dynamic> {
        match self {
            Dynamic::Bag(members) => members.iter().find(|(name, _)| &**name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Bytes of memory; `None` when arrays and bags are nested deeper than so many levels.
    pub(super) fn size_within(&self, levels: usize) -> Option<usize> {
        let own = size_of::<Dynamic>();
        let sum = |sum: usize, part: Option<usize>| Some(sum.saturating_add(part?));
        match self {
            Dynamic::String(text) => Some(own + text.len()),
            Dynamic::Array(items) => {
                let inside = levels.checked_sub(1)?;
                items.iter().map(|item| item.size_within(inside)).try_fold(own, sum)
            }
            Dynamic::Bag(members) => {
                let inside = levels.checked_sub(1)?;
                let member = |(key, value): &(Arc<str>, Dynamic)| {
                    Some(value.size_within(inside)?.saturating_add(size_of::<Arc<str>>() + key.len()))
                };
                members.iter().map(member).try_fold(own, sum)
            }
            _ => Some(own),
        }
    }

    /// The element of an array; a negative index counts from the end.
    #[must_use]
    pub fn element(&self, index: i64) -> Option<&Dynamic> {
        let Dynamic::Array(items) = self else { return None };
        let length = i64::try_from(items.len()).ok()?;
        let index = if index < 0 { index.checked_add(length)? } else { index };
        items.get(usize::try_from(index).ok()?)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(Arc::from(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Long(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Real(value)
    }
}

/// `None` is null.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
