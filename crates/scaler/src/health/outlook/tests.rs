use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

const NONE: [usize; 0] = [];
const TERMS: Terms = Terms { lost_after: Duration::from_secs(90) };

/// A cluster whose nodes are polled each second.
struct Cluster {
    nodes: Vec<Record>,
    outlook: Outlook,
    /// The nodes that another observer hears.
    elsewhere: Vec<usize>,
    now: Instant,
    frozen: bool,
}

impl Cluster {
    fn of(nodes: usize) -> Self {
        let nodes = vec![Record::default(); nodes];
        let now = Instant::now();
        Self { nodes, outlook: Outlook::default(), elsewhere: Vec::new(), now, frozen: false }
    }

    /// Lets seconds pass, with these nodes answering.
    fn pass(&mut self, seconds: u64, answers: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut lost = Vec::new();
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            for (index, node) in self.nodes.iter_mut().enumerate() {
                *node = if answers(index) { node.answered() } else { node.failed(self.now) };
            }
            let nodes = self.nodes.iter().enumerate();
            let seen: Vec<Seen> = nodes
                .map(|(index, record)| Seen {
                    record: *record,
                    heard_elsewhere: self.elsewhere.contains(&index),
                })
                .collect();
            let judgement = self.outlook.look(&seen, TERMS, self.now);
            self.frozen = judgement.frozen;
            for index in judgement.lost {
                self.nodes[index] = self.nodes[index].lost(self.now);
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
fn a_fault_that_spreads_takes_no_more_than_half() {
    let mut cluster = Cluster::of(6);
    for failed in 1..=6 {
        cluster.pass(100, |node| node >= failed);
    }
    let lost = |cluster: &Cluster| {
        cluster.nodes.iter().filter(|node| node.health() == Health::Lost).count()
    };
    assert_eq!(lost(&cluster), 3, "then it may be us");
    assert!(cluster.frozen);

    // Three that died weeks apart are no reason to doubt ourselves.
    let mut cluster = Cluster::of(6);
    for failed in 1..=5 {
        cluster.pass(2000, |node| node >= failed);
    }
    assert_eq!(lost(&cluster), 5);
}

#[test]
fn what_another_hears_is_not_lost() {
    let mut cluster = Cluster::of(6);
    cluster.elsewhere = vec![2];
    assert_eq!(cluster.pass(3600, |node| node != 2), NONE);
    cluster.elsewhere.clear();
    assert_eq!(cluster.pass(1, |node| node != 2), [2], "the silence counted all the while");
}

#[test]
fn nodes_lost_by_word_are_no_sign_of_a_common_fault() {
    let mut cluster = Cluster::of(5);
    for node in 0..2 {
        cluster.nodes[node] = cluster.nodes[node].given_up();
    }
    assert_eq!(cluster.pass(95, |node| node > 2), [2]);
}

#[test]
fn one_missed_poll_of_another_node_does_not_start_the_count_anew() {
    let mut cluster = Cluster::of(3);
    let mut lost = Vec::new();
    for _ in 0..10 {
        lost.extend(cluster.pass(9, |node| node != 0));
        lost.extend(cluster.pass(1, |node| node == 2));
        assert!(!cluster.frozen);
    }
    assert_eq!(lost, [0]);
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
