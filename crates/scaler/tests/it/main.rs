//! The scaler over real sockets: frontends on one side, nodes on the other.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod bulkhead;
mod callbacks;
mod clients;
mod cluster;
mod create;
mod cut;
mod differential;
mod events;
mod fake_node;
mod foreign;
mod front;
mod headline;
mod health;
mod hooks;
mod isolation;
mod lies;
mod life;
mod lost;
mod moved_clock;
mod namespace;
mod node_callbacks;
mod node_events;
mod node_hooks;
mod nodes;
mod participant;
mod placement;
mod probe_meetings;
mod receiver;
mod recordings;
mod replicas;
mod reports;
mod signing;
mod simulated;
mod successor;
mod surfaces;
mod tenant_book;
mod tenant_settings;
mod tenants;
mod tls;
mod verdict;
mod waiting;
mod webhook_reader;
