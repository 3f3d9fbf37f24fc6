//! Tests of the built binary, of several roles together, and of a real browser.
//!
//! They judge from outside: the binary is run, the API is signed by code of
//! their own, and what the nodes saw is read from the simulated nodes' records.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so")]

mod acme;
mod admin;
mod admin_routes;
mod api;
mod architecture;
mod browser;
mod callbacks;
mod cluster;
mod command_line;
mod convert;
mod descriptors;
mod doctor;
mod events;
mod fake;
mod fleet;
mod front_door;
mod gate;
mod live_node;
mod looked_at;
mod lost_node;
mod metrics;
mod node_apply;
mod node_callbacks;
mod node_drain;
mod node_fleet;
mod node_list;
mod node_live;
mod node_matrix;
mod node_plan;
mod openapi;
mod operations;
mod participant;
mod placement;
mod placement_settings;
mod python_client;
mod recordings;
mod request_ids;
mod scalelite;
mod shadow;
mod tenants;
mod terminal;
mod tokens;
mod upgrade;
