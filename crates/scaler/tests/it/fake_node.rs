//! A small BBB node that can be told to misbehave, step by step.
//!
//! Knows what these tests need of a meeting's life; the faithful simulation is
//! `bluegate-simnode`.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bluegate_bbb_api::{Parameters, RawQuery, checksum::Presented, escape};
use bluegate_cluster::Secret;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// The time on all nodes, in ms: no two meetings begin at once.
static CLOCK: AtomicI64 = AtomicI64::new(1_700_000_000_000);

fn tick() -> i64 {
    CLOCK.fetch_add(1, Ordering::SeqCst)
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should be.
    Properly,
    /// Acted on, then the connection is cut.
    CutAfter,
    /// Never.
    Hang,
    /// With an error page instead.
    ErrorPage,
    /// Not acted on: with this status and an error page.
    Status(u16),
    /// With the first half of a document, as if that were all.
    Half,
    /// With a lie: a create that makes nothing, a list of nothing, another
    /// meeting than the one that was asked for.
    Lie,
    /// Acted on; the answer waits until `FakeNode::release`.
    HeldBack,
}

#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    pub(crate) external: String,
    pub(crate) internal: String,
    pub(crate) create_time: i64,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) users: u32,
    pub(crate) body: Bytes,
    pub(crate) content_type: String,
    pub(crate) parent: Option<String>,
}

struct State {
    secret: Secret,
    tls: Option<TlsAcceptor>,
    /// `Host` headers seen, and TLS names asked for.
    names: Mutex<Vec<String>>,
    meetings: Mutex<Vec<Meeting>>,
    calls: Mutex<Vec<String>>,
    manners: Mutex<Vec<(String, Manner)>>,
    /// Whether every call is taken and none answered.
    stalled: AtomicBool,
    /// Every call is acted on and answered only after so many milliseconds.
    late: AtomicU64,
    held: Semaphore,
    holding: AtomicUsize,
}

/// A node on a port of its own.
pub(crate) struct FakeNode {
    state: Arc<State>,
    pub(crate) address: SocketAddr,
    serving: Mutex<Option<(JoinHandle<()>, watch::Sender<bool>)>>,
}

impl FakeNode {
    pub(crate) async fn start(secret: &Secret) -> Self {
        Self::start_with(secret, None).await
    }

