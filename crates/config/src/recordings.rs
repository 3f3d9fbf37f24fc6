//! `[recordings]`: how they are asked for, and who had them before.

use std::time::Duration;

use crate::{
    parse::read_duration,
    reader::Table,
    settings::{Delegate, Recordings},
    units::print_duration,
};

/// Between two times that nodes are asked, unless the file says otherwise.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// The least: a server reads all its recordings' files for it.
const LEAST_INTERVAL: Duration = Duration::from_secs(10);

impl Default for Recordings {
    fn default() -> Self {
        Self { interval: INTERVAL, delegate: None }
    }
}

pub(crate) fn read(table: &Table<'_>) -> Option<Recordings> {
    let interval = read_duration(table, "interval", INTERVAL.as_secs());
    if interval < LEAST_INTERVAL {
        let hint = format!("write at least `{}`", print_duration(LEAST_INTERVAL));
        let message = "nodes would do little else than read the files of their recordings";
        table.problem_at("interval", message, Some(&hint));
    }
    let delegate = match (table.has("delegate"), table.has("delegate_secret_file")) {
        (false, false) => None,
        (true, false) => {
            let hint = "put its `LOADBALANCER_SECRET` there";
            table.problem_at("delegate", "`delegate_secret_file` belongs to it", Some(hint));
            return None;
        }
        (false, true) => {
            table.problem_at("delegate_secret_file", "`delegate` belongs to it", None);
            return None;
        }
        (true, true) => {
            let (origin, secret_file) =
                (table.parsed("delegate"), table.path("delegate_secret_file"));
            Some(Delegate { origin: origin?, secret_file: secret_file? })
        }
    };
    Some(Recordings { interval, delegate })
}
