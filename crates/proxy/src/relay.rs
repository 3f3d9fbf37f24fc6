//! Asking the node, between admission and the body: phases 2 to 5 in a row.

use std::{sync::Arc, time::Instant};

use bluegate_net::{Connection, RequestBody};
use http::{
    Method, Request, Response, StatusCode, Uri, Version, header::ACCEPT_LANGUAGE,
    header::CONTENT_LENGTH, uri::PathAndQuery,
};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::{
    access_log::OpenRecord,
    admission::{Admitted, Kind},
    answer::Language,
    body::Body,
    request_headers, response_headers,
    snapshot::Snapshot,
    tunnel,
    upstream::{Lease, NodeError, Upstream},
};

/// The API index on every node.
const API_INDEX: &str = "/bigbluebutton/api";

/// An answer whose request still holds its record, when it is not a tunnel's.
pub(crate) type Relayed = (Response<Body>, Option<Box<OpenRecord>>);

/// Sends an admitted request to its node and returns what the client gets.
pub(crate) async fn relay(
    request: Request<RequestBody>,
    admitted: Admitted,
    snapshot: &Snapshot,
    connection: &Arc<Connection>,
    mut record: Option<Box<OpenRecord>>,
) -> Relayed {
    let Admitted { upstream, kind } = admitted;
    let method = request.method().clone();
    let language = request.headers().get(ACCEPT_LANGUAGE).cloned();
    let path = request.uri().path_and_query().cloned();
    if let Some(record) = &mut record {
        record.asks(upstream.node());
    }
    let asked = Instant::now();
    let outcome = ask(request, &upstream, kind, snapshot, connection).await;
    if let Some(record) = &mut record {
        if matches!(outcome, Err(NodeError::LeftAlone)) {
            record.spared();
        } else {
            record.answered_after(asked.elapsed());
        }
    }
    let outcome = outcome.and_then(|asked| {
        let path = path.as_ref().map_or("/", PathAndQuery::path);
        pass(asked, kind, path, &upstream, snapshot)
    });
    upstream.note(outcome.as_ref().map(|_| ()));
    match outcome {
        Ok(Passed::Answer(response)) => (response, record),
        Ok(Passed::Tunnel(response, work)) => {
            tunnel::start(work, connection, &upstream, record);
            (response, None)
        }
        Err(error) => {
            let language = Language::wanted(language.as_ref());
            (error.answer().into_response(&method, language), record)
        }
    }
}

/// What the node said, before anything is decided about it.
struct Asked {
    response: Response<Incoming>,
    lease: Lease,
    /// The client's half of a tunnel, when one was asked for.
    upgrade: Option<hyper::upgrade::OnUpgrade>,
}

enum Passed {
    Answer(Response<Body>),
    Tunnel(Response<Body>, tunnel::Work),
}

async fn ask(
    mut request: Request<RequestBody>,
    upstream: &Arc<Upstream>,
    kind: Kind,
    snapshot: &Snapshot,
    connection: &Connection,
) -> Result<Asked, NodeError> {
    let upgrade = (kind == Kind::WebSocket).then(|| hyper::upgrade::on(&mut request));
    let (client, body) = request.into_parts();
    let mut head = Request::new(());
    *head.method_mut() = client.method;
    *head.version_mut() = Version::HTTP_11;
    *head.uri_mut() = match kind {
        Kind::ApiIndex => Uri::from_static(API_INDEX),
        Kind::Client | Kind::WebSocket | Kind::Api => {
            client.uri.into_parts().path_and_query.map(Uri::from).unwrap_or_default()
        }
    };
    *head.headers_mut() =
        request_headers::for_node(&client.headers, connection.peer, snapshot, upstream.host());
    let (response, lease) = match (kind, head.method()) {
        (Kind::WebSocket, _) => {
            request_headers::ask_for_web_socket(head.headers_mut());
            upstream.send_upgrade(head).await?
        }
        (_, &Method::POST) => upstream.send_with_body(head.map(|()| body)).await?,
        _ => upstream.send_bodiless(head).await?,
    };
    Ok(Asked { response, lease, upgrade })
}

fn pass(
    asked: Asked,
    kind: Kind,
    request_path: &str,
    upstream: &Upstream,
    snapshot: &Snapshot,
) -> Result<Passed, NodeError> {
    let Asked { response, lease, upgrade } = asked;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = upgrade
    {
        let (response, work) = tunnel::accept(response, lease, client)?;
        return Ok(Passed::Tunnel(response, work));
    }
    let (node, incoming) = response.into_parts();
    let headers = match kind {
        Kind::Api => response_headers::from_api(node.status, &node.headers)?,
        Kind::Client | Kind::ApiIndex | Kind::WebSocket => response_headers::for_browser(
            node.status,
            &node.headers,
            request_path,
            upstream,
            snapshot,
        )?,
    };
    let mut response = Response::new(Body::relayed(
        incoming,
        lease,
        upstream.body_timeout(),
        Arc::clone(upstream.traffic()),
    ));
    *response.status_mut() = node.status;
    *response.headers_mut() = headers;
    // Beside chunks a stated length means nothing (RFC 9112, 6.3), and a
    // second reader might believe it.
    if response.size_hint().exact().is_none() {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(Passed::Answer(response))
}
