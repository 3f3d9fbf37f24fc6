//! A node's services: nginx's own check, and restarts in order.

use bluegate_nodeconf::Service;

use crate::{
    apply::Event,
    machine::{Machine, MachineError},
};

/// A service did not take its configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The node could not be asked.
    #[error("the node could not be asked")]
    Machine(#[from] MachineError),
    /// A command failed.
    #[error("`{command}` failed with status {status}: {said}")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: i32,
        /// The end of what it said.
        said: String,
    },
}

/// Most characters of what a command said that are shown.
const MAX_SAID: usize = 2000;

pub(crate) fn must(
    machine: &dyn Machine,
    command: &[&str],
    tell: &dyn Fn(&Event),
) -> Result<(), ServiceError> {
    let output = machine.run(command)?;
    let command = command.join(" ");
    if output.status == 0 {
        tell(&Event::Ran(command));
        return Ok(());
    }
    let length = output.text.chars().count();
    let said = output.text.chars().skip(length.saturating_sub(MAX_SAID)).collect::<String>();
    Err(ServiceError::Command { command, status: output.status, said: said.trim().to_owned() })
}

/// nginx's own check of all its files.
pub(crate) fn check(machine: &dyn Machine, tell: &dyn Fn(&Event)) -> Result<(), ServiceError> {
    must(machine, &["nginx", "-t"], tell)
}

/// Restarts what is installed, in order, and looks whether it stays up.
pub(crate) fn restart<'a>(
    machine: &dyn Machine,
    daemon_reload: bool,
    services: impl IntoIterator<Item = &'a Service>,
    tell: &dyn Fn(&Event),
) -> Result<(), ServiceError> {
    if daemon_reload {
        must(machine, &["systemctl", "daemon-reload"], tell)?;
    }
    for service in services {
        let unit = format!("{}.service", service.name);
        if machine.run(&["systemctl", "cat", &unit])?.status != 0 {
            tell(&Event::NotInstalled(service.name.clone()));
            continue;
        }
        must(machine, &["systemctl", service.action.verb(), &unit], tell)?;
        must(machine, &["systemctl", "is-active", "--quiet", &unit], tell)?;
    }
    Ok(())
}
