//! Serving over real sockets: certificates from a real ACME server and from
//! a double of one, balancers in front, clients that take too much.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as their tests do")]

mod authority;
mod front;
mod site;

mod acme;
mod balancer;
mod clients;
mod handshakes;
mod hostile;
mod https_only;
mod slow_readers;
