//! One file's edits, made into a change.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{FileEdit, InPlace};
use crate::{
    edit::{
        EditError, block,
        item::{Item, matches, without},
        json, lines, nginx, properties,
        text::{Charset, decode, encode, newline},
        yaml,
    },
    host::{FileState, Host},
    plan::{Change, ChangeKind, PlanError, Reason, locations, rendered},
    profile::Format,
};

/// A file looked at.
#[derive(Debug)]
pub(super) struct Edited {
    /// What changes, if anything.
    pub(super) change: Option<Change>,
    /// What it says now, when it is there.
    pub(super) before: Option<Vec<Item>>,
    /// What the operator should know.
    pub(super) warnings: Vec<String>,
}

pub(super) fn change(host: &dyn Host, path: &str, edit: &FileEdit) -> Result<Edited, PlanError> {
    let failed = |source| PlanError::Edit { path: path.to_owned(), source };
    let before = host.file(path)?;
    let mut edited = Edited { change: None, before: None, warnings: Vec::new() };
    if before.is_none() && edit.entries.is_empty() {
        return Ok(edited);
    }
    let charset = match edit.format {
        Format::Yaml | Format::Json => Charset::Utf8,
        _ => Charset::Bytes,
    };
    let bytes = before.as_ref().map_or(&[][..], |file| &file.bytes);
    let text = decode(bytes, charset).map_err(failed)?;
    let said = said(edit.format, &text).map_err(failed)?;
    edited.warnings = lost_from_lists(path, edit, &text).map_err(failed)?;
    let after_text = after(edit, &text).map_err(failed)?;
    let after = after_text.as_ref().map(|after| encode(after, charset));
    let is_same = match (&before, &after) {
        (Some(before), Some(after)) => before.bytes == *after,
        (None, after) => after.as_ref().is_none_or(Vec::is_empty),
        (Some(_), None) => false,
    };
    if !is_same {
        let state = |bytes| match (&before, &edit.ours) {
            (Some(before), _) => FileState { bytes, ..before.clone() },
            (None, Some((owner, mode))) => FileState { bytes, owner: owner.clone(), mode: *mode },
            (None, None) => FileState { bytes, owner: "root:root".to_owned(), mode: 0o644 },
        };
        edited.change = Some(Change {
            path: path.to_owned(),
            kind: kind(host, path, edit, after_text.as_deref().unwrap_or(&text))?,
            reasons: reasons(edit, &text, &said),
            restart: if says_the_same(edit.format, &said, after_text.as_deref()) {
                Vec::new()
            } else {
                edit.restart.clone()
            },
            after: after.map(state),
            before: before.clone(),
        });
    }
    edited.before = before.is_some().then_some(said);
    Ok(edited)
}

/// Whether a file says after its change what it said before, so that its
/// services need not read it again. For nginx the order counts too.
fn says_the_same(format: Format, before: &[Item], after: Option<&str>) -> bool {
    let last = |items: &[Item]| -> BTreeMap<String, String> {
        items.iter().map(|item| (item.key.clone(), item.value.clone())).collect()
    };
    let is_told = !matches!(format, Format::Nginx | Format::Shell);
    let after = said(format, after.unwrap_or_default());
    is_told && after.is_ok_and(|after| last(before) == last(&after))
}

/// Everything a file says, whatever its form.
fn said(format: Format, text: &str) -> Result<Vec<Item>, EditError> {
    let data = match format {
        Format::Yaml => yaml::items(text)?,
        Format::Json => json::items(text)?,
        _ => return lines::items(format, text),
    };
    let plain = |value: Value| match value {
        Value::String(text) => text,
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().unwrap_or_default().to_owned());
            texts.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    Ok(data
        .into_iter()
        .map(|(key, value)| Item {
            key,
            value: plain(value),
            word: 0..0,
            line: 0..0,
            is_broken: false,
        })
        .collect())
}

fn after(edit: &FileEdit, text: &str) -> Result<Option<String>, EditError> {
    match edit.format {
        Format::Yaml => {
            let wanted: Vec<_> =
                edit.entries.iter().map(|entry| (entry.key.clone(), entry.text())).collect();
            let is_wanted = |key: &str| edit.entries.iter().any(|entry| entry.key == key);
            let mut stale: Vec<_> = edit.stale.iter().map(|stale| stale.key.clone()).collect();
            stale.retain(|key| !is_wanted(key));
            let mut text = text.to_owned();
            if !edit.in_place.is_empty() {
                text = yaml_in_place(&text, &edit.in_place)?;
            }
            if edit.ours.is_none() {
                return Ok(Some(text));
            }
            yaml::edit(&text, &wanted, &stale)
        }
        Format::Json => {
            let wanted: Vec<_> =
                edit.entries.iter().map(|entry| (entry.key.clone(), entry.json())).collect();
            let said = json::items(text)?;
            let withdrawn = edit.withdrawn.iter();
            let stale: Vec<_> = withdrawn
                .filter(|entry| said.get(&entry.key) == Some(&entry.json()))
                .map(|entry| entry.key.clone())
                .collect();
            json::edit(text, &wanted, &stale)
        }
        format => {
            let mut text = text.to_owned();
            if edit.restores_locations.is_some() {
                text = locations::without_mounts(&text)?;
            }
            for value in &edit.in_place {
                text = in_place(format, &text, value)?;
            }
            let lines = rendered::block(format, &edit.entries);
            let is_stale =
                |item: &Item| edit.stale.iter().any(|stale| matches(&stale.key, &item.key));
            lines::edit(format, &text, &lines, is_stale)
        }
    }
}

