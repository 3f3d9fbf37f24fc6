//! Why a node gave no answer that may pass.

use std::io;

use crate::{answer::Answer, health::FailureKind};

/// What went wrong between us and a node.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// All places and the queue for them are taken.
    #[error("the node has as many requests under way as `max_concurrent` and `max_pending` allow")]
    Busy,
    /// It failed several times in a row and is not asked for a while.
    #[error("the node failed several times in a row and is left alone for a while")]
    LeftAlone,
    /// The node's name has no address.
    #[error("cannot find the node's address")]
    Resolve(#[source] io::Error),
    /// No address of the node accepts connections.
    #[error("cannot connect to the node")]
    Connect(#[source] io::Error),
    /// Name, TCP and TLS together took longer than `connect_timeout`.
    #[error("connecting to the node took too long")]
    ConnectTimeout,
    /// The host of the node's origin cannot stand in a certificate.
    #[error("the node's host name cannot be verified by TLS")]
    TlsName,
    /// The TLS handshake failed, the node's certificate most likely.
    #[error("TLS with the node failed")]
    Tls(#[source] io::Error),
    /// HTTP could not be spoken on the connection.
    #[error("cannot speak HTTP with the node")]
    Handshake(#[source] hyper::Error),
    /// The connection ended, or what came is not HTTP.
    #[error("the node gave no proper answer")]
    Exchange(#[source] hyper::Error),
    /// The client did not send the body it announced.
    #[error("the client broke off its request")]
    ClientBody,
    /// The client did not send its body within `response_timeout`.
    #[error("the client took too long to send its request")]
    ClientSlow,
    /// No answer within `response_timeout`.
    #[error("the node took too long to answer")]
    ResponseTimeout,
    /// An answer that ends the HTTP of a connection nobody asked to upgrade,
    /// or that is meant for a proxy.
    #[error("the node answered with status {0}, which may not pass")]
    Status(http::StatusCode),
    /// A redirect that leads off the mount's relayed paths.
    #[error("the node redirects to somewhere that is not relayed")]
    Redirect,
}

impl NodeError {
    /// What the client is told.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Busy => Answer::NodeBusy,
            Self::ClientBody => Answer::BadRequest,
            Self::ClientSlow => Answer::RequestTimeout,
            Self::ConnectTimeout | Self::ResponseTimeout => Answer::NodeTimeout,
            Self::Connect(source) if source.kind() == io::ErrorKind::TimedOut => {
                Answer::NodeTimeout
            }
            Self::LeftAlone
            | Self::Resolve(_)
            | Self::Connect(_)
            | Self::TlsName
            | Self::Tls(_)
            | Self::Handshake(_)
            | Self::Exchange(_)
            | Self::Status(_)
            | Self::Redirect => Answer::NodeFailed,
        }
    }

    /// Whether it says nothing new about the node.
    pub(super) fn is_no_news(&self) -> bool {
        matches!(self, Self::ClientBody | Self::ClientSlow | Self::LeftAlone)
    }

    /// What it says about the node's health; `None` when it says nothing.
    pub(crate) fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Self::Resolve(_) => Some(FailureKind::Name),
            Self::Connect(source) if source.kind() == io::ErrorKind::TimedOut => {
                Some(FailureKind::ConnectTimeout)
            }
            Self::Connect(_) => Some(FailureKind::Connect),
            Self::ConnectTimeout => Some(FailureKind::ConnectTimeout),
            Self::TlsName | Self::Tls(_) => Some(FailureKind::Tls),
            Self::Handshake(_) | Self::Exchange(_) => Some(FailureKind::Protocol),
            Self::ResponseTimeout => Some(FailureKind::ResponseTimeout),
            // Our bounds, its client, or what it answered and may not pass.
            Self::Busy
            | Self::LeftAlone
            | Self::ClientBody
            | Self::ClientSlow
            | Self::Status(_)
            | Self::Redirect => None,
        }
    }

    /// Whether the connection was dead rather than the answer bad: then the
    /// node has most likely not seen the request.
    pub(super) fn is_dead_connection(&self) -> bool {
        match self {
            Self::Exchange(error) => !error.is_parse(),
            _ => false,
        }
    }
}
