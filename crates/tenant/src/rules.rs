//! The rules for the parameters of a call, and what they do to a request.

use std::collections::BTreeSet;

use bluegate_bbb_api::{Parameters, RawQuery, sanitise};

use crate::operator::{Operator, Rule};

/// Numbers that BBB takes for "no bound" when they are absent.
const UNBOUNDED_WHEN_ABSENT: [&str; 3] = ["duration", "maxParticipants", "meetingCameraCap"];
/// Numbers of which 0 means "no bound" or "never".
const UNBOUNDED_WHEN_ZERO: [&str; 7] = [
    "duration",
    "learningDashboardCleanupDelayInMinutes",
    "logoutTimer",
    "maxParticipants",
    "meetingCameraCap",
    "meetingExpireWhenLastUserLeftInMinutes",
    "userCameraCap",
];

/// The rules for one call, at most one per parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// These rules, of which none is about the same parameter as another.
    ///
    /// # Errors
    /// The rule that is about the same parameter as one before it.
    pub fn new(rules: Vec<Rule>) -> Result<Self, Rule> {
        let mut known: Vec<Rule> = Vec::with_capacity(rules.len());
        for rule in rules {
            if known.iter().any(|other| other.is_about(rule.name())) {
                return Err(rule);
            }
            known.push(rule);
        }
        Ok(Self(known))
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// Changes the parameters of a request, in query and form alike. What no
    /// rule is about stays as it was written.
    pub fn apply(&self, parameters: &mut Parameters) {
        for rule in &self.0 {
            apply(rule, parameters);
        }
    }
}

fn apply(rule: &Rule, parameters: &mut Parameters) {
    let given = parameters.iter().filter(|(name, _)| rule.is_about(name));
    let values: Vec<String> =
        given.map(|(_, value)| sanitise(&value.lossy()).into_owned()).collect();
    // BBB reads the first of several, and most of what is empty as absent.
    let first = values.first().filter(|value| !value.is_empty()).cloned();
    let wanted = rule
        .operators()
        .iter()
        .fold(first.clone(), |value, operator| operated(rule.name(), operator, value));
    if wanted == first && values.len() <= 1 {
        return;
    }
    parameters.remove_where(|name| rule.is_about(name));
    if let Some(value) = wanted {
        last(parameters).append(rule.name(), &value);
    }
}

/// Where a parameter is added: a long one would not fit an address.
fn last(parameters: &mut Parameters) -> &mut RawQuery {
    parameters.form.as_mut().unwrap_or(&mut parameters.query)
}

/// What one operator makes of a value.
fn operated(name: &str, operator: &Operator, value: Option<String>) -> Option<String> {
    match operator {
        Operator::Set(value) => Some(value.clone()),
        Operator::Remove => None,
        Operator::Default(default) => Some(value.unwrap_or_else(|| default.clone())),
        Operator::AtMost(bound) => at_most(name, *bound, value),
        Operator::Append(items) => Some(appended(value.as_deref().unwrap_or_default(), items)),
    }
}

/// What is no number, BBB replaces by its default: the same as absent.
fn at_most(name: &str, bound: i32, value: Option<String>) -> Option<String> {
    let number = value.as_ref().and_then(|value| value.parse::<i32>().ok());
    let unbounded = match number {
        Some(number) => number <= 0 && UNBOUNDED_WHEN_ZERO.contains(&name),
        None => UNBOUNDED_WHEN_ABSENT.contains(&name),
    };
    if unbounded || number.is_some_and(|number| number > bound) {
        return Some(bound.to_string());
    }
    number.and(value)
}

