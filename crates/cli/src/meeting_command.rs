//! `bluegate meeting list|show|end`: the meetings of a running scaler.

use bluegate_admin::{MeetingEntry, MeetingLife};
use bluegate_cluster::TenantName;
use bluegate_scaler::Decision;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    Outcome,
    admin_command::{ask, only, print_answer},
    arguments::AdminOptions,
    exit::Exit,
    table::table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum MeetingCommand {
    /// List the open meetings.
    List {
        /// Only those of this tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<TenantName>,

        /// Only those on this node.
        #[arg(long, value_name = "NODE")]
        node: Option<bluegate_cluster::Mount>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Show where a meeting is and was, and why there.
    Show(MeetingOptions),
    /// End a meeting for everybody in it.
    End(MeetingOptions),
}

#[derive(Args, Debug)]
pub(crate) struct MeetingOptions {
    /// Its meeting ID, or BBB's internal one while it runs.
    #[arg(value_name = "ID")]
    id: String,

    /// Whose it is; needed when it does not run, or two tenants use the ID.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantName>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    admin: AdminOptions,
}

pub(crate) fn run(command: MeetingCommand) -> Outcome {
    match command {
        MeetingCommand::List { tenant, node, json, admin } => {
            let mut meetings = ask(&admin, async |client| client.meetings(None).await)?;
            meetings.retain(|meeting| {
                tenant.as_ref().is_none_or(|tenant| tenant.as_str() == meeting.tenant)
                    && node.as_ref().is_none_or(|node| node.as_str() == meeting.node)
            });
            print_answer(&meetings, json, |meetings| list(meetings))?;
        }
        MeetingCommand::Show(options) => {
            let (tenant, id) = find(&options)?;
            let lives = ask(&options.admin, async |client| client.meeting(&tenant, &id).await)?;
            print_answer(&lives, options.json, |lives| shown(lives))?;
        }
        MeetingCommand::End(options) => {
            let (tenant, id) = find(&options)?;
            ask(&options.admin, async |client| client.end_meeting(&tenant, &id).await)?;
            let ended = json!({ "tenant": tenant.as_str(), "meeting_id": id });
            print_answer(&ended, options.json, |_| format!("ended {id} of {tenant}\n"))?;
        }
    }
    Ok(Exit::Done)
}

/// Whose meeting is meant, and by which ID of the tenant.
fn find(options: &MeetingOptions) -> Result<(TenantName, String), anyhow::Error> {
    let id = options.id.as_str();
    let mut running = ask(&options.admin, async |client| client.meetings(Some(id)).await)?;
    if let Some(tenant) = &options.tenant {
        running.retain(|meeting| meeting.tenant == tenant.as_str());
        let id = running.first().map_or_else(|| id.to_owned(), |found| found.meeting_id.clone());
        return Ok((tenant.clone(), id));
    }
    let what = format!("meeting `{id}`");
    let nothing = format!("no {what} runs; say `--tenant` to look at one that did");
    let one = only(&running, &what, &nothing, |entry| &entry.tenant)?;
    Ok((one.tenant.parse()?, one.meeting_id.clone()))
}

fn list(meetings: &[MeetingEntry]) -> String {
    let rows: Vec<[String; 6]> = meetings
        .iter()
        .map(|meeting| {
            [
                meeting.tenant.clone(),
                meeting.meeting_id.clone(),
                meeting.node.clone(),
                meeting.state.clone(),
                meeting.users.map(|users| users.to_string()).unwrap_or_default(),
                meeting.reserved_users.to_string(),
            ]
        })
        .collect();
    table(["TENANT", "MEETING", "NODE", "STATE", "USERS", "EXPECTED"], &rows)
}

fn shown(lives: &[MeetingLife]) -> String {
    let mut text = String::new();
    for life in lives {
        let MeetingEntry { tenant, meeting_id, node, state, internal_meeting_id, users, .. } =
            &life.meeting;
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{meeting_id} of {tenant}: {state} on {node}");
        if let Some(users) = users {
            text += &format!(", {users} users");
        }
        if let Some(internal) = internal_meeting_id {
            text += &format!("\n  internal ID {internal}");
        }
        text.push('\n');
        let decision = life.decision.clone().and_then(|json| serde_json::from_value(json).ok());
        match decision {
            Some(decision) => text += &why(&decision),
            None => text += "  no decision is kept: it was adopted from its node\n",
        }
    }
    text
}

/// Why this node.
fn why(decision: &Decision) -> String {
    let expected = &decision.expected;
    let source = match expected.source {
        bluegate_scaler::Source::History => "nine in ten of its former meetings had no more",
        bluegate_scaler::Source::Hint => "the create call said so",
        bluegate_scaler::Source::Default => "nothing is known of it",
    };
    let capped = if expected.capped { ", held to maxParticipants" } else { "" };
    let mut text = format!("  expected {} users: {source}{capped}\n", expected.users);
    if let Some(asked) = &decision.asked {
        text += &format!("  asked for {asked}\n");
    }
    let rows: Vec<[String; 6]> = decision
        .candidates
        .iter()
        .map(|node| {
            let chosen = decision.node.as_ref() == Some(&node.node);
            [
                format!("  {}{}", node.node, if chosen { " (chosen)" } else { "" }),
                format!("{:.1}", node.load_after),
                format!("{:.2}", node.weight),
                node.meetings.to_string(),
                format!("{}+{}", node.users, node.reserved_users),
                node.wishes_missed.to_string(),
            ]
        })
        .collect();
    let head = ["  NODE", "LOAD WITH IT", "WEIGHT", "MEETINGS", "USERS", "WISHES MISSED"];
    text += &table(head, &rows);
    if decision.more_candidates > 0 {
        text += &format!("  and {} more that were no better\n", decision.more_candidates);
    }
    for excluded in &decision.excluded {
        text += &format!("  not {}: {}\n", excluded.node, excluded.reason.as_str());
    }
    if decision.more_excluded > 0 {
        text += &format!("  and {} more could not take it\n", decision.more_excluded);
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn why_this_node_for_people() {
        let decision = json!({
            "at": 0, "node": "bbb-02",
            "expected": { "users": 84, "source": "history", "capped": false },
            "asked": "server-tag gpu!",
            "candidates": [
                { "node": "bbb-02", "load": 6.0, "load_after": 49.0, "weight": 2.0, "meetings": 1,
                  "users": 3, "reserved_users": 7, "wishes_missed": 0 },
                { "node": "bbb-01", "load": 46.0, "load_after": 132.0, "weight": 1.0, "meetings": 1,
                  "users": 30, "reserved_users": 10, "wishes_missed": 0 }
            ],
            "more_candidates": 0,
            "excluded": [{ "node": "bbb-03", "reason": "cordoned" }],
            "more_excluded": 2
        });
        let meeting = MeetingEntry {
            tenant: "physics".to_owned(),
            meeting_id: "lecture".to_owned(),
            node: "bbb-02".to_owned(),
            state: "live".to_owned(),
            users: Some(12),
            ..MeetingEntry::default()
        };
        let lives = [MeetingLife { meeting, decision: Some(decision) }];
        assert_snapshot!(shown(&lives), @r"
        lecture of physics: live on bbb-02, 12 users
          expected 84 users: nine in ten of its former meetings had no more
          asked for server-tag gpu!
          NODE             LOAD WITH IT  WEIGHT  MEETINGS  USERS  WISHES MISSED
          bbb-02 (chosen)  49.0          2.00    1         3+7    0
          bbb-01           132.0         1.00    1         30+10  0
          not bbb-03: cordoned
          and 2 more could not take it
        ");
    }
}
