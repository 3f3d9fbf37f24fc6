//! What of a Scalelite can be taken over, and what not, and why. Pure.

use std::collections::{BTreeMap, BTreeSet};

use bluegate_cluster::{BbbVersion, HostName, Mount, Origin, Secret, Tag, TenantName};
use bluegate_tenant::Form;

use crate::{
    layout::{Layout, Meeting, Server, Tenant, text},
    names, rules,
};

/// What is here already.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// Nodes of the file and of the store.
    pub nodes: Vec<KnownNode>,
    /// Tenants of the file and of the store.
    pub tenants: Vec<KnownTenant>,
    /// Open meetings.
    pub meetings: Vec<OpenMeeting>,
}

/// A node that is here.
#[derive(Clone, Debug)]
pub struct KnownNode {
    /// Its name.
    pub name: Mount,
    /// Where it is.
    pub origin: Origin,
    /// Its secrets.
    pub secrets: Vec<Secret>,
}

/// A tenant that is here.
#[derive(Clone, Debug)]
pub struct KnownTenant {
    /// Its name.
    pub name: TenantName,
    /// Whether its meeting IDs are the same on the nodes.
    pub plain: bool,
    /// Its secrets.
    pub secrets: Vec<Secret>,
}

/// A meeting that is open here.
#[derive(Clone, Debug)]
pub struct OpenMeeting {
    /// Its ID on the nodes.
    pub node_meeting_id: String,
    /// Whose.
    pub tenant: TenantName,
    /// Where.
    pub node: Mount,
}

/// What the operator says.
#[derive(Clone, Debug)]
pub struct Options {
    /// `URL_HOST` of the Scalelite: its tenants are reached at `NAME.URL_HOST`.
    pub url_host: Option<HostName>,
    /// Names for nodes, by the server's ID or host.
    pub names: BTreeMap<String, Mount>,
    /// Whose meetings without a tenant become.
    pub default_tenant: TenantName,
}

/// What would be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Servers.
    pub nodes: Vec<NodeTake>,
    /// Tenants.
    pub tenants: Vec<TenantTake>,
    /// Meetings.
    pub meetings: Vec<MeetingTake>,
    /// What is not taken.
    pub left_out: Vec<LeftOut>,
}

/// Whether it is here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is to be added.
    New,
    /// It is here.
    Here,
}

/// A server that becomes a node, or is one.
#[derive(Clone, Debug)]
pub struct NodeTake {
    /// Our name for it.
    pub name: Mount,
    /// Whether it is here.
    pub standing: Standing,
    /// Where it is.
    pub origin: Origin,
    /// Its secret.
    pub secret: Secret,
    /// One over its load multiplier.
    pub weight: f64,
    /// Its tag.
    pub tag: Option<Tag>,
    /// Whether it gets no new meetings: it is cordoned or disabled there.
    pub cordoned: bool,
    /// Its release, as its last poll told.
    pub bbb: Option<BbbVersion>,
    /// All that Scalelite says of it.
    pub record: Server,
}

/// A tenant to have.
#[derive(Clone, Debug)]
pub struct TenantTake {
    /// Our name for it.
    pub name: TenantName,
    /// Whether it is here.
    pub standing: Standing,
    /// Its secrets.
    pub secrets: Vec<Secret>,
    /// What it gets.
    pub form: Form,
    /// All that Scalelite says of it.
    pub record: Tenant,
}

/// A meeting that runs.
#[derive(Clone, PartialEq, Eq)]
pub struct MeetingTake {
    /// Its ID, here, there and on the node.
    pub id: String,
    /// Whose.
    pub tenant: TenantName,
    /// Where.
    pub node: Mount,
    /// Whether it is here.
    pub standing: Standing,
    /// The number people dial.
    pub voice_bridge: Option<String>,
    /// The password that ends it.
    pub moderator_password: Option<String>,
}

impl std::fmt::Debug for MeetingTake {
    /// Without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} on {} ({:?})", self.id, self.tenant, self.node, self.standing)
    }
}

/// Something that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// `server`, `tenant`, `setting` or `meeting`.
    pub kind: &'static str,
    /// Which.
    pub name: String,
    /// Why, and what could be done.
    pub reason: String,
}

impl LeftOut {
    pub(crate) fn new(kind: &'static str, name: &str, reason: impl Into<String>) -> Self {
        Self { kind, name: name.to_owned(), reason: reason.into() }
    }
}

