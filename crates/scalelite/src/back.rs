//! What is written for Scalelite to go on with. Pure.
//!
//! What was taken over from a Scalelite goes back as it was, with what changed
//! here since. Measured values (loads, users, counters) are those of then: its
//! next poll measures anew.

use std::collections::BTreeMap;

use bluegate_cluster::{Mount, Origin, Secret, Tag, TenantName};
use bluegate_tenant::{Form, LimitsForm, TagsForm};

use crate::{
    keys::Fields,
    layout::{Layout, Meeting, Server, Tenant, text},
    names,
    plan::{LeftOut, weight},
    rules,
};

/// What is here to go back.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Nodes of the file and of the store.
    pub nodes: Vec<OurNode>,
    /// Tenants of the file and of the store.
    pub tenants: Vec<OurTenant>,
    /// Open meetings.
    pub meetings: Vec<OurMeeting>,
    /// What Scalelite said of nodes, by our names.
    pub servers: BTreeMap<Mount, Server>,
    /// What Scalelite said of tenants, by our names.
    pub tenants_there: BTreeMap<TenantName, Tenant>,
    /// Whose meetings have no tenant at Scalelite.
    pub default_tenant: TenantName,
}

/// A node as it is here.
#[derive(Clone, Debug)]
pub struct OurNode {
    /// Its name.
    pub name: Mount,
    /// Where it is.
    pub origin: Origin,
    /// Its secret; the first of several.
    pub secret: Secret,
    /// Its weight.
    pub weight: f64,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Whether it gets no new meetings.
    pub cordoned: bool,
}

/// A tenant as it is here.
#[derive(Clone, Debug)]
pub struct OurTenant {
    /// Its name.
    pub name: TenantName,
    /// Whether its meeting IDs are the same on the nodes.
    pub plain: bool,
    /// Its secrets.
    pub secrets: Vec<Secret>,
    /// What it may and gets.
    pub form: Form,
}

/// An open meeting as it is here.
#[derive(Clone)]
pub struct OurMeeting {
    /// Whose.
    pub tenant: TenantName,
    /// The tenant's ID for it.
    pub id: String,
    /// The node's ID for it.
    pub node_meeting_id: String,
    /// Where it is.
    pub node: Mount,
    /// The number people dial.
    pub voice_bridge: Option<String>,
    /// The password that ends it.
    pub moderator_password: Option<String>,
}

impl std::fmt::Debug for OurMeeting {
    /// Without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} on {}", self.id, self.tenant, self.node)
    }
}

/// What goes back, and what does not.
#[derive(Clone, Debug, Default)]
pub struct Back {
    /// What is to be written.
    pub layout: Layout,
    /// What Scalelite has no place for.
    pub left_out: Vec<LeftOut>,
}

/// What Scalelite is given.
#[must_use]
pub fn give_back(ours: &Ours) -> Back {
    let mut back = Back::default();
    for node in &ours.nodes {
        back.server(node, ours);
    }
    for tenant in ours.tenants.iter().filter(|tenant| tenant.name != ours.default_tenant) {
        back.tenant(tenant, ours);
    }
    let ids: BTreeMap<&TenantName, String> = back.ids(ours);
    for meeting in &ours.meetings {
        back.meeting(meeting, ours, &ids);
    }
    back.layout.servers.sort_by(|a, b| a.id.cmp(&b.id));
    back.layout.tenants.sort_by(|a, b| a.id.cmp(&b.id));
    back.layout.meetings.sort_by(|a, b| a.id.cmp(&b.id));
    back
}

impl Back {
    fn server(&mut self, node: &OurNode, ours: &Ours) {
        let known = ours.servers.get(&node.name);
        let mut server = known.cloned().unwrap_or_else(new_server);
        if names::origin_of(server.url()).as_ref() != Some(&node.origin) {
            put(&mut server.fields, "url", &format!("{}/bigbluebutton/api", node.origin));
        }
        put(&mut server.fields, "secret", node.secret.expose());
        if (weight(text(&server.fields, "load_multiplier")) - node.weight).abs() > 1e-9 {
            // As Ruby prints a float: `2.0`.
            put(&mut server.fields, "load_multiplier", &format!("{:?}", node.weight.recip()));
        }
        let (tag, more) = (node.tags.first(), node.tags.iter().skip(1));
        if text(&server.fields, "tag").parse().ok().as_ref() != tag {
            match tag {
                Some(tag) => put(&mut server.fields, "tag", tag.as_str()),
                None => drop(server.fields.remove("tag")),
            }
        }
        for tag in more {
            let name = format!("tag {tag} of {}", node.name);
            self.left_out.push(LeftOut::new(
                "setting",
                &name,
                "a server of Scalelite's has one tag",
            ));
        }
        settle_state(&mut server, node.cordoned);
        let has_meetings = ours.meetings.iter().any(|meeting| meeting.node == node.name);
        if has_meetings && text(&server.fields, "online") != "true" {
            // Joins of an offline server are refused until the next poll.
            put(&mut server.fields, "online", "true");
            match server.state() {
                "enabled" => server.load = server.load.or(Some(0.0)),
                _ => server.cordoned_load = server.cordoned_load.or(Some(0.0)),
            }
        }
        self.layout.servers.push(server);
    }

