//! What makes a node look after its configuration by itself: after each run of
//! apt or dpkg, and every now and then.
//!
//! A package run gets its files back at once; whatever has to be restarted for
//! them is left to a service of systemd, which a timer starts too, so that no
//! package run waits for it.

use bluegate_cluster::Mount;
use bluegate_nodeconf::{FileState, HostError};

use crate::{
    apply::Event,
    machine::{Machine, MachineError},
    services::{ServiceError, must},
};

const APT: &str = "/etc/apt/apt.conf.d/90bluegate-node";
const DPKG: &str = "/etc/dpkg/dpkg.cfg.d/bluegate-node";
const SERVICE: &str = "/etc/systemd/system/bluegate-node.service";
const TIMER: &str = "/etc/systemd/system/bluegate-node.timer";
/// Wanted by a drop-in and not by a link, so that an image needs no systemd to
/// be made.
const WANTED: &str = "/etc/systemd/system/timers.target.d/bluegate-node.conf";

/// How a node calls us.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The node.
    pub node: Mount,
    /// The program's path on the node.
    pub program: String,
    /// The configuration file's path on the node.
    pub config: String,
    /// Whether the node is of another site, and that is allowed.
    pub allow_cross_site: bool,
}

/// A hook cannot be installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// A path cannot be written into these files.
    #[error("`{0}` cannot stand in a hook: use a path of letters, digits and `/._-`")]
    Path(String),
    /// What the hook would call is not on the node.
    #[error("there is no `{path}` on the node, which the hook would {need}")]
    Missing {
        /// The path.
        path: String,
        /// What for.
        need: &'static str,
    },
    /// The node cannot be looked at.
    #[error("cannot look at the node")]
    Look(#[from] HostError),
    /// A file cannot be written or removed.
    #[error("cannot change the node")]
    Machine(#[from] MachineError),
    /// systemd does not take it.
    #[error("the hook's files are there, but systemd does not take them: {0}")]
    Systemd(String),
}

impl From<ServiceError> for HookError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Machine(source) => Self::Machine(source),
            command @ ServiceError::Command { .. } => Self::Systemd(command.to_string()),
        }
    }
}

impl Hook {
    /// What is written, by path.
    fn files(&self) -> [(&'static str, String); 5] {
        let Self { node, program, config, allow_cross_site } = self;
        let cross_site = if *allow_cross_site { " --allow-cross-site" } else { "" };
        let reapply = format!("{program} node reapply {node} -c {config}{cross_site}");
        // Nothing here may fail a package run. What waits for a restart is left
        // to the service, where there is a systemd that runs.
        let run = format!(
            "[ ! -x {program} ] || {reapply} --no-restart || true; \
             [ ! -d /run/systemd/system ] || systemctl start --no-block bluegate-node.service || true"
        );
        let managed = "Managed by `bluegate node install-hook` and `remove-hook`.";
        [
            (APT, format!("// {managed}\nDPkg::Post-Invoke {{ \"{run}\"; }};\n")),
            // apt has dpkg run several times, and has a hook of its own.
            (
                DPKG,
                format!(
                    "# {managed}\npost-invoke=[ -n \"$DPKG_FRONTEND_LOCKED\" ] || {{ {run}; }}\n"
                ),
            ),
            (
                SERVICE,
                format!(
                    "# {managed}\n[Unit]\nDescription=Keeps the node's configuration as it was \
                     applied\nWants=network-online.target\nAfter=network-online.target \
                     bbb-web.service nginx.service\n\n[Service]\nType=oneshot\n\
                     ExecStart={reapply}\n# Something waits: see the journal.\n\
                     SuccessExitStatus=1\nTimeoutStartSec=1h\n"
                ),
            ),
            (
                TIMER,
                format!(
                    "# {managed}\n[Unit]\nDescription=Keeps the node's configuration as it was \
                     applied\n\n[Timer]\nOnBootSec=5min\nOnUnitInactiveSec=15min\n\
                     RandomizedDelaySec=2min\n"
                ),
            ),
            (WANTED, format!("# {managed}\n[Unit]\nWants=bluegate-node.timer\n")),
        ]
    }
}

/// Installs `hook`, or brings one that is there to this.
///
/// # Errors
/// [`HookError`].
pub fn install_hook(
    machine: &dyn Machine,
    hook: &Hook,
    tell: &dyn Fn(&Event),
) -> Result<(), HookError> {
    for (path, need) in [(&hook.program, "run"), (&hook.config, "read")] {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        if !path.starts_with('/') || !path.bytes().all(is_plain) {
            return Err(HookError::Path(path.clone()));
        }
        if !machine.exists(path)? {
            return Err(HookError::Missing { path: path.clone(), need });
        }
    }
    for (path, text) in hook.files() {
        let file =
            FileState { bytes: text.into_bytes(), owner: "root:root".to_owned(), mode: 0o644 };
        if machine.file(path)?.is_none_or(|present| present.bytes != file.bytes) {
            machine.write(path, &file)?;
            tell(&Event::Wrote(path.to_owned()));
        }
    }
    if machine.is_live() {
        must(machine, &["systemctl", "daemon-reload"], tell)?;
        must(machine, &["systemctl", "start", "bluegate-node.timer"], tell)?;
    }
    Ok(())
}

/// Removes what [`install_hook`] wrote; says whether there was anything.
///
/// # Errors
/// [`HookError`].
pub fn remove_hook(machine: &dyn Machine, tell: &dyn Fn(&Event)) -> Result<bool, HookError> {
    let mut present = Vec::new();
    for path in [APT, DPKG, WANTED, TIMER, SERVICE] {
        if machine.exists(path)? {
            present.push(path);
        }
    }
    if machine.is_live() && present.contains(&TIMER) {
        must(machine, &["systemctl", "stop", "bluegate-node.timer"], tell)?;
    }
    for path in &present {
        machine.remove(path)?;
        tell(&Event::Removed((*path).to_owned()));
    }
    let folder = WANTED.rsplit_once('/').map_or(WANTED, |(folder, _)| folder);
    machine.remove_empty_folder(folder)?;
    if machine.is_live() && !present.is_empty() {
        must(machine, &["systemctl", "daemon-reload"], tell)?;
    }
    Ok(!present.is_empty())
}
