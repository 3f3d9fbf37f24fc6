//! Sealing and opening.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What every sealed text begins with; a permanent format.
const VERSION: &str = "bgs1";
/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Bytes of a key's name: enough to tell the few keys of a file apart.
const ID_BYTES: usize = 6;
/// A key's name tells nothing of the key.
const ID_CONTEXT: &[u8] = b"bluegate seal key id\0";

/// The keys of a key file: the first seals, all open.
pub struct Key {
    first: One,
    others: Vec<One>,
}

/// One key and the name that sealed texts call it by.
struct One {
    id: String,
    cipher: RandomizedNonceKey,
}

/// Why a sealed text does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a text that [`Key::seal`] gives.
    #[error("this is not a sealed text")]
    NotSealed,
    /// Sealed with a key that the file no longer holds.
    #[error("it was sealed with the key `{0}`, which is not in the key file; put that key back")]
    UnknownKey(String),
    /// Changed, cut, or sealed for another purpose.
    #[error("it was changed, or sealed for something else")]
    Refused,
}

impl Key {
    /// Keys from their bytes; the first one seals.
    pub(crate) fn new(first: &[u8; KEY_BYTES], others: &[[u8; KEY_BYTES]]) -> Self {
        Self { first: One::new(first), others: others.iter().map(One::new).collect() }
    }

    /// Seals `plaintext` for one `purpose`, such as `node secret bbb-01`: only
    /// who asks for the same purpose opens it.
    #[must_use]
    pub fn seal(&self, purpose: &str, plaintext: &[u8]) -> String {
        let One { id, cipher } = &self.first;
        let head = format!("{VERSION}.{id}");
        let mut sealed = plaintext.to_vec();
        let nonce = cipher
            .seal_in_place_append_tag(Aad::from(associated(&head, purpose)), &mut sealed)
            .expect("AES-GCM refuses only what is larger than memory holds");
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens what [`Self::seal`] gave for the same `purpose`, with any key of
    /// the file.
    ///
    /// # Errors
    /// [`OpenError`]; never a part of what was sealed.
    pub fn open(&self, purpose: &str, text: &str) -> Result<Vec<u8>, OpenError> {
        let (head, body) = text.rsplit_once('.').ok_or(OpenError::NotSealed)?;
        let id = key_id(head).ok_or(OpenError::NotSealed)?;
        let mut bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| OpenError::NotSealed)?;
        if bytes.len() < NONCE_BYTES + TAG_BYTES {
            return Err(OpenError::NotSealed);
        }
        let key = self.find(id).ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        let mut sealed = bytes.split_off(NONCE_BYTES);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| OpenError::NotSealed)?;
        let aad = Aad::from(associated(head, purpose));
        let opened = key.cipher.open_in_place(nonce, aad, &mut sealed);
        opened.map(|plaintext| plaintext.to_vec()).map_err(|_| OpenError::Refused)
    }

    /// Whether `text` was sealed with the key that seals now. What was not is to
    /// be sealed again before its key may leave the file.
    #[must_use]
    pub fn is_current(&self, text: &str) -> bool {
        let head = text.rsplit_once('.').map(|(head, _)| head);
        head.and_then(key_id) == Some(self.first.id.as_str())
    }

    fn find(&self, id: &str) -> Option<&One> {
        std::iter::once(&self.first).chain(&self.others).find(|key| key.id == id)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl One {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("a key of 32 bytes");
        let named = digest(&SHA256, &[ID_CONTEXT, bytes].concat());
        let id = named.as_ref().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self { id, cipher }
    }
}

/// The key's name in the part of a sealed text before its last dot.
fn key_id(head: &str) -> Option<&str> {
    let id = head.strip_prefix(VERSION)?.strip_prefix('.')?;
    let is_name = id.len() == 2 * ID_BYTES && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_name.then_some(id)
}

/// The head is of fixed length, so that head and purpose cannot be cut
/// differently.
fn associated(head: &str, purpose: &str) -> Vec<u8> {
    [head.as_bytes(), b"\0", purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(first: u8, others: &[u8]) -> Key {
        let others: Vec<_> = others.iter().map(|byte| [*byte; KEY_BYTES]).collect();
        Key::new(&[first; KEY_BYTES], &others)
    }

    #[test]
    fn only_its_purpose_opens_it() {
        let key = key(1, &[]);
        let sealed = key.seal("node secret bbb-01", b"s3cret");
        assert_eq!(key.open("node secret bbb-01", &sealed).unwrap(), b"s3cret");
        assert_eq!(key.open("node secret bbb-10", &sealed), Err(OpenError::Refused));
        assert_ne!(sealed, key.seal("node secret bbb-01", b"s3cret"), "equal secrets look equal");
    }

    #[test]
    fn keys_are_changed_one_after_the_other() {
        let old = key(1, &[]).seal("p", b"x");
        let overlapping = key(2, &[1]);
        assert_eq!(overlapping.open("p", &old).unwrap(), b"x");
        assert!(!overlapping.is_current(&old));
        let new = overlapping.seal("p", b"x");
        assert!(overlapping.is_current(&new));

        let after = key(2, &[]);
        assert_eq!(after.open("p", &new).unwrap(), b"x");
        let error = after.open("p", &old).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey(_)), "{error}");
    }

    #[test]
    fn a_sealed_text_of_the_first_release_opens_for_ever() {
        // Made by Python's `cryptography`, from the format as the crate states it.
        let sealed = "bgs1.07bca743e113.AAECAwQFBgcICQoLyJX2VEWKz6F2lvndMtBFmcxJ2hbwow";
        assert_eq!(key(1, &[]).open("node secret bbb-01", sealed).unwrap(), b"s3cret");
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", key(1, &[])), "Key(***)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(purpose in ".{0,40}", plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let key = key(7, &[8]);
            let sealed = key.seal(&purpose, &plain);
            prop_assert!(sealed.is_ascii() && !sealed.contains(char::is_whitespace));
            prop_assert_eq!(key.open(&purpose, &sealed).unwrap(), plain);
        }

        #[test]
        fn one_changed_character_and_it_does_not_open(at in 0usize..60, to in "[A-Za-z0-9._-]") {
            let key = key(7, &[]);
            let mut sealed = key.seal("p", b"0123456789abcdef").into_bytes();
            let at = at % sealed.len();
            // Base64's last character has bits that mean nothing; decoding refuses those.
            prop_assume!(sealed[at] != to.as_bytes()[0]);
            sealed[at] = to.as_bytes()[0];
            prop_assert!(key.open("p", std::str::from_utf8(&sealed).unwrap()).is_err());
        }

        #[test]
        fn no_text_panics(purpose in ".{0,20}", text in ".{0,120}") {
            prop_assert!(key(7, &[]).open(&purpose, &text).is_err());
            prop_assert!(!key(7, &[]).is_current(&text));
        }
    }
}
