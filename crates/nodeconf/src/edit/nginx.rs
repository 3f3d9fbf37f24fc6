//! nginx configuration: directives with their places, as nginx tokenizes.

use std::ops::Range;

use super::{EditError, item::Item, line_of};

/// Deepest nesting of blocks that is read; nginx itself needs four.
const MAX_DEPTH: usize = 32;

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    /// Its words, the name first, without their quotes.
    pub(crate) words: Vec<Word>,
    /// What stands between its braces, when it has some.
    pub(crate) block: Option<Block>,
    /// From its first word to its `;` or `}`.
    pub(crate) range: Range<usize>,
}

/// A word of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// What nginx takes it for.
    pub(crate) text: String,
    /// Its bytes, with quotes.
    pub(crate) range: Range<usize>,
}

/// The inside of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands in it.
    pub(crate) directives: Vec<Directive>,
    /// The bytes between the braces.
    pub(crate) inside: Range<usize>,
}

impl Directive {
    /// The first word.
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", |word| &word.text)
    }

    /// Whether this is `set $name value` without `;`, and the next line's words.
    pub(crate) fn forgotten_semicolon(&self, text: &str) -> bool {
        let (Some(value), Some(next)) = (self.words.get(2), self.words.get(3)) else {
            return false;
        };
        let between = text.get(value.range.end..next.range.start).unwrap_or_default();
        self.name() == "set" && between.contains('\n')
    }

    /// What is said: `set $name`, `location ^~ /path/`, otherwise the first word.
    pub(crate) fn key(&self) -> String {
        let words = match (self.name(), &self.block) {
            ("set", _) => 2,
            (_, Some(_)) | ("rewrite" | "include", _) => self.words.len(),
            _ => 1,
        };
        let words: Vec<&str> =
            self.words.iter().take(words).map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    /// The words behind the key; for a block, nothing.
    pub(crate) fn value(&self) -> String {
        let behind = self.key().split(' ').count();
        let words: Vec<&str> =
            self.words.iter().skip(behind).map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// The directives of `text` outside of all blocks.
pub(crate) fn parse(text: &str) -> Result<Vec<Directive>, EditError> {
    let mut reader = Reader { text, at: 0 };
    reader.directives(0)
}

/// Everything `text` says outside of all blocks, or directly inside a `server`.
///
/// A `set` whose `;` was forgotten swallows the directive on the next line; it
/// counts as what was meant, so that cutting it leaves the other whole.
pub(crate) fn items(text: &str) -> Result<Vec<Item>, EditError> {
    let mut items = Vec::new();
    let mut pending: Vec<Directive> = parse(text)?;
    while let Some(mut directive) = pending.pop() {
        if directive.name() == "server" {
            pending.extend(directive.block.into_iter().flat_map(|block| block.directives));
            continue;
        }
        let mut range = directive.range.clone();
        let is_broken = directive.forgotten_semicolon(text);
        if is_broken {
            directive.words.truncate(3);
            directive.block = None;
            range.end = directive.words.last().map_or(range.end, |word| word.range.end);
        }
        let line = with_line(text, &range);
        let word = line.clone();
        items.push(Item { key: directive.key(), value: directive.value(), word, line, is_broken });
    }
    items.sort_by_key(|item| item.line.start);
    Ok(items)
}

/// `range` with the indentation before it and the line end behind it, where
/// nothing else stands on these lines; and with the blank lines before it where
/// others follow, so that no gaps are left.
pub(crate) fn with_line(text: &str, range: &Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    let indented = before.trim_end_matches([' ', '\t']);
    if !(indented.is_empty() || indented.ends_with('\n')) {
        return range.clone();
    }
    let after = text.get(range.end..).unwrap_or_default();
    let blank = after.trim_start_matches([' ', '\t']);
    let end = match (blank.strip_prefix("\r\n"), blank.strip_prefix('\n')) {
        (Some(rest), _) | (None, Some(rest)) => text.len() - rest.len(),
        (None, None) if blank.is_empty() => text.len(),
        (None, None) => return range.clone(),
    };
    let behind = text.get(end..).unwrap_or_default();
    let is_gap = behind.is_empty() || behind.starts_with(['\n', '\r']);
    let text_before = indented.trim_end();
    match indented.get(text_before.len()..).and_then(|blank| blank.find('\n')) {
        Some(line_end) if is_gap && !text_before.is_empty() => {
            text_before.len() + line_end + 1..end
        }
        _ => indented.len()..end,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn skip_blanks_and_comments(&mut self) {
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\r' | '\n' => self.at += 1,
                '#' => {
                    while self.peek().is_some_and(|character| character != '\n') {
                        self.next();
                    }
                }
                _ => return,
            }
        }
    }

    fn broken(&self, at: usize, what: &str) -> EditError {
        EditError::Syntax { line: line_of(self.text, at), what: what.to_owned() }
    }

    /// The directives up to the end of the text, or of the block at `depth`.
    fn directives(&mut self, depth: usize) -> Result<Vec<Directive>, EditError> {
        let mut directives = Vec::new();
        loop {
            self.skip_blanks_and_comments();
            match self.peek() {
                None if depth == 0 => return Ok(directives),
                None => return Err(self.broken(self.at, "a `{` has no `}`")),
                Some('}') if depth > 0 => return Ok(directives),
                Some('}') => return Err(self.broken(self.at, "a `}` has no `{`")),
                Some(_) => directives.push(self.directive(depth)?),
            }
        }
    }

    fn directive(&mut self, depth: usize) -> Result<Directive, EditError> {
        let start = self.at;
        let mut words: Vec<Word> = Vec::new();
        loop {
            self.skip_blanks_and_comments();
            match self.peek() {
                None => return Err(self.broken(start, "a directive has no `;`")),
                Some('}') => return Err(self.broken(start, "a directive has no `;` before a `}`")),
                Some(';') if words.is_empty() => {
                    return Err(self.broken(self.at, "a `;` stands behind nothing"));
                }
                Some(';') => {
                    self.at += 1;
                    return Ok(Directive { words, block: None, range: start..self.at });
                }
                Some('{') => {
                    if words.is_empty() || depth == MAX_DEPTH {
                        return Err(self.broken(self.at, "a `{` stands where none may"));
                    }
                    self.at += 1;
                    let inside = self.at;
                    // Blocks of Lua are no nginx; braces in them need not match.
                    if words.iter().any(|word| word.text.ends_with("_by_lua_block")) {
                        return Err(EditError::Unsupported {
                            line: line_of(self.text, start),
                            what: "a block of Lua stands here".to_owned(),
                            hint: "move it to a file of its own",
                        });
                    }
                    let directives = self.directives(depth + 1)?;
                    let inside = inside..self.at;
                    self.at += 1;
                    let block = Some(Block { directives, inside });
                    return Ok(Directive { words, block, range: start..self.at });
                }
                Some(_) => words.push(self.word()?),
            }
        }
    }

    fn word(&mut self) -> Result<Word, EditError> {
        let start = self.at;
        let mut text = String::new();
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            self.at += 1;
            loop {
                match self.next() {
                    None => return Err(self.broken(start, "a quote is not closed")),
                    Some('\\') => match self.next() {
                        Some(escaped) if escaped == quote || escaped == '\\' => text.push(escaped),
                        Some(other) => text.extend(['\\', other]),
                        None => {}
                    },
                    Some(character) if character == quote => break,
                    Some(character) => text.push(character),
                }
            }
            return Ok(Word { text, range: start..self.at });
        }
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' => break,
                // `${name}` is part of a word, any other brace opens a block.
                '{' if !text.ends_with('$') => break,
                '{' => {
                    while let Some(inner) = self.next() {
                        text.push(inner);
                        if inner == '}' {
                            break;
                        }
                    }
                }
                '\\' => {
                    self.at += 1;
                    text.push('\\');
                    text.extend(self.next());
                }
                _ => {
                    text.push(character);
                    self.next();
                }
            }
        }
        Ok(Word { text, range: start..self.at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::item::{cuts, without};

    fn pairs(text: &str) -> Vec<(String, String)> {
        items(text).unwrap().into_iter().map(|item| (item.key, item.value)).collect()
    }

    #[test]
    fn directives_are_told_apart() {
        for (text, key, value) in [
            ("set $x 'a b';", "set $x", "a b"),
            ("location ^~ /x/ { a b; }", "location ^~ /x/", ""),
            ("location ~* ^/x/.*\\.(css|js)$ { }", "location ~* ^/x/.*\\.(css|js)$", ""),
            ("if ($x = '') { set $x '*'; }", "if ($x =  )", ""),
            ("return 301 /x?$query_string;", "return", "301 /x?$query_string"),
            ("# } {\ninclude /a/*.nginx;", "include /a/*.nginx", ""),
            ("root /a/${b}c;", "root", "/a/${b}c"),
            ("set $x https://a\nset $y b;", "set $x", "https://a"),
            ("server {\n rewrite ^/x /y last;\n}", "rewrite ^/x /y last", ""),
        ] {
            assert_eq!(pairs(text), [(key.to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn what_nginx_refuses_is_refused_with_its_line() {
        for (text, line) in
            [("a;\nb", 2), ("a {\n b;\n", 3), ("}\n", 1), ("a 'b", 1), ("\n;", 2), ("a { b }", 1)]
        {
            let error = parse(text).unwrap_err();
            assert!(
                matches!(error, EditError::Syntax { line: at, .. } if at == line),
                "{text:?} {error}"
            );
        }
        let deep = "a {".repeat(MAX_DEPTH + 1) + &"}".repeat(MAX_DEPTH + 1);
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn a_directive_goes_with_its_lines() {
        let text = "a;\n  location /x {\n    b;\n  }\nc; d;\n";
        let cut = |key: &str| {
            let all = items(text).unwrap();
            without(text, &cuts(&all, |item| item.key == key), 0).0
        };
        assert_eq!(cut("location /x"), "a;\nc; d;\n");
        assert_eq!(cut("d"), "a;\n  location /x {\n    b;\n  }\nc; \n");
    }

    proptest! {
        #[test]
        fn no_input_panics_and_places_are_places(text in "(\\PC|[{};#\"'\\\\$]|\r?\n|location|set){0,60}") {
            if let Ok(items) = items(&text) {
                for item in items {
                    prop_assert!(text.get(item.line).is_some());
                }
            }
        }

        #[test]
        fn cutting_one_directive_keeps_the_others(
            parts in proptest::collection::vec("(  )?(set \\$[ab] '[ -&(-\\[\\]-~]{0,9}';|location /[a-z]{1,4} \\{\n? *x y;\n?\\}|# \\PC{0,9})\r?\n", 0..8),
        ) {
            let text = parts.concat();
            let all = items(&text).unwrap();
            let (left, _) = without(&text, &cuts(&all, |item| item.key == "set $a"), 0);
            let kept: Vec<_> = all.iter().filter(|item| item.key != "set $a").map(|item| (&item.key, &item.value)).collect();
            let after = items(&left).unwrap();
            prop_assert_eq!(after.iter().map(|item| (&item.key, &item.value)).collect::<Vec<_>>(), kept);
        }
    }
}
