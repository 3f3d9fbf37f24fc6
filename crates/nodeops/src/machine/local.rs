//! A node on this machine: itself, or an image in a folder.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bluegate_nodeconf::{FileState, Folder, Host, HostError};

use super::{LOCK, MAX_COMMAND, MAX_LOCK, Machine, MachineError, Output, TEMPORARY};

/// How often we look whether somebody else is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// This machine (`/`), or a folder that is a node's `/`.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    folder: Folder,
    /// Open and locked while we hold others off.
    lock: Mutex<Option<fs::File>>,
}

impl Local {
    /// The node whose `/` is `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), folder: Folder::new(root), lock: Mutex::default() }
    }

    /// The lock's file, locked; `None` when somebody else holds it all the while.
    fn locked(&self) -> io::Result<Option<fs::File>> {
        let place = self.folder.resolve(LOCK)?;
        fs::create_dir_all(place.parent().unwrap_or(Path::new("/")))?;
        let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(place)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) if began.elapsed() > MAX_LOCK => return Ok(None),
                Err(fs::TryLockError::WouldBlock) => pause(),
            }
        }
    }

    fn replace(&self, path: &str, file: &FileState) -> io::Result<()> {
        let place = self.folder.resolve(path)?;
        let folder = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let temporary = temporary(&place);
        let written = self.write_whole(&temporary, file);
        if let Err(error) = written.and_then(|()| fs::rename(&temporary, &place)) {
            // The error in hand says more than a failed clean-up could.
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        fs::File::open(folder)?.sync_all()
    }

    fn write_whole(&self, temporary: &Path, file: &FileState) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut open =
            options.write(true).create(true).truncate(true).mode(0o600).open(temporary)?;
        open.write_all(&file.bytes)?;
        self.give(temporary, &file.owner)?;
        fs::set_permissions(temporary, fs::Permissions::from_mode(file.mode))?;
        open.sync_all()
    }

    /// Makes `owner` the owner. In an image, what cannot be done is left to
    /// whoever builds it: its users may not exist yet.
    fn give(&self, place: &Path, owner: &str) -> io::Result<()> {
        let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
        let ids = (self.id_of("passwd", user), self.id_of("group", group));
        let (Some(user), Some(group)) = ids else {
            let message = format!("this node has no user and group `{owner}`");
            return if self.is_live() { Err(io::Error::other(message)) } else { Ok(()) };
        };
        let metadata = fs::metadata(place)?;
        if (metadata.uid(), metadata.gid()) == (user, group) {
            return Ok(());
        }
        match chown(place, Some(user), Some(group)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !self.is_live() => {
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn id_of(&self, table: &str, name: &str) -> Option<u32> {
        let text = fs::read_to_string(self.root.join("etc").join(table)).unwrap_or_default();
        let known = text.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
        });
        // Every Linux calls its first user and group so.
        known.or_else(|| name.parse().ok()).or((name == "root").then_some(0))
    }
}

fn temporary(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(TEMPORARY);
    PathBuf::from(name)
}

#[expect(clippy::disallowed_methods, reason = "no thread of a runtime: files are at work here")]
fn pause() {
    thread::sleep(LOOK_EVERY);
}

/// What is not there need not be removed.
fn gone(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

impl Machine for Local {
    fn write(&self, path: &str, file: &FileState) -> Result<(), MachineError> {
        self.replace(path, file)
            .map_err(|source| MachineError::Write { path: path.to_owned(), source })
    }

    fn remove(&self, path: &str) -> Result<(), MachineError> {
        let remove = || {
            let place = self.folder.resolve(path)?;
            gone(fs::remove_file(temporary(&place)))?;
            gone(fs::remove_file(place))
        };
        remove().map_err(|source| MachineError::Remove { path: path.to_owned(), source })
    }

    fn remove_empty_folder(&self, path: &str) -> Result<(), MachineError> {
        let place = self.folder.resolve(path);
        // A folder with something in it stays, which is what the refusal says.
        drop(place.and_then(fs::remove_dir));
        Ok(())
    }

    fn run(&self, command: &[&str]) -> Result<Output, MachineError> {
        let output = Command::new("timeout")
            .arg(MAX_COMMAND.as_secs().to_string())
            .args(command)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| MachineError::Run { command: command.join(" "), source })?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Output {
            status: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    fn lock(&self) -> Result<(), MachineError> {
        let file = self
            .locked()
            .map_err(|source| MachineError::Write { path: LOCK.to_owned(), source })?
            .ok_or_else(|| MachineError::Busy(self.root.display().to_string()))?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }
}

impl Host for Local {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        self.folder.file(path)
    }

    fn exists(&self, path: &str) -> Result<bool, HostError> {
        self.folder.exists(path)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        self.folder.list(folder)
    }

    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        self.folder.link(path)
    }

    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        self.folder.package(path)
    }
}
