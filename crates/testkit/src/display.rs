//! An X display that belongs to one test: Xvfb on a free display number, looked at through its
//! framebuffer and clicked as by a mouse.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::image::Image;
use crate::process::find_program;

/// The screen's size: the browser's window fills it.
pub const SIZE: (usize, usize) = (1280, 1100);

/// How long an X server may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running Xvfb. Dropping it ends it.
#[derive(Debug)]
pub struct Display {
    server: Child,
    name: String,
    folder: TempDir,
}

impl Display {
    /// Starts an X server of its own; it listens on no TCP port and picks a free display number.
    ///
    /// # Errors
    ///
    /// When Xvfb is missing or does not come up.
    pub async fn start() -> Result<Self> {
        let program = find_program("BLUEGATE_TEST_XVFB", &["Xvfb"])?;
        let folder = tempfile::Builder::new().prefix("bluegate-test-display-").tempdir()?;
        let number = folder.path().join("number");
        let (width, height) = SIZE;
        let server = Command::new(program)
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", &format!("{width}x{height}x24"), "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&number)?)
            .stderr(File::create(folder.path().join("log"))?)
            .process_group(0)
            .spawn()
            .context("cannot start Xvfb")?;
        let mut display = Self { server, name: String::new(), folder };
        let name = eventually("Xvfb tells its display number", START_LIMIT, || {
            let text = std::fs::read_to_string(&number).unwrap_or_default();
            let name = text.ends_with('\n').then(|| format!(":{}", text.trim()));
            async move { name }
        });
        display.name = name.await.with_context(|| display.log())?;
        Ok(display)
    }

    /// Its name, as the variable `DISPLAY` wants it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the screen shows now, the pointer included.
    ///
    /// # Errors
    ///
    /// When the framebuffer cannot be read.
    pub fn screenshot(&self) -> Result<Image> {
        let dump = std::fs::read(self.folder.path().join("Xvfb_screen0"))
            .with_context(|| format!("no framebuffer\n{}", self.log()))?;
        Image::from_xwd(&dump)
    }

    /// Saves what the screen shows now as a PNG for a person to look at.
    ///
    /// # Errors
    ///
    /// When the screen cannot be read or the file not be written.
    pub fn save_screenshot(&self, path: &Path) -> Result<()> {
        self.screenshot()?.save_png(path)
    }

    /// Moves the pointer to a place, clicks there, and moves it to the lower right corner, where it
    /// covers and highlights nothing.
    ///
    /// # Errors
    ///
    /// When xdotool is missing or fails.
    pub fn click(&self, (column, row): (usize, usize)) -> Result<()> {
        let program = find_program("BLUEGATE_TEST_XDOTOOL", &["xdotool"])?;
        let (width, height) = SIZE;
        let done = Command::new(program)
            .env("DISPLAY", &self.name)
            .args(["mousemove", "--sync", &column.to_string(), &row.to_string(), "click", "1"])
            .args(["mousemove", &(width - 1).to_string(), &(height - 1).to_string()])
            .output()
            .context("cannot run xdotool")?;
        let complaint = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "xdotool failed: {complaint}");
        Ok(())
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        format!("Xvfb said: {}", String::from_utf8_lossy(&log))
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
