//! systemd `EnvironmentFile` syntax: `NAME=value` lines.
//!
//! Covered: `#` and `;` comments, single and double quotes, backslash escapes
//! in double quotes, a trailing backslash that joins lines, last value wins.

use std::collections::BTreeMap;

/// Reads one environment file.
pub(crate) fn parse(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.replace("\\\n", "").lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            values.insert(name.to_owned(), unquote(value.trim()));
        }
    }
    values
}

/// Removes the quotes of a value that may consist of several quoted parts.
pub(crate) fn unquote(value: &str) -> String {
    let mut result = String::with_capacity(value.len());
    let mut quote: Option<char> = None;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (Some('"') | None, '\\') => result.extend(characters.next()),
            _ => result.push(character),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_quotes_comments_and_repetitions() {
        let table = [
            ("A=b", "b"),
            ("A=\"b c\"", "b c"),
            ("A='b \"c\"'", "b \"c\""),
            ("# A=0\nA=1\n;A=2", "1"),
            ("A=1\nA=2", "2"),
            ("A=\"x\\\"y\"", "x\"y"),
            ("A=one\\\ntwo", "onetwo"),
            ("A=\"https://a.example,https://b.example\"", "https://a.example,https://b.example"),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).get("A").map(String::as_str), Some(expected), "{text:?}");
        }
    }
}
