//! Query strings and form bodies, kept exactly as they were written.
//!
//! A BBB checksum covers the raw text, and nodes see parameters that we do not
//! know: so order, `+` against `%20`, the case of escapes, duplicates and empty
//! parts all survive, and an edit changes only the parameter it names.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode;

/// A query string or `application/x-www-form-urlencoded` body as raw text.
///
/// Prints exactly what was parsed. Parameters are looked up by their
/// *canonical* name: decoded, then [`sanitise`]d, because that is the name
/// under which a node will find them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawQuery {
    parts: Vec<String>,
}

/// A parameter's value as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawValue<'a>(&'a str);

impl<'a> RawValue<'a> {
    /// The text as it stands in the query.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The decoded value; absent when it is not UTF-8.
    #[must_use]
    pub fn decoded(self) -> Option<String> {
        if is_as_written(self.0) {
            return Some(self.0.to_owned());
        }
        String::from_utf8(decode_bytes(self.0)).ok()
    }

    /// The decoded value, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn lossy(self) -> String {
        if is_as_written(self.0) {
            return self.0.to_owned();
        }
        String::from_utf8_lossy(&decode_bytes(self.0)).into_owned()
    }
}

impl RawQuery {
    /// Takes any text apart; nothing is refused and nothing is lost.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self { parts: text.split('&').map(str::to_owned).collect() }
    }

    /// Whether it prints as the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self.parts.as_slice() {
            [] => true,
            [only] => only.is_empty(),
            _ => false,
        }
    }

    /// The first parameter of this canonical name, as BBB reads duplicates.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.all(name).next()
    }

    /// Every parameter of this canonical name, in order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = RawValue<'a>> {
        self.parts.iter().filter_map(move |part| value_of(part, name))
    }

    /// The first parameter of this canonical name in a text that need not be
    /// taken apart for anything else.
    #[must_use]
    pub fn find<'a>(text: &'a str, name: &str) -> Option<RawValue<'a>> {
        text.split('&').find_map(|part| value_of(part, name))
    }

    /// The text without any parameter of this canonical name.
    #[must_use]
    pub fn without(&self, name: &str) -> String {
        let mut text = String::with_capacity(self.parts.iter().map(|part| part.len() + 1).sum());
        let kept = self.parts.iter().filter(|part| value_of(part, name).is_none());
        for (index, part) in kept.enumerate() {
            if index > 0 {
                text.push('&');
            }
            text.push_str(part);
        }
        text
    }

    /// Canonical names and raw values, in order; empty parts are skipped.
    pub fn iter(&self) -> impl Iterator<Item = (String, RawValue<'_>)> {
        self.parts.iter().filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = split_part(part);
            (canonical(name).into_owned(), RawValue(value))
        })
    }

    /// Sets the first parameter of this canonical name to `value`, in place
    /// and under the name as it was written, and removes the others of that
    /// name. Says whether there was one.
    pub fn replace(&mut self, name: &str, value: &str) -> bool {
        let mut found = false;
        self.parts.retain_mut(|part| {
            if value_of(part, name).is_none() {
                return true;
            }
            if found {
                return false;
            }
            found = true;
            *part = format!("{name}={}", encode_value(value));
            true
        });
        found
    }

    /// Removes every parameter whose canonical name satisfies `unwanted`.
    pub fn remove_where(&mut self, mut unwanted: impl FnMut(&str) -> bool) {
        self.parts.retain(|part| part.is_empty() || !unwanted(&canonical(split_part(part).0)));
    }

    /// Removes every parameter of this canonical name.
    pub fn remove(&mut self, name: &str) {
        self.parts.retain(|part| value_of(part, name).is_none());
    }

    /// Adds a parameter at the end, encoded as forms are.
    pub fn append(&mut self, name: &str, value: &str) {
        if self.is_empty() {
            self.parts.clear();
        }
        self.parts.push(format!("{}={}", encode_value(name), encode_value(value)));
    }

    /// Adds the parts of `other` at the end, as they are.
    pub fn extend(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.parts.clear();
        }
        self.parts.extend(other.parts.iter().cloned());
    }
}

impl fmt::Display for RawQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str("&")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// `text` as BBB reads names and values since 3.0: without control characters
/// and without blanks around it.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    let trimmed = if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, ""))
    } else {
        Cow::Borrowed(text)
    };
    match trimmed {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(|c: char| c <= ' ')),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(|c: char| c <= ' ').to_owned()),
    }
}

