//! What must survive, in a folder that several processes may share.
//!
//! Below the folder is one folder for each authority's directory URL, so that
//! a change of authority loses nothing of the one before:
//!
//! - `account.key`: the account's private key, written once, never replaced
//! - `account.contact`: the contact the authority was last told
//! - `NAME.pem`: a certificate's private key and chain in one file, so that no
//!   one ever sees the one without the other
//! - `challenges/TOKEN`: an answer to a challenge, while its order is under way
//! - `lock`: held by the process that talks to the authority

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Files a challenges folder is read up to; there is one per name.
const MAX_CHALLENGES: usize = 64;

/// Bytes of a file that are read at most.
const MAX_FILE: u64 = 1 << 20;

/// The folder of one authority.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{path}`")]
pub struct FolderError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Held as long as this value lives; the system lets go of it when the
/// process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing the file unlocks it")] File);

/// A challenge whose answer may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// The host name being proved.
    pub(crate) name: String,
    /// The last part of the path it is asked for under.
    pub(crate) token: String,
    /// The answer.
    pub(crate) key_authorization: String,
}

/// Tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    modified: (i64, i64),
}

impl Folder {
    /// The part of `root` that belongs to the authority at `directory`, made
    /// when it is not there.
    pub(crate) fn open(root: &Path, directory: &str) -> Result<Self, FolderError> {
        let path = root.join(folder_name(directory));
        let challenges = path.join("challenges");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&challenges)
            .map_err(failed("make", &challenges))?;
        Ok(Self { path })
    }

    /// The lock, unless another process holds it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, FolderError> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path)(source)),
        }
    }

    pub(crate) fn account_key_path(&self) -> PathBuf {
        self.path.join("account.key")
    }

    pub(crate) fn account_key(&self) -> Result<Option<String>, FolderError> {
        read(&self.account_key_path())
    }

    /// Keeps a new account's key. Fails when there is one already: an account
    /// key is never replaced.
    pub(crate) fn add_account_key(&self, pem: &str) -> Result<(), FolderError> {
        let path = self.account_key_path();
        let new = write_new(&path, pem)?;
        // Unlike a rename, a link does not replace what is there.
        let added = fs::hard_link(&new, &path).map_err(failed("write", &path));
        fs::remove_file(&new).map_err(failed("remove", &new))?;
        added?;
        sync_folder(&self.path)
    }

    pub(crate) fn contact(&self) -> Result<Option<String>, FolderError> {
        read(&self.path.join("account.contact"))
    }

    pub(crate) fn put_contact(&self, contact: &str) -> Result<(), FolderError> {
        replace(&self.path.join("account.contact"), contact)
    }

    pub(crate) fn certificate_path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.pem"))
    }

    /// The private key and chain of `name`, in one text.
    pub(crate) fn certificate(&self, name: &str) -> Result<Option<String>, FolderError> {
        read(&self.certificate_path(name))
    }

    pub(crate) fn put_certificate(&self, name: &str, pem: &str) -> Result<(), FolderError> {
        replace(&self.certificate_path(name), pem)
    }

    pub(crate) fn certificate_stamp(&self, name: &str) -> Option<Stamp> {
        stamp(&self.certificate_path(name))
    }

    pub(crate) fn challenges(&self) -> Result<Vec<Pending>, FolderError> {
        let folder = self.path.join("challenges");
        let mut pending = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed("list", &folder))?.take(MAX_CHALLENGES) {
            let path = entry.map_err(failed("list", &folder))?.path();
            let token = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let (Some(token), Some(text)) = (token, read(&path)?) else { continue };
            if let Some((name, answer)) = text.split_once('\n')
                && is_token(&token)
            {
                let key_authorization = answer.trim_end().to_owned();
                pending.push(Pending { name: name.to_owned(), token, key_authorization });
            }
        }
        Ok(pending)
    }

    pub(crate) fn add_challenge(&self, pending: &Pending) -> Result<(), FolderError> {
        let path = self.path.join("challenges").join(&pending.token);
        if !is_token(&pending.token) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a token of RFC 8555");
            return Err(failed("write", &path)(source));
        }
        replace(&path, &format!("{}\n{}\n", pending.name, pending.key_authorization))
    }

    /// Forgets all challenges, those too that a process left when it died.
    pub(crate) fn clear_challenges(&self) -> Result<(), FolderError> {
        let folder = self.path.join("challenges");
        for entry in fs::read_dir(&folder).map_err(failed("list", &folder))? {
            let path = entry.map_err(failed("list", &folder))?.path();
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }
}

