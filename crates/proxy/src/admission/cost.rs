//! Whether a client may still have what was admitted.
//!
//! The API is not charged: its frontends call for all their users from one
//! address.

use bluegate_net::{Connection, Cost};
use http::{Request, Response};

use super::{Admission, Admitted, Kind};
use crate::{
    answer::{Answer, Language},
    body::Body,
};

impl Admission {
    /// Charges a request to its client.
    pub(crate) fn charged(self, connection: &Connection) -> Result<Self, Answer> {
        match &self {
            Self::Node(Admitted { kind: Kind::Api, .. }) => {}
            Self::Node(_) | Self::Leaf => connection.charge(Cost::Request)?,
        }
        Ok(self)
    }
}

impl Admitted {
    /// Charges its way to the node, or refuses it.
    #[expect(clippy::result_large_err, reason = "the answer, built where it is returned")]
    pub(crate) fn charge_node<B>(
        &self,
        request: &Request<B>,
        connection: &Connection,
    ) -> Result<(), Response<Body>> {
        if self.kind == Kind::Api {
            return Ok(());
        }
        connection.charge(Cost::Upstream).map_err(|over| {
            let language = Language::of(request.headers());
            Answer::from(over).into_response(request.method(), language)
        })
    }
}
