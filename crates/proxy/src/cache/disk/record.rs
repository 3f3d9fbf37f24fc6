//! A record: what a node said of an address, and which content it sent.

use aws_lc_rs::digest::{SHA256, digest};
use bluegate_cache::{CacheKey, Digest, hex, parse_digest};
use bluegate_cluster::Node;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING},
};
use serde::{Deserialize, Serialize};

use super::folder::Folder;

/// The longest record read; heads are bounded too.
const LARGEST: usize = 256 << 10;

/// What belongs to the transfer that brought it, or is never used.
const OF_ONE_TRANSFER: [HeaderName; 7] =
    [AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING];

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    key: String,
    /// Which server gave it. Another one under the same mount is not asked to
    /// confirm it: its validators may be equal by chance.
    node: String,
    content: String,
    head: Vec<(String, String)>,
}

impl Record {
    pub(super) fn new(key: &CacheKey, node: &Node, content: Digest, head: &HeaderMap) -> Self {
        let head = head
            .iter()
            .filter(|(name, _)| !OF_ONE_TRANSFER.contains(name))
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        Self { key: key.target().to_owned(), node: server(node), content: hex(&content), head }
    }

    /// The digest of the content.
    pub(super) fn digest(&self) -> Option<Digest> {
        parse_digest(&self.content)
    }

    /// What the node said.
    pub(super) fn head(&self) -> HeaderMap {
        let mut head = HeaderMap::new();
        for (name, value) in &self.head {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                head.append(name, value);
            }
        }
        head
    }

    /// The file: a digest of what follows on a line of its own, then JSON.
    pub(super) fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).expect("text and lists have a JSON form");
        format!("{}\n{json}", hex(digest(&SHA256, json.as_bytes()).as_ref())).into_bytes()
    }

    /// What was encoded; `None` when it is anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (stated, json) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        let found = hex(digest(&SHA256, json.as_bytes()).as_ref());
        if stated != found {
            return None;
        }
        serde_json::from_str(json).ok()
    }
}

/// The name of a key's record.
pub(super) fn name(key: &CacheKey) -> String {
    hex(digest(&SHA256, key.target().as_bytes()).as_ref())
}

/// The record of this key, if this very server gave it; anything else found in
/// its place is removed.
pub(super) fn read(folder: &Folder, key: &CacheKey, node: &Node) -> Option<Record> {
    let path = folder.record(key.mount(), &name(key));
    let bytes = Folder::read(&path, LARGEST)?;
    let record = Record::decode(&bytes)
        .filter(|record| record.key == key.target() && record.node == server(node));
    if record.is_none() {
        Folder::remove(&path);
    } else {
        Folder::touch(&path);
    }
    record
}

/// A server by where it is and how it is named.
fn server(node: &Node) -> String {
    let (host, port) = node.connect_to();
    format!("{} at {host}:{port}", node.origin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> Record {
        let node = Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: None,
            bbb: None,
            proxied: true,
        };
        let mut head = HeaderMap::new();
        for (name, value) in [
            (http::header::ETAG, "\"a\""),
            (http::header::VARY, "accept-encoding"),
            (http::header::VARY, "origin"),
            (AGE, "7"),
        ] {
            head.append(name, HeaderValue::from_static(value));
        }
        Record::new(&CacheKey::new("/bbb-01/html5client/a.js?v=1"), &node, [7; 32], &head)
    }

    #[test]
    fn a_record_comes_back() {
        let record = record();
        let back = Record::decode(&record.encode()).unwrap();
        assert_eq!(back, record);
        assert_eq!(back.digest(), Some([7; 32]));
        let head = back.head();
        assert_eq!(head.get_all("vary").iter().count(), 2);
        assert_eq!((head["etag"].to_str().unwrap(), head.get("age")), ("\"a\"", None));
        assert_eq!(back.node, "https://bbb-01.example.org at bbb-01.example.org:443");
    }

    proptest! {
        #[test]
        fn a_damaged_record_is_none(at in 0usize..200, by in 1u8..=255, cut in 1usize..200) {
            let whole = record().encode();
            let mut changed = whole.clone();
            let at = at % changed.len();
            changed[at] ^= by;
            prop_assert_eq!(Record::decode(&changed), None);
            prop_assert_eq!(Record::decode(&whole[..whole.len() - cut]), None);
        }
    }
}
