//! A user's visit: a marked meeting is made, joined, looked at and ended.

use std::time::Duration;

use bluegate_bbb_api::{
    Answer as BbbAnswer, RawQuery,
    checksum::{Algorithm, signed_query},
    probe,
};
use bluegate_cluster::{Scheme, Secret};
use bluegate_site::site_of;
use futures_util::{SinkExt as _, StreamExt as _, future};
use http::{HeaderName, header};
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{BrowserSeat, Config};
use crate::{
    browser::BrowserVisit,
    cookie::Cookie,
    evidence::Session,
    probe::Names,
    stun,
    wire::{Client, Dialer, Exchange, Request, Shown, Trouble, Upgraded, showable},
};

/// The most redirects that are followed to the client.
const MAX_REDIRECTS: usize = 5;
/// A probe meeting ends by itself after these minutes, should we be killed.
const MINUTES: &str = "2";
/// The hash functions BBB knows.
const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("sha256", Algorithm::Sha256),
    ("sha1", Algorithm::Sha1),
    ("sha384", Algorithm::Sha384),
    ("sha512", Algorithm::Sha512),
];

/// Who visits whom.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) config: &'a Config,
    pub(super) dialer: &'a Dialer,
    pub(super) names: Names<'a>,
    pub(super) node: &'a Client,
    pub(super) proxy: Option<&'a Client>,
    pub(super) secret: &'a Secret,
}

/// The meeting, and how calls about it are signed.
struct Meeting {
    id: String,
    password: String,
    algorithm: Algorithm,
}

/// Somebody who joined.
struct Guest {
    token: String,
    cookie: Option<Cookie>,
    location: String,
}

