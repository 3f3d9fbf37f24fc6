//! The scaler beside its listeners: what it does in the background, and the end
//! of that only when no request can come any more.

use bluegate_config::{Config, NodeEntry};
use bluegate_scaler::{
    Bounds, DelegateConfig, NodeConfig, NodeTerms, Placement, RecordingConfig, Scaler,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::serve::{FIRST_LOOK, secrets};

/// A scaler at work.
pub(crate) struct Scaling {
    scaler: Scaler,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Scaling {
    /// Begins its work, which stops at `background`.
    pub(crate) fn begin(scaler: Scaler, background: &CancellationToken) -> Self {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (running, background, closes) =
            (scaler.clone(), background.child_token(), closing.clone());
        tasks.spawn(async move { running.run(background, closes).await });
        Self { scaler, closing, tasks }
    }

    /// Waits, within a bound, until it knows how its nodes are.
    pub(crate) async fn first_look(&self) {
        if tokio::time::timeout(FIRST_LOOK, self.scaler.has_polled()).await.is_err() {
            tracing::warn!("not every node has answered yet");
        }
    }

    /// Lives beside the process before until that is `gone`.
    pub(crate) fn accompanied_until(&self, gone: CancellationToken) {
        self.tasks.spawn(self.scaler.accompanied(gone.cancelled_owned()));
    }

    /// Lives beside its successor until its own end.
    pub(crate) fn has_successor(&self) {
        self.accompanied_until(self.closing.clone());
    }

    /// Finishes its calls and closes the store.
    pub(crate) async fn end(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The scaler's nodes, as the file has them; none where no scaler runs.
pub(crate) fn nodes(config: &Config) -> Result<Vec<NodeConfig>, anyhow::Error> {
    if config.scaler.is_none() {
        return Ok(Vec::new());
    }
    let nodes = config.nodes.iter().map(|entry| {
        let file = entry.secret_file.as_deref().expect("validated: the scaler's nodes have one");
        Ok(NodeConfig {
            node: entry.node.clone(),
            secrets: secrets::read(file)?,
            terms: terms(entry),
        })
    });
    nodes.collect()
}

/// A node's part in placement, as the file has it.
fn terms(entry: &NodeEntry) -> NodeTerms {
    NodeTerms {
        weight: entry.weight,
        tags: entry.tags.clone(),
        max_meetings: entry.max_meetings,
        max_users: entry.max_users,
        max_meeting_users: entry.max_meeting_users,
    }
}

/// How long and how much, as the file has it.
pub(crate) fn bounds(of: &bluegate_config::Scaler) -> Bounds {
    Bounds {
        connect_timeout: of.connect_timeout,
        call_timeout: of.call_timeout,
        poll_interval: of.poll_interval,
        lost_after: of.lost_after,
        body_bytes: of.body_limit,
        ..Bounds::default()
    }
}

/// How nodes are chosen, as the file has it.
pub(crate) fn placement(of: &bluegate_config::Placement) -> Placement {
    Placement {
        user_weight: of.user_weight,
        audio_weight: of.audio_weight,
        video_weight: of.video_weight,
        meeting_weight: of.meeting_weight,
        reserved_users: of.reserved_users,
        reservation_lifetime: of.reservation_lifetime,
        slow_start: of.slow_start,
    }
}

/// How recordings are asked for, as the file has it.
pub(crate) fn recordings(
    of: &bluegate_config::Recordings,
) -> Result<RecordingConfig, anyhow::Error> {
    let delegate = of.delegate.as_ref().map(|delegate| {
        let secrets = secrets::read(&delegate.secret_file)?;
        Ok::<_, anyhow::Error>(DelegateConfig { origin: delegate.origin.clone(), secrets })
    });
    Ok(RecordingConfig {
        interval: of.interval,
        delegate: delegate.transpose()?,
        ..RecordingConfig::default()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is written of a scaler's defaults is written of the file's keys.
    #[test]
    fn what_a_file_leaves_out_is_as_a_scaler_has_it_by_itself() {
        let text = "[cluster]\norigin = \"https://bbb.example.org\"\n\
             [[node]]\nname = \"bbb-01\"\norigin = \"https://bbb-01.example.org\"\nsecret_file = \"n\"\n\
             [scaler]\norigin = \"https://api.example.org\"\nlisten = \"127.0.0.1:1\"\n\
             store = \"sqlite:///bluegate.db\"\n\
             [[tenant]]\nname = \"default\"\nsecret_file = \"t\"\n";
        let config = bluegate_config::parse(text, Path::new("/")).unwrap();
        let scaler = config.scaler.as_ref().unwrap();
        assert_eq!(bounds(scaler), Bounds::default());
        assert_eq!(placement(&scaler.placement), Placement::default());
        assert_eq!(
            recordings(&config.recordings).unwrap().interval,
            RecordingConfig::default().interval
        );
        assert_eq!(terms(&config.nodes[0]), NodeTerms::default());
    }
}
