//! Values as the text of each file format.

mod env;
mod json;
mod properties;
mod yaml;

pub(crate) use env::env;
pub(crate) use json::json;
pub(crate) use properties::properties;
pub(crate) use yaml::yaml;

/// A filled value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    One(String),
    Many(Vec<String>),
}

impl Filled {
    /// The value where a format knows no lists: joined by commas.
    fn joined(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(texts) => texts.join(","),
        }
    }
}
