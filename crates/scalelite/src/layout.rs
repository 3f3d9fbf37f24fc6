//! Scalelite's servers, tenants and meetings, and the keys they are kept in.
//!
//! Facts: Scalelite 1.8.5, `app/models/*.rb`. Hashes are kept whole, fields we
//! have no use for included, so that what is written back is what was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::keys::{Entry, Fields, Keys, Value};

const SERVERS: &str = "servers";
const ENABLED: &str = "server_enabled";
const LOAD: &str = "server_load";
const CORDONED_LOAD: &str = "cordoned_server_load";
const MEETINGS: &str = "meetings";
const VOICE_BRIDGES: &str = "voice_bridges";
const TENANTS: &str = "tenants";

/// Lifetime of a meeting's record, in ms: `DEFAULT_MEETING_TTL`.
const MEETING_LIFETIME: i64 = 24 * 60 * 60 * 1000;

/// All that Scalelite keeps in Redis, but for what lives for a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// By ID.
    pub servers: Vec<Server>,
    /// By ID.
    pub tenants: Vec<Tenant>,
    /// By ID.
    pub meetings: Vec<Meeting>,
    /// Meetings that are listed and have no record any more: it has expired.
    pub expired_meetings: BTreeSet<String>,
}

/// A BBB server.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// A UUID or a host name.
    pub id: String,
    /// `url`, `secret`, `tag`, `state`, `load_multiplier`, `online` and what
    /// polls measured.
    pub fields: Fields,
    /// Whether it is in the set of enabled ones.
    pub enabled: bool,
    /// Its load; there when it gets new meetings.
    pub load: Option<f64>,
    /// Its load while it is cordoned.
    pub cordoned_load: Option<f64>,
    /// Counters of healthy and unhealthy polls.
    pub counters: Fields,
}

/// A tenant.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// A UUID.
    pub id: String,
    /// `name`, `secrets`, and those of the LRS.
    pub fields: Fields,
    /// Parameters of its calls, by ID.
    pub settings: Vec<Setting>,
}

/// A parameter that a tenant's calls get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// A UUID.
    pub id: String,
    /// `param`, `value`, `override`, `tenant_id`.
    pub fields: Fields,
}

/// A meeting's place.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Meeting {
    /// The meeting ID of the frontend, which is also the node's.
    pub id: String,
    /// `server_id`, `moderator_pw`, `voice_bridge`, `tenant_id`.
    pub fields: Fields,
}

impl Server {
    /// Where its API is.
    #[must_use]
    pub fn url(&self) -> &str {
        text(&self.fields, "url")
    }

    /// `enabled`, `cordoned` or `disabled`; rows from before there were three
    /// states are in the set of enabled ones or not.
    #[must_use]
    pub fn state(&self) -> &str {
        match text(&self.fields, "state") {
            "" if self.enabled => "enabled",
            "" => "disabled",
            state => state,
        }
    }
}

impl Tenant {
    /// The first label of its host.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.fields, "name")
    }
}

impl Layout {
    /// What these keys mean.
    #[must_use]
    pub fn of(keys: &Keys) -> Self {
        let scores = |key: &str| match keys.get(key).map(|entry| &entry.value) {
            Some(Value::Scores(scores)) => scores.clone(),
            _ => BTreeMap::new(),
        };
        let (enabled, load, cordoned_load) =
            (set(keys, ENABLED), scores(LOAD), scores(CORDONED_LOAD));
        let servers = set(keys, SERVERS).into_iter().map(|id| Server {
            fields: hash(keys, &format!("server:{id}")),
            enabled: enabled.contains(&id),
            load: load.get(&id).copied(),
            cordoned_load: cordoned_load.get(&id).copied(),
            counters: hash(keys, &id),
            id,
        });
        let tenants = set(keys, TENANTS).into_iter().map(|id| {
            let settings = set(keys, &format!("tenant_settings:{id}")).into_iter();
            let settings = settings
                .map(|id| Setting { fields: hash(keys, &format!("tenant_setting:{id}")), id });
            Tenant { fields: hash(keys, &format!("tenant:{id}")), settings: settings.collect(), id }
        });
        let (mut meetings, mut expired_meetings) = (Vec::new(), BTreeSet::new());
        for id in set(keys, MEETINGS) {
            let fields = hash(keys, &format!("meeting:{id}"));
            if fields.is_empty() {
                expired_meetings.insert(id);
            } else {
                meetings.push(Meeting { id, fields });
            }
        }
        Self { servers: servers.collect(), tenants: tenants.collect(), meetings, expired_meetings }
    }

