//! `Accept-Encoding`, normalised (RFC 9110, section 12.5.3; RFC 9842).

use std::fmt;

use crate::cache_control::split_list;

/// A content coding this proxy can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// `gzip`.
    Gzip,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `br` (RFC 7932).
    Brotli,
    /// `dcb`: brotli against a dictionary (RFC 9842).
    DictionaryBrotli,
    /// `dcz`: zstd against a dictionary (RFC 9842).
    DictionaryZstd,
}

impl Coding {
    /// The token of `Content-Encoding`; `None` for identity.
    #[must_use]
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Brotli => Some("br"),
            Self::DictionaryBrotli => Some("dcb"),
            Self::DictionaryZstd => Some("dcz"),
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// The names codings are asked for by.
const NAMES: [(&str, Coding); 7] = [
    ("identity", Coding::Identity),
    ("gzip", Coding::Gzip),
    ("x-gzip", Coding::Gzip),
    ("zstd", Coding::Zstd),
    ("br", Coding::Brotli),
    ("dcb", Coding::DictionaryBrotli),
    ("dcz", Coding::DictionaryZstd),
];

/// The codings a client takes, with their weights reduced to yes and no: every
/// browser that sends the same set means the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcceptedCodings(u8);

impl AcceptedCodings {
    /// Identity only, as when the header is absent.
    pub const NONE: Self = Self(1);

    /// Reads the header's value; absent means identity only, since a client
    /// that says nothing may be too old to decode anything.
    #[must_use]
    pub fn parse(header: Option<&str>) -> Self {
        let Some(header) = header else { return Self::NONE };
        let (mut yes, mut no, mut any) = (0, 0, None);
        for member in split_list(header) {
            let mut parts = member.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let accepted = !parts.any(is_zero_weight);
            if name == "*" {
                any = Some(accepted);
                continue;
            }
            let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
            let bit = known.map_or(0, |(_, coding)| coding.bit());
            if accepted { yes |= bit } else { no |= bit }
        }
        if any == Some(true) {
            // `*` stands for what everybody can decode; dictionaries are asked for by name.
            yes |= Coding::Gzip.bit();
        }
        let identity = if any == Some(false) && yes & 1 == 0 { 0 } else { Coding::Identity.bit() };
        Self((yes | identity) & !no)
    }

    /// Whether a coding may be sent.
    #[must_use]
    pub fn takes(self, coding: Coding) -> bool {
        self.0 & coding.bit() != 0
    }
}

impl fmt::Debug for AcceptedCodings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            Coding::Identity,
            Coding::Gzip,
            Coding::Zstd,
            Coding::Brotli,
            Coding::DictionaryBrotli,
            Coding::DictionaryZstd,
        ];
        f.debug_set().entries(all.into_iter().filter(|&coding| self.takes(coding))).finish()
    }
}

/// `q=0`, `q=0.0` ...: not acceptable.
fn is_zero_weight(parameter: &str) -> bool {
    let value = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    value.is_some_and(|(_, value)| {
        let value = value.trim();
        value.starts_with('0') && value.bytes().all(|b| b == b'0' || b == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::{Coding::*, *};

    #[test]
    fn weights_become_yes_and_no() {
        for (header, wanted) in [
            (None, vec![Identity]),
            (Some(""), vec![Identity]),
            (Some("gzip, deflate"), vec![Identity, Gzip]),
            (Some("gzip, deflate, br, zstd"), vec![Identity, Gzip, Zstd, Brotli]),
            (
                Some("gzip, br, zstd, dcb, dcz"),
                vec![Identity, Gzip, Zstd, Brotli, DictionaryBrotli, DictionaryZstd],
            ),
            (Some("GZIP;Q=0.5"), vec![Identity, Gzip]),
            (Some("gzip;q=0"), vec![Identity]),
            (Some("br;q=0.000, gzip;q=0.001"), vec![Identity, Gzip]),
            (Some("*"), vec![Identity, Gzip]),
            (Some("*;q=0, br"), vec![Brotli]),
            (Some("identity;q=0, gzip"), vec![Gzip]),
            (Some("x-gzip"), vec![Identity, Gzip]),
        ] {
            let codings = AcceptedCodings::parse(header);
            let all = [Identity, Gzip, Zstd, Brotli, DictionaryBrotli, DictionaryZstd];
            let taken: Vec<_> = all.into_iter().filter(|&coding| codings.takes(coding)).collect();
            assert_eq!(taken, wanted, "{header:?}");
        }
    }
}
