//! What getRecordings asks for: which recordings, in which state, with which
//! metadata, and which page of them.

use crate::{
    answer::Answer,
    parameters::Parameters,
    query::{decode_again, sanitise},
    recording::is_there,
    stamp,
};

/// The most recordings on one page.
const MAX_LIMIT: i32 = 100;

/// A getRecordings call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingQuery {
    /// Which recordings.
    pub wanted: WantedRecordings,
    /// Words of states; none stands for published and unpublished ones.
    states: Vec<String>,
    /// Names and patterns of metadata, of which all must match.
    metadata: Vec<(String, String)>,
    /// Which part of them; absent for all.
    pub page: Option<RecordingPage>,
}

/// Which recordings getRecordings asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WantedRecordings {
    /// All of them.
    #[default]
    All,
    /// Those of these meetings.
    OfMeetings(Vec<String>),
    /// Those whose IDs begin with one of these texts.
    Beginning(Vec<String>),
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingPage {
    /// How many are left out before it.
    pub offset: usize,
    /// How many are on it at most.
    pub limit: usize,
}

impl RecordingQuery {
    /// Reads a call as BBB does; what makes no sense is as if it were not there.
    #[must_use]
    pub fn read(parameters: &Parameters) -> Self {
        let wanted = match (list(parameters, "recordID"), list(parameters, "meetingID")) {
            (ids, _) if !ids.is_empty() => WantedRecordings::Beginning(ids),
            (_, ids) if !ids.is_empty() => WantedRecordings::OfMeetings(ids),
            _ => WantedRecordings::All,
        };
        // Java's `int`.
        let number = |name: &str| {
            let given = parameters.text(name)?;
            sanitise(&given).parse::<i32>().ok()
        };
        let size = |number: i32| usize::try_from(number).unwrap_or(0);
        let page = number("limit").map(|limit| RecordingPage {
            offset: size(number("offset").unwrap_or(0)),
            limit: size(limit.clamp(1, MAX_LIMIT)),
        });
        let metadata = metadata_of(parameters);
        Self {
            wanted,
            states: list(parameters, "state"),
            metadata: metadata.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            page,
        }
    }

    /// Whether a recording in this state, with this metadata, is asked for.
    pub fn takes<'a>(&self, state: &str, metadata: impl Fn(&str) -> Option<&'a str>) -> bool {
        let by_state = match self.states.as_slice() {
            [] => is_there(state),
            states => states.iter().any(|wanted| wanted == "any" || wanted == state),
        };
        by_state
            && self
                .metadata
                .iter()
                .all(|(name, pattern)| metadata(name).is_some_and(|value| matches(pattern, value)))
    }
}

/// The record IDs that a call names.
#[must_use]
pub fn record_ids(parameters: &Parameters) -> Vec<String> {
    list(parameters, "recordID")
}

/// `meta_NAME` parameters as BBB reads them: names that are none are left out,
/// and so are ours; the others are in lower case.
#[must_use]
pub fn metadata_of(parameters: &Parameters) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in parameters.iter() {
        let Some(name) = name.strip_prefix("meta_").filter(|name| is_metadata_name(name)) else {
            continue;
        };
        let name = name.to_ascii_lowercase();
        // Of duplicates the first counts.
        if found.iter().all(|(known, _)| *known != name) {
            found.push((name, sanitise(&value.lossy()).into_owned()));
        }
    }
    found
}

impl Answer {
    /// What stands before and behind the printed `<recording>` elements of a
    /// getRecordings answer, in BBB's form for none when it is `empty`; `page` with
    /// how many there are in all.
    #[must_use]
    pub fn around_recordings(
        empty: bool,
        page: Option<(RecordingPage, usize)>,
    ) -> (&'static str, String) {
        let mut text = "</recordings>".to_owned();
        if empty {
            text.push_str(
                "<messageKey>noRecordings</messageKey>\
                 <message>There are no recordings for the meeting(s).</message>",
            );
        }
        if let Some((RecordingPage { offset, limit }, total)) = page {
            text.push_str(&format!(
                "<pagination><pageable><offset>{offset}</offset><limit>{limit}</limit>\
                 <paged>true</paged><unpaged>false</unpaged></pageable>\
                 <totalElements>{total}</totalElements><empty>{empty}</empty></pagination>"
            ));
        }
        text.push_str("</response>");
        ("<response><returncode>SUCCESS</returncode><recordings>", text)
    }
}

