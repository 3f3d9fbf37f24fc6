//! Making meetings: the rules for a meeting ID that exists already.

use std::{collections::BTreeMap, sync::Arc};

use rand::{Rng, RngCore};
use serde_json::Value;

use super::{Breakout, Meeting, Meetings, Presentation, Timers, token};
use crate::checksum::Algorithm;

/// How many meetings a node holds at most.
const MEETINGS_MAX: usize = 20_000;

/// How often a random voice bridge is drawn before we give up.
const VOICE_BRIDGE_DRAWS: usize = 1_000;

/// What a create call asks for, checked and with defaults filled in.
#[derive(Debug, Clone, Default)]
pub(crate) struct CreateRequest {
    pub(crate) external_id: String,
    pub(crate) name: String,
    pub(crate) attendee_password: Option<String>,
    pub(crate) moderator_password: Option<String>,
    pub(crate) voice_bridge: Option<String>,
    pub(crate) voice_bridge_digits: u32,
    pub(crate) dial_number: String,
    pub(crate) duration: u64,
    pub(crate) record: bool,
    pub(crate) max_users: u64,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) ended_url: Option<String>,
    pub(crate) keeps_events: bool,
    pub(crate) breakout: Option<Breakout>,
    pub(crate) guest_policy: String,
    pub(crate) welcome: String,
    pub(crate) allow_requests_without_session: bool,
    pub(crate) timers: Timers,
    pub(crate) client_settings: Arc<Value>,
}

/// What became of a create call.
#[derive(Debug)]
pub(crate) enum CreateOutcome<'a> {
    /// A new meeting.
    Created(&'a Meeting),
    /// It exists and the passwords do not contradict.
    Duplicate(&'a Meeting),
    /// It exists with other passwords.
    IdNotUnique,
    /// Another meeting has the voice bridge.
    VoiceBridgeInUse,
    /// The node is full.
    Full,
}

impl Meetings {
    /// Makes a meeting unless one with the same ID is running. No parameter but
    /// the passwords is compared, and none of an existing meeting changes.
    pub(crate) fn create(
        &mut self,
        request: CreateRequest,
        now: u64,
        dice: &mut dyn RngCore,
    ) -> CreateOutcome<'_> {
        if let Some(existing) = self.id_of_external(&request.external_id) {
            let Some(existing) = self.get(&existing) else { return CreateOutcome::IdNotUnique };
            let none_given =
                request.attendee_password.is_none() && request.moderator_password.is_none();
            let equal = request.attendee_password.as_deref()
                == Some(existing.attendee_password.as_str())
                && request.moderator_password.as_deref()
                    == Some(existing.moderator_password.as_str());
            return if none_given || equal {
                CreateOutcome::Duplicate(existing)
            } else {
                CreateOutcome::IdNotUnique
            };
        }
        let in_use = |bridge: &str, meetings: &Self| {
            meetings.iter().any(|meeting| meeting.voice_bridge == bridge)
        };
        if request.voice_bridge.as_deref().is_some_and(|bridge| in_use(bridge, self)) {
            return CreateOutcome::VoiceBridgeInUse;
        }
        if self.iter().count() >= MEETINGS_MAX {
            return CreateOutcome::Full;
        }
        let voice_bridge = request.voice_bridge.clone().or_else(|| {
            let digits = request.voice_bridge_digits.clamp(1, 9);
            let range = 10_u64.pow(digits - 1)..10_u64.pow(digits);
            (0..VOICE_BRIDGE_DRAWS)
                .map(|_| dice.random_range(range.clone()).to_string())
                .find(|bridge| !in_use(bridge, self))
        });
        let Some(voice_bridge) = voice_bridge else { return CreateOutcome::Full };
        let create_time = self.unused_create_time(now);
        let internal_id = format!("{}-{create_time}", Algorithm::Sha1.hex(&request.external_id));
        let presentation = Presentation::new("default.pdf", &internal_id, create_time);
        let mut password = |given: Option<String>| given.unwrap_or_else(|| token(8, dice));
        let meeting = Meeting {
            attendee_password: password(request.attendee_password),
            moderator_password: password(request.moderator_password),
            internal_id,
            external_id: request.external_id,
            name: request.name,
            create_time,
            voice_bridge,
            dial_number: request.dial_number,
            duration: request.duration,
            record: request.record,
            max_users: request.max_users,
            metadata: request.metadata,
            ended_url: request.ended_url,
            keeps_events: request.keeps_events,
            breakout: request.breakout,
            guest_policy: request.guest_policy,
            welcome: request.welcome,
            allow_requests_without_session: request.allow_requests_without_session,
            timers: request.timers,
            has_user_joined: false,
            users: Vec::new(),
            breakout_rooms: Vec::new(),
            presentation,
            client_settings: request.client_settings,
            static_data_cached: false,
        };
        CreateOutcome::Created(self.insert(meeting))
    }

    /// Creates within one millisecond still get different times, so that an ID
    /// ended and made again never has the same internal ID.
    fn unused_create_time(&mut self, now: u64) -> u64 {
        self.last_create_time = now.max(self.last_create_time + 1);
        self.last_create_time
    }
}