/// A value as forms encode it: space as `+`, `*-._`, letters and digits as
/// they are, the rest as UTF-8 in upper-case escapes (Java's `URLEncoder`).
#[must_use]
pub fn encode_value(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A decoded value, decoded once more, as BBB does with lists.
pub(crate) fn decode_again(text: &str) -> String {
    RawValue(text).lossy()
}

/// Name and value as they are written.
fn split_part(part: &str) -> (&str, &str) {
    // Names are short: a plain loop is done before a search has begun.
    let at = part.bytes().position(|byte| byte == b'=');
    let (name, rest) = part.split_at_checked(at.unwrap_or(part.len())).unwrap_or((part, ""));
    (name, rest.strip_prefix('=').unwrap_or(rest))
}

/// The value of a part, when it is a parameter of this canonical name.
fn value_of<'a>(part: &'a str, name: &str) -> Option<RawValue<'a>> {
    let (written, value) = split_part(part);
    (!part.is_empty() && canonical(written) == name).then_some(RawValue(value))
}

fn canonical(name: &str) -> Cow<'_, str> {
    if is_as_written(name) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(sanitise(&String::from_utf8_lossy(&decode_bytes(name))).into_owned())
}

/// Whether neither decoding nor [`sanitise`] changes a text. Most names and
/// values are so, and every request looks for several.
fn is_as_written(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%' && byte != b'+')
}

fn decode_bytes(raw: &str) -> Vec<u8> {
    let spaced: Vec<u8> = raw.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_edit_changes_only_the_parameter_it_names() {
        for (before, name, value, after) in [
            ("meetingID=a&b=1", "meetingID", "x y", "meetingID=x+y&b=1"),
            ("b=%c3%A4+%20&meetingID=a&&c", "meetingID", "x", "b=%c3%A4+%20&meetingID=x&&c"),
            ("meetingID=a&b=1&meetingID=c", "meetingID", "x", "meetingID=x&b=1"),
            ("meeting%49D=a", "meetingID", "x", "meetingID=x"),
            ("+meeting%00ID+=a&meetingid=b", "meetingID", "x", "meetingID=x&meetingid=b"),
            ("b=1", "meetingID", "x", "b=1"),
        ] {
            let mut query = RawQuery::parse(before);
            query.replace(name, value);
            assert_eq!(query.to_string(), after, "{before}");
        }
    }

    #[test]
    fn parameters_are_appended_and_removed() {
        let mut query = RawQuery::parse("&checksum=1");
        query.remove("checksum");
        assert!(query.is_empty());
        query.append("meta_a", "ä/&");
        query.append("b", "");
        assert_eq!(query.to_string(), "meta_a=%C3%A4%2F%26&b=");
        query.remove_where(|name| name.starts_with("meta_"));
        assert_eq!(query.to_string(), "b=");
        query.extend(&RawQuery::parse("c=%2f&&d"));
        query.extend(&RawQuery::default());
        assert_eq!(query.to_string(), "b=&c=%2f&&d");
    }

    #[test]
    fn values_decode_as_forms_do() {
        let query = RawQuery::parse("a=x+%2B%zz&b=%ff&c&d=1=2");
        assert_eq!(query.get("a").unwrap().decoded().as_deref(), Some("x +%zz"));
        assert_eq!(query.get("b").unwrap().decoded(), None);
        assert_eq!(query.get("b").unwrap().lossy(), "\u{fffd}");
        assert_eq!(query.get("c").unwrap().raw(), "");
        assert_eq!(query.get("d").unwrap().raw(), "1=2");
        assert_eq!(query.get("e"), None);
    }

    proptest! {
        /// The short ways to a parameter find what the long one does.
        #[test]
        fn a_parameter_is_the_same_however_it_is_looked_for(text in "[ab&=+%0-9 \u{7}]{0,30}") {
            let query = RawQuery::parse(&text);
            for name in ["", "a", "b", "ab", "a0"] {
                let long = query.iter().find(|(found, _)| found == name).map(|(_, value)| value);
                prop_assert_eq!(query.get(name), long);
                prop_assert_eq!(RawQuery::find(&text, name), long);
                let mut removed = query.clone();
                removed.remove_where(|found| found == name);
                prop_assert_eq!(query.without(name), removed.to_string());
                let mut query = query.clone();
                query.remove(name);
                prop_assert_eq!(query, removed);
            }
        }

        #[test]
        fn printing_gives_back_what_was_parsed(text in ".{0,80}|[a&=+%0-9]{0,40}") {
            prop_assert_eq!(RawQuery::parse(&text).to_string(), text);
        }

        #[test]
        fn what_is_appended_is_found(text in "[a-c&=+%]{0,20}", value in ".{0,20}") {
            let mut query = RawQuery::parse(&text);
            query.append("zz", &value);
            prop_assert_eq!(query.get("zz").unwrap().decoded(), Some(value));
            query.remove("zz");
            prop_assert_eq!(query.to_string(), RawQuery::parse(&text).to_string());
        }
    }
}
