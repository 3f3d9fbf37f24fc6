//! One rule: a parameter, and what is done to it.

/// What is done to a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It has this value, whatever the client gives.
    Set(String),
    /// It is taken away.
    Remove,
    /// It has this value when the client gives none, or an empty one.
    Default(String),
    /// Its number is at most this.
    AtMost(i32),
    /// Its comma-separated list has these items too.
    Append(Vec<String>),
}

/// A parameter and what is done to it, in this order: `default`, `at_most`,
/// `append`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    name: String,
    operators: Vec<Operator>,
}

/// Why there is no such rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not a name that BBB would find a parameter by.
    #[error("`{0}` is not the name of a parameter: a letter, then letters, digits, `_` and `-`")]
    Name(String),
    /// A parameter that says which meeting is meant or who asks.
    #[error("`{0}` is not a tenant's to rule: it says which meeting is meant, or who asks")]
    Reserved(String),
    /// Nothing is done.
    #[error("give one of `set`, `default`, `at_most`, `append`, `remove`")]
    Empty,
    /// What makes the others meaningless.
    #[error("`{0}` stands alone: nothing is left for the others to do")]
    Alone(&'static str),
    /// Twice the same voice for two meetings.
    #[error(
        "all meetings would have this `voiceBridge`; only `remove` makes sense, then each gets its own"
    )]
    VoiceBridge,
    /// An item that would be two, or none.
    #[error(
        "`append` takes items without comma, blanks around them or control characters, and at least one"
    )]
    Item,
    /// A bound below 1.
    #[error("`at_most` is a whole number of at least 1")]
    Bound,
    /// A text BBB would read as another.
    #[error("the value has control characters, or blanks around it, which BBB takes away")]
    Value,
}

/// Which meeting a call is about, who makes it, and what only we say.
const RESERVED: [&str; 8] = [
    "checksum",
    "createTime",
    "existingUserID",
    "isBreakout",
    "meetingID",
    "parentMeetingID",
    "sequence",
    "sessionToken",
];
const RESERVED_PREFIX: &str = "meta_bluegate-";
const MAX_NAME: usize = 128;

impl Rule {
    /// A rule for the parameter `name`.
    ///
    /// # Errors
    /// [`RuleError`] when the name is none, or the operators make no sense.
    pub fn new(name: &str, mut operators: Vec<Operator>) -> Result<Self, RuleError> {
        check_name(name)?;
        for operator in &operators {
            check(name, operator)?;
        }
        if operators.is_empty() {
            return Err(RuleError::Empty);
        }
        for (operator, word) in operators.iter().map(|operator| (operator, operator.word())) {
            let alone = matches!(operator, Operator::Set(_) | Operator::Remove);
            if alone && operators.len() > 1 {
                return Err(RuleError::Alone(word));
            }
        }
        operators.sort_by_key(Operator::order);
        Ok(Self { name: name.to_owned(), operators })
    }

    /// The parameter's name, as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is done, in order.
    #[must_use]
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// Whether it is about the parameter with this canonical name. BBB keeps
    /// metadata and plugin names in lower case, so two spellings are one there.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        let folded = ["meta_", "plugin_"]
            .iter()
            .any(|prefix| self.name.starts_with(prefix) && name.starts_with(prefix));
        if folded { self.name.eq_ignore_ascii_case(name) } else { self.name == name }
    }
}

impl Operator {
    /// Its word in the configuration.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Remove => "remove",
            Self::Default(_) => "default",
            Self::AtMost(_) => "at_most",
            Self::Append(_) => "append",
        }
    }

    fn order(&self) -> u8 {
        match self {
            Self::Set(_) | Self::Remove | Self::Default(_) => 0,
            Self::AtMost(_) => 1,
            Self::Append(_) => 2,
        }
    }
}

fn check_name(name: &str) -> Result<(), RuleError> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !starts || !goes_on || name.len() > MAX_NAME {
        return Err(RuleError::Name(name.to_owned()));
    }
    let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
    if reserved || name.to_ascii_lowercase().starts_with(RESERVED_PREFIX) {
        return Err(RuleError::Reserved(name.to_owned()));
    }
    Ok(())
}

fn check(name: &str, operator: &Operator) -> Result<(), RuleError> {
    let clean = |text: &str| bluegate_bbb_api::sanitise(text) == text;
    match operator {
        Operator::Remove => Ok(()),
        _ if name == "voiceBridge" => Err(RuleError::VoiceBridge),
        Operator::Set(value) | Operator::Default(value) => {
            if clean(value) {
                Ok(())
            } else {
                Err(RuleError::Value)
            }
        }
        Operator::AtMost(bound) => {
            if *bound >= 1 {
                Ok(())
            } else {
                Err(RuleError::Bound)
            }
        }
        Operator::Append(items) => {
            let item = |item: &String| !item.is_empty() && !item.contains(',') && clean(item);
            if !items.is_empty() && items.iter().all(item) { Ok(()) } else { Err(RuleError::Item) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        let set = |value: &str| Operator::Set(value.to_owned());
        let append = |item: &str| Operator::Append(vec![item.to_owned()]);
        for (name, operators, wanted) in [
            ("record", vec![set("false")], None),
            ("duration", vec![Operator::AtMost(120), Operator::Default("60".into())], None),
            ("voiceBridge", vec![Operator::Remove], None),
            ("voiceBridge", vec![set("70000")], Some(RuleError::VoiceBridge)),
            ("", vec![set("x")], Some(RuleError::Name(String::new()))),
            ("meeting ID", vec![set("x")], Some(RuleError::Name("meeting ID".into()))),
            ("meetingID", vec![set("x")], Some(RuleError::Reserved("meetingID".into()))),
            ("MEETINGID", vec![set("x")], Some(RuleError::Reserved("MEETINGID".into()))),
            (
                "meta_Bluegate-stamp",
                vec![Operator::Remove],
                Some(RuleError::Reserved("meta_Bluegate-stamp".into())),
            ),
            ("record", vec![], Some(RuleError::Empty)),
            ("record", vec![set("a"), Operator::Remove], Some(RuleError::Alone("set"))),
            ("record", vec![append("a"), Operator::Remove], Some(RuleError::Alone("remove"))),
            ("record", vec![set(" a")], Some(RuleError::Value)),
            ("duration", vec![Operator::AtMost(0)], Some(RuleError::Bound)),
            ("disabledFeatures", vec![append("a,b")], Some(RuleError::Item)),
            ("disabledFeatures", vec![Operator::Append(vec![])], Some(RuleError::Item)),
        ] {
            assert_eq!(Rule::new(name, operators.clone()).err(), wanted, "{name} {operators:?}");
        }
    }

    #[test]
    fn metadata_is_one_whatever_its_letter_case() {
        let rule = |name: &str| Rule::new(name, vec![Operator::Remove]).unwrap();
        assert!(rule("meta_endCallbackUrl").is_about("meta_ENDcallbackurl"));
        assert!(!rule("meta_x").is_about("META_x"), "BBB does not take this for metadata");
        assert!(!rule("logoutURL").is_about("logouturl"));
    }
}
