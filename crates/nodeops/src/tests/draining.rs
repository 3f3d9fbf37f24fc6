//! Draining with balancers that note what they are told.

use super::*;

/// A balancer that notes what it is told.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) told: RefCell<Vec<&'static str>>,
    /// Whether somebody took the node out before.
    pub(super) is_out: Cell<bool>,
    /// Whether it fails.
    pub(super) is_broken: Cell<bool>,
}

impl Notes {
    fn tell(&self, what: &'static str) -> Result<(), BalancerError> {
        if self.is_broken.get() {
            let command = what.to_owned();
            return Err(BalancerError::Command { command, status: 1, said: "no".to_owned() });
        }
        self.told.borrow_mut().push(what);
        Ok(())
    }
}

impl Balancer for Notes {
    fn name(&self) -> String {
        "the notes".to_owned()
    }
    fn cordon(&self, _: &Node) -> Result<Cordon, BalancerError> {
        if self.is_out.get() {
            return Ok(Cordon::Already);
        }
        self.tell("cordon").map(|()| Cordon::New)
    }
    fn uncordon(&self, _: &Node) -> Result<(), BalancerError> {
        self.tell("uncordon")
    }
}

/// Counts down, then stays empty; the last number counts when `stays`.
pub(super) struct Meetings(pub(super) RefCell<Vec<usize>>);

impl Meetings {
    pub(super) fn next(&self) -> Result<usize, MeetingsError> {
        let mut all = self.0.borrow_mut();
        Ok(if all.len() > 1 { all.remove(0) } else { all.first().copied().unwrap_or(0) })
    }
}

/// A node, what its meetings come to, and what a drain of it says.
fn emptied(
    machine: &Alive,
    notes: &Notes,
    meetings: &[usize],
    longest: Duration,
    wait: &dyn Fn(Duration) -> bool,
) -> (Result<(), DrainError>, Vec<String>) {
    let meetings = Meetings(RefCell::new(meetings.to_vec()));
    let said = RefCell::new(Vec::new());
    let count = || meetings.next();
    let plan = Drain { balancer: notes, count: &count, longest, wait };
    let tell = |event: &Event| said.borrow_mut().push(event.to_string());
    let outcome = drain(machine, &target().node, &plan, now(), &tell);
    let left = meetings.0.into_inner();
    assert!(outcome.is_err() || left.len() == 1, "empty too early, before {left:?}");
    (outcome, said.into_inner())
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_node_is_cordoned_emptied_and_let_back() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let notes = Notes::default();
    let (outcome, said) = emptied(&machine, &notes, &[2, 2, 2, 1, 0, 1, 0], HOUR, &|_| true);
    outcome.unwrap();
    assert_eq!(
        said,
        [
            "cordoned in the notes: no new meetings",
            "waiting for 2 meetings to end, for 60 more minutes at most",
            "waiting for 1 meeting to end, for 60 more minutes at most",
            "no meetings run",
        ],
        "what is new, and no more"
    );
    assert_eq!(Pending::read(&machine).unwrap().cordoned, Some(CordonedFor::Drain));
    let node = target().node;
    uncordon(&machine, &node, &notes, &[CordonedFor::Restart], now(), &|_| ()).unwrap();
    assert_eq!(*notes.told.borrow(), ["cordon"], "a drain's cordon is a drain's to take back");
    uncordon(&machine, &node, &notes, &[CordonedFor::Drain], now(), &|_| ()).unwrap();
    uncordon(&machine, &node, &notes, &[CordonedFor::Drain], now(), &|_| ()).unwrap();
    assert_eq!(*notes.told.borrow(), ["cordon", "uncordon"]);
    assert!(Pending::read(&machine).unwrap().is_empty());
}

#[test]
fn a_node_that_somebody_took_out_stays_out() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let notes = Notes::default();
    notes.is_out.set(true);
    let (outcome, said) = emptied(&machine, &notes, &[0], HOUR, &|_| true);
    outcome.unwrap();
    assert_eq!(said[0], "the notes gave it no new meetings before; it will stay so");
    uncordon(&machine, &target().node, &notes, &[CordonedFor::Drain], now(), &|_| ()).unwrap();
    assert!(notes.told.borrow().is_empty());
}

