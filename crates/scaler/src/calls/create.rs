//! create: place, send, and make one meeting of it whatever happens.
//!
//! The row is written, with its node, before any call goes out; every racer
//! finds that row and sends to that node, where create is idempotent. A call
//! runs to its end even if its client goes away.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc};

use bluegate_bbb_api::{
    Answer, Call, Document, Failure, MeetingFacts, Outcome, RawQuery, XmlError, created_from_info,
    ids, meeting_from_create, meeting_id_of_create, plain_from_duplicate, sanitise, show_to_tenant,
    stamp::{Stamp, stamp_create},
};
use bluegate_cluster::Mount;
use bluegate_store::{Generation, State};
use bluegate_tenant::Limit;
use http::{HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use crate::{
    callbacks,
    calls::stray,
    context::Context,
    front::{intake::ApiRequest, reply::Reply, target::Target},
    health::Record,
    meetings::{
        ledger::{Entered, Success, Wanted},
        life::Sign,
    },
    nodes::{NodeHandle, client::CallError, signing::NodeCall},
    placement::{Bar, Candidate, Decision, Wishes},
    tenants::{quota::Quota, shape},
};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const TOKEN: &str = "%%MEETINGID%%";

/// Answers a create call.
pub(crate) async fn answer(context: &Arc<Context>, request: ApiRequest) -> Reply {
    let work = Creation::new(Arc::clone(context), request).await;
    match work {
        Ok(creation) => {
            let done = context.to_its_end(creation.run()).await;
            done.unwrap_or_else(|| Failure::CreateUnconfirmed.into())
        }
        Err(reply) => reply,
    }
}

/// One create call on its way.
struct Creation {
    context: Arc<Context>,
    request: ApiRequest,
    meeting_id: String,
    node_meeting_id: String,
    /// The only node it may go to: its parent's, or where it runs already.
    pinned: Option<Mount>,
    /// What it says of the node it wants.
    wishes: Wishes,
    deadline: Instant,
    /// Nodes that this call could not be given to.
    avoided: HashSet<Mount>,
    /// The row this call made.
    inserted: Option<String>,
    /// Whether an attempt was sent and not answered.
    unanswered: bool,
    /// Attempts that failed at a node the meeting is bound to.
    attempts: u32,
}

type Step = ControlFlow<Reply>;

impl Creation {
    async fn new(context: Arc<Context>, mut request: ApiRequest) -> Result<Self, Reply> {
        let meeting_id = meeting_id_of_create(&request.parameters)?;
        let pinned = settle_parent(&context, &mut request).await?;
        let wishes = Wishes::read(&request.parameters).map_err(|error| {
            Reply::from(Failure::InvalidMetadata.answer_saying(&error.to_string()))
        })?;
        let tenant = &request.tenant;
        let wishes = wishes.and(&tenant.settings.tags);
        let node_meeting_id = ids::node_meeting_id(&tenant.name, tenant.scope, &meeting_id);
        let pinned = match pinned {
            None => stray::node_of(&context, tenant, &meeting_id, &node_meeting_id)?,
            pinned => pinned,
        };
        Ok(Self {
            node_meeting_id,
            meeting_id,
            pinned,
            wishes,
            deadline: Instant::now() + context.bounds.create_deadline,
            avoided: HashSet::new(),
            inserted: None,
            unanswered: false,
            attempts: 0,
            context,
            request,
        })
    }

    async fn run(mut self) -> Reply {
        loop {
            let step = match self.enter().await {
                Ok(Entered::At { generation, counted, inserted, exceeded }) => {
                    for limit in exceeded {
                        shape::exceeded(&self.request.tenant, limit);
                    }
                    if inserted {
                        self.inserted = Some(generation.id.clone());
                    }
                    self.attempt(&generation, counted).await
                }
                Ok(Entered::Wait) => Step::Continue(()),
                Ok(Entered::NoNode(decision)) => Step::Break(self.no_node(&decision)),
                Ok(Entered::Refused(limit)) => {
                    Step::Break(shape::refused(&self.request.tenant, limit).into())
                }
                Ok(Entered::Taken) => Step::Break(Failure::IdNotUnique.into()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "a create call found no store");
                    Step::Break(Failure::StoreUnavailable.into())
                }
            };
            if let Step::Break(reply) = step {
                return reply;
            }
            if Instant::now() + self.context.bounds.retry_pause >= self.deadline {
                return self.out_of_time();
            }
            tokio::time::sleep(self.context.bounds.retry_pause).await;
        }
    }

    fn out_of_time(&self) -> Reply {
        if self.unanswered {
            Failure::CreateUnconfirmed.into()
        } else {
            Failure::NodeUnreachable.into()
        }
    }

    async fn enter(&self) -> Result<Entered, bluegate_store::StoreError> {
        let nodes = self.context.nodes();
        let held_back = self.context.held_back.load();
        let candidates: Vec<Candidate<'_>> = nodes
            .values()
            .map(|node| Candidate {
                node: &node.node.name,
                release: node.release(),
                terms: &node.terms,
                bar: Context::bar(node).or_else(|| self.bar(&node.node.name)),
                found_broken: held_back.contains(&node.node.name),
                weight: None,
                returned_at: node.returned_at(),
            })
            .collect();
        let tenant = &self.request.tenant;
        let users_limited = tenant.settings.limits.users != Limit::default();
        let users_there = if users_limited { shape::users_there(&self.context, tenant) } else { 0 };
        let given = self.request.parameters.text("voiceBridge");
        let wanted = Wanted {
            meeting: &tenant.meeting(&self.meeting_id),
            node_meeting_id: self.node_meeting_id.clone(),
            voice_bridge: given.filter(|given| is_number(given)),
            quota: self.quota(users_there),
            wishes: self.wishes.clone(),
            is_room: self.pinned.is_some(),
        };
        let polled = |name: &Mount| nodes.get(name).map(|node| node.snapshot()).unwrap_or_default();
        let lost = |node: &Mount| self.context.is_lost(node);
        self.context.ledger.enter(&wanted, candidates, polled, lost, rand::random()).await
    }

    /// What the tenant may have, beside what it has.
    fn quota(&self, users_there: u64) -> Quota {
        let tenant = &self.request.tenant;
        let quota = Quota::new(&tenant.settings, users_there);
        let record = self.request.parameters.text("record").unwrap_or_default();
        if !sanitise(&record).eq_ignore_ascii_case("true") {
            return quota;
        }
        quota.recorded(&tenant.settings, self.context.recordings.count(&tenant.name))
    }

    /// What keeps this very call off a node.
    fn bar(&self, node: &Mount) -> Option<Bar> {
        if self.pinned.as_ref().is_some_and(|pinned| pinned != node) {
            return Some(Bar::NotParentsNode);
        }
        self.avoided.contains(node).then_some(Bar::Tried)
    }

    /// What is said when no node can take the meeting: as Scalelite says it when
    /// it is for want of a tag.
    fn no_node(&self, decision: &Decision) -> Reply {
        tracing::warn!(
            tenant.id = %self.request.tenant.name, excluded = decision.describe_excluded(),
            asked = decision.asked, expected = decision.expected.users,
            "no node can take a new meeting"
        );
        let for_tags = decision.excluded.iter().any(|node| node.reason == Bar::TagMissing);
        match self.wishes.required_tags().filter(|_| for_tags) {
            Some(tags) => {
                let message = format!("There is no available server with the required tag={tags}.");
                Failure::ServerTagUnavailable.answer_saying(&message).into()
            }
            None => Failure::NoNodeAvailable.into(),
        }
    }

    /// Sends the call to the generation's node, once.
    async fn attempt(&mut self, generation: &Generation, counted: bool) -> Step {
        let Some(node) = self.context.node(&generation.node) else {
            return Step::Break(Failure::NodeUnreachable.into());
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let timeout = self.context.bounds.call_timeout.min(left);
        let result = node.call(self.prepare(generation, &node), timeout).await;
        match result {
            Ok(answer) if answer.outcome() == Outcome::Success => {
                self.succeeded(generation, counted, answer).await
            }
            Ok(answer) => self.failed(&node, generation, counted, answer).await,
            Err(error) => self.not_answered(&node, generation, counted, &error).await,
        }
    }

    /// The call as this node is to see it.
    fn prepare(&self, generation: &Generation, node: &NodeHandle) -> NodeCall<'static> {
        let mut parameters = self.request.parameters.clone();
        if generation.node_meeting_id != self.meeting_id || parameters.is_ambiguous("meetingID") {
            parameters.replace("meetingID", &generation.node_meeting_id);
        }
        let given = parameters.text("voiceBridge");
        // What is no number is the node's to refuse.
        let given_words =
            given.as_ref().is_some_and(|given| !given.is_empty() && !is_number(given));
        let number =
            generation.voice_bridge.as_ref().filter(|number| given.as_ref() != Some(number));
        if let Some(number) = number.filter(|_| !given_words) {
            parameters.remove_where(|name| name == "voiceBridge");
            parameters.query.append("voiceBridge", number);
        }
        name_meeting_in_logout_url(&mut parameters.query, generation);
        if let Some(form) = &mut parameters.form {
            name_meeting_in_logout_url(form, generation);
        }
        let name = &node.node.name;
        callbacks::rewrite(&self.context, &self.request, &mut parameters, &self.meeting_id, name);
        let store = self.context.stores.own();
        stamp_create(&mut parameters, &self.stamp(), node.secret(), store);

        let body = match &parameters.form {
            Some(form) => Some((FORM, form.to_string().into())),
            None => self.request.document.clone(),
        };
        NodeCall { call: Call::Create.name(), query: parameters.query, body }
    }

    fn stamp(&self) -> Stamp {
        Stamp { tenant: self.request.tenant.name.clone(), meeting_id: self.meeting_id.clone() }
    }

    async fn succeeded(
        &mut self,
        generation: &Generation,
        counted: bool,
        mut answer: Answer,
    ) -> Step {
        let create_time = answer.text("createTime").and_then(|text| text.trim().parse().ok());
        let internal = answer.text("internalMeetingID").filter(|text| !text.is_empty());
        let (Some(create_time), Some(internal_meeting_id)) = (create_time, internal) else {
            tracing::error!(node.id = %generation.node, "a create answer names no meeting");
            return self.unanswered(generation, counted).await;
        };
        // A node may give a breakout room an ID of its own making.
        let is_ours = answer.text("meetingID").as_ref() == Some(&generation.node_meeting_id);
        show_to_tenant(answer.root_mut(), is_ours.then_some(self.meeting_id.as_str()));
        let sign = Sign {
            internal_meeting_id,
            create_time,
            voice_bridge: answer.text("voiceBridge").filter(|number| !number.is_empty()),
            description: Some(meeting_from_create(&answer, &self.request.parameters).to_string()),
        };
        let plain = answer.key().is_empty();
        let success = Success {
            entered: generation,
            counted,
            sign,
            plain,
            may_claim_first: self.may_claim(generation),
        };
        match self.context.ledger.succeeded(success).await {
            Ok(settled) => {
                self.context.reads.forget(&self.request.tenant.name, &self.meeting_id);
                if settled.first && !plain {
                    plain_from_duplicate(&mut answer);
                }
                Step::Break(answer.into())
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a created meeting was not recorded");
                Step::Break(Failure::StoreUnavailable.into())
            }
        }
    }

    /// Whether this very call may have made the meeting without being told.
    fn may_claim(&self, generation: &Generation) -> bool {
        self.unanswered && self.inserted.as_ref() == Some(&generation.id)
    }

    /// The node said FAILED.
    async fn failed(
        &mut self,
        node: &NodeHandle,
        generation: &Generation,
        counted: bool,
        mut answer: Answer,
    ) -> Step {
        let key = answer.key();
        if key == Failure::ChecksumMismatch.key() {
            tracing::error!(node.id = %node.node.name, "the node refuses our secret");
            node.note(Record::refused);
            return self.not_taken(generation, counted).await;
        }
        if key == Failure::IdNotUnique.key()
            && self.may_claim(generation)
            && let Some(created) = self.recover(node, generation).await
        {
            return self.succeeded(generation, counted, created).await;
        }
        if counted {
            self.leave(generation, true).await;
        }
        if let Some(message) = answer.root_mut().child_mut("message") {
            let text = message.text();
            if text.contains(&generation.node_meeting_id) {
                message.set_text(&text.replace(&generation.node_meeting_id, &self.meeting_id));
            }
        }
        Step::Break(answer.into())
    }

    /// BBB refuses a repeated create that gives only one of the two passwords,
    /// because it drew the other itself. If our lost attempt made the meeting,
    /// its answer is made again from what the node says of it.
    async fn recover(&self, node: &NodeHandle, generation: &Generation) -> Option<Answer> {
        let mut query = RawQuery::default();
        query.append("meetingID", &generation.node_meeting_id);
        let call = NodeCall::new(Call::GetMeetingInfo.name(), query);
        let info = node.call(call, self.context.bounds.call_timeout).await.ok()?;
        let facts = MeetingFacts::read(info.root())?;
        let stamp = Stamp::verify(facts.stamp.as_deref()?, &node.secrets)?;
        let ours = stamp == self.stamp() && facts.external_id == generation.node_meeting_id;
        let same_passwords = ["attendeePW", "moderatorPW"].iter().all(|name| {
            let given = self.request.parameters.text(name).filter(|text| !text.is_empty());
            given.is_none_or(|given| info.text(name).as_deref() == Some(given.as_str()))
        });
        (ours && same_passwords).then(|| created_from_info(info.root()))
    }

    async fn not_answered(
        &mut self,
        node: &NodeHandle,
        generation: &Generation,
        counted: bool,
        error: &CallError,
    ) -> Step {
        error.tell(&node.node.name, Call::Create.name());
        // Said for good: another attempt would be told the same.
        if error.refusal().is_some() {
            if counted {
                self.leave(generation, true).await;
            }
            return Step::Break(Failure::NodeRefused.into());
        }
        if self.is_stumbled_over(error) {
            self.note_unanswered(generation, counted).await;
            return Step::Break(Failure::DocumentUnreadable.into());
        }
        if matches!(error, CallError::Timeout) {
            // Others need not wait as long: the next two polls tell.
            node.note(Record::refused);
        }
        if error.was_sent() {
            return self.unanswered(generation, counted).await;
        }
        if matches!(error, CallError::Connect(_)) {
            node.note(Record::refused);
        }
        self.not_taken(generation, counted).await
    }

    /// Sent, and nobody knows: the row is pinned and the same node tried again.
    async fn unanswered(&mut self, generation: &Generation, counted: bool) -> Step {
        self.note_unanswered(generation, counted).await;
        self.again(Failure::CreateUnconfirmed)
    }

    async fn note_unanswered(&mut self, generation: &Generation, counted: bool) {
        self.unanswered = true;
        if counted {
            let done = self.context.ledger.unanswered(&generation.id).await;
            log_failure(done);
        }
    }

    /// Whether the node failed at a body that is no XML, as it would again. It may
    /// have made the meeting before that: polls tell.
    fn is_stumbled_over(&self, error: &CallError) -> bool {
        let CallError::Status(StatusCode::INTERNAL_SERVER_ERROR) = error else { return false };
        let body = self.request.document.as_ref();
        let text = body.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok());
        text.is_some_and(|text| matches!(Document::parse(text), Err(XmlError::Malformed)))
    }

    /// Certainly not taken by this node: a row that nobody brought to life may
    /// move on, others are tried again where they are.
    async fn not_taken(&mut self, generation: &Generation, counted: bool) -> Step {
        if counted {
            self.leave(generation, false).await;
        }
        if generation.state == State::Placing {
            self.avoided.insert(generation.node.clone());
            return Step::Continue(());
        }
        self.again(Failure::NodeUnreachable)
    }

    fn again(&mut self, failure: Failure) -> Step {
        self.attempts += 1;
        if self.attempts >= self.context.bounds.create_attempts {
            return Step::Break(failure.into());
        }
        Step::Continue(())
    }

    async fn leave(&self, generation: &Generation, refused: bool) {
        log_failure(self.context.ledger.leave(&generation.id, refused).await);
    }
}

