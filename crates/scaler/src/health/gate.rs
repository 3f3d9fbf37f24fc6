//! Which nodes get no new meetings because somebody who looked at them from
//! outside found them broken. Pure.
//!
//! Only for a fault of that node alone, and never more than a tenth of the
//! nodes: a mistake of the one who looks must not take a cluster's capacity. In
//! clusters of three to nineteen nodes a tenth is one node; in smaller ones none
//! is kept out, since the other could not take its classes.

use std::collections::BTreeSet;

use bluegate_cluster::{Mount, Verdict};

/// Fewest nodes of which one may be kept out.
const FEW: usize = 3;

/// The nodes to keep out, of so many: those with the most problems first, then
/// by name.
pub(crate) fn held_back(verdicts: &[Verdict], nodes: usize) -> BTreeSet<Mount> {
    let most = if nodes < FEW { 0 } else { (nodes / 10).max(1) };
    let mut ill: Vec<&Verdict> =
        verdicts.iter().filter(|verdict| verdict.alone && !verdict.is_well()).collect();
    ill.sort_by(|a, b| (b.problems.len(), &a.node).cmp(&(a.problems.len(), &b.node)));
    ill.into_iter().take(most).map(|verdict| verdict.node.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(node: &str, problems: usize, alone: bool) -> Verdict {
        let problems = (0..problems).map(|problem| format!("problem-{problem}")).collect();
        Verdict { node: node.parse().unwrap(), problems, alone }
    }

    #[test]
    fn a_fault_of_one_node_alone_keeps_it_out_and_no_more_than_a_tenth() {
        let ill = |name: &str| verdict(name, 1, true);
        for (verdicts, nodes, wanted) in [
            (vec![], 6, vec![]),
            (vec![ill("bbb-02")], 1, vec![]),
            (vec![ill("bbb-02")], 2, vec![]),
            (vec![ill("bbb-02")], 3, vec!["bbb-02"]),
            (vec![verdict("bbb-02", 0, true)], 6, vec![]),
            (vec![verdict("bbb-02", 3, false)], 6, vec![]),
            (vec![ill("bbb-02"), ill("bbb-01")], 19, vec!["bbb-01"]),
            (vec![ill("bbb-01"), verdict("bbb-02", 2, true)], 19, vec!["bbb-02"]),
            (vec![ill("bbb-03"), ill("bbb-02"), ill("bbb-01")], 20, vec!["bbb-01", "bbb-02"]),
            (
                vec![ill("bbb-03"), ill("bbb-02"), ill("bbb-01")],
                500,
                vec!["bbb-01", "bbb-02", "bbb-03"],
            ),
        ] {
            let held = held_back(&verdicts, nodes);
            let held: Vec<&str> = held.iter().map(Mount::as_str).collect();
            assert_eq!(held, wanted, "{verdicts:?} of {nodes}");
        }
    }
}
