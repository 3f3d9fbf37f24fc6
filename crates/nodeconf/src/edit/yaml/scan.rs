//! Finding the entries of block mappings by their indentation.

use std::ops::Range;

use crate::edit::EditError;

use super::MARK;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// One `key: value` of a block mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys on the way, its own last.
    pub(super) path: Vec<String>,
    /// How far its key is indented.
    pub(super) indent: usize,
    /// Its first line.
    pub(super) line: Range<usize>,
    /// The value on that line, without blanks and comment; may be empty.
    pub(super) value: Range<usize>,
    /// The comment on that line; empty at the line's end when there is none.
    pub(super) comment: Range<usize>,
    /// Everything that belongs to it, without the blank and comment lines at
    /// its end.
    pub(super) extent: Range<usize>,
    /// Whether lines follow that continue its value in another way than as a
    /// block mapping.
    pub(super) is_opaque: bool,
}

impl Entry {
    /// Whether its line is ours.
    pub(super) fn is_marked(&self, text: &str) -> bool {
        text.get(self.comment.clone()).is_some_and(|comment| comment.trim_end().ends_with(MARK))
    }
}

/// A line with something on it.
struct Line {
    range: Range<usize>,
    indent: usize,
}

/// The entries of the mapping in `text` and of all mappings inside it, in order.
pub(super) fn scan(text: &str) -> Result<Vec<Entry>, EditError> {
    let mut entries: Vec<Entry> = Vec::new();
    // The entries that the next line may be inside of, the outermost first.
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut has_begun = false;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let range = at..at + raw.len();
        at = range.end;
        let content = raw.trim_end_matches(['\r', '\n']);
        let body = content.trim_start_matches(' ');
        let line = Line { range, indent: content.len() - body.len() };
        let number = index + 1;
        let is_inside_scalar = open
            .last()
            .and_then(|&last| entries.get(last))
            .is_some_and(|last| last.indent < line.indent && opens_block_scalar(text, last));
        if is_inside_scalar || body.trim().is_empty() {
            if is_inside_scalar {
                extend(&mut entries, &mut open, &line, true);
            }
            continue;
        }
        if body.starts_with('#') {
            continue;
        }
        if body.starts_with('\t') {
            return Err(EditError::Syntax {
                line: number,
                what: "a line is indented with tabs".to_owned(),
            });
        }
        if line.indent == 0
            && (body.starts_with("---") || body.starts_with("...") || body.starts_with('%'))
        {
            if has_begun || body.trim_end() != "---" {
                return Err(EditError::Unsupported {
                    line: number,
                    what: "the file holds several documents or directives".to_owned(),
                    hint: "keep one document of plain mappings",
                });
            }
            has_begun = true;
            continue;
        }
        has_begun = true;
        let is_sequence = body == "-" || body.starts_with("- ");
        while let Some(&last) = open.last() {
            let Some(entry) = entries.get(last) else { break };
            let belongs = entry.indent < line.indent || entry.indent == line.indent && is_sequence;
            if belongs {
                break;
            }
            open.pop();
        }
        let parent = open.last().and_then(|&last| entries.get(last));
        // Inside of a value that is no block mapping nothing is looked at.
        let is_continuation = parent.is_some_and(|parent| {
            parent.is_opaque || !parent.value.is_empty() && !is_marked_empty(text, parent)
        });
        if is_continuation || is_sequence {
            if parent.is_none() {
                return Err(no_mapping(number));
            }
            extend(&mut entries, &mut open, &line, true);
            continue;
        }
        let Some((key, after)) = split_key(body) else {
            if parent.is_none() {
                return Err(no_mapping(number));
            }
            extend(&mut entries, &mut open, &line, true);
            continue;
        };
        if open.len() == MAX_DEPTH {
            return Err(EditError::Syntax { line: number, what: "too many levels".to_owned() });
        }
        let start = line.range.start + line.indent + after;
        let (value, comment) = split_value(text, start, line.range.start + content.len());
        let mut path = parent.map(|parent| parent.path.clone()).unwrap_or_default();
        path.push(key);
        extend(&mut entries, &mut open, &line, false);
        open.push(entries.len());
        entries.push(Entry {
            path,
            indent: line.indent,
            value,
            comment,
            extent: line.range.clone(),
            line: line.range,
            is_opaque: false,
        });
    }
    Ok(entries)
}

