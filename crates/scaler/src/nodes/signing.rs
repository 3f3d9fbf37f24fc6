//! How calls to a node are signed: as strongly as it takes.
//!
//! Which digests a node takes is its property `supportedChecksumAlgorithms`;
//! before 2.5 there are only SHA-1 and SHA-256. Nodes do not say, so it is
//! found out: a call that a node answers with `checksumError` was not carried
//! out, and is sent again signed in another way. What it takes is remembered
//! until it refuses that.

use std::sync::atomic::{AtomicUsize, Ordering};

use bluegate_bbb_api::{
    Answer, Call, Outcome, RawQuery,
    checksum::{Algorithm, signed_query},
};
use bluegate_cluster::Secret;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tokio::time::{Duration, Instant};

use crate::nodes::{
    NodeHandle,
    client::{CallError, Lane, NodeRequest, RawAnswer},
};

/// What a browser is sent with before the node has taken anything: known to
/// every release since 2.2.
const UNPROVED: Algorithm = Algorithm::Sha256;

/// The key of a refusal.
const REFUSAL: &str = "checksumError";

/// These calls are answered by bbb-webhooks, a program of its own with a list of
/// digests of its own: its line 2 knows SHA-1 only.
const HOOKS: &str = "hooks/";

/// The longest answer that is looked at for a refusal.
const REFUSAL_BYTES: usize = 4096;

/// A call to a node, not signed yet.
pub(crate) struct NodeCall<'a> {
    /// The path segment behind `/api/`.
    pub(crate) call: &'a str,
    /// Its parameters.
    pub(crate) query: RawQuery,
    /// A body, which makes it a POST.
    pub(crate) body: Option<(HeaderValue, Bytes)>,
}

impl<'a> NodeCall<'a> {
    /// A call without body.
    pub(crate) fn new(call: &'a str, query: RawQuery) -> Self {
        Self { call, query, body: None }
    }
}

/// What a node has taken.
#[derive(Debug)]
pub(crate) struct Signing {
    /// One of [`ways`], [`Self::NONE`] before the node has taken any.
    proved: AtomicUsize,
}

/// A way to sign: one of the node's secrets, and an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way<'a> {
    index: usize,
    secret: &'a Secret,
    algorithm: Algorithm,
}

/// All ways to sign with these secrets: the first secret before the others, and
/// with each the strongest algorithm first.
fn ways(secrets: &[Secret]) -> impl Iterator<Item = Way<'_>> {
    secrets
        .iter()
        .flat_map(|secret| Algorithm::STRONGEST_FIRST.map(|algorithm| (secret, algorithm)))
        .enumerate()
        .map(|(index, (secret, algorithm))| Way { index, secret, algorithm })
}

impl Default for Signing {
    fn default() -> Self {
        Self { proved: AtomicUsize::new(Self::NONE) }
    }
}

impl Signing {
    const NONE: usize = usize::MAX;

    /// The ways in the order in which they are to be tried.
    fn order<'a>(&self, secrets: &'a [Secret]) -> impl Iterator<Item = Way<'a>> + use<'a> {
        let proved = self.proved.load(Ordering::Relaxed);
        let first = ways(secrets).filter(move |way| way.index == proved);
        first.chain(ways(secrets).filter(move |way| way.index != proved))
    }

    /// Says whether that is news.
    fn prove(&self, way: Way<'_>) -> bool {
        self.proved.swap(way.index, Ordering::Relaxed) != way.index
    }

    /// The secret and algorithm that the node took last.
    fn proved<'a>(&self, secrets: &'a [Secret]) -> Option<(&'a Secret, Algorithm)> {
        let proved = self.proved.load(Ordering::Relaxed);
        ways(secrets).find(|way| way.index == proved).map(|way| (way.secret, way.algorithm))
    }
}

impl NodeHandle {
    /// Sends a call and reads its BBB answer.
    pub(crate) async fn call(
        &self,
        call: NodeCall<'_>,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        read(self.send(call, timeout).await?)
    }

    /// Asks for its version document, which nobody signs for.
    pub(crate) async fn index(&self, timeout: Duration) -> Result<Answer, CallError> {
        let call = Call::Index.name();
        let request = NodeRequest { call, query: String::new(), body: None };
        read(self.client.send(request, Lane::Poll, timeout).await?)
    }

    /// The same for what is asked in the background, which waits for nobody's calls.
    pub(crate) async fn poll(
        &self,
        call: NodeCall<'_>,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        read(self.send_on(Lane::Poll, call, timeout).await?)
    }

    /// The same, not read yet.
    pub(crate) async fn poll_unread(
        &self,
        call: NodeCall<'_>,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        whole(self.send_on(Lane::Poll, call, timeout).await?)
    }

    /// Sends a call and hands back whatever comes. `checksumError` comes back
    /// only when the node takes none of the ways to sign.
    pub(crate) async fn send(
        &self,
        call: NodeCall<'_>,
        timeout: Duration,
    ) -> Result<RawAnswer, CallError> {
        self.send_on(Lane::Call, call, timeout).await
    }

