//! The parameters of one request: its query and, when it has one, its form.

use crate::query::{RawQuery, RawValue};

/// Query and form body as BBB merges them: one map, the query first.
///
/// An edit reaches both, because a node reads both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The query string.
    pub query: RawQuery,
    /// The form body, when the request has one.
    pub form: Option<RawQuery>,
}

impl Parameters {
    /// Parameters of a request without a form body.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        Self { query: RawQuery::parse(query), form: None }
    }

    /// The value that counts: the first in the query, else in the form.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.query.get(name).or_else(|| self.form.as_ref().and_then(|form| form.get(name)))
    }

    /// The decoded value that counts, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(RawValue::lossy)
    }

    /// Canonical names and values, the query's first.
    pub fn iter(&self) -> impl Iterator<Item = (String, RawValue<'_>)> {
        self.query.iter().chain(self.form.iter().flat_map(RawQuery::iter))
    }

    /// Sets the parameter wherever it stands; each of query and form keeps at
    /// most one of that name.
    pub fn replace(&mut self, name: &str, value: &str) {
        self.query.replace(name, value);
        if let Some(form) = &mut self.form {
            form.replace(name, value);
        }
    }

    /// Removes parameters from both.
    pub fn remove_where(&mut self, mut unwanted: impl FnMut(&str) -> bool) {
        self.query.remove_where(&mut unwanted);
        if let Some(form) = &mut self.form {
            form.remove_where(&mut unwanted);
        }
    }

    /// Whether a parameter of this name stands more than once.
    #[must_use]
    pub fn is_ambiguous(&self, name: &str) -> bool {
        self.iter().filter(|(found, _)| found == name).nth(1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_counts_before_the_form_and_both_are_edited() {
        let mut parameters = Parameters {
            query: RawQuery::parse("meetingID=a&x=1"),
            form: Some(RawQuery::parse("meetingID=b&y=2&meta_K=1")),
        };
        assert_eq!(parameters.text("meetingID").as_deref(), Some("a"));
        assert_eq!(parameters.text("y").as_deref(), Some("2"));
        assert!(parameters.is_ambiguous("meetingID"));
        parameters.replace("meetingID", "c");
        parameters.remove_where(|name| name.starts_with("meta_"));
        assert_eq!(parameters.query.to_string(), "meetingID=c&x=1");
        assert_eq!(parameters.form.unwrap().to_string(), "meetingID=c&y=2");
    }
}
