//! A simulated BigBlueButton node of the lines 2.4 to 2.7, 3.0 and 4.0, faithful
//! in what browsers, frontends and operators can see.
//!
//! [`install()`] writes the files of a fresh node; whoever makes it part of a
//! cluster adds override files; [`start`] reads them all, as the real services
//! do at their start, and serves on one port what a real node serves on its
//! own: the API, the client, GraphQL (2.x: Meteor's pages and DDP over SockJS),
//! slides, uploads, pads, notes, the dashboard, STUN and media sockets.
//! [`start_back_ends`] leaves out what nginx does, for a real one to do it.
//! Cross-origin, session and cookie rules are enforced, so that a wrong
//! configuration fails here the way it fails in a browser.
//!
//! This crate judges the other parts of Bluegate and therefore shares no code
//! with them: checksum, XML, and the readers of configuration files are its own.
//!
//! Tests watch a node and order faults through [`SimNode`], or over HTTP below
//! `/_simnode/` on the node's port:
//!
//! - `GET /_simnode/records` -> `{"records":[...]}`, each a [`Record`];
//! - `GET /_simnode/meetings` -> `{"meetings":[...]}`, each a [`MeetingSummary`];
//! - `GET /_simnode/faults` -> `{"faults":[...]}`, those that still wait;
//! - `POST /_simnode/faults` with one [`Fault`], e.g.
//!   `{"call":"create","times":2,"action":"cut"}`; actions are `cut`,
//!   `cut_half`, `delay` (with `delay_ms`), `hang`, `error` and `garbage`;
//!   `"path":"/prefix"` instead of `call` strikes any request below a path;
//!   `"takes_effect":true` carries the call out first;
//! - `DELETE /_simnode/faults` forgets them;
//! - `POST /_simnode/restart` with `{"unit":"bbb-web"}` starts a service again:
//!   each knows what stood in its files when it last started;
//! - `POST /_simnode/guests` with `{"meeting_id":"m","decision":"allow"}` (or
//!   `deny`) decides about all who wait in the lobby;
//! - `GET /_simnode/callbacks` -> `{"callbacks":[...]}`, each a [`Callback`] that
//!   was sent to a frontend;
//! - `POST /_simnode/recording-ready` with `{"meeting_id":"m","record_id":"r",
//!   "url":"http://..."}` tells a frontend that a format of a recording was
//!   published;
//! - `POST /_simnode/power` with `{"off_ms":3000}` switches the node off for
//!   that long; its meetings are lost.
//!
//! The client has the size of the real one: some 85 files besides 60 languages,
//! 6 MB, of which a browser is sent about 1.3 MB. Files are made when they are
//! first asked for, once for all nodes of a process; two releases share most of
//! their bundle.
//!
//! What the client page shows and which attributes tests may rely on is
//! described in `client/README.md`.
//!
//! # Where it differs from a real node
//!
//! - `end` takes effect at once. Users leave the moment their last GraphQL
//!   socket closes, without the 60 seconds in which a real node still lists
//!   them, so a reload is a leave and a join.
//! - The session cookie is `Secure` only when the node's origin is `https`;
//!   the package would set it always, and browsers would drop it on the plain
//!   `*.localhost` origins of a demo.
//! - `ws://` stands in for `wss://` when `graphqlWebsocketUrl` is `http://`.
//! - Pads, notes and LiveKit have their pages, sockets and exports with the
//!   rules around them, and nothing in them. The STUN server answers binding
//!   requests only, also where TURN is said to be.
//! - A meeting with `record=true` is a published recording the moment it has
//!   ended. Recordings have their API and nothing to play; the newest is listed
//!   first, where a real node has the order of a hash table.
//! - No chat or media transport. That a recording is ready is told
//!   when a test says so, analytics as soon as a meeting has ended.
//! - Callbacks go to this machine only, by plain HTTP, and follow no redirect.
//!   Nobody presses the record button, so `recordingmarks` is `false`.
//! - bbb-webhooks ([`install_webhooks`]) knows of meetings and users that come and
//!   go, and of nothing else. Its hooks hear of everything in order, which 3.x
//!   does not promise. There is no nginx location for it, so it answers only
//!   where the simulated nginx does.
//! - GraphQL operations and DDP publications are known by name; there is no query
//!   engine. `end` closes a SockJS session with code 4410.
//! - What the sources leave open about a release is said where the release is
//!   asked (`release.rs`).
//! - 2.x: SockJS has its WebSocket transport only, nginx no `limit_conn`, and all
//!   of the client's script is in one bundle, so that dynamic imports ask for none.
//!   `/html5client/locales` is Meteor's only where no nginx location hides it.

mod answer;
mod api;
mod backend;
mod callbacks;
mod checksum;
mod client;
mod clock;
mod connection;
mod control;
mod cors;
mod dashboard;
mod effective;
mod engine;
mod fault;
mod files;
mod fixtures;
mod front;
mod handler;
mod install;
mod livekit;
mod locations;
mod meeting;
mod meteor;
mod nginx;
mod node;
mod notes;
mod pads;
mod ports;
mod query;
mod record;
mod recording;
mod release;
mod rest;
mod route;
mod server;
mod service;
mod slides;
mod socket;
mod spool;
mod state;
mod stock;
mod stun;
mod upload;
mod web_origin;
mod webhooks;
mod xml;

pub use backend::BackEnds;
pub use callbacks::{CALLBACKS_KEPT, Callback, CallbackKind};
pub use effective::ReadError;
pub use fault::{FAULTS_KEPT, Fault, FaultAction, Faults, TooManyFaults};
pub use files::{nginx::NginxSyntaxError, yaml::YamlError};
pub use fixtures::{ClusterOf, FixtureError, configure_by_ansible, configure_by_hand};
pub use install::{InstallError, Stock, install, install_webhooks, install_with_ports};
pub use locations::DuplicateLocation;
pub use meeting::MeetingSummary;
pub use nginx::{Certificate, NginxError};
pub use node::{
    BackEndSettings, NginxSettings, PowerOnError, Settings, SimNode, StartError, start,
    start_back_ends, start_with_nginx,
};
pub use ports::Ports;
pub use record::{RECORDS_KEPT, Record};
pub use recording::{Recording, RecordingState};
pub use release::ReleaseError;
pub use service::{RestartError, Unit};
pub use spool::SpoolError;
pub use web_origin::WebOriginError;
