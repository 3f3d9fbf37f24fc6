//! systemd units and drop-ins.

use std::ops::Range;

use super::item::Item;

/// Everything `text` says: `Section.Key`, and each assignment of an
/// `Environment=` line as `Section.Environment.NAME`.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut section = String::new();
    let mut at = 0;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        let body = line.trim();
        if body.is_empty() || body.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = body.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let mut last = line;
        while last.trim_end_matches(['\r', '\n']).ends_with('\\') {
            let Some(next) = lines.next() else { break };
            at += next.len();
            last = next;
        }
        let whole = text.get(start..at).unwrap_or_default();
        let Some((key, value)) = whole.split_once('=') else { continue };
        let (key, value_at) = (key.trim(), start + key.len() + 1);
        let assigned = if key == "Environment" { words(value) } else { Vec::new() };
        if assigned.is_empty() {
            let value = value.trim().to_owned();
            let key = format!("{section}.{key}");
            let line = start..at;
            items.push(Item { key, value, word: line.clone(), line, is_broken: false });
        }
        for (word, range) in assigned {
            let (name, value) = word.split_once('=').unwrap_or((&word, ""));
            items.push(Item {
                key: format!("{section}.{key}.{name}"),
                // A doubled sign is what systemd reads as one that begins no specifier.
                value: value.replace("%%", "%"),
                word: value_at + range.start..value_at + range.end,
                line: start..at,
                is_broken: false,
            });
        }
    }
    items
}

/// The words of a value with their places: quotes group, a backslash escapes,
/// and at a line's end goes on.
pub(crate) fn words(value: &str) -> Vec<(String, Range<usize>)> {
    let mut words = Vec::new();
    let mut current: Option<String> = None;
    let mut start = 0;
    let mut quote = None;
    let mut characters = value.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '\r' | '\n') => {
                if let Some(word) = current.take() {
                    words.push((word, start..at));
                    start = at;
                }
            }
            (None, '"' | '\'') => {
                quote = Some(character);
                current.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (_, '\\') => match characters.next() {
                Some((_, '\n' | '\r')) | None => {}
                Some((_, escaped)) => current.get_or_insert_default().push(escaped),
            },
            _ => current.get_or_insert_default().push(character),
        }
    }
    words.extend(current.map(|word| (word, start..value.len())));
    words
}

/// The bytes of section headings of `text` under which nothing stands.
pub(crate) fn empty_sections(text: &str) -> Vec<Range<usize>> {
    let mut empty = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let here = at..at + line.len();
        at = here.end;
        let body = line.trim();
        if body.starts_with('[') && body.ends_with(']') {
            empty.extend(open.replace(here));
        } else if !body.is_empty() {
            open = None;
        }
    }
    empty.extend(open);
    empty
}

/// Lines that say it, under their section's heading.
pub(crate) fn line(key: &str, value: &str) -> (String, String) {
    let (section, key) = key.split_once('.').unwrap_or(("Service", key));
    let line = match key.strip_prefix("Environment.") {
        None => format!("{key}={value}\n"),
        Some(name) => {
            let assignment = format!("{name}={value}");
            let plain = |byte: u8| !matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\');
            if assignment.bytes().all(plain) {
                format!("Environment={assignment}\n")
            } else {
                let escaped = assignment.replace('\\', "\\\\").replace('"', "\\\"");
                format!("Environment=\"{escaped}\"\n")
            }
        }
    };
    (format!("[{section}]\n"), line.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::item::{cuts, without};

    fn pairs(text: &str) -> Vec<(String, String)> {
        items(text).into_iter().map(|item| (item.key, item.value)).collect()
    }

    #[test]
    fn assignments_are_told_apart() {
        let text = "[Unit]\nAfter=x\n[Service]\n# Environment=NO=1\nEnvironment=A=1 \"B=2 3\"\nEnvironmentFile=-/etc/x\n";
        let wanted = [
            ("Unit.After", "x"),
            ("Service.Environment.A", "1"),
            ("Service.Environment.B", "2 3"),
            ("Service.EnvironmentFile", "-/etc/x"),
        ];
        assert_eq!(pairs(text), wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn an_assignment_is_cut_from_its_line() {
        let text = "[Service]\nLimitNOFILE=8192\nEnvironment=A=1 \"B=2 3\" C=4\n";
        let cut = |names: &[&str]| {
            let all = items(text);
            let chosen = |item: &Item| names.iter().any(|name| item.key.ends_with(name));
            without(text, &cuts(&all, chosen), 0).0
        };
        assert_eq!(cut(&[".B"]), "[Service]\nLimitNOFILE=8192\nEnvironment=A=1 C=4\n");
        assert_eq!(cut(&[".A"]), "[Service]\nLimitNOFILE=8192\nEnvironment= \"B=2 3\" C=4\n");
        assert_eq!(cut(&[".A", ".B", ".C"]), "[Service]\nLimitNOFILE=8192\n");
        assert_eq!(cut(&["NOFILE", ".A", ".B", ".C"]), "[Service]\n");
    }

    #[test]
    fn headings_without_lines_are_found() {
        let text = "[Unit]\n\n[Service]\nA=1\n[Install]\n# why\n[X]\n";
        let found: Vec<&str> =
            empty_sections(text).into_iter().map(|range| text.get(range).unwrap()).collect();
        assert_eq!(found, ["[Unit]\n", "[X]\n"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in "[ -~]{0,40}") {
            let (heading, line) = line("Service.Environment.NAME", &value);
            prop_assert_eq!(pairs(&(heading + &line)), [("Service.Environment.NAME".to_owned(), value)]);
        }

        #[test]
        fn no_input_panics_and_places_are_places(text in "(\\PC|[\\[\\]=\"'\\\\ ]|\r?\n|Environment=){0,60}") {
            for item in items(&text) {
                prop_assert!(text.get(item.word.clone()).is_some() && text.get(item.line.clone()).is_some());
            }
            empty_sections(&text);
        }
    }
}
