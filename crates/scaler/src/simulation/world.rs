//! Nodes and their users, as they really are.

use bluegate_cluster::Mount;
use rand::{Rng, rngs::StdRng};

use super::{MEETINGS, shared::Shared};

/// The world outside of the scalers.
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    /// Whether a replica, by the first index, cannot reach a node.
    pub(super) cut: Vec<Vec<bool>>,
    /// Whether a poll now and then fails by chance.
    pub(super) loses_packets: bool,
    created: i64,
}

/// A BBB server.
pub(super) struct Node {
    pub(super) name: Mount,
    pub(super) up: bool,
    /// Takes calls and answers none.
    pub(super) hangs: bool,
    /// Lists no meetings although it has some.
    pub(super) lies: bool,
    pub(super) meetings: Vec<Meeting>,
}

/// A meeting on a node.
#[derive(Clone)]
pub(super) struct Meeting {
    pub(super) external: String,
    pub(super) internal: String,
    pub(super) create_time: i64,
    pub(super) users: u32,
}

impl World {
    pub(super) fn new(nodes: usize, replicas: usize) -> Self {
        let node = |index: usize| Node {
            name: format!("bbb-{index:02}").parse().unwrap(),
            up: true,
            hangs: false,
            lies: false,
            meetings: Vec::new(),
        };
        Self {
            nodes: (0..nodes).map(node).collect(),
            cut: vec![vec![false; nodes]; replicas],
            loses_packets: false,
            created: 0,
        }
    }

    pub(super) fn index(&self, name: &Mount) -> usize {
        self.nodes.iter().position(|node| node.name == *name).unwrap()
    }

    pub(super) fn has(&self, node: &Mount, internal: &str) -> bool {
        let node = &self.nodes[self.index(node)];
        node.meetings.iter().any(|meeting| meeting.internal == internal)
    }

    /// Whether a replica gets an answer from a node.
    pub(super) fn answers(&self, replica: usize, node: usize) -> bool {
        self.connects(replica, node) && !self.nodes[node].hangs
    }

    pub(super) fn connects(&self, replica: usize, node: usize) -> bool {
        self.nodes[node].up && !self.cut[replica][node]
    }

    /// Its meetings end with it.
    pub(super) fn power_off(&mut self, node: usize) {
        self.nodes[node].up = false;
        self.nodes[node].meetings.clear();
    }

    pub(super) fn mend(&mut self) {
        for node in &mut self.nodes {
            (node.up, node.hangs, node.lies) = (true, false, false);
        }
        self.cut.iter_mut().for_each(|cut| cut.fill(false));
    }

    /// BBB's create: the same meeting again, or a new one.
    pub(super) fn create(&mut self, node: usize, external: &str) -> Meeting {
        let known = self.nodes[node].meetings.iter().find(|m| m.external == external).cloned();
        known.unwrap_or_else(|| {
            self.created += 1;
            let meeting = Meeting {
                external: external.to_owned(),
                internal: format!("{external}-{}", self.created),
                create_time: self.created,
                users: 0,
            };
            self.nodes[node].meetings.push(meeting.clone());
            meeting
        })
    }

    pub(super) fn end(&mut self, node: usize, internal: &str) {
        self.nodes[node].meetings.retain(|meeting| meeting.internal != internal);
    }

    /// Users join where calls for the meeting go, while that node is up, leave
    /// wherever they are, and the last one ends the meeting now and then.
    pub(super) fn users_come_and_go(&mut self, random: &mut StdRng, shared: &Shared, come: bool) {
        for meeting in 0..MEETINGS {
            let Some(row) = shared.open(meeting).filter(|_| come && random.random_bool(0.08))
            else {
                continue;
            };
            let at = self.index(&row.node);
            let node = &mut self.nodes[at];
            let known = |m: &&mut Meeting| Some(&m.internal) == row.internal_meeting_id.as_ref();
            if let Some(meeting) = node.meetings.iter_mut().find(known).filter(|_| node.up) {
                meeting.users += random.random_range(1..20);
            }
        }
        for node in &mut self.nodes {
            node.meetings.retain_mut(|meeting| {
                if random.random_bool(if come { 0.02 } else { 0.3 }) {
                    let had = meeting.users;
                    meeting.users = 0;
                    return had == 0 || random.random_bool(0.5);
                }
                true
            });
        }
    }
}
