//! JSON objects, edited in place; comments, as Etherpad allows them, stay.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::{EditError, line_of};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// Sets the members on the dotted paths `wanted` of the object in `text` and
/// removes those on the paths `stale`. Nothing is left when the object would
/// be empty and was not.
pub(crate) fn edit(
    text: &str,
    wanted: &[(String, Value)],
    stale: &[String],
) -> Result<Option<String>, EditError> {
    let blank = text.trim().is_empty();
    if blank && wanted.is_empty() {
        return Ok(Some(text.to_owned()));
    }
    let mut text = if blank { "{\n}\n".to_owned() } else { text.to_owned() };
    for (path, value) in wanted {
        let before = read(&text)?;
        let mut intended = before.data.clone();
        set_data(&mut intended, &keys(path), value);
        text = set(&text, &before, &keys(path), value)?;
        ensure(&text, &intended, path)?;
    }
    let mut is_ours = false;
    for path in stale {
        let before = read(&text)?;
        if let Some(range) = member_with_comma(&text, &before, &keys(path)) {
            is_ours = true;
            text.replace_range(range, "");
            let mut intended = before.data;
            remove_data(&mut intended, &keys(path));
            ensure(&text, &intended, path)?;
        }
    }
    let empty = is_ours && text.trim_matches(['{', '}', ' ', '\t', '\r', '\n']).is_empty();
    Ok((!empty).then_some(text))
}

/// What the object in `text` says, by dotted paths to everything but objects.
pub(crate) fn items(text: &str) -> Result<BTreeMap<String, Value>, EditError> {
    fn walk(path: &str, value: Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                    walk(&path, value, found);
                }
            }
            value => drop(found.insert(path.to_owned(), value)),
        }
    }
    let mut found = BTreeMap::new();
    if !text.trim().is_empty() {
        walk("", read(text)?.data, &mut found);
    }
    Ok(found)
}

fn keys(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// A value and its place.
#[derive(Debug)]
struct Node {
    data: Value,
    range: Range<usize>,
    /// Of an object: key, from the key to the value's end, and the value.
    members: Vec<(String, Range<usize>, Self)>,
}

fn read(text: &str) -> Result<Node, EditError> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.skip()?;
    if reader.at < text.len() {
        return Err(reader.broken("something stands behind the object"));
    }
    if !node.data.is_object() {
        return Err(reader.broken("this is no JSON object"));
    }
    Ok(node)
}

fn ensure(text: &str, intended: &Value, key: &str) -> Result<(), EditError> {
    match read(text) {
        Ok(node) if node.data == *intended => Ok(()),
        _ => Err(EditError::Unsafe { key: key.to_owned() }),
    }
}

fn set_data(data: &mut Value, path: &[&str], value: &Value) {
    let [key, rest @ ..] = path else {
        *data = value.clone();
        return;
    };
    if !data.is_object() {
        *data = Value::Object(serde_json::Map::new());
    }
    if let Some(members) = data.as_object_mut() {
        set_data(members.entry(*key).or_insert(Value::Null), rest, value);
    }
}

fn remove_data(data: &mut Value, path: &[&str]) {
    match (path, data.as_object_mut()) {
        ([key], Some(members)) => drop(members.remove(*key)),
        ([key, rest @ ..], Some(members)) => {
            if let Some(inner) = members.get_mut(*key) {
                remove_data(inner, rest);
            }
        }
        _ => {}
    }
}

