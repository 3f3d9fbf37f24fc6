//! YAML mappings, edited in place.
//!
//! The lines of block mappings are found by their indentation; what stands in
//! other forms (flow, anchors, several documents) is carried through and, where
//! it is in the way, refused. After each edit the text is read again by a real
//! parser: it must say exactly what it said before, with that one difference.
//!
//! Each line of ours ends in [`MARK`], so that it can be found again.

mod scan;
mod write;

use std::collections::BTreeMap;

use serde_json::Value;

use super::EditError;
use scan::scan;

/// The comment on each line of ours.
pub(crate) const MARK: &str = "# bluegate";

/// Sets the texts on the dotted paths `wanted`, and removes our lines on other
/// paths and everything on the paths `stale`. Nothing is left when only blanks
/// would be.
pub(crate) fn edit(
    text: &str,
    wanted: &[(String, String)],
    stale: &[String],
) -> Result<Option<String>, EditError> {
    if wanted.is_empty() && text.trim().is_empty() {
        return Ok(Some(text.to_owned()));
    }
    let mut text = text.to_owned();
    scan(&text)?;
    let mut data = read(&text)?;
    let mut removed = false;
    loop {
        let entries = scan(&text)?;
        let outdated = entries.iter().find(|entry| {
            let path = entry.path.join(".");
            wanted.iter().all(|(wanted, _)| *wanted != path)
                && (entry.is_marked(&text) || stale.contains(&path))
        });
        let Some(outdated) = outdated else { break };
        let path = outdated.path.clone();
        text = write::remove(&text, &entries, &path);
        write::remove_data(&mut data, &path);
        ensure(&text, &data, &path)?;
        removed = true;
    }
    for (path, value) in wanted {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        text = write::set(&text, &scan(&text)?, &path, value)?;
        write::set_data(&mut data, &path, value);
        ensure(&text, &data, &path)?;
    }
    Ok((!(removed && text.trim().is_empty())).then_some(text))
}

/// What `text` says, by dotted paths to everything but mappings.
pub(crate) fn items(text: &str) -> Result<BTreeMap<String, Value>, EditError> {
    let mut found = BTreeMap::new();
    let mut pending = vec![(String::new(), read(text)?)];
    while let Some((path, value)) = pending.pop() {
        match value {
            Value::Object(members) => pending.extend(members.into_iter().map(|(key, value)| {
                (if path.is_empty() { key } else { format!("{path}.{key}") }, value)
            })),
            Value::Null if path.is_empty() => {}
            value => drop(found.insert(path, value)),
        }
    }
    Ok(found)
}

/// Whether any line of `text` is ours.
#[cfg(test)]
fn has_mark(text: &str) -> bool {
    scan(text).unwrap().iter().any(|entry| entry.is_marked(text))
}

/// The text as data; nothing at all is `null`.
fn read(text: &str) -> Result<Value, EditError> {
    let has_content = text.lines().any(|line| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with('#') || line == "---")
    });
    if !has_content {
        return Ok(Value::Null);
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    let data: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line =
            error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(1));
        EditError::Syntax { line, what: "this is no YAML that can be read".to_owned() }
    })?;
    match data {
        Value::Object(_) | Value::Null => Ok(data),
        _ => Err(EditError::Syntax { line: 1, what: "this is no YAML mapping".to_owned() }),
    }
}

fn ensure(text: &str, intended: &Value, path: &[String]) -> Result<(), EditError> {
    // An empty mapping and nothing at all are the same to every reader.
    let told = |value: &Value| match value {
        Value::Object(members) if members.is_empty() => Value::Null,
        value => value.clone(),
    };
    match read(text) {
        Ok(data) if told(&data) == told(intended) => Ok(()),
        _ => Err(EditError::Unsafe { key: path.join(".") }),
    }
}

#[cfg(test)]
mod tests;
