//! A table of outcomes, and a seeded simulation of days of them.

use proptest::prelude::*;

use super::*;

const KIND: FailureKind = FailureKind::Connect;
const NONE: Jitter = Jitter(0.0);

fn after(start: Instant, milliseconds: u64) -> Instant {
    start + Duration::from_millis(milliseconds)
}

/// The epoch of a request that is let through.
fn pass(state: &mut State, now: Instant) -> Epoch {
    match state.admit(now) {
        Decision::Pass(epoch) | Decision::Try(epoch) => epoch,
        Decision::Refuse => panic!("refused"),
    }
}

fn fail(state: &mut State, now: Instant) -> Change {
    let epoch = pass(state, now);
    state.failed(epoch, KIND, NONE, now)
}

fn ejected(start: Instant) -> State {
    let mut state = State::new(start);
    for _ in 1..EJECT_AFTER {
        assert_eq!(fail(&mut state, start), Change::None);
    }
    assert_eq!(fail(&mut state, start), Change::Ejected);
    state
}

#[test]
fn only_failures_in_a_row_eject() {
    let start = Instant::now();
    let mut state = State::new(start);
    for _ in 0..10 {
        fail(&mut state, start);
        fail(&mut state, start);
        let epoch = pass(&mut state, start);
        assert_eq!(state.succeeded(epoch, start), Change::None);
    }
    assert_eq!((state.public(), state.ejections()), (HealthState::Healthy, 0));
    assert_eq!(ejected(start).public(), HealthState::Suspect);
}

#[test]
fn one_trial_per_back_off_and_nobody_else() {
    let start = Instant::now();
    let mut state = ejected(start);
    assert_eq!(state.admit(after(start, 999)), Decision::Refuse);
    assert!(matches!(state.admit(after(start, 1000)), Decision::Try(_)));
    assert_eq!(state.admit(after(start, 5000)), Decision::Refuse);
    assert_eq!(state.public(), HealthState::Trial);
}

#[test]
fn back_off_doubles_to_its_bound_and_jitter_adds_half_at_most() {
    for (jitter, factor) in [(0.0, 2), (1.0, 3), (7.0, 3), (-1.0, 2)] {
        let mut now = Instant::now();
        let mut state = State::new(now);
        for _ in 0..EJECT_AFTER {
            let epoch = pass(&mut state, now);
            state.failed(epoch, KIND, Jitter(jitter), now);
        }
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            let wait = Duration::from_secs(seconds) * factor / 2;
            assert_eq!(state.next_trial(), Some(now + wait));
            now += wait;
            let epoch = pass(&mut state, now);
            assert_eq!(state.failed(epoch, KIND, Jitter(jitter), now), Change::None);
        }
        assert_eq!(state.ejections(), 1);
    }
}

#[test]
fn a_trial_that_succeeds_ends_it_and_a_relapse_goes_on_where_it_was() {
    let start = Instant::now();
    for (healthy_for, back_off) in [(5, 2), (59, 2), (61, 1)] {
        let mut state = ejected(start);
        let back = after(start, 1000);
        let epoch = pass(&mut state, back);
        assert_eq!(state.succeeded(epoch, back), Change::Recovered);
        assert_eq!(state.public(), HealthState::Healthy);
        let again = back + Duration::from_secs(healthy_for);
        for _ in 0..EJECT_AFTER {
            fail(&mut state, again);
        }
        let until = again + Duration::from_secs(back_off);
        assert_eq!(state.next_trial(), Some(until), "{healthy_for}");
    }
}

#[test]
fn what_comes_home_late_changes_nothing() {
    let start = Instant::now();
    let mut state = State::new(start);
    let early = pass(&mut state, start);
    for _ in 0..EJECT_AFTER {
        fail(&mut state, start);
    }
    // Sent while it was healthy, home after it was ejected.
    assert_eq!(state.succeeded(early, start), Change::None);
    assert_eq!(state.failed(early, KIND, NONE, start), Change::None);
    assert_eq!(state.next_trial(), Some(after(start, 1000)));
    // And home during the trial: that one decides.
    let trial = pass(&mut state, after(start, 1000));
    assert_eq!(state.failed(early, KIND, NONE, after(start, 1001)), Change::None);
    assert_eq!(state.succeeded(trial, after(start, 1002)), Change::Recovered);
}

