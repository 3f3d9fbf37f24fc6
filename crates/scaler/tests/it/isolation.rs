//! Three tenants on the same nodes call at random, with every name of one
//! another's that they could learn or guess, of meetings, hooks and recordings; none ever
//! sees or touches another.
//!
//! Seeded: a failure prints its seed and step, and `BLUEGATE_TEST_SEED` runs that
//! seed alone.

mod archive;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    io::{Write, stderr},
    panic::{AssertUnwindSafe, resume_unwind},
};

use bluegate_bbb_api::{Answer, Outcome, RawQuery};
use futures_util::FutureExt;

use self::archive::Archive;
use crate::{
    cluster::{Frontend, Reply, eventually},
    recordings::INTERVAL,
    simulated::{Kind, Simulated},
};

/// `default` is plain, the others are scoped.
const TENANTS: [&str; 3] = ["default", "physics", "history"];
const SEEDS: u64 = 6;
const STEPS: usize = 150;
/// IDs that all of them use, some of them like internal ones and like ours.
const IDS: [&str; 8] =
    ["class", "exam", "ab", "deadbeef", "bg1.physics.class", "bg1.history.exam", ".class", "a%2Bb"];
const CALLS: [&str; 17] = [
    "create",
    "create",
    "create",
    "join",
    "end",
    "getMeetingInfo",
    "isMeetingRunning",
    "getMeetings",
    "insertDocument",
    "sendChatMessage",
    "newCall",
    "getRecordings",
    "getSessions",
    "hooks/create",
    "hooks/create",
    "hooks/list",
    "hooks/destroy",
];

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// What a tenant has named and was told.
#[derive(Default)]
struct Known {
    /// Meeting IDs it created, decoded.
    ids: BTreeSet<String>,
    internals: Vec<String>,
    /// IDs of its hooks.
    hooks: BTreeSet<String>,
    /// Meeting IDs it made hooks for, whether there are such meetings or not.
    hooked: BTreeSet<String>,
}

struct Game {
    simulated: Simulated,
    archive: Archive,
    frontends: Vec<Frontend>,
    known: Vec<Known>,
    dice: Dice,
    story: String,
}

fn decoded(raw: &str) -> String {
    RawQuery::parse(&format!("x={raw}")).get("x").unwrap().lossy()
}