    /// A node that speaks TLS.
    pub(crate) async fn start_with(secret: &Secret, tls: Option<TlsAcceptor>) -> Self {
        Self::serve_on(secret, tls, TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// A node on this socket.
    pub(crate) fn start_on(secret: &Secret, listener: TcpListener) -> Self {
        Self::serve_on(secret, None, listener)
    }

    fn serve_on(secret: &Secret, tls: Option<TlsAcceptor>, listener: TcpListener) -> Self {
        let state = Arc::new(State {
            secret: secret.clone(),
            tls,
            names: Mutex::default(),
            meetings: Mutex::default(),
            calls: Mutex::default(),
            manners: Mutex::default(),
            stalled: AtomicBool::new(false),
            late: AtomicU64::new(0),
            held: Semaphore::new(0),
            holding: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap();
        let node = Self { state, address, serving: Mutex::new(None) };
        node.serve(listener);
        node
    }

    fn serve(&self, listener: TcpListener) {
        let (off, mut is_off) = watch::channel(false);
        let state = Arc::clone(&self.state);
        let task = tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    _ = is_off.changed() => return,
                    accepted = listener.accept() => accepted.unwrap().0,
                };
                let state = Arc::clone(&state);
                let mut is_off = is_off.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = is_off.changed() => {}
                        () = speak(state, stream) => {}
                    }
                });
            }
        });
        *self.serving.lock().unwrap() = Some((task, off));
    }

    /// The port refuses connections, running ones are cut; meetings stay.
    pub(crate) async fn unplug(&self) {
        let serving = self.serving.lock().unwrap().take();
        let (task, off) = serving.unwrap();
        off.send_replace(true);
        task.await.unwrap();
    }

    /// Back on the same port.
    pub(crate) async fn plug_in(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    /// Takes connections and calls from now on, and answers none.
    pub(crate) fn stall(&self) {
        self.state.stalled.store(true, Ordering::SeqCst);
    }

    /// Takes its time for every call from now on, whoever waits for the answer.
    pub(crate) fn be_late(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.state.late.store(by, Ordering::SeqCst);
    }

    /// Answers again.
    pub(crate) fn go_on(&self) {
        self.state.stalled.store(false, Ordering::SeqCst);
        self.state.late.store(0, Ordering::SeqCst);
    }

    /// How the next call of this name is answered; orders queue up.
    pub(crate) fn next(&self, call: &str, manner: Manner) {
        self.state.manners.lock().unwrap().push((call.to_owned(), manner));
    }

    /// The same for very many calls.
    pub(crate) fn always(&self, call: &str, manner: Manner) {
        for _ in 0..10_000 {
            self.next(call, manner);
        }
    }

    /// Forgets orders not carried out.
    pub(crate) fn behave(&self) {
        self.state.manners.lock().unwrap().clear();
    }

    /// Lets one answer that is held back go.
    pub(crate) fn release(&self) {
        self.state.held.add_permits(1);
    }

    /// Answers held back at the moment.
    pub(crate) fn holding(&self) -> usize {
        self.state.holding.load(Ordering::SeqCst)
    }

    pub(crate) fn meetings(&self) -> Vec<Meeting> {
        self.state.meetings.lock().unwrap().clone()
    }

    /// Ends everything, as a reboot does.
    pub(crate) fn forget(&self) {
        self.state.meetings.lock().unwrap().clear();
    }

    /// Brings back what `meetings` showed.
    pub(crate) fn restore(&self, meetings: Vec<Meeting>) {
        *self.state.meetings.lock().unwrap() = meetings;
    }

    /// Ends one meeting, as its last user leaving does.
    pub(crate) fn end(&self, external: &str) {
        self.state.meetings.lock().unwrap().retain(|meeting| meeting.external != external);
    }

    pub(crate) fn set_users(&self, external: &str, users: u32) {
        let mut meetings = self.state.meetings.lock().unwrap();
        meetings.iter_mut().find(|meeting| meeting.external == external).unwrap().users = users;
    }

    /// A breakout room, made by the node itself with its parent's metadata.
    pub(crate) fn add_breakout(&self, parent_external: &str, name: &str) -> Meeting {
        let time = tick();
        let mut meetings = self.state.meetings.lock().unwrap();
        let parent = meetings.iter().find(|m| m.external == parent_external).unwrap();
        let mut room = parent.clone();
        room.external = format!("{name}-{time}");
        room.internal = format!("{}-{time}", hash(name));
        room.create_time = time;
        room.parent = Some(parent.internal.clone());
        meetings.push(room.clone());
        room
    }

    /// Lists a meeting as a breakout room from now on.
    pub(crate) fn make_breakout(&self, external: &str, parent_internal: &str) {
        let mut meetings = self.state.meetings.lock().unwrap();
        let room = meetings.iter_mut().find(|meeting| meeting.external == external).unwrap();
        room.parent = Some(parent_internal.to_owned());
    }

    /// Names of the calls that arrived, what scalers ask by themselves left out.
    pub(crate) fn calls(&self) -> Vec<String> {
        const POLLS: [&str; 2] = ["getMeetings", "getRecordings"];
        let calls = self.state.calls.lock().unwrap();
        calls.iter().filter(|call| !POLLS.contains(&call.as_str())).cloned().collect()
    }

    /// The names it was called by: TLS name and `Host`.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state.names.lock().unwrap().clone()
    }

    /// How often a call arrived.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.state.calls.lock().unwrap().iter().filter(|seen| *seen == call).count()
    }
}

impl State {
    fn manner(&self, call: &str) -> Manner {
        let mut manners = self.manners.lock().unwrap();
        match manners.iter().position(|(wanted, _)| wanted == call) {
            Some(index) => manners.remove(index).1,
            None => Manner::Properly,
        }
    }
}

#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

async fn speak(state: Arc<State>, stream: TcpStream) {
    match state.tls.clone() {
        None => speak_http(state, stream).await,
        Some(tls) => {
            let Ok(stream) = tls.accept(stream).await else { return };
            let name = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
            state.names.lock().unwrap().push(name);
            speak_http(state, stream).await;
        }
    }
}

