//! Which file shall say what, by the profile and what is on the node.

use super::{FileEdit, InPlace, Planner, Stale};
use crate::{
    edit::{
        EditError,
        block::{BEGIN, part},
        line_of, lines,
        text::{Charset, decode},
        yaml,
    },
    host::{HostError, matching},
    plan::{
        PlanError, Reason, flags, locations,
        rendered::{Rendered, Says, fill, render},
    },
    profile::{Conditions, Entry, Format, PackageEdit, Profile, ProfileFile},
};

/// The script that BBB runs before it starts its services.
const APPLY_CONFIG: &str = "/etc/bigbluebutton/bbb-conf/apply-config.sh";

impl Planner<'_> {
    pub(super) fn gather(&mut self, profile: &Profile) -> Result<(), PlanError> {
        self.is_ours = self.has_marks(profile)?;
        for file in &profile.files {
            self.file(file)?;
        }
        self.leftovers(profile)?;
        for edit in &profile.package_edits {
            self.package_edit(edit)?;
        }
        Ok(())
    }

    /// Whether any file shows that we have been here. JSON, which has no
    /// comments, cannot show it itself.
    fn has_marks(&self, profile: &Profile) -> Result<bool, HostError> {
        for file in &profile.files {
            let text = self.host.file(&file.path)?;
            let text = text.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
            if text.is_some_and(|text| text.contains(BEGIN) || text.contains(yaml::MARK)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_active(&self, conditions: &Conditions) -> bool {
        self.node.proxied
            && conditions.are_met(&self.detected.release, |name| match name {
                "cross-site" => self.cross_site,
                name => self.detected.features.contains(name),
            })
    }

    /// Where `path` leads on the node.
    fn resolved(&self, path: &str) -> Result<String, HostError> {
        let Some(target) = self.host.link(path)? else { return Ok(path.to_owned()) };
        if target.starts_with('/') {
            return Ok(target);
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(format!("{folder}/{}", target.trim_start_matches("./")))
    }

    /// The edit of the file at `path`.
    fn edit(&mut self, path: &str, format: Format) -> Result<&mut FileEdit, HostError> {
        let path = self.resolved(path)?;
        Ok(self.edits.entry(path).or_insert_with(|| FileEdit {
            format,
            ours: None,
            entries: Vec::new(),
            stale: Vec::new(),
            withdrawn: Vec::new(),
            in_place: Vec::new(),
            restores_locations: None,
            restart: Vec::new(),
        }))
    }

    fn file(&mut self, file: &ProfileFile) -> Result<(), PlanError> {
        let mode = u32::from_str_radix(&file.mode, 8).expect("a test parses every profile's modes");
        let edit = self.edit(&file.path, file.format)?;
        edit.ours = Some((file.owner.clone(), mode));
        add_restarts(edit, &file.restart);
        let mut entries = Vec::new();
        for entry in &file.entries {
            let is_active = self.is_active(&entry.conditions());
            if entry.flags.is_some() {
                entries.extend(self.flags(file, entry, is_active)?);
            } else if let Some(sources) = entry.copy_locations_of.as_ref().filter(|_| is_active) {
                entries.push(self.copies(file, entry, sources)?);
            } else if is_active {
                entries.push(render(entry, &self.placeholders));
            }
            if is_active {
                self.not_yet_verified |= entry.verified_on.is_empty();
                self.take_over(file, entry)?;
            } else if file.format == Format::Json && self.is_ours {
                let withdrawn = render(entry, &self.placeholders);
                self.edit(&file.path, file.format)?.withdrawn.push(withdrawn);
            }
        }
        for entry in &entries {
            let stale = Stale { key: entry.key.clone(), reason: entry.reason.clone() };
            self.edit(&file.path, file.format)?.stale.push(stale);
        }
        self.edit(&file.path, file.format)?.entries.extend(entries);
        self.retire(file)
    }

    /// Removes what `entry` says from the other files that say it by hand.
    fn take_over(&mut self, file: &ProfileFile, entry: &Entry) -> Result<(), PlanError> {
        let key = fill(&self.placeholders, &entry.key);
        let reason = Reason {
            key: key.clone(),
            why: format!("set by hand here; it moves to {}", file.path),
            source: entry.source.clone(),
            verified_on: entry.verified_on.clone(),
        };
        for path in self.others(file, &entry.takes_over)? {
            let format = format_of(&path);
            let key = match format {
                Format::Env => key.rsplit('.').next().unwrap_or_default().to_owned(),
                _ => key.clone(),
            };
            let edit = self.edit(&path, format)?;
            add_restarts(edit, &file.restart);
            edit.stale.push(Stale { key, reason: reason.clone() });
        }
        Ok(())
    }

    /// The files on the node that `patterns` mean, but for `file` itself.
    fn others(&self, file: &ProfileFile, patterns: &[String]) -> Result<Vec<String>, HostError> {
        let mut paths = Vec::new();
        for pattern in patterns {
            for path in matching(self.host, pattern)? {
                if self.resolved(&path)? != self.resolved(&file.path)? {
                    paths.push(path);
                }
            }
        }
        Ok(paths)
    }

    fn retire(&mut self, file: &ProfileFile) -> Result<(), PlanError> {
        for retired in &file.retired {
            let conditions = Conditions {
                from: retired.from.clone(),
                before: retired.before.clone(),
                when: Vec::new(),
            };
            if !self.is_active(&conditions) {
                continue;
            }
            let key = fill(&self.placeholders, &retired.key);
            let reason = Reason {
                key: retired.name.clone().unwrap_or_else(|| key.clone()),
                why: retired.why.clone(),
                source: retired.source.clone(),
                verified_on: Vec::new(),
            };
            for path in &retired.restore_in {
                let edit = self.edit(path, Format::Nginx)?;
                add_restarts(edit, &file.restart);
                edit.restores_locations = Some(reason.clone());
            }
            let mut paths = vec![file.path.clone()];
            paths.extend(self.others(file, &retired.also_in)?);
            for path in paths {
                let format = if path == file.path { file.format } else { format_of(&path) };
                let edit = self.edit(&path, format)?;
                add_restarts(edit, &file.restart);
                edit.stale.push(Stale { key: key.clone(), reason: reason.clone() });
            }
        }
        Ok(())
    }

    /// Files that are ours in another release line: what we once wrote there
    /// goes.
    fn leftovers(&mut self, profile: &Profile) -> Result<(), PlanError> {
        for other in self.profiles.every() {
            for file in &other.files {
                if profile.files.iter().any(|known| known.path == file.path) {
                    continue;
                }
                let edit = self.edit(&file.path, file.format)?;
                add_restarts(edit, &file.restart);
                edit.ours.get_or_insert_with(|| (file.owner.clone(), 0));
            }
        }
        let edit = self.edit(APPLY_CONFIG, Format::Shell)?;
        edit.ours = Some(("root:root".to_owned(), 0o755));
        Ok(())
    }

    /// A variable of JVM flags: foreign ones stay, also those that stand in
    /// files which are taken over.
    fn flags(
        &self,
        file: &ProfileFile,
        entry: &Entry,
        is_active: bool,
    ) -> Result<Option<Rendered>, PlanError> {
        let siblings = file.entries.iter().filter(|other| other.key == entry.key);
        let mut ours = Vec::new();
        for flags in siblings.filter_map(|other| other.flags.as_ref()) {
            ours.extend(flags.iter().map(|flag| fill(&self.placeholders, flag)));
        }
        let mut wanted = Vec::new();
        if is_active {
            // All entries of one key make one variable, at the first one's place.
            for other in file.entries.iter().filter(|other| other.key == entry.key) {
                if self.is_active(&other.conditions()) {
                    let flags = other.flags.iter().flatten();
                    wanted.extend(flags.map(|flag| fill(&self.placeholders, flag)));
                }
            }
        }
        let first = file.entries.iter().find(|other| other.key == entry.key);
        if first.is_some_and(|first| !std::ptr::eq(first, entry)) {
            return Ok(None);
        }
        let mut sources = vec![file.path.clone()];
        if is_active {
            sources.extend(self.others(file, &entry.takes_over)?);
        }
        let mut present = Vec::new();
        for path in sources {
            present.extend(self.flags_in(&path, &entry.key)?);
        }
        let text = flags::merged(&present, &ours, &wanted);
        let mut rendered = render(entry, &self.placeholders);
        rendered.says = Says::Text(text.clone());
        Ok((!text.is_empty()).then_some(rendered))
    }

    /// The JVM flags that the file at `path` says under `key`.
    fn flags_in(&self, path: &str, key: &str) -> Result<Option<String>, PlanError> {
        let Some(file) = self.host.file(path)? else { return Ok(None) };
        let failed = |source| PlanError::Edit { path: path.to_owned(), source };
        let format = format_of(path);
        let key = match format {
            Format::Env => key.rsplit('.').next().unwrap_or_default(),
            _ => key,
        };
        let text = decode(&file.bytes, Charset::Bytes).map_err(failed)?;
        let items = lines::items(format, &text).map_err(failed)?;
        let Some(item) = items.into_iter().rfind(|item| item.key == key) else { return Ok(None) };
        if !flags::is_whole(&item.value) {
            let line = line_of(&text, item.line.start);
            let what = "a quote is not closed, so bbb-web would not start".to_owned();
            return Err(failed(EditError::Syntax { line, what }));
        }
        Ok(Some(item.value))
    }

    /// The client's locations of the package, with the mount.
    fn copies(
        &self,
        file: &ProfileFile,
        entry: &Entry,
        sources: &[String],
    ) -> Result<Rendered, PlanError> {
        let own_keys: Vec<String> =
            file.entries.iter().map(|entry| fill(&self.placeholders, &entry.key)).collect();
        for path in sources {
            let Some(file) = self.host.file(path)? else { continue };
            let failed = |source| PlanError::Edit { path: path.clone(), source };
            let text = decode(&file.bytes, Charset::Bytes).map_err(failed)?;
            let lines = locations::without_mounts(&text)
                .and_then(|text| locations::with_mount(&text, self.node.name.as_str(), &own_keys))
                .map_err(failed)?;
            let mut rendered = render(entry, &self.placeholders);
            rendered.says = Says::Lines(lines);
            return Ok(rendered);
        }
        Err(PlanError::NoLocations { paths: sources.join(", ") })
    }

    /// Whether `apply-config.sh` has a block of ours.
    fn has_applied(&self) -> Result<bool, PlanError> {
        let Some(file) = self.host.file(APPLY_CONFIG)? else { return Ok(false) };
        let failed = |source| PlanError::Edit { path: APPLY_CONFIG.to_owned(), source };
        let text = decode(&file.bytes, Charset::Bytes).map_err(failed)?;
        Ok(part(&text).map_err(failed)?.place.is_some())
    }

    fn package_edit(&mut self, edit: &PackageEdit) -> Result<(), PlanError> {
        let is_active = self.is_active(&edit.conditions());
        // What is not wanted any more is undone where it was us who did it.
        if !is_active && (edit.command.is_none() || !self.has_applied()?) {
            return Ok(());
        }
        let key = fill(&self.placeholders, &edit.key);
        let value = fill(&self.placeholders, &edit.value);
        let reason = Reason {
            key: key.clone(),
            why: edit.why.clone(),
            source: edit.source.clone(),
            verified_on: edit.verified_on.clone(),
        };
        if let Some(command) = edit.command.as_ref().filter(|_| is_active) {
            let lines = fill(&self.placeholders, command).trim().to_owned() + "\n";
            let entry =
                Rendered { key: key.clone(), says: Says::Lines(lines), reason: reason.clone() };
            self.edit(APPLY_CONFIG, Format::Shell)?.entries.push(entry);
            self.not_yet_verified |= edit.verified_on.is_empty();
        }
        if self.host.file(&edit.path)?.is_none() {
            return Ok(());
        }
        let in_place = if is_active {
            let only_if_said = edit.command.is_none();
            InPlace { key, value: Some(value), only_over: None, only_if_said, reason }
        } else {
            let (value, only_over) = (edit.stock.clone(), Some(value));
            InPlace { key, value, only_over, only_if_said: true, reason }
        };
        let file = self.edit(&edit.path, edit.format)?;
        add_restarts(file, &edit.restart);
        file.in_place.push(in_place);
        Ok(())
    }
}

fn add_restarts(edit: &mut FileEdit, services: &[String]) {
    for service in services {
        if !edit.restart.contains(service) {
            edit.restart.push(service.clone());
        }
    }
}

/// The form of a file that is not in the profile, by its place.
fn format_of(path: &str) -> Format {
    if path.ends_with(".conf") {
        Format::Systemd
    } else if path.ends_with(".nginx") || path.ends_with(".static") || path.contains("/nginx/") {
        Format::Nginx
    } else if path.ends_with(".properties") {
        Format::Properties
    } else if path.ends_with(".yml") {
        Format::Yaml
    } else {
        Format::Env
    }
}
