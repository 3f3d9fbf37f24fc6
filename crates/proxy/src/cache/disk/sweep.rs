//! Going through the folder: what there is, and what must go.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use bluegate_cache::{Digest, parse_digest};

use super::folder::{Folder, files};

/// When something must go, this part of everything goes.
const SHARE_TO_EVICT: u64 = 16;
/// A temporary file this old was left by a process that is gone.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What memory holds too, and so is in use.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) contents: HashSet<Digest>,
    /// By the names of their records.
    pub(super) records: HashSet<String>,
}

/// What is left after a sweep.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// The contents among them.
    pub(super) contents: HashSet<Digest>,
}

/// Something that stays or goes as one: a record, or a content in all forms.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Unit {
    held: bool,
    used: SystemTime,
    bytes: u64,
    /// Whose bytes these are, when it is a whole content.
    content: Option<Digest>,
    paths: Vec<PathBuf>,
}

/// Removes what no process uses any more, and what was not used for longest
/// until the rest keeps to `limit`.
pub(super) fn sweep(folder: &Folder, held: &Held, limit: u64) -> Left {
    remove_temporary(folder);
    let mut units = contents(folder, held);
    units.extend(records(folder, held));
    let (gone, left) = divide(units, limit);
    for path in gone.iter().flat_map(|unit| &unit.paths) {
        Folder::remove(path);
    }
    left
}

/// What goes, and what that leaves.
fn divide(mut units: Vec<Unit>, limit: u64) -> (Vec<Unit>, Left) {
    let mut left = Left {
        bytes: units.iter().map(|unit| unit.bytes).sum(),
        files: units.iter().map(|unit| unit.paths.len() as u64).sum(),
        contents: units.iter().filter_map(|unit| unit.content).collect(),
    };
    if left.bytes <= limit {
        return (Vec::new(), left);
    }
    units.sort_unstable();
    let enough = limit - limit / SHARE_TO_EVICT;
    let mut gone = Vec::new();
    for unit in units {
        if left.bytes <= enough {
            break;
        }
        left.bytes -= unit.bytes;
        left.files -= unit.paths.len() as u64;
        if let Some(content) = unit.content {
            left.contents.remove(&content);
        }
        gone.push(unit);
    }
    (gone, left)
}

fn contents(folder: &Folder, held: &Held) -> Vec<Unit> {
    let mut units: HashMap<Digest, Unit> = HashMap::new();
    let parts = files(&folder.contents()).flat_map(|part| files(&part.path()));
    for file in parts {
        let (path, name) = (file.path(), file.file_name());
        let name = name.to_str().unwrap_or_default();
        let (stem, coding) =
            name.split_once('.').map_or((name, None), |(stem, coding)| (stem, Some(coding)));
        let (Some(digest), Ok(found)) = (parse_digest(stem), file.metadata()) else { continue };
        let unit = units.entry(digest).or_insert_with(|| Unit {
            held: held.contents.contains(&digest),
            used: SystemTime::UNIX_EPOCH,
            bytes: 0,
            content: None,
            paths: Vec::new(),
        });
        unit.bytes += bytes(&found);
        unit.paths.push(path);
        if coding.is_none() {
            unit.used = used(&found);
            unit.content = Some(digest);
        }
    }
    // A variant without its content is of no use, and so the first to go.
    let in_use = |unit: Unit| Unit { held: unit.held && unit.content.is_some(), ..unit };
    units.into_values().map(in_use).collect()
}

fn records(folder: &Folder, held: &Held) -> Vec<Unit> {
    let mounts = files(&folder.records()).map(|mount| mount.path());
    mounts
        .flat_map(|mount| files(&mount))
        .filter_map(|file| {
            let found = file.metadata().ok()?;
            let held = file.file_name().to_str().is_some_and(|name| held.records.contains(name));
            Some(Unit {
                held,
                used: used(&found),
                bytes: bytes(&found),
                content: None,
                paths: vec![file.path()],
            })
        })
        .collect()
}

/// What was put aside, and what others left behind.
fn remove_temporary(folder: &Folder) {
    for file in files(&folder.temporary()) {
        let Ok(found) = file.metadata() else { continue };
        let age = found.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
        if found.is_dir() {
            drop(fs::remove_dir_all(file.path()));
        } else if age > ABANDONED {
            Folder::remove(&file.path());
        }
    }
}

fn used(found: &Metadata) -> SystemTime {
    found.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What a file takes of the disk, at least a block.
fn bytes(found: &Metadata) -> u64 {
    found.len().max(found.blocks() * 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(held: bool, used: u64, bytes: u64) -> Unit {
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
        Unit { held, used, bytes, content: None, paths: vec![PathBuf::from(format!("{bytes}"))] }
    }

    #[test]
    fn what_is_in_use_goes_last_and_the_oldest_first() {
        let units = || vec![unit(true, 1, 10), unit(false, 3, 20), unit(false, 2, 30)];
        for (limit, gone, left) in
            [(60, vec![], 60), (59, vec![30], 30), (30, vec![30, 20], 10), (5, vec![30, 20, 10], 0)]
        {
            let (went, stays) = divide(units(), limit);
            let went: Vec<_> = went.iter().map(|unit| unit.bytes).collect();
            assert_eq!((went, stays.bytes), (gone, left), "{limit}");
        }
    }
}
