//! The key file: one key per line, 32 bytes as base64; the first seals, all
//! open. Lines that begin with `#` are comments.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::key::{KEY_BYTES, Key};

/// Keys of a file: one that seals, and those that texts not yet sealed again
/// still need.
const MAX_KEYS: usize = 16;
/// Bytes of a file.
const MAX_FILE_BYTES: u64 = 64 * 1024;
const HEAD: &str = "\
# Seals the secrets in Bluegate's store: keep it, apart from copies of the store.
# One key per line. The first seals, all open: put a new one above to rotate.
";

/// Why there is no key to seal with.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be made.
    #[error("cannot create the key file `{}`", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read the key file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Everybody on the machine may read or change it.
    #[error(
        "the key file `{0}` is open to everybody on this machine; `chmod 600 {0}`",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A line is not a key.
    #[error(
        "line {line} of the key file `{}` is not a key: 32 bytes in base64, as \
         `openssl rand -base64 32` gives them",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
    },
    /// No key at all, or more than the file takes.
    #[error("the key file `{}` holds {count} keys; it takes 1 to {MAX_KEYS}", path.display())]
    Count {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
}

impl Key {
    /// The keys of the file at `path`. When there is no such file it is made,
    /// with one random key, readable by its owner only; of several that make it
    /// at once, one wins and all use its key.
    ///
    /// # Errors
    /// [`KeyFileError`] names the file and what is wrong with it.
    pub fn open_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match File::open(path) {
            Ok(file) => read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)
                    .map_err(|source| KeyFileError::Create { path: path.to_owned(), source })?;
                let file = File::open(path).map_err(|source| unreadable(path, source))?;
                read(path, file)
            }
            Err(source) => Err(unreadable(path, source)),
        }
    }

    /// The keys of the file at `path`, which must be there: for who only opens
    /// what is sealed.
    ///
    /// # Errors
    /// [`KeyFileError`] names the file and what is wrong with it.
    pub fn of_file(path: &Path) -> Result<Self, KeyFileError> {
        read(path, File::open(path).map_err(|source| unreadable(path, source))?)
    }
}

fn unreadable(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Read { path: path.to_owned(), source }
}

fn read(path: &Path, file: File) -> Result<Key, KeyFileError> {
    let failed = |source| unreadable(path, source);
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    // A group may read it: packages give secrets to `root:bluegate`, 0640.
    if mode & 0o027 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned() });
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Key, KeyFileError> {
    let mut keys: Vec<[u8; KEY_BYTES]> = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
        keys.push(key.ok_or(KeyFileError::Line { path: path.to_owned(), line: index + 1 })?);
    }
    match keys.as_slice() {
        [first, others @ ..] if keys.len() <= MAX_KEYS => Ok(Key::new(first, others)),
        _ => Err(KeyFileError::Count { path: path.to_owned(), count: keys.len() }),
    }
}

/// Makes the file whole or not at all, and leaves one that is there alone.
fn create(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut suffix = [0; 8];
    rand::fill(&mut suffix).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(suffix)));
    let draft = PathBuf::from(name);

    let written =
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft).and_then(
            |mut file| {
                writeln!(file, "{HEAD}{}", STANDARD.encode(bytes))?;
                file.sync_all()
            },
        );
    let placed = written.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match placed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => removed,
        Err(error) => Err(error),
        Ok(()) => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_file_is_made_once_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let sealed = Key::open_or_create(&path).unwrap().seal("p", b"x");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::open_or_create(&path).unwrap().open("p", &sealed).unwrap(), b"x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn many_that_make_it_at_once_use_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let sealed: Vec<String> = std::thread::scope(|scope| {
            let made: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Key::open_or_create(&path).unwrap().seal("p", b"x")))
                .collect();
            made.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let key = Key::open_or_create(&path).unwrap();
        assert!(sealed.iter().all(|text| key.open("p", text).is_ok() && key.is_current(text)));
    }

    #[test]
    fn a_new_key_above_the_old_one_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let old = Key::open_or_create(&path).unwrap().seal("p", b"x");
        let text = fs::read_to_string(&path).unwrap();
        let new = STANDARD.encode([9; KEY_BYTES]);
        write(&path, &format!("# new\n{new}\n\n{text}"), 0o640);
        let key = Key::open_or_create(&path).unwrap();
        assert_eq!(key.open("p", &old).unwrap(), b"x");
        assert!(!key.is_current(&old));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = STANDARD.encode([9; KEY_BYTES]);
        for (text, mode, wanted) in [
            (key.clone(), 0o644, "is open to everybody on this machine; `chmod 600"),
            (key.clone(), 0o620, "is open to everybody on this machine"),
            (format!("# x\n{key}\nhello"), 0o600, "line 3 of the key file"),
            ("c2hvcnQ=".to_owned(), 0o600, "line 1 of the key file"),
            ("# none\n".to_owned(), 0o600, "holds 0 keys"),
            (format!("{key}\n").repeat(17), 0o600, "holds 17 keys"),
        ] {
            write(&path, &text, mode);
            let error = Key::open_or_create(&path).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
            assert!(!error.contains(&key), "{error}");
        }
        let error = Key::of_file(&folder.path().join("absent")).err().unwrap().to_string();
        assert!(error.starts_with("cannot read the key file"), "{error}");
        assert!(!folder.path().join("absent").exists(), "it is not made");
        let error = Key::open_or_create(&folder.path().join("missing/key")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create the key file"), "{error}");
    }
}
