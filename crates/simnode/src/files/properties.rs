//! Java `.properties` files, read the way `java.util.Properties` does.
//!
//! Covered: `#` and `!` comments, `=`, `:` or white space between key and
//! value, a trailing backslash that joins lines, `\t \n \r \f \\ \uXXXX`
//! escapes, and the rule that of two equal keys the last one counts.

use std::collections::BTreeMap;

/// How often `${key}` may lead to another `${key}` before we stop following.
const PLACEHOLDER_DEPTH: usize = 8;

/// The keys and values of one or several files, later ones on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    values: BTreeMap<String, String>,
}

impl Properties {
    /// Reads one file.
    pub(crate) fn parse(text: &str) -> Self {
        let mut properties = Self::default();
        for line in logical_lines(text) {
            let (key, value) = split_key(&line);
            properties.values.insert(unescape(key), unescape(value));
        }
        properties
    }

    /// Puts `other` on top: its keys win.
    pub(crate) fn overlay(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// The value of `key` as it is written, without resolving placeholders.
    pub(crate) fn raw(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The value of `key` with every `${other.key}` replaced.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.raw(key).map(|value| self.resolve(value.trim(), PLACEHOLDER_DEPTH))
    }

    /// Whether `key` is set to `true`, in any case of letters.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn resolve(&self, value: &str, depth: usize) -> String {
        let Some((before, rest)) = value.split_once("${") else {
            return value.to_owned();
        };
        let Some((name, after)) = rest.split_once('}') else {
            return value.to_owned();
        };
        let inner = match self.raw(name) {
            Some(found) if depth > 0 => self.resolve(found.trim(), depth - 1),
            _ => format!("${{{name}}}"),
        };
        format!("{before}{inner}{}", self.resolve(after, depth))
    }
}

/// Natural lines joined at trailing backslashes; comments and blanks dropped.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending: Option<String> = None;
    for natural in text.split(['\n', '\r']) {
        let trimmed = natural.trim_start_matches([' ', '\t', '\u{c}']);
        let mut line = match pending.take() {
            Some(joined) => joined + trimmed,
            None if trimmed.is_empty() || trimmed.starts_with(['#', '!']) => continue,
            None => trimmed.to_owned(),
        };
        if ends_in_continuation(&line) {
            line.pop();
            pending = Some(line);
        } else {
            lines.push(line);
        }
    }
    lines.extend(pending);
    lines
}

fn ends_in_continuation(line: &str) -> bool {
    line.chars().rev().take_while(|&character| character == '\\').count() % 2 == 1
}

/// Splits at the first unescaped `=`, `:` or white space.
fn split_key(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if matches!(character, '=' | ':' | ' ' | '\t' | '\u{c}') {
            let (key, rest) = line.split_at(at);
            let rest = rest.trim_start_matches([' ', '\t', '\u{c}']);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (key, rest.trim_start_matches([' ', '\t', '\u{c}']));
        }
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    let push = |character: char, units: &mut Vec<u16>| {
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    };
    while let Some(character) = characters.next() {
        if character != '\\' {
            push(character, &mut units);
            continue;
        }
        match characters.next() {
            Some('t') => push('\t', &mut units),
            Some('n') => push('\n', &mut units),
            Some('r') => push('\r', &mut units),
            Some('f') => push('\u{c}', &mut units),
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                match u16::from_str_radix(&digits, 16) {
                    Ok(unit) => units.push(unit),
                    Err(_) => digits.chars().for_each(|digit| push(digit, &mut units)),
                }
            }
            Some(other) => push(other, &mut units),
            None => {}
        }
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::Properties;

    #[test]
    fn reads_what_java_reads() {
        let table = [
            ("a=b", "a", "b"),
            ("a = b c ", "a", "b c "),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("  a=b", "a", "b"),
            ("a=", "a", ""),
            ("a", "a", ""),
            ("url=https://x/y?z=1", "url", "https://x/y?z=1"),
            ("a\\ b=c", "a b", "c"),
            ("a=one\\\n   two", "a", "onetwo"),
            ("a=even\\\\\nb=c", "a", "even\\"),
            ("a=\\u00e4\\ud83d\\ude00", "a", "ä😀"),
            ("a=1\na=2", "a", "2"),
            ("#a=0\n!a=0\na=1\r\n", "a", "1"),
        ];
        for (text, key, value) in table {
            assert_eq!(Properties::parse(text).raw(key), Some(value), "{text:?}");
        }
        assert_eq!(Properties::parse("#a=1").raw("a"), None);
    }

    #[test]
    fn overlays_and_resolves_placeholders() {
        let mut properties =
            Properties::parse("server=https://old\napi=${server}/api/${x}\nloop=${loop}");
        properties.overlay(Properties::parse("server=https://new"));
        assert_eq!(properties.get("api").as_deref(), Some("https://new/api/${x}"));
        assert_eq!(properties.get("loop").as_deref(), Some("${loop}"));
    }
}
