//! `[balancer]`: whom to tell when a node is drained.

use std::time::Duration;

use crate::{
    parse::read_duration,
    reader::Table,
    schema,
    settings::{Balancer, CordonCommands, Scalelite},
};

impl Balancer {
    /// Longest that meetings are waited for unless the file says otherwise.
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(4 * 3_600);
}

pub(crate) fn read(table: &Table<'_>) -> Option<Balancer> {
    let scalelite = table.has("scalelite").then(|| read_scalelite(table));
    let commands = read_commands(table);
    let drain_timeout = read_duration(table, "drain_timeout", Balancer::DRAIN_TIMEOUT.as_secs());
    let scalelite = match scalelite {
        Some(scalelite) => Some(scalelite?),
        None => None,
    };
    Some(Balancer { scalelite, commands, drain_timeout })
}

fn read_scalelite(table: &Table<'_>) -> Option<Scalelite> {
    let scalelite = table.table("scalelite", schema::SCALELITE_KEYS)?;
    let origin = scalelite.required("url", |table, key| table.parsed(key));
    let secret_file = scalelite.required("secret_file", Table::path);
    Some(Scalelite { origin: origin?, secret_file: secret_file? })
}

fn read_commands(table: &Table<'_>) -> Option<CordonCommands> {
    match (table.text("cordon_command"), table.text("uncordon_command")) {
        (Some(cordon), Some(uncordon)) => {
            Some(CordonCommands { cordon: cordon.to_owned(), uncordon: uncordon.to_owned() })
        }
        (Some(_), None) if !table.has("uncordon_command") => {
            table.problem_at("cordon_command", "`uncordon_command` belongs to it", None);
            None
        }
        (None, Some(_)) if !table.has("cordon_command") => {
            table.problem_at("uncordon_command", "`cordon_command` belongs to it", None);
            None
        }
        _ => None,
    }
}
