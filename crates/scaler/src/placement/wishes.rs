//! What a create call says of the node it wants, in its metadata.
//!
//! `meta_server-tag` is Scalelite's: `a;b` wants a node tagged `a` or `b` and
//! settles for an untagged one, `a;b!` wants nothing else, `none` among them
//! means untagged nodes. Without any of these only untagged nodes take a meeting.
//! `meta_bluegate-...` are ours and are not passed on to the node.

use bluegate_bbb_api::Parameters;
use bluegate_cluster::{BbbVersion, Tag, TagWishes};

use super::{Bar, Release};

/// What a create call wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// `meta_server-tag`.
    pub(crate) server_tag: Option<ServerTag>,
    /// `meta_bluegate-required-tags`: a node must have them all.
    pub(crate) required: Vec<String>,
    /// `meta_bluegate-preferred-tags`: the more of them the better.
    pub(crate) preferred: Vec<String>,
    /// `meta_bluegate-avoided-tags`: a node that has one comes last.
    pub(crate) avoided: Vec<String>,
    /// `meta_bluegate-version`: rules that a node's release must meet.
    pub(crate) version: Vec<VersionRule>,
    /// `meta_bluegate-expected-users`.
    pub(crate) expected_users: Option<u32>,
    /// `maxParticipants`.
    pub(crate) max_participants: Option<u32>,
}

/// A list of Scalelite's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerTag {
    tags: Vec<String>,
    /// Whether `none` is among them.
    untagged: bool,
    /// Whether it ends in `!`.
    required: bool,
}

/// One rule for releases, such as `>=3.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionRule {
    sign: &'static str,
    version: BbbVersion,
}

/// Metadata that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WishError {
    #[error("meta_bluegate-version `{0}` is not a rule such as `3.0`, `>=2.7` or `>=3.0,<4.0`")]
    Version(String),
    #[error("meta_bluegate-expected-users `{0}` is not a number of users")]
    ExpectedUsers(String),
}

/// Comparisons, longest first; without one a release is meant itself.
const SIGNS: [&str; 5] = [">=", "<=", ">", "<", ""];

