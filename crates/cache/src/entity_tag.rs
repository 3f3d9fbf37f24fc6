//! Entity tags (RFC 9110, section 8.8.3) and lists of them.

use std::fmt;

use crate::cache_control::split_list;

/// A validator such as `"abc"` or `W/"abc"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    weak: bool,
    opaque: String,
}

impl EntityTag {
    /// A strong tag made from `opaque`, which has no quotes or controls.
    #[must_use]
    pub fn strong(opaque: impl Into<String>) -> Self {
        Self { weak: false, opaque: opaque.into() }
    }

    /// Reads one tag; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let opaque = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let legal = |b: u8| b == 0x21 || (0x23..=0x7e).contains(&b) || b >= 0x80;
        opaque.bytes().all(legal).then(|| Self { weak, opaque: opaque.to_owned() })
    }

    /// The tag in an `If-None-Match` list that is `name`, or `name` with a
    /// suffix after a dash: that content in whatever coding.
    #[must_use]
    pub fn find_variant(if_none_match: &str, name: &str) -> Option<Self> {
        split_list(if_none_match).filter_map(Self::parse).find(|tag| {
            let suffix = tag.opaque.strip_prefix(name);
            suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('-'))
        })
    }

    /// Strong comparison (section 8.8.3.2): both strong and the same.
    #[must_use]
    pub fn matches_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison: the same but for weakness.
    #[must_use]
    pub fn matches_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// Whether an `If-None-Match` value (section 13.1.2) names this tag: `*`,
    /// or a list that weakly matches.
    #[must_use]
    pub fn is_listed_in(&self, if_none_match: &str) -> bool {
        if_none_match.trim() == "*"
            || split_list(if_none_match)
                .filter_map(Self::parse)
                .any(|tag| self.matches_weakly(&tag))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_compare_as_rfc_9110_section_8_8_3_2_shows() {
        for (a, b, strongly, weakly) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let (a, b) = (EntityTag::parse(a).unwrap(), EntityTag::parse(b).unwrap());
            assert_eq!((a.matches_strongly(&b), a.matches_weakly(&b)), (strongly, weakly));
        }
    }

    #[test]
    fn lists_name_a_tag_or_do_not() {
        let tag = EntityTag::strong("a,b");
        for (list, wanted) in [
            ("*", true),
            ("\"a,b\"", true),
            ("\"x\", W/\"a,b\"", true),
            ("\"a\"", false),
            ("a,b", false),
            ("", false),
            ("\"a,b", false),
        ] {
            assert_eq!(tag.is_listed_in(list), wanted, "{list}");
        }
    }

    #[test]
    fn a_content_is_found_in_whatever_coding_it_came() {
        for (list, wanted) in [
            ("\"ab\"", Some("\"ab\"")),
            ("\"x\", W/\"ab-br\"", Some("W/\"ab-br\"")),
            ("\"abc\"", None),
            ("*", None),
            ("ab", None),
        ] {
            let found = EntityTag::find_variant(list, "ab").map(|tag| tag.to_string());
            assert_eq!(found.as_deref(), wanted, "{list}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(text in "(W/)?\"[!#-~]{0,20}\"") {
            prop_assert_eq!(EntityTag::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let tag = EntityTag::strong("x");
            prop_assert!(!tag.is_listed_in(&text) || text.contains('x') || text.trim() == "*");
        }
    }
}
