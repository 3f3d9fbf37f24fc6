//! What our callback URLs hold, sealed: a permanent format.
//!
//! A meeting may be recorded today and its recording be ready next week, when
//! neither our row of it nor our store need be there any more. So the URL itself
//! says whose callback it is, about which meeting, from which node, with which
//! secret it is to be signed, and where it goes.

use bluegate_cluster::{Mount, TenantName};

use super::{Callbacks, PATH};

const PURPOSE: &str = "callback url";
const VERSION: &str = "1";
const SEPARATOR: char = '\0';

/// The longest URL of a frontend that is sealed. Longer ones would make calls
/// to nodes longer than their web servers take (8 KiB for a request's line).
pub(crate) const MAX_TARGET: usize = 2_000;

/// What a callback tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `meetingEndedURL`.
    MeetingEnded,
    /// `meta_endCallbackUrl`.
    End,
    /// `meta_bbb-recording-ready-url`.
    RecordingReady,
    /// `meta_analytics-callback-url`.
    Analytics,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::MeetingEnded, Self::End, Self::RecordingReady, Self::Analytics];

    /// The word in tickets, in the queue and in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MeetingEnded => "meeting-ended",
            Self::End => "end",
            Self::RecordingReady => "recording-ready",
            Self::Analytics => "analytics",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What one of our URLs holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// What it is for.
    pub(crate) kind: Kind,
    /// Whose callback it is.
    pub(crate) tenant: TenantName,
    /// The only node that may use it.
    pub(crate) node: Mount,
    /// Which secret made the call that gave the URL.
    pub(crate) secret: String,
    /// The tenant's ID of the meeting.
    pub(crate) meeting_id: String,
    /// The URL the frontend gave.
    pub(crate) target: String,
}

impl Callbacks {
    /// Our URL for a ticket.
    pub(crate) fn issue(&self, ticket: &Ticket) -> String {
        let Ticket { kind, tenant, node, secret, meeting_id, target } = ticket;
        let fields = [
            VERSION,
            kind.name(),
            tenant.as_str(),
            node.as_str(),
            secret,
            meeting_id.as_str(),
            target.as_str(),
        ];
        let text = fields.join("\0");
        self.url(&self.key.seal(PURPOSE, text.as_bytes()))
    }

    /// The ticket behind [`PATH`], if we sealed it.
    pub(crate) fn open(&self, sealed: &str) -> Option<Ticket> {
        let bytes = self.key.open(PURPOSE, sealed).ok()?;
        read(&String::from_utf8(bytes).ok()?)
    }

    /// The ticket in one of our URLs, wherever the scaler's origin was then.
    pub(crate) fn open_url(&self, url: &str) -> Option<Ticket> {
        let (_, sealed) = url.split_once(PATH)?;
        self.open(sealed.split(['?', '#', '&']).next().unwrap_or(sealed))
    }

    /// Whether a text is one of our URLs, though we may not be able to open it.
    pub(crate) fn is_ours(&self, url: &str) -> bool {
        url.starts_with(&self.base)
    }
}

fn read(text: &str) -> Option<Ticket> {
    let mut fields = text.splitn(7, SEPARATOR);
    let mut next = || fields.next();
    let version = next()?;
    let ticket = Ticket {
        kind: Kind::named(next()?)?,
        tenant: next()?.parse().ok()?,
        node: next()?.parse().ok()?,
        secret: next()?.to_owned(),
        meeting_id: next()?.to_owned(),
        target: next()?.to_owned(),
    };
    (version == VERSION).then_some(ticket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_these_and_stay_these() {
        let text = "1\0end\0physics\0bbb-01\0abc\0Übung 1\0https://lms.example.org/?a=\0b";
        let wanted = Ticket {
            kind: Kind::End,
            tenant: "physics".parse().unwrap(),
            node: "bbb-01".parse().unwrap(),
            secret: "abc".to_owned(),
            meeting_id: "Übung 1".to_owned(),
            target: "https://lms.example.org/?a=\0b".to_owned(),
        };
        assert_eq!(read(text), Some(wanted));
        for bad in ["", "1\0end\0physics", &text.replace("1\0end", "2\0end"), "1\0x\0a\0b\0c\0d\0e"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
