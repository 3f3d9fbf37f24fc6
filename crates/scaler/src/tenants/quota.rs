//! Whether a tenant may have one meeting or one user more. Pure.

use bluegate_bbb_api::Failure;
use bluegate_tenant::{Limit, Settings};

use crate::tenants::usage::LimitKind;

/// What a new meeting of a tenant is measured by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quota {
    disabled: bool,
    meetings: Limit,
    users: Limit,
    /// Users the tenant has now.
    users_there: u64,
    recordings: Limit,
    /// Recordings the tenant has now.
    recordings_there: u64,
}

/// What the limits say of one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// It may be; these soft limits are exceeded by it.
    Granted(Vec<LimitKind>),
    /// It may not.
    Refused(LimitKind),
}

impl Quota {
    /// What holds for a tenant with these settings that has so many users.
    pub(crate) fn new(settings: &Settings, users_there: u64) -> Self {
        Self {
            disabled: !settings.enabled,
            meetings: settings.limits.meetings,
            users: settings.limits.users,
            users_there,
            recordings: Limit::default(),
            recordings_there: 0,
        }
    }

    /// The same for a meeting that is to be recorded, when the tenant has so many
    /// recordings.
    pub(crate) fn recorded(self, settings: &Settings, recordings_there: u64) -> Self {
        Self { recordings: settings.limits.recordings, recordings_there, ..self }
    }

    /// Whether the tenant may have one more meeting beside those that are `there`;
    /// they are counted only where there is a limit.
    pub(crate) fn new_meeting(self, there: impl FnOnce() -> u64) -> Allowance {
        if self.disabled {
            return Allowance::Refused(LimitKind::Disabled);
        }
        let meetings = if self.meetings == Limit::default() { 0 } else { there() };
        let mut soft = Vec::new();
        for (limit, there, kind) in [
            (self.meetings, meetings, LimitKind::Meetings),
            (self.users, self.users_there, LimitKind::Users),
            (self.recordings, self.recordings_there, LimitKind::Recordings),
        ] {
            if limit.refuses(there) {
                return Allowance::Refused(kind);
            }
            if limit.is_exceeded_softly(there + 1) {
                soft.push(kind);
            }
        }
        Allowance::Granted(soft)
    }
}

/// Whether a tenant that has so many users may have one more.
pub(crate) fn new_user(limit: Limit, there: u64) -> Allowance {
    if limit.refuses(there) {
        return Allowance::Refused(LimitKind::Users);
    }
    let exceeded = limit.is_exceeded_softly(there + 1);
    Allowance::Granted(if exceeded { vec![LimitKind::Users] } else { Vec::new() })
}

/// What a refused call is answered with.
pub(crate) fn failure(limit: LimitKind) -> Failure {
    match limit {
        LimitKind::Disabled => Failure::TenantDisabled,
        LimitKind::Meetings => Failure::MeetingLimitReached,
        LimitKind::Users => Failure::UserLimitReached,
        LimitKind::Requests => Failure::RequestLimitReached,
        LimitKind::Recordings => Failure::RecordingLimitReached,
    }
}

#[cfg(test)]
mod tests {
    use bluegate_tenant::{Form, LimitForm, LimitsForm};

    use super::*;

    fn quota(enabled: bool, meetings: Option<LimitForm>, users_there: u64) -> Quota {
        let limits =
            LimitsForm { meetings, users: Some(LimitForm::Hard(30)), ..LimitsForm::default() };
        let form = Form { enabled, limits, ..Form::default() };
        Quota::new(&form.try_into().unwrap(), users_there)
    }

    #[test]
    fn a_meeting_more_is_refused_at_the_limits() {
        let soft: LimitForm = serde_json::from_str(r#"{"soft": 1, "hard": 2}"#).unwrap();
        let granted = |kinds: &[LimitKind]| Allowance::Granted(kinds.to_vec());
        for (quota, there, wanted) in [
            (quota(true, None, 0), 1000, granted(&[])),
            (quota(false, None, 0), 0, Allowance::Refused(LimitKind::Disabled)),
            (quota(true, Some(soft), 0), 0, granted(&[])),
            (quota(true, Some(soft), 0), 1, granted(&[LimitKind::Meetings])),
            (quota(true, Some(soft), 0), 2, Allowance::Refused(LimitKind::Meetings)),
            (quota(true, Some(soft), 29), 0, granted(&[])),
            (quota(true, Some(soft), 30), 0, Allowance::Refused(LimitKind::Users)),
        ] {
            assert_eq!(quota.new_meeting(|| there), wanted, "{quota:?} {there}");
        }
    }

    #[test]
    fn a_meeting_to_be_recorded_is_refused_at_the_limit_of_recordings() {
        let recordings: LimitForm = serde_json::from_str(r#"{"soft": 1, "hard": 2}"#).unwrap();
        let limits = LimitsForm { recordings: Some(recordings), ..LimitsForm::default() };
        let settings: Settings = Form { limits, ..Form::default() }.try_into().unwrap();
        let quota = Quota::new(&settings, 0);
        let seen = |quota: Quota| quota.new_meeting(|| 0);
        let wanted = [
            Allowance::Granted(vec![]),
            Allowance::Granted(vec![LimitKind::Recordings]),
            Allowance::Refused(LimitKind::Recordings),
        ];
        assert_eq!([0, 1, 2].map(|there| seen(quota.recorded(&settings, there))), wanted);
        assert_eq!(seen(quota), Allowance::Granted(vec![]), "one that is not recorded");
    }

    #[test]
    fn a_user_more_is_refused_at_the_limit() {
        let limit = Limit::new(Some(1), Some(2)).unwrap();
        let seen: Vec<_> = (0..3).map(|there| new_user(limit, there)).collect();
        let users = LimitKind::Users;
        let wanted = [
            Allowance::Granted(vec![]),
            Allowance::Granted(vec![users]),
            Allowance::Refused(users),
        ];
        assert_eq!(seen, wanted);
    }
}
