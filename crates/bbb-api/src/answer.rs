//! Answers of the API: `<response>` documents, a node's or our own.

use std::fmt;

use crate::xml::{Document, Element, XmlError};

/// A `<response>` document with a `returncode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    document: Document,
}

/// What an answer says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `returncode` SUCCESS.
    Success,
    /// `returncode` FAILED.
    Failed,
}

/// Why bytes from a node are no [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not UTF-8.
    #[error("the answer is not UTF-8")]
    Encoding,
    /// Not a document.
    #[error("the answer is not readable XML")]
    Xml(#[source] XmlError),
    /// No `/response/returncode` of SUCCESS or FAILED: an error page, say.
    #[error("the answer has no returncode")]
    NoReturncode,
}

impl Answer {
    /// Reads a node's answer.
    ///
    /// # Errors
    /// [`AnswerError`] when it is not an answer of the BBB API.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnswerError> {
        Self::of(Document::parse(text_of(bytes)?).map_err(AnswerError::Xml)?)
    }

    /// Reads a node's answer without the elements of the list in it that is called
    /// `list`; each of them comes beside it as its text, to be read by whoever
    /// does not know it yet.
    ///
    /// # Errors
    /// [`AnswerError`] when it is not an answer of the BBB API, its list included.
    pub fn parse_apart<'a>(
        bytes: &'a [u8],
        list: &str,
    ) -> Result<(Self, Vec<&'a str>), AnswerError> {
        let apart = Document::parse_apart(text_of(bytes)?, list);
        let (document, elements) = apart.map_err(AnswerError::Xml)?;
        Ok((Self::of(document)?, elements))
    }

    fn of(document: Document) -> Result<Self, AnswerError> {
        let root = document.root();
        let returncode = root.text_of("returncode").filter(|_| root.name() == "response");
        match returncode.as_deref().map(str::trim) {
            Some("SUCCESS" | "FAILED") => Ok(Self { document }),
            _ => Err(AnswerError::NoReturncode),
        }
    }

    /// An answer of our own making.
    pub(crate) fn trusted(document: Document) -> Self {
        Self { document }
    }

    /// An answer with `returncode` SUCCESS and the given children after it.
    #[must_use]
    pub fn success(children: impl IntoIterator<Item = Element>) -> Self {
        let root = Element::new("response").with_text("returncode", "SUCCESS");
        Self { document: Document::of(children.into_iter().fold(root, Element::with)) }
    }

    /// The version document. Names no GraphQL URLs: those are a node's own.
    #[must_use]
    pub fn index() -> Self {
        Self::success([("version", "2.0"), ("apiVersion", "2.0"), ("bbbVersion", "")].map(leaf))
    }

    /// `isMeetingRunning`.
    #[must_use]
    pub fn running(running: bool) -> Self {
        Self::success([leaf(("running", if running { "true" } else { "false" }))])
    }

    /// `getMeetings` over printed `<meeting>` elements, or BBB's form for none.
    #[must_use]
    pub fn meetings<M: AsRef<str>>(meetings: impl IntoIterator<Item = M>) -> String {
        const BEFORE: &str = "<response><returncode>SUCCESS</returncode><meetings>";
        let mut text = BEFORE.to_owned();
        for meeting in meetings {
            text.push_str(meeting.as_ref());
        }
        if text.len() == BEFORE.len() {
            let none = "no meetings were found on this server";
            return Self::none(Element::self_closing("meetings"), "noMeetings", none).to_string();
        }
        text.push_str("</meetings></response>");
        text
    }

    /// `getSessions` without any; the misspelling is BBB's.
    #[must_use]
    pub fn no_sessions() -> Self {
        let list = Element::self_closing("sessions");
        Self::none(list, "noSessions", "no sessions were found on this serverr")
    }

    /// `getRecordings` without any.
    #[must_use]
    pub fn no_recordings() -> Self {
        let list = Element::new("recordings");
        Self::none(list, "noRecordings", "There are no recordings for the meeting(s).")
    }

    /// `insertDocument` for a meeting that does not exist: a message, no key.
    #[must_use]
    pub fn document_without_meeting(meeting_id: &str) -> Self {
        let root = Element::new("response")
            .with_text("returncode", "FAILED")
            .with_text("message", &format!("Meeting with id [{meeting_id}] not found."));
        Self { document: Document::of(root) }
    }

    fn none(list: Element, key: &str, message: &str) -> Self {
        Self::success([list, leaf(("messageKey", key)), leaf(("message", message))])
    }

    /// What it says happened.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.text("returncode").as_deref().map(str::trim) {
            Some("SUCCESS") => Outcome::Success,
            _ => Outcome::Failed,
        }
    }

    /// The text of a direct child.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.document.root().text_of(name)
    }

    /// The `messageKey`: of the single-error form, or of the first error of
    /// the list form. Empty when there is none.
    #[must_use]
    pub fn key(&self) -> String {
        let root = self.document.root();
        root.text_of("messageKey")
            .or_else(|| root.child("errors")?.child("error")?.text_of("key"))
            .unwrap_or_default()
    }

    /// The `<response>` element.
    #[must_use]
    pub fn root(&self) -> &Element {
        self.document.root()
    }

    /// The `<response>` element, to edit.
    pub fn root_mut(&mut self) -> &mut Element {
        self.document.root_mut()
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, AnswerError> {
    std::str::from_utf8(bytes).map_err(|_| AnswerError::Encoding)
}

fn leaf((name, text): (&str, &str)) -> Element {
    let mut element = Element::new(name);
    element.set_text(text);
    element
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.document.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_our_own_have_bbbs_order_and_texts() {
        for (answer, wanted) in [
            (
                Answer::index(),
                "<version>2.0</version><apiVersion>2.0</apiVersion><bbbVersion></bbbVersion>",
            ),
            (Answer::running(false), "<running>false</running>"),
            (
                Answer::no_sessions(),
                "<sessions/><messageKey>noSessions</messageKey>\
                 <message>no sessions were found on this serverr</message>",
            ),
            (
                Answer::no_recordings(),
                "<recordings></recordings><messageKey>noRecordings</messageKey>\
                 <message>There are no recordings for the meeting(s).</message>",
            ),
        ] {
            assert_eq!(
                answer.to_string(),
                format!("<response><returncode>SUCCESS</returncode>{wanted}</response>")
            );
        }
    }

    #[test]
    fn meetings_are_listed_or_said_to_be_none() {
        assert_eq!(
            Answer::meetings([""; 0]),
            "<response><returncode>SUCCESS</returncode><meetings/>\
             <messageKey>noMeetings</messageKey>\
             <message>no meetings were found on this server</message></response>"
        );
        assert_eq!(
            Answer::meetings(["<meeting>1</meeting>", "<meeting>2</meeting>"]),
            "<response><returncode>SUCCESS</returncode><meetings><meeting>1</meeting>\
             <meeting>2</meeting></meetings></response>"
        );
    }

    #[test]
    fn only_bbb_answers_count() {
        let failed = b"<response><returncode>FAILED</returncode><errors><error>\
            <key>nonUniqueVoiceBridge</key><message>x</message></error></errors></response>";
        let failed = Answer::parse(failed).unwrap();
        assert_eq!(
            (failed.outcome(), failed.key()),
            (Outcome::Failed, "nonUniqueVoiceBridge".into())
        );

        for (bytes, wanted) in [
            (&b"\xff"[..], AnswerError::Encoding),
            (b"<html><body/></html>", AnswerError::NoReturncode),
            (b"<response></response>", AnswerError::NoReturncode),
            (b"<response><returncode>MAYBE</returncode></response>", AnswerError::NoReturncode),
            (b"502", AnswerError::Xml(XmlError::Malformed)),
        ] {
            assert_eq!(Answer::parse(bytes), Err(wanted));
        }
    }
}