impl Visit<'_> {
    /// Makes the visit. The meeting is ended whatever happens meanwhile.
    pub(super) async fn make(self, stop: &CancellationToken) -> Session {
        let mut session = Session::default();
        session.secrets.push(self.secret.expose().to_owned());
        let mut meeting = Meeting {
            id: format!("{}{:016x}", probe::ID_PREFIX, rand::random::<u64>()),
            password: format!("{:016x}", rand::random::<u64>()),
            algorithm: Algorithm::Sha256,
        };
        session.secrets.extend([meeting.password.clone(), meeting.id.clone()]);
        let visit = self.all(&mut session, &mut meeting);
        tokio::select! {
            () = stop.cancelled() => {}
            // What is not known by then counts as not looked at.
            _ = tokio::time::timeout(self.config.bounds.session, visit) => {}
        }
        if let (Some(seat), Some(_)) = (&self.config.browser, &session.client_url) {
            let visit = self.browse(seat, &meeting);
            tokio::select! {
                () = stop.cancelled() => {}
                visit = visit => session.browser = Some(visit),
            }
        }
        // A create that was sent may have made the meeting, answered or not.
        if session.was_sent {
            let mut query = RawQuery::default();
            query.append("meetingID", &meeting.id);
            query.append("password", &meeting.password);
            session.end = Some(self.call("end", &query, meeting.algorithm).await);
        }
        session
    }

    /// Joins once more, in a real browser. Browsers wait for one another, and
    /// each has bounds of its own.
    async fn browse(self, seat: &BrowserSeat, meeting: &Meeting) -> Result<BrowserVisit, String> {
        // Never closed: the seat lives as long as the configuration.
        let _seat = seat.seat.acquire().await;
        let query = join_query(meeting, false);
        let query = signed_query("join", &query, self.secret, meeting.algorithm);
        let url = format!("{}/bigbluebutton/api/join?{query}", self.names.node.origin);
        seat.browser.visit(&url).await.map_err(|error| {
            let cause = std::error::Error::source(&error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        })
    }

    async fn all(self, session: &mut Session, meeting: &mut Meeting) {
        self.checksums(session, meeting).await;
        if !session.checksums.iter().any(|(_, exchange)| is_success(exchange)) {
            return;
        }
        session.was_sent = true;
        session.create = Some(self.create(meeting).await);
        if !session.create.as_ref().is_some_and(is_success) {
            return;
        }
        let (join, user) = self.join(meeting, false).await;
        session.join = Some(join);
        let Some(user) = user else { return };
        session.secrets.push(user.token.clone());
        session.secrets.extend(user.cookie.as_ref().map(|cookie| cookie.value.clone()));
        session.client_url = user.location.split('?').next().map(str::to_owned);
        let page_and_node = [self.names.cluster, &self.names.node.origin].map(site_of);
        let same_site = page_and_node[0] == page_and_node[1] || !self.names.node.proxied;
        let secure = self.names.node.origin.scheme() == Scheme::Https;
        session.cookie_is_sent =
            user.cookie.as_ref().is_some_and(|cookie| cookie.is_sent(same_site, secure));
        session.cookie.clone_from(&user.cookie);
        if self.names.node.proxied {
            self.look(session, &user, meeting).await;
        }
    }

    /// Everything a user of the cluster's page does next.
    async fn look(self, session: &mut Session, user: &Guest, meeting: &Meeting) {
        let sent = user.cookie.as_ref().filter(|_| session.cookie_is_sent);
        let is_static = self.names.release.is_static();
        let token = &user.token;
        let page = self.names.cluster.to_string();
        let call = |target: String| self.of_page(Request::get(target), sent);
        let socket = |path: &str, protocol| {
            let target = format!("{path}?sessionToken={token}");
            let request = Request::web_socket(&target, &page, protocol);
            self.node.ask(with_cookie(request, sent))
        };
        let stuns = call(format!("/bigbluebutton/api/stuns?sessionToken={token}"));
        let dashboard = call(format!("/bigbluebutton/api/learningDashboard?sessionToken={token}"));
        let pad = format!("/pad/p/doctor/export/txt?sessionToken={token}");
        let (client, entered, bare, stuns, main, sfu, sip, pad, dashboard) = tokio::join!(
            self.follow(&user.location),
            self.enter(token, sent),
            self.enter(token, None),
            self.node.ask(stuns),
            self.main_socket(token, sent),
            socket("/bbb-webrtc-sfu", ""),
            socket("/ws", "sip"),
            self.node.ask(call(pad)),
            self.node.ask(dashboard),
        );
        session.client = Some(client);
        session.settings = settings(&entered);
        session.entered = Some(entered);
        session.without_cookie = Some(bare);
        session.servers = self.servers(&stuns, session).await;
        session.stuns = Some(stuns);
        session.socket = Some(main);
        session.sfu = Some(sfu);
        session.sip = Some(sip);
        session.pad_export = Some(pad);
        session.dashboard = Some(dashboard);
        if !is_static {
            self.wait_in_lobby(session, meeting).await;
        }
    }

    async fn checksums(self, session: &mut Session, meeting: &mut Meeting) {
        let mut query = RawQuery::default();
        query.append("meetingID", &meeting.id);
        let query = &query;
        let asked = ALGORITHMS.map(|(name, algorithm)| async move {
            (name, self.call("isMeetingRunning", query, algorithm).await)
        });
        session.checksums = future::join_all(asked).await;
        let taken = ALGORITHMS
            .iter()
            .zip(&session.checksums)
            .find(|(_, (_, exchange))| is_success(exchange));
        if let Some(((_, algorithm), _)) = taken {
            meeting.algorithm = *algorithm;
        }
    }

    async fn create(self, meeting: &Meeting) -> Exchange {
        let mut query = RawQuery::default();
        for (name, value) in [
            ("meetingID", meeting.id.as_str()),
            ("name", "Bluegate doctor"),
            ("attendeePW", "attendee"),
            ("moderatorPW", meeting.password.as_str()),
            (probe::PARAMETER, "doctor"),
            ("record", "false"),
            ("duration", MINUTES),
            ("meetingExpireIfNoUserJoinedInMinutes", MINUTES),
            ("meetingExpireWhenLastUserLeftInMinutes", "1"),
            ("guestPolicy", "ASK_MODERATOR"),
        ] {
            query.append(name, value);
        }
        self.call("create", &query, meeting.algorithm).await
    }

    /// Joins; as a guest, who has to wait, or as a moderator.
    async fn join(self, meeting: &Meeting, guest: bool) -> (Exchange, Option<Guest>) {
        let query = join_query(meeting, guest);
        let exchange = self.call("join", &query, meeting.algorithm).await;
        let joined = exchange.answer().and_then(|answer| {
            let location = answer.header(&header::LOCATION)?.to_owned();
            let url = Url::parse(&location).ok()?;
            let (_, token) = url.query_pairs().find(|(name, _)| name == "sessionToken")?;
            let cookie = answer
                .headers
                .get_all(header::SET_COOKIE)
                .iter()
                .filter_map(|value| Cookie::parse(value.to_str().ok()?))
                .find(|cookie| cookie.name == "JSESSIONID");
            Some(Guest { token: token.into_owned(), cookie, location })
        });
        (exchange, joined)
    }

    /// Follows an address as a browser does: only to the cluster and this node,
    /// and without the node's cookie at the cluster.
    async fn follow(self, location: &str) -> Exchange {
        let Ok(mut url) = Url::parse(location) else { return elsewhere(location) };
        for _ in 0..MAX_REDIRECTS {
            let origin = url.origin().ascii_serialization();
            let client = match self.proxy {
                Some(proxy) if origin == self.names.cluster.to_string() => proxy,
                _ if origin == self.names.node.origin.to_string() => self.node,
                _ => return elsewhere(url.as_str()),
            };
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let exchange = client.ask(Request::get(format!("{}{query}", url.path()))).await;
            let next = exchange
                .answer()
                .filter(|answer| answer.status.is_redirection())
                .and_then(|answer| url.join(answer.header(&header::LOCATION)?).ok());
            match next {
                Some(next) => url = next,
                None => return exchange,
            }
        }
        elsewhere(url.as_str())
    }

    /// The call by which a page gets in: 3.x its settings, 2.x `enter`.
    async fn enter(self, token: &str, cookie: Option<&Cookie>) -> Exchange {
        if !self.names.release.is_static() {
            let target = format!("/bigbluebutton/api/enter?sessionToken={token}");
            return self.node.ask(self.of_page(Request::get(target), cookie)).await;
        }
        let ask = |path: &str| {
            let request = Request::get(path)
                .header(HeaderName::from_static("x-session-token"), token.to_owned());
            self.node.ask(self.of_page(request, cookie))
        };
        let first = ask("/api/rest/meetingStaticData").await;
        match first.status() {
            // Its name until the middle of 3.0.
            Some(404) => ask("/api/rest/clientSettings").await,
            _ => first,
        }
    }

    /// The client's main socket: GraphQL with its first message; of Meteor
    /// only that it opens.
    async fn main_socket(
        self,
        token: &str,
        cookie: Option<&Cookie>,
    ) -> (Exchange, Result<(), String>) {
        let page = self.names.cluster.to_string();
        let (path, protocol) = if self.names.release.is_static() {
            ("/graphql".to_owned(), "graphql-transport-ws")
        } else {
            let mount = &self.names.node.name;
            (format!("/{mount}/html5client/sockjs/000/doctor00/websocket"), "")
        };
        let request = with_cookie(Request::web_socket(&path, &page, protocol), cookie);
        let (exchange, upgraded) = self.node.open(request).await;
        let Some(upgraded) = upgraded else {
            let answer = match &exchange.outcome {
                Ok(answer) => answer.status.to_string(),
                Err(trouble) => trouble.to_string(),
            };
            return (exchange, Err(answer));
        };
        if !self.names.release.is_static() {
            return (exchange, Ok(()));
        }
        let greeted = tokio::time::timeout(self.config.bounds.request, greet(upgraded, token));
        (exchange, greeted.await.unwrap_or_else(|_| Err("no answer in time".to_owned())))
    }

    /// The STUN and TURN servers of a node's list.
    async fn servers(self, stuns: &Exchange, session: &mut Session) -> Vec<stun::ServerProbe> {
        let list: Value = stuns
            .answer()
            .and_then(|answer| serde_json::from_slice(&answer.body).ok())
            .unwrap_or_default();
        let mut urls: Vec<String> = Vec::new();
        for server in ["stunServers", "turnServers"]
            .iter()
            .filter_map(|name| list.get(*name)?.as_array())
            .flatten()
        {
            let text = |name: &str| server.get(name).and_then(Value::as_str).map(str::to_owned);
            session.secrets.extend([text("username"), text("password")].into_iter().flatten());
            if let Some(url) = text("url").filter(|url| !urls.contains(url))
                && urls.len() < stun::MAX_SERVERS
            {
                urls.push(url);
            }
        }
        future::join_all(urls.iter().map(|url| stun::ask(self.dialer, url))).await
    }

    /// A second user, who has to wait.
    async fn wait_in_lobby(self, session: &mut Session, meeting: &Meeting) {
        let (_, guest) = self.join(meeting, true).await;
        let Some(guest) = guest else { return };
        session.secrets.push(guest.token.clone());
        session.secrets.extend(guest.cookie.as_ref().map(|cookie| cookie.value.clone()));
        session.guest_url = guest.location.split('?').next().map(str::to_owned);
        session.guest_page = Some(self.follow(&guest.location).await);
        let token = &guest.token;
        let target = format!("/bigbluebutton/api/guestWait?sessionToken={token}&redirect=false");
        // The lobby is the node's own page, which says its origin nevertheless.
        let own = self.names.node.origin.to_string();
        let request = Request::get(target).header(header::ORIGIN, own);
        session.guest_wait = Some(self.node.ask(with_cookie(request, guest.cookie.as_ref())).await);
    }

    /// A signed call of the API.
    async fn call(self, call: &str, query: &RawQuery, algorithm: Algorithm) -> Exchange {
        let query = signed_query(call, query, self.secret, algorithm);
        self.node.ask(Request::get(format!("/bigbluebutton/api/{call}?{query}"))).await
    }

    /// A call of a page of the cluster.
    fn of_page(self, request: Request, cookie: Option<&Cookie>) -> Request {
        let page = self.names.cluster.to_string();
        with_cookie(request.header(header::ORIGIN, page), cookie)
    }
}

