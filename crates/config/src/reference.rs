//! The commented default file and the reference page, made from the schema.

use std::fmt::Write as _;

use crate::schema::{Default, SECTIONS, Section};

/// A configuration file with every key, explained; what has a default or may
/// be absent is commented out.
#[must_use]
pub fn default_file() -> String {
    let mut out = String::from("# Bluegate configuration. Every key with its default.\n");
    for section in SECTIONS {
        push(&mut out, format_args!("\n# {}\n{}\n", section.about, heading(section)));
        for key in section.keys {
            push(&mut out, format_args!("\n"));
            for line in wrap(key.about, 98) {
                push(&mut out, format_args!("# {line}\n"));
            }
            match key.default {
                Default::Required | Default::RequiredBy(_) => {
                    push(&mut out, format_args!("{} = {}\n", key.name, key.example))
                }
                Default::Absent => {
                    push(&mut out, format_args!("#{} = {}\n", key.name, key.example))
                }
                Default::Value(value) => push(&mut out, format_args!("#{} = {value}\n", key.name)),
            }
        }
    }
    out
}

/// The reference page of `docs/`, in Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut out = String::from(
        "# Configuration reference\n\n\
         One TOML file. Durations are written `500ms`, `30s`, `5m`, `2h`, `7d`; sizes `512B`, `64KiB`,\n\
         `32MiB`, `2GiB`. Relative paths are taken from the file's folder. `bluegate config check -c FILE`\n\
         names every problem at once with its line.\n\n\
         This page is made from the program's own schema.\n",
    );
    for section in SECTIONS {
        push(&mut out, format_args!("\n## `{}`\n\n{}\n\n", heading(section), section.about));
        push(
            &mut out,
            format_args!("| key | value | default | meaning |\n| --- | --- | --- | --- |\n"),
        );
        for key in section.keys {
            let default = match key.default {
                Default::Required => "required".to_owned(),
                Default::RequiredBy(role) => format!("required by {role}"),
                Default::Absent => "none".to_owned(),
                Default::Value(value) => format!("`{value}`"),
            };
            push(
                &mut out,
                format_args!(
                    "| `{}` | {}, such as `{}` | {default} | {} |\n",
                    key.name, key.kind, key.example, key.about
                ),
            );
        }
    }
    out
}

fn heading(section: &Section) -> String {
    if section.repeated { format!("[[{}]]", section.name) } else { format!("[{}]", section.name) }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_default_file_is_itself_valid() {
        let config = crate::parse(&default_file(), Path::new("/etc/bluegate")).unwrap();
        assert!(config.proxy.is_some() && config.scaler.is_some() && config.admin.is_some());
    }

    #[test]
    fn every_commented_key_is_valid_too() {
        let uncommented: String = default_file()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        crate::parse(&uncommented, Path::new("/")).unwrap();
    }

    #[test]
    fn defaults_in_the_schema_are_the_defaults_of_the_parser() {
        let short = crate::parse(&default_file(), Path::new("/")).unwrap();
        let long: String = SECTIONS
            .iter()
            .flat_map(|section| {
                let keys = section.keys.iter().filter_map(|key| match key.default {
                    Default::Required | Default::RequiredBy(_) => {
                        Some(format!("{} = {}\n", key.name, key.example))
                    }
                    Default::Value(value) => Some(format!("{} = {value}\n", key.name)),
                    Default::Absent => None,
                });
                std::iter::once(format!("{}\n", heading(section))).chain(keys)
            })
            .collect();
        assert_eq!(crate::parse(&long, Path::new("/")).unwrap(), short);
    }

    #[test]
    fn the_pages_in_docs_are_current() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (name, wanted) in
            [("configuration.md", reference_page()), ("bluegate.example.toml", default_file())]
        {
            let path = docs.join(name);
            if std::env::var_os("BLUEGATE_UPDATE_DOCS").is_some() {
                std::fs::write(&path, &wanted).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == wanted,
                "docs/{name} is out of date: run `BLUEGATE_UPDATE_DOCS=1 cargo test -p bluegate-config`"
            );
        }
    }
}
