//! Environment files, as systemd's `EnvironmentFile=` reads them.

use super::item::Item;

/// Everything `text` says. Of a variable that stands twice the last counts.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        let mut logical = line.trim_end_matches(['\r', '\n']).to_owned();
        let is_comment = logical.trim_start().starts_with(['#', ';']);
        while logical.ends_with('\\') && !is_comment {
            logical.pop();
            let Some(next) = lines.next() else { break };
            at += next.len();
            logical.push_str(next.trim_end_matches(['\r', '\n']));
        }
        let body = logical.trim();
        let body = body.strip_prefix("export ").unwrap_or(body);
        let Some((key, value)) = body.split_once('=').filter(|_| !is_comment) else { continue };
        items.push(Item {
            key: key.trim().to_owned(),
            value: unquoted(value.trim()),
            word: start..at,
            line: start..at,
            is_broken: false,
        });
    }
    items
}

/// A value without its quotes.
fn unquoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut quote = None;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None | Some('"'), '\\') => out.extend(characters.next()),
            _ => out.push(character),
        }
    }
    out
}

/// A line that says it.
pub(crate) fn line(key: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{key}=\"{value}\"\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::item::{cuts, without};

    #[test]
    fn lines_are_read_as_systemd_reads_them() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=\"b c\"", "b c"),
            ("export A='b \"c\"'", "b \"c\""),
            ("A=\"x\\\"y\"", "x\"y"),
            ("A=one\\\ntwo", "onetwo"),
            ("  A = b \r\n", "b"),
        ] {
            let items = items(text);
            assert_eq!(items.len(), 1, "{text:?}");
            assert_eq!((items[0].key.as_str(), items[0].value.as_str()), ("A", value), "{text:?}");
            assert_eq!(items[0].line, 0..text.len());
        }
        assert_eq!(items("# A=1\n; A=2\nnothing\n#x\\\n").len(), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in "[ -~]{0,40}") {
            let written = line("NAME", &value);
            prop_assert_eq!(&items(&written)[0].value, &value);
        }

        #[test]
        fn cutting_one_variable_keeps_the_others(text in "((A|B|#A)=[ -~]{0,8}\r?\n|\\PC{0,5}\n){0,8}") {
            let all = items(&text);
            let (left, _) = without(&text, &cuts(&all, |item| item.key == "A"), 0);
            let kept: Vec<_> = all.iter().filter(|item| item.key != "A").map(|item| &item.value).collect();
            let after = items(&left);
            prop_assert_eq!(after.iter().map(|item| &item.value).collect::<Vec<_>>(), kept);
        }
    }
}