fn set(text: &str, node: &Node, path: &[&str], value: &Value) -> Result<String, EditError> {
    let [key, rest @ ..] = path else { return Ok(text.to_owned()) };
    let mut out = text.to_owned();
    // Of a key that stands twice the last counts.
    if let Some((_, _, inner)) = node.members.iter().rfind(|(known, _, _)| known == key) {
        if rest.is_empty() {
            if inner.data != *value {
                out.replace_range(inner.range.clone(), &value.to_string());
            }
            return Ok(out);
        }
        if inner.data.is_object() {
            return set(text, inner, rest, value);
        }
        return Err(EditError::Unsupported {
            line: line_of(text, inner.range.start),
            what: format!("`{key}` is no object"),
            hint: "remove it",
        });
    }
    let nested = rest.iter().rev().fold(value.clone(), |inner, key| {
        Value::Object([((*key).to_owned(), inner)].into_iter().collect())
    });
    let member = format!("{}: {nested}", Value::from(*key));
    let newline = super::text::newline(text);
    match node.members.last() {
        Some((_, range, _)) => {
            let line = text.get(..range.start).unwrap_or_default();
            let line = line.rsplit('\n').next().unwrap_or_default();
            let alone = line.trim().is_empty();
            let separator = if alone { format!(",{newline}{line}") } else { ", ".to_owned() };
            out.insert_str(range.end, &format!("{separator}{member}"));
        }
        None => {
            // Comments of an empty object stay in front of its first member.
            let inside = text.get(..node.range.end - 1).unwrap_or_default();
            let end = inside.trim_end().len();
            out.replace_range(end..node.range.end - 1, &format!("{newline}    {member}{newline}"));
        }
    }
    Ok(out)
}

