//! Query strings and form bodies as a Java servlet reads them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in values this node writes into URLs.
const KEEP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Decoded parameters in order of arrival; of equal names the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
}

impl Parameters {
    /// Reads `a=b&c=d`; control characters are removed and ends trimmed, as
    /// bbb-web does before it looks at anything.
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (sanitise(&decode(name)), sanitise(&decode(value))))
            .collect();
        Self { pairs }
    }

    /// Adds parameters that came after these: a form body after the query.
    pub(crate) fn append(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
    }

    /// Adds one parameter.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.pairs.push((sanitise(name), sanitise(value)));
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name, an empty one counting as none.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.filled(name).and_then(|value| value.parse().ok())
    }

    /// A truth value: only `true`, in any case of letters, is true.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.filled(name).map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }

    /// All parameters in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Undoes form encoding; bytes that are no UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Encodes one value for a URL this node makes.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEEP).to_string()
}

/// Encodes one value as Java's `URLEncoder` does.
pub(crate) fn encode_as_java(text: &str) -> String {
    const KEEP: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');
    utf8_percent_encode(text, KEEP).to_string().replace(' ', "+")
}

/// Removes control characters and trims.
pub(crate) fn sanitise(text: &str) -> String {
    let kept: String = text.chars().filter(|character| !character.is_control()).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn reads_forms_as_servlets_do() {
        let parameters = Parameters::parse("&name=Test+M%C3%A4&empty=&bare&a=1&a=2&x%3Dy=%0Az%20");
        let table = [
            ("name", Some("Test Mä")),
            ("empty", Some("")),
            ("bare", Some("")),
            ("a", Some("1")),
            ("x=y", Some("z")),
            ("absent", None),
        ];
        for (name, value) in table {
            assert_eq!(parameters.get(name), value, "{name}");
        }
        assert_eq!(parameters.filled("empty"), None);
    }

    #[test]
    fn one_is_not_true() {
        let parameters = Parameters::parse("a=True&b=1&c=false&d=");
        let flags = ["a", "b", "c", "d", "e"].map(|name| parameters.flag(name, true));
        assert_eq!(flags, [true, false, false, true, true]);
    }
}
