//! Who places meetings on the nodes, as the configuration file says, and the
//! wait for them to end.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use anstream::println;
use anyhow::Context as _;
use bluegate_config::Config;
use bluegate_nodeops::{Asker, Balancer, Commands, Cordon, Scalelite};

use super::{
    arguments::CordonOptions,
    reach::{asker, named},
    run_time::OurScaler,
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    runtime,
    serve::secrets,
};

/// All that the file names; `None` when it names nothing.
pub(super) fn balancer(
    config: &Config,
    path: &Path,
) -> Result<Option<Box<dyn Balancer>>, anyhow::Error> {
    let mut all: Vec<Box<dyn Balancer>> = Vec::new();
    if let Some(ours) = OurScaler::of(config, path) {
        all.push(Box::new(ours));
    }
    let section = config.balancer.as_ref();
    if let Some(scalelite) = section.and_then(|section| section.scalelite.as_ref()) {
        all.push(Box::new(client(asker(config)?, scalelite)?));
    }
    if let Some(commands) = section.and_then(|section| section.commands.as_ref()) {
        all.push(Box::new(Commands {
            cordon: commands.cordon.clone(),
            uncordon: commands.uncordon.clone(),
        }));
    }
    Ok(if all.len() < 2 { all.pop() } else { Some(Box::new(all)) })
}

/// The one that a command cannot do without.
pub(super) fn needed(config: &Config, path: &Path) -> Result<Box<dyn Balancer>, anyhow::Error> {
    balancer(config, path)?.ok_or_else(|| {
        UsageError(
            "the configuration file does not say who places meetings: run the scaler with `[admin]`, or give `[balancer]` a `scalelite`, \
             or a `cordon_command` and an `uncordon_command`"
                .to_owned(),
        )
        .into()
    })
}

pub(super) fn client(
    asker: Asker,
    scalelite: &bluegate_config::Scalelite,
) -> Result<Scalelite, anyhow::Error> {
    let secret = secrets::read(&scalelite.secret_file)?.swap_remove(0);
    Ok(Scalelite::new(asker, scalelite.origin.clone(), secret))
}

/// `bluegate node cordon`
pub(super) fn cordon(options: &CordonOptions) -> Outcome {
    let config = config_command::load(&options.config)?;
    let node = &named(&options.node, &options.config, &config)?.node;
    let balancer = needed(&config, &options.config)?;
    match balancer.cordon(node).with_context(|| format!("cannot cordon `{}`", node.name))? {
        Cordon::New => println!("{}: cordoned in {}", node.name, balancer.name()),
        Cordon::Already => {
            println!("{}: {} gave it no new meetings before", node.name, balancer.name())
        }
    }
    Ok(Exit::Done)
}

/// `bluegate node uncordon`
pub(super) fn uncordon(options: &CordonOptions) -> Outcome {
    let config = config_command::load(&options.config)?;
    let node = &named(&options.node, &options.config, &config)?.node;
    let balancer = needed(&config, &options.config)?;
    balancer.uncordon(node).with_context(|| format!("cannot uncordon `{}`", node.name))?;
    println!("{}: {} gives it new meetings again", node.name, balancer.name());
    Ok(Exit::Done)
}

/// Waits that end early when somebody wants us to stop. Once there is one, a
/// signal kills nothing that is half done.
#[derive(Clone)]
pub(super) struct Patience {
    stopped: Arc<(Mutex<bool>, Condvar)>,
}

impl Patience {
    pub(super) fn new() -> Result<Self, anyhow::Error> {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let runtime = runtime::small()?;
        let shared = Arc::clone(&stopped);
        let mut terminated = {
            let _inside = runtime.enter();
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("cannot wait for signals")?
        };
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminated.recv() => {}
                }
            });
            let (flag, changed) = &*shared;
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_all();
        });
        Ok(Self { stopped })
    }

    /// Whether nobody wanted us to stop meanwhile.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let (flag, changed) = &*self.stopped;
        let flag = flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(flag, time, |is_stopped| !*is_stopped);
        let (is_stopped, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !*is_stopped
    }
}

/// The one clock of these commands.
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}
