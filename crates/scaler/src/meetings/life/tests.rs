use super::*;
use crate::meetings::sample;

const PATIENCE: Patience = Patience {
    create: Duration::from_millis(30),
    settle: Duration::from_millis(10),
    end: Duration::from_millis(60),
};

fn generation(state: State) -> Generation {
    let live = state == State::Live;
    Generation {
        id: "g".into(),
        internal_meeting_id: live.then(|| "hash-100".into()),
        create_time: live.then_some(100),
        voice_bridge: Some("1".into()),
        attempted_at: 1000,
        first_answered: live,
        reserved: 10,
        created_at: 1000,
        live_at: live.then_some(1000),
        ..sample::generation(&"bbb-01".parse().unwrap(), "abc", state)
    }
}

fn with(state: State, change: impl FnOnce(&mut Generation)) -> Generation {
    let mut generation = generation(state);
    change(&mut generation);
    generation
}

fn sign(internal: &str, create_time: i64) -> Sign {
    Sign {
        internal_meeting_id: internal.into(),
        create_time,
        voice_bridge: None,
        description: Some("<meeting/>".into()),
    }
}

#[test]
fn a_create_call_finds_its_place() {
    use Standing::{Lost, Unusable, Usable};
    use State::{Live, Placing, Uncertain};
    let name = |entering: Entering| match entering {
        Entering::Place => "place".to_owned(),
        Entering::Live(_) => "live".to_owned(),
        Entering::Join(g) => format!("join {:?} {} {}", g.state, g.in_flight, g.attempted_at),
        Entering::Move(g) => format!("move {:?} {} {}", g.state, g.in_flight, g.attempted_at),
        Entering::Replace(g) => format!("replace {:?} {}", g.state, g.ended_at.unwrap()),
        Entering::Wait => "wait".to_owned(),
    };
    for (what, open, standing, now, wanted) in [
        ("no meeting", None, Usable, 1010, "place"),
        ("live", Some(generation(Live)), Usable, 1010, "live"),
        ("live on a bad node is not moved", Some(generation(Live)), Unusable, 9999, "live"),
        ("refused before", Some(generation(Placing)), Usable, 1010, "join Placing 1 1010"),
        (
            "others under way",
            Some(with(Placing, |g| g.in_flight = 2)),
            Usable,
            1010,
            "join Placing 3 1010",
        ),
        (
            "nobody under way, bad node",
            Some(generation(Placing)),
            Unusable,
            1010,
            "move Placing 1 1010",
        ),
        (
            "others under way, bad node",
            Some(with(Placing, |g| g.in_flight = 1)),
            Unusable,
            1010,
            "wait",
        ),
        (
            "a caller died",
            Some(with(Placing, |g| g.in_flight = 1)),
            Unusable,
            1031,
            "join Uncertain 1 1031",
        ),
        (
            "a caller died, good node",
            Some(with(Placing, |g| g.in_flight = 9)),
            Usable,
            1031,
            "join Uncertain 1 1031",
        ),
        (
            "uncertain is pinned",
            Some(generation(Uncertain)),
            Unusable,
            9999,
            "join Uncertain 1 9999",
        ),
        (
            "uncertain, others under way",
            Some(with(Uncertain, |g| g.in_flight = 1)),
            Unusable,
            1010,
            "join Uncertain 2 1010",
        ),
        ("live, node lost", Some(generation(Live)), Lost, 1010, "replace Superseded 1010"),
        (
            "uncertain, node lost",
            Some(generation(Uncertain)),
            Lost,
            1010,
            "replace Superseded 1010",
        ),
        (
            "sent to a node that is lost",
            Some(with(Placing, |g| g.in_flight = 1)),
            Lost,
            1010,
            "replace Superseded 1010",
        ),
        ("never sent, node lost", Some(generation(Placing)), Lost, 1010, "move Placing 1 1010"),
        ("ended", Some(generation(State::Ended)), Usable, 1010, "place"),
    ] {
        assert_eq!(name(entering(open, |_| standing, PATIENCE, now)), wanted, "{what}");
    }
}

#[test]
fn a_refusal_releases_the_reservation_of_what_nobody_brought_to_life() {
    for (state, in_flight, refused, wanted) in [
        (State::Placing, 1, true, (0, 0)),
        (State::Placing, 2, true, (1, 10)),
        (State::Placing, 1, false, (0, 10)),
        (State::Live, 1, true, (0, 10)),
        (State::Uncertain, 1, true, (0, 10)),
        (State::Live, 0, true, (0, 10)),
    ] {
        let after = left(with(state, |g| g.in_flight = in_flight), refused);
        assert_eq!((after.in_flight, after.reserved), wanted, "{state:?} {in_flight} {refused}");
        assert_eq!(after.state, state);
    }
}

#[test]
fn no_answer_pins_what_was_not_known_to_live() {
    for (state, wanted) in [
        (State::Placing, State::Uncertain),
        (State::Uncertain, State::Uncertain),
        (State::Live, State::Live),
    ] {
        let after = unanswered(with(state, |g| g.in_flight = 3));
        assert_eq!((after.state, after.in_flight), (wanted, 2));
    }
}

