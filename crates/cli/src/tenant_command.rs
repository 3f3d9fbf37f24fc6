//! `bluegate tenant list|show|add|set|remove`: the tenants of a running
//! `bluegate serve`.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use bluegate_admin::{TenantEntry, TenantPatch, TenantSpec, TenantsReport};
use bluegate_tenant::{Form, LimitForm};
use serde_json::{Value, json};

use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    arguments::{LimitOption, TenantCommand, TenantOptions},
    exit::{Exit, UsageError},
    serve::secrets,
    table::{facts, table},
};

pub(crate) fn run(command: TenantCommand) -> Outcome {
    match command {
        TenantCommand::List { json, admin } => {
            let report = ask(&admin, async |client| client.tenants().await)?;
            print_answer(&report, json, list)?;
        }
        TenantCommand::Show { name, json, admin } => {
            let tenant = ask(&admin, async |client| client.tenant(&name).await)?;
            print_answer(&tenant, json, shown)?;
        }
        TenantCommand::Add { name, options, json, admin } => {
            let patch = options.patch()?;
            let settings = serde_json::from_value(patch.settings.unwrap_or_else(|| json!({})))?;
            let secrets = patch.secrets.unwrap_or_default();
            let spec = TenantSpec { name: name.to_string(), secrets, settings };
            let added = ask(&admin, async |client| client.add_tenant(&spec).await)?;
            print_answer(&added, json, |added| {
                let secret = added.secret.as_ref();
                let secret =
                    secret.map(|secret| format!("its secret, shown this once: {secret}\n"));
                format!("added {name}\n{}", secret.unwrap_or_default())
            })?;
        }
        TenantCommand::Set { name, options, json, admin } => {
            let patch = options.patch()?;
            if patch.secrets.is_none() && patch.settings.is_none() {
                let message = "nothing to set: give `--settings`, `--secret-file`, `--host`, \
                     `--limit`, `--enable` or `--disable`";
                return Err(UsageError(message.to_owned()).into());
            }
            let changed = ask(&admin, async |client| client.change_tenant(&name, &patch).await)?;
            print_answer(&changed, json, |_| format!("changed {name}\n"))?;
        }
        TenantCommand::Remove { name, force, json, admin } => {
            ask(&admin, async |client| client.remove_tenant(&name, force).await)?;
            print_answer(&json!({ "removed": name.as_str() }), json, |_| {
                format!("removed {name}\n")
            })?;
        }
    }
    Ok(Exit::Done)
}

impl TenantOptions {
    /// What the options say, as a change: a settings file says all of them anew,
    /// the other options change theirs.
    fn patch(&self) -> Result<TenantPatch, anyhow::Error> {
        let secrets = match &self.secret_file {
            None => None,
            Some(file) => {
                let secrets = secrets::read(file)?;
                Some(secrets.iter().map(|secret| secret.expose().to_owned()).collect())
            }
        };
        let mut settings = match &self.settings {
            None => serde_json::Map::new(),
            Some(file) => whole(&settings_file(file)?),
        };
        if !self.host.is_empty() {
            settings.insert("hosts".to_owned(), json!(self.host));
        }
        if !self.limit.is_empty() {
            let limits = settings.entry("limits").or_insert_with(|| json!({}));
            for LimitOption { kind, hard } in &self.limit {
                if let Some(limits) = limits.as_object_mut() {
                    limits.insert(kind.as_str().to_owned(), json!(hard));
                }
            }
        }
        if self.enable || self.disable {
            settings.insert("enabled".to_owned(), json!(self.enable));
        }
        let settings = (!settings.is_empty()).then_some(Value::Object(settings));
        Ok(TenantPatch { secrets, settings })
    }
}

/// A file with the keys of `[[tenant]]`, without `name` and `secret_file`.
fn settings_file(path: &Path) -> Result<Form, anyhow::Error> {
    let text = std::fs::read_to_string(path).with_context(|| {
        UsageError(format!("cannot read the settings file `{}`", path.display()))
    })?;
    bluegate_config::tenant_settings(&text).map(|settings| Form::from(&settings)).map_err(
        |problems| {
            let listed = problems.to_string().replace('\n', "\n  ");
            UsageError(format!("problems in `{}`\n  {listed}", path.display())).into()
        },
    )
}

/// A form as a change that leaves nothing of what was before.
fn whole(form: &Form) -> serde_json::Map<String, Value> {
    let keys = ["create", "hosts", "join", "limits", "logo", "presentation", "tags", "welcome"];
    let mut all: serde_json::Map<String, Value> =
        keys.map(|key| (key.to_owned(), Value::Null)).into_iter().collect();
    if let Ok(Value::Object(given)) = serde_json::to_value(form) {
        all.extend(given);
    }
    all
}