    async fn send_on(
        &self,
        lane: Lane,
        call: NodeCall<'_>,
        timeout: Duration,
    ) -> Result<RawAnswer, CallError> {
        let deadline = Instant::now() + timeout;
        let mut refusal = None;
        let signing = if call.call.starts_with(HOOKS) { &self.hook_signing } else { &self.signing };
        for way in signing.order(&self.secrets) {
            let request = NodeRequest {
                call: call.call,
                query: signed_query(call.call, &call.query, way.secret, way.algorithm),
                body: call.body.clone(),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let raw = self.client.send(request, lane, left).await?;
            if !is_refusal(&raw) {
                if answers(&raw) && signing.prove(way) {
                    tracing::info!(
                        node.id = %self.node.name, algorithm = ?way.algorithm,
                        "calls to the node are signed in the way it takes"
                    );
                }
                return Ok(raw);
            }
            refusal.get_or_insert(raw);
        }
        refusal.ok_or(CallError::Unsigned)
    }

    /// Where a browser joins: the node's own address for the signed call.
    pub(crate) fn join_address(&self, query: &RawQuery) -> String {
        let call = Call::Join.name();
        let proved = self.signing.proved(&self.secrets);
        let (secret, algorithm) = proved.unwrap_or((self.secret(), UNPROVED));
        let query = signed_query(call, query, secret, algorithm);
        format!("{}/bigbluebutton/api/{call}?{query}", self.node.origin)
    }
}

fn read(raw: RawAnswer) -> Result<Answer, CallError> {
    Answer::parse(&whole(raw)?).map_err(CallError::Unusable)
}

fn whole(raw: RawAnswer) -> Result<Bytes, CallError> {
    if raw.status == StatusCode::OK { Ok(raw.body) } else { Err(CallError::Status(raw.status)) }
}

/// Whether the node is one that has read the checksum.
fn answers(raw: &RawAnswer) -> bool {
    raw.status == StatusCode::OK && raw.body.starts_with(b"<response>")
}

fn is_refusal(raw: &RawAnswer) -> bool {
    raw.status == StatusCode::OK
        && raw.body.len() <= REFUSAL_BYTES
        && raw.body.windows(REFUSAL.len()).any(|text| text == REFUSAL.as_bytes())
        && (is_failed_document(&raw.body) || is_failed_json(&raw.body))
}

fn is_failed_document(body: &[u8]) -> bool {
    Answer::parse(body)
        .is_ok_and(|answer| answer.outcome() == Outcome::Failed && answer.key() == REFUSAL)
}

/// Calls about captions answer in JSON.
fn is_failed_json(body: &[u8]) -> bool {
    let answer = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    answer.pointer("/response/messageKey").is_some_and(|key| key == REFUSAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Vec<Secret> {
        ["new", "old"].map(|text| Secret::new(text).unwrap()).to_vec()
    }

    #[test]
    fn the_strongest_is_tried_first_and_what_was_taken_before_all() {
        let (signing, secrets) = (Signing::default(), secrets());
        let order = |signing: &Signing| -> Vec<(String, Algorithm)> {
            let ways = signing.order(&secrets);
            ways.map(|way| (way.secret.expose().to_owned(), way.algorithm)).collect()
        };
        let tried = order(&signing);
        assert_eq!(tried.len(), 8);
        assert_eq!(tried[0], ("new".to_owned(), Algorithm::Sha512));
        assert_eq!(tried[3], ("new".to_owned(), Algorithm::Sha1));
        assert_eq!(tried[4], ("old".to_owned(), Algorithm::Sha512));

        let way = ways(&secrets).nth(6).unwrap();
        assert!(signing.prove(way));
        assert!(!signing.prove(way), "no news");
        let tried = order(&signing);
        assert_eq!(tried[0], ("old".to_owned(), Algorithm::Sha256));
        assert_eq!(tried[1], ("new".to_owned(), Algorithm::Sha512));
        assert_eq!(tried.len(), 8);
    }

    #[test]
    fn what_was_taken_is_remembered() {
        let (signing, secrets) = (Signing::default(), secrets());
        assert_eq!(signing.proved(&secrets), None);
        signing.prove(ways(&secrets).nth(5).unwrap());
        assert_eq!(signing.proved(&secrets), Some((&secrets[1], Algorithm::Sha384)));
    }

    #[test]
    fn only_a_failed_answer_of_the_api_is_a_refusal() {
        let raw = |status, body: &str| RawAnswer {
            status,
            content_type: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let refusal = "<response><returncode>FAILED</returncode>\
            <messageKey>checksumError</messageKey><message>x</message></response>";
        assert!(is_refusal(&raw(StatusCode::OK, refusal)));
        let json = r#"{"response":{"returncode":"FAILED","messageKey":"checksumError"}}"#;
        assert!(is_refusal(&raw(StatusCode::OK, json)));
        for body in [
            &json.replace("checksumError", "noRecordings checksumError"),
            &refusal.replace("FAILED", "SUCCESS"),
            &refusal.replace("checksumError", "notFound"),
            "<html>checksumError</html>",
            "",
        ] {
            assert!(!is_refusal(&raw(StatusCode::OK, body)), "{body}");
        }
        assert!(!is_refusal(&raw(StatusCode::BAD_GATEWAY, refusal)));
    }
}
