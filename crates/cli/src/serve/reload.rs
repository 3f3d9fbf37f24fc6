//! SIGHUP: the file is read again; what can change without dropping a
//! connection changes, a file with problems changes nothing.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use bluegate_admin::{Given, RouteBook};
use bluegate_config::Config;
use bluegate_scaler::Scaler;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    config_command,
    serve::{scaling, supervisor, tenants},
};

/// Follows the configuration file on SIGHUP.
pub(crate) struct Reload {
    path: PathBuf,
    hangup: Signal,
    /// What is in force.
    config: Config,
}

impl Reload {
    /// Handles SIGHUP from now on, so that one that comes early does not end
    /// the process.
    pub(crate) fn of(path: PathBuf, config: Config) -> Result<Self, anyhow::Error> {
        let hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
        Ok(Self { path, hangup, config })
    }

    /// Applies the file to `book` at each signal until `shutdown`.
    pub(crate) async fn run(
        mut self,
        book: Arc<RouteBook>,
        scaler: Option<Scaler>,
        shutdown: CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                signal = self.hangup.recv() => if signal.is_none() { return },
            }
            supervisor::reloading();
            match self.apply(&book, scaler.as_ref()).await {
                Ok(()) => tracing::info!(
                    target: "bluegate::state", event = "configuration.reloaded",
                    "configuration reloaded"
                ),
                Err(error) => {
                    tracing::error!(
                        target: "bluegate::state", event = "configuration.refused",
                        "configuration not reloaded, the old one stays in force: {error:#}"
                    );
                }
            }
            supervisor::ready();
        }
    }

    /// All of the file or nothing: what is refused is asked first, and taken
    /// back where something later is refused.
    async fn apply(
        &mut self,
        book: &RouteBook,
        scaler: Option<&Scaler>,
    ) -> Result<(), anyhow::Error> {
        let new = config_command::load(&self.path)?;
        let tenants = tenants::of_file(&new)?;
        let nodes = scaling::nodes(&new)?;
        book.reload(given(&new))?;
        if let Some(scaler) = scaler
            && let Err(error) = scaler.reload_tenants(tenants).await
        {
            book.reload(given(&self.config))?;
            return Err(error.into());
        }
        if let Some(scaler) = scaler
            && let Err(error) = scaler.reload_nodes(nodes).await
        {
            book.reload(given(&self.config))?;
            if let Ok(before) = tenants::of_file(&self.config) {
                scaler.reload_tenants(before).await?;
            }
            return Err(error.into());
        }
        for part in needs_restart(&self.config, &new) {
            tracing::warn!(
                target: "bluegate::state", event = "configuration.waits", part,
                "a change of {part} takes effect at the next start"
            );
        }
        self.config = new;
        Ok(())
    }
}

/// What a configuration says of the proxy's routes.
pub(crate) fn given(config: &Config) -> Given {
    let allow = config.proxy.as_ref().map(|proxy| proxy.allow_nodes.clone());
    Given {
        origin: config.cluster.origin.clone(),
        nodes: config.nodes.iter().map(|entry| entry.node.clone()).collect(),
        allow: allow.unwrap_or_default(),
    }
}

/// Where the nodes are that were added at run time: nowhere without a proxy to
/// relay to them or a listener to add them by.
pub(crate) fn routes_file(config: &Config) -> Option<PathBuf> {
    let admin = config.admin.as_ref().filter(|_| config.proxy.is_some())?;
    Some(admin.routes_file.clone())
}

/// The parts that differ and are only read at the start.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    // What may be added changes with the routes.
    let proxy_differs = match (&old.proxy, &new.proxy) {
        (Some(old), Some(new)) => {
            *old != bluegate_config::Proxy { allow_nodes: old.allow_nodes.clone(), ..new.clone() }
        }
        (old, new) => old.is_some() != new.is_some(),
    };
    [
        ("`[cluster] node_ca`", old.cluster.node_ca != new.cluster.node_ca),
        ("`[proxy]`", proxy_differs),
        ("`[scaler]`", old.scaler != new.scaler),
        ("`[recordings]`", old.recordings != new.recordings),
        ("`[admin]`", old.admin != new.admin),
        ("`[doctor]`", old.doctor != new.doctor),
    ]
    .into_iter()
    .filter_map(|(part, differs)| differs.then_some(part))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_what_is_read_at_the_start_needs_one() {
        let parse = |text: &str| bluegate_config::parse(text, Path::new("/")).unwrap();
        let base =
            "[cluster]\norigin = \"https://bbb.example.org\"\n[proxy]\nlisten = \"127.0.0.1:1\"\n";
        let node = "[[node]]\nname = \"n\"\norigin = \"https://n.example.org\"\n";
        let other = base.replace("127.0.0.1:1", "127.0.0.1:2");
        assert_eq!(needs_restart(&parse(base), &parse(&format!("{base}{node}"))), [""; 0]);
        assert_eq!(needs_restart(&parse(base), &parse(&other)), ["`[proxy]`"]);
        let scaler = "[scaler]\norigin = \"https://api.example.org\"\nlisten = \"127.0.0.1:3\"\n\
             [[tenant]]\nname = \"default\"\nsecret_file = \"secret\"\n";
        let both = format!("{base}{scaler}");
        for section in
            ["[recordings]\ninterval = \"2h\"\n", "[doctor]\n", "[admin]\ntoken_file = \"token\"\n"]
        {
            let name = section.split(']').next().unwrap_or_default();
            let more = parse(&format!("{both}{section}"));
            assert_eq!(needs_restart(&parse(&both), &more), [format!("`{name}]`")], "{section}");
        }
        // Read by commands, each time anew.
        let balancer = "[balancer]\ncordon_command = \"a\"\nuncordon_command = \"b\"\n";
        let more = parse(&format!("{base}{balancer}"));
        assert_eq!(needs_restart(&parse(base), &more), [""; 0]);
        let allowed = format!("{base}allow_nodes = \"*.example.org\"\n");
        assert_eq!(needs_restart(&parse(base), &parse(&allowed)), [""; 0]);
    }
}
