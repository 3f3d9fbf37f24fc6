//! A tenant's settings as text: the same words in TOML and JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    limits::{Limit, Limits},
    operator::{Operator, Rule},
    rules::Rules,
    settings::Settings,
};

/// The settings of a tenant as they are written; what is absent is as by
/// default. [`Settings`] are made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Form {
    /// Whether it may have new meetings.
    pub enabled: bool,
    /// Host names that are its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// How much it may have.
    #[serde(skip_serializing_if = "LimitsForm::is_empty")]
    pub limits: LimitsForm,
    /// What is done to parameters of create.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub create: BTreeMap<String, OperatorsForm>,
    /// What is done to parameters of join.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub join: BTreeMap<String, OperatorsForm>,
    /// The presentation of meetings whose creator brings none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation: Option<PresentationForm>,
    /// The logo of meetings whose creator gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// The welcome text of meetings whose creator gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub welcome: Option<String>,
    /// What its meetings want of their nodes.
    #[serde(skip_serializing_if = "TagsForm::is_empty")]
    pub tags: TagsForm,
}

/// Limits as they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsForm {
    /// Meetings at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meetings: Option<LimitForm>,
    /// Users at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<LimitForm>,
    /// Requests per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<LimitForm>,
    /// Recordings that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings: Option<LimitForm>,
}

/// One limit: `100`, or `{ soft = 80, hard = 100 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LimitForm {
    /// The hard limit alone.
    Hard(u32),
    /// Either, or both.
    Both(BothForm),
}

/// The two bounds of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BothForm {
    /// Above it the operator is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<u32>,
    /// At it, more is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard: Option<u32>,
}

/// The operators of one parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorsForm {
    /// Its value, whatever the client gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<ScalarForm>,
    /// Its value when the client gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<ScalarForm>,
    /// The largest number it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// Items its list has too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<ListForm>,
    /// `true`: it is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<bool>,
}

/// A value, which BBB reads as text: `"x"`, `true` or `5`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScalarForm {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// One text, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListForm {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A presentation: its address, or `{ url = "...", name = "..." }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PresentationForm {
    /// The address alone.
    Url(String),
    /// With the name it is shown by.
    Named(NamedForm),
}

/// A presentation with the name it is shown by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedForm {
    /// Its address.
    pub url: String,
    /// Its name, by whose ending nodes tell what it is.
    pub name: String,
}

/// Wishes for nodes as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagsForm {
    /// A node must have all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Nodes with them come first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred: Vec<String>,
    /// Nodes with any of them come last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avoided: Vec<String>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            enabled: true,
            hosts: Vec::new(),
            limits: LimitsForm::default(),
            create: BTreeMap::new(),
            join: BTreeMap::new(),
            presentation: None,
            logo: None,
            welcome: None,
            tags: TagsForm::default(),
        }
    }
}

impl LimitsForm {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TagsForm {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ScalarForm {
    /// The text BBB is given.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl From<&Settings> for Form {
    fn from(settings: &Settings) -> Self {
        let texts = |tags: &std::collections::BTreeSet<bluegate_cluster::Tag>| {
            tags.iter().map(ToString::to_string).collect()
        };
        Self {
            enabled: settings.enabled,
            hosts: settings.hosts.iter().map(ToString::to_string).collect(),
            limits: LimitsForm::from(settings.limits),
            create: operators(&settings.create),
            join: operators(&settings.join),
            presentation: settings.presentation.as_ref().map(|presentation| {
                let url = presentation.url().to_owned();
                match presentation.name() {
                    None => PresentationForm::Url(url),
                    Some(name) => PresentationForm::Named(NamedForm { url, name: name.to_owned() }),
                }
            }),
            logo: settings.logo.clone(),
            welcome: settings.welcome.clone(),
            tags: TagsForm {
                required: texts(&settings.tags.required),
                preferred: texts(&settings.tags.preferred),
                avoided: texts(&settings.tags.avoided),
            },
        }
    }
}

impl From<Limits> for LimitsForm {
    fn from(limits: Limits) -> Self {
        let form = |limit: Limit| match (limit.soft, limit.hard) {
            (None, None) => None,
            (None, Some(hard)) => Some(LimitForm::Hard(hard.get())),
            (soft, hard) => Some(LimitForm::Both(BothForm {
                soft: soft.map(std::num::NonZeroU32::get),
                hard: hard.map(std::num::NonZeroU32::get),
            })),
        };
        Self {
            meetings: form(limits.meetings),
            users: form(limits.users),
            requests: form(limits.requests),
            recordings: form(limits.recordings),
        }
    }
}

fn operators(rules: &Rules) -> BTreeMap<String, OperatorsForm> {
    rules.rules().iter().map(|rule| (rule.name().to_owned(), OperatorsForm::from(rule))).collect()
}

impl From<&Rule> for OperatorsForm {
    fn from(rule: &Rule) -> Self {
        let mut form = Self::default();
        for operator in rule.operators() {
            match operator {
                Operator::Set(value) => form.set = Some(ScalarForm::Text(value.clone())),
                Operator::Default(value) => form.default = Some(ScalarForm::Text(value.clone())),
                Operator::AtMost(bound) => form.at_most = Some(i64::from(*bound)),
                Operator::Append(items) => form.append = Some(ListForm::Many(items.clone())),
                Operator::Remove => form.remove = Some(true),
            }
        }
        form
    }
}