fn no_mapping(line: usize) -> EditError {
    EditError::Unsupported {
        line,
        what: "the file is no block mapping (`key: value`, one a line)".to_owned(),
        hint: "write it as one",
    }
}

/// Lets every open entry reach to the end of `line`.
fn extend(entries: &mut [Entry], open: &mut [usize], line: &Line, is_opaque: bool) {
    let innermost = open.last().copied();
    for &mut index in open {
        if let Some(entry) = entries.get_mut(index) {
            entry.extent.end = line.range.end;
            entry.is_opaque |= is_opaque && Some(index) == innermost;
        }
    }
}

/// Whether the entry's value is `|` or `>` with what may follow these.
fn opens_block_scalar(text: &str, entry: &Entry) -> bool {
    let value = text.get(entry.value.clone()).unwrap_or_default();
    // An anchor or a tag may stand in front.
    let last = value.rsplit(' ').next().unwrap_or_default();
    last.starts_with(['|', '>'])
}

/// Whether the entry's value is only an anchor or a tag, behind which a block
/// mapping may follow.
fn is_marked_empty(text: &str, entry: &Entry) -> bool {
    let value = text.get(entry.value.clone()).unwrap_or_default();
    value.split(' ').all(|word| word.starts_with(['&', '!']))
}

/// The key at the start of `body` and where what follows its `:` begins.
fn split_key(body: &str) -> Option<(String, usize)> {
    let quote = body.chars().next().filter(|first| matches!(first, '"' | '\''));
    let colon = match quote {
        Some(quote) => {
            let end = 1 + body.get(1..)?.find(quote)?;
            let behind = body.get(end + 1..)?;
            let blanks = behind.len() - behind.trim_start().len();
            behind.trim_start().starts_with(':').then_some(end + 1 + blanks)?
        }
        None => body.char_indices().find_map(|(at, character)| {
            let behind = body.get(at + 1..).filter(|_| character == ':')?;
            (behind.is_empty() || behind.starts_with([' ', '\t'])).then_some(at)
        })?,
    };
    let written = body.get(..colon)?.trim_end();
    let key = match quote {
        Some(quote) => written.trim_matches(quote),
        None if written
            .starts_with(['?', '{', '[', '&', '*', '!', '|', '>', '%', '@', '`', '-'])
            && !written.starts_with("-") =>
        {
            return None;
        }
        None => written,
    };
    // A `#` behind a blank begins a comment, so there is no key.
    if quote.is_none() && written.contains(" #") || quote == Some('"') && key.contains('\\') {
        return None;
    }
    Some((key.to_owned(), colon + 1))
}

/// The value and the comment in `text` from `start` to `end`, which is the end
/// of the line's content.
fn split_value(text: &str, start: usize, end: usize) -> (Range<usize>, Range<usize>) {
    let raw = text.get(start..end).unwrap_or_default();
    let blanks = raw.len() - raw.trim_start().len();
    let body = raw.trim_start();
    let mut quote = body.chars().next().filter(|first| matches!(first, '"' | '\''));
    let mut escaped = false;
    let mut before = ' ';
    let mut comment = body.len();
    for (at, character) in body.char_indices() {
        if at > 0 && quote.is_some() {
            if Some(character) == quote && !escaped {
                quote = None;
            }
            escaped = character == '\\' && quote == Some('"') && !escaped;
        } else if character == '#' && matches!(before, ' ' | '\t') {
            comment = at;
            break;
        } else if at > 0 && matches!(character, '"' | '\'') && body.starts_with(['{', '[']) {
            quote = Some(character);
        } else if at > 0 && character == '\'' && before == '\'' && body.starts_with('\'') {
            // Two of them are one that is meant.
            quote = Some('\'');
        }
        before = character;
    }
    let value = body.get(..comment).unwrap_or_default().trim_end();
    let from = start + blanks;
    (from..from + value.len(), from + comment..end)
}
