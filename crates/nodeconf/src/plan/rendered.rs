//! A profile's entries for one node: placeholders filled, in the words of the
//! file's format.

use serde_json::Value as Json;

use super::Reason;
use crate::{
    edit::{env, properties, systemd},
    placeholders::Placeholders,
    profile::{Entry, Format, Value},
};

/// An entry for one node.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    /// The key, placeholders filled.
    pub(super) key: String,
    /// What it says.
    pub(super) says: Says,
    /// Why it is said.
    pub(super) reason: Reason,
}

/// What an entry says.
#[derive(Clone, Debug)]
pub(super) enum Says {
    /// One value.
    Text(String),
    /// A list.
    List(Vec<String>),
    /// Lines as they are, such as an nginx block.
    Lines(String),
}

/// What a profile's text becomes. An unknown placeholder is a mistake in the
/// profile, which a test over all profiles finds.
pub(super) fn fill(placeholders: &Placeholders, text: &str) -> String {
    placeholders.fill(text).unwrap_or_else(|name| {
        unreachable!("`{{{name}}}` is no placeholder; a test renders every profile")
    })
}

/// `entry` as far as it depends on nothing on the node.
pub(super) fn render(entry: &Entry, placeholders: &Placeholders) -> Rendered {
    let key = fill(placeholders, &entry.key);
    let says = match (&entry.value, &entry.body) {
        (Some(Value::One(text)), _) => Says::Text(fill(placeholders, text)),
        (Some(Value::Many(texts)), _) => {
            Says::List(texts.iter().map(|text| fill(placeholders, text)).collect())
        }
        (None, Some(body)) => {
            let body = fill(placeholders, body);
            let lines: Vec<String> =
                body.trim().lines().map(|line| format!("    {}\n", line.trim_end())).collect();
            Says::Lines(format!("{key} {{\n{}}}\n", lines.concat()))
        }
        (None, None) => Says::Lines(String::new()),
    };
    Rendered { reason: reason(entry, &key), key, says }
}

fn reason(entry: &Entry, key: &str) -> Reason {
    Reason {
        key: key.to_owned(),
        why: entry.why.clone(),
        source: entry.source.clone(),
        verified_on: entry.verified_on.clone(),
    }
}

impl Rendered {
    /// Its lines in a block of ours.
    pub(super) fn lines(&self, format: Format) -> String {
        let text = match &self.says {
            Says::Lines(lines) => return lines.clone(),
            Says::Text(text) => text.clone(),
            Says::List(texts) => texts.join(","),
        };
        match format {
            Format::Properties => properties::line(&self.key, &text),
            Format::Env => env::line(&self.key, &text),
            Format::Systemd => systemd::line(&self.key, &text).1,
            Format::Nginx => format!("{} {text};\n", self.key),
            Format::Shell | Format::Yaml | Format::Json => text,
        }
    }

    /// Its value as data.
    pub(super) fn json(&self) -> Json {
        match &self.says {
            Says::Text(text) | Says::Lines(text) => Json::from(text.as_str()),
            Says::List(texts) => Json::from(texts.clone()),
        }
    }

    /// Its value as one text.
    pub(super) fn text(&self) -> String {
        match &self.says {
            Says::Text(text) | Says::Lines(text) => text.clone(),
            Says::List(texts) => texts.join(","),
        }
    }
}

/// The lines of a whole block.
pub(super) fn block(format: Format, entries: &[Rendered]) -> String {
    let mut lines = String::new();
    let mut section = String::new();
    for entry in entries {
        let text = entry.lines(format);
        if format == Format::Systemd {
            let (heading, _) = systemd::line(&entry.key, "");
            if heading != section {
                lines += &heading;
                section = heading;
            }
        }
        // Blocks of nginx stand apart.
        if format == Format::Nginx && text.contains('{') && !lines.is_empty() {
            lines.push('\n');
        }
        lines += &text;
    }
    lines
}
