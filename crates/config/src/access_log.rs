//! `access_log_format` and `access_log_ip` of `[proxy]`.

use std::{fmt, str::FromStr};

/// How a line of the access log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// A JSON object.
    #[default]
    Json,
    /// The combined form of web servers.
    Combined,
}

/// What the access log says of clients' addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogIp {
    /// The network alone.
    #[default]
    Truncate,
    /// A keyed hash whose key is this process's for a day.
    Hash,
    /// All of it.
    Full,
}

/// Not one of the words there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}")]
pub struct UnknownWord {
    given: String,
    wanted: &'static str,
}

impl UnknownWord {
    pub(crate) fn new(given: &str, wanted: &'static str) -> Self {
        Self { given: given.to_owned(), wanted }
    }
}

impl FromStr for AccessLogFormat {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "json" => Ok(Self::Json),
            "combined" => Ok(Self::Combined),
            _ => Err(UnknownWord { given: text.to_owned(), wanted: "`json` or `combined`" }),
        }
    }
}

impl fmt::Display for AccessLogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Combined => "combined",
        })
    }
}

impl FromStr for AccessLogIp {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "truncate" => Ok(Self::Truncate),
            "hash" => Ok(Self::Hash),
            "full" => Ok(Self::Full),
            _ => {
                Err(UnknownWord { given: text.to_owned(), wanted: "`truncate`, `hash` or `full`" })
            }
        }
    }
}

impl fmt::Display for AccessLogIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncate => "truncate",
            Self::Hash => "hash",
            Self::Full => "full",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_others_are_named() {
        for format in [AccessLogFormat::Json, AccessLogFormat::Combined] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        for ip in [AccessLogIp::Truncate, AccessLogIp::Hash, AccessLogIp::Full] {
            assert_eq!(ip.to_string().parse(), Ok(ip));
        }
        let error = "none".parse::<AccessLogIp>().unwrap_err();
        assert_eq!(error.to_string(), "`none` is not `truncate`, `hash` or `full`");
        assert!("Combined".parse::<AccessLogFormat>().is_err());
    }
}
