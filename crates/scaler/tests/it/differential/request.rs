//! One request of the table.

use bluegate_bbb_api::checksum::Algorithm;

use crate::participant::Devices;

/// A request, as it is sent to both sides.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// What it shows; unique.
    pub(super) name: String,
    pub(super) method: &'static str,
    /// What stands behind `/bigbluebutton/api`: `/create`, and sometimes worse.
    pub(super) path: String,
    /// The parameters. `{class.createTime}` stands for what that side answered
    /// when the meeting `class` was created.
    pub(super) query: String,
    /// Content type and text.
    pub(super) body: Option<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) signed: Signed,
    /// Whether the user who joins by it enters, and what they have switched on.
    pub(super) enters: Option<Devices>,
    /// Whether everybody leaves before.
    pub(super) leaves: bool,
}

/// Where the checksum is, and whether it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// Behind the parameters.
    Last(Algorithm),
    /// Before them.
    First,
    /// After the first of them.
    Middle,
    /// `?&checksum=` where there are none, else like `Last`.
    Ampersand,
    /// In upper-case hex.
    UpperCase,
    /// In the form, over the empty query.
    InForm,
    /// In the form, over its sorted parameters.
    OverSortedForm,
    /// Not at all.
    Missing,
    /// `checksum=`.
    Empty,
    /// `checksum=abc`.
    NoDigest,
    /// Forty times `x`.
    NoHex,
    /// That of another call.
    OfAnotherCall,
    /// With a secret that is nobody's.
    ByAStranger,
    /// With the empty secret.
    ByTheEmptySecret,
    /// Over other parameters.
    OverOtherParameters,
    /// Right, and a wrong one behind it.
    TwiceWrongLast,
    /// Right, with an escaped digit.
    Escaped,
}

impl Signed {
    /// Every right way for a request without form.
    pub(super) const RIGHT: [Self; 8] = [
        Self::Last(Algorithm::Sha1),
        Self::Last(Algorithm::Sha256),
        Self::Last(Algorithm::Sha384),
        Self::Last(Algorithm::Sha512),
        Self::First,
        Self::Middle,
        Self::Ampersand,
        Self::UpperCase,
    ];

    /// Every wrong way.
    pub(super) const WRONG: [Self; 10] = [
        Self::Missing,
        Self::Empty,
        Self::NoDigest,
        Self::NoHex,
        Self::OfAnotherCall,
        Self::ByAStranger,
        Self::ByTheEmptySecret,
        Self::OverOtherParameters,
        Self::TwiceWrongLast,
        Self::Escaped,
    ];

    /// Whether a server lets the request in.
    pub(super) fn is_right(self) -> bool {
        !Self::WRONG.contains(&self)
    }
}

impl Case {
    /// A GET signed with SHA-1.
    pub(super) fn get(name: impl Into<String>, call: &str, query: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            method: "GET",
            path: format!("/{call}"),
            query: query.into(),
            body: None,
            headers: Vec::new(),
            signed: Signed::Last(Algorithm::Sha1),
            enters: None,
            leaves: false,
        }
    }

    /// A POST signed with SHA-1 over its query.
    pub(super) fn post(
        name: impl Into<String>,
        call: &str,
        query: impl Into<String>,
        body: (&'static str, &str),
    ) -> Self {
        let body = Some((body.0, body.1.to_owned()));
        Self { method: "POST", body, ..Self::get(name, call, query) }
    }

    pub(super) fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(super) fn signed(self, signed: Signed) -> Self {
        Self { signed, ..self }
    }

    pub(super) fn entering(self, devices: Devices) -> Self {
        Self { enters: Some(devices), ..self }
    }

    pub(super) fn when_all_have_left(self) -> Self {
        Self { leaves: true, ..self }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The call's name, which its checksum covers.
    pub(super) fn call(&self) -> &str {
        self.path.trim_matches('/')
    }

    /// Whether the answer lists meetings or recordings from memory.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.call(), "getMeetings" | "getRecordings") && self.signed.is_right()
    }
}
