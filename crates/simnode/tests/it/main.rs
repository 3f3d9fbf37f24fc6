//! Simulated nodes over real sockets: the API, every enforced rule once kept
//! and once broken, the client's files, faults and power.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "what goes wrong in a helper fails the test that uses it"
)]

mod api;
mod callbacks;
mod client_files;
mod extras;
mod faults;
mod fixtures;
mod lines;
mod meteor;
mod nginx;
mod node;
mod origins;
mod receiver;
mod recordings;
mod reference;
mod rules;
mod sockets;
mod tls;
mod webhooks;