    /// The keys that mean this. Those of meetings go by themselves after a day,
    /// as Scalelite makes them.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let mut writing = Writing::default();
        for server in &self.servers {
            let id = &server.id;
            writing.member(SERVERS, id);
            writing.hash(&format!("server:{id}"), &server.fields);
            writing.hash(id, &server.counters);
            if server.enabled {
                writing.member(ENABLED, id);
            }
            writing.score(LOAD, id, server.load);
            writing.score(CORDONED_LOAD, id, server.cordoned_load);
        }
        for tenant in &self.tenants {
            let id = &tenant.id;
            writing.member(TENANTS, id);
            writing.hash(&format!("tenant:{id}"), &tenant.fields);
            writing.field(&format!("tenant_name:{}", tenant.name()), "id", id);
            for setting in &tenant.settings {
                writing.member(&format!("tenant_settings:{id}"), &setting.id);
                writing.hash(&format!("tenant_setting:{}", setting.id), &setting.fields);
            }
        }
        for meeting in &self.meetings {
            let key = format!("meeting:{}", meeting.id);
            writing.member(MEETINGS, &meeting.id);
            writing.hash(&key, &meeting.fields);
            if let Some(entry) = writing.0.get_mut(&key) {
                entry.expires_in = Some(MEETING_LIFETIME);
            }
            let number = text(&meeting.fields, "voice_bridge");
            if !number.is_empty() {
                writing.field(VOICE_BRIDGES, number, &meeting.id);
            }
        }
        writing.0
    }
}

/// Whether Scalelite itself keeps something under this key that [`Layout`] knows.
pub(crate) fn is_part_of_layout(key: &str, servers: &BTreeSet<String>) -> bool {
    let prefixes =
        ["server:", "meeting:", "tenant:", "tenant_name:", "tenant_settings:", "tenant_setting:"];
    [SERVERS, ENABLED, LOAD, CORDONED_LOAD, MEETINGS, VOICE_BRIDGES, TENANTS].contains(&key)
        || prefixes.iter().any(|prefix| key.starts_with(prefix))
        || servers.contains(key)
}

/// Keys that are being made.
#[derive(Default)]
struct Writing(Keys);

impl Writing {
    fn member(&mut self, key: &str, member: &str) {
        let entry = self.entry(key, Value::Set(BTreeSet::new()));
        if let Value::Set(members) = &mut entry.value {
            members.insert(member.to_owned());
        }
    }

    fn score(&mut self, key: &str, member: &str, score: Option<f64>) {
        let Some(score) = score else { return };
        let entry = self.entry(key, Value::Scores(BTreeMap::new()));
        if let Value::Scores(scores) = &mut entry.value {
            scores.insert(member.to_owned(), score);
        }
    }

    /// Redis has no empty hash.
    fn hash(&mut self, key: &str, fields: &Fields) {
        for (name, value) in fields {
            self.field(key, name, value);
        }
    }

    fn field(&mut self, key: &str, name: &str, value: &str) {
        let entry = self.entry(key, Value::Hash(Fields::new()));
        if let Value::Hash(fields) = &mut entry.value {
            fields.insert(name.to_owned(), value.to_owned());
        }
    }

    fn entry(&mut self, key: &str, empty: Value) -> &mut Entry {
        self.0.entry(key.to_owned()).or_insert_with(|| Entry::lasting(empty))
    }
}

