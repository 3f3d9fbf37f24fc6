use super::*;
use crate::keys::Fields;

fn fields<const N: usize>(fields: [(&str, &str); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn server(id: &str, host: &str, more: &[(&str, &str)]) -> Server {
    let url = format!("https://{host}/bigbluebutton/api");
    let secret = format!("secret-of-{host}");
    let mut all = fields([("url", &url), ("secret", &secret), ("state", "enabled")]);
    all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Server { id: id.to_owned(), fields: all, enabled: true, ..Server::default() }
}

fn tenant(id: &str, name: &str, secrets: &str) -> Tenant {
    let fields = fields([("name", name), ("secrets", secrets)]);
    Tenant { id: id.to_owned(), fields, settings: Vec::new() }
}

fn meeting(id: &str, server: &str, tenant: &str) -> Meeting {
    let fields = fields([
        ("server_id", server),
        ("moderator_pw", "mp"),
        ("voice_bridge", "474199462"),
        ("tenant_id", tenant),
    ]);
    Meeting { id: id.to_owned(), fields }
}

fn known(name: &str, plain: bool) -> KnownTenant {
    let secrets = vec![Secret::new(&format!("secret-of-{name}")).unwrap()];
    KnownTenant { name: name.parse().unwrap(), plain, secrets }
}

fn options() -> Options {
    Options {
        url_host: Some("example.org".parse().unwrap()),
        names: BTreeMap::new(),
        default_tenant: "default".parse().unwrap(),
    }
}

fn here() -> Here {
    Here { tenants: vec![known("default", true)], ..Here::default() }
}

/// What is left out, as `kind name: reason`.
fn reasons(plan: &Plan) -> Vec<String> {
    let line = |out: &LeftOut| format!("{} {}: {}", out.kind, out.name, out.reason);
    plan.left_out.iter().map(line).collect()
}

#[test]
fn a_scalelite_with_tenants_is_taken_as_it_is() {
    let layout = Layout {
        servers: vec![
            server("u-1", "bbb-01.example.org", &[("load_multiplier", "2.0"), ("tag", "gpu")]),
            server(
                "u-2",
                "bbb-02.example.org",
                &[("state", "cordoned"), ("bbb_version", "3.0.28")],
            ),
            server("u-3", "bbb-03.example.org", &[("state", "disabled")]),
        ],
        tenants: vec![tenant("t-1", "bn", "one:two")],
        meetings: vec![meeting("m-1", "u-1", ""), meeting("m-2", "u-2", "t-1")],
        ..Layout::default()
    };
    let plan = plan(&layout, &here(), &options());
    assert_eq!(reasons(&plan), [""; 0]);
    let nodes: Vec<_> = plan
        .nodes
        .iter()
        .map(|node| {
            let bbb = node.bbb.as_ref().map(ToString::to_string).unwrap_or_default();
            let tag = node.tag.as_ref().map(ToString::to_string).unwrap_or_default();
            (node.name.as_str(), node.weight, node.cordoned, tag, bbb)
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("bbb-01", 0.5, false, "gpu".to_owned(), String::new()),
            ("bbb-02", 1.0, true, String::new(), "3.0.28".to_owned()),
            ("bbb-03", 1.0, true, String::new(), String::new()),
        ]
    );
    let tenant = plan.tenants.first().unwrap();
    assert_eq!(tenant.secrets.iter().map(Secret::expose).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(tenant.form.hosts, ["bn.example.org"]);
    assert_eq!(
        format!("{:?}", plan.meetings),
        "[m-1 of default on bbb-01 (New), m-2 of bn on bbb-02 (New)]"
    );
    assert_eq!(plan.meetings.first().unwrap().voice_bridge.as_deref(), Some("474199462"));
}

#[test]
fn what_cannot_be_taken_says_why() {
    let layout = Layout {
        servers: vec![
            server("u-1", "bbb-01.example.org", &[]),
            server("u-2", "bbb-02.example.org", &[("url", "not a url")]),
            server("u-3", "bbb-03.example.org", &[("secret", "")]),
            server("u-4", "bbb-04.example.org", &[("tag", "a b")]),
            server("u-5", "bbb-05.example.org", &[]),
            server("u-6", "bbb-01.example.org", &[]),
        ],
        tenants: vec![
            tenant("t-1", "scoped", "one"),
            tenant("t-2", "a_b", "two"),
            tenant("t-3", "poor", ""),
            tenant("t-4", "thief", "secret-of-default"),
            tenant("t-5", "lrs", "five"),
            tenant("t-6", "twin", "five"),
        ],
        meetings: vec![
            meeting("m-1", "u-9", ""),
            meeting("m-2", "u-1", "t-1"),
            meeting("m-3", "u-1", ""),
        ],
        expired_meetings: BTreeSet::from(["old".to_owned()]),
    };
    let mut layout = layout;
    layout.tenants[4].fields.insert("lrs_endpoint".to_owned(), "https://lrs".to_owned());
    let mut here = here();
    here.tenants.push(known("scoped", false));
    here.nodes.push(KnownNode {
        name: "five".parse().unwrap(),
        origin: "https://bbb-05.example.org".parse().unwrap(),
        secrets: vec![Secret::new("another").unwrap()],
    });
    here.meetings.push(OpenMeeting {
        node_meeting_id: "m-3".to_owned(),
        tenant: "default".parse().unwrap(),
        node: "five".parse().unwrap(),
    });
    let plan = plan(&layout, &here, &options());
    insta::assert_snapshot!(reasons(&plan).join("\n"));
    assert_eq!(plan.meetings, []);
}

#[test]
fn what_is_here_already_is_not_taken_twice() {
    let layout = Layout {
        servers: vec![server("u-1", "bbb-01.example.org", &[])],
        tenants: vec![tenant("t-1", "bn", "one")],
        meetings: vec![meeting("m-1", "u-1", "t-1")],
        ..Layout::default()
    };
    let mut here = here();
    here.nodes.push(KnownNode {
        name: "first".parse().unwrap(),
        origin: "https://bbb-01.example.org".parse().unwrap(),
        secrets: vec![Secret::new("secret-of-bbb-01.example.org").unwrap()],
    });
    here.tenants.push(known("bn", true));
    here.meetings.push(OpenMeeting {
        node_meeting_id: "m-1".to_owned(),
        tenant: "bn".parse().unwrap(),
        node: "first".parse().unwrap(),
    });
    let plan = plan(&layout, &here, &options());
    assert_eq!(reasons(&plan), [""; 0]);
    assert!(!plan.is_new());
    assert_eq!(plan.nodes.first().unwrap().name.as_str(), "first");
}

#[test]
fn without_the_default_tenant_its_meetings_wait() {
    let layout = Layout {
        servers: vec![server("u-1", "bbb-01.example.org", &[])],
        meetings: vec![meeting("m-1", "u-1", "")],
        ..Layout::default()
    };
    let plan = plan(&layout, &Here::default(), &options());
    assert_eq!(plan.meetings, []);
    assert!(reasons(&plan).join("").contains("LOADBALANCER_SECRET"));
}

#[test]
fn the_operator_may_name_nodes() {
    let layout = Layout {
        servers: vec![
            server("u-1", "bbb-01.example.org", &[]),
            server("u-2", "bbb-02.example.org", &[]),
        ],
        ..Layout::default()
    };
    let mut options = options();
    options.names.insert("u-1".to_owned(), "berlin".parse().unwrap());
    options.names.insert("bbb-02.example.org".to_owned(), "bonn".parse().unwrap());
    let plan = plan(&layout, &here(), &options);
    let names: Vec<_> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["berlin", "bonn"]);
}

#[test]
fn a_multiplier_is_one_over_a_weight() {
    for (multiplier, wanted) in [
        ("1.0", 1.0),
        ("2", 0.5),
        ("0.25", 4.0),
        ("", 1.0),
        ("x", 1.0),
        ("0", 1.0),
        ("-3", 1.0),
        ("NaN", 1.0),
        ("1e9", 0.001),
    ] {
        assert!((weight(multiplier) - wanted).abs() < 1e-9, "{multiplier}");
    }
}
