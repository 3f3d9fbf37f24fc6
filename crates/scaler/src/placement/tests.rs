use std::collections::BTreeMap;

use bluegate_store::State;
use proptest::prelude::*;

use super::*;

const RESERVATIONS: Reservations = Reservations { lifetime: Duration::from_secs(900) };

/// Users by meeting ID.
#[derive(Default)]
struct Users(HashMap<String, u64>);

impl Polled for Users {
    fn users_of(&self, generation: &Generation) -> Option<u64> {
        self.0.get(&generation.meeting_id).copied()
    }

    fn users(&self) -> u64 {
        self.0.values().sum()
    }
}

fn generation(node: &str, meeting_id: &str, reserved: i64, created_at: i64) -> Generation {
    Generation {
        id: meeting_id.to_owned(),
        tenant: "default".parse().unwrap(),
        meeting_id: meeting_id.to_owned(),
        node: node.parse().unwrap(),
        node_meeting_id: meeting_id.to_owned(),
        state: State::Live,
        internal_meeting_id: None,
        create_time: None,
        voice_bridge: None,
        in_flight: 0,
        attempted_at: created_at,
        first_answered: true,
        reserved,
        description: None,
        created_at,
        live_at: Some(created_at),
        end_requested_at: None,
        ended_at: None,
    }
}

fn chosen(
    nodes: &BTreeMap<Mount, Users>,
    generations: &[Generation],
    now: i64,
    seed: u64,
) -> String {
    let candidates: Vec<Candidate<'_>> =
        nodes.iter().map(|(node, polled)| Candidate { node, polled }).collect();
    choose(&candidates, generations, RESERVATIONS, now, seed).unwrap().to_string()
}

fn nodes(users: &[(&str, &[(&str, u64)])]) -> BTreeMap<Mount, Users> {
    users
        .iter()
        .map(|(node, users)| {
            let users = users.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect();
            (node.parse().unwrap(), Users(users))
        })
        .collect()
}

#[test]
fn the_least_loaded_node_is_chosen() {
    let minute = 60_000;
    for (name, users, generations, wanted) in [
        (
            "a reservation counts before anybody came",
            nodes(&[("x", &[]), ("y", &[])]),
            vec![generation("x", "m", 10, 0)],
            "y",
        ),
        (
            "users beyond the reservation count",
            nodes(&[("x", &[("m", 30)]), ("y", &[])]),
            vec![
                generation("x", "m", 10, 0),
                generation("y", "n", 10, 0),
                generation("y", "o", 10, 0),
            ],
            "y",
        ),
        (
            "users within the reservation do not count twice",
            nodes(&[("x", &[("m", 9)]), ("y", &[("n", 11)])]),
            vec![generation("x", "m", 10, minute), generation("y", "n", 10, minute)],
            "x",
        ),
        (
            "meetings that are not ours count by their users",
            nodes(&[("x", &[("stranger", 3)]), ("y", &[])]),
            vec![],
            "y",
        ),
        (
            "an old reservation counts less",
            nodes(&[("x", &[]), ("y", &[])]),
            vec![generation("x", "m", 10, minute), generation("y", "n", 10, 0)],
            "y",
        ),
        (
            "at equal load the fewer meetings",
            nodes(&[("x", &[]), ("y", &[])]),
            vec![
                generation("x", "m", 0, 0),
                generation("x", "n", 0, 0),
                generation("y", "o", 0, 0),
            ],
            "y",
        ),
        (
            "meetings of a node that is not a candidate do not matter",
            nodes(&[("x", &[]), ("y", &[])]),
            vec![generation("z", "m", 10, 0), generation("x", "n", 10, 0)],
            "y",
        ),
    ] {
        assert_eq!(chosen(&users, &generations, minute, 0), wanted, "{name}");
    }
}

#[test]
fn equal_nodes_take_turns_by_the_seed() {
    let nodes = nodes(&[("x", &[]), ("y", &[]), ("z", &[])]);
    let turns: Vec<String> = (0..4).map(|seed| chosen(&nodes, &[], 0, seed)).collect();
    assert_eq!(turns, ["x", "y", "z", "x"]);
    assert_eq!(choose(&[], &[], RESERVATIONS, 0, 7), None);
}

proptest! {
    #[test]
    fn equal_meetings_spread_evenly_over_equal_nodes(
        count in 1_usize..8,
        steps in proptest::collection::vec((0_i64..50, any::<u64>()), 1..60),
    ) {
        let nodes: BTreeMap<Mount, Users> =
            (0..count).map(|n| (format!("n{n}").parse().unwrap(), Users::default())).collect();
        let mut generations = Vec::new();
        let mut now = 0;
        for (index, (step, seed)) in steps.iter().enumerate() {
            now += step;
            let node = chosen(&nodes, &generations, now, *seed);
            generations.push(generation(&node, &index.to_string(), 10, now));
        }
        let mut meetings: HashMap<&Mount, usize> = nodes.keys().map(|node| (node, 0)).collect();
        for generation in &generations {
            *meetings.get_mut(&generation.node).unwrap() += 1;
        }
        let most = meetings.values().max().unwrap();
        let least = meetings.values().min().unwrap();
        prop_assert!(most - least <= 1, "{meetings:?}");
    }
}
