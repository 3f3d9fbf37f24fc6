//! Reading the files below a node's root folder, format by format.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::ReadError;
use crate::files::{
    environment,
    nginx::{self, Directive},
    systemd::ServiceEnvironment,
    yaml,
};

/// How deep nginx `include`s may nest.
const INCLUDE_DEPTH: usize = 4;

/// The files under a node's root folder.
pub(super) struct Files<'a> {
    pub(super) root: &'a Path,
}

impl Files<'_> {
    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    pub(super) fn optional(&self, absolute: &str) -> Result<Option<String>, ReadError> {
        let path = self.path(absolute);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::ReadFile { path, source }),
        }
    }

    pub(super) fn required(&self, absolute: &str) -> Result<String, ReadError> {
        let path = self.path(absolute);
        fs::read_to_string(&path).map_err(|source| ReadError::ReadFile { path, source })
    }

    /// Files of a folder whose names end in `suffix`, sorted by name.
    fn folder(&self, absolute: &str, suffix: &str) -> Result<Vec<String>, ReadError> {
        let path = self.path(absolute);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ReadError::ReadFile { path, source }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(suffix))
            .map(|name| format!("{absolute}/{name}"))
            .collect();
        names.sort();
        Ok(names)
    }

    /// A YAML file, an empty object when there is none.
    pub(super) fn optional_yaml(&self, absolute: &str) -> Result<Value, ReadError> {
        match self.optional(absolute)? {
            Some(text) => yaml::parse(&text)
                .map_err(|source| ReadError::ParseYaml { path: self.path(absolute), source }),
            None => Ok(Value::Null),
        }
    }

    pub(super) fn merged_yaml(
        &self,
        base: &str,
        overlay: &str,
        merge: fn(&mut Value, Value),
    ) -> Result<Value, ReadError> {
        let parse = |absolute: &str, text: &str| {
            yaml::parse(text)
                .map_err(|source| ReadError::ParseYaml { path: self.path(absolute), source })
        };
        let mut value = parse(base, &self.required(base)?)?;
        if let Some(text) = self.optional(overlay)? {
            merge(&mut value, parse(overlay, &text)?);
        }
        Ok(value)
    }

    pub(super) fn service_environment(
        &self,
        service: &str,
    ) -> Result<BTreeMap<String, String>, ReadError> {
        let mut unit = ServiceEnvironment::default();
        for folder in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            if let Some(text) = self.optional(&format!("{folder}/{service}.service"))? {
                unit.read(&text);
                break;
            }
        }
        for folder in ["/usr/lib/systemd/system", "/etc/systemd/system"] {
            for drop_in in self.folder(&format!("{folder}/{service}.service.d"), ".conf")? {
                unit.read(&self.required(&drop_in)?);
            }
        }
        let mut variables = unit.variables;
        for file in &unit.files {
            if let Some(text) = self.optional(file)? {
                variables.extend(environment::parse(&text));
            }
        }
        Ok(variables)
    }

    pub(super) fn nginx(&self) -> Result<Vec<Directive>, ReadError> {
        let mut directives = Vec::new();
        self.nginx_folder("/etc/bigbluebutton/nginx", INCLUDE_DEPTH, &mut directives)?;
        Ok(directives)
    }

    fn nginx_folder(
        &self,
        folder: &str,
        depth: usize,
        directives: &mut Vec<Directive>,
    ) -> Result<(), ReadError> {
        for file in self.folder(folder, ".nginx")? {
            let parsed = nginx::parse(&self.required(&file)?)
                .map_err(|source| ReadError::ParseNginx { path: self.path(&file), source })?;
            for directive in parsed {
                let included = match directive.arguments() {
                    [pattern] if directive.name() == "include" => pattern.strip_suffix("/*.nginx"),
                    _ => None,
                };
                match included {
                    Some(folder) if depth > 0 => {
                        self.nginx_folder(folder, depth - 1, directives)?;
                    }
                    Some(_) => {}
                    None => directives.push(directive),
                }
            }
        }
        Ok(())
    }
}
