//! Whom the requests of a connection are for.

use std::sync::Arc;

use http::Request;

use crate::{Clients, Connection, forwarded::last_hop, request_id::RequestId};

/// Whom the requests of a connection are for.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) connection: Arc<Connection>,
    /// Each request says so itself.
    pub(super) forwards: bool,
    /// Whose accounts those are whom it forwards for.
    pub(super) clients: Option<Arc<Clients>>,
}

impl Client {
    pub(super) fn of<B>(&self, request: &Request<B>) -> Arc<Connection> {
        let client = if self.forwards { last_hop(request.headers()) } else { None };
        match client {
            Some(client) => {
                let account = self.clients.as_ref().map(|clients| clients.account(client));
                Arc::new(self.connection.on_behalf_of(client, account))
            }
            None => Arc::clone(&self.connection),
        }
    }

    /// The request's ID: the one that a balancer gave that is believed, or a new
    /// one.
    pub(super) fn request_id<B>(&self, request: &Request<B>) -> RequestId {
        let given = if self.forwards { RequestId::given(request.headers()) } else { None };
        given.unwrap_or_else(RequestId::new)
    }
}
