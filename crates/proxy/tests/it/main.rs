//! The proxy over real sockets, in front of nodes made for the test.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as their tests do")]

mod fake_node;
mod front;

mod access_log;
mod api;
mod cache;
mod cache_bounds;
mod cache_builds;
mod cache_disk;
mod cache_leaves;
mod cache_preload;
mod cache_refusals;
mod cache_shared;
mod desync;
mod drain;
mod faults;
mod headers;
mod health;
mod hostile;
mod names;
mod relay;
mod routes;
mod share;
mod slow_clients;
mod smuggling;
mod tls;
mod traffic;
mod web_socket;