    fn tenant(&mut self, tenant: &OurTenant, ours: &Ours) {
        let name = &tenant.name;
        let mut leave = |kind, name: &str, reason: &str| {
            self.left_out.push(LeftOut::new(kind, name, reason));
        };
        if !tenant.plain {
            let reason = "its meeting IDs are encoded on the nodes, where Scalelite would not find \
                 them: its meetings end here";
            leave("tenant", name.as_str(), reason);
            return;
        }
        if tenant.secrets.iter().any(|secret| secret.expose().contains(':')) {
            leave(
                "tenant",
                name.as_str(),
                "Scalelite separates secrets by `:`, and one has it inside",
            );
            return;
        }
        let known = ours.tenants_there.get(name);
        let mut there =
            known.cloned().unwrap_or_else(|| Tenant { id: names::new_uuid(), ..Tenant::default() });
        if names::of_tenant(there.name()).as_ref() != Some(name) {
            put(&mut there.fields, "name", name.as_str());
        }
        let secrets: Vec<&str> = tenant.secrets.iter().map(Secret::expose).collect();
        let secrets = secrets.join(":");
        if !same_secrets(text(&there.fields, "secrets"), &secrets) {
            put(&mut there.fields, "secrets", &secrets);
        }
        for (what, is_there) in [
            ("limits", tenant.form.limits != LimitsForm::default()),
            ("presentation", tenant.form.presentation.is_some()),
            ("logo", tenant.form.logo.is_some()),
            ("welcome", tenant.form.welcome.is_some()),
            ("tags", tenant.form.tags != TagsForm::default()),
            ("enabled", !tenant.form.enabled),
        ] {
            if is_there {
                leave("setting", &format!("{what} of {name}"), "Scalelite has no such setting");
            }
        }
        let (settings, left_out) = rules::settings_of(&tenant.form, &there, names::new_uuid);
        for (parameter, reason) in left_out {
            leave("setting", &format!("{parameter} of {name}"), &reason);
        }
        there.settings = settings;
        self.layout.tenants.push(there);
    }

    /// The IDs at Scalelite of the tenants that go back.
    fn ids<'a>(&self, ours: &'a Ours) -> BTreeMap<&'a TenantName, String> {
        let id_of = |tenant: &'a OurTenant| {
            let there = self.layout.tenants.iter();
            let mut there =
                there.filter(|there| names::of_tenant(there.name()).as_ref() == Some(&tenant.name));
            Some((&tenant.name, there.next()?.id.clone()))
        };
        let mut ids: BTreeMap<_, _> = ours.tenants.iter().filter_map(id_of).collect();
        ids.insert(&ours.default_tenant, String::new());
        ids
    }

    fn meeting(&mut self, meeting: &OurMeeting, ours: &Ours, ids: &BTreeMap<&TenantName, String>) {
        let mut leave =
            |reason: &str| self.left_out.push(LeftOut::new("meeting", &meeting.id, reason));
        if meeting.node_meeting_id != meeting.id {
            leave("its ID is another one on its node, where Scalelite would not find it");
            return;
        }
        let Some(tenant_id) = ids.get(&meeting.tenant) else {
            leave("its tenant does not go back");
            return;
        };
        let index = ours.nodes.iter().position(|node| node.name == meeting.node);
        let Some(server) = index.and_then(|index| self.layout.servers.get(index)) else {
            leave("its node is not here any more");
            return;
        };
        let fields = [
            ("server_id", server.id.as_str()),
            ("moderator_pw", meeting.moderator_password.as_deref().unwrap_or_default()),
            ("voice_bridge", meeting.voice_bridge.as_deref().unwrap_or_default()),
            ("tenant_id", tenant_id),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.layout.meetings.push(Meeting { id: meeting.id.clone(), fields: fields.into() });
    }
}

/// Its state, when that differs from what it was.
fn settle_state(server: &mut Server, cordoned: bool) {
    let state = match (server.state(), cordoned) {
        ("enabled", true) => "cordoned",
        ("enabled", false) | (_, true) => return,
        (_, false) => "enabled",
    };
    put(&mut server.fields, "state", state);
    server.enabled = state == "enabled";
    let load = server.load.take().or(server.cordoned_load.take());
    let load = load.or_else(|| (text(&server.fields, "online") == "true").then_some(0.0));
    if server.enabled {
        server.load = load;
    } else {
        server.cordoned_load = load;
    }
}

fn new_server() -> Server {
    let fields = [("state", "enabled"), ("online", "true"), ("load_multiplier", "1.0")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Server {
        id: names::new_uuid(),
        fields: fields.into(),
        enabled: true,
        load: Some(0.0),
        ..Server::default()
    }
}

/// Whether two lists name the same secrets, however they are spaced.
fn same_secrets(one: &str, other: &str) -> bool {
    let parts = |list: &str| {
        let parts = list.split(':').map(|part| part.trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    parts(one) == parts(other)
}

fn put(fields: &mut Fields, name: &str, value: &str) {
    fields.insert(name.to_owned(), value.to_owned());
}

#[cfg(test)]
mod tests;
