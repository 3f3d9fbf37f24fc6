//! A child process of a test: its output kept in files, stopped with the test, and never anything but
//! itself and its own children.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::eventually::eventually;

/// How many bytes of a child's output an error message quotes.
const QUOTED_OUTPUT: usize = 4_000;

/// A running child in a process group of its own. Dropping it kills that group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    exited: Option<ExitStatus>,
    output: TempDir,
}

impl Process {
    /// Starts `program` with `arguments`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start<I, S>(program: &Path, arguments: I) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts a prepared command; its standard streams are replaced.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = tempfile::Builder::new().prefix("bluegate-test-output-").tempdir()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(output.path().join("stdout"))?)
            .stderr(File::create(output.path().join("stderr"))?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        Ok(Self { name, child, exited: None, output })
    }

    /// The child's process id, which is its group's id too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// How it ended, when it has.
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait()?;
        }
        Ok(self.exited)
    }

    /// Waits until the child has written a whole JSON document to `path`.
    ///
    /// # Errors
    ///
    /// When the child ends before, or the time is over; both quote its standard error.
    pub async fn wait_for_json(&mut self, path: &Path, within: Duration) -> Result<Value> {
        let what = format!("`{}` writes {}", self.name, path.display());
        let waited = eventually(what, within, || {
            let read =
                std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let seen = match (read, self.exited()) {
                (Some(value), _) => Some(Ok(value)),
                (None, Ok(None)) => None,
                (None, Ok(Some(status))) => Some(Err(anyhow!("`{}` ended: {status}", self.name))),
                (None, Err(error)) => Some(Err(error)),
            };
            async move { seen }
        });
        waited.await.and_then(|seen| seen).with_context(|| self.quoted())
    }

    /// Waits until the child has ended by itself.
    ///
    /// # Errors
    ///
    /// When it has not within the time.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("`{}` ends", self.name);
        let waited = eventually(what, within, || {
            let seen = self.exited().transpose();
            async move { seen }
        });
        waited.await.and_then(|seen| seen).with_context(|| self.quoted())
    }

    /// Presses Ctrl-C: sends SIGINT to the child alone and waits for its end.
    ///
    /// # Errors
    ///
    /// When it has not ended within the time.
    pub async fn interrupt(&mut self, within: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            bail!(
                "`{}` had ended before it was interrupted: {status}\n{}",
                self.name,
                self.quoted()
            );
        }
        signal("-INT", &self.id().to_string())?;
        self.wait(within).await
    }

    fn read(&self, stream: &str) -> String {
        let bytes = std::fs::read(self.output.path().join(stream)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn quoted(&self) -> String {
        let text = self.stderr();
        let mut start = text.len().saturating_sub(QUOTED_OUTPUT);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        format!("standard error of `{}`:\n{}", self.name, text.get(start..).unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group is signalled only while its leader is unreaped: its number cannot be another's.
        if !matches!(self.exited(), Ok(Some(_))) {
            let group = format!("-{}", self.id());
            if signal("-KILL", &group).is_err() {
                drop(self.child.kill());
            }
            drop(self.child.wait());
        }
    }
}

/// Sends a signal to one process, or to a group when the number is negative.
pub(crate) fn signal(signal: &str, target: &str) -> Result<()> {
    let status = Command::new("kill")
        .args([signal, "--", target])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run `kill`")?;
    if status.success() || status.signal().is_some() {
        return Ok(());
    }
    bail!("`kill {signal} -- {target}` failed: {status}")
}

/// Finds a program: the path in the environment variable if set, or the first of `names` on `PATH`.
///
/// # Errors
///
/// When there is none; the message names the variable.
pub fn find_program(variable: &str, names: &[&str]) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(PathBuf::from(path));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file());
    found
        .with_context(|| format!("no {} on PATH; install it or set {variable}", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Process {
        Process::start(Path::new("/bin/sh"), ["-c", script]).unwrap()
    }

    #[tokio::test]
    async fn output_and_exit_code_are_kept() {
        let mut child = shell("echo out; echo err >&2; exit 3");
        assert_eq!(child.wait(WITHIN).await.unwrap().code(), Some(3));
        assert_eq!((child.stdout().as_str(), child.stderr().as_str()), ("out\n", "err\n"));
    }

    #[tokio::test]
    async fn an_interrupt_reaches_the_child() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready.json");
        let script = format!(
            "trap 'echo bye; exit 7' INT; printf 1 > {}; while :; do sleep 0.05; done",
            ready.display()
        );
        let mut child = shell(&script);
        assert_eq!(child.wait_for_json(&ready, WITHIN).await.unwrap(), 1);
        assert_eq!(child.interrupt(WITHIN).await.unwrap().code(), Some(7));
        assert_eq!(child.stdout(), "bye\n");
    }

    #[tokio::test]
    async fn a_child_that_dies_before_it_is_ready_is_an_error_with_its_words() {
        let mut child = shell("echo broken >&2; exit 1");
        let error = child.wait_for_json(Path::new("/nonexistent"), WITHIN).await.unwrap_err();
        assert!(format!("{error:#}").contains("broken"), "{error:#}");
    }

    #[tokio::test]
    async fn dropping_kills_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("grandchild.json");
        let mut child = shell(&format!("sleep 600 & echo $! > {}; wait", ready.display()));
        let grandchild = child.wait_for_json(&ready, WITHIN).await.unwrap();
        drop(child);
        let status = PathBuf::from(format!("/proc/{grandchild}/status"));
        eventually("the grandchild is gone", WITHIN, || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let gone = text.is_empty() || text.contains("State:\tZ");
            async move { gone.then_some(()) }
        })
        .await
        .unwrap();
    }
}
