//! `bluegate recording list|show|publish|unpublish|delete`: the recordings that a
//! running scaler knows of.

use std::time::SystemTime;

use bluegate_admin::{RecordingEntry, RecordingList, RecordingState, RecordingWish};
use bluegate_cluster::TenantName;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    Outcome,
    admin_command::{ask, only, print_answer},
    arguments::AdminOptions,
    exit::Exit,
    table::{age, facts, milliseconds, table},
};

/// Of how many tenants with the same ID the names are said.
const MOST_OWNERS: u32 = 10;

#[derive(Debug, Subcommand)]
pub(crate) enum RecordingCommand {
    /// List recordings, the newest first.
    List {
        /// Only those of this tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<TenantName>,

        /// Only those of this meeting, by the tenant's ID.
        #[arg(long, value_name = "ID")]
        meeting: Option<String>,

        /// Only those in this state; without it all but deleted ones.
        #[arg(long, value_name = "STATE")]
        state: Option<Standing>,

        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100,
              value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Show whose a recording is, its state, and which nodes have it.
    Show(RecordingOptions),
    /// Let people see a recording, at every node that has it.
    Publish(RecordingOptions),
    /// Hide a recording, at every node that has it.
    Unpublish(RecordingOptions),
    /// Delete a recording, at every node that has it.
    Delete(RecordingOptions),
}

#[derive(Args, Debug)]
pub(crate) struct RecordingOptions {
    /// Its record ID, as `list` shows it.
    #[arg(value_name = "ID")]
    id: String,

    /// Whose it is; needed when two tenants have one of this ID.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantName>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    admin: AdminOptions,
}

/// A recording's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Standing {
    /// Its node works on it.
    Processing,
    /// Its node has worked on it, and has not published it yet.
    Processed,
    /// People may see it.
    Published,
    /// It is hidden.
    Unpublished,
    /// It is deleted, and remembered by its node.
    Deleted,
}

impl From<Standing> for RecordingState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Processing => Self::Processing,
            Standing::Processed => Self::Processed,
            Standing::Published => Self::Published,
            Standing::Unpublished => Self::Unpublished,
            Standing::Deleted => Self::Deleted,
        }
    }
}

pub(crate) fn run(command: RecordingCommand) -> Outcome {
    match command {
        RecordingCommand::List { tenant, meeting, state, limit, json, admin } => {
            let wish = RecordingWish {
                tenant,
                meeting_id: meeting,
                record_id: None,
                state: state.map(RecordingState::from),
            };
            let list = ask(&admin, async |client| client.recordings(&wish, limit).await)?;
            print_answer(&list, json, |list| listed(list, milliseconds(SystemTime::now())))?;
        }
        RecordingCommand::Show(options) => {
            let tenant = owner(&options)?;
            let id = &options.id;
            let entry = ask(&options.admin, async |client| client.recording(&tenant, id).await)?;
            print_answer(&entry, options.json, shown)?;
        }
        RecordingCommand::Publish(options) => publish(&options, true)?,
        RecordingCommand::Unpublish(options) => publish(&options, false)?,
        RecordingCommand::Delete(options) => {
            let tenant = owner(&options)?;
            let id = &options.id;
            ask(&options.admin, async |client| client.delete_recording(&tenant, id).await)?;
            let deleted = json!({ "tenant": tenant.as_str(), "record_id": id });
            print_answer(&deleted, options.json, |_| format!("deleted {id} of {tenant}\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn publish(options: &RecordingOptions, published: bool) -> Result<(), anyhow::Error> {
    let tenant = owner(options)?;
    let id = &options.id;
    let entry =
        ask(&options.admin, async |client| client.publish_recording(&tenant, id, published).await)?;
    let done = if published { "published" } else { "unpublished" };
    print_answer(&entry, options.json, |_| format!("{done} {id} of {tenant}\n"))
}

/// Whose recording is meant.
fn owner(options: &RecordingOptions) -> Result<TenantName, anyhow::Error> {
    if let Some(tenant) = &options.tenant {
        return Ok(tenant.clone());
    }
    let wish = RecordingWish { record_id: Some(options.id.clone()), ..RecordingWish::default() };
    let gone = RecordingWish { state: Some(RecordingState::Deleted), ..wish.clone() };
    let found = ask(&options.admin, async |client| {
        let mut found = client.recordings(&wish, MOST_OWNERS).await?.recordings;
        found.extend(client.recordings(&gone, MOST_OWNERS).await?.recordings);
        Ok(found)
    })?;
    let what = format!("recording `{}`", options.id);
    let nothing = format!("there is no {what}");
    Ok(only(&found, &what, &nothing, |entry| &entry.tenant)?.tenant.parse()?)
}

/// `now` is in milliseconds since 1970, as all times of the list are.
fn listed(list: &RecordingList, now: i64) -> String {
    let row = |recording: &RecordingEntry| {
        [
            recording.record_id.clone(),
            recording.tenant.clone(),
            recording.meeting_id.clone(),
            recording.state.clone(),
            age(now - recording.started_at),
            recording.keepers.join(" "),
        ]
    };
    let rows: Vec<[String; 6]> = list.recordings.iter().map(row).collect();
    let mut text = table(["RECORDING", "TENANT", "MEETING", "STATE", "AGE", "ON"], &rows);
    if list.more {
        text.push_str("\nthere are more: `--limit` shows up to 1000\n");
    }
    text
}

fn shown(recording: &RecordingEntry) -> String {
    facts(&[
        ("recording", recording.record_id.clone()),
        ("tenant", recording.tenant.clone()),
        ("meeting", recording.meeting_id.clone()),
        ("state", recording.state.clone()),
        ("on", recording.keepers.join(" ")),
    ])
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn recordings_for_people() {
        let entry = RecordingEntry {
            tenant: "school-a".to_owned(),
            record_id: "0a1b-17".to_owned(),
            meeting_id: "lecture".to_owned(),
            state: "published".to_owned(),
            started_at: 0,
            keepers: vec!["bbb-02".to_owned(), "delegate".to_owned()],
        };
        let list = RecordingList { recordings: vec![entry.clone()], more: true };
        assert_snapshot!(listed(&list, 7_200_000), @r"
        RECORDING  TENANT    MEETING  STATE      AGE  ON
        0a1b-17    school-a  lecture  published  2 h  bbb-02 delegate

        there are more: `--limit` shows up to 1000
        ");
        assert_snapshot!(shown(&entry), @r"
        recording  0a1b-17
        tenant     school-a
        meeting    lecture
        state      published
        on         bbb-02 delegate
        ");
    }
}