/// The row stays counted until its time has passed; the poller then doubts it.
fn log_failure(done: Result<(), bluegate_store::StoreError>) {
    if let Err(error) = done {
        tracing::error!(error = &error as &dyn std::error::Error, "a change was not recorded");
    }
}

/// A breakout room goes to its parent's node, and names its parent as only one
/// meeting of the caller can be named. A parent that is not the caller's is not
/// passed on.
async fn settle_parent(
    context: &Context,
    request: &mut ApiRequest,
) -> Result<Option<Mount>, Failure> {
    let parameters = &mut request.parameters;
    let given = parameters.text("parentMeetingID");
    let Some(given) = given.filter(|given| !sanitise(given).is_empty()) else {
        // Without a parent, a room is the node's to refuse.
        return Ok(None);
    };
    let is_room = parameters.text("isBreakout").is_some_and(|t| t.eq_ignore_ascii_case("true"));
    let parent = Target::find(context, &request.tenant.name, &given).await;
    match parent.and_then(|parent| Some((parent.internal?, parent.node.node.name.clone()))) {
        Some((internal, node)) if is_room => {
            parameters.replace("parentMeetingID", &internal);
            Ok(Some(node))
        }
        None if is_room => Err(Failure::ParentMeetingDoesNotExist),
        _ => {
            parameters.remove_where(|name| name == "parentMeetingID");
            Ok(None)
        }
    }
}

fn is_number(text: &str) -> bool {
    sanitise(text).parse::<i64>().is_ok()
}

/// `%%MEETINGID%%` in a logoutURL means the tenant's ID; a node would fill in
/// its own, so where they differ it is filled in here.
pub(crate) fn name_meeting_in_logout_url(query: &mut RawQuery, generation: &Generation) {
    if generation.node_meeting_id == generation.meeting_id {
        return;
    }
    let given = query.get("logoutURL").map(|url| url.lossy()).filter(|url| url.contains(TOKEN));
    if let Some(url) = given {
        let id = utf8_percent_encode(&generation.meeting_id, NON_ALPHANUMERIC).to_string();
        query.replace("logoutURL", &url.replace(TOKEN, &id));
    }
}