impl Game {
    async fn new(seed: u64) -> Self {
        let mut simulated = Simulated::prepare(&[Kind::STOCK; 2]).await;
        for tenant in TENANTS {
            let hosts = format!(r#"{{"hosts": ["{tenant}.example.org"]}}"#);
            simulated.cluster.set_tenant(tenant, &hosts);
        }
        simulated.cluster.callbacks = Some(simulated.cluster.callback_config(&[]));
        simulated.cluster.recordings.interval = INTERVAL;
        let archive = Archive::fill(&simulated);
        simulated.cluster.boot().await;
        let frontends: Vec<_> = TENANTS.map(|name| simulated.cluster.frontend(name)).into();
        archive.each_lists_its_own(&simulated, &frontends).await;
        let known = TENANTS.map(|_| Known::default()).into();
        Self { simulated, archive, frontends, known, dice: Dice(seed), story: String::new() }
    }

    /// A name for a meeting: one's own, another's, or made of another's.
    fn name(&mut self) -> String {
        let internals: Vec<String> =
            self.known.iter().flat_map(|known| known.internals.clone()).collect();
        let id = *self.dice.pick(&IDS);
        let tenant = *self.dice.pick(&TENANTS);
        match self.dice.roll(8) {
            0..=2 => id.to_owned(),
            3 => format!("bg1.{tenant}.{id}"),
            4 => format!("%62g1%2E{tenant}.{id}"),
            5 => id.to_uppercase(),
            _ if internals.is_empty() => id.to_owned(),
            6 => self.dice.pick(&internals).clone(),
            _ => {
                let internal = self.dice.pick(&internals).clone();
                let length = 2 + self.dice.roll(internal.len() - 2);
                internal.chars().take(length).collect()
            }
        }
    }

    /// What belongs to others, as the nodes have it.
    fn of_others(&self, tenant: &str) -> BTreeMap<String, String> {
        let meetings = self.simulated.nodes.iter().flat_map(|node| node.meetings());
        let others = meetings.filter(|meeting| {
            meeting.metadata.get("owner").is_none_or(|owner| owner != &format!("owner-{tenant}"))
        });
        let mut others: BTreeMap<_, _> = others
            .map(|meeting| (meeting.internal_meeting_id.clone(), format!("{meeting:?}")))
            .collect();
        others.extend(Archive::of_others(&self.simulated, tenant));
        others
    }

    async fn step(&mut self) {
        let who = self.dice.roll(TENANTS.len());
        let tenant = TENANTS[who];
        let about_recordings = self.dice.roll(4) == 0;
        let call = *self.dice.pick(if about_recordings { &archive::CALLS[..] } else { &CALLS });
        let (name, second, parent) = (self.name(), self.name(), self.name());
        let mut query = format!(
            "meetingID={name}&name=Name-of-{tenant}&meta_owner=owner-{tenant}&attendeePW=ap-{tenant}\
             &moderatorPW=mp-{tenant}&fullName=User-of-{tenant}&role=VIEWER&message=Hello\
             &callbackURL=https%3A%2F%2Flms.invalid%2Fowner-{tenant}-{}",
            self.dice.roll(4)
        );
        let hooks: Vec<String> =
            self.known.iter().flat_map(|known| known.hooks.iter().cloned()).collect();
        let hook = if hooks.is_empty() { String::new() } else { self.dice.pick(&hooks).clone() };
        match call {
            "hooks/destroy" => query.push_str(&format!("&hookID={hook}")),
            // Without a meeting it shows all.
            "hooks/list" if self.dice.roll(2) == 0 => query = "x=1".to_owned(),
            "getRecordings" if self.dice.roll(2) == 0 => {
                query.push_str(&format!(
                    "&recordID={}",
                    self.archive.name(tenant, call, &mut self.dice)
                ));
            }
            _ if about_recordings => {
                let ids = self.archive.name(tenant, call, &mut self.dice);
                let more = Archive::more(call, tenant, &mut self.dice);
                query = format!("recordID={ids}{more}");
            }
            _ => {}
        }
        match self.dice.roll(10) {
            0 => query.push_str(&format!("&meetingID={second}")),
            1 => query.push_str(&format!("&+meeting%49D={second}")),
            2 => query.push_str(&format!(
                "&isBreakout=true&sequence=1&freeJoin=true&parentMeetingID={parent}"
            )),
            3 => query.push_str(&format!("&parentMeetingID={parent}")),
            4 => {
                let ids = self.archive.name(tenant, call, &mut self.dice);
                let parameter = self.dice.pick(&["recordID", "+record%49D", "record%00ID"]);
                query.push_str(&format!("&{parameter}={ids}"));
            }
            _ => {}
        }
        let mut frontend = self.frontends[who].clone();
        let addressed = *self.dice.pick(&TENANTS);
        let bound = match self.dice.roll(6) {
            0 => {
                frontend.host = Some(format!("{addressed}.example.org"));
                Some(addressed)
            }
            1 => {
                let path = format!("/t/{addressed}/bigbluebutton/");
                frontend.base = frontend.base.replace("/bigbluebutton/", &path);
                Some(addressed)
            }
            _ => None,
        };
        self.story = format!("{tenant} at {bound:?}: {call}?{query}");

        let before = self.of_others(tenant);
        let reply = if call == "insertDocument" {
            let body = "<modules><module name=\"presentation\"><document url=\"https://x.org/a.pdf\"/>\
                        </module></modules>";
            frontend.post(call, &query, ("application/xml", body)).await
        } else {
            Archive::call(&frontend, call, &query).await
        };
        let admitted = bound.is_none_or(|bound| bound == tenant);
        let answer = Answer::parse(reply.text.as_bytes()).ok();
        let success = answer.as_ref().is_some_and(|a| a.outcome() == Outcome::Success);
        assert!(admitted || !(success || reply.status == 302), "let in: {}", reply.text);
        // One tenant creates alike each time: only another's could be in the way.
        assert!(!reply.text.contains("idNotUnique"), "another's is in the way: {}", reply.text);
        let known = &mut self.known[who];
        if admitted && call == "create" && success {
            let answer = answer.unwrap();
            known.ids.insert(decoded(&name));
            known.internals.extend(answer.text("internalMeetingID"));
        } else if call == "hooks/create" && success {
            known.hooks.extend(answer.unwrap().text("hookID"));
            known.hooked.insert(decoded(&name));
        } else if call == "hooks/destroy" {
            assert!(known.hooks.remove(&hook) || !success, "another's hook is gone: {hook}");
        } else if about_recordings {
            if admitted {
                self.archive.found_only_its_own(tenant, call, &query, &reply);
            }
        } else {
            self.found_only_its_own(who, call, &name, &reply, success);
        }
        self.shows_nothing_of_others(who, &query, &reply);
        if let Some(to) = reply.headers.get("location").map(|to| to.to_str().unwrap().to_owned()) {
            let joined = self.follow(&to).await;
            self.shows_nothing_of_others(who, &query, &joined);
        }
        assert_eq!(self.of_others(tenant), before, "something of another's changed");
    }

    /// A call about a meeting succeeds only for an ID that the tenant created, or
    /// an internal one that it was told.
    fn found_only_its_own(&self, who: usize, call: &str, name: &str, reply: &Reply, success: bool) {
        let known = &self.known[who];
        let id = decoded(name);
        let own = known.ids.contains(&id) || known.internals.contains(&id);
        let found = match call {
            "end" | "getMeetingInfo" | "insertDocument" | "sendChatMessage" => success,
            "join" => reply.status == 302,
            "isMeetingRunning" => reply.text.contains("<running>true"),
            "newCall" => reply.status != 404,
            _ => return,
        };
        assert!(own || !found, "found what is not its own: {} {}", reply.status, reply.text);
    }

    /// Nothing is said of another tenant that the caller did not say itself, now
    /// or when it named a meeting of its own.
    fn shows_nothing_of_others(&self, who: usize, said: &str, reply: &Reply) {
        let location = reply.headers.get("location").map(|to| to.to_str().unwrap());
        let seen = decoded(&format!("{}{}", reply.text, location.unwrap_or_default()));
        let said = decoded(said);
        // A `+` of an answer is a space in what is seen.
        let Known { ids, hooked, .. } = &self.known[who];
        let own: Vec<_> =
            ids.iter().chain(hooked).flat_map(|id| [id.clone(), decoded(id)]).collect();
        for (other, known) in TENANTS.iter().zip(&self.known) {
            if *other == TENANTS[who] {
                continue;
            }
            let marks = ["owner-", "Name-of-", "ap-", "mp-", "User-of-", "Label-of-", "bg1."];
            let marks = marks.map(|mark| format!("{mark}{other}"));
            let records = self.archive.of(other);
            for mark in marks.iter().chain(&known.internals).chain(&known.hooks).chain(records) {
                let mut named: Vec<_> = own.iter().filter(|id| id.contains(mark)).collect();
                named.sort_by_key(|id| Reverse(id.len()));
                let seen =
                    named.iter().fold(seen.clone(), |seen, id| seen.replace(id.as_str(), ""));
                assert!(!seen.contains(mark) || said.contains(mark), "`{mark}` is shown: {seen}");
            }
        }
    }

    /// Does what a browser does with a redirect to a node.
    async fn follow(&self, location: &str) -> Reply {
        let (origin, path) = location.split_once("/bigbluebutton/api").unwrap();
        let port: u16 = origin.rsplit(':').next().unwrap().parse().unwrap();
        let mut at = self.simulated.nodes.iter().map(|node| node.address());
        let mut browser = self.frontends[0].clone();
        let address = at.find(|address| address.port() == port).unwrap();
        browser.base = format!("http://{address}/bigbluebutton/api");
        browser.raw("GET", path, None).await
    }

    /// In the end each lists exactly what the nodes have of it.
    async fn each_lists_its_own(&self) {
        for (tenant, frontend) in TENANTS.iter().zip(&self.frontends) {
            eventually("the list is the tenant's own", async || {
                let owner = format!("owner-{tenant}");
                let there = self.simulated.nodes.iter().flat_map(|node| node.meetings());
                let own = there.filter(|meeting| meeting.metadata.get("owner") == Some(&owner));
                let own: BTreeSet<_> = own.map(|meeting| meeting.internal_meeting_id).collect();
                let answer = frontend.get("getMeetings", "").await.answer();
                let listed = answer.root().child("meetings").unwrap().elements();
                let listed: BTreeSet<_> =
                    listed.filter_map(|meeting| meeting.text_of("internalMeetingID")).collect();
                listed == own
            })
            .await;
        }
        self.archive.each_lists_its_own(&self.simulated, &self.frontends).await;
    }
}

#[tokio::test]
async fn whatever_three_tenants_call_none_sees_or_touches_another() {
    let only = std::env::var("BLUEGATE_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    let seeds = only.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let (mut created, mut hooks, mut found) = (0, 0, BTreeMap::new());
    for seed in seeds {
        let mut game = Game::new(seed).await;
        for step in 0..STEPS {
            if let Err(panic) = AssertUnwindSafe(game.step()).catch_unwind().await {
                let story = &game.story;
                writeln!(stderr(), "BLUEGATE_TEST_SEED={seed}, step {step}: {story}").unwrap();
                resume_unwind(panic);
            }
        }
        game.each_lists_its_own().await;
        created += game.known.iter().map(|known| known.ids.len()).sum::<usize>();
        hooks += game.known.iter().map(|known| known.hooked.len()).sum::<usize>();
        for (call, count) in game.archive.found {
            *found.entry(call).or_default() += count;
        }
    }
    if only.is_none() {
        assert!(created > 10, "only {created} meetings were made: the game shows nothing");
        assert!(hooks > 10, "only {hooks} hooks were made");
        let often = |call: &&str| found.get(call).is_some_and(|count: &usize| *count > 3);
        assert!(archive::CALLS.iter().all(often), "{found:?}");
    }
}