/// What of `layout` becomes what here.
#[must_use]
pub fn plan(layout: &Layout, here: &Here, options: &Options) -> Plan {
    let mut plan = Plan::default();
    plan.servers(layout, here, options);
    plan.tenants(layout, here, options);
    plan.meetings(layout, here, options);
    plan
}

impl Plan {
    /// Whether there is anything to do.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.nodes.iter().any(|node| node.standing == Standing::New)
            || self.tenants.iter().any(|tenant| tenant.standing == Standing::New)
            || self.meetings.iter().any(|meeting| meeting.standing == Standing::New)
    }

    fn servers(&mut self, layout: &Layout, here: &Here, options: &Options) {
        let mut taken: BTreeSet<Mount> = here.nodes.iter().map(|node| node.name.clone()).collect();
        for server in &layout.servers {
            match node(server, here, options, &taken) {
                Ok(node) => {
                    if self.nodes.iter().any(|other| other.origin == node.origin) {
                        let reason = "another server of Scalelite's is at the same place";
                        self.left_out.push(LeftOut::new("server", &server.id, reason));
                        continue;
                    }
                    taken.insert(node.name.clone());
                    self.nodes.push(node);
                }
                Err(reason) => self.left_out.push(LeftOut::new("server", &server.id, reason)),
            }
            let tag = text(&server.fields, "tag");
            if !tag.is_empty() && tag.parse::<Tag>().is_err() {
                let reason = format!("its tag `{tag}` cannot be one here; it is taken without");
                self.left_out.push(LeftOut::new("setting", &server.id, reason));
            }
        }
    }

    fn tenants(&mut self, layout: &Layout, here: &Here, options: &Options) {
        for tenant in &layout.tenants {
            match self.tenant(tenant, here, options) {
                Ok((take, settings)) => {
                    for (parameter, reason) in settings {
                        let name = format!("{parameter} of {}", take.name);
                        self.left_out.push(LeftOut::new("setting", &name, reason));
                    }
                    if tenant.fields.keys().any(|name| name.starts_with("lrs_")) {
                        let name = format!("LRS of {}", take.name);
                        let reason = "Bluegate sends no LRS payload; it is kept for the way back";
                        self.left_out.push(LeftOut::new("setting", &name, reason));
                    }
                    self.tenants.push(take);
                }
                Err(reason) => {
                    let name = if tenant.name().is_empty() { &tenant.id } else { tenant.name() };
                    self.left_out.push(LeftOut::new("tenant", name, reason));
                }
            }
        }
    }

    fn tenant(
        &self,
        tenant: &Tenant,
        here: &Here,
        options: &Options,
    ) -> Result<(TenantTake, Vec<(String, String)>), String> {
        let name = names::of_tenant(tenant.name())
            .ok_or("its name cannot be one here: lower-case letters, digits and inner hyphens")?;
        let known = here.tenants.iter().find(|known| known.name == name);
        if known.is_some_and(|known| !known.plain) {
            return Err(format!(
                "there is a tenant `{name}` here whose meeting IDs are encoded on the nodes: take it \
                 out of the configuration file, or `bluegate tenant remove` it, and import again"
            ));
        }
        if self.tenants.iter().any(|other| other.name == name) {
            return Err(format!("another tenant of Scalelite's is `{name}` too"));
        }
        let secrets = text(&tenant.fields, "secrets").split(':');
        let secrets: Vec<Secret> = secrets.filter_map(|text| Secret::new(text).ok()).collect();
        if secrets.is_empty() {
            return Err("it has no secret".to_owned());
        }
        let others = here.tenants.iter().filter(|other| other.name != name);
        let others = others.map(|other| (&other.name, &other.secrets));
        let planned = self.tenants.iter().map(|other| (&other.name, &other.secrets));
        for (other, theirs) in others.chain(planned) {
            if theirs.iter().any(|secret| secrets.contains(secret)) {
                return Err(format!(
                    "it has a secret of tenant `{other}`: give it another one first"
                ));
            }
        }
        let host = options.url_host.as_ref().map(|host| format!("{name}.{host}"));
        let (form, left_out) = rules::form_of(tenant, host);
        let standing = if known.is_some() { Standing::Here } else { Standing::New };
        let record = tenant.clone();
        Ok((TenantTake { name, standing, secrets, form, record }, left_out))
    }

    fn meetings(&mut self, layout: &Layout, here: &Here, options: &Options) {
        for meeting in &layout.meetings {
            match self.meeting(meeting, here, options) {
                Ok(take) => self.meetings.push(take),
                Err(reason) => self.left_out.push(LeftOut::new("meeting", &meeting.id, reason)),
            }
        }
        for id in &layout.expired_meetings {
            let reason = "Scalelite has forgotten where it is (its record has expired); if it still \
                 runs, it is taken over when it is created again";
            self.left_out.push(LeftOut::new("meeting", id, reason));
        }
    }

    fn meeting(
        &self,
        meeting: &Meeting,
        here: &Here,
        options: &Options,
    ) -> Result<MeetingTake, String> {
        let field = |name: &str| text(&meeting.fields, name);
        let node = self.nodes.iter().find(|node| node.record.id == field("server_id"));
        let node = node.ok_or("its server is not registered, or not taken")?;
        let tenant = match field("tenant_id") {
            "" => {
                let default = &options.default_tenant;
                if !here.tenants.iter().any(|known| known.name == *default && known.plain) {
                    return Err(format!(
                        "there is no tenant `{default}` here, whose meetings have plain IDs: add it \
                         with Scalelite's `LOADBALANCER_SECRET`, and import again"
                    ));
                }
                default
            }
            id => {
                let tenant = self.tenants.iter().find(|tenant| tenant.record.id == id);
                &tenant.ok_or("its tenant is not registered, or not taken")?.name
            }
        };
        let open = here.meetings.iter().find(|open| open.node_meeting_id == meeting.id);
        let standing = match open {
            None => Standing::New,
            Some(open) if open.node == node.name && open.tenant == *tenant => Standing::Here,
            Some(open) => {
                return Err(format!(
                    "it is open here already, on node `{}` for tenant `{}`",
                    open.node, open.tenant
                ));
            }
        };
        let given = |name: &str| Some(field(name).to_owned()).filter(|text| !text.is_empty());
        Ok(MeetingTake {
            id: meeting.id.clone(),
            tenant: tenant.clone(),
            node: node.name.clone(),
            standing,
            voice_bridge: given("voice_bridge"),
            moderator_password: given("moderator_pw"),
        })
    }
}