#[test]
fn an_interrupted_drain_stays_cordoned_and_the_next_one_goes_on() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let notes = Notes::default();
    let (outcome, _) = emptied(&machine, &notes, &[3], HOUR, &|_| false);
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "interrupted: `bbb-01` stays cordoned and is as it was; the same command goes on, \
         `bluegate node uncordon bbb-01` lets new meetings come again"
    );
    // The balancer has it out by now: it was us, so it is ours to let back.
    notes.is_out.set(true);
    let (outcome, said) = emptied(&machine, &notes, &[0], HOUR, &|_| true);
    outcome.unwrap();
    assert_eq!(said[0], "cordoned in the notes: no new meetings");
    uncordon(&machine, &target().node, &notes, &[CordonedFor::Drain], now(), &|_| ()).unwrap();
    assert_eq!(*notes.told.borrow(), ["cordon", "uncordon"]);
}

#[test]
fn a_wait_has_an_end_and_leaves_the_node_cordoned() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let notes = Notes::default();
    let (outcome, _) = emptied(&machine, &notes, &[1], Duration::ZERO, &|_| true);
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.starts_with("meetings still run on `bbb-01` after 0 seconds; it stays"),
        "{error}"
    );
    assert_eq!(*notes.told.borrow(), ["cordon"]);
}

#[test]
fn what_cannot_be_counted_or_cordoned_is_not_touched() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let notes = Notes::default();
    let count = || Err(MeetingsError::NoSecret("bbb-01".parse().unwrap()));
    let plan = Drain { balancer: &notes, count: &count, longest: HOUR, wait: &|_| true };
    let error = drain(&machine, &target().node, &plan, now(), &|_| ()).unwrap_err();
    assert!(matches!(error, DrainError::Count(_)), "{error}");
    assert!(notes.told.borrow().is_empty());

    notes.is_broken.set(true);
    let (outcome, _) = emptied(&machine, &notes, &[0], HOUR, &|_| true);
    assert!(matches!(outcome, Err(DrainError::Cordon(_))), "{outcome:?}");
    assert!(Pending::read(&machine).unwrap().is_empty(), "nothing is cordoned");
}

#[test]
fn commands_are_told_the_node_and_may_fail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told").display().to_string();
    let commands = Commands {
        cordon: format!("echo out $BLUEGATE_NODE $BLUEGATE_NODE_ORIGIN >>{file}"),
        uncordon: "echo it says why >&2; exit 3".to_owned(),
    };
    let node = target().node;
    assert_eq!(commands.cordon(&node).unwrap(), Cordon::New);
    assert_eq!(fs::read_to_string(&file).unwrap(), "out bbb-01 https://bbb-01.example.org\n");
    assert_eq!(
        commands.uncordon(&node).unwrap_err().to_string(),
        "`echo it says why >&2; exit 3` failed with status 3: it says why"
    );
    // Two are told one after the other.
    let both: Vec<Box<dyn Balancer>> = vec![
        Box::new(commands.clone()),
        Box::new(Commands { uncordon: "true".to_owned(), ..commands }),
    ];
    both.cordon(&node).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 3);
    assert!(both.uncordon(&node).is_err());
}

#[test]
fn two_at_once_are_kept_apart() {
    let root = alive("3.0-stock");
    let (one, other) = (Local::new(root.path()), Local::new(root.path()));
    one.lock().unwrap();
    // Holds while the other asks for it, and not a moment longer.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| other.lock().map(|()| other.file("/here").unwrap().is_some()));
        one.write(
            "/here",
            &FileState { bytes: Vec::new(), owner: "root:root".to_owned(), mode: 0o644 },
        )
        .unwrap();
        one.unlock();
        assert!(waiting.join().unwrap().unwrap());
    });
}

#[test]
fn a_node_is_let_back_unless_it_is_half_way() {
    for (outcome, told) in [
        (Ok(7), &["cordon", "uncordon"][..]),
        (Err("not applied"), &["cordon", "uncordon"]),
        (Err("half way"), &["cordon"]),
    ] {
        let root = alive("3.0-stock");
        let machine = Alive::new(root.path(), None);
        let notes = Notes::default();
        let plan = Drain { balancer: &notes, count: &|| Ok(0), longest: HOUR, wait: &|_| true };
        let work = || outcome.map_err(Said);
        let node = target().node;
        let found =
            drained(&machine, &node, &plan, now(), &|_| (), work, |said| said.0 == "half way");
        assert_eq!(found.map_err(|said| said.0), outcome);
        assert_eq!(*notes.told.borrow(), told, "{outcome:?}");
        let is_kept = Pending::read(&machine).unwrap().cordoned.is_some();
        assert_eq!(is_kept, outcome == Err("half way"));
    }
}

#[derive(Debug)]
struct Said(&'static str);

impl From<DrainError> for Said {
    fn from(error: DrainError) -> Self {
        panic!("{error}")
    }
}
