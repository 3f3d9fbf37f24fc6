//! `bluegate token list|create|revoke` and `bluegate audit`: who may ask a running
//! `bluegate serve`, and what they changed.

use std::time::SystemTime;

use bluegate_admin::{AuditReport, RoleName, TokenEntry, TokenSpec};
use bluegate_cluster::TenantName;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    arguments::AdminOptions,
    exit::Exit,
    table::{age, milliseconds, table},
};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List the tokens that were made; not what they are.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Make a token, shown this once.
    Create {
        /// What to call it: lower-case letters, digits and inner hyphens.
        name: String,

        /// What it may.
        #[arg(long, value_name = "ROLE")]
        role: RoleOption,

        /// The only tenant it sees, for the role `tenant`.
        #[arg(long, value_name = "TENANT", required_if_eq("role", "tenant"))]
        tenant: Option<TenantName>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Revoke a token: it opens nothing from the next request on.
    Revoke {
        /// Its name.
        name: String,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
}

/// What a token may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleOption {
    /// Everything.
    Operator,
    /// Look at everything but tokens, change nothing.
    Viewer,
    /// See and do only what is its tenant's.
    Tenant,
}

impl From<RoleOption> for RoleName {
    fn from(role: RoleOption) -> Self {
        match role {
            RoleOption::Operator => Self::Operator,
            RoleOption::Viewer => Self::Viewer,
            RoleOption::Tenant => Self::Tenant,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct AuditOptions {
    /// Only what was asked with this token; `token_file` for those of the file.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,

    /// Only what is older than the entry at this position.
    #[arg(long, value_name = "POSITION")]
    before: Option<i64>,

    /// At most so many, the latest first.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    admin: AdminOptions,
}

pub(crate) fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::List { json, admin } => {
            let tokens = ask(&admin, async |client| client.tokens().await)?;
            print_answer(&tokens, json, |tokens| list(tokens, milliseconds(SystemTime::now())))?;
        }
        TokenCommand::Create { name, role, tenant, json, admin } => {
            let tenant = tenant.map(|tenant| tenant.to_string());
            let spec = TokenSpec { name, role: role.into(), tenant };
            let added = ask(&admin, async |client| client.add_token(&spec).await)?;
            print_answer(&added, json, |added| {
                let (name, secret) = (&added.token.name, &added.secret);
                format!("made {name}\nthe token, shown this once: {secret}\n")
            })?;
        }
        TokenCommand::Revoke { name, json, admin } => {
            ask(&admin, async |client| client.revoke_token(&name).await)?;
            print_answer(&json!({ "revoked": name }), json, |_| format!("revoked {name}\n"))?;
        }
    }
    Ok(Exit::Done)
}

pub(crate) fn audit(options: AuditOptions) -> Outcome {
    let AuditOptions { actor, before, limit, json, admin } = options;
    let report = ask(&admin, async |client| client.audit(before, actor.as_deref(), limit).await)?;
    print_answer(&report, json, |report| show_audit(report, milliseconds(SystemTime::now())))?;
    Ok(Exit::Done)
}

/// `now` is in milliseconds since 1970, as all times of the report are.
fn list(tokens: &[TokenEntry], now: i64) -> String {
    let row = |token: &TokenEntry| {
        [
            token.name.clone(),
            token.role.as_str().to_owned(),
            token.tenant.clone().unwrap_or_default(),
            age(now - token.created_at),
            token.created_by.clone(),
        ]
    };
    let rows: Vec<[String; 5]> = tokens.iter().map(row).collect();
    table(["TOKEN", "ROLE", "TENANT", "AGE", "MADE WITH"], &rows)
}

/// `now` as for [`list`].
fn show_audit(report: &AuditReport, now: i64) -> String {
    let rows: Vec<[String; 7]> = report
        .entries
        .iter()
        .map(|entry| {
            [
                entry.position.to_string(),
                age(now - entry.at),
                entry.actor.clone(),
                entry.action.clone(),
                entry.subject.clone(),
                entry.detail.clone(),
                entry.outcome.clone(),
            ]
        })
        .collect();
    let head = ["POSITION", "AGE", "TOKEN", "ACTION", "SUBJECT", "DETAIL", "OUTCOME"];
    let mut text = table(head, &rows);
    if let (true, Some(last)) = (report.more, report.entries.last()) {
        text.push_str(&format!("\nthere are older ones: `--before {}`\n", last.position));
    }
    text
}

#[cfg(test)]
mod tests {
    use bluegate_admin::AuditEntry;
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn tokens_and_the_audit_log_for_people() {
        let token = |name: &str, role, tenant: Option<&str>| TokenEntry {
            name: name.to_owned(),
            role,
            tenant: tenant.map(str::to_owned),
            created_at: 0,
            created_by: "token_file".to_owned(),
        };
        let tokens = [
            token("grafana", RoleName::Viewer, None),
            token("head-of-physics", RoleName::Tenant, Some("physics")),
        ];
        assert_snapshot!(list(&tokens, 7_200_000), @r"
        TOKEN            ROLE    TENANT   AGE  MADE WITH
        grafana          viewer  -        2 h  token_file
        head-of-physics  tenant  physics  2 h  token_file
        ");
        let entry = AuditEntry {
            position: 41,
            at: 7_000_000,
            actor: "head-of-physics".to_owned(),
            role: "tenant".to_owned(),
            action: "DELETE /v1/meetings/{tenant}/{meeting}".to_owned(),
            subject: "physics/lecture".to_owned(),
            status: 200,
            outcome: "done".to_owned(),
            ..AuditEntry::default()
        };
        let report = AuditReport { entries: vec![entry], more: true };
        assert_snapshot!(show_audit(&report, 7_200_000), @r"
        POSITION  AGE    TOKEN            ACTION                                  SUBJECT          DETAIL  OUTCOME
        41        3 min  head-of-physics  DELETE /v1/meetings/{tenant}/{meeting}  physics/lecture  -       done

        there are older ones: `--before 41`
        ");
    }
}
