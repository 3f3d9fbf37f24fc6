//! Serving over real sockets: certificates from a real ACME server and from
//! a double of one.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as their tests do")]

mod authority;
mod names;
mod pebble;
mod site;

mod acme;
