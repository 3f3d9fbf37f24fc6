//! What others see of the nodes: the second opinion before a node is given up.
//! Pure.
//!
//! Other scalers of the store say which nodes they hear, and how long ago by a
//! beat that grows: no clocks are compared. A part of this process that
//! connects to nodes by itself (the proxy) is a [`Witness`].

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use bluegate_cluster::Mount;
use bluegate_store::Observer;
use tokio::time::Instant;

/// What somebody else in this process sees of nodes.
#[derive(Clone)]
pub struct Witness(Arc<Answers>);

type Answers = dyn Fn(&Mount) -> Option<bool> + Send + Sync;

impl Witness {
    /// `answers` says whether a node answers the witness just now; `None` when
    /// it does not look at that node.
    pub fn new(answers: impl Fn(&Mount) -> Option<bool> + Send + Sync + 'static) -> Self {
        Self(Arc::new(answers))
    }

    pub(crate) fn hears(&self, node: &Mount) -> bool {
        (self.0)(node) == Some(true)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

/// What the other scalers hear.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    /// Each one's last beat, and when it was new to us.
    beats: HashMap<String, (i64, Instant)>,
    heard: HashSet<Mount>,
}

impl Observers {
    /// Takes in what they say now. One whose beat has not changed for
    /// `patience` is not there any more.
    pub(crate) fn update(&mut self, said: Vec<Observer>, patience: Duration, now: Instant) {
        let mut beats = HashMap::with_capacity(said.len());
        self.heard.clear();
        for observer in said {
            let since = match self.beats.get(&observer.id) {
                Some((beat, since)) if *beat == observer.beat => *since,
                _ => now,
            };
            if now.duration_since(since) < patience {
                self.heard.extend(observer.hears);
            }
            beats.insert(observer.id, (observer.beat, since));
        }
        self.beats = beats;
    }

    /// Whether any of them hears a node.
    pub(crate) fn hear(&self, node: &Mount) -> bool {
        self.heard.contains(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn said(id: &str, beat: i64, hears: &[&str]) -> Observer {
        let hears = hears.iter().map(|name| name.parse().unwrap()).collect();
        Observer { id: id.to_owned(), beat, hears }
    }

    #[test]
    fn an_observer_counts_while_its_beat_goes_on() {
        let mut observers = Observers::default();
        let node: Mount = "bbb-01".parse().unwrap();
        let mut now = Instant::now();
        for (beat, seconds, wanted) in [
            (1, 0, true),
            (1, 9, true),
            (1, 1, false),
            (1, 60, false),
            (2, 1, true),
            (2, 10, false),
        ] {
            now += Duration::from_secs(seconds);
            observers.update(vec![said("a", beat, &["bbb-01"])], PATIENCE, now);
            assert_eq!(observers.hear(&node), wanted, "beat {beat} after {seconds} s");
        }
    }

    #[test]
    fn one_who_hears_is_enough_and_those_who_are_gone_are_forgotten() {
        let mut observers = Observers::default();
        let (one, two) = ("bbb-01".parse().unwrap(), "bbb-02".parse().unwrap());
        let now = Instant::now();
        observers.update(vec![said("a", 1, &[]), said("b", 7, &["bbb-01"])], PATIENCE, now);
        assert!(observers.hear(&one) && !observers.hear(&two));
        observers.update(vec![said("a", 2, &["bbb-02"])], PATIENCE, now);
        assert!(!observers.hear(&one) && observers.hear(&two));
        assert_eq!(observers.beats.len(), 1);
    }
}
