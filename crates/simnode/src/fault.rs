//! Faults to order: answers that come late, damaged or never.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How many faults may wait at a time; more are refused.
pub const FAULTS_KEPT: usize = 1_000;

/// One order. As JSON: `{"call":"create","times":1,"action":"cut"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The API call whose answers suffer, such as `create` or `getMeetings`
    /// (`index` for the bare API path); `*` stands for every API call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Instead of a call: any request whose path starts so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many answers suffer.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub action: FaultAction,
    /// How long a `delay` lasts, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether the call takes effect before the answer suffers. By default a
    /// `cut` or `cut_half` comes after the effect, anything else instead of it
    /// (a `delay` before it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_effect: Option<bool>,
}

fn once() -> u32 {
    1
}

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultAction {
    /// The connection closes without a byte.
    Cut,
    /// The connection closes in the middle of the body.
    CutHalf,
    /// The answer is held back for `delay_ms`.
    Delay,
    /// No answer, the connection stays open (until power off or shutdown).
    Hang,
    /// Status 500 with an HTML page.
    Error,
    /// Status 200 with a body that is no answer.
    Garbage,
}

impl Fault {
    /// A fault that strikes the next `times` answers of an API call.
    #[must_use]
    pub fn on_call(call: &str, times: u32, action: FaultAction) -> Self {
        Self {
            call: Some(call.to_owned()),
            path: None,
            times,
            action,
            delay_ms: 0,
            takes_effect: None,
        }
    }

    /// A delay of the next `times` answers of an API call.
    #[must_use]
    pub fn delay_call(call: &str, times: u32, delay: std::time::Duration) -> Self {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self { delay_ms, ..Self::on_call(call, times, FaultAction::Delay) }
    }

    /// A fault that strikes the next `times` requests below a path.
    #[must_use]
    pub fn on_path(path: &str, times: u32, action: FaultAction) -> Self {
        Self { call: None, path: Some(path.to_owned()), ..Self::on_call("", times, action) }
    }

    /// Whether the call is carried out before the fault strikes.
    pub(crate) fn strikes_after_effect(&self) -> bool {
        let default = matches!(self.action, FaultAction::Cut | FaultAction::CutHalf);
        self.takes_effect.unwrap_or(default)
    }

    fn matches(&self, path: &str, call: Option<&str>) -> bool {
        let by_call = self
            .call
            .as_deref()
            .is_some_and(|wanted| call.is_some_and(|call| wanted == "*" || wanted == call));
        let by_path = self.path.as_deref().is_some_and(|prefix| path.starts_with(prefix));
        by_call || by_path
    }
}

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Vec<Fault>>,
}

/// No more faults can be ordered before some have struck.
#[derive(Debug, thiserror::Error)]
#[error("{FAULTS_KEPT} faults are waiting already")]
pub struct TooManyFaults;

impl Faults {
    /// Orders a fault; earlier orders strike first.
    ///
    /// # Errors
    ///
    /// When [`FAULTS_KEPT`] are waiting.
    pub fn order(&self, fault: Fault) -> Result<(), TooManyFaults> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= FAULTS_KEPT {
            return Err(TooManyFaults);
        }
        if fault.times > 0 {
            waiting.push(fault);
        }
        Ok(())
    }

    /// Forgets all orders.
    pub fn clear(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The orders that have not struck yet.
    pub fn waiting(&self) -> Vec<Fault> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the fault for this request, if one waits for it.
    pub(crate) fn take(&self, path: &str, call: Option<&str>) -> Option<Fault> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|fault| fault.matches(path, call))?;
        let fault = waiting.get_mut(at)?;
        fault.times -= 1;
        let taken = fault.clone();
        if taken.times == 0 {
            waiting.remove(at);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultAction, Faults};

    #[test]
    fn strikes_as_often_as_ordered_and_only_where_ordered() {
        let faults = Faults::default();
        faults.order(Fault::on_call("create", 2, FaultAction::Cut)).unwrap();
        faults.order(Fault::on_path("/html5client/", 1, FaultAction::Error)).unwrap();
        assert!(faults.take("/bigbluebutton/api/join", Some("join")).is_none());
        assert!(faults.take("/html5client/index.html", None).is_some());
        assert!(faults.take("/html5client/index.html", None).is_none());
        for expected in [true, true, false] {
            assert_eq!(
                faults.take("/bigbluebutton/api/create", Some("create")).is_some(),
                expected
            );
        }
    }

    #[test]
    fn reads_orders_from_json() {
        let fault: Fault =
            serde_json::from_str(r#"{"call":"create","action":"cut_half"}"#).unwrap();
        assert_eq!(fault, Fault::on_call("create", 1, FaultAction::CutHalf));
        assert!(fault.strikes_after_effect());
        let fault: Fault =
            serde_json::from_str(r#"{"call":"*","times":3,"action":"delay","delay_ms":50}"#)
                .unwrap();
        assert_eq!(fault, Fault::delay_call("*", 3, std::time::Duration::from_millis(50)));
        assert!(!fault.strikes_after_effect());
        assert!(serde_json::from_str::<Fault>(r#"{"call":"create","action":"explode"}"#).is_err());
    }
}
