//! One question to a node per moment, however many ask it.
//!
//! Frontends poll a meeting for each of its viewers (Moodle every two seconds).
//! Whoever asks what another asked less than [`Reads::max_age`] ago gets the same
//! answer, waiting for it if it is still on its way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bluegate_bbb_api::Failure;
use bluegate_cluster::TenantName;
use tokio::{sync::watch, time::Instant};

use crate::front::reply::Reply;

/// What is asked: tenant, meeting ID as given, and the call with its query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// Who asks.
    pub(crate) tenant: TenantName,
    /// About which meeting, in the asker's words.
    pub(crate) meeting: String,
    /// The call and all of its parameters.
    pub(crate) asked: String,
}

/// Answers on their way, and those that are fresh.
#[derive(Debug)]
pub(crate) struct Reads {
    max_age: Duration,
    capacity: usize,
    kept: Mutex<Kept>,
}

/// Entries by meeting, as its asker names it, then by what is asked of it.
#[derive(Debug, Default)]
struct Kept {
    meetings: HashMap<(TenantName, String), HashMap<String, Entry>>,
    /// Entries, over all meetings.
    count: usize,
}

#[derive(Debug)]
struct Entry {
    begun: Instant,
    answer: watch::Receiver<Option<Arc<str>>>,
}

/// The part of whoever asks a question first.
#[derive(Debug)]
pub(crate) struct Turn(watch::Sender<Option<Arc<str>>>);

/// How a question is answered.
#[derive(Debug)]
pub(crate) enum Asked {
    /// By an answer that is there or on its way.
    Shared(Shared),
    /// By the node; the answer is handed over with the turn.
    First(Turn, Shared),
}

/// An answer that several wait for.
#[derive(Debug)]
pub(crate) struct Shared(watch::Receiver<Option<Arc<str>>>);

impl Reads {
    /// Answers stay fresh for `max_age`, counted from the question; at most
    /// `capacity` are kept.
    pub(crate) fn new(max_age: Duration, capacity: usize) -> Self {
        Self { max_age, capacity, kept: Mutex::default() }
    }

    /// Takes a question in.
    pub(crate) fn ask(&self, question: Question, now: Instant) -> Asked {
        let Question { tenant, meeting, asked } = question;
        let of_meeting = (tenant, meeting);
        let mut kept = self.kept();
        let known = kept.meetings.get(&of_meeting).and_then(|entries| entries.get(&asked));
        if let Some(entry) = known.filter(|entry| self.is_fresh(entry, now)) {
            return Asked::Shared(Shared(entry.answer.clone()));
        }
        if kept.count >= self.capacity {
            kept.retain(|entry| self.is_fresh(entry, now));
        }
        let (turn, answer) = watch::channel(None);
        if kept.count < self.capacity {
            let entry = Entry { begun: now, answer: answer.clone() };
            let before = kept.meetings.entry(of_meeting).or_default().insert(asked, entry);
            kept.count += usize::from(before.is_none());
        }
        Asked::First(Turn(turn), Shared(answer))
    }

    /// Forgets what was answered about a meeting, because it has just changed.
    pub(crate) fn forget(&self, tenant: &TenantName, meeting: &str) {
        let mut kept = self.kept();
        let gone = kept.meetings.remove(&(tenant.clone(), meeting.to_owned()));
        kept.count -= gone.map_or(0, |entries| entries.len());
    }

    fn is_fresh(&self, entry: &Entry, now: Instant) -> bool {
        // A turn that was dropped without an answer has none to share.
        let lives = entry.answer.borrow().is_some() || entry.answer.has_changed().is_ok();
        lives && now.duration_since(entry.begun) < self.max_age
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.meetings.retain(|_, entries| {
            entries.retain(|_, entry| keep(entry));
            !entries.is_empty()
        });
        self.count = self.meetings.values().map(HashMap::len).sum();
    }
}