#[test]
fn a_sign_of_life_makes_one_life() {
    for state in [State::Placing, State::Uncertain] {
        let Lives::This(live) = lives(generation(state), sign("hash-200", 200), "new".into(), 1500)
        else {
            panic!("{state:?}")
        };
        assert_eq!((live.id.as_str(), live.state, live.live_at), ("g", State::Live, Some(1500)));
        assert_eq!(live.create_time, Some(200));
        assert_eq!(live.voice_bridge.as_deref(), Some("1"));
    }

    let same = lives(generation(State::Live), sign("hash-100", 100), "new".into(), 1500);
    assert_eq!(same, Lives::This(generation(State::Live)));

    let former = lives(generation(State::Live), sign("hash-099", 99), "new".into(), 1500);
    assert_eq!(former, Lives::Former(generation(State::Live)));

    let hidden = with(State::Live, |g| g.end_requested_at = Some(1));
    let Lives::Next { ended, born } = lives(hidden, sign("hash-200", 200), "new".into(), 1500)
    else {
        panic!("a later life must replace the former")
    };
    assert_eq!((ended.id.as_str(), ended.state, ended.ended_at), ("g", State::Ended, Some(1500)));
    assert_eq!((born.id.as_str(), born.state, born.live_at), ("new", State::Live, Some(1500)));
    assert_eq!(
        (born.internal_meeting_id.as_deref(), born.create_time),
        (Some("hash-200"), Some(200))
    );
    assert_eq!((born.node, born.end_requested_at, born.first_answered), (ended.node, None, false));
}

#[test]
fn polls_end_nothing_by_themselves() {
    use Listed::{No, Yes};
    use State::{Live, Placing, Uncertain};
    let cases = [
        ("live and listed", generation(Live), Yes, 5000, 5001, Verdict::Nothing),
        (
            "live, not listed by a poll begun before",
            generation(Live),
            No,
            1000,
            5000,
            Verdict::Nothing,
        ),
        (
            "live, not listed by a poll begun after",
            generation(Live),
            No,
            1001,
            1002,
            Verdict::AskLife,
        ),
        (
            "was to end and is ending",
            with(Live, |g| g.end_requested_at = Some(1000)),
            Yes,
            1010,
            1011,
            Verdict::Nothing,
        ),
        (
            "was to end and lives on",
            with(Live, |g| g.end_requested_at = Some(1000)),
            Yes,
            1060,
            1061,
            Verdict::Unhide,
        ),
        ("being placed", with(Placing, |g| g.in_flight = 1), No, 1020, 1021, Verdict::Nothing),
        (
            "being placed and listed",
            with(Placing, |g| g.in_flight = 1),
            Yes,
            1020,
            1021,
            Verdict::Nothing,
        ),
        ("its callers died", with(Placing, |g| g.in_flight = 1), No, 1030, 1031, Verdict::Doubt),
        (
            "its callers died, listed",
            with(Placing, |g| g.in_flight = 1),
            Yes,
            1030,
            1031,
            Verdict::Lives,
        ),
        ("refused just now", generation(Placing), No, 1009, 1010, Verdict::Nothing),
        ("refused a while ago", generation(Placing), No, 1010, 1011, Verdict::AskMeeting),
        ("refused but listed", generation(Placing), Yes, 1001, 1002, Verdict::Lives),
        (
            "listed by a poll begun before the attempt",
            generation(Uncertain),
            Yes,
            1000,
            1002,
            Verdict::Nothing,
        ),
        ("uncertain and listed", generation(Uncertain), Yes, 1001, 1002, Verdict::Lives),
        ("uncertain, not settled", generation(Uncertain), No, 1039, 1040, Verdict::Nothing),
        ("uncertain, settled", generation(Uncertain), No, 1040, 1041, Verdict::AskMeeting),
        (
            "uncertain, somebody tries again",
            with(Uncertain, |g| g.in_flight = 1),
            No,
            1020,
            1021,
            Verdict::Nothing,
        ),
        ("ended", generation(State::Ended), Yes, 5000, 5001, Verdict::Nothing),
    ];
    for (what, generation, listed, begun, now, wanted) in cases {
        assert_eq!(judge(&generation, listed, begun, PATIENCE, now), wanted, "{what}");
    }
}

#[test]
fn gone_counts_only_when_asked_for_after_it_could_be_there() {
    use State::{Ended, Live, Placing, Superseded, Uncertain};
    for (what, generation, asked, wanted) in [
        ("live", generation(Live), 1001, true),
        ("live, asked before", generation(Live), 1000, false),
        ("refused", generation(Placing), 1011, true),
        ("refused, attempted again since", with(Placing, |g| g.attempted_at = 1005), 1011, false),
        ("uncertain", generation(Uncertain), 1011, true),
        ("uncertain, somebody tries", with(Uncertain, |g| g.in_flight = 1), 1011, false),
        ("ended", generation(Ended), 5000, false),
        ("superseded", generation(Superseded), 5000, false),
    ] {
        assert_eq!(may_end(&generation, asked, PATIENCE, asked), wanted, "{what}");
    }
}
