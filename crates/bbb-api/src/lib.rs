//! The BigBlueButton HTTP API as data.
//!
//! Owns what a request and an answer *are*: [`RawQuery`] (parameters kept as
//! the client wrote them), [`checksum`]s, the table of [`Call`]s, the
//! [`Failure`] dialect, reading and editing node [`Answer`]s without losing
//! what we do not know, and the two permanent formats of this project: meeting
//! IDs on nodes ([`ids`]) and the tenant [`stamp`].
//!
//! Pure: no socket, no clock, no randomness. Who may call, where a meeting is
//! placed and what is remembered is the scaler's business.

mod answer;
mod call;
pub mod checksum;
mod failure;
mod form;
pub mod ids;
mod join_redirect;
pub mod jwt;
mod meeting;
mod parameters;
pub mod probe;
mod query;
mod recording;
mod recording_query;
pub mod stamp;
mod validation;
mod xml;

pub use answer::{Answer, AnswerError, Outcome};
pub use call::{Bodies, Call, Method};
pub use failure::Failure;
pub use form::{MultipartError, form_of_multipart};
pub use join_redirect::error_redirect;
pub use meeting::{
    MeetingFacts, created_from_info, info_from_meeting, meeting_from_create, plain_from_duplicate,
    show_to_tenant,
};
pub use parameters::Parameters;
pub use query::{RawQuery, RawValue, encode_value, sanitise};
pub use recording::{
    RecordingChange, RecordingFacts, is_there, recording_metadata, show_recording,
};
pub use recording_query::{
    RecordingPage, RecordingQuery, WantedRecordings, metadata_of, record_ids,
};
pub use validation::{fault_without_meeting, meeting_id_of_create};
pub use xml::{Document, Element, Node, XmlError, escape};