fn join_query(meeting: &Meeting, guest: bool) -> RawQuery {
    let mut query = RawQuery::default();
    query.append("meetingID", &meeting.id);
    query.append("fullName", if guest { "Doctor (guest)" } else { "Doctor" });
    if guest {
        query.append("password", "attendee");
        query.append("role", "VIEWER");
        query.append("guest", "true");
    } else {
        query.append("password", &meeting.password);
        query.append("role", "MODERATOR");
    }
    query.append("redirect", "true");
    query
}

fn with_cookie(request: Request, cookie: Option<&Cookie>) -> Request {
    match cookie {
        Some(cookie) => request.header(header::COOKIE, format!("{}={}", cookie.name, cookie.value)),
        None => request,
    }
}

fn is_success(exchange: &Exchange) -> bool {
    exchange.answer().is_some_and(|answer| {
        BbbAnswer::parse(&answer.body)
            .is_ok_and(|answer| answer.outcome() == bluegate_bbb_api::Outcome::Success)
    })
}

fn elsewhere(url: &str) -> Exchange {
    let cause = "it leads to another origin, or round and round".to_owned();
    Exchange {
        request: Shown { method: "GET".to_owned(), url: showable(url), headers: Vec::new() },
        outcome: Err(Trouble::Broken(cause)),
    }
}

