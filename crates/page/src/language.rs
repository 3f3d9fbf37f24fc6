//! The language of our own pages, after `Accept-Language` (RFC 9110, 12.5.4).

use http::{HeaderValue, header::ACCEPT_LANGUAGE};

/// A language our pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// What everybody gets who asks for none of the others.
    #[default]
    English,
    /// `de`.
    German,
    /// `fr`.
    French,
    /// `es`.
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The value's most wanted language that we have. What weighs the same
    /// counts in its order.
    #[must_use]
    pub fn wanted(accept_language: Option<&HeaderValue>) -> Self {
        let value = accept_language.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (0, Self::default());
        for range in value.split(',').take(MAX_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = Self::of_tag(parts.next().unwrap_or_default()) else { continue };
            let weight = parts.find_map(weight).unwrap_or(1000);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// As [`Self::wanted`], of a request's headers.
    #[must_use]
    pub fn of(headers: &http::HeaderMap) -> Self {
        Self::wanted(headers.get(ACCEPT_LANGUAGE))
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" | "*" => Some(Self::English),
            "de" => Some(Self::German),
            "fr" => Some(Self::French),
            "es" => Some(Self::Spanish),
            _ => None,
        }
    }

    /// The language's tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }
}

/// Language ranges that are looked at; browsers send fewer than ten.
const MAX_RANGES: usize = 32;

/// `q=0.8` in thousandths; what is no weight counts as none.
fn weight(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Some(0);
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().unwrap_or(0);
    match whole {
        "0" => Some(thousandths),
        "1" => Some(1000),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Language::*, *};

    #[test]
    fn the_most_wanted_language_we_have_is_taken() {
        for (value, wanted) in [
            (None, English),
            (Some(""), English),
            (Some("de"), German),
            (Some("de-AT,de;q=0.9,en;q=0.8"), German),
            (Some("FR-ca"), French),
            (Some("ja,es;q=0.5,en;q=0.4"), Spanish),
            (Some("en;q=0.5,de;q=0.50,fr;q=0.501"), French),
            (Some("en;q=0.7, de;q=0.7"), English),
            (Some("de;q=0"), English),
            (Some("de;q=x, fr;q=0.1"), French),
            (Some("de;q=0.9999"), English),
            (Some("*, de;q=0.1"), English),
            (Some("ja, zh"), English),
        ] {
            let header = value.map(|value| HeaderValue::from_str(value).unwrap());
            assert_eq!(Language::wanted(header.as_ref()), wanted, "{value:?}");
        }
    }
}