impl Turn {
    /// Hands the answer to all who wait. Only documents are shared.
    pub(crate) fn answered(self, reply: &Reply) {
        if let Reply::Xml(text) = reply {
            self.0.send_replace(Some(Arc::from(text.as_str())));
        }
    }
}

impl Shared {
    /// The answer, when it is there.
    pub(crate) async fn answer(mut self) -> Reply {
        match self.0.wait_for(Option::is_some).await.ok().and_then(|seen| seen.clone()) {
            Some(text) => Reply::Xml(text.to_string()),
            None => Failure::NodeUnreachable.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(meeting: &str) -> Question {
        let tenant = "physics".parse().unwrap();
        Question { tenant, meeting: meeting.to_owned(), asked: "getMeetingInfo".to_owned() }
    }

    fn is_first(asked: &Asked) -> bool {
        matches!(asked, Asked::First(..))
    }

    #[tokio::test]
    async fn one_asks_and_all_are_answered_until_it_is_old() {
        let reads = Reads::new(Duration::from_secs(1), 10);
        let begun = Instant::now();
        let Asked::First(turn, first) = reads.ask(question("m"), begun) else { panic!() };
        let Asked::Shared(second) = reads.ask(question("m"), begun) else { panic!() };
        assert!(is_first(&reads.ask(question("n"), begun)), "another question");
        turn.answered(&Reply::Xml("<response/>".to_owned()));
        for shared in [first, second] {
            assert!(matches!(shared.answer().await, Reply::Xml(text) if text == "<response/>"));
        }
        assert!(!is_first(&reads.ask(question("m"), begun + Duration::from_millis(999))));
        assert!(is_first(&reads.ask(question("m"), begun + Duration::from_secs(1))));
    }

    #[tokio::test]
    async fn what_has_changed_is_asked_again() {
        let reads = Reads::new(Duration::from_secs(1), 10);
        let now = Instant::now();
        let Asked::First(turn, _) = reads.ask(question("m"), now) else { panic!() };
        turn.answered(&Reply::Xml("<response/>".to_owned()));
        reads.forget(&"history".parse().unwrap(), "m");
        reads.forget(&"physics".parse().unwrap(), "n");
        assert!(!is_first(&reads.ask(question("m"), now)));
        reads.forget(&"physics".parse().unwrap(), "m");
        assert!(is_first(&reads.ask(question("m"), now)));
    }

    #[tokio::test]
    async fn a_turn_that_is_lost_leaves_nobody_waiting() {
        let reads = Reads::new(Duration::from_secs(1), 10);
        let now = Instant::now();
        let Asked::First(turn, _) = reads.ask(question("m"), now) else { panic!() };
        let Asked::Shared(waiting) = reads.ask(question("m"), now) else { panic!() };
        drop(turn);
        assert!(matches!(waiting.answer().await, Reply::Xml(text) if text.contains("FAILED")));
        assert!(is_first(&reads.ask(question("m"), now)));
    }

    #[test]
    fn memory_is_bounded() {
        let reads = Reads::new(Duration::from_secs(1), 3);
        let now = Instant::now();
        // None is answered yet, so none can be let go.
        let asked: Vec<_> =
            (0..10).map(|meeting| reads.ask(question(&meeting.to_string()), now)).collect();
        assert!(asked.iter().all(is_first));
        let kept = || {
            let kept = reads.kept();
            let entries = kept.meetings.values().map(HashMap::len).sum::<usize>();
            assert_eq!(entries, kept.count);
            entries
        };
        assert_eq!(kept(), 3);
        reads.forget(&"physics".parse().unwrap(), "0");
        assert_eq!(kept(), 2);
        assert!(is_first(&reads.ask(question("0"), now)));
        assert_eq!(kept(), 3);
        assert!(is_first(&reads.ask(question("later"), now + Duration::from_secs(2))));
        assert_eq!(kept(), 1);
    }
}
