//! The client's files by path, shared by all nodes of a process.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use bytes::Bytes;

use super::{
    ballast::Vocabulary,
    file::{ClientFile, Form},
    meteor_files, static_files,
};
use crate::release::Release;

/// All files by path below the client's folder, e.g. `locales/en.json`.
#[derive(Debug)]
pub(crate) struct ClientFiles {
    files: BTreeMap<String, Arc<ClientFile>>,
    /// When all of them were last modified, in seconds since 1970.
    pub(crate) modified: u64,
    /// What the pages of a 2.x node, which are not files, refer to.
    pub(crate) meteor: Option<MeteorNames>,
}

/// The hashed names of a Meteor client.
#[derive(Debug, Clone)]
pub(crate) struct MeteorNames {
    /// `<40 hex>.js`
    pub(crate) script: String,
    /// `<40 hex>.css`
    pub(crate) stylesheet: String,
}

/// Files in use, by release and strictness.
type Shared = Mutex<BTreeMap<(String, bool), Weak<ClientFiles>>>;

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::default);

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

/// The words of every script, made once.
pub(super) fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

impl ClientFiles {
    /// The files of a release: the same ones for every node that has it, for as
    /// long as there is such a node.
    pub(crate) fn shared(release: &Release, strict: bool) -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|_, files| files.strong_count() > 0);
        let key = (release.to_string(), strict);
        if let Some(files) = shared.get(&key).and_then(Weak::upgrade) {
            return files;
        }
        let files = Arc::new(Self::of(release, strict));
        shared.insert(key, Arc::downgrade(&files));
        files
    }

    fn of(release: &Release, strict: bool) -> Self {
        let mut client =
            Self { files: BTreeMap::new(), modified: release.packed_at(), meteor: None };
        if release.has_meteor() {
            meteor_files::add(&mut client, release);
        } else {
            static_files::add(&mut client, release, strict);
        }
        client
    }

    /// Adds a file that is made when it is asked for.
    pub(super) fn add<B: Into<Bytes>>(
        &mut self,
        path: impl Into<String>,
        make: impl Fn() -> B + Send + Sync + 'static,
    ) {
        let path = path.into();
        let extension = path.rsplit('.').next().unwrap_or_default();
        let has_gzip = ["js", "css", "wasm"].contains(&extension);
        self.files.insert(path, Arc::new(ClientFile::new(has_gzip, make)));
    }

    /// All files by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Arc<ClientFile>)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// A file by path.
    pub(crate) fn get(&self, path: &str) -> Option<&Arc<ClientFile>> {
        self.files.get(path)
    }

    /// Whether there are files below a path (`""` is the whole folder).
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.files.keys().any(|key| key.starts_with(&prefix))
    }

    /// Names and sizes of the files directly in a folder, sorted; makes them all.
    pub(crate) fn list(&self, folder: &str) -> Vec<(&str, usize)> {
        let prefix = format!("{folder}/");
        self.files
            .iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(&prefix)?, file)))
            .filter(|(name, _)| !name.contains('/'))
            .map(|(name, file)| (name, file.bytes(Form::Plain).len()))
            .collect()
    }

    /// All paths.
    #[cfg(test)]
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}
