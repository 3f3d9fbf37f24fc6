//! The files that a real nginx serves for a node: the client, the dashboard, the
//! pages of presentations. The simulated nginx has them in memory instead.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    client::{ClientFiles, Form},
    dashboard,
    route::SlideKind,
    slides,
};

/// A file that nginx is to serve cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct SpoolError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// Writes the client's files with their `.gz` siblings and the age they have in
/// the package, and the pages nginx serves by itself.
pub(crate) fn write_client(
    client: &ClientFiles,
    root: &Path,
    meteor: bool,
) -> Result<(), SpoolError> {
    let folder = root.join(if meteor {
        "usr/share/meteor/bundle/programs/web.browser"
    } else {
        "usr/share/bigbluebutton/html5-client"
    });
    let packed = SystemTime::UNIX_EPOCH + Duration::from_secs(client.modified);
    for (path, file) in client.iter() {
        let target = folder.join(path);
        // What the installer wrote stands for the package's own file.
        if !target.exists() {
            write(&target, file.bytes(Form::Plain), Some(packed))?;
        }
        if file.has(Form::Gzip) {
            write(&folder.join(format!("{path}.gz")), file.bytes(Form::Gzip), Some(packed))?;
        }
    }
    let dashboard = root.join("var/bigbluebutton/learning-dashboard/index.html");
    write(&dashboard, dashboard::PAGE.as_bytes(), None)?;
    let front = root.join("var/www/bigbluebutton-default/assets/index.html");
    write(&front, b"<!doctype html><title>BigBlueButton</title><p>A simulated node.</p>", None)
}

/// A presentation that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The meeting's internal id.
    pub(crate) meeting: String,
    /// The meeting's title.
    pub(crate) meeting_name: String,
    /// The presentation's id.
    pub(crate) id: String,
    /// Its file name.
    pub(crate) name: String,
}

/// Writes the pages of a presentation where bbb-web leaves them.
pub(crate) fn write_presentation(root: &Path, made: &Made) -> Result<(), SpoolError> {
    let Made { meeting, meeting_name, id, name } = made;
    let folder = root.join("var/bigbluebutton").join(meeting).join(meeting).join(id);
    for page in 1..=slides::PAGES {
        for (kind, path) in [
            (SlideKind::Svg, format!("svgs/slide{page}.svg")),
            (SlideKind::Thumbnail, format!("thumbnails/thumb-{page}.svg")),
            (SlideKind::Text, format!("textfiles/slide-{page}.txt")),
        ] {
            if let Some(file) = slides::draw(meeting_name, name, kind, page) {
                write(&folder.join(path), file.text.as_bytes(), None)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> Result<(), SpoolError> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)?;
        match modified {
            Some(modified) => File::options().write(true).open(path)?.set_modified(modified),
            None => Ok(()),
        }
    };
    written().map_err(|source| SpoolError { path: path.to_owned(), source })
}
