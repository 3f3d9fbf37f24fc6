//! The stamp: whose meeting this is, in the meeting's own metadata. A
//! permanent format.
//!
//! `v1.<tenant>.<base64url of meetingID>.<first 16 bytes of an HMAC, hex>`,
//! keyed with the node's secret. BBB copies a parent's metadata to its breakout
//! rooms, so they carry the parent's stamp; and if our store is lost, the nodes
//! still say whose every meeting is, and nobody without a node's secret can.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bluegate_cluster::{Secret, TenantMeetingId, TenantName};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::{
    checksum::{from_hex, to_hex},
    parameters::Parameters,
};

/// The stamp's name among a meeting's metadata.
pub const METADATA_NAME: &str = "bluegate-stamp";
/// The stamp's name among the parameters of create.
const PARAMETER: &str = "meta_bluegate-stamp";
/// The name of the store, among a meeting's metadata.
pub(crate) const STORE_METADATA_NAME: &str = "bluegate-store";
const STORE_PARAMETER: &str = "meta_bluegate-store";
const RESERVED: &str = "bluegate-";
const VERSION: &str = "v1";
const CONTEXT: &[u8] = b"bluegate stamp v1\0";
const MAC_BYTES: usize = 16;

/// Whose meeting a verified stamp says this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The tenant.
    pub tenant: TenantName,
    /// The tenant's own meeting ID; a breakout room carries its parent's.
    pub meeting_id: String,
}

impl Stamp {
    /// The meeting it names, as its tenant does.
    #[must_use]
    pub fn meeting(&self) -> TenantMeetingId {
        TenantMeetingId::new(&self.tenant, &self.meeting_id)
    }

    /// The stamp's text, signed with a node's secret.
    #[must_use]
    pub fn sign(&self, secret: &Secret) -> String {
        let meeting_id = URL_SAFE_NO_PAD.encode(&self.meeting_id);
        let mac = to_hex(&self.mac(secret));
        format!("{VERSION}.{}.{meeting_id}.{mac}", self.tenant)
    }

    /// Reads a stamp that one of the node's `secrets` signed.
    #[must_use]
    pub fn verify(text: &str, secrets: &[Secret]) -> Option<Self> {
        let mut parts = text.split('.');
        let (version, tenant, meeting_id, mac) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        let stamp = Self {
            tenant: tenant.parse().ok()?,
            meeting_id: String::from_utf8(URL_SAFE_NO_PAD.decode(meeting_id).ok()?).ok()?,
        };
        let mac = from_hex(mac)?;
        let mut verified = Choice::from(0);
        for secret in secrets {
            verified |= stamp.mac(secret).as_slice().ct_eq(&mac);
        }
        bool::from(verified).then_some(stamp)
    }

    fn mac(&self, secret: &Secret) -> [u8; MAC_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(CONTEXT);
        mac.update(self.tenant.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(self.meeting_id.as_bytes());
        let digest = mac.finalize().into_bytes();
        let (first, _) = digest.as_slice().split_first_chunk().expect("SHA-256 has 32 bytes");
        *first
    }
}

/// Strips what a client may have sent under our names and stamps the call. With
/// the name of the store that has the meeting's row.
pub fn stamp_create(parameters: &mut Parameters, stamp: &Stamp, secret: &Secret, store: &str) {
    parameters.remove_where(|name| strip_prefix_ignore_case(name, "meta_").is_some_and(is_ours));
    parameters.query.append(PARAMETER, &stamp.sign(secret));
    parameters.query.append(STORE_PARAMETER, store);
}

/// Whether a metadata name is reserved to us, in any letter case.
#[must_use]
pub fn is_ours(metadata_name: &str) -> bool {
    strip_prefix_ignore_case(metadata_name, RESERVED).is_some()
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::RawQuery;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn stamp(tenant: &str, meeting_id: &str) -> Stamp {
        Stamp { tenant: tenant.parse().unwrap(), meeting_id: meeting_id.to_owned() }
    }

    #[test]
    fn the_format_is_this_and_stays_this() {
        // Computed with another implementation (Python's hmac).
        assert_eq!(
            stamp("physics", "Übung 1").sign(&secret("node-secret")),
            "v1.physics.w5xidW5nIDE.7e0a007b08050210e4c9edfea9505a80"
        );
    }

    #[test]
    fn a_stamp_is_believed_only_from_one_of_the_nodes_secrets() {
        let signed = stamp("physics", "abc").sign(&secret("old"));
        let secrets = [secret("new"), secret("old")];
        assert_eq!(Stamp::verify(&signed, &secrets), Some(stamp("physics", "abc")));
        assert_eq!(Stamp::verify(&signed, &secrets[..1]), None);
        assert_eq!(Stamp::verify(&signed, &[]), None);
        for forged in [
            signed.replace("physics", "chemist"),
            signed.replace("v1", "v2"),
            signed.replace("YWJj", "YWJk"),
            format!("{signed}.x"),
            "v1.physics.YWJj.".to_owned(),
            "v1.physics.YWJj.00".to_owned(),
            String::new(),
        ] {
            assert_eq!(Stamp::verify(&forged, &secrets), None, "{forged}");
        }
    }

    #[test]
    fn a_clients_own_stamps_are_stripped_in_any_case_from_query_and_form() {
        let mut parameters = Parameters {
            query: RawQuery::parse(
                "meta_bluegate-stamp=x&META_Bluegate-Stamp=y&meta_bluegate%2Dother=z&\
                 +meta_blue%00gate-stamp=z&meta_a=1",
            ),
            form: Some(RawQuery::parse("meta_BLUEGATE-STAMP=w&name=n")),
        };
        let stamp = stamp("physics", "abc");
        stamp_create(&mut parameters, &stamp, &secret("s"), "one");
        let signed = stamp.sign(&secret("s"));
        assert_eq!(
            parameters.query.to_string(),
            format!("meta_a=1&meta_bluegate-stamp={signed}&meta_bluegate-store=one")
        );
        assert_eq!(parameters.form.unwrap().to_string(), "name=n");
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies(tenant in "[a-z0-9]{1,32}", id in ".{1,60}") {
            let stamp = stamp(&tenant, &id);
            let secret = secret("s");
            prop_assert_eq!(Stamp::verify(&stamp.sign(&secret), &[secret]), Some(stamp));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}|v1\\.a\\.[A-Za-z_-]{0,6}\\.[0-9a-f]{0,34}") {
            prop_assert_eq!(Stamp::verify(&text, &[secret("s")]), None);
        }
    }
}