/// Base64url, as every token is (RFC 8555, 8.1): safe as a file's name.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A directory's URL as a folder's name.
fn folder_name(directory: &str) -> String {
    let rest = directory.strip_prefix("https://").unwrap_or(directory);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    rest.chars()
        .map(|c| if c == '.' { c } else { plain(c) })
        .collect::<String>()
        .replace("..", "__")
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError { what, path, source }
}

fn read(path: &Path) -> Result<Option<String>, FolderError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    io::read_to_string(io::Read::take(file, MAX_FILE)).map(Some).map_err(failed("read", path))
}

/// Writes `text` to a new file beside `path` that only we may read, and waits
/// until it is on the disk.
fn write_new(path: &Path, text: &str) -> Result<PathBuf, FolderError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // The challenges folder is read by others: what begins with a dot is no
    // token, so a file half written is no challenge.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = NUMBER.fetch_add(1, Relaxed);
    let new = path.with_file_name(format!(".{name}.{}-{number}.new", std::process::id()));
    let written =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new).and_then(
            |mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            },
        );
    written.map_err(failed("write", &new))?;
    Ok(new)
}

fn replace(path: &Path, text: &str) -> Result<(), FolderError> {
    let new = write_new(path, text)?;
    fs::rename(&new, path).map_err(failed("write", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Waits until the folder itself knows its new file for good.
fn sync_folder(folder: &Path) -> Result<(), FolderError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("write", folder))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp { inode: found.ino(), modified: (found.mtime(), found.mtime_nsec()) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), "https://ca.test:14000/dir").unwrap();
        (root, folder)
    }

    #[test]
    fn an_account_key_is_kept_private_and_never_replaced() {
        let (root, folder) = folder();
        assert_eq!(folder.account_key().unwrap(), None);
        folder.add_account_key("first").unwrap();
        let error = folder.add_account_key("second").unwrap_err();
        assert!(error.to_string().contains("account.key"), "{error}");
        assert_eq!(folder.account_key().unwrap().as_deref(), Some("first"));
        let path = root.path().join("ca.test_14000_dir/account.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.'))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_certificate_is_replaced_whole() {
        let (_root, folder) = folder();
        assert_eq!(folder.certificate("a.test").unwrap(), None);
        folder.put_certificate("a.test", "first").unwrap();
        let before = folder.certificate_stamp("a.test");
        folder.put_certificate("a.test", "second").unwrap();
        assert_ne!(folder.certificate_stamp("a.test"), before);
        assert_eq!(folder.certificate("a.test").unwrap().as_deref(), Some("second"));
        let mode = fs::metadata(folder.certificate_path("a.test")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn one_process_holds_the_lock() {
        let (_root, folder) = folder();
        let held = folder.try_lock().unwrap().unwrap();
        assert!(folder.try_lock().unwrap().is_none());
        drop(held);
        assert!(folder.try_lock().unwrap().is_some());
    }

    #[test]
    fn challenges_come_and_go_and_are_files_of_their_folder_only() {
        let (_root, folder) = folder();
        let pending = Pending {
            name: "a.test".to_owned(),
            token: "aB-_9".to_owned(),
            key_authorization: "aB-_9.thumb".to_owned(),
        };
        folder.add_challenge(&pending).unwrap();
        assert_eq!(folder.challenges().unwrap(), std::slice::from_ref(&pending));
        for token in ["", "../x", "a/b", ".a", &"a".repeat(129)] {
            let hostile = Pending { token: token.to_owned(), ..pending.clone() };
            assert!(folder.add_challenge(&hostile).is_err(), "{token}");
        }
        folder.clear_challenges().unwrap();
        assert_eq!(folder.challenges().unwrap(), []);
    }

    #[test]
    fn each_authority_has_a_folder_of_its_own() {
        for (directory, wanted) in [
            (super::super::DEFAULT_DIRECTORY, "acme-v02.api.letsencrypt.org_directory"),
            ("https://[::1]:14000/dir", "___1__14000_dir"),
            ("https://../../etc", "______etc"),
        ] {
            assert_eq!(folder_name(directory), wanted);
        }
    }
}