fn node(
    server: &Server,
    here: &Here,
    options: &Options,
    taken: &BTreeSet<Mount>,
) -> Result<NodeTake, String> {
    let origin = names::origin_of(server.url())
        .ok_or_else(|| format!("`{}` is not `https://HOST/bigbluebutton/api`", server.url()))?;
    let secret = Secret::new(text(&server.fields, "secret")).map_err(|_| "it has no secret")?;
    let known = here.nodes.iter().find(|node| node.origin == origin);
    if let Some(known) = known
        && !known.secrets.contains(&secret)
    {
        return Err(format!(
            "node `{}` is at the same place here, with another secret: one of the two is wrong",
            known.name
        ));
    }
    let chosen = options.names.get(&server.id).or_else(|| options.names.get(origin.host()));
    let name = match (known, chosen) {
        (Some(known), _) => known.name.clone(),
        (None, Some(chosen)) if taken.contains(chosen) => {
            return Err(format!("a node is named `{chosen}` already"));
        }
        (None, Some(chosen)) => chosen.clone(),
        (None, None) => Mount::for_host(&origin, taken).ok_or("no name for it is free")?,
    };
    let tag = text(&server.fields, "tag").parse().ok();
    Ok(NodeTake {
        name,
        standing: if known.is_some() { Standing::Here } else { Standing::New },
        origin,
        secret,
        weight: weight(text(&server.fields, "load_multiplier")),
        tag,
        cordoned: server.state() != "enabled",
        bbb: text(&server.fields, "bbb_version").parse().ok(),
        record: server.clone(),
    })
}

/// The largest weight, and the smallest.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// Scalelite multiplies a node's load, we divide it by the weight. What it
/// cannot read is 1 to it.
pub(crate) fn weight(multiplier: &str) -> f64 {
    let multiplier: f64 = multiplier.trim().parse().unwrap_or(1.0);
    if !multiplier.is_finite() || multiplier <= 0.0 {
        return 1.0;
    }
    multiplier.recip().clamp(*WEIGHTS.start(), *WEIGHTS.end())
}

#[cfg(test)]
mod tests;