/// `text` with a value changed where it stands.
fn in_place(format: Format, text: &str, edit: &InPlace) -> Result<String, EditError> {
    let items = lines::items(format, text)?;
    let present: Vec<&Item> = items.iter().filter(|item| item.key == edit.key).collect();
    if let Some(only_over) = &edit.only_over {
        // What the file's value means, without the quotes our own data writes.
        let bare = only_over.trim_matches(['\'', '"']);
        if !present.iter().any(|item| item.value == bare) {
            return Ok(text.to_owned());
        }
    }
    let wanted = edit.value.as_deref();
    let bare = wanted.map(|value| value.trim_matches(['\'', '"']));
    let is_so = |item: &&Item| Some(item.value.as_str()) == bare && !item.is_broken;
    if present.len() == 1 && present.first().is_some_and(is_so)
        || present.is_empty() && (bare.is_none() || edit.only_if_said)
    {
        return Ok(text.to_owned());
    }
    let cuts: Vec<_> = present.iter().map(|item| item.line.clone()).collect();
    let at = cuts.first().map_or(text.len(), |cut| cut.start);
    let (mut left, at) = without(text, &cuts, at);
    if let Some(value) = wanted {
        let line = match format {
            Format::Properties => properties::line(&edit.key, value),
            _ => format!("{} {value};\n", edit.key),
        };
        let newline = newline(text);
        let before = left.get(..at).unwrap_or_default();
        let separator = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
        left.insert_str(at, &format!("{separator}{}", line.replace('\n', newline)));
    }
    if format == Format::Nginx {
        nginx::parse(&left)?;
    }
    Ok(left)
}

fn yaml_in_place(text: &str, edits: &[InPlace]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    let said = yaml::items(&text)?;
    for edit in edits {
        let present = said.get(&edit.key).and_then(Value::as_str);
        let is_other = edit.only_over.as_deref().is_some_and(|only| present != Some(only));
        if is_other || present == edit.value.as_deref() {
            continue;
        }
        let (wanted, stale) = match &edit.value {
            Some(value) => (vec![(edit.key.clone(), value.clone())], Vec::new()),
            None => (Vec::new(), vec![edit.key.clone()]),
        };
        text = yaml::edit(&text, &wanted, &stale)?.unwrap_or_default();
    }
    Ok(text)
}

/// Elements of lists that others put there and that go: a node serves one
/// cluster.
fn lost_from_lists(path: &str, edit: &FileEdit, text: &str) -> Result<Vec<String>, EditError> {
    if edit.format != Format::Json {
        return Ok(Vec::new());
    }
    let said = json::items(text)?;
    let mut warnings = Vec::new();
    for entry in &edit.entries {
        let (Some(Value::Array(present)), Value::Array(wanted)) =
            (said.get(&entry.key), entry.json())
        else {
            continue;
        };
        for lost in present.iter().filter(|value| !wanted.contains(value)) {
            warnings.push(format!(
                "{path}: {lost} goes from `{}`: a node serves one cluster",
                entry.key
            ));
        }
    }
    Ok(warnings)
}

/// Why the file changes: only for what is not said yet, and for what goes.
fn reasons(edit: &FileEdit, text: &str, said: &[Item]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    let is_block = !matches!(edit.format, Format::Yaml | Format::Json);
    for entry in &edit.entries {
        let is_said = if is_block {
            let lines = entry.lines(edit.format);
            let ours = block::part(text).map(|parted| parted.block).unwrap_or_default();
            ours.contains(lines.trim_end())
        } else {
            said.iter().any(|item| item.key == entry.key && item.value == entry.text())
        };
        if !is_said {
            reasons.push(entry.reason.clone());
        }
    }
    reasons.extend(edit.restores_locations.clone());
    reasons.extend(edit.in_place.iter().map(|edit| edit.reason.clone()));
    let foreign = block::part(text).map(|parted| parted.foreign).unwrap_or_default();
    let foreign = if is_block {
        lines::items(edit.format, &foreign).unwrap_or_default()
    } else {
        said.to_vec()
    };
    for stale in &edit.stale {
        let is_entry = edit.entries.iter().any(|entry| entry.key == stale.key);
        if !is_entry && foreign.iter().any(|item| matches(&stale.key, &item.key)) {
            reasons.push(stale.reason.clone());
        }
    }
    if reasons.is_empty() {
        let source = "the cluster file".to_owned();
        let (key, why) = if edit.entries.is_empty() {
            (String::new(), "nothing of ours is needed here any more".to_owned())
        } else {
            (String::new(), "what stands here already is marked as ours".to_owned())
        };
        reasons.push(Reason { key, why, source, verified_on: Vec::new() });
    }
    let mut seen: Vec<Reason> = Vec::new();
    for reason in reasons {
        if !seen.contains(&reason) {
            seen.push(reason);
        }
    }
    seen
}

fn kind(host: &dyn Host, path: &str, edit: &FileEdit, text: &str) -> Result<ChangeKind, PlanError> {
    if edit.ours.is_none() {
        let is_package = path.starts_with("/usr/")
            || path.starts_with("/etc/default/")
            || host.package(path)?.is_some();
        return Ok(if is_package { ChangeKind::PackageFile } else { ChangeKind::ForeignFile });
    }
    let is_shared = match edit.format {
        Format::Yaml | Format::Json => {
            let said = said(edit.format, text).unwrap_or_default();
            said.iter().any(|item| edit.entries.iter().all(|entry| entry.key != item.key))
        }
        _ => block::part(text).is_ok_and(|parted| !parted.foreign.trim().is_empty()),
    };
    Ok(if is_shared { ChangeKind::SharedFile } else { ChangeKind::OwnFile })
}
