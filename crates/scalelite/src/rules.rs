//! A tenant's settings at Scalelite as rules of ours, and back.
//!
//! Scalelite gives each parameter to create and join alike (sections 2.4 and
//! 3.1 of its model: `param`, `value`, `override`). Create calls get the
//! tenant's ID besides, as Scalelite does it: recordings and, after the way
//! back, lists know by it whose a meeting is.

use std::collections::BTreeMap;

use bluegate_tenant::{Form, OperatorsForm, ScalarForm, Settings};

use crate::layout::{Setting, Tenant, text};

/// What create calls are given of a tenant.
const TENANT_ID: &str = "meta_tenant-id";
const TENANT_NAME: &str = "meta_tenant-name";

/// A tenant's settings, as far as they can be rules of ours; for each that
/// cannot, its parameter and why.
pub(crate) fn form_of(tenant: &Tenant, host: Option<String>) -> (Form, Vec<(String, String)>) {
    let mut form = Form { hosts: host.into_iter().collect(), ..Form::default() };
    let mut left_out = Vec::new();
    for setting in &tenant.settings {
        let parameter = text(&setting.fields, "param");
        let rule = rule(setting);
        let mut with = form.clone();
        with.create.insert(parameter.to_owned(), rule.clone());
        with.join.insert(parameter.to_owned(), rule);
        match Settings::try_from(with.clone()) {
            Ok(_) => form = with,
            Err(problems) => {
                let reason = problems.first().map_or_else(String::new, ToString::to_string);
                left_out.push((parameter.to_owned(), reason));
            }
        }
    }
    for (name, value) in [(TENANT_ID, tenant.id.as_str()), (TENANT_NAME, tenant.name())] {
        form.create.insert(name.to_owned(), set(value));
    }
    (form, left_out)
}

/// A tenant's settings at Scalelite, from our rules; those it had keep their
/// IDs. What Scalelite has no word for comes back as parameter and reason.
pub(crate) fn settings_of(
    form: &Form,
    record: &Tenant,
    mut new_id: impl FnMut() -> String,
) -> (Vec<Setting>, Vec<(String, String)>) {
    let mut settings = Vec::new();
    let mut left_out = Vec::new();
    let mut parameters: Vec<(&String, &OperatorsForm)> = form.create.iter().collect();
    parameters.extend(form.join.iter().filter(|(name, _)| !form.create.contains_key(*name)));
    for (parameter, rule) in parameters {
        if [TENANT_ID, TENANT_NAME].contains(&parameter.as_str()) {
            continue;
        }
        let known = record.settings.iter().find(|known| text(&known.fields, "param") == parameter);
        match written(rule) {
            Some((value, overrides)) => settings.push(Setting {
                id: known.map_or_else(&mut new_id, |known| known.id.clone()),
                fields: BTreeMap::from(
                    [
                        ("param", parameter.as_str()),
                        ("value", &value),
                        ("override", if overrides { "true" } else { "false" }),
                        ("tenant_id", &record.id),
                    ]
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
                ),
            }),
            None => left_out.push((
                parameter.clone(),
                "Scalelite knows only values that are set or are a default".to_owned(),
            )),
        }
        let differs = |other: &BTreeMap<String, OperatorsForm>| other.get(parameter) != Some(rule);
        if differs(&form.create) || differs(&form.join) {
            let reason = "Scalelite gives it to create and join alike".to_owned();
            left_out.push((parameter.clone(), reason));
        }
    }
    // What we could not take is still theirs.
    let kept = record.settings.iter().filter(|setting| {
        let parameter = text(&setting.fields, "param");
        !form_of(record, None).0.create.contains_key(parameter)
    });
    settings.extend(kept.cloned());
    settings.sort_by(|a, b| a.id.cmp(&b.id));
    (settings, left_out)
}

/// Scalelite overrides only for exactly `true`.
fn rule(setting: &Setting) -> OperatorsForm {
    let value = text(&setting.fields, "value");
    if text(&setting.fields, "override") == "true" {
        set(value)
    } else {
        OperatorsForm { default: Some(ScalarForm::Text(value.to_owned())), ..Default::default() }
    }
}

fn set(value: &str) -> OperatorsForm {
    OperatorsForm { set: Some(ScalarForm::Text(value.to_owned())), ..Default::default() }
}

/// The value of a rule, and whether it overrides.
fn written(rule: &OperatorsForm) -> Option<(String, bool)> {
    let text = |value: &ScalarForm| match value {
        ScalarForm::Boolean(value) => value.to_string(),
        ScalarForm::Number(value) => value.to_string(),
        ScalarForm::Text(text) => text.clone(),
    };
    match rule {
        OperatorsForm {
            set: Some(value),
            default: None,
            at_most: None,
            append: None,
            remove: None,
        } => Some((text(value), true)),
        OperatorsForm {
            set: None,
            default: Some(value),
            at_most: None,
            append: None,
            remove: None,
        } => Some((text(value), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Fields;

    fn setting(id: &str, parameter: &str, value: &str, overrides: &str) -> Setting {
        let fields =
            [("param", parameter), ("value", value), ("override", overrides), ("tenant_id", "t-1")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Setting { id: id.to_owned(), fields: Fields::from(fields) }
    }

    fn tenant(settings: Vec<Setting>) -> Tenant {
        let fields = Fields::from([("name".to_owned(), "bn".to_owned())]);
        Tenant { id: "t-1".to_owned(), fields, settings }
    }

    #[test]
    fn settings_become_rules_and_rules_become_the_same_settings() {
        let tenant = tenant(vec![
            setting("s-1", "welcome", "Hello", "false"),
            setting("s-2", "record", "false", "true"),
            setting("s-3", "voiceBridge", "12345", "true"),
        ]);
        let (form, left_out) = form_of(&tenant, Some("bn.example.org".to_owned()));
        let parameters: Vec<_> = left_out.iter().map(|(parameter, _)| parameter.as_str()).collect();
        assert_eq!(parameters, ["voiceBridge"], "ours to choose");
        assert_eq!(form.create.get("record"), Some(&set("false")));
        assert_eq!(form.join.get("record"), Some(&set("false")));
        assert_eq!(form.create.get(TENANT_ID), Some(&set("t-1")));
        assert!(!form.join.contains_key(TENANT_ID));
        let (settings, left_out) = settings_of(&form, &tenant, || panic!("all have IDs"));
        assert_eq!((settings, left_out), (tenant.settings, vec![]));
    }

    #[test]
    fn what_was_changed_here_goes_back_as_far_as_scalelite_has_words_for_it() {
        let tenant = tenant(vec![setting("s-1", "welcome", "Hello", "false")]);
        let (mut form, _) = form_of(&tenant, None);
        form.create.insert("welcome".to_owned(), set("Hi"));
        form.join.insert("welcome".to_owned(), set("Hi"));
        form.create.insert("logo".to_owned(), set("https://a.org/l.png"));
        form.join.insert("logo".to_owned(), set("https://a.org/l.png"));
        let bound = OperatorsForm { at_most: Some(60), ..OperatorsForm::default() };
        form.create.insert("duration".to_owned(), bound);
        let (settings, left_out) = settings_of(&form, &tenant, || "s-9".to_owned());
        let wanted = [
            setting("s-1", "welcome", "Hi", "true"),
            setting("s-9", "logo", "https://a.org/l.png", "true"),
        ];
        assert_eq!(settings, wanted);
        assert!(left_out.iter().all(|(parameter, _)| parameter == "duration"), "{left_out:?}");
        assert!(!left_out.is_empty());
    }
}