/// A list with commas, which BBB decodes once more than other parameters.
fn list(parameters: &Parameters, name: &str) -> Vec<String> {
    let Some(given) = parameters.text(name) else { return Vec::new() };
    let decoded = decode_again(&sanitise(&given));
    decoded.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// `%` at an end of the pattern stands for anything there.
fn matches(pattern: &str, value: &str) -> bool {
    let start = pattern.strip_prefix('%');
    let inside = start.and_then(|rest| rest.strip_suffix('%'));
    inside.is_some_and(|part| value.contains(part))
        || start.is_some_and(|end| value.ends_with(end))
        || pattern.strip_suffix('%').is_some_and(|start| value.starts_with(start))
        || pattern == value
}

/// The metadata names BBB takes: a letter, then letters, digits and hyphens.
pub(crate) fn is_metadata_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !stamp::is_ours(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> RecordingQuery {
        RecordingQuery::read(&Parameters::of_query(query))
    }

    #[test]
    fn a_call_says_which_recordings() {
        use WantedRecordings::{All, Beginning, OfMeetings};
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (query, wanted) in [
            ("", All),
            ("meetingID=&recordID=", All),
            ("recordID=,", All),
            ("meetingID=a,b", OfMeetings(texts(&["a", "b"]))),
            ("meetingID=a%2Cb", OfMeetings(texts(&["a", "b"]))),
            ("meetingID=a%252Cb%2B1", OfMeetings(texts(&["a", "b 1"]))),
            ("meetingID=a&recordID=b", Beginning(texts(&["b"]))),
            ("recordID=+a%00,,b+", Beginning(texts(&["a", "b"]))),
        ] {
            assert_eq!(read(query).wanted, wanted, "{query}");
        }
    }

    #[test]
    fn a_page_is_as_large_as_bbb_allows() {
        let page = |offset, limit| Some(RecordingPage { offset, limit });
        for (query, wanted) in [
            ("", None),
            ("offset=5", None),
            ("limit=x", None),
            ("limit=3000000000", None),
            ("limit=10", page(0, 10)),
            ("limit=0&offset=7", page(7, 1)),
            ("limit=-5&offset=-7", page(0, 1)),
            ("limit=1000&offset=x", page(0, 100)),
        ] {
            assert_eq!(read(query).page, wanted, "{query}");
        }
    }

    #[test]
    fn states_and_metadata_narrow_the_list() {
        let metadata = |name: &str| match name {
            "course" => Some("Physics 1"),
            "empty" => Some(""),
            _ => None,
        };
        for (query, state, wanted) in [
            ("", "published", true),
            ("", "unpublished", true),
            ("", "deleted", false),
            ("", "processing", false),
            ("state=any", "processing", true),
            ("state=deleted,processed", "deleted", true),
            ("state=deleted,processed", "published", false),
            ("state=Published", "published", false),
            ("meta_course=Physics+1", "published", true),
            ("meta_COURSE=Physics+1", "published", true),
            ("meta_course=Physics", "published", false),
            ("meta_course=Phys%25", "published", true),
            ("meta_course=%251", "published", true),
            ("meta_course=%25ics%25", "published", true),
            ("meta_course=%25", "published", true),
            ("meta_course=", "published", true),
            ("meta_course=%25ics%25&meta_other=%25", "published", false),
            ("meta_course=%25ics%25&meta_empty=%25", "published", true),
            ("meta_1course=x&meta_bluegate-stamp=x&meta_=x", "published", true),
        ] {
            assert_eq!(read(query).takes(state, metadata), wanted, "{query} {state}");
        }
    }

    #[test]
    fn lists_have_bbbs_form() {
        let page = RecordingPage { offset: 3, limit: 2 };
        let texts = ["<recording>1</recording>", "<recording>2</recording>"];
        let print = |texts: &[&str], page| {
            let (before, behind) = Answer::around_recordings(texts.is_empty(), page);
            format!("{before}{}{behind}", texts.concat())
        };
        assert_eq!(
            print(&texts, None),
            "<response><returncode>SUCCESS</returncode><recordings><recording>1</recording>\
             <recording>2</recording></recordings></response>"
        );
        assert_eq!(print(&[], None), Answer::no_recordings().to_string());
        insta::assert_snapshot!(print(&texts[..1], Some((page, 4))), @"<response><returncode>SUCCESS</returncode><recordings><recording>1</recording></recordings><pagination><pageable><offset>3</offset><limit>2</limit><paged>true</paged><unpaged>false</unpaged></pageable><totalElements>4</totalElements><empty>false</empty></pagination></response>");
        assert!(print(&[], Some((page, 4))).contains("noRecordings</messageKey><message>"));
        assert!(
            print(&[], Some((page, 4))).ends_with("<empty>true</empty></pagination></response>")
        );
    }

    proptest! {
        #[test]
        fn no_call_panics(query in "(recordID|meetingID|state|meta_a|limit|offset|&|=|%|,|[a-c0-9]){0,40}") {
            let read = read(&query);
            read.takes("published", |_| Some("abc"));
        }

        #[test]
        fn a_pattern_with_signs_at_both_ends_is_found_inside(a in ".{0,5}", b in "[^%]{0,5}", c in ".{0,5}") {
            let pattern = format!("%{b}%");
            let value = format!("{a}{b}{c}");
            prop_assert!(matches(&pattern, &value));
        }
    }
}
