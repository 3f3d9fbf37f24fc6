//! Edits of YAML, by tables and by properties.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn set(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    Ok(edit(text, &[(path.to_owned(), value.to_owned())], &[])?.unwrap())
}

#[test]
fn values_are_set_where_they_belong() {
    for (before, after) in [
        ("", "public:\n  app:\n    basename: '/x' # bluegate\n"),
        ("# ours\n", "# ours\npublic:\n  app:\n    basename: '/x' # bluegate\n"),
        (
            "public:\n    app:\n        # why\n        basename: /html5client\n        other: 1\n",
            "public:\n    app:\n        # why\n        basename: '/x' # bluegate\n        other: 1\n",
        ),
        (
            "public:\n  app:\n    basename: \"/a # b\" # of old\n",
            "public:\n  app:\n    basename: \"/x\" # of old # bluegate\n",
        ),
        (
            "public:\n  app:\n    a: |\n      basename: no\n\n      more\n    list:\n    - basename: no\n    b: 1\n\n# end\n",
            "public:\n  app:\n    a: |\n      basename: no\n\n      more\n    list:\n    - basename: no\n    b: 1\n    basename: '/x' # bluegate\n\n# end\n",
        ),
        (
            "public:\n  media:\n    x: 1\nprivate:\n  y: 2",
            "public:\n  media:\n    x: 1\n  app:\n    basename: '/x' # bluegate\nprivate:\n  y: 2",
        ),
        ("private:\n  y: 2", "private:\n  y: 2\npublic:\n  app:\n    basename: '/x' # bluegate\n"),
        ("public:\n", "public:\n  app:\n    basename: '/x' # bluegate\n"),
        ("public: {} # empty\n", "public:  # empty\n  app:\n    basename: '/x' # bluegate\n"),
        (
            "---\r\npublic:\r\n  app:\r\n    basename:\r\n",
            "---\r\npublic:\r\n  app:\r\n    basename: '/x' # bluegate\r\n",
        ),
        (
            "\"public\":\n  'app':\n    basename: 'it''s' \n",
            "\"public\":\n  'app':\n    basename: '/x' # bluegate\n",
        ),
        ("public:\n  app:\n    basename: /x\n", "public:\n  app:\n    basename: /x # bluegate\n"),
        (
            "a: &x\n  b: 1\nc: *x\npublic:\n  app: {}\n",
            "a: &x\n  b: 1\nc: *x\npublic:\n  app: \n    basename: '/x' # bluegate\n",
        ),
    ] {
        let once = set(before, "public.app.basename", "/x")
            .unwrap_or_else(|error| panic!("{before}: {error}"));
        assert_eq!(once, after, "{before}");
        assert_eq!(set(&once, "public.app.basename", "/x").unwrap(), once);
        assert!(has_mark(&once));
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    for (text, line) in [
        ("public: { app: { basename: /y } }\n", 1),
        ("a: 1\npublic: &x\n  app: *x\n", 3),
        ("public:\n  app:\n    basename:\n      nested: 1\n", 3),
        ("public:\n  app:\n    basename: |\n      text\n", 3),
        ("public:\n  app:\n    - a\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("{ a: 1 }\n", 1),
        ("a:\n\tb: 1\n", 2),
        ("a: 'x\n", 1),
        ("a: 1\na: 2\n", 2),
    ] {
        let error = set(text, "public.app.basename", "/x").unwrap_err();
        let at = match &error {
            EditError::Syntax { line, .. } | EditError::Unsupported { line, .. } => *line,
            _ => 0,
        };
        assert_eq!(at, line, "{text:?}: {error}");
    }
    // What a merge key brings is not seen by the scan, but by the parser: a new
    // `app` would hide the other one.
    let merged = "a: &x\n  app:\n    basename: /y\n    other: 1\npublic:\n  <<: *x\n";
    assert!(set(merged, "public.app.basename", "/x").is_err());
}

#[test]
fn lines_of_ours_go_when_they_are_not_wanted_and_foreign_ones_stay() {
    let text = "public:\n  app:\n    basename: '/x' # bluegate\n    other: 1\n  media:\n    url: 'y' # bluegate\n# end\n";
    let left = edit(text, &[], &[]).unwrap().unwrap();
    assert_eq!(left, "public:\n  app:\n    other: 1\n# end\n");
    assert_eq!(edit(&left, &[], &[]).unwrap().unwrap(), left);
    assert_eq!(edit("a:\n  b: 'x' # bluegate\n", &[], &[]).unwrap(), None);
    assert_eq!(edit("", &[], &[]).unwrap().as_deref(), Some(""));
    let stale = ["note.url".to_owned()];
    assert_eq!(edit("note:\n  url: x\nb: 1\n", &[], &stale).unwrap().as_deref(), Some("b: 1\n"));
}

#[test]
fn everything_said_is_listed_by_path() {
    let items = items("a:\n  b: 1\n  c: [x]\nd: 'y'\n").unwrap();
    let wanted = [("a.b", json!(1)), ("a.c", json!(["x"])), ("d", json!("y"))];
    assert_eq!(items, wanted.map(|(key, value)| (key.to_owned(), value)).into());
}

/// Random block YAML as people write it, with its data left to the parser.
fn any_yaml() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("yes # really".to_owned()),
        Just("'it''s # no'   # comment".to_owned()),
        Just("\"a \\\" b: c\"".to_owned()),
        Just("{ x: 1, y: [a, \"b # c\"] }".to_owned()),
        Just("https://x.example/y#z".to_owned()),
        Just(String::new()),
        "[a-z][a-z ./]{0,8}".prop_map(|text| text.trim().to_owned()),
    ];
    let leaf = prop_oneof![
        leaf.prop_map(|value| vec![format!(" {value}")]),
        Just(vec![
            " |".to_owned(),
            "  text: a".to_owned(),
            String::new(),
            "  # no comment".to_owned()
        ]),
        Just(vec![" >-".to_owned(), "  folded".to_owned()]),
        Just(vec![String::new(), "- a: 1".to_owned(), "  b: 2".to_owned(), "- c".to_owned()]),
        Just(vec![" # why".to_owned(), "  - x".to_owned()]),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let noise = prop_oneof![
            4 => Just(None),
            1 => Just(Some(String::new())),
            1 => Just(Some("# a: comment".to_owned())),
        ];
        (
            proptest::collection::btree_map("public|app|basename|[a-f]", (inner, noise), 0..5),
            1..4_usize,
        )
            .prop_map(|(members, step)| {
                let mut lines = vec![String::new()];
                for (key, (value, noise)) in members {
                    let indent = " ".repeat(step);
                    lines.extend(noise.map(|noise| format!("{indent}{noise}")));
                    let mut value = value.into_iter();
                    lines.push(format!("{indent}{key}:{}", value.next().unwrap_or_default()));
                    lines.extend(value.map(|line| format!("{indent}{line}")));
                }
                lines
            })
    })
    .prop_map(|lines| {
        let lines: Vec<&str> = lines.iter().skip(1).map(String::as_str).collect();
        let step = lines
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or(0);
        lines.iter().map(|line| format!("{}\n", line.get(step..).unwrap_or_default())).collect()
    })
}

