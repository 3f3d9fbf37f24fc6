//! Replacing callback URLs at create, and showing tenants their own again.

use std::collections::BTreeMap;

use bluegate_bbb_api::{Call, Element, Node, Parameters, RawQuery, checksum::Presented};

use super::{
    Callbacks, secret_id,
    ticket::{Kind, MAX_TARGET, Ticket},
};
use crate::{
    context::Context,
    front::{intake::ApiRequest, route::Named},
    tenants::Tenant,
};

/// The name, before which `meta_` stands in any letter case of its own, of each
/// URL in a meeting's metadata.
const METADATA: [(&str, Kind); 5] = [
    ("endcallbackurl", Kind::End),
    ("bbb-recording-ready-url", Kind::RecordingReady),
    ("bn-recording-ready-url", Kind::RecordingReady),
    ("canvas-recording-ready-url", Kind::RecordingReady),
    ("analytics-callback-url", Kind::Analytics),
];

/// Makes a create call's callbacks come to us. One function, so that create has
/// one line for it.
pub(crate) fn rewrite(
    context: &Context,
    request: &ApiRequest,
    parameters: &mut Parameters,
    meeting_id: &str,
    node: &bluegate_cluster::Mount,
) {
    let Some(callbacks) = &context.callbacks else { return };
    let found: BTreeMap<String, Kind> = parameters
        .iter()
        .filter_map(|(name, value)| {
            let kind = kind_of(&name).filter(|_| !value.raw().is_empty())?;
            Some((name, kind))
        })
        .collect();
    if found.is_empty() {
        return;
    }
    let secret = request.signer.clone().unwrap_or_default();
    for (name, kind) in found {
        let Some(target) = parameters.text(&name).filter(|url| callbacks.takes(url)) else {
            tracing::warn!(
                tenant.id = %request.tenant.name, callback.kind = kind.name(),
                "a callback URL is left as it is: it is no http URL or too long"
            );
            continue;
        };
        let ticket = Ticket {
            kind,
            tenant: request.tenant.name.clone(),
            node: node.clone(),
            secret: secret.clone(),
            meeting_id: meeting_id.to_owned(),
            target,
        };
        parameters.replace(&name, &callbacks.issue(&ticket));
    }
}

/// The URL a parameter of create holds.
fn kind_of(parameter: &str) -> Option<Kind> {
    if parameter == "meetingEndedURL" {
        return Some(Kind::MeetingEnded);
    }
    let name = parameter.strip_prefix("meta_")?;
    METADATA.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|&(_, kind)| kind)
}

/// Which of a tenant's secrets signed this create call, as it came: afterwards
/// the tenant's rules may change its parameters.
pub(crate) fn signer(
    tenant: &Tenant,
    call: &Named,
    query: &str,
    form: Option<&RawQuery>,
) -> Option<String> {
    if *call != Named::Known(Call::Create) {
        return None;
    }
    let presented = Presented::read(call.name(), query, form).ok()?;
    tenant.secrets().iter().find(|secret| presented.is_signed_by(secret)).map(secret_id)
}

impl Callbacks {
    fn takes(&self, url: &str) -> bool {
        url.len() <= MAX_TARGET && bluegate_outbox::Target::parse(url).is_ok() && !self.is_ours(url)
    }

    /// Shows a meeting's, a recording's or an answer's callback URLs as they
    /// were given.
    pub(crate) fn restore(&self, element: &mut Element) {
        let Some(metadata) = element.child_mut("metadata") else { return };
        metadata.children.retain_mut(|child| {
            let Node::Element(entry) = child else { return true };
            let text = entry.text();
            match self.restored(&text) {
                Restored::NotOurs => true,
                Restored::To(target) => {
                    entry.set_text(&target);
                    true
                }
                // Sealed with a key that is gone: nothing a tenant could use.
                Restored::Lost => false,
            }
        });
    }

    /// What a text was before we replaced it.
    pub(crate) fn restored(&self, text: &str) -> Restored {
        if !text.contains(super::PATH) {
            return Restored::NotOurs;
        }
        match self.open_url(text) {
            Some(ticket) => Restored::To(ticket.target),
            None if self.is_ours(text) => Restored::Lost,
            None => Restored::NotOurs,
        }
    }
}

/// What [`Callbacks::restored`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Restored {
    /// A text that is not of ours.
    NotOurs,
    /// The URL that the frontend gave.
    To(String),
    /// Ours, and not to be opened.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_known_by_the_names_bbb_knows_them_by() {
        for (name, wanted) in [
            ("meetingEndedURL", Some(Kind::MeetingEnded)),
            ("meetingendedurl", None),
            ("meta_endCallbackUrl", Some(Kind::End)),
            ("meta_ENDCALLBACKURL", Some(Kind::End)),
            ("META_endCallbackUrl", None),
            ("meta_bbb-recording-ready-url", Some(Kind::RecordingReady)),
            ("meta_bn-recording-ready-url", Some(Kind::RecordingReady)),
            ("meta_canvas-recording-ready-url", Some(Kind::RecordingReady)),
            ("meta_analytics-callback-url", Some(Kind::Analytics)),
            ("meta_other-callback-url", None),
            ("logoutURL", None),
        ] {
            assert_eq!(kind_of(name), wanted, "{name}");
        }
    }
}