fn appended(list: &str, items: &[String]) -> String {
    let there = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    let mut seen = BTreeSet::new();
    let all = there.chain(items.iter().map(String::as_str)).filter(|item| seen.insert(*item));
    all.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(rules: &[(&str, &[Operator])]) -> Rules {
        let rules = rules.iter().map(|(name, all)| Rule::new(name, all.to_vec()).unwrap());
        Rules::new(rules.collect()).unwrap()
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn each_operator_does_what_it_says() {
        let set = || Operator::Set(text("false"));
        let default = || Operator::Default(text("https://a.org/l.png"));
        let append = || Operator::Append(vec![text("chat"), text("polls")]);
        for (name, operators, before, after) in [
            ("record", vec![set()], "a=1", "a=1&record=false"),
            ("record", vec![set()], "record=true&a=1", "a=1&record=false"),
            ("record", vec![set()], "record=false&a=%2f", "record=false&a=%2f"),
            ("record", vec![set()], "record=false&record=true", "record=false"),
            ("record", vec![set()], "+rec%6Frd=true&Record=true", "Record=true&record=false"),
            ("dialNumber", vec![Operator::Remove], "dialNumber=1&a=1", "a=1"),
            ("dialNumber", vec![Operator::Remove], "a=1", "a=1"),
            ("logo", vec![default()], "a=1", "a=1&logo=https%3A%2F%2Fa.org%2Fl.png"),
            ("logo", vec![default()], "logo=&a=1", "a=1&logo=https%3A%2F%2Fa.org%2Fl.png"),
            ("logo", vec![default()], "logo=x&a=1", "logo=x&a=1"),
            ("duration", vec![Operator::AtMost(120)], "a=1", "a=1&duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=0", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=-5", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=x", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=9999999999", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=121", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=120", "duration=120"),
            ("duration", vec![Operator::AtMost(120)], "duration=%31", "duration=%31"),
            ("duration", vec![Operator::AtMost(120)], "duration=1&duration=900", "duration=1"),
            ("maxPinnedCameras", vec![Operator::AtMost(2)], "a=1", "a=1"),
            (
                "maxPinnedCameras",
                vec![Operator::AtMost(2)],
                "maxPinnedCameras=0",
                "maxPinnedCameras=0",
            ),
            (
                "maxPinnedCameras",
                vec![Operator::AtMost(2)],
                "maxPinnedCameras=3",
                "maxPinnedCameras=2",
            ),
            ("maxPinnedCameras", vec![Operator::AtMost(2)], "maxPinnedCameras=x", ""),
            ("disabledFeatures", vec![append()], "a=1", "a=1&disabledFeatures=chat%2Cpolls"),
            (
                "disabledFeatures",
                vec![append()],
                "disabledFeatures=polls,+quizzes,polls",
                "disabledFeatures=polls%2Cquizzes%2Cchat",
            ),
            (
                "disabledFeatures",
                vec![append()],
                "disabledFeatures=chat,polls",
                "disabledFeatures=chat,polls",
            ),
            (
                "meta_Owner",
                vec![Operator::Set(text("us"))],
                "meta_owner=a&meta_OWNER=b&META_owner=c",
                "META_owner=c&meta_Owner=us",
            ),
            (
                "duration",
                vec![Operator::Default(text("60")), Operator::AtMost(45)],
                "a=1",
                "a=1&duration=45",
            ),
        ] {
            let mut parameters = Parameters::of_query(before);
            rules(&[(name, &operators)]).apply(&mut parameters);
            assert_eq!(parameters.query.to_string(), after, "{before} {operators:?}");
        }
    }

    #[test]
    fn a_form_is_ruled_as_the_query_is() {
        let mut parameters = Parameters {
            query: RawQuery::parse("record=true&a=1"),
            form: Some(RawQuery::parse("record=true&duration=0&b=2")),
        };
        rules(&[
            ("record", &[Operator::Set(text("false"))]),
            ("duration", &[Operator::AtMost(10)]),
        ])
        .apply(&mut parameters);
        assert_eq!(parameters.query.to_string(), "a=1");
        assert_eq!(parameters.form.unwrap().to_string(), "b=2&record=false&duration=10");
    }

    #[test]
    fn a_parameter_has_one_rule() {
        let rule = |name: &str| Rule::new(name, vec![Operator::Remove]).unwrap();
        let twice = Rules::new(vec![rule("meta_a"), rule("meta_A")]);
        assert_eq!(twice.unwrap_err().name(), "meta_A");
    }

    proptest! {
        #[test]
        fn what_a_node_reads_keeps_to_the_rules(
            query in "(duration|dur%61tion|\\+duration|a)?(=[0-9x-]{0,5})?(&(duration|%64uration|a)=[0-9 -]{0,12}){0,3}",
            form in proptest::option::of("(duration=[0-9]{0,4}&){0,2}"),
        ) {
            let form = form.as_deref().map(RawQuery::parse);
            let mut parameters = Parameters { query: RawQuery::parse(&query), form };
            let others = |p: &Parameters| {
                p.iter().filter(|(name, _)| name != "duration").map(|(n, v)| (n, v.raw().to_owned()))
                    .collect::<Vec<_>>()
            };
            let before = others(&parameters);
            rules(&[("duration", &[Operator::AtMost(120)])]).apply(&mut parameters);
            let read: i32 = parameters.text("duration").unwrap().trim().parse().unwrap();
            prop_assert!((1..=120).contains(&read));
            prop_assert!(!parameters.is_ambiguous("duration"));
            prop_assert_eq!(others(&parameters), before);
        }
    }
}
