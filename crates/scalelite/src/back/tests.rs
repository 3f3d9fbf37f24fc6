use std::collections::BTreeSet;

use super::*;
use crate::{
    layout::Setting,
    plan::{Here, KnownTenant, Options, Plan, plan},
};

fn fields<const N: usize>(fields: [(&str, &str); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a Scalelite with tenants looks like in the middle of a morning.
fn morning() -> Layout {
    let server = |id: &str, host: &str, state: &str, load: Option<f64>| Server {
        id: id.to_owned(),
        fields: fields([
            ("url", &format!("https://{host}.example.org/bigbluebutton/api/")),
            ("secret", &format!("secret-of-{host}")),
            ("state", state),
            ("load_multiplier", "1.5"),
            ("online", if load.is_some() { "true" } else { "false" }),
            ("meetings", "3"),
            ("users", "41"),
            ("bbb_version", "3.0.28"),
        ]),
        enabled: state == "enabled",
        load: load.filter(|_| state == "enabled"),
        cordoned_load: load.filter(|_| state == "cordoned"),
        counters: fields([("healthy_counter", "1")]),
    };
    let meeting = |id: &str, server: &str, tenant: &str, number: &str| Meeting {
        id: id.to_owned(),
        fields: fields([
            ("server_id", server),
            ("moderator_pw", "mp"),
            ("voice_bridge", number),
            ("tenant_id", tenant),
        ]),
    };
    let mut tagged = server("u-1", "bbb-01", "enabled", Some(61.5));
    tagged.fields.insert("tag".to_owned(), "gpu".to_owned());
    let setting = Setting {
        id: "s-1".to_owned(),
        fields: fields([
            ("param", "welcome"),
            ("value", "Hello"),
            ("override", "false"),
            ("tenant_id", "t-1"),
        ]),
    };
    Layout {
        servers: vec![
            tagged,
            server("u-2", "bbb-02", "cordoned", Some(3.0)),
            server("u-3", "bbb-03", "disabled", None),
        ],
        tenants: vec![Tenant {
            id: "t-1".to_owned(),
            fields: fields([("name", "bn"), ("secrets", "one:two"), ("lrs_endpoint", "https://l")]),
            settings: vec![setting],
        }],
        meetings: vec![
            meeting("a room", "u-1", "", "474199462"),
            meeting("class-1", "u-2", "t-1", "170465905"),
        ],
        expired_meetings: BTreeSet::new(),
    }
}

fn planned(layout: &Layout) -> Plan {
    let here = Here {
        tenants: vec![KnownTenant {
            name: "default".parse().unwrap(),
            plain: true,
            secrets: vec![Secret::new("lbsecret").unwrap()],
        }],
        ..Here::default()
    };
    let options = Options {
        url_host: Some("example.org".parse().unwrap()),
        names: BTreeMap::new(),
        default_tenant: "default".parse().unwrap(),
    };
    plan(layout, &here, &options)
}

/// What is here after a plan was carried out.
fn taken(plan: &Plan) -> Ours {
    let nodes = plan.nodes.iter().map(|node| OurNode {
        name: node.name.clone(),
        origin: node.origin.clone(),
        secret: node.secret.clone(),
        weight: node.weight,
        tags: node.tag.iter().cloned().collect(),
        cordoned: node.cordoned,
    });
    let tenants = plan.tenants.iter().map(|tenant| OurTenant {
        name: tenant.name.clone(),
        plain: true,
        secrets: tenant.secrets.clone(),
        form: tenant.form.clone(),
    });
    let default = OurTenant {
        name: "default".parse().unwrap(),
        plain: true,
        secrets: vec![Secret::new("lbsecret").unwrap()],
        form: Form::default(),
    };
    Ours {
        nodes: nodes.collect(),
        tenants: std::iter::once(default).chain(tenants).collect(),
        meetings: plan
            .meetings
            .iter()
            .map(|meeting| OurMeeting {
                tenant: meeting.tenant.clone(),
                id: meeting.id.clone(),
                node_meeting_id: meeting.id.clone(),
                node: meeting.node.clone(),
                voice_bridge: meeting.voice_bridge.clone(),
                moderator_password: meeting.moderator_password.clone(),
            })
            .collect(),
        servers: plan.nodes.iter().map(|node| (node.name.clone(), node.record.clone())).collect(),
        tenants_there: plan
            .tenants
            .iter()
            .map(|tenant| (tenant.name.clone(), tenant.record.clone()))
            .collect(),
        default_tenant: "default".parse().unwrap(),
    }
}

#[test]
fn what_was_taken_over_goes_back_key_by_key() {
    let layout = morning();
    let back = give_back(&taken(&planned(&layout)));
    assert_eq!(back.left_out, []);
    assert_eq!(back.layout.keys(), layout.keys());
}

#[test]
fn what_changed_here_goes_back_changed() {
    let mut ours = taken(&planned(&morning()));
    let node = |ours: &mut Ours, name: &str, change: fn(&mut OurNode)| {
        change(ours.nodes.iter_mut().find(|node| node.name.as_str() == name).unwrap());
    };
    node(&mut ours, "bbb-01", |node| {
        node.cordoned = true;
        node.weight = 0.5;
        node.tags = vec!["big".parse().unwrap(), "blue".parse().unwrap()];
    });
    node(&mut ours, "bbb-02", |node| node.cordoned = false);
    node(&mut ours, "bbb-03", |node| node.secret = Secret::new("new").unwrap());
    // It was offline there, and has a meeting by now.
    ours.meetings.first_mut().unwrap().node = "bbb-03".parse().unwrap();
    ours.tenants.last_mut().unwrap().secrets = vec![Secret::new("three").unwrap()];
    let back = give_back(&ours);
    let server = |id: &str| back.layout.servers.iter().find(|server| server.id == id).unwrap();
    let said = |id: &str, name: &str| text(&server(id).fields, name).to_owned();
    assert_eq!(said("u-1", "state"), "cordoned");
    assert_eq!(said("u-1", "load_multiplier"), "2.0");
    assert_eq!(said("u-1", "tag"), "big");
    assert_eq!((server("u-1").enabled, server("u-1").load), (false, None));
    assert_eq!(server("u-1").cordoned_load, Some(61.5));
    assert_eq!(said("u-2", "state"), "enabled");
    assert_eq!((server("u-2").enabled, server("u-2").load), (true, Some(3.0)));
    assert_eq!(said("u-3", "state"), "disabled");
    assert_eq!(said("u-3", "secret"), "new");
    assert_eq!(said("u-3", "online"), "true");
    assert_eq!(text(&back.layout.tenants.first().unwrap().fields, "secrets"), "three");
    let left: Vec<_> = back.left_out.iter().map(|out| out.name.as_str()).collect();
    assert_eq!(left, ["tag blue of bbb-01"]);
}

#[test]
fn what_began_here_goes_back_as_scalelite_would_have_made_it() {
    let tenant = |name: &str, plain: bool, form: Form| OurTenant {
        name: name.parse().unwrap(),
        plain,
        secrets: vec![Secret::new(&format!("secret-of-{name}")).unwrap()],
        form,
    };
    let meeting = |tenant: &str, id: &str, node_id: &str, node: &str| OurMeeting {
        tenant: tenant.parse().unwrap(),
        id: id.to_owned(),
        node_meeting_id: node_id.to_owned(),
        node: node.parse().unwrap(),
        voice_bridge: Some("123456789".to_owned()),
        moderator_password: None,
    };
    let limited = Form { logo: Some("https://a.org/l.png".to_owned()), ..Form::default() };
    let ours = Ours {
        nodes: vec![OurNode {
            name: "new".parse().unwrap(),
            origin: "https://new.example.org".parse().unwrap(),
            secret: Secret::new("s").unwrap(),
            weight: 2.0,
            tags: vec![],
            cordoned: false,
        }],
        tenants: vec![
            tenant("default", true, Form::default()),
            tenant("moved", true, limited),
            tenant("ours", false, Form::default()),
        ],
        meetings: vec![
            meeting("default", "m-1", "m-1", "new"),
            meeting("moved", "m-2", "m-2", "new"),
            meeting("ours", "m-3", "bg1.ours.m-3", "new"),
            meeting("default", "m-4", "m-4", "gone"),
        ],
        servers: BTreeMap::new(),
        tenants_there: BTreeMap::new(),
        default_tenant: "default".parse().unwrap(),
    };
    let back = give_back(&ours);
    let server = back.layout.servers.first().unwrap();
    assert_eq!(server.url(), "https://new.example.org/bigbluebutton/api");
    assert_eq!(text(&server.fields, "load_multiplier"), "0.5");
    assert_eq!((server.state(), server.enabled, server.load), ("enabled", true, Some(0.0)));
    let moved = back.layout.tenants.first().unwrap();
    let meetings: Vec<_> = back
        .layout
        .meetings
        .iter()
        .map(|meeting| (meeting.id.as_str(), text(&meeting.fields, "tenant_id")))
        .collect();
    assert_eq!(meetings, [("m-1", ""), ("m-2", moved.id.as_str())]);
    let left: Vec<_> = back
        .left_out
        .iter()
        .map(|out| format!("{} {}: {}", out.kind, out.name, out.reason))
        .collect();
    insta::assert_snapshot!(left.join("\n"), @r"
    setting logo of moved: Scalelite has no such setting
    tenant ours: its meeting IDs are encoded on the nodes, where Scalelite would not find them: its meetings end here
    meeting m-3: its ID is another one on its node, where Scalelite would not find it
    meeting m-4: its node is not here any more
    ");
}
