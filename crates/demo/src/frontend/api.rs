//! The frontend's calls: each a real, signed BBB API call to the scaler.

use bluegate_bbb_api::{
    Document, Element, RawQuery,
    checksum::{Algorithm, signed_query},
};
use bluegate_cluster::{Origin, Secret};
use http::header::LOCATION;

use super::http_client::{HttpClient, RequestError};

/// A running meeting as `getMeetings` has it.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) participants: String,
    pub(crate) breakout: bool,
}

/// Who a user joins as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Moderator,
    Viewer,
}

/// A call that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the scaler does not answer")]
    Request(#[from] RequestError),
    #[error("the scaler's answer is not what BigBlueButton would say")]
    NotBbb,
    #[error("{0}")]
    Failed(String),
}

/// Calls the scaler as one tenant's frontend.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: HttpClient,
    /// Where browsers reach the API.
    origin: Origin,
    secret: Secret,
    /// Where users go when a meeting is gone or over.
    home: String,
}

impl Api {
    pub(crate) fn new(client: HttpClient, origin: Origin, secret: Secret, home: String) -> Self {
        Self { client, origin, secret, home }
    }

    /// Starts a meeting, or finds it running.
    pub(crate) async fn create(&self, id: &str, name: &str) -> Result<(), CallError> {
        let parameters = [("meetingID", id), ("name", name), ("logoutURL", self.home.as_str())];
        self.call("create", &parameters).await.map(drop)
    }

    /// Ends a meeting for everybody.
    pub(crate) async fn end(&self, id: &str) -> Result<(), CallError> {
        self.call("end", &[("meetingID", id)]).await.map(drop)
    }

    /// The meetings that run, breakout rooms left out.
    pub(crate) async fn meetings(&self) -> Result<Vec<Meeting>, CallError> {
        let answer = self.call("getMeetings", &[]).await?;
        let Some(list) = answer.root().child("meetings") else { return Ok(Vec::new()) };
        let text = |meeting: &Element, name: &str| meeting.text_of(name).unwrap_or_default();
        let mut meetings: Vec<Meeting> = list
            .elements()
            .map(|meeting| Meeting {
                id: text(meeting, "meetingID"),
                name: text(meeting, "meetingName"),
                participants: text(meeting, "participantCount"),
                breakout: text(meeting, "isBreakout") == "true",
            })
            .filter(|meeting| !meeting.breakout)
            .collect();
        meetings.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(meetings)
    }

    /// The address a browser joins at.
    pub(crate) fn join_url(&self, id: &str, user: &str, role: Role) -> String {
        format!("{}{}", self.origin, self.join_target(id, user, role))
    }

    /// The host of the node a join leads to, asked of the scaler itself.
    pub(crate) async fn node_of(&self, id: &str) -> Result<String, CallError> {
        let answer = self.client.get(&self.join_target(id, "Frontend", Role::Viewer)).await?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let host = location
            .and_then(|location| location.split("://").nth(1))
            .and_then(|rest| rest.split(['/', '?']).next());
        host.map(str::to_owned).ok_or(CallError::NotBbb)
    }

    fn join_target(&self, id: &str, user: &str, role: Role) -> String {
        let role = match role {
            Role::Moderator => "MODERATOR",
            Role::Viewer => "VIEWER",
        };
        let parameters = [
            ("meetingID", id),
            ("fullName", user),
            ("role", role),
            ("errorRedirectUrl", self.home.as_str()),
        ];
        self.target("join", &parameters)
    }

    fn target(&self, call: &str, parameters: &[(&str, &str)]) -> String {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters.iter().copied())
            .finish();
        let query = signed_query(call, &RawQuery::parse(&query), &self.secret, Algorithm::Sha256);
        format!("/bigbluebutton/api/{call}?{query}")
    }

    async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> Result<Document, CallError> {
        let answer = self.client.get(&self.target(call, parameters)).await?;
        let text = std::str::from_utf8(answer.body()).map_err(|_| CallError::NotBbb)?;
        let document = Document::parse(text).map_err(|_| CallError::NotBbb)?;
        let message = || document.root().text_of("message").unwrap_or_default();
        match document.root().text_of("returncode").as_deref() {
            Some("SUCCESS") => Ok(document),
            Some(_) => Err(CallError::Failed(message())),
            None => Err(CallError::NotBbb),
        }
    }
}
