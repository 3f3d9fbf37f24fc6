use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

const NONE: [usize; 0] = [];
const TERMS: Terms = Terms { lost_after: Duration::from_secs(90) };

/// A cluster whose nodes are polled each second.
struct Cluster {
    nodes: Vec<Record>,
    outlook: Outlook,
    now: Instant,
    frozen: bool,
}

impl Cluster {
    fn of(nodes: usize) -> Self {
        let nodes = vec![Record::default(); nodes];
        Self { nodes, outlook: Outlook::default(), now: Instant::now(), frozen: false }
    }

    /// Lets seconds pass, with these nodes answering.
    fn pass(&mut self, seconds: u64, answers: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut lost = Vec::new();
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            for (index, node) in self.nodes.iter_mut().enumerate() {
                *node = if answers(index) { node.answered() } else { node.failed(self.now) };
            }
            let judgement = self.outlook.look(&self.nodes, TERMS, self.now);
            self.frozen = judgement.frozen;
            for index in judgement.lost {
                self.nodes[index] = self.nodes[index].lost();
                lost.push(index);
            }
        }
        lost
    }
}

#[test]
fn one_of_six_is_lost_after_the_time_and_not_before() {
    let mut cluster = Cluster::of(6);
    assert_eq!(cluster.pass(90, |node| node != 2), NONE);
    assert_eq!(cluster.pass(2, |node| node != 2), [2]);
    assert_eq!(cluster.pass(3600, |node| node != 2), NONE, "lost once");
    assert_eq!(cluster.pass(2, |_| true), NONE);
    assert_eq!(cluster.nodes[2].health(), Health::Healthy);
}

#[test]
fn a_common_failure_freezes_and_time_counts_anew_after_it() {
    let mut cluster = Cluster::of(6);
    assert_eq!(cluster.pass(600, |node| node < 2), NONE, "most nodes silent: nothing is lost");
    assert!(cluster.frozen);
    assert_eq!(cluster.pass(80, |node| node != 3), NONE, "one is late to return");
    assert!(!cluster.frozen);
    assert_eq!(cluster.pass(20, |node| node != 3), [3]);
}

#[test]
fn few_nodes_need_a_witness() {
    let mut one = Cluster::of(1);
    assert_eq!(one.pass(1000, |_| false), NONE, "there is nowhere to go");
    let mut two = Cluster::of(2);
    assert_eq!(two.pass(1000, |_| false), NONE, "nobody answers");
    let mut two = Cluster::of(2);
    assert_eq!(two.pass(95, |node| node == 0), [1]);
    let mut three = Cluster::of(3);
    assert_eq!(three.pass(1000, |node| node == 0), NONE, "two of three are more than half");
    assert!(three.frozen);
}

#[test]
fn a_node_lost_long_ago_is_no_witness() {
    let mut cluster = Cluster::of(4);
    assert_eq!(cluster.pass(95, |node| node != 0), [0]);
    assert_eq!(cluster.pass(95, |node| node > 1), [1], "one of three left");
    assert!(!cluster.frozen);
}

#[test]
fn a_scaler_that_slept_concludes_nothing() {
    let mut cluster = Cluster::of(3);
    assert_eq!(cluster.pass(5, |_| true), NONE);
    cluster.pass(1, |node| node != 0);
    cluster.now += Duration::from_secs(3600);
    assert_eq!(cluster.pass(1, |node| node != 0), NONE, "two failures, an hour apart");
    assert_eq!(cluster.pass(1, |_| true), NONE);
}

/// Whatever comes and goes: a node that answered within the time is never
/// lost, nothing is lost while most are silent, and in the end silence alone,
/// with witnesses, is enough.
#[test]
fn days_of_chance_keep_the_rules() {
    for seed in 0..400 {
        let mut random = StdRng::seed_from_u64(seed);
        let count = random.random_range(1..9);
        let mut cluster = Cluster::of(count);
        let mut last_answer = vec![cluster.now; count];
        for _ in 0..60 {
            let up: Vec<bool> = (0..count).map(|_| random.random_bool(0.7)).collect();
            let seconds = random.random_range(1..200);
            for _ in 0..seconds {
                let lost = cluster.pass(1, |node| up[node]);
                for (node, answered) in last_answer.iter_mut().enumerate() {
                    if up[node] {
                        *answered = cluster.now;
                    }
                }
                for node in &lost {
                    let silent = cluster.now - last_answer[*node];
                    assert!(silent >= TERMS.lost_after, "seed {seed}: lost after {silent:?}");
                    assert!(!cluster.frozen, "seed {seed}: lost in a panic");
                    assert!(up.iter().any(|up| *up), "seed {seed}: lost without a witness");
                }
            }
        }
        let survivors = count - 1;
        cluster.pass(120, |node| node < survivors);
        cluster.pass(120, |node| node < survivors);
        let health = cluster.nodes[survivors].health();
        assert_eq!(health == Health::Lost, survivors > 0, "seed {seed}, {count} nodes");
    }
}