fn list(report: &TenantsReport) -> String {
    let rows: Vec<[String; 7]> = report
        .tenants
        .iter()
        .map(|tenant| {
            let limits = tenant.settings.limits;
            let of = |there: u64, limit: Option<LimitForm>| match hard(limit) {
                Some(hard) => format!("{there} of {hard}"),
                None => there.to_string(),
            };
            [
                tenant.name.clone(),
                tenant.source.clone(),
                if tenant.settings.enabled { "yes" } else { "no" }.to_owned(),
                of(tenant.meetings, limits.meetings),
                of(tenant.users, limits.users),
                tenant.refused.values().sum::<u64>().to_string(),
                tenant.settings.hosts.join(" "),
            ]
        })
        .collect();
    let head = ["TENANT", "SOURCE", "ENABLED", "MEETINGS", "USERS", "REFUSED", "HOSTS"];
    let mut text = table(head, &rows);
    for held_back in &report.held_back {
        text.push_str(&format!("\nheld back: {}: {}\n", held_back.name, held_back.reason));
    }
    text
}

fn hard(limit: Option<LimitForm>) -> Option<u32> {
    match limit? {
        LimitForm::Hard(hard) => Some(hard),
        LimitForm::Both(both) => both.hard,
    }
}

fn shown(tenant: &TenantEntry) -> String {
    let refused: BTreeMap<_, _> = tenant.refused.iter().filter(|(_, count)| **count > 0).collect();
    let refused: Vec<String> =
        refused.iter().map(|(limit, count)| format!("{count} at {limit}")).collect();
    let mut text = facts(&[
        ("tenant", tenant.name.clone()),
        ("source", tenant.source.clone()),
        ("secrets", format!("{}, never shown", tenant.secrets)),
        ("meetings", tenant.meetings.to_string()),
        ("users", tenant.users.to_string()),
        ("refused", if refused.is_empty() { "nothing".to_owned() } else { refused.join(", ") }),
    ]);
    text.push('\n');
    text.push_str(&bluegate_config::tenant_toml(&tenant.settings));
    text
}

#[cfg(test)]
mod tests {
    use bluegate_admin::HeldBackTenant;
    use insta::assert_snapshot;

    use super::*;

    fn tenant() -> TenantEntry {
        let settings = json!({
            "hosts": ["a.example.org", "b.example.org"],
            "limits": {"meetings": {"soft": 8, "hard": 10}, "users": 200},
            "create": {"record": {"set": "false"}, "duration": {"at_most": 90}}
        });
        TenantEntry {
            name: "school-a".to_owned(),
            source: "api".to_owned(),
            secrets: 2,
            meetings: 3,
            users: 40,
            refused: [("meetings".to_owned(), 1), ("users".to_owned(), 0)].into(),
            settings: serde_json::from_value(settings).unwrap(),
        }
    }

    #[test]
    fn tenants_for_people() {
        let other = TenantEntry {
            name: "default".to_owned(),
            source: "file".to_owned(),
            settings: serde_json::from_value(json!({"enabled": false})).unwrap(),
            refused: BTreeMap::new(),
            ..tenant()
        };
        let held_back = HeldBackTenant {
            name: "school-b".to_owned(),
            reason: "there is a tenant `school-b` already".to_owned(),
        };
        let report = TenantsReport { tenants: vec![other, tenant()], held_back: vec![held_back] };
        assert_snapshot!(list(&report));
        assert_snapshot!(shown(&tenant()));
    }

    #[test]
    fn options_are_changes_and_a_file_says_all_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "welcome = \"Hi\"\nlimits = { users = 5 }\n").unwrap();
        let options = TenantOptions {
            host: vec!["a.org".to_owned()],
            limit: vec!["meetings=3".parse().unwrap()],
            disable: true,
            ..TenantOptions::default()
        };
        let patch = options.patch().unwrap().settings.unwrap();
        assert_eq!(patch, json!({"hosts": ["a.org"], "limits": {"meetings": 3}, "enabled": false}));
        let patch = TenantOptions { settings: Some(file.clone()), ..options }.patch().unwrap();
        assert_eq!(
            patch.settings.unwrap(),
            json!({
                "hosts": ["a.org"], "limits": {"meetings": 3, "users": 5}, "enabled": false,
                "welcome": "Hi", "create": null, "join": null, "logo": null,
                "presentation": null, "tags": null
            })
        );
        std::fs::write(&file, "welcom = \"Hi\"\nname = \"x\"\nlimits = { users = 0 }\n").unwrap();
        let wrong = TenantOptions { settings: Some(file), ..TenantOptions::default() };
        let error = wrong.patch().unwrap_err().to_string();
        assert!(error.contains("line 1: `welcom`: unknown key"), "{error}");
        assert!(error.contains("line 2: `name`: unknown key"), "{error}");
    }
}
