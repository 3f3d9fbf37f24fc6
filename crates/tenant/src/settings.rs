//! The settings of a tenant, validated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

use bluegate_bbb_api::Parameters;
use bluegate_cluster::{HostName, Tag, TagWishes};

use crate::{
    form::{Form, LimitForm, LimitsForm, ListForm, OperatorsForm, PresentationForm, TagsForm},
    limits::{Limit, Limits},
    operator::{Operator, Rule, RuleError},
    presentation::{Presentation, is_url},
    rules::Rules,
};

/// Host names of one tenant.
const MAX_HOSTS: usize = 64;
/// Rules for one call.
const MAX_RULES: usize = 128;
/// Bytes of a welcome text: it travels in an address.
const MAX_WELCOME: usize = 2_000;

/// What a tenant may and gets. Secrets and the name are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether it may have new meetings. Those it has go on in any case.
    pub enabled: bool,
    /// Host names by which only it is called.
    pub hosts: Vec<HostName>,
    /// How much it may have.
    pub limits: Limits,
    /// What is done to parameters of create.
    pub create: Rules,
    /// What is done to parameters of join.
    pub join: Rules,
    /// The presentation of meetings whose creator brings none.
    pub presentation: Option<Presentation>,
    /// The address of the logo of meetings whose creator gives none.
    pub logo: Option<String>,
    /// The welcome text of meetings whose creator gives none.
    pub welcome: Option<String>,
    /// What its meetings want of their nodes.
    pub tags: TagWishes,
    /// Rules for create that follow from the rest: logo, welcome and the limit
    /// on users.
    implied: Rules,
}

/// One thing that is wrong with a [`Form`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as keys from outside in: `create`, `record`.
    pub path: Vec<String>,
    /// What.
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.path.join("."), self.message)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            hosts: Vec::new(),
            limits: Limits::default(),
            create: Rules::default(),
            join: Rules::default(),
            presentation: None,
            logo: None,
            welcome: None,
            tags: TagWishes::default(),
            implied: Rules::default(),
        }
    }
}

impl Settings {
    /// Makes of a create call's parameters what the tenant's meetings are to
    /// have: its own rules first, then logo and welcome where there is none, and
    /// no more participants than the tenant may have users.
    pub fn shape_create(&self, parameters: &mut Parameters) {
        self.create.apply(parameters);
        self.implied.apply(parameters);
    }
}

impl TryFrom<Form> for Settings {
    /// Everything that is wrong, at once.
    type Error = Vec<Problem>;

