//! Tokens that were made at run time, and finding out whether one is right.
//!
//! A token is `bluegate_ID_SECRET`: by the ID its row is found, so that at most
//! one hash is ever computed for a request. A token that was right is remembered
//! by a keyed digest, so that none is computed for the next one. The row is read
//! for each request all the same: one that was revoked, here or at another
//! scaler of the store, is refused with the next request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    ScalerRefusal, hashing,
    role::Caller,
    tokens::{StoredToken, TokenSource},
};

/// What every token begins with, so that it is recognised where it must not be.
const PREFIX: &str = "bluegate_";

/// Digits of a token's ID, and of its secret part.
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;

/// Tokens that are remembered to be right; at more all are found out anew.
const MAX_REMEMBERED: usize = 256;

/// Tokens found out at once. One takes some 20 ms of a core and 19 MiB.
const MAX_CHECKS: usize = 2;

/// How long a token waits for its turn to be found out.
const CHECK_WAIT: Duration = Duration::from_secs(2);

/// A token made just now.
pub(crate) struct NewToken {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl NewToken {
    pub(crate) fn random() -> Self {
        let secret: [u8; SECRET_DIGITS / 2] = rand::random();
        Self {
            id: format!("{:0width$x}", rand::random::<u64>(), width = ID_DIGITS),
            secret: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// The whole token.
    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }
}

/// The ID and the secret part of a token.
fn parts(token: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let right = id.len() == ID_DIGITS && secret.len() == SECRET_DIGITS;
    (right && digits(id) && digits(secret)).then_some((id, secret))
}

/// Why it was not found out whether a token is right.
#[derive(Debug)]
pub(crate) enum NotChecked {
    /// Too many others are being found out.
    Busy,
    /// The store does not answer.
    Store(ScalerRefusal),
}

/// Finds out whether tokens are right.
pub(crate) struct Issued {
    source: Arc<dyn TokenSource>,
    /// This process's own, so that what is remembered says nothing of a token.
    key: [u8; 32],
    /// The digest of a token that was right, and the hash that it was of.
    remembered: Mutex<HashMap<[u8; 32], String>>,
    checks: Arc<Semaphore>,
    wait: Duration,
}

/// The turn of a token that has to be found out.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Issued {
    pub(crate) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self {
            source,
            key: rand::random(),
            remembered: Mutex::default(),
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            wait: CHECK_WAIT,
        }
    }

    /// One in which tokens wait for their turn however long it takes.
    #[cfg(test)]
    pub(crate) fn patient(source: Arc<dyn TokenSource>) -> Self {
        Self { wait: Duration::from_hours(1), ..Self::new(source) }
    }

    /// Whether this may be a token of ours at all.
    pub(crate) fn is_one(token: &str) -> bool {
        parts(token).is_some()
    }

    /// Whose token it is, when it was right before and still is; without a hash
    /// computed.
    ///
    /// # Errors
    /// [`NotChecked::Store`]
    pub(crate) async fn recall(&self, token: &str) -> Result<Option<Caller>, NotChecked> {
        let digest = self.digest(token);
        let Some(known) = self.remembered().get(&digest).cloned() else { return Ok(None) };
        let row = self.find(token).await?;
        let still = row.filter(|row| row.hash == known);
        if still.is_none() {
            self.remembered().remove(&digest);
        }
        Ok(still.map(|row| Caller { name: row.name, role: row.role }))
    }

    /// Waits for the turn of a token that nobody remembers.
    ///
    /// # Errors
    /// [`NotChecked::Busy`]
    pub(crate) async fn turn(&self) -> Result<Turn, NotChecked> {
        let permit = tokio::time::timeout(self.wait, Arc::clone(&self.checks).acquire_owned());
        match permit.await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(NotChecked::Busy),
        }
    }

    /// Whose token it is, by its hash; `None` when it is nobody's.
    ///
    /// # Errors
    /// [`NotChecked::Store`]
    pub(crate) async fn check(
        &self,
        token: &str,
        turn: Turn,
    ) -> Result<Option<Caller>, NotChecked> {
        let Some((_, secret)) = parts(token) else { return Ok(None) };
        let Some(row) = self.find(token).await? else { return Ok(None) };
        let (hash, secret) = (row.hash.clone(), secret.to_owned());
        let right = tokio::task::spawn_blocking(move || {
            let right = hashing::matches(&hash, &secret);
            // Also when nobody waits for the outcome any more.
            drop(turn);
            right
        });
        if !right.await.unwrap_or(false) {
            return Ok(None);
        }
        let digest = self.digest(token);
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(digest, row.hash);
        Ok(Some(Caller { name: row.name, role: row.role }))
    }

    async fn find(&self, token: &str) -> Result<Option<StoredToken>, NotChecked> {
        let Some((id, _)) = parts(token) else { return Ok(None) };
        self.source.find(id.to_owned()).await.map_err(NotChecked::Store)
    }

    fn digest(&self, token: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do");
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], String>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, fixture::FakeStore};

    #[tokio::test]
    async fn a_hash_is_computed_once_a_few_at_a_time_and_not_for_a_revoked_token() {
        let store = Arc::new(FakeStore::default());
        let token = store.issue("board", Role::Viewer);
        let issued =
            Issued { wait: Duration::from_millis(1), ..Issued::new(Arc::clone(&store) as _) };
        assert_eq!(issued.recall(&token).await.unwrap(), None);
        let turn = issued.turn().await.unwrap();
        let caller = issued.check(&token, turn).await.unwrap();
        assert_eq!(caller.as_ref().unwrap().name, "board");

        // All are at work; what is remembered needs none of them.
        let turns = [issued.turn().await.unwrap(), issued.turn().await.unwrap()];
        assert!(matches!(issued.turn().await, Err(NotChecked::Busy)));
        assert_eq!(issued.recall(&token).await.unwrap(), caller);
        drop(turns);

        store.tokens.lock().unwrap().clear();
        assert_eq!(issued.recall(&token).await.unwrap(), None);
        let turn = issued.turn().await.unwrap();
        assert_eq!(issued.check(&token, turn).await.unwrap(), None);
        assert!(issued.remembered().is_empty());
    }

    #[test]
    fn a_token_has_one_form() {
        let token = NewToken::random();
        let text = token.text();
        assert_eq!(parts(&text), Some((token.id.as_str(), token.secret.as_str())));
        for wrong in [
            String::new(),
            "bluegate_".to_owned(),
            text.to_uppercase(),
            text.replace("bluegate_", ""),
            format!("{text}0"),
            text.trim_end_matches(|_: char| true).to_owned(),
            text.replacen('_', "-", 2),
        ] {
            assert!(!Issued::is_one(&wrong), "{wrong}");
        }
    }
}