async fn speak_http(state: Arc<State>, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // However a connection ends, the scaler notices.
    drop(connection.await);
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (parts, body) = request.into_parts();
    let call = parts.uri.path().strip_prefix("/bigbluebutton/api/").unwrap_or("?").to_owned();
    if call.is_empty() {
        let index = "<version>2.0</version><apiVersion>2.0</apiVersion><bbbVersion/>";
        return Ok(Response::new(success(&format!("{index}<graphqlApiUrl/>")).into()));
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let content_type = parts.headers.get("content-type");
    let content_type = content_type.map_or("", |v| v.to_str().unwrap()).to_owned();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    state.calls.lock().unwrap().push(call.clone());
    state.names.lock().unwrap().push(parts.headers["host"].to_str().unwrap().to_owned());
    if state.stalled.load(Ordering::SeqCst) {
        return std::future::pending().await;
    }
    let manner = state.manner(&call);
    match manner {
        Manner::Hang => return std::future::pending().await,
        Manner::ErrorPage => return Ok(Response::new("<html><p>502</html>".into())),
        Manner::Lie => {
            let text = lie(&state, &call, &query);
            return Ok(Response::builder()
                .header("content-type", "text/xml")
                .body(text.into())
                .unwrap());
        }
        Manner::Status(status) => {
            return Ok(Response::builder().status(status).body("<html/>".into()).unwrap());
        }
        Manner::Properly | Manner::CutAfter | Manner::HeldBack | Manner::Half => {}
    }
    let late = Duration::from_millis(state.late.load(Ordering::SeqCst));
    // What has begun takes effect, even if the one who asked has gone.
    let acting = {
        let (state, call) = (Arc::clone(&state), call.clone());
        async move {
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
            act(&state, &call, &query, &content_type, body)
        }
    };
    let text = tokio::spawn(acting).await.unwrap();
    let text = match manner {
        Manner::Half => text.chars().take(text.chars().count() / 2).collect(),
        _ => text,
    };
    match manner {
        Manner::CutAfter => return Err(Cut),
        Manner::HeldBack => {
            state.holding.fetch_add(1, Ordering::SeqCst);
            state.held.acquire().await.unwrap().forget();
            state.holding.fetch_sub(1, Ordering::SeqCst);
        }
        _ => {}
    }
    Ok(Response::builder().header("content-type", "text/xml").body(text.into()).unwrap())
}

fn lie(state: &State, call: &str, query: &str) -> String {
    let id = RawQuery::parse(query).get("meetingID").map(|id| id.lossy()).unwrap_or_default();
    match call {
        "create" => {
            let time = tick();
            created(
                &Meeting {
                    external: id.clone(),
                    internal: format!("{}-{time}", hash(&id)),
                    create_time: time,
                    parameters: BTreeMap::new(),
                    users: 0,
                    body: Bytes::new(),
                    content_type: String::new(),
                    parent: None,
                },
                "",
            )
        }
        "getMeetingInfo" => {
            let meetings = state.meetings.lock().unwrap();
            success(&describe(meetings.iter().find(|meeting| meeting.external != id).unwrap()))
        }
        _ => success("<meetings></meetings>"),
    }
}

fn act(state: &State, call: &str, query: &str, content_type: &str, body: Bytes) -> String {
    match Presented::read(call, query, None) {
        Ok(presented) if presented.is_signed_by(&state.secret) => {}
        _ => return failed("checksumError", "Checksums do not match"),
    }
    let form = content_type.starts_with("application/x-www-form-urlencoded");
    let parameters = Parameters {
        query: RawQuery::parse(query),
        form: form.then(|| RawQuery::parse(std::str::from_utf8(&body).unwrap())),
    };
    let id = parameters.text("meetingID").unwrap_or_default();
    match call {
        "create" => create(state, &id, &parameters, content_type, body),
        "getMeetings" => {
            let meetings = state.meetings.lock().unwrap();
            let list: String =
                meetings.iter().map(|m| format!("<meeting>{}</meeting>", describe(m))).collect();
            format!(
                "<response><returncode>SUCCESS</returncode><meetings>{list}</meetings></response>"
            )
        }
        "getRecordings" => success("<recordings></recordings>"),
        "getMeetingInfo" => with_meeting(state, &id, |meeting| success(&describe(meeting))),
        "isMeetingRunning" => {
            let meetings = state.meetings.lock().unwrap();
            let running = find(&meetings, &id).is_some_and(|index| meetings[index].users > 0);
            success(&format!("<running>{running}</running>"))
        }
        "end" => {
            let mut meetings = state.meetings.lock().unwrap();
            match find(&meetings, &id) {
                Some(index) => {
                    meetings.remove(index);
                    success("<messageKey>sentEndMeetingRequest</messageKey><message>sent</message>")
                }
                None => not_found(),
            }
        }
        "insertDocument" => with_meeting(state, &id, |_| success("<message>uploading</message>")),
        "sendChatMessage" => with_meeting(state, &id, |_| success("<messageKey/><message/>")),
        "newCall" => with_meeting(state, &id, |meeting| {
            let id = &meeting.external;
            success(&format!("<meetingID>{id}</meetingID><novelty>kept</novelty>"))
        }),
        _ => failed("unsupported", "?"),
    }
}

fn create(
    state: &State,
    id: &str,
    parameters: &Parameters,
    content_type: &str,
    body: Bytes,
) -> String {
    if parameters.text("name").is_none_or(|name| name.is_empty()) {
        return failed("nullError", "You must provide a meeting name");
    }
    let given = |name: &str| parameters.text(name).filter(|text| !text.is_empty());
    let (attendee, moderator) = (given("attendeePW"), given("moderatorPW"));
    let mut meetings = state.meetings.lock().unwrap();
    let prefix = hash(id);
    if let Some(existing) = meetings.iter().find(|m| m.internal.starts_with(&prefix)) {
        let known = |name: &str| existing.parameters.get(name).cloned();
        let same = attendee == known("attendeePW") && moderator == known("moderatorPW");
        if same || (attendee.is_none() && moderator.is_none()) {
            return created(existing, "duplicateWarning");
        }
        return failed("idNotUnique", &format!("{id} exists"));
    }
    let create_time = tick();
    let mut all: BTreeMap<String, String> =
        parameters.iter().map(|(name, value)| (name, value.lossy())).collect();
    all.insert("attendeePW".into(), attendee.unwrap_or_else(|| "drawn-a".into()));
    all.insert("moderatorPW".into(), moderator.unwrap_or_else(|| "drawn-m".into()));
    let meeting = Meeting {
        external: id.to_owned(),
        internal: format!("{prefix}-{create_time}"),
        create_time,
        parameters: all,
        users: 0,
        body,
        content_type: content_type.to_owned(),
        parent: None,
    };
    let answer = created(&meeting, "");
    meetings.push(meeting);
    answer
}

fn created(meeting: &Meeting, key: &str) -> String {
    let get = |name: &str| escape(meeting.parameters.get(name).map_or("", String::as_str));
    success(&format!(
        "<meetingID>{}</meetingID><internalMeetingID>{}</internalMeetingID>\
         <parentMeetingID>bbb-none</parentMeetingID><attendeePW>{}</attendeePW>\
         <moderatorPW>{}</moderatorPW><createTime>{}</createTime><voiceBridge>{}</voiceBridge>\
         <dialNumber>613</dialNumber><createDate>Thu</createDate>\
         <hasUserJoined>false</hasUserJoined><duration>0</duration>\
         <hasBeenForciblyEnded>false</hasBeenForciblyEnded><novelty>kept</novelty>\
         <messageKey>{key}</messageKey>\
         <message>{}</message>",
        escape(&meeting.external),
        meeting.internal,
        get("attendeePW"),
        get("moderatorPW"),
        meeting.create_time,
        get("voiceBridge"),
        if key.is_empty() { "" } else { "This conference was already in existence." },
    ))
}

fn describe(meeting: &Meeting) -> String {
    let get = |name: &str| escape(meeting.parameters.get(name).map_or("", String::as_str));
    let metadata: String = meeting
        .parameters
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("meta_")?.to_lowercase();
            Some(format!("<{name}>{}</{name}>", escape(value)))
        })
        .collect();
    format!(
        "<meetingName>{}</meetingName><meetingID>{}</meetingID>\
         <internalMeetingID>{}</internalMeetingID><createTime>{}</createTime>\
         <createDate>Thu</createDate><voiceBridge>{}</voiceBridge><dialNumber>613</dialNumber>\
         <attendeePW>{}</attendeePW><moderatorPW>{}</moderatorPW><running>{}</running>\
         <duration>0</duration><hasUserJoined>{}</hasUserJoined><recording>false</recording>\
         <hasBeenForciblyEnded>false</hasBeenForciblyEnded><participantCount>{}</participantCount>\
         <metadata>{metadata}</metadata><isBreakout>{}</isBreakout><novelty>kept</novelty>",
        get("name"),
        escape(&meeting.external),
        meeting.internal,
        meeting.create_time,
        get("voiceBridge"),
        get("attendeePW"),
        get("moderatorPW"),
        meeting.users > 0,
        meeting.users > 0,
        meeting.users,
        meeting.parent.is_some(),
    )
}

fn with_meeting(state: &State, id: &str, answer: impl FnOnce(&Meeting) -> String) -> String {
    let meetings = state.meetings.lock().unwrap();
    find(&meetings, id).map_or_else(not_found, |index| answer(&meetings[index]))
}

/// As BBB looks up: any start of an internal ID first, then the external ID.
fn find(meetings: &[Meeting], id: &str) -> Option<usize> {
    let starts = |prefix: &str| meetings.iter().position(|m| m.internal.starts_with(prefix));
    starts(id).or_else(|| starts(&hash(id)))
}

/// Stands in for SHA-1: as long, and as unlike its input.
pub(crate) fn hash(text: &str) -> String {
    let hex: String = Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(40).collect()
}

fn success(children: &str) -> String {
    format!("<response><returncode>SUCCESS</returncode>{children}</response>")
}

fn not_found() -> String {
    failed("notFound", "A meeting with that ID does not exist")
}

fn failed(key: &str, message: &str) -> String {
    format!(
        "<response><returncode>FAILED</returncode><messageKey>{key}</messageKey>\
         <message>{}</message></response>",
        escape(message)
    )
}
