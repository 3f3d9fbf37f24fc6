//! `bluegate` on a terminal of its own, as `script` of util-linux makes one.

use std::{
    fs,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::cluster::BLUEGATE;

/// Longest wait for what a command is to show.
const PATIENCE: Duration = Duration::from_secs(40);

/// A command that runs there, and is killed when it is not waited for.
pub(crate) struct Terminal {
    script: Child,
    /// Nothing is typed; without it the terminal would be hung up.
    _keyboard: ChildStdin,
    folder: tempfile::TempDir,
}

impl Terminal {
    /// Runs `bluegate` with these arguments, temporary files of its own in `temporary`.
    pub(crate) fn start(arguments: &[&str], temporary: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
        let pid = folder.path().join("pid").display().to_string();
        let command = format!("echo $$ >'{pid}'; exec '{BLUEGATE}' {}", words.join(" "));
        let mut script = Command::new("script")
            .args(["-qefc", &command])
            .arg(folder.path().join("shown"))
            .env("TMPDIR", temporary)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("script: run scripts/setup.sh test");
        let keyboard = script.stdin.take().unwrap();
        Self { script, _keyboard: keyboard, folder }
    }

    /// What it has shown so far.
    pub(crate) fn shown(&self) -> String {
        let bytes = fs::read(self.folder.path().join("shown")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has shown this.
    pub(crate) fn until(&self, text: &str) {
        let began = Instant::now();
        while !self.shown().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never `{text}`: {}", self.shown());
            thread::yield_now();
        }
    }

    /// Kills `bluegate`, which cannot do anything about it.
    pub(crate) fn kill(&self) {
        let pid = fs::read_to_string(self.folder.path().join("pid")).unwrap();
        let killed = Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for its end: exit code, and all that it has shown.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = self.script.wait().unwrap();
        (status.code(), self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.script.kill());
        drop(self.script.wait());
    }
}
