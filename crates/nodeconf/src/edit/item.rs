//! What a file says, with the place where it says it.

use std::{collections::BTreeMap, ops::Range};

/// One thing a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// In the notation of the format.
    pub(crate) key: String,
    /// As the file's reader understands it.
    pub(crate) value: String,
    /// Its own bytes, with the white space in front.
    pub(crate) word: Range<usize>,
    /// The bytes of the line or lines it stands on, which other items may share.
    pub(crate) line: Range<usize>,
    /// Whether it is understood but its service would not take it.
    pub(crate) is_broken: bool,
}

/// What to cut from a text so that `chosen` of its `items` are gone: whole
/// lines where nothing else stands on them.
pub(crate) fn cuts(items: &[Item], chosen: impl Fn(&Item) -> bool) -> Vec<Range<usize>> {
    let mut lines: BTreeMap<(usize, usize), Vec<&Item>> = BTreeMap::new();
    for item in items {
        lines.entry((item.line.start, item.line.end)).or_default().push(item);
    }
    let mut cuts = Vec::new();
    for ((start, end), items) in lines {
        if items.iter().all(|item| chosen(item)) {
            cuts.push(start..end);
        } else {
            cuts.extend(items.iter().filter(|item| chosen(item)).map(|item| item.word.clone()));
        }
    }
    cuts.sort_by_key(|cut| cut.start);
    cuts
}

/// `text` without `cuts`, which are in order and apart; and where `mark` is then.
pub(crate) fn without(text: &str, cuts: &[Range<usize>], mark: usize) -> (String, usize) {
    let mut left = String::with_capacity(text.len());
    let mut from = 0;
    let mut moved = mark;
    for cut in cuts {
        let start = cut.start.max(from);
        left.push_str(text.get(from..start).unwrap_or_default());
        from = cut.end.max(start);
        if start < mark {
            moved -= from.min(mark) - start;
        }
    }
    left.push_str(text.get(from..).unwrap_or_default());
    (left, moved)
}

/// Whether `text` is what `pattern` means, in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, wanted) in [
            ("apiUrl", "apiUrl", true),
            ("apiUrl", "apiUrls", false),
            ("a*", "a", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("location */html5client*", "location ^~ /bbb-01/html5client/", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_goes_when_nothing_is_left_on_it() {
        let item = |key: &str, word: Range<usize>, line: Range<usize>| Item {
            key: key.to_owned(),
            value: String::new(),
            word,
            line,
            is_broken: false,
        };
        let text = "x A B\nC\nD\n";
        let items = [item("A", 1..3, 0..6), item("B", 3..5, 0..6), item("C", 6..7, 6..8)];
        let cut = |keys: &[&str], mark| {
            without(text, &cuts(&items, |item| keys.contains(&item.key.as_str())), mark)
        };
        assert_eq!(cut(&["A"], 6), ("x B\nC\nD\n".to_owned(), 4));
        assert_eq!(cut(&["A", "B", "C"], 7), ("D\n".to_owned(), 0));
        assert_eq!(cut(&["C"], 2), ("x A B\nD\n".to_owned(), 2));
    }
}