/// The bytes of a member with the comma that separates it, and its line when
/// nothing else stands there.
fn member_with_comma(text: &str, node: &Node, path: &[&str]) -> Option<Range<usize>> {
    let [key, rest @ ..] = path else { return None };
    let index = node.members.iter().rposition(|(known, _, _)| known == key)?;
    let (_, range, inner) = node.members.get(index)?;
    if !rest.is_empty() {
        return member_with_comma(text, inner, rest);
    }
    if index > 0 {
        // From the end of the one before, so that its comma goes.
        let (_, before, _) = node.members.get(index - 1)?;
        let between = text.get(before.end..range.start)?;
        let comma = before.end + between.find(',')?;
        let start = if between.trim() == "," { before.end } else { comma };
        return Some(start..range.end);
    }
    let behind = text.get(range.end..)?;
    let end = match node.members.get(1) {
        Some((_, next, _)) => {
            let between = text.get(range.end..next.start)?;
            if between.trim() == "," {
                return Some(range.start..next.start);
            }
            range.end + between.find(',')? + 1
        }
        None => range.end + behind.len() - behind.trim_start_matches([' ', '\t']).len(),
    };
    let indented = text.get(..range.start)?.trim_end_matches([' ', '\t']);
    let alone = indented.ends_with('\n') && text.get(end..)?.starts_with(['\n', '\r']);
    let start = if alone {
        indented.trim_end_matches(['\n']).trim_end_matches('\r').len()
    } else {
        range.start
    };
    Some(start..end)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn broken(&self, what: &str) -> EditError {
        EditError::Syntax { line: line_of(self.text, self.at), what: what.to_owned() }
    }

    /// Skips blanks and comments.
    fn skip(&mut self) -> Result<(), EditError> {
        loop {
            let rest = self.rest();
            let blank = rest.trim_start();
            let blanks = rest.len() - blank.len();
            let comment = if blank.starts_with("//") || blank.starts_with('#') {
                blank.find('\n').unwrap_or(blank.len())
            } else if blank.starts_with("/*") {
                match blank.find("*/") {
                    Some(end) => end + 2,
                    None => return Err(self.broken("a comment is not closed")),
                }
            } else {
                0
            };
            self.at += blanks + comment;
            if comment == 0 {
                return Ok(());
            }
        }
    }

    fn take(&mut self, character: char) -> bool {
        let found = self.rest().starts_with(character);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, EditError> {
        self.skip()?;
        if depth == MAX_DEPTH {
            return Err(self.broken("too many levels"));
        }
        let start = self.at;
        if self.take('{') {
            let mut members = Vec::new();
            loop {
                self.skip()?;
                if members.is_empty() && self.take('}') {
                    break;
                }
                let key_at = self.at;
                let Value::String(key) = self.scalar()? else {
                    return Err(self.broken("a key is no string"));
                };
                self.skip()?;
                if !self.take(':') {
                    return Err(self.broken("a `:` is missing"));
                }
                let node = self.value(depth + 1)?;
                members.push((key, key_at..node.range.end, node));
                self.skip()?;
                if self.take('}') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.broken("a `,` or `}` is missing"));
                }
            }
            let data = members.iter().map(|(key, _, node)| (key.clone(), node.data.clone()));
            return Ok(Node {
                data: Value::Object(data.collect()),
                range: start..self.at,
                members,
            });
        }
        if self.take('[') {
            let mut data = Vec::new();
            loop {
                self.skip()?;
                if data.is_empty() && self.take(']') {
                    break;
                }
                data.push(self.value(depth + 1)?.data);
                self.skip()?;
                if self.take(']') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.broken("a `,` or `]` is missing"));
                }
            }
            let data = Value::Array(data);
            return Ok(Node { data, range: start..self.at, members: Vec::new() });
        }
        let data = self.scalar()?;
        Ok(Node { data, range: start..self.at, members: Vec::new() })
    }

    fn scalar(&mut self) -> Result<Value, EditError> {
        let rest = self.rest();
        let length = if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|&(_, character)| {
                let ends = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else {
            rest.find(|character: char| {
                !(character.is_ascii_alphanumeric() || "+-.".contains(character))
            })
            .unwrap_or(rest.len())
        };
        let value = serde_json::from_str(rest.get(..length).unwrap_or_default())
            .map_err(|_| self.broken("this is no JSON value"))?;
        self.at += length;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn set_proxies(text: &str) -> Result<Option<String>, EditError> {
        edit(text, &[("cluster_proxies".to_owned(), json!(["https://x"]))], &[])
    }

    #[test]
    fn members_are_set_in_place() {
        for (before, after) in [
            ("", "{\n    \"cluster_proxies\": [\"https://x\"]\n}\n"),
            ("{}", "{\n    \"cluster_proxies\": [\"https://x\"]\n}"),
            ("{ \"a\": 1 }\n", "{ \"a\": 1, \"cluster_proxies\": [\"https://x\"] }\n"),
            (
                "{\r\n  \"a\": 1 // why\r\n}\r\n",
                "{\r\n  \"a\": 1,\r\n  \"cluster_proxies\": [\"https://x\"] // why\r\n}\r\n",
            ),
            (
                "{\n  /* no */ \"cluster_proxies\" : [ ],\n  \"b\": {}\n}",
                "{\n  /* no */ \"cluster_proxies\" : [\"https://x\"],\n  \"b\": {}\n}",
            ),
            (
                "{\"cluster_proxies\":[\n \"https://x\" ]}",
                "{\"cluster_proxies\":[\n \"https://x\" ]}",
            ),
        ] {
            assert_eq!(set_proxies(before).unwrap().unwrap(), after, "{before}");
        }
    }

    #[test]
    fn members_are_removed_with_their_comma() {
        for (before, after) in [
            ("{\n    \"a\": [1]\n}\n", None),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", Some("{\n  \"b\": 2\n}\n")),
            ("{\n  \"b\": 2,\n  \"a\": 1\n}\n", Some("{\n  \"b\": 2\n}\n")),
            ("{\"b\": 2, /* x */ \"a\": 1}", Some("{\"b\": 2}")),
            ("{\"b\": 2}", Some("{\"b\": 2}")),
        ] {
            let after = after.map(str::to_owned);
            assert_eq!(edit(before, &[], &["a".to_owned()]).unwrap(), after, "{before}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "{", "{\"a\" 1}", "{\"a\":1,}", "{} x", "/* {", "{\"a\":tru}"] {
            assert!(matches!(set_proxies(text), Err(EditError::Syntax { .. })), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_edit_changes_what_it_names_only(
            members in proptest::collection::btree_map("[a-c]{1,2}", any_json(), 0..4),
            pretty: bool,
        ) {
            let data = Value::Object(members.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&data) } else { serde_json::to_string(&data) }.unwrap();
            let once = set_proxies(&text).unwrap().unwrap();
            let mut wanted = data;
            wanted["cluster_proxies"] = json!(["https://x"]);
            prop_assert_eq!(&read(&once).unwrap().data, &wanted);
            prop_assert_eq!(set_proxies(&once).unwrap().unwrap(), once.clone());
            let gone = edit(&once, &[], &["cluster_proxies".to_owned()]).unwrap();
            if let Some(gone) = gone {
                prop_assert_eq!(read(&gone).unwrap().data, read(&text).unwrap().data);
            }
        }

        #[test]
        fn no_input_panics(text in "(\\PC|[{}\\[\\]\",:/*\\\\]){0,60}") {
            drop(set_proxies(&text));
            drop(edit(&text, &[], &["a".to_owned()]));
        }
    }
}
