//! A node's services on ports of their own, for a real nginx to stand in front.
//!
//! nginx decides locations, authorisation and its own cross-origin headers; what
//! is left is what the services themselves answer.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use axum::body::Body;
use http::{StatusCode, request::Parts};

use crate::{
    answer::{self, Answer},
    api,
    connection::{self, user_of_nginx},
    engine, livekit, meteor, notes, pads,
    ports::Ports,
    rest,
    route::Route,
    service::Unit,
    slides, socket,
    state::NodeState,
    upload,
};

/// A service that nginx passes requests to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackEnd {
    Web,
    GraphqlMiddleware,
    GraphqlServer,
    Sfu,
    Sip,
    Etherpad,
    Html5,
    LiveKit,
    SharedNotes,
}

/// In the order of [`Ports::all`].
const ALL: [BackEnd; 9] = [
    BackEnd::Web,
    BackEnd::GraphqlMiddleware,
    BackEnd::GraphqlServer,
    BackEnd::Sfu,
    BackEnd::Sip,
    BackEnd::Etherpad,
    BackEnd::Html5,
    BackEnd::LiveKit,
    BackEnd::SharedNotes,
];

impl BackEnd {
    /// What nginx takes from the front of the public path before it asks.
    fn stripped_prefix(self) -> &'static str {
        match self {
            Self::Etherpad => "/pad",
            Self::LiveKit => "/livekit",
            Self::SharedNotes => "/hocuspocus",
            _ => "",
        }
    }

    /// The path as browsers wrote it.
    pub(crate) fn public_path(self, path: &str) -> String {
        format!("{}{path}", self.stripped_prefix())
    }

    /// The unit whose failure to start leaves nobody to answer.
    pub(crate) fn unit(self) -> Option<Unit> {
        match self {
            Self::Web => Some(Unit::Web),
            Self::GraphqlMiddleware => Some(Unit::GraphqlMiddleware),
            Self::GraphqlServer => Some(Unit::GraphqlServer),
            Self::Etherpad => Some(Unit::Etherpad),
            Self::Html5 => Some(Unit::Html5),
            Self::Sfu | Self::Sip | Self::LiveKit | Self::SharedNotes => None,
        }
    }
}

/// The listening sockets of a node's services, on free ports of loopback.
#[derive(Debug)]
pub struct BackEnds {
    listeners: Vec<TcpListener>,
    ports: Ports,
}

impl BackEnds {
    /// Takes a free port for each service.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn bind() -> io::Result<Self> {
        let listeners: Vec<TcpListener> = ALL
            .iter()
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<io::Result<_>>()?;
        let mut numbers = [0; ALL.len()];
        for (number, listener) in numbers.iter_mut().zip(&listeners) {
            *number = listener.local_addr()?.port();
        }
        Ok(Self { listeners, ports: Ports::of(numbers) })
    }

    /// The ports, for [`install_with_ports`](crate::install_with_ports).
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Each service with its socket.
    pub(crate) fn into_listeners(self) -> impl Iterator<Item = (BackEnd, TcpListener)> {
        ALL.into_iter().zip(self.listeners)
    }
}

/// Whether nginx asks this on its own behalf, so that no browser is behind it.
pub(crate) fn is_question(path: &str) -> bool {
    path.starts_with("/bigbluebutton/connection/")
        || path == "/bigbluebutton/presentation/checkPresentation"
}

/// Answers a request that nginx passed on.
pub(crate) async fn answer(
    node: &Arc<NodeState>,
    back_end: BackEnd,
    route: Route,
    mut parts: Parts,
    body: Body,
) -> Answer {
    let path = parts.uri.path().to_owned();
    match back_end {
        BackEnd::Web => web(node, route, parts, body).await,
        BackEnd::GraphqlMiddleware => socket::graphql(node, &mut parts).await,
        BackEnd::GraphqlServer => match route {
            Route::Engine(question) => {
                let user = user_of_nginx(&parts.headers);
                engine::answer(node, &parts, question, user.as_ref())
            }
            _ => answer::page(StatusCode::NOT_FOUND),
        },
        BackEnd::Sfu => match user_of_nginx(&parts.headers) {
            Some(user) => socket::sfu(node, &mut parts, user).await,
            None => answer::page(StatusCode::UNAUTHORIZED),
        },
        BackEnd::Sip => socket::listening(node, &mut parts, Some("sip")).await,
        BackEnd::Etherpad => pads::answer(node, &path, &mut parts).await,
        BackEnd::Html5 => meteor::answer(node, parts, body).await,
        BackEnd::LiveKit => livekit::answer(node, &path, &mut parts).await,
        BackEnd::SharedNotes => notes::answer(node, &path, &mut parts).await,
    }
}

async fn web(node: &NodeState, route: Route, parts: Parts, body: Body) -> Answer {
    let path = parts.uri.path();
    if let Some(what) = path.strip_prefix("/bigbluebutton/connection/") {
        return connection::answer(node, what, &parts);
    }
    if path == "/bigbluebutton/presentation/checkPresentation" {
        return upload::answer_check(node, &parts.headers);
    }
    match route {
        Route::Api(call) => api::answer(node, call, parts, body).await,
        Route::Upload { token } => upload::answer(node, &token, parts, body).await,
        Route::Download { meeting, presentation } => {
            slides::download(node, &parts, &meeting, &presentation)
        }
        _ => rest::unknown_of_web(node, &parts),
    }
}