/// The tree under `public` of the settings that came with a session.
fn settings(entered: &Exchange) -> Option<Value> {
    const PLACES: [&str; 2] = [
        "/meeting/0/clientSettings/clientSettingsJson",
        "/meeting_clientSettings/0/clientSettingsJson",
    ];
    let value: Value = serde_json::from_slice(&entered.answer()?.body).ok()?;
    let json = PLACES.iter().find_map(|place| value.pointer(place))?;
    match json {
        // Some releases hand the text on as it is stored.
        Value::String(text) => serde_json::from_str::<Value>(text).ok()?.get("public").cloned(),
        _ => json.get("public").cloned(),
    }
}

/// Says who we are on an open GraphQL socket.
async fn greet(upgraded: Upgraded, token: &str) -> Result<(), String> {
    const UUID: &str = "00000000-0000-4000-8000-000000000000";
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let hello = json!({"type": "connection_init", "payload": {"headers": {
        "X-Session-Token": token,
        "X-ClientSessionUUID": UUID,
        "X-ClientType": "HTML5",
        "X-ClientIsMobile": "false",
    }}});
    let broken = |error: tokio_tungstenite::tungstenite::Error| error.to_string();
    socket.send(Message::text(hello.to_string())).await.map_err(broken)?;
    let outcome = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("connection_ack") => break Ok(()),
            Some(Ok(Message::Close(Some(frame)))) => {
                break Err(format!("closed with {}: {}", u16::from(frame.code), frame.reason));
            }
            Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
            Some(Err(error)) => break Err(error.to_string()),
            Some(Ok(_)) | None => break Err("closed".to_owned()),
        }
    };
    // The node notices either way.
    drop(tokio::time::timeout(Duration::from_millis(200), socket.close(None)).await);
    outcome
}
