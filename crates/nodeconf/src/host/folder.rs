//! A node as a folder: `/` on the node itself, any other for an image.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use super::{FileState, Host, HostError, MAX_FILE_SIZE, MAX_FOLDER_ENTRIES};

/// Most symbolic links followed on the way to one file, as Linux has it.
const MAX_LINKS: usize = 40;

/// Where dpkg keeps the lists of files of its packages.
const PACKAGE_LISTS: &str = "/var/lib/dpkg/info";

/// A node's files below a root folder. Symbolic links are followed as the node
/// would, so an absolute one starts at the root folder again.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The node whose `/` is `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where `path` of the node lies on this machine, links followed. The last
    /// part need not exist.
    ///
    /// # Errors
    /// When there are too many links on the way.
    pub fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let mut pending: Vec<PathBuf> = parts(Path::new(path));
        let mut inside = PathBuf::new();
        let mut links = 0;
        while let Some(part) = pending.pop() {
            if part == Path::new("..") {
                inside.pop();
                continue;
            }
            let next = inside.join(&part);
            match fs::read_link(self.root.join(&next)) {
                Ok(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other("too many symbolic links"));
                    }
                    if target.is_absolute() {
                        inside = PathBuf::new();
                    }
                    pending.extend(parts(&target));
                }
                Err(_) => inside = next,
            }
        }
        Ok(self.root.join(inside))
    }

    /// The name of number `id` in `/etc/passwd` or `/etc/group`, else the number.
    fn name_of(&self, table: &str, id: u32) -> String {
        let text = fs::read_to_string(self.root.join("etc").join(table)).unwrap_or_default();
        let number = id.to_string();
        let known = text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1) == Some(number.as_str())).then(|| name.to_owned())
        });
        known.unwrap_or(number)
    }
}

/// The parts of a path, the last first; `/` and `.` are none.
fn parts(path: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(PathBuf::from(name)),
            Component::ParentDir => Some(PathBuf::from("..")),
            _ => None,
        })
        .collect();
    parts.reverse();
    parts
}

/// `None` for what is not there, also when a part of its path is a file.
fn there<T>(path: &str, result: io::Result<T>) -> Result<Option<T>, HostError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(source) => Err(HostError::Read { path: path.to_owned(), source }),
    }
}

impl Host for Folder {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        let Some(place) = there(path, self.resolve(path))? else { return Ok(None) };
        let Some(metadata) = there(path, fs::metadata(&place))? else { return Ok(None) };
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > MAX_FILE_SIZE {
            return Err(HostError::FileTooLarge { path: path.to_owned() });
        }
        let Some(bytes) = there(path, fs::read(&place))? else { return Ok(None) };
        let owner = format!(
            "{}:{}",
            self.name_of("passwd", metadata.uid()),
            self.name_of("group", metadata.gid())
        );
        Ok(Some(FileState { bytes, owner, mode: metadata.mode() & 0o7777 }))
    }

    fn exists(&self, path: &str) -> Result<bool, HostError> {
        let Some(place) = there(path, self.resolve(path))? else { return Ok(false) };
        Ok(there(path, fs::metadata(place))?.is_some())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        let Some(place) = there(folder, self.resolve(folder))? else { return Ok(Vec::new()) };
        let Some(entries) = there(folder, fs::read_dir(place))? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let entry =
                entry.map_err(|source| HostError::Read { path: folder.to_owned(), source })?;
            if names.len() == MAX_FOLDER_ENTRIES {
                return Err(HostError::FolderTooLarge { path: folder.to_owned() });
            }
            names.extend(entry.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = there(path, self.resolve(folder))? else { return Ok(None) };
        let target = fs::read_link(folder.join(name)).ok();
        Ok(target.and_then(|target| target.into_os_string().into_string().ok()))
    }

    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        let lists = self.list_packages()?;
        for (package, list) in lists {
            let Some(file) = self.file(&list)? else { continue };
            if file.bytes.split(|&byte| byte == b'\n').any(|line| line == path.as_bytes()) {
                return Ok(Some(package));
            }
        }
        Ok(None)
    }
}

