//! A folder as a whole machine: a fixture's files over this machine's own, in a mount namespace of
//! the test, so that programs run with the paths a node has, and nothing of it is left.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// Makes the machine, says so, and keeps it until its input ends.
const KEEP: &str = r#"
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
cp -a "$2/." "$1/up/"
# This machine's own packages are the node's too.
rm -rf "$1/up/var/lib/dpkg"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mkdir -p "$1/root/run/systemd/system" "$1/root/usr/local/sbin"
printf 'bigbluebutton:x:7001:\netherpad:x:7002:\n' >>"$1/root/etc/group"
printf '#!/bin/sh\necho "$*" >>/var/log/systemctl.log\n' >"$1/root/usr/local/sbin/systemctl"
chmod 755 "$1/root/usr/local/sbin/systemctl"
: >"$1/root/var/log/systemctl.log"
echo ready
exec cat
"#;

pub(crate) struct LiveNode {
    keeper: Child,
    folder: tempfile::TempDir,
}

impl LiveNode {
    /// A machine with the files of `fixture`, and a `systemctl` that notes what it is told.
    pub(crate) fn start(fixture: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--propagation", "private"]);
        if !is_root() {
            unshare.args(["--user", "--map-root-user", "--map-auto"]);
        }
        let mut keeper = unshare
            .args(["sh", "-c", KEEP, "sh"])
            .args([folder.path(), fixture])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare: run scripts/setup.sh test");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "the namespace cannot be made: are you root, or in /etc/subuid?"
        );
        Self { keeper, folder }
    }

    /// A command on the machine.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--mount"]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        let root = self.folder.path().join("root");
        command.arg("chroot").arg(root).args(words).stdin(Stdio::null());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("NO_COLOR", "1").env("HOME", "/root").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a script says that has to succeed.
    pub(crate) fn shell(&self, script: &str) -> String {
        let output = self.run(&["sh", "-ec", script]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{script}\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let script = "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\"";
        let mut command = self.command(&["sh", "-ec", script, "sh", path]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub(crate) fn read(&self, path: &str) -> String {
        self.shell(&format!("cat {path}"))
    }

    /// What `systemctl` was told since this was last asked.
    pub(crate) fn told_systemd(&self) -> Vec<String> {
        let text = self.shell("cat /var/log/systemctl.log; : >/var/log/systemctl.log");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for LiveNode {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
