//! The FAILED dialect: every failure we answer ourselves, in one table.

use crate::{
    answer::Answer,
    xml::{Document, Element},
};

/// A failure answered as a BBB server words it (HTTP 200, `returncode` FAILED).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request has no checksum.
    ChecksumMissing,
    /// The checksum matches no secret.
    ChecksumMismatch,
    /// Either of those, on the recording calls.
    RecordingChecksum,
    /// A body of a type the call does not take.
    UnsupportedContentType,
    /// A meeting ID that is absent, or that sanitising would change.
    InvalidMeetingId,
    /// A meeting ID shorter than 2 or longer than 256 characters.
    MeetingIdSize,
    /// A meeting ID with a comma.
    MeetingIdComma,
    /// An empty meeting name.
    NameEmpty,
    /// A meeting name shorter than 2 or longer than 256 characters.
    NameSize,
    /// A voiceBridge that is no number.
    VoiceBridgeNotInteger,
    /// A record that is neither true nor false.
    RecordNotBoolean,
    /// An isBreakoutRoom that is neither true nor false.
    BreakoutNotBoolean,
    /// A join with an empty fullName.
    FullNameEmpty,
    /// sendChatMessage without message.
    MessageMissing,
    /// A chat message that is empty or longer than 500 characters.
    MessageSize,
    /// A chat's userName longer than 255 characters.
    UserNameSize,
    /// A password of the wrong length.
    InvalidPassword,
    /// No such meeting: end, getMeetingInfo.
    NotFound,
    /// No such meeting: join.
    MeetingForciblyEnded,
    /// No such meeting: sendChatMessage.
    MeetingNotFound,
    /// The meeting exists with other passwords, or belongs to somebody else.
    IdNotUnique,
    /// A breakout room whose parent is not a meeting of the caller.
    ParentMeetingDoesNotExist,
    /// recordID is missing.
    MissingRecordId,
    /// publish is missing.
    MissingPublish,
    /// None of the recordings exists.
    RecordingsNotFound,
    /// Ours: who keeps the recordings does not answer.
    RecordingsUnreachable,
    /// Ours: metadata for placement that is not understood.
    InvalidMetadata,
    /// Scalelite's: no node has the tags that are required.
    ServerTagUnavailable,
    /// Ours: no node can take a new meeting.
    NoNodeAvailable,
    /// Ours: the meeting's node does not answer.
    NodeUnreachable,
    /// Ours: the meeting's node says in HTTP that it does not take this call.
    NodeRefused,
    /// Ours: the outcome of a create is not known yet.
    CreateUnconfirmed,
    /// Ours: the node stumbled over a body that is no XML.
    DocumentUnreadable,
    /// Ours: a bound is reached.
    Overloaded,
    /// Ours: the store does not answer.
    StoreUnavailable,
    /// Ours: a body over the bound, or cut short.
    BodyUnreadable,
    /// Ours: the tenant may have no new meetings.
    TenantDisabled,
    /// Ours: the tenant has all the meetings it may have.
    MeetingLimitReached,
    /// Ours: the tenant has all the users it may have. BBB's key for a full
    /// meeting, which frontends know.
    UserLimitReached,
    /// Ours: the tenant has had its requests of this second.
    RequestLimitReached,
    /// Ours: the tenant has all the recordings it may have.
    RecordingLimitReached,
}

impl Failure {
    /// Every failure, for tables and tests.
    pub const ALL: [Self; 41] = [
        Self::ChecksumMissing,
        Self::ChecksumMismatch,
        Self::RecordingChecksum,
        Self::UnsupportedContentType,
        Self::InvalidMeetingId,
        Self::MeetingIdSize,
        Self::MeetingIdComma,
        Self::NameEmpty,
        Self::NameSize,
        Self::VoiceBridgeNotInteger,
        Self::RecordNotBoolean,
        Self::BreakoutNotBoolean,
        Self::FullNameEmpty,
        Self::MessageMissing,
        Self::MessageSize,
        Self::UserNameSize,
        Self::InvalidPassword,
        Self::NotFound,
        Self::MeetingForciblyEnded,
        Self::MeetingNotFound,
        Self::IdNotUnique,
        Self::ParentMeetingDoesNotExist,
        Self::MissingRecordId,
        Self::MissingPublish,
        Self::RecordingsNotFound,
        Self::RecordingsUnreachable,
        Self::InvalidMetadata,
        Self::ServerTagUnavailable,
        Self::NoNodeAvailable,
        Self::NodeUnreachable,
        Self::NodeRefused,
        Self::CreateUnconfirmed,
        Self::DocumentUnreadable,
        Self::Overloaded,
        Self::StoreUnavailable,
        Self::BodyUnreadable,
        Self::TenantDisabled,
        Self::MeetingLimitReached,
        Self::UserLimitReached,
        Self::RequestLimitReached,
        Self::RecordingLimitReached,
    ];

