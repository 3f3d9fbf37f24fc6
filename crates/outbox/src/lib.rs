//! What must reach frontends, and does, or is seen not to.
//!
//! Owns the queue in the store, when a delivery is tried again, which addresses
//! may be called at all, and the call itself. Does not know what a callback
//! says: whoever queues one prepares its request, anew for each attempt, so that
//! nothing signed grows old in the queue.
//!
//! [`Outbox::new`] → [`Outbox::queue`] from anywhere, and [`Outbox::run`] in the
//! background, in as many processes as share the store.

mod address;
mod backlog;
mod backoff;
mod config;
mod connect;
mod counts;
mod deliver;
mod outbox;
mod room;
mod target;
mod worker;

pub use address::is_public;
pub use config::{Bounds, Clock, Config};
pub use connect::{Lookup, Resolve, SystemResolver};
pub use counts::{Attempt, Counters, Depth};
pub use outbox::{New, Outbox, QueueError, Queued};
pub use target::{Target, TargetError};
pub use worker::{Prepare, Prepared, Request};

#[cfg(test)]
mod tests;