    fn try_from(form: Form) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let hosts = problems.hosts(&form.hosts);
        let limits = problems.limits(form.limits);
        let create = problems.rules("create", form.create);
        let join = problems.rules("join", form.join);
        let presentation = form.presentation.and_then(|given| problems.presentation(&given));
        if let Some(logo) = form.logo.as_ref().filter(|logo| !is_url(logo)) {
            let message = format!("`{logo}` is not an address such as `https://a.org/logo.png`");
            problems.add(&["logo"], message);
        }
        if form.welcome.as_ref().is_some_and(|welcome| welcome.len() > MAX_WELCOME) {
            problems.add(&["welcome"], format!("it is longer than {MAX_WELCOME} bytes"));
        }
        let implied = problems.implied(form.logo.as_ref(), form.welcome.as_ref(), limits);
        let tags = problems.tags(form.tags);
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        Ok(Self {
            enabled: form.enabled,
            hosts,
            limits,
            create,
            join,
            presentation,
            logo: form.logo,
            welcome: form.welcome,
            tags,
            implied,
        })
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: &[&str], message: impl Display) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        self.0.push(Problem { path, message: message.to_string() });
    }

    /// The value, or a problem at `path`.
    fn take<T, E: Display>(&mut self, path: &[&str], result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(path, error);
                None
            }
        }
    }

    fn hosts(&mut self, given: &[String]) -> Vec<HostName> {
        let mut hosts: Vec<HostName> = Vec::with_capacity(given.len());
        for text in given {
            let Some(host) = self.take(&["hosts"], text.parse()) else { continue };
            if hosts.contains(&host) {
                self.add(&["hosts"], format_args!("`{host}` is there twice"));
            }
            hosts.push(host);
        }
        if hosts.len() > MAX_HOSTS {
            self.add(&["hosts"], format_args!("more than {MAX_HOSTS} names"));
        }
        hosts
    }

    fn limits(&mut self, given: LimitsForm) -> Limits {
        let mut limit = |key: &str, form: Option<LimitForm>| {
            let (soft, hard) = match form {
                None => (None, None),
                Some(LimitForm::Hard(hard)) => (None, Some(hard)),
                Some(LimitForm::Both(both)) => (both.soft, both.hard),
            };
            self.take(&["limits", key], Limit::new(soft, hard)).unwrap_or_default()
        };
        Limits {
            meetings: limit("meetings", given.meetings),
            users: limit("users", given.users),
            requests: limit("requests", given.requests),
            recordings: limit("recordings", given.recordings),
        }
    }

    fn rules(&mut self, call: &str, given: BTreeMap<String, OperatorsForm>) -> Rules {
        if given.len() > MAX_RULES {
            self.add(&[call], format_args!("more than {MAX_RULES} rules"));
        }
        let mut rules = Vec::with_capacity(given.len());
        for (name, form) in given {
            let rule = operators(form).and_then(|operators| Rule::new(&name, operators));
            rules.extend(self.take(&[call, &name], rule));
        }
        match Rules::new(rules) {
            Ok(rules) => rules,
            Err(rule) => {
                let message = "another rule is about the same parameter: BBB folds the letter case \
                    of metadata";
                self.add(&[call, rule.name()], message);
                Rules::default()
            }
        }
    }

    fn presentation(&mut self, given: &PresentationForm) -> Option<Presentation> {
        let presentation = match given {
            PresentationForm::Url(url) => Presentation::new(url, None),
            PresentationForm::Named(named) => Presentation::new(&named.url, Some(&named.name)),
        };
        self.take(&["presentation"], presentation)
    }

    fn implied(
        &mut self,
        logo: Option<&String>,
        welcome: Option<&String>,
        limits: Limits,
    ) -> Rules {
        let default = |text: &String| Operator::Default(text.clone());
        let users = limits.users.hard.and_then(|hard| i32::try_from(hard.get()).ok());
        let implied = [
            ("logo", logo.map(default)),
            ("welcome", welcome.map(default)),
            ("maxParticipants", users.map(Operator::AtMost)),
        ];
        let rules = implied
            .into_iter()
            .filter_map(|(name, operator)| self.take(&[name], Rule::new(name, vec![operator?])));
        Rules::new(rules.collect()).unwrap_or_default()
    }

    fn tags(&mut self, given: TagsForm) -> TagWishes {
        let mut tags = |key: &str, given: Vec<String>| -> BTreeSet<Tag> {
            let parsed = given.iter().map(|text| Tag::from_str(text));
            parsed.filter_map(|tag| self.take(&["tags", key], tag)).collect()
        };
        let wishes = TagWishes {
            required: tags("required", given.required),
            preferred: tags("preferred", given.preferred),
            avoided: tags("avoided", given.avoided),
        };
        let unwanted = |tag: &&Tag| wishes.avoided.contains(*tag);
        if let Some(tag) = wishes.required.union(&wishes.preferred).find(unwanted) {
            self.add(&["tags", "avoided"], format_args!("`{tag}` is wanted and avoided"));
        }
        wishes
    }
}

fn operators(form: OperatorsForm) -> Result<Vec<Operator>, RuleError> {
    let at_most = form.at_most.map(|bound| i32::try_from(bound).map_err(|_| RuleError::Bound));
    let append = form.append.map(|list| match list {
        ListForm::One(item) => vec![item],
        ListForm::Many(items) => items,
    });
    let remove = form.remove.unwrap_or_default();
    let operators = [
        form.set.map(|value| Operator::Set(value.text())),
        form.default.map(|value| Operator::Default(value.text())),
        at_most.transpose()?.map(Operator::AtMost),
        append.map(Operator::Append),
        remove.then_some(Operator::Remove),
    ];
    Ok(operators.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
