//! `gate` of `[scaler]`.

use std::{fmt, str::FromStr};

use crate::UnknownWord;

/// Whose verdict keeps a node from new meetings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Nobody's.
    #[default]
    None,
    /// That of the doctor in the same process.
    Doctor,
}

impl FromStr for Gate {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "none" => Ok(Self::None),
            "doctor" => Ok(Self::Doctor),
            _ => Err(UnknownWord::new(text, "`none` or `doctor`")),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Doctor => "doctor",
        })
    }
}
