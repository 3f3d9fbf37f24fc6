//! Keys of Redis as plain data, without the namespace before them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The fields of a hash.
pub type Fields = BTreeMap<String, String>;

/// Keys and what they hold.
pub type Keys = BTreeMap<String, Entry>;

/// What one key holds.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A hash.
    Hash(Fields),
    /// A set.
    Set(BTreeSet<String>),
    /// A sorted set.
    Scores(BTreeMap<String, f64>),
    /// A type that Scalelite has no use for.
    Other,
}

/// A value, and whether it goes by itself.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// What the key holds.
    pub value: Value,
    /// Milliseconds until it goes; absent when it stays.
    pub expires_in: Option<i64>,
}

impl Entry {
    /// One that stays.
    #[must_use]
    pub fn lasting(value: Value) -> Self {
        Self { value, expires_in: None }
    }
}

// Secrets and passwords are among the values.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Hash(_) => "Hash(..)",
            Self::Set(_) => "Set(..)",
            Self::Scores(_) => "Scores(..)",
            Self::Other => "Other",
        })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)
    }
}