#[test]
fn a_trial_nobody_waits_for_makes_room_for_another() {
    let start = Instant::now();
    let mut state = ejected(start);
    let now = after(start, 1000);
    let epoch = pass(&mut state, now);
    state.abandoned(epoch, now);
    assert!(matches!(state.admit(now), Decision::Try(_)));
    // An ordinary request that ends early changes nothing.
    let mut state = State::new(start);
    let epoch = pass(&mut state, start);
    state.abandoned(epoch, start);
    assert_eq!(state.admit(start), Decision::Pass(epoch));
}

#[test]
fn asked_while_suspect_a_success_ends_it_and_a_failure_adds_nothing() {
    let start = Instant::now();
    let mut state = ejected(start);
    let until = state.next_trial();
    let epoch = state.epoch();
    assert_eq!(state.failed(epoch, KIND, NONE, start), Change::None);
    assert_eq!(state.next_trial(), until);
    assert_eq!(state.succeeded(epoch, start), Change::Recovered);
}

#[test]
fn panic_needs_three_nodes_and_more_than_half() {
    for (nodes, suspect, wanted) in [
        (0, 0, false),
        (1, 1, false),
        (2, 2, false),
        (3, 1, false),
        (3, 2, true),
        (4, 2, false),
        (4, 3, true),
        (500, 250, false),
        (500, 251, true),
    ] {
        assert_eq!(is_panic(nodes, suspect), wanted, "{suspect} of {nodes}");
    }
}

/// What happens to a simulated node, by one number of the seed.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Answer(usize),
    GoAway(usize),
    Wait(u64),
    Die,
    Return,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        4 => (0..8_usize).prop_map(Step::Answer),
        1 => (0..8_usize).prop_map(Step::GoAway),
        3 => (1..20_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Die),
        1 => Just(Step::Return),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_it_is_tried_in_time_and_never_by_two(
        steps in prop::collection::vec(step(), 0..400), jitter in 0.0..1.0_f64,
    ) {
        let mut now = Instant::now();
        let mut state = State::new(now);
        let mut alive = true;
        let mut under_way: Vec<(Epoch, bool)> = Vec::new();
        for step in steps {
            match step {
                Step::Begin => match state.admit(now) {
                    Decision::Pass(epoch) => under_way.push((epoch, false)),
                    Decision::Try(epoch) => {
                        prop_assert!(!under_way.iter().any(|(other, trial)| *trial && *other == state.epoch() && *other != epoch));
                        under_way.push((epoch, true));
                    }
                    Decision::Refuse => {
                        let waits = state.next_trial().is_some_and(|until| until > now);
                        let tried = state.public() == HealthState::Trial
                            && under_way.iter().any(|(epoch, trial)| *trial && *epoch == state.epoch());
                        prop_assert!(waits || tried, "refused for nothing: {state:?}");
                    }
                },
                Step::Answer(which) if which < under_way.len() => {
                    let (epoch, _) = under_way.swap_remove(which);
                    if alive {
                        state.succeeded(epoch, now);
                    } else {
                        state.failed(epoch, KIND, Jitter(jitter), now);
                    }
                }
                Step::GoAway(which) if which < under_way.len() => {
                    let (epoch, _) = under_way.swap_remove(which);
                    state.abandoned(epoch, now);
                }
                Step::Answer(_) | Step::GoAway(_) => {}
                Step::Wait(milliseconds) => now = after(now, milliseconds),
                Step::Die => alive = false,
                Step::Return => alive = true,
            }
            let trials = under_way.iter().filter(|(epoch, trial)| *trial && *epoch == state.epoch());
            prop_assert!(trials.count() <= 1);
            if let Some(until) = state.next_trial() {
                prop_assert!(until <= now + MAX_BACK_OFF * 3 / 2, "left alone for too long");
            }
        }
        // However it ended, a node that answers is healthy after one pause.
        for (epoch, _) in under_way {
            state.abandoned(epoch, now);
        }
        now += MAX_BACK_OFF * 2;
        let epoch = pass(&mut state, now);
        state.succeeded(epoch, now);
        prop_assert_eq!(state.public(), HealthState::Healthy);
    }
}
