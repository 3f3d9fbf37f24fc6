//! Meetings: their life on the nodes, the ledger that remembers it, and what is
//! made of what nodes show.

pub(crate) mod directory;
pub(crate) mod foreign;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod reach;
pub(crate) mod reconcile;
pub(crate) mod room;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod twin;
pub(crate) mod twins;
pub(crate) mod voice_bridge;
