//! Listeners and serving, for every role that answers HTTP.
//!
//! Owns what stands between a socket and a request: [`bind()`], TLS from PEM
//! files ([`tls`]), the accept loop with its [`Limits`] and its drain
//! ([`serve()`]), the choice between two roles that share a listener
//! ([`dispatch`]), and the way of the sockets to the next process
//! ([`handover`]). For the way out there is [`Outgoing`]. It does not know what the requests mean: a role implements
//! [`Service`], or hands over an `axum::Router` wrapped in [`RouterService`].

pub mod acme;
mod bind;
mod clients;
mod connection;
mod descriptors;
pub mod dispatch;
mod forwarded;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod handover;
mod handshakes;
mod hsts;
mod limits;
mod outgoing;
mod policy;
mod proxy_protocol;
mod redirect;
mod request_id;
mod router;
mod serve;
mod service;
pub mod tls;
mod trust;

pub use ipnet::IpNet;

pub use bind::{BindError, Listener, bind};
pub use clients::{Bucket, ClientLimits, ClientReport, Clients, Cost, Overdrawn, Shed};
pub use connection::Connection;
pub use descriptors::{TooFewDescriptors, fit_connections, raise_descriptor_limit};
pub use handshakes::{HandshakeReport, Handshakes};
pub use hsts::Hsts;
pub use limits::Limits;
pub use outgoing::Outgoing;
pub use policy::Policy;
pub use redirect::Redirect;
pub use request_id::X_REQUEST_ID;
pub use router::RouterService;
pub use serve::{Drained, RequestBody, ServeError, serve};
pub use service::{BoxError, Service, request_authority};
pub use trust::Trust;
