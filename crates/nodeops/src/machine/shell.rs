//! A node far away, at the other end of a [`Line`].
//!
//! Scripts go in and answers come back as base64, so no byte of a file is ever
//! read by a shell.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bluegate_nodeconf::{FileState, Host, HostError, MAX_FILE_SIZE, MAX_FOLDER_ENTRIES};

use super::{
    LOCK, MAX_COMMAND, MAX_LOCK, Machine, MachineError, Output, TEMPORARY,
    line::{Line, Place},
};

/// Longest answer that is read: a file of the largest size, as base64 of it
/// and of the line about it.
const MAX_ANSWER: u64 = MAX_FILE_SIZE * 4 / 3 + 4096;

/// What the far shell is told first. `$R` is the node's `/`; `r` follows the
/// links of a path's last part as the node would; `i` names a user's number.
/// What is not part of an answer nobody reads.
const PREAMBLE: &str = r#"
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
r() { p=$1; n=0
  while [ -L "$R$p" ]; do
    n=$((n+1)); [ $n -lt 40 ] || return 1
    l=$(readlink -- "$R$p") || return 1
    case $l in /*) p=$l;; *) p=${p%/*}/$l;; esac
  done; }
i() { awk -F: -v n="$2" '$1==n{print $3; f=1} END{if(!f && n ~ /^[0-9]+$/) print n; else if(!f && n=="root") print 0}' "$R/etc/$1" 2>/dev/null; }
"#;

/// How a far node is reached.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// The folder there that is the node's `/`; the machine itself when absent.
    pub root: Option<PathBuf>,
    /// Instead of the operator's own ssh configuration.
    pub ssh_config: Option<PathBuf>,
    /// Whether to become root with `sudo -n` there.
    pub sudo: bool,
}

/// A shell on a far node.
#[derive(Debug)]
pub struct Shell {
    place: String,
    is_live: bool,
    line: Mutex<Line>,
}

impl Shell {
    /// Opens a shell at `place`: a host of the ssh configuration, or
    /// `user@host`. Not from within a runtime.
    ///
    /// # Errors
    /// [`MachineError::Connect`], [`MachineError::HostKey`],
    /// [`MachineError::Refused`] or [`MachineError::NoShell`], as far as it came.
    pub fn connect(place: &str, options: &ShellOptions) -> Result<Self, MachineError> {
        let root = options.root.as_deref().unwrap_or(Path::new("")).display().to_string();
        let root = root.trim_end_matches('/');
        let start = format!("R={}\n{PREAMBLE}echo\nexec 2>/dev/null\n", quoted(root));
        let shell = if options.sudo { "sudo -n sh" } else { "sh" };
        let leads = Place { name: place, config: options.ssh_config.as_deref(), shell };
        let line = Line::open(&leads, &start, MAX_ANSWER)?;
        Ok(Self { place: place.to_owned(), is_live: root.is_empty(), line: Mutex::new(line) })
    }

    /// Breaks the line, as a network does: the far end of `ssh` is gone.
    #[cfg(test)]
    pub(crate) fn cut(&self) {
        assert!(self.ask("kill -KILL $PPID").is_err());
    }

    fn line(&self) -> io::Result<MutexGuard<'_, Line>> {
        self.line.lock().map_err(|_| io::Error::other("the line is in disorder"))
    }

    fn tell(&self, script: &str) -> io::Result<()> {
        self.line()?.tell(script)
    }

    /// What `script` writes, and its exit status.
    fn ask(&self, script: &str) -> io::Result<(Vec<u8>, i32)> {
        let script = format!(
            "{{ ( {script}\n) </dev/null 2>&1; printf '\\n%s' $?; }} | base64 | tr -d '\\n'; echo\n"
        );
        let answer = self.line()?.ask(&script, MAX_ANSWER)?;
        let bytes = STANDARD.decode(answer.trim()).map_err(io::Error::other)?;
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| io::Error::other("the far shell's answer is not ours"))?;
        let (text, status) = bytes.split_at(end);
        let status = String::from_utf8_lossy(status).trim().parse().map_err(io::Error::other)?;
        Ok((text.to_vec(), status))
    }

    /// What `script` writes; an error when it fails.
    fn done(&self, script: &str) -> io::Result<Vec<u8>> {
        let (text, status) = self.ask(script)?;
        if status == 0 {
            return Ok(text);
        }
        let text = String::from_utf8_lossy(&text);
        Err(io::Error::other(format!("{} (status {status})", text.trim())))
    }

    fn read(&self, path: &str, script: &str) -> Result<Vec<u8>, HostError> {
        self.done(script).map_err(|source| HostError::Read { path: path.to_owned(), source })
    }
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

impl Host for Shell {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        let path_word = quoted(path);
        let owner = if self.is_live { "%U:%G" } else { "%u:%g" };
        let script = format!(
            "r {path_word} || {{ echo too many symbolic links; exit 1; }}
             [ -f \"$R$p\" ] || exit 0
             stat -Lc '{owner} %a %s' -- \"$R$p\" || exit 1
             [ \"$(stat -Lc %s -- \"$R$p\")\" -le {MAX_FILE_SIZE} ] || exit 0
             cat -- \"$R$p\""
        );
        let answer = self.read(path, &script)?;
        let Some(end) = answer.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let (head, bytes) = answer.split_at(end);
        let broken = || HostError::Read {
            path: path.to_owned(),
            source: io::Error::other("the far shell's answer is not ours"),
        };
        let head = String::from_utf8_lossy(head).into_owned();
        let mut words = head.split(' ');
        let owner = words.next().ok_or_else(broken)?.to_owned();
        let mode = words.next().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let size: u64 = words.next().and_then(|size| size.parse().ok()).ok_or_else(broken)?;
        if size > MAX_FILE_SIZE {
            return Err(HostError::FileTooLarge { path: path.to_owned() });
        }
        let bytes = bytes.get(1..).unwrap_or_default().to_vec();
        Ok(Some(FileState { bytes, owner, mode: mode.ok_or_else(broken)? }))
    }

    fn exists(&self, path: &str) -> Result<bool, HostError> {
        let script = format!("r {} && [ -e \"$R$p\" ] && echo there; true", quoted(path));
        Ok(!lines(&self.read(path, &script)?).is_empty())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        let script = format!(
            "r {} && [ -d \"$R$p\" ] || exit 0; ls -1A -- \"$R$p\" | head -n {}",
            quoted(folder),
            MAX_FOLDER_ENTRIES + 1
        );
        let mut names = lines(&self.read(folder, &script)?);
        if names.len() > MAX_FOLDER_ENTRIES {
            return Err(HostError::FolderTooLarge { path: folder.to_owned() });
        }
        names.sort();
        Ok(names)
    }

    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        let script = format!("readlink -- \"$R\"{} 2>/dev/null; true", quoted(path));
        Ok(lines(&self.read(path, &script)?).pop())
    }

    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        let script = format!(
            "grep -lxF -- {} \"$R\"/var/lib/dpkg/info/bbb-*.list 2>/dev/null; true",
            quoted(path)
        );
        let found = lines(&self.read(path, &script)?);
        let name = found.first().and_then(|list| list.rsplit('/').next());
        Ok(name.and_then(|name| name.strip_suffix(".list")).map(str::to_owned))
    }
}

impl Machine for Shell {
    fn write(&self, path: &str, file: &FileState) -> Result<(), MachineError> {
        let (user, group) = file.owner.split_once(':').unwrap_or((&file.owner, &file.owner));
        let strict = if self.is_live { "exit 1" } else { "true" };
        let script = format!(
            "r {path} || exit 1
             t=\"$R$p{TEMPORARY}\"
             trap 'rm -f -- \"$t\"' EXIT
             mkdir -p -- \"$(dirname -- \"$R$p\")\" || exit 1
             umask 077
             base64 -d >\"$t\" <<'BLUEGATE' || exit 1
{bytes}
BLUEGATE
             u=$(i passwd {user}); g=$(i group {group})
             if [ -n \"$u\" ] && [ -n \"$g\" ]; then chown \"$u:$g\" -- \"$t\" || {strict}
             else echo {nobody}; {strict}; fi
             chmod {mode:o} -- \"$t\" && sync -- \"$t\" && mv -fT -- \"$t\" \"$R$p\"",
            path = quoted(path),
            bytes = STANDARD.encode(&file.bytes),
            user = quoted(user),
            group = quoted(group),
            nobody = quoted(&format!("this node has no user and group `{}`", file.owner)),
            mode = file.mode,
        );
        self.done(&script)
            .map(drop)
            .map_err(|source| MachineError::Write { path: path.to_owned(), source })
    }

    fn remove(&self, path: &str) -> Result<(), MachineError> {
        let script = format!("r {} || exit 1; rm -f -- \"$R$p{TEMPORARY}\" \"$R$p\"", quoted(path));
        self.done(&script)
            .map(drop)
            .map_err(|source| MachineError::Remove { path: path.to_owned(), source })
    }

    fn remove_empty_folder(&self, path: &str) -> Result<(), MachineError> {
        let script = format!("rmdir -- \"$R\"{} 2>/dev/null; true", quoted(path));
        self.done(&script)
            .map(drop)
            .map_err(|source| MachineError::Remove { path: path.to_owned(), source })
    }

    fn run(&self, command: &[&str]) -> Result<Output, MachineError> {
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        let script = format!("timeout {} {}", MAX_COMMAND.as_secs(), words.join(" "));
        let (text, status) = self
            .ask(&script)
            .map_err(|source| MachineError::Run { command: command.join(" "), source })?;
        Ok(Output { status, text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// The lock is the far shell's: it ends with it.
    fn lock(&self) -> Result<(), MachineError> {
        let failed = |source| MachineError::Write { path: LOCK.to_owned(), source };
        let folder = LOCK.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.done(&format!("mkdir -p -- \"$R\"{folder} && umask 077 && : >>\"$R\"{LOCK}"))
            .map_err(failed)?;
        // Outside of the script, which is a shell of its own.
        self.tell(&format!("exec 9>>\"$R\"{LOCK}\n")).map_err(failed)?;
        match self.ask(&format!("flock -w {} 9", MAX_LOCK.as_secs())).map_err(failed)? {
            (_, 0) => Ok(()),
            (_, 1) => Err(MachineError::Busy(self.place.clone())),
            (text, status) => {
                let text = String::from_utf8_lossy(&text).trim().to_owned();
                Err(failed(io::Error::other(format!("{text} (status {status})"))))
            }
        }
    }

    fn unlock(&self) {
        // A line that is gone holds nothing.
        drop(self.tell("exec 9>&-\n"));
    }

    fn is_live(&self) -> bool {
        self.is_live
    }
}