fn set(keys: &Keys, key: &str) -> BTreeSet<String> {
    match keys.get(key).map(|entry| &entry.value) {
        Some(Value::Set(members)) => members.clone(),
        _ => BTreeSet::new(),
    }
}

fn hash(keys: &Keys, key: &str) -> Fields {
    match keys.get(key).map(|entry| &entry.value) {
        Some(Value::Hash(fields)) => fields.clone(),
        _ => Fields::new(),
    }
}

pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    fn fields() -> impl Strategy<Value = Fields> {
        collection::btree_map("[a-z_]{1,6}", "[ -~é]{0,8}", 1..4)
    }

    /// Layouts as Scalelite makes them: IDs once, what has a number has it alone.
    fn layouts() -> impl Strategy<Value = Layout> {
        let servers = collection::btree_map(
            "[a-z0-9-]{12}",
            (fields(), any::<bool>(), proptest::option::of(0..900_u32), fields()),
            0..4,
        );
        let tenants = collection::btree_map(
            "[a-f0-9]{8}",
            (fields(), "[a-z]{3,8}", collection::btree_map("[a-f0-9]{8}", fields(), 0..3)),
            0..3,
        );
        let meetings = collection::btree_map("[ -~]{1,12}", fields(), 0..5);
        (servers, tenants, meetings).prop_map(|(servers, tenants, meetings)| Layout {
            servers: servers
                .into_iter()
                .map(|(id, (fields, enabled, load, counters))| Server {
                    id,
                    fields,
                    enabled,
                    load: load.map(f64::from),
                    cordoned_load: None,
                    counters,
                })
                .collect(),
            tenants: tenants
                .into_iter()
                .enumerate()
                .map(|(number, (id, (mut fields, name, settings)))| {
                    fields.insert("name".to_owned(), format!("{name}{number}"));
                    let owned = |id: String| format!("{number}-{id}");
                    Tenant {
                        id,
                        fields,
                        settings: settings
                            .into_iter()
                            .map(|(id, fields)| Setting { id: owned(id), fields })
                            .collect(),
                    }
                })
                .collect(),
            meetings: meetings
                .into_iter()
                .enumerate()
                .map(|(number, (id, mut fields))| {
                    fields.insert("voice_bridge".to_owned(), format!("{}", 10_000 + number));
                    Meeting { id, fields }
                })
                .collect(),
            expired_meetings: BTreeSet::new(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_means_what_was_read(layout in layouts()) {
            let keys = layout.keys();
            prop_assert_eq!(Layout::of(&keys), layout.clone());
            prop_assert_eq!(Layout::of(&keys).keys(), keys);
        }
    }

    #[test]
    fn a_legacy_row_says_its_state_by_where_it_is_listed() {
        let mut server = Server { enabled: true, ..Server::default() };
        assert_eq!(server.state(), "enabled");
        server.enabled = false;
        assert_eq!(server.state(), "disabled");
        server.fields.insert("state".to_owned(), "cordoned".to_owned());
        assert_eq!(server.state(), "cordoned");
    }

    #[test]
    fn a_meeting_whose_record_has_expired_is_told_apart() {
        let keys = Keys::from([(
            MEETINGS.to_owned(),
            Entry::lasting(Value::Set(["gone".to_owned()].into())),
        )]);
        let layout = Layout::of(&keys);
        assert_eq!(layout.meetings, []);
        assert_eq!(layout.expired_meetings, BTreeSet::from(["gone".to_owned()]));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let fields = Fields::from([("secret".to_owned(), "s3cret".to_owned())]);
        let server = Server { fields: fields.clone(), ..Server::default() };
        let tenant = Tenant { fields: fields.clone(), ..Tenant::default() };
        let meeting = Meeting { fields, ..Meeting::default() };
        let layout = Layout {
            servers: vec![server],
            tenants: vec![tenant],
            meetings: vec![meeting],
            ..Layout::default()
        };
        let printed = format!("{layout:?} {:?}", layout.keys());
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}
