//! Setting and removing single entries.

use serde_json::Value;

use super::{MARK, scan::Entry};
use crate::edit::{EditError, line_of, text::newline};

/// Spaces per level in a file that shows none.
const DEFAULT_STEP: usize = 2;

/// `text` with `value` at `path`, on a line of ours.
pub(super) fn set(
    text: &str,
    entries: &[Entry],
    path: &[String],
    value: &str,
) -> Result<String, EditError> {
    if let Some(entry) = entries.iter().find(|entry| entry.path == path) {
        return replace(text, entry, value);
    }
    let newline = newline(text);
    let parent = (1..path.len())
        .rev()
        .find_map(|depth| entries.iter().find(|entry| path.get(..depth) == Some(&entry.path)));
    let depth = parent.map_or(0, |parent| parent.path.len());
    let is_child = |entry: &&Entry| {
        entry.path.len() == depth + 1
            && parent.is_none_or(|parent| entry.path.starts_with(&parent.path))
    };
    let last = entries.iter().rfind(is_child);
    let mut text = text.to_owned();
    let step = step(entries);
    let (mut at, indent) = match (parent, last) {
        (_, Some(last)) => (last.extent.end, last.indent),
        (Some(parent), None) => {
            open_empty(&mut text, parent)?;
            (line_end(&text, parent.line.start), parent.indent + step)
        }
        (None, None) => (text.len(), 0),
    };
    let mut lines = String::new();
    if !text.get(..at).unwrap_or_default().is_empty()
        && !text.get(..at).unwrap_or_default().ends_with('\n')
    {
        lines.push_str(newline);
    }
    let (leaf, missing) = path
        .split_last()
        .map_or(("", &[][..]), |(leaf, all)| (leaf.as_str(), all.get(depth..).unwrap_or_default()));
    for (level, key) in missing.iter().enumerate() {
        lines += &format!("{}{key}:{newline}", " ".repeat(indent + level * step));
    }
    let indent = " ".repeat(indent + missing.len() * step);
    lines += &format!("{indent}{leaf}: {} {MARK}{newline}", quoted(value, '\''));
    at = at.min(text.len());
    text.insert_str(at, &lines);
    Ok(text)
}

/// The end of the line that begins at `start`.
fn line_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.find('\n').map_or(rest.len(), |end| end + 1)
}

/// Spaces per level, as the file's first nested entry shows.
fn step(entries: &[Entry]) -> usize {
    entries
        .iter()
        .zip(entries.iter().skip(1))
        .find(|(outer, inner)| inner.path.len() == outer.path.len() + 1)
        .map_or(DEFAULT_STEP, |(outer, inner)| inner.indent - outer.indent)
}

/// Lets children follow `parent`, which has none.
fn open_empty(text: &mut String, parent: &Entry) -> Result<(), EditError> {
    let value = text.get(parent.value.clone()).unwrap_or_default();
    if parent.is_opaque || !["", "{}", "{ }", "null", "~"].contains(&value) {
        return Err(in_the_way(text, parent));
    }
    text.replace_range(parent.value.clone(), "");
    Ok(())
}

fn in_the_way(text: &str, entry: &Entry) -> EditError {
    EditError::Unsupported {
        line: line_of(text, entry.line.start),
        what: format!("`{}` is written in a form that is not edited", entry.path.join(".")),
        hint: "write it as a block mapping with one plain value a line (no braces, anchors or tags)",
    }
}

fn replace(text: &str, entry: &Entry, value: &str) -> Result<String, EditError> {
    let present = text.get(entry.value.clone()).unwrap_or_default();
    let has_children = entry.extent.end > entry.line.end;
    if has_children || present.starts_with(['&', '*', '!', '{', '[', '|', '>']) {
        return Err(in_the_way(text, entry));
    }
    let style = present.chars().next().filter(|first| matches!(first, '"' | '\''));
    let is_same = serde_saphyr::from_str::<String>(present).is_ok_and(|is| is == value)
        && (style.is_some() || reads_alike(present));
    let mut line = text.get(entry.line.start..entry.value.start).unwrap_or_default().to_owned();
    if line.ends_with(':') {
        line.push(' ');
    }
    if is_same {
        line.push_str(present);
    } else {
        line.push_str(&quoted(value, style.unwrap_or('\'')));
    }
    let between = text.get(entry.value.end..entry.comment.start).unwrap_or_default();
    let comment = text.get(entry.comment.clone()).unwrap_or_default();
    if comment.is_empty() {
        line += &format!(" {MARK}");
    } else {
        line += between;
        line += comment;
        if !entry.is_marked(text) {
            line += &format!(" {MARK}");
        }
    }
    let mut text = text.to_owned();
    text.replace_range(entry.line.start..entry.comment.end, &line);
    Ok(text)
}

/// Whether every dialect of YAML takes this plain text for a string.
fn reads_alike(plain: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_word = plain.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !WORDS.contains(&plain.to_ascii_lowercase().as_str());
    (is_word || plain.contains('/'))
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_".contains(&byte))
}

fn quoted(value: &str, style: char) -> String {
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\');
    match (style, is_plain) {
        ('\'', true) => format!("'{}'", value.replace('\'', "''")),
        // Every JSON string is a double-quoted one of YAML.
        _ => Value::from(value).to_string(),
    }
}

/// `text` without the entry at `path`, and without the mappings it leaves empty.
pub(super) fn remove(text: &str, entries: &[Entry], path: &[String]) -> String {
    let mut extent = None;
    for depth in (1..=path.len()).rev() {
        let here = path.get(..depth).unwrap_or_default();
        let Some(entry) = entries.iter().find(|entry| entry.path == here) else { break };
        let siblings = entries
            .iter()
            .filter(|other| other.path.len() == depth + 1 && other.path.starts_with(here));
        if extent.is_some() && siblings.count() > 1 {
            break;
        }
        extent = Some(entry.extent.clone());
    }
    let mut text = text.to_owned();
    if let Some(extent) = extent {
        text.replace_range(extent, "");
    }
    text
}

/// The same for data.
pub(super) fn remove_data(data: &mut Value, path: &[String]) {
    let (Some((key, rest)), Some(members)) = (path.split_first(), data.as_object_mut()) else {
        return;
    };
    if rest.is_empty() {
        members.remove(key);
    } else if let Some(inner) = members.get_mut(key) {
        remove_data(inner, rest);
        if inner.as_object().is_some_and(serde_json::Map::is_empty) {
            members.remove(key);
        }
    }
}

/// The same for data.
pub(super) fn set_data(data: &mut Value, path: &[String], value: &str) {
    let Some((key, rest)) = path.split_first() else {
        *data = Value::from(value);
        return;
    };
    if !data.is_object() {
        *data = Value::Object(serde_json::Map::new());
    }
    if let Some(members) = data.as_object_mut() {
        set_data(members.entry(key.as_str()).or_insert(Value::Null), rest, value);
    }
}
