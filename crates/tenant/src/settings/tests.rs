use super::*;

fn form(json: &str) -> Form {
    serde_json::from_str(json).unwrap()
}

const FULL: &str = r#"{
    "enabled": false,
    "hosts": ["school-a.example.org"],
    "limits": {
        "meetings": {"soft": 8, "hard": 10}, "users": 200, "requests": {"soft": 50}
    },
    "create": {
        "disabledFeatures": {"append": ["chat", "polls"]},
        "duration": {"default": "60", "at_most": 120},
        "record": {"set": "false"}
    },
    "join": {"userdata-bbb_skip_check_audio": {"default": "true"}, "avatarURL": {"remove": true}},
    "presentation": {"url": "https://example.org/p", "name": "p.pdf"},
    "logo": "https://example.org/l.png",
    "welcome": "Hello",
    "tags": {"required": ["gpu"], "avoided": ["old"]}
}"#;

#[test]
fn settings_come_back_from_their_text() {
    for text in [FULL, "{}"] {
        let settings = Settings::try_from(form(text)).unwrap();
        let written = serde_json::to_string(&Form::from(&settings)).unwrap();
        assert_eq!(Settings::try_from(form(&written)), Ok(settings), "{written}");
    }
    assert_eq!(Settings::try_from(form("{}")).unwrap(), Settings::default());
    let empty = serde_json::to_string(&Form::default()).unwrap();
    assert_eq!(empty, r#"{"enabled":true}"#);
}

#[test]
fn texts_may_be_written_the_short_way() {
    let short = r#"{
        "create": {"record": {"set": false}, "duration": {"set": 5}, "a": {"append": "x"}},
        "presentation": "https://example.org/p.pdf"
    }"#;
    let long = r#"{
        "create": {
            "record": {"set": "false"}, "duration": {"set": "5"}, "a": {"append": ["x"]}
        },
        "presentation": "https://example.org/p.pdf"
    }"#;
    assert_eq!(Settings::try_from(form(short)), Settings::try_from(form(long)));
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let wrong = form(
        r#"{
        "hosts": ["https://a.org", "a.org", "A.org"],
        "limits": {"meetings": 0, "users": {"soft": 5, "hard": 4}},
        "create": {
            "meetingID": {"set": "x"}, "record": {}, "duration": {"at_most": 9999999999},
            "welcome": {"set": "x", "remove": true}, "meta_a": {"remove": true},
            "meta_A": {"remove": true}
        },
        "join": {"role": {"append": "a,b"}},
        "presentation": "https://example.org/p",
        "logo": "logo.png",
        "tags": {"required": ["G;U", "x"], "avoided": ["x"]}
    }"#,
    );
    let problems: Vec<String> =
        Settings::try_from(wrong).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "`hosts`: `https://a.org` is not a host name such as `school-a.example.org`, without \
             scheme, port and path",
            "`hosts`: `a.org` is there twice",
            "`limits.meetings`: a limit is at least 1; `enabled = false` keeps a tenant from new \
             meetings",
            "`limits.users`: the soft limit 5 is above the hard one, 4",
            "`create.duration`: `at_most` is a whole number of at least 1",
            "`create.meetingID`: `meetingID` is not a tenant's to rule: it says which meeting is \
             meant, or who asks",
            "`create.record`: give one of `set`, `default`, `at_most`, `append`, `remove`",
            "`create.welcome`: `set` stands alone: nothing is left for the others to do",
            "`create.meta_a`: another rule is about the same parameter: BBB folds the letter case \
             of metadata",
            "`join.role`: `append` takes items without comma, blanks around them or control \
             characters, and at least one",
            "`presentation`: `p` has no ending such as `.pdf`, by which nodes tell what it is: \
             give `name`",
            "`logo`: `logo.png` is not an address such as `https://a.org/logo.png`",
            "`tags.required`: `G;U` is not a tag: letters, digits and `-._=`, 1 to 64 characters, and \
             not `none`",
            "`tags.avoided`: `x` is wanted and avoided",
        ]
    );
}

#[test]
fn a_meeting_gets_logo_and_welcome_and_no_more_seats_than_the_tenant_has() {
    let settings = Settings::try_from(form(FULL)).unwrap();
    let shaped = |query: &str| {
        let mut parameters = Parameters::of_query(query);
        settings.shape_create(&mut parameters);
        parameters.query.to_string()
    };
    assert_eq!(
        shaped("name=x"),
        "name=x&disabledFeatures=chat%2Cpolls&duration=60&record=false\
         &logo=https%3A%2F%2Fexample.org%2Fl.png&welcome=Hello&maxParticipants=200"
    );
    let own =
        "record=false&duration=5&disabledFeatures=chat,polls&logo=x&welcome=y&maxParticipants=30";
    assert_eq!(shaped(own), own);
}
