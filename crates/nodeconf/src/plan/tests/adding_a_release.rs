//! A new release line is a new file and a new fixture, and no code.

use super::*;
use crate::{
    plan::build::plan_by,
    profile::{Profiles, texts},
};

/// As it would lie in `profiles/5.0.toml`.
const TEXT: &str = r#"
from = "5.0.0-alpha.1"
before = "6.0.0-alpha.1"
inherits = "static"

[[file]]
path = "/etc/bigbluebutton/bbb-web.properties"
format = "properties"
owner = "root:bigbluebutton"
mode = "0640"
restart = ["bbb-web"]

[[file.entry]]
key = "graphqlApiUrl"
value = "{node_origin}/api/v2"
why = "the client of 5.0 reads its settings there"
source = "a release that is only a test"
verified_on = ["5.0.1"]

[[file.entry]]
key = "pageOrigin"
value = "{proxy_origin}"
from = "5.0.2"
why = "needed since 5.0.2"
source = "a release that is only a test"
verified_on = []
"#;

#[test]
fn a_release_is_added_as_data() {
    let release = |number: &str| {
        let text = format!("BIGBLUEBUTTON_RELEASE={number}\n");
        holding(&fixture("4.0-stock"), crate::detect::RELEASE_FILE, text.as_bytes())
    };
    let cluster: Origin = CLUSTER.parse().unwrap();
    let planned = |profiles: &Profiles, host: &Snapshot| {
        let detected = detect(host, None).unwrap();
        plan_by(profiles, host, &detected, &cluster, &node(true), &Options::default())
    };
    let unknown = planned(Profiles::built_in(), &release("5.0.1")).unwrap_err();
    assert!(matches!(unknown, PlanError::Profile(_)), "{unknown}");

    let profiles = Profiles::of(&[texts(), &[("5.0", TEXT)]].concat());
    let written = |number: &str| {
        let host = release(number);
        let plan = planned(&profiles, &host).unwrap();
        assert_eq!(plan.profile, "5.0");
        let host = host.after(&plan);
        assert!(planned(&profiles, &host).unwrap().is_empty(), "{number}");
        let file = &host.files["/etc/bigbluebutton/bbb-web.properties"];
        String::from_utf8(file.bytes.clone()).unwrap()
    };
    let text = written("5.0.1");
    assert!(text.contains("graphqlApiUrl=https://bbb-01.example.org/api/v2\n"), "{text}");
    assert!(text.contains("defaultHTML5ClientUrl="), "inherited: {text}");
    assert!(!text.contains("pageOrigin"), "{text}");
    assert!(written("5.0.3").contains("pageOrigin=https://bbb.example.org\n"));
    // The lines that were there are as they were.
    assert_eq!(planned(&profiles, &fixture("4.0-stock")).unwrap().profile, "4.0");
}