impl Wishes {
    /// Reads what a create call says.
    pub(crate) fn read(parameters: &Parameters) -> Result<Self, WishError> {
        let text = |name: &str| {
            let text = parameters.text(name).map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let tags = |name: &str| text(name).map(|text| split(&text)).unwrap_or_default();
        let version = match text("meta_bluegate-version") {
            Some(text) => rules(&text).ok_or(WishError::Version(text))?,
            None => Vec::new(),
        };
        let expected_users = match text("meta_bluegate-expected-users") {
            Some(text) => Some(text.parse().map_err(|_| WishError::ExpectedUsers(text))?),
            None => None,
        };
        Ok(Self {
            server_tag: text("meta_server-tag").and_then(|text| ServerTag::parse(&text)),
            required: tags("meta_bluegate-required-tags"),
            preferred: tags("meta_bluegate-preferred-tags"),
            avoided: tags("meta_bluegate-avoided-tags"),
            version,
            expected_users,
            max_participants: text("maxParticipants").and_then(|text| text.parse().ok()),
        })
    }

    /// The same with what the tenant wants besides.
    #[must_use]
    pub(crate) fn and(mut self, tags: &TagWishes) -> Self {
        for (asked, more) in [
            (&mut self.required, &tags.required),
            (&mut self.preferred, &tags.preferred),
            (&mut self.avoided, &tags.avoided),
        ] {
            asked.extend(more.iter().map(ToString::to_string));
        }
        self
    }

    /// The tags without which there is no node, as Scalelite's failure names
    /// them.
    pub(crate) fn required_tags(&self) -> Option<String> {
        let listed = self.server_tag.as_ref().filter(|list| list.required);
        let listed = listed.into_iter().flat_map(|list| &list.tags);
        let tags: Vec<&str> = listed.chain(&self.required).map(String::as_str).collect();
        (!tags.is_empty()).then(|| tags.join(";"))
    }

    /// Why a node with these tags and this release is out of the question.
    pub(super) fn bar(&self, tags: &[Tag], release: Option<&Release>) -> Option<Bar> {
        let asked = |tag: &Tag| {
            let listed = self.server_tag.iter().flat_map(|list| &list.tags);
            let mut asked = listed.chain(&self.required).chain(&self.preferred);
            asked.any(|asked| asked == tag.as_str())
        };
        let listed = self.server_tag.as_ref().filter(|list| list.required);
        if listed.is_some_and(|list| !list.matches(tags))
            || self.required.iter().any(|tag| !has(tags, tag))
        {
            return Some(Bar::TagMissing);
        }
        if !tags.is_empty() && !tags.iter().any(asked) {
            return Some(Bar::TagNotAsked);
        }
        let allows = |rule: &VersionRule| release.and_then(|release| rule.allows(release));
        if self.version.iter().any(|rule| allows(rule) == Some(false)) {
            return Some(Bar::Version);
        }
        let all = self.version.iter().all(|rule| allows(rule) == Some(true));
        (!all).then_some(Bar::VersionUnknown)
    }

    /// How many wishes a node with these tags leaves open; an avoided tag is
    /// worse than any that is not there.
    pub(super) fn missed(&self, tags: &[Tag]) -> u32 {
        let listed = self.server_tag.as_ref().is_some_and(|list| !list.matches(tags));
        let preferred = self.preferred.iter().filter(|tag| !has(tags, tag)).count();
        let missed = u32::try_from(preferred).unwrap_or(u32::MAX).saturating_add(listed.into());
        let worst = u32::try_from(self.preferred.len()).unwrap_or(u32::MAX).saturating_add(2);
        let avoided = self.avoided.iter().any(|tag| has(tags, tag));
        if avoided { missed.saturating_add(worst) } else { missed }
    }

    /// What was asked, for people.
    pub(super) fn describe(&self) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(list) = &self.server_tag {
            let none = list.untagged.then_some("none");
            let tags: Vec<&str> = list.tags.iter().map(String::as_str).chain(none).collect();
            let must = if list.required { "!" } else { "" };
            parts.push(format!("server-tag {}{must}", tags.join(";")));
        }
        for (name, tags) in [
            ("required", &self.required),
            ("preferred", &self.preferred),
            ("avoided", &self.avoided),
        ] {
            if !tags.is_empty() {
                parts.push(format!("{name} {}", tags.join(";")));
            }
        }
        if !self.version.is_empty() {
            let rules: Vec<String> = self.version.iter().map(VersionRule::describe).collect();
            parts.push(format!("version {}", rules.join(",")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl ServerTag {
    fn parse(text: &str) -> Option<Self> {
        let required = text.ends_with('!');
        let mut tags = split(text.strip_suffix('!').unwrap_or(text));
        let untagged = tags.iter().any(|tag| tag == "none");
        tags.retain(|tag| tag != "none");
        (untagged || !tags.is_empty()).then_some(Self { tags, untagged, required })
    }

    fn matches(&self, tags: &[Tag]) -> bool {
        let untagged = self.untagged && tags.is_empty();
        untagged || self.tags.iter().any(|tag| has(tags, tag))
    }
}

impl VersionRule {
    /// Whether it allows this release, as far as can be told.
    fn allows(&self, release: &Release) -> Option<bool> {
        match release {
            Release::Version(version) => Some(self.allows_version(version)),
            Release::Since30 => self.allows_above(),
            Release::Before30 => self.allows_below(),
        }
    }

    /// The same of every release from 3.0 on, where they are alike in it.
    fn allows_above(&self) -> Option<bool> {
        let numbers = (self.version.major, self.version.minor, self.version.patch);
        let is_below = numbers < (3, 0, None);
        let is_not_above = numbers <= (3, 0, Some(0));
        match self.sign {
            ">=" => is_not_above.then_some(true),
            ">" => is_below.then_some(true),
            "<" => is_not_above.then_some(false),
            _ => is_below.then_some(false),
        }
    }

    /// The same of every release before 3.0.
    fn allows_below(&self) -> Option<bool> {
        let is_below = self.version.major < 3;
        (!is_below).then_some(matches!(self.sign, "<" | "<="))
    }

    /// Compares as precisely as the rule says: `3.0` means the whole line.
    fn allows_version(&self, version: &BbbVersion) -> bool {
        let line = |version: &BbbVersion| (version.major, version.minor);
        let order = match self.version.patch {
            None => line(version).cmp(&line(&self.version)),
            Some(_) => version.order(&self.version),
        };
        match self.sign {
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            _ => order.is_eq(),
        }
    }

    fn describe(&self) -> String {
        format!("{}{}", self.sign, self.version)
    }
}

/// What is asked for may be no tag at all; no node has it then.
fn has(tags: &[Tag], asked: &str) -> bool {
    tags.iter().any(|tag| tag.as_str() == asked)
}

fn split(text: &str) -> Vec<String> {
    let tags = text.split(';').map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(str::to_owned).collect()
}

fn rules(text: &str) -> Option<Vec<VersionRule>> {
    text.split(',').map(rule).collect()
}

fn rule(text: &str) -> Option<VersionRule> {
    let text = text.trim();
    let sign = SIGNS.into_iter().find(|sign| text.starts_with(sign))?;
    let version = text.strip_prefix(sign)?.trim().parse().ok()?;
    Some(VersionRule { sign, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Wishes {
        Wishes::read(&Parameters::of_query(query)).unwrap()
    }

    fn tags(text: &str) -> Vec<Tag> {
        text.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
    }

    /// Scalelite's rules, from its documentation and tests: what is asked, a
    /// node's tags, whether it may take the meeting, whether it is a second
    /// choice.
    #[test]
    fn server_tags_mean_what_they_mean_to_scalelite() {
        for (asked, node, may, second) in [
            ("", "", true, false),
            ("", "a", false, false),
            ("!", "", true, false),
            ("!", "a", false, false),
            ("a", "a", true, false),
            ("a", "", true, true),
            ("a", "b", false, false),
            ("a!", "a", true, false),
            ("a!", "", false, false),
            ("a!", "b", false, false),
            ("a;b", "b", true, false),
            ("a;b!", "a", true, false),
            ("a;none", "", true, false),
            ("a;none", "a", true, false),
            ("a;none!", "", true, false),
            ("none!", "a", false, false),
            ("A", "a", false, false),
            ("a", "b a", true, false),
        ] {
            let wishes = read(&format!("meta_server-tag={asked}"));
            let node = tags(node);
            assert_eq!(wishes.bar(&node, None).is_none(), may, "{asked} on {node:?}");
            if may {
                assert_eq!(wishes.missed(&node) > 0, second, "{asked} on {node:?}");
            }
        }
        assert_eq!(read("meta_server-tag=a;b!").required_tags().as_deref(), Some("a;b"));
        assert_eq!(read("meta_server-tag=a;b").required_tags(), None);
    }

    #[test]
    fn required_preferred_and_avoided_tags() {
        let wishes = read(
            "meta_bluegate-required-tags=gpu;eu&meta_bluegate-preferred-tags=new\
             &meta_bluegate-avoided-tags=lab",
        );
        for (node, wanted) in [
            ("gpu eu new", Ok(0)),
            ("gpu eu", Ok(1)),
            ("gpu eu new lab", Ok(3)),
            ("gpu eu lab", Ok(4)),
            ("gpu", Err(Bar::TagMissing)),
            ("", Err(Bar::TagMissing)),
        ] {
            let node = tags(node);
            let outcome = wishes.bar(&node, None).map_or_else(|| Ok(wishes.missed(&node)), Err);
            assert_eq!(outcome, wanted, "{node:?}");
        }
        let preferring = read("meta_bluegate-preferred-tags=new");
        assert_eq!(preferring.bar(&tags("new"), None), None);
        assert_eq!(preferring.bar(&tags("old"), None), Some(Bar::TagNotAsked));
        assert_eq!((preferring.missed(&tags("new")), preferring.missed(&[])), (0, 1));
        assert_eq!(wishes.required_tags().as_deref(), Some("gpu;eu"));
    }

    #[test]
    fn versions_compare_by_line_or_by_release() {
        for (rule, version, wanted) in [
            ("3.0", "3.0.28", true),
            ("3.0", "3.1.0", false),
            ("3.0.28", "3.0.28", true),
            ("3.0.28", "3.0.27", false),
            (">=3.0", "3.0.1", true),
            (">=3.0", "3.0.0-beta.1", true),
            (">=3.0.0", "3.0.0-beta.1", false),
            (">=3.0", "2.7.20", false),
            (">=2.7,<3.0", "2.7.20", true),
            (">=2.7, <3.0", "3.0.1", false),
            ("<=2.7", "2.7.20", true),
            (">2.7", "2.7.20", false),
        ] {
            let wishes = read(&format!("meta_bluegate-version={rule}"));
            let bar = wishes.bar(&[], Some(&Release::Version(version.parse().unwrap())));
            assert_eq!(bar.is_none(), wanted, "{version} for {rule}");
            assert_eq!(wishes.bar(&[], None), Some(Bar::VersionUnknown));
        }
        for bad in ["x", "3", "=3.0", ">=", "3.0,,"] {
            let query = format!("meta_bluegate-version={bad}");
            assert!(Wishes::read(&Parameters::of_query(&query)).is_err(), "{bad}");
        }
        let bad = Parameters::of_query("meta_bluegate-expected-users=many");
        assert!(Wishes::read(&bad).is_err());
    }

    #[test]
    fn a_side_of_3_0_is_enough_for_some_rules() {
        let (fits, out) = (None, Some(Bar::Version));
        let unknown = Some(Bar::VersionUnknown);
        for (rule, since, before) in [
            (">=3.0", fits, out),
            (">=3.0.0", fits, out),
            (">=2.7", fits, unknown),
            (">=3.0.1", unknown, out),
            (">3.0", unknown, out),
            (">2.7", fits, unknown),
            ("<3.0", out, fits),
            ("<=2.7", out, unknown),
            ("<=3.0", unknown, fits),
            ("<4.0", unknown, fits),
            ("3.0", unknown, out),
            ("2.7", out, unknown),
            ("2.7.17", out, unknown),
            (">=3.0,<4.0", unknown, out),
        ] {
            let wishes = read(&format!("meta_bluegate-version={rule}"));
            assert_eq!(wishes.bar(&[], Some(&Release::Since30)), since, "since 3.0 for {rule}");
            assert_eq!(wishes.bar(&[], Some(&Release::Before30)), before, "before 3.0 for {rule}");
        }
    }

    #[test]
    fn a_tenants_wishes_are_added_to_those_of_the_call() {
        let tags = |tags: &[&str]| tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let tenants = TagWishes {
            required: tags(&["eu"]),
            preferred: tags(&["new"]),
            avoided: tags(&["lab"]),
        };
        let wishes = read("meta_server-tag=gpu!").and(&tenants);
        assert_eq!(wishes.required_tags().as_deref(), Some("gpu;eu"));
        assert_eq!(wishes.bar(&self::tags("gpu"), None), Some(Bar::TagMissing));
        assert_eq!(wishes.bar(&self::tags("gpu eu"), None), None);
        assert!(
            wishes.missed(&self::tags("gpu eu")) < wishes.missed(&self::tags("gpu eu lab new"))
        );
    }

    #[test]
    fn what_was_asked_is_said() {
        let query = "meta_server-tag=a;none!&meta_bluegate-avoided-tags=lab\
                     &meta_bluegate-version=>=3.0,<4.0";
        let said = read(query).describe();
        assert_eq!(said.as_deref(), Some("server-tag a;none!, avoided lab, version >=3.0,<4.0"));
        assert_eq!(read("name=x").describe(), None);
    }
}
