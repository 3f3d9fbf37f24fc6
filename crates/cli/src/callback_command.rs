//! `bluegate callback list|retry|drop`: what a running scaler has to deliver to
//! frontends.

use std::time::SystemTime;

use bluegate_admin::{CallbackEntry, CallbackStanding, CallbacksReport};
use bluegate_cluster::TenantName;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    arguments::AdminOptions,
    exit::Exit,
    table::{age, milliseconds, table},
};

/// Dead letters that `retry --dead` takes at once: the most of one answer.
const AT_ONCE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum CallbackCommand {
    /// List the callbacks that wait and those that were given up.
    List {
        /// Only those in this state.
        #[arg(long, value_name = "STATE")]
        state: Option<Standing>,

        /// Only those of this tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<TenantName>,

        /// At most so many of each state, the youngest first.
        #[arg(long, value_name = "N", default_value_t = 100,
              value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Try callbacks anew, from their first attempt.
    #[command(group = ArgGroup::new("which").required(true).multiple(true))]
    Retry {
        /// Their names in the queue, as `list` shows them.
        #[arg(value_name = "ID", group = "which")]
        ids: Vec<String>,

        /// All that were given up, at most 1,000.
        #[arg(long, group = "which", conflicts_with = "ids")]
        dead: bool,

        /// Of those that were given up, only this tenant's.
        #[arg(long, value_name = "TENANT", requires = "dead")]
        tenant: Option<TenantName>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Delete callbacks that were not delivered; nobody hears of them any more.
    Drop(DropOptions),
}

#[derive(Args, Debug)]
pub(crate) struct DropOptions {
    /// Their names in the queue, as `list` shows them.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    admin: AdminOptions,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Standing {
    /// To be delivered.
    Queued,
    /// Delivered, and remembered so that it is not delivered again.
    Delivered,
    /// Given up.
    Dead,
}

impl From<Standing> for CallbackStanding {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Queued => Self::Queued,
            Standing::Delivered => Self::Delivered,
            Standing::Dead => Self::Dead,
        }
    }
}

pub(crate) fn run(command: CallbackCommand) -> Outcome {
    match command {
        CallbackCommand::List { state, tenant, limit, json, admin } => {
            let state = state.map(CallbackStanding::from);
            let report =
                ask(&admin, async |client| client.callbacks(state, tenant.as_ref(), limit).await)?;
            print_answer(&report, json, |report| list(report, milliseconds(SystemTime::now())))?;
        }
        CallbackCommand::Retry { ids, dead, tenant, json, admin } => {
            let (retried, more) = ask(&admin, async |client| {
                let (mut ids, mut more) = (ids, false);
                if dead {
                    let state = Some(CallbackStanding::Dead);
                    let report = client.callbacks(state, tenant.as_ref(), AT_ONCE).await?;
                    more = report.more;
                    ids = report.callbacks.into_iter().map(|callback| callback.id).collect();
                }
                for id in &ids {
                    client.retry_callback(id).await?;
                }
                Ok((ids, more))
            })?;
            print_answer(&json!({ "retried": retried, "more": more }), json, |_| {
                let rest =
                    if more { "there are more that were given up: run it again\n" } else { "" };
                format!("retried: {}\n{rest}", counted(retried.len()))
            })?;
        }
        CallbackCommand::Drop(DropOptions { ids, json, admin }) => {
            ask(&admin, async |client| {
                for id in &ids {
                    client.drop_callback(id).await?;
                }
                Ok(())
            })?;
            let count = counted(ids.len());
            print_answer(&json!({ "dropped": ids }), json, |_| format!("dropped: {count}\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn counted(number: usize) -> String {
    format!("{number} callback{}", if number == 1 { "" } else { "s" })
}

/// `now` is in milliseconds since 1970, as all times of the report are.
fn list(report: &CallbacksReport, now: i64) -> String {
    let row = |callback: &CallbackEntry| {
        let waits = callback.state == "queued" && callback.next_at > now;
        [
            callback.id.clone(),
            callback.state.clone(),
            callback.tenant.clone(),
            callback.kind.clone(),
            callback.target.clone(),
            callback.attempts.to_string(),
            age(now - callback.created_at),
            if waits { age(callback.next_at - now) } else { String::new() },
            callback.error.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<[String; 9]> = report.callbacks.iter().map(row).collect();
    let head = [
        "CALLBACK",
        "STATE",
        "TENANT",
        "KIND",
        "TARGET",
        "ATTEMPTS",
        "AGE",
        "NEXT IN",
        "LAST ERROR",
    ];
    let mut text = table(head, &rows);
    if report.more {
        text.push_str("\nthere are more: `--limit` shows up to 1000 of each state\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn callbacks_for_people() {
        let callback = |state: &str, attempts, next_at, error: Option<&str>| CallbackEntry {
            id: format!("{attempts:08x}"),
            tenant: "physics".to_owned(),
            meeting_id: "lecture".to_owned(),
            kind: "meeting-ended".to_owned(),
            state: state.to_owned(),
            target: "https://moodle.example.org".to_owned(),
            attempts,
            created_at: 0,
            next_at,
            error: error.map(str::to_owned),
        };
        let report = CallbacksReport {
            callbacks: vec![
                callback("dead", 64, 0, Some("the receiver answered 500")),
                callback("queued", 2, 7_290_000, Some("no answer in time")),
                callback("queued", 0, 0, None),
            ],
            more: true,
        };
        assert_snapshot!(list(&report, 7_200_000), @r"
        CALLBACK  STATE   TENANT   KIND           TARGET                      ATTEMPTS  AGE  NEXT IN  LAST ERROR
        00000040  dead    physics  meeting-ended  https://moodle.example.org  64        2 h  -        the receiver answered 500
        00000002  queued  physics  meeting-ended  https://moodle.example.org  2         2 h  90 s     no answer in time
        00000000  queued  physics  meeting-ended  https://moodle.example.org  0         2 h  -        -

        there are more: `--limit` shows up to 1000 of each state
        ");
    }
}