proptest! {
    #[test]
    fn an_edit_changes_only_the_lines_it_needs(text in any_yaml(), crlf: bool) {
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        if let Ok(once) = set(&text, "public.app.basename", "/x") {
            // Every line that was there is there still, in order, but one.
            let after: Vec<&str> = once.lines().collect();
            let (mut at, mut lost) = (0, 0);
            for line in text.lines() {
                match after[at..].iter().position(|kept| *kept == line) {
                    Some(found) => at += found + 1,
                    None => lost += 1,
                }
            }
            prop_assert!(lost <= 1, "{}\n->\n{}", text, once);
            prop_assert_eq!(set(&once, "public.app.basename", "/x").unwrap(), once.clone());
            prop_assert_eq!(&items(&once).unwrap()["public.app.basename"], &json!("/x"));
            // Taken back, it says what it said, but for what was replaced.
            let mut gone = edit(&once, &[], &[]).unwrap().map_or_else(Default::default, |text| items(&text).unwrap());
            let mut said = items(&text).unwrap();
            for map in [&mut gone, &mut said] {
                map.retain(|key, value| !value.is_null() && key != "public.app.basename" && !value.as_object().is_some_and(serde_json::Map::is_empty));
            }
            prop_assert_eq!(gone, said);
        }
    }

    #[test]
    fn no_input_panics(text in "(\\PC|[ :#'\"\\-|>&*{}]|\r?\n|a: |  ){0,80}") {
        drop(set(&text, "public.app.basename", "/x"));
        drop(edit(&text, &[], &["a".to_owned()]));
    }
}
