//! How a request ended, in a word.

use crate::front::{reply::Reply, route::Named};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// `SUCCESS`.
    Success,
    /// `FAILED`.
    Failed,
    /// A browser was sent on.
    Redirect,
    /// A person was asked to wait.
    Wait,
    /// A node's answer was passed on as it was.
    Passed,
    /// No such call, or not by this method.
    Refused,
}

impl Outcome {
    /// Its word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Redirect => "redirect",
            Self::Wait => "wait",
            Self::Passed => "passed",
            Self::Refused => "refused",
        }
    }

    /// How a reply ends its request.
    pub(crate) fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Xml(_) | Reply::Json(_) if reply.is_failure() => Self::Failed,
            Reply::Xml(_) | Reply::XmlParts(_) | Reply::Json(_) => Self::Success,
            Reply::Redirect(_) => Self::Redirect,
            Reply::Wait(_) => Self::Wait,
            Reply::Raw(_) => Self::Passed,
            Reply::NotFound | Reply::MethodNotAllowed(_) => Self::Refused,
        }
    }
}

/// The word for a call in metrics: one for all that we do not know.
pub(crate) fn call_word(call: &Named) -> &'static str {
    match call {
        Named::Known(call) => call.name(),
        Named::Unknown(_) => "other",
    }
}
