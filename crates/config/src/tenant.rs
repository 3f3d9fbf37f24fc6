//! `[[tenant]]`: the reader of a tenant's settings, and what tenants may not share.

use std::collections::BTreeMap;

use bluegate_cluster::{HostName, Origin};
use bluegate_tenant::{
    BothForm, Form, LimitForm, LimitsForm, ListForm, NamedForm, OperatorsForm, PresentationForm,
    Settings, TagsForm,
};

use crate::{reader::Table, schema, settings::TenantEntry};

const LIMITS: &[&str] = &["meetings", "recordings", "requests", "users"];
const LIMIT: &[&str] = &["hard", "soft"];
const OPERATORS: &[&str] = &["append", "at_most", "default", "remove", "set"];
const PRESENTATION: &[&str] = &["name", "url"];
const TAGS: &[&str] = &["avoided", "preferred", "required"];

/// All tenants; absent where one could not be read. `origins` are those of the
/// cluster and the scaler, with what they are.
pub(crate) fn read_all(file: &Table<'_>, origins: &[(&str, &Origin)]) -> Vec<Option<TenantEntry>> {
    let mut names = BTreeMap::new();
    let mut hosts: BTreeMap<HostName, usize> = BTreeMap::new();
    let mut tenants = Vec::new();
    for (index, table) in file.sections(&schema::TENANT).into_iter().enumerate() {
        let name = table.required("name", |table, key| table.parsed(key));
        let secret_file = table.required("secret_file", Table::path);
        let settings = read_settings(&table);
        for host in settings.iter().flat_map(|settings| &settings.hosts) {
            if let Some(first) = hosts.insert(host.clone(), index + 1) {
                let message = format_args!("`{host}` is already a host of tenant[{first}]");
                table.problem_at("hosts", message, None);
            }
            if let Some((whose, _)) = origins.iter().find(|(_, o)| o.host() == host.as_str()) {
                let hint = "a host of a tenant is that tenant's alone";
                table.problem_at("hosts", format_args!("`{host}` is {whose}"), Some(hint));
            }
        }
        let entry = match (name, secret_file, settings) {
            (Some(name), Some(secret_file), Some(settings)) => {
                Some(TenantEntry { name, secret_file, settings })
            }
            _ => None,
        };
        if let Some(TenantEntry { name, .. }) = &entry
            && let Some(first) = names.insert(name.clone(), index + 1)
        {
            let message = format_args!("`{name}` is already the name of tenant[{first}]");
            table.problem_at("name", message, None);
        }
        tenants.push(entry);
    }
    tenants
}

/// The settings, or `None` and problems. What is of a wrong type is told first;
/// what makes no sense, once all types are right.
pub(crate) fn read_settings(table: &Table<'_>) -> Option<Settings> {
    let before = table.problems();
    let form = Form {
        enabled: table.boolean("enabled", true),
        hosts: table.one_or_many("hosts", "a host name in quotes, or a list of them"),
        limits: read_limits(table),
        create: read_rules(table, "create"),
        join: read_rules(table, "join"),
        presentation: read_presentation(table),
        logo: table.text("logo").map(str::to_owned),
        welcome: table.text("welcome").map(str::to_owned),
        tags: read_tags(table),
    };
    if table.problems() > before {
        return None;
    }
    match Settings::try_from(form) {
        Ok(settings) => Some(settings),
        Err(problems) => {
            for problem in problems {
                table.problem_within(&problem.path, problem.message);
            }
            None
        }
    }
}

fn read_limits(table: &Table<'_>) -> LimitsForm {
    let Some(limits) = table.table("limits", LIMITS) else { return LimitsForm::default() };
    let limit = |key: &str| {
        if limits.is_table(key) {
            let both = limits.table(key, LIMIT)?;
            let (soft, hard) = (both.number("soft"), both.number("hard"));
            return Some(LimitForm::Both(BothForm { soft, hard }));
        }
        limits.number(key).map(LimitForm::Hard)
    };
    LimitsForm {
        meetings: limit("meetings"),
        users: limit("users"),
        requests: limit("requests"),
        recordings: limit("recordings"),
    }
}

fn read_rules(table: &Table<'_>, call: &str) -> BTreeMap<String, OperatorsForm> {
    let Some(rules) = table.open_table(call) else { return BTreeMap::new() };
    let read = |name: &str| {
        let operators = rules.table(name, OPERATORS)?;
        let append = operators.has("append").then(|| {
            ListForm::Many(operators.one_or_many("append", "a text in quotes, or a list of them"))
        });
        Some(OperatorsForm {
            set: operators.scalar("set"),
            default: operators.scalar("default"),
            at_most: operators.number("at_most"),
            append,
            remove: operators.has("remove").then(|| operators.boolean("remove", false)),
        })
    };
    rules.keys().filter_map(|name| Some((name.to_owned(), read(name)?))).collect()
}

fn read_presentation(table: &Table<'_>) -> Option<PresentationForm> {
    if !table.is_table("presentation") {
        return table.text("presentation").map(|url| PresentationForm::Url(url.to_owned()));
    }
    let named = table.table("presentation", PRESENTATION)?;
    let url = named.required("url", Table::text)?.to_owned();
    let name = named.required("name", Table::text)?.to_owned();
    Some(PresentationForm::Named(NamedForm { url, name }))
}

fn read_tags(table: &Table<'_>) -> TagsForm {
    let Some(tags) = table.table("tags", TAGS) else { return TagsForm::default() };
    let list = |key: &str| tags.one_or_many(key, "a tag in quotes, or a list of them");
    TagsForm { required: list("required"), preferred: list("preferred"), avoided: list("avoided") }
}
