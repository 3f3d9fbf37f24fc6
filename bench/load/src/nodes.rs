//! Doubles of BBB nodes: as many as the names in `Host`, all behind one socket.
//!
//! They answer the calls that a scaler makes, in constant time and from memory,
//! so that many of them leave the machine to what is measured. They check no
//! checksum and know no users but those they are told of.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use clap::Args;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpListener;

use meeting::Meeting;

mod meeting;

/// What doubles of nodes do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where they listen.
    #[arg(long)]
    listen: SocketAddr,
    /// How long create takes.
    #[arg(long, default_value_t = 0)]
    create_ms: u64,
    /// Users in each meeting.
    #[arg(long, default_value_t = 0)]
    users: u32,
}

/// All nodes.
struct Doubles {
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<String, Node>,
    /// Calls so far, by name.
    calls: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Node {
    /// Whether it takes requests and answers none.
    hangs: bool,
    meetings: HashMap<String, Meeting>,
    /// Internal IDs to meeting IDs.
    internal: HashMap<String, String>,
    /// The answer to getMeetings, until something changes.
    list: Option<Bytes>,
}

/// What `/counts` says.
#[derive(Serialize)]
struct Counts<'a> {
    calls: &'a BTreeMap<String, u64>,
    meetings: BTreeMap<&'a str, usize>,
}

pub(crate) async fn run(options: Options) -> Result<(), anyhow::Error> {
    let listener = TcpListener::bind(options.listen).await?;
    let doubles = Arc::new(Doubles { options, state: Mutex::default() });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let doubles = Arc::clone(&doubles);
        let answer = service_fn(move |request| {
            let doubles = Arc::clone(&doubles);
            async move { Ok::<_, Infallible>(doubles.answer(&request).await) }
        });
        // A scaler that goes away in mid-call is no fault.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

impl Doubles {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let name = host.and_then(|host| host.split('.').next()).unwrap_or_default();
        let path = request.uri().path();
        let call = path.strip_prefix("/bigbluebutton/api/").unwrap_or(path);
        if call == "create" && self.options.create_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.create_ms)).await;
        }
        let query = Query(request.uri().query().unwrap_or_default());
        let body = self.state().answer(name, call, query, self.options.users);
        let Some(body) = body else { return std::future::pending().await };
        let mut response = Response::new(Full::new(body));
        let xml = header::HeaderValue::from_static("text/xml;charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, xml);
        response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Absent where the node hangs.
    fn answer(&mut self, name: &str, call: &str, query: Query<'_>, users: u32) -> Option<Bytes> {
        if call == "/counts" {
            let meetings = self.nodes.iter();
            let meetings = meetings.map(|(name, node)| (name.as_str(), node.meetings.len()));
            let counts = Counts { calls: &self.calls, meetings: meetings.collect() };
            return Some(serde_json::to_vec(&counts).unwrap_or_default().into());
        }
        *self.calls.entry(call.to_owned()).or_default() += 1;
        let node = self.nodes.entry(name.to_owned()).or_default();
        if node.hangs {
            return None;
        }
        Some(match call {
            "create" => node.create(query, users),
            "getMeetings" => node.list(),
            "isMeetingRunning" => running(node.meeting(query).is_some_and(|m| m.users() > 0)),
            "getMeetingInfo" => node.meeting(query).map_or_else(not_found, |m| m.info().into()),
            "end" => node.end(query),
            // No calls of BBB: tell a node how many users a meeting has, and to hang
            // from now on.
            "/users" => node.set_users(query),
            "/hang" => {
                node.hangs = true;
                running(false)
            }
            _ => not_found(),
        })
    }
}

impl Node {
    fn create(&mut self, query: Query<'_>, users: u32) -> Bytes {
        let Some(id) = query.get("meetingID") else { return not_found() };
        self.list = None;
        let is_new = !self.meetings.contains_key(id);
        let made = || Meeting::new(id, query, now(), users);
        let meeting = self.meetings.entry(id.to_owned()).or_insert_with(made);
        self.internal.insert(meeting.internal_id().to_owned(), id.to_owned());
        meeting.created(is_new).into()
    }

    fn list(&mut self) -> Bytes {
        let meetings = &self.meetings;
        let made = || -> Bytes {
            if meetings.is_empty() {
                return "<response><returncode>SUCCESS</returncode><meetings/><messageKey>noMeetings\
                        </messageKey><message>no meetings were found on this server</message>\
                        </response>"
                    .into();
            }
            let list: String = meetings.values().map(Meeting::element).collect();
            format!(
                "<response><returncode>SUCCESS</returncode><meetings>{list}</meetings></response>"
            )
            .into()
        };
        self.list.get_or_insert_with(made).clone()
    }

    fn end(&mut self, query: Query<'_>) -> Bytes {
        let Some(id) = self.id(query).map(str::to_owned) else { return not_found() };
        self.list = None;
        self.meetings.remove(&id);
        "<response><returncode>SUCCESS</returncode><messageKey>sentEndMeetingRequest</messageKey>\
         <message>A request to end the meeting was sent.</message></response>"
            .into()
    }

    fn set_users(&mut self, query: Query<'_>) -> Bytes {
        let users = query.get("users").and_then(|users| users.parse().ok()).unwrap_or(0);
        let id = self.id(query).map(str::to_owned);
        match id.and_then(|id| self.meetings.get_mut(&id)) {
            Some(meeting) => {
                self.list = None;
                meeting.set_users(users);
                running(users > 0)
            }
            None => not_found(),
        }
    }

    fn meeting(&self, query: Query<'_>) -> Option<&Meeting> {
        self.meetings.get(self.id(query)?)
    }

    /// The ID of the meeting that a call names, by either of its IDs.
    fn id<'a>(&'a self, query: Query<'a>) -> Option<&'a str> {
        let given = query.get("meetingID")?;
        let id = self.internal.get(given).map_or(given, String::as_str);
        self.meetings.contains_key(id).then_some(id)
    }
}

/// Parameters as they stand; those of the benchmark need no decoding.
#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.split('&').filter_map(|part| part.split_once('='))
    }

    fn get(self, wanted: &str) -> Option<&'a str> {
        self.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }
}

fn running(running: bool) -> Bytes {
    format!("<response><returncode>SUCCESS</returncode><running>{running}</running></response>")
        .into()
}

fn not_found() -> Bytes {
    "<response><returncode>FAILED</returncode><messageKey>notFound</messageKey><message>A meeting \
     with that ID does not exist</message></response>"
        .into()
}

/// Milliseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
