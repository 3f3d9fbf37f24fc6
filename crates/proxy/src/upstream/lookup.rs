//! Asking the system for the addresses of a name.
//!
//! `getaddrinfo` blocks and may hang for as long as it likes. Each question gets
//! a thread of its own, never one of the runtime's, and there are at most
//! [`MAX_LOOKUPS`] of them: a name service that hangs costs those and no more.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
};

use tokio::sync::{Semaphore, oneshot};

/// Questions to the system's name service under way at once.
const MAX_LOOKUPS: usize = 32;

/// The answer to a question, when it comes.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of names. May take as long as it likes: at most one
/// question per node is under way, and nobody waits for it longer than for a
/// connection.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The addresses of `host`, each with `port`, best first.
    fn lookup(&self, host: &str, port: u16) -> Looking;
}

/// What the system says.
#[derive(Debug)]
pub struct SystemLookup {
    places: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str, port: u16) -> Looking {
        let host = host.to_owned();
        on_a_thread(&self.places, move || {
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect)
        })
    }
}

/// Runs `question` on a thread of its own as soon as there is a place. The place
/// is the thread's until it ends, whoever still waits.
fn on_a_thread(
    places: &Arc<Semaphore>,
    question: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Looking {
    let places = Arc::clone(places);
    Box::pin(async move {
        let place = places.acquire_owned().await.expect("the semaphore is never closed");
        let (answer, answered) = oneshot::channel();
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            // Nobody waits any more: nothing to do.
            let _unwanted = answer.send(question());
            drop(place);
        })?;
        answered.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let found = SystemLookup::default().lookup("localhost", 7).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        assert!(!found.is_empty());
    }

    #[tokio::test]
    async fn questions_that_hang_take_their_places_and_no_more() {
        let places = Arc::new(Semaphore::new(2));
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let hang = || {
            let held = Arc::clone(&held);
            on_a_thread(&places, move || {
                assert!(held.lock().unwrap().recv().is_err());
                Ok(Vec::new())
            })
        };
        let patience = Duration::from_millis(100);
        for _ in 0..2 {
            assert!(timeout(patience, hang()).await.is_err());
        }
        // Whoever gave up, the threads still hold their places.
        assert_eq!(places.available_permits(), 0);
        assert!(timeout(patience, on_a_thread(&places, || Ok(Vec::new()))).await.is_err());
        drop(release);
        assert!(on_a_thread(&places, || Ok(Vec::new())).await.unwrap().is_empty());
    }
}