    /// The `messageKey`, which frontends compare with.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.line().0
    }

    /// The `message`, which people read.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.line().1
    }

    /// The whole answer.
    #[must_use]
    pub fn answer(self) -> Answer {
        let root = Element::new("response")
            .with_text("returncode", "FAILED")
            .with_text("messageKey", self.key())
            .with_text("message", self.message());
        Answer::trusted(Document::of(root))
    }

    /// The whole answer with another message.
    #[must_use]
    pub fn answer_saying(self, message: &str) -> Answer {
        let mut answer = self.answer();
        if let Some(said) = answer.root_mut().child_mut("message") {
            said.set_text(message);
        }
        answer
    }

    fn line(self) -> (&'static str, &'static str) {
        match self {
            Self::ChecksumMissing => ("checksumError", "You must provide the checksum"),
            Self::ChecksumMismatch => ("checksumError", "Checksums do not match"),
            Self::RecordingChecksum => {
                ("checksumError", "You did not pass the checksum security check")
            }
            Self::UnsupportedContentType => {
                ("unsupportedContentType", "POST request Content-Type is missing or unsupported")
            }
            Self::InvalidMeetingId => ("validationError", "Invalid meeting ID"),
            Self::MeetingIdSize => ("sizeError", "Meeting ID must be between 2 and 256 characters"),
            Self::MeetingIdComma => ("validationError", "Meeting ID cannot contain ','"),
            Self::NameEmpty => ("emptyError", "You must provide a meeting name"),
            Self::NameSize => ("sizeError", "Meeting name must be between 2 and 256 characters"),
            Self::VoiceBridgeNotInteger => {
                ("validationError", "Voice bridge must be an integral value")
            }
            Self::RecordNotBoolean => {
                ("validationError", "Record must be a boolean value (true or false)")
            }
            Self::BreakoutNotBoolean => (
                "validationError",
                "You must provide a boolean value (true or false) for the breakout room",
            ),
            Self::FullNameEmpty => ("missingParamFullName", "You must provide your name"),
            Self::MessageMissing => ("nullError", "You must provide the param message"),
            Self::MessageSize => {
                ("sizeError", "Param message must be between 1 and 500 characters")
            }
            Self::UserNameSize => ("sizeError", "Param userName must not exceed 255 characters"),
            Self::InvalidPassword => ("invalidPassword", "Invalid password"),
            Self::NotFound => ("notFound", "A meeting with that ID does not exist"),
            Self::MeetingForciblyEnded => (
                "meetingForciblyEnded",
                "You can not join a meeting that has already been forcibly ended",
            ),
            Self::MeetingNotFound => ("meetingNotFound", "Meeting not found"),
            Self::IdNotUnique => (
                "idNotUnique",
                "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
            ),
            Self::ParentMeetingDoesNotExist => {
                ("parentMeetingDoesNotExist", "No parent meeting exists for the breakout room")
            }
            Self::MissingRecordId => ("missingParamRecordID", "You must specify a recordID."),
            Self::MissingPublish => {
                ("missingParamPublish", "You must specify a publish value true or false.")
            }
            Self::RecordingsNotFound => ("notFound", "We could not find recordings"),
            Self::RecordingsUnreachable => (
                "internalError",
                "The server of some of these recordings does not answer at the moment. Please try again.",
            ),
            Self::InvalidMetadata => ("validationError", "Invalid metadata"),
            Self::ServerTagUnavailable => {
                ("serverTagUnavailable", "There is no available server with the required tag.")
            }
            Self::NoNodeAvailable => {
                ("internalError", "No server can take a new meeting at the moment.")
            }
            Self::NodeUnreachable => (
                "internalError",
                "The server of this meeting does not answer at the moment. Please try again.",
            ),
            Self::NodeRefused => {
                ("internalError", "The server of this meeting does not take this call.")
            }
            Self::CreateUnconfirmed => {
                ("internalError", "The server has not confirmed the meeting yet. Please try again.")
            }
            Self::DocumentUnreadable => {
                ("internalError", "The server cannot read the XML that came with the call.")
            }
            Self::Overloaded => ("internalError", "Too many requests. Please try again."),
            Self::StoreUnavailable => {
                ("internalError", "Meetings cannot be created at the moment. Please try again.")
            }
            Self::BodyUnreadable => {
                ("internalError", "The body of the request is too large or incomplete.")
            }
            Self::TenantDisabled => (
                "tenantDisabled",
                "No new meetings can be started at the moment. Please ask your administrator.",
            ),
            Self::MeetingLimitReached => (
                "meetingLimitReached",
                "All the meetings that may take place at the same time are taking place.",
            ),
            Self::UserLimitReached => (
                "maxParticipantsReached",
                "The number of participants allowed in all meetings together has been reached.",
            ),
            Self::RequestLimitReached => {
                ("requestLimitReached", "Too many requests in this second. Please try again.")
            }
            Self::RecordingLimitReached => (
                "recordingLimitReached",
                "This meeting cannot be recorded: all the recordings that may be kept are kept. Delete some first.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_is_what_frontends_know() {
        let table: Vec<String> = Failure::ALL
            .iter()
            .map(|failure| format!("{failure:?}: {} / {}", failure.key(), failure.message()))
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn a_failure_has_bbbs_shape() {
        assert_eq!(
            Failure::MeetingIdComma.answer().to_string(),
            "<response><returncode>FAILED</returncode><messageKey>validationError</messageKey>\
             <message>Meeting ID cannot contain &#39;,&#39;</message></response>"
        );
    }
}