impl Folder {
    /// BBB's packages and where dpkg lists their files.
    fn list_packages(&self) -> Result<Vec<(String, String)>, HostError> {
        let place = self.root.join(PACKAGE_LISTS.trim_start_matches('/'));
        let Some(entries) = there(PACKAGE_LISTS, fs::read_dir(place))? else {
            return Ok(Vec::new());
        };
        // A machine has thousands of these; only BBB's are of interest.
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut lists: Vec<(String, String)> = names
            .filter_map(|name| {
                let package = name.strip_suffix(".list")?.to_owned();
                package.starts_with("bbb-").then(|| (package, format!("{PACKAGE_LISTS}/{name}")))
            })
            .collect();
        lists.sort();
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn links_stay_inside_the_root_folder() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "usr/share/x/real", "inside");
        symlink("/usr/share/x/real", root.path().join("absolute")).unwrap();
        symlink("usr/share/../share/x/real", root.path().join("relative")).unwrap();
        symlink("../../../../usr/share/x/real", root.path().join("above")).unwrap();
        symlink("/usr/share/x", root.path().join("folder")).unwrap();
        symlink("loop", root.path().join("loop")).unwrap();
        symlink("/nowhere", root.path().join("dangling")).unwrap();
        let host = Folder::new(root.path());
        for path in ["/absolute", "/relative", "/above", "/folder/real"] {
            assert_eq!(host.file(path).unwrap().unwrap().bytes, b"inside", "{path}");
        }
        assert_eq!(host.link("/absolute").unwrap().as_deref(), Some("/usr/share/x/real"));
        assert_eq!(host.link("/usr/share/x/real").unwrap(), None);
        assert_eq!(host.file("/dangling").unwrap(), None);
        assert!(host.file("/loop").is_err());
        assert_eq!(host.list("/folder").unwrap(), ["real"]);
        assert!(host.exists("/usr/share").unwrap() && !host.exists("/usr/share/y").unwrap());
        assert_eq!(host.file("/usr/share/x/real/below").unwrap(), None);
    }

    #[test]
    fn owners_have_the_names_that_the_node_gives_them() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "file", "");
        fs::set_permissions(root.path().join("file"), fs::Permissions::from_mode(0o640)).unwrap();
        let metadata = fs::metadata(root.path().join("file")).unwrap();
        put(root.path(), "etc/group", &format!("bigbluebutton:x:{}:\n", metadata.gid()));
        put(root.path(), "etc/passwd", "other:x:4294967294:0::/:/bin/sh\n");
        let file = Folder::new(root.path()).file("/file").unwrap().unwrap();
        assert_eq!(file.owner, format!("{}:bigbluebutton", metadata.uid()));
        assert_eq!(file.mode, 0o640);
    }

    #[test]
    fn packages_are_those_that_list_the_path() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "var/lib/dpkg/info/bbb-web.list", "/.\n/etc/default/bbb-web\n");
        put(root.path(), "var/lib/dpkg/info/other.list", "/etc/other\n");
        let host = Folder::new(root.path());
        assert_eq!(host.package("/etc/default/bbb-web").unwrap().as_deref(), Some("bbb-web"));
        assert_eq!(host.package("/etc/default/bbb").unwrap(), None);
        assert_eq!(host.package("/etc/other").unwrap(), None);
    }

    #[test]
    fn what_is_no_configuration_file_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        fs::File::create(root.path().join("huge")).unwrap().set_len(MAX_FILE_SIZE + 1).unwrap();
        let error = Folder::new(root.path()).file("/huge").unwrap_err();
        assert!(matches!(error, HostError::FileTooLarge { .. }), "{error}");
    }
}
