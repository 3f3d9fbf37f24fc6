//! Java properties, as `java.util.Properties` reads them: `=`, `:` or white
//! space between key and value, escapes, lines that go on after a backslash.

use std::iter::Peekable;

use super::item::Item;

/// Everything `text` says. Of a key that stands twice, Java takes the last.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut lines = text.split_inclusive('\n').peekable();
    let mut at = 0;
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        let body = line.trim_start_matches(BLANKS).trim_end_matches(['\r', '\n']);
        if body.is_empty() || body.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = body.to_owned();
        while continues(&logical) {
            logical.pop();
            let Some(next) = lines.next() else { break };
            at += next.len();
            logical.push_str(next.trim_start_matches(BLANKS).trim_end_matches(['\r', '\n']));
        }
        let (key, value) = split(&logical);
        let line = start..at;
        items.push(Item { key, value, word: line.clone(), line, is_broken: false });
    }
    items
}

/// White space inside a line, for Java.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// Whether an odd number of backslashes ends the line.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

fn split(logical: &str) -> (String, String) {
    let mut key = String::new();
    let mut characters = logical.chars().peekable();
    while let Some(&character) = characters.peek() {
        if character == '=' || character == ':' || BLANKS.contains(&character) {
            break;
        }
        characters.next();
        key.extend(unescaped(character, &mut characters));
    }
    let skip_blanks = |characters: &mut Peekable<std::str::Chars<'_>>| {
        while characters.next_if(|character| BLANKS.contains(character)).is_some() {}
    };
    skip_blanks(&mut characters);
    if characters.next_if(|&character| character == '=' || character == ':').is_some() {
        skip_blanks(&mut characters);
    }
    let mut value = String::new();
    while let Some(character) = characters.next() {
        value.extend(unescaped(character, &mut characters));
    }
    (key, value)
}

/// What `character` means with what follows it, if anything.
fn unescaped(character: char, rest: &mut Peekable<std::str::Chars<'_>>) -> Option<char> {
    if character != '\\' {
        return Some(character);
    }
    match rest.next()? {
        't' => Some('\t'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        'f' => Some('\u{c}'),
        'u' => {
            let digits: String =
                std::iter::from_fn(|| rest.next_if(char::is_ascii_hexdigit)).take(4).collect();
            u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
        }
        other => Some(other),
    }
}

/// A line that says it.
pub(crate) fn line(key: &str, value: &str) -> String {
    let mut line = String::new();
    for character in key.chars() {
        if matches!(character, '=' | ':' | ' ' | '#' | '!' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('=');
    if value.starts_with(' ') {
        line.push('\\');
    }
    for character in value.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            other => line.push(other),
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::item::{cuts, without};

    #[test]
    fn lines_are_read_as_java_reads_them() {
        for (text, key, value) in [
            ("a=b", "a", "b"),
            ("a = b ", "a", "b "),
            ("  a:b", "a", "b"),
            ("a b=c", "a", "b=c"),
            ("a\tb", "a", "b"),
            ("a", "a", ""),
            ("a\\=b=c", "a=b", "c"),
            ("a=b\\\n  c", "a", "bc"),
            ("a=b\\\r\n  c\r\n", "a", "bc"),
            ("a=b\\\\", "a", "b\\"),
            ("a=\\u0041\\t", "a", "A\t"),
            ("a==b", "a", "=b"),
            ("a=b\\", "a", "b"),
        ] {
            let items = items(text);
            assert_eq!(items.len(), 1, "{text:?}");
            assert_eq!((items[0].key.as_str(), items[0].value.as_str()), (key, value), "{text:?}");
            assert_eq!(items[0].line, 0..text.len());
        }
        assert_eq!(items("# a=b\n!c=d\n\n  \t\n"), []);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(key in "[a-zA-Z.:= #]{1,12}", value in "\\PC{0,40}") {
            let written = line(&key, &value);
            let read = items(&written);
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!((&read[0].key, &read[0].value), (&key, &value));
        }

        #[test]
        fn cutting_one_key_keeps_every_other_byte(
            lines in proptest::collection::vec("(#[ -~]{0,9}|[ab]( ?[=:] ?| )[ -\\[\\]-~]{0,9}(\\\\\n  x)?|\\PC{0,9})\r?\n", 0..12),
        ) {
            let text = lines.concat();
            let all = items(&text);
            let cut = cuts(&all, |item| item.key == "a");
            let (left, _) = without(&text, &cut, 0);
            let after = items(&left);
            prop_assert!(after.iter().all(|item| item.key != "a"));
            let kept = |items: &[Item]| -> Vec<(String, String)> {
                items.iter().filter(|item| item.key != "a").map(|item| (item.key.clone(), item.value.clone())).collect()
            };
            prop_assert_eq!(kept(&all), kept(&after));
            let gone: usize = cut.iter().map(|cut| cut.len()).sum();
            prop_assert_eq!(left.len() + gone, text.len());
        }
    }
}
