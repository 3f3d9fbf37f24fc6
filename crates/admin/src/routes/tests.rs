use std::{path::PathBuf, sync::Arc};

use bluegate_cluster::{AllowedHosts, Mount, Node};
use insta::assert_snapshot;

use super::{edit::Edit, *};

fn node(name: &str, origin: &str, address: Option<&str>) -> Node {
    let optional = |text: Option<&str>| text.map(str::to_owned);
    let spec = RouteSpec {
        mount: name.to_owned(),
        origin: origin.to_owned(),
        address: optional(address),
        bbb: None,
    };
    spec.node().unwrap()
}

/// `bbb-01` in the file; below example.org and in 10.0.0.0/8 may be added.
fn given() -> Given {
    let allow = ["*.example.org", "10.0.0.0/8"].map(|text| text.parse().unwrap());
    Given {
        origin: "https://bbb.example.org".parse().unwrap(),
        nodes: vec![node("bbb-01", "https://bbb-01.example.org", None)],
        allow: AllowedHosts::new(allow.into()),
    }
}

struct Kept {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    Kept { path: folder.path().join("state/routes.json"), _folder: folder }
}

impl Kept {
    fn open(&self, given: Given) -> Result<Arc<RouteBook>, BookError> {
        RouteBook::open(given, Some(self.path.clone()))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    fn named(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.path.display().to_string(), "ROUTES")
    }
}

fn mounts(book: &RouteBook) -> Vec<String> {
    book.follow().borrow().nodes().map(|node| node.name.to_string()).collect()
}

fn mount(name: &str) -> Mount {
    name.parse().unwrap()
}

#[test]
fn what_is_added_is_followed_at_once_and_survives_a_restart() {
    let kept = kept();
    let book = kept.open(given()).unwrap();
    let follower = book.follow();
    let new = node("bbb-02", "https://bbb-02.example.org", Some("10.0.0.12:443"));
    book.edit(Edit::Add(new), None).unwrap();
    assert!(follower.has_changed().unwrap());
    assert_eq!(mounts(&book), ["bbb-01", "bbb-02"]);
    assert_snapshot!(kept.text(), @r#"
    {
      "version": 1,
      "nodes": [
        {
          "mount": "bbb-02",
          "origin": "https://bbb-02.example.org",
          "address": "10.0.0.12:443"
        }
      ]
    }
    "#);

    let again = kept.open(given()).unwrap();
    assert_eq!(again.report(), book.report());
    let change: RouteChange = serde_json::from_str(r#"{"address":null,"bbb":"3.0"}"#).unwrap();
    let edited = again.edit(Edit::Change(mount("bbb-02"), change), None).unwrap();
    assert_eq!((edited.route.address, edited.route.bbb.as_deref()), (None, Some("3.0")));
    again.edit(Edit::Remove(mount("bbb-02")), None).unwrap();
    assert_eq!(mounts(&kept.open(given()).unwrap()), ["bbb-01"]);
}

#[test]
fn what_may_not_be_is_refused_and_changes_nothing() {
    let kept = kept();
    let book = kept.open(given()).unwrap();
    book.edit(Edit::Add(node("bbb-02", "https://bbb-02.example.org", None)), None).unwrap();
    let before = (book.report(), kept.text());
    let address =
        |text: &str| RouteChange { address: Some(Some(text.to_owned())), ..Default::default() };
    let edits = [
        Edit::Add(node("bbb-01", "https://x.example.org", None)),
        Edit::Add(node("bbb-02", "https://x.example.org", None)),
        Edit::Add(node("bbb-03", "https://bbb-01.example.org", None)),
        Edit::Add(node("bbb-03", "https://bbb-02.example.org", None)),
        Edit::Add(node("bbb-03", "https://bbb.example.org", None)),
        Edit::Add(node("bbb-03", "https://bbb-03.example.net", None)),
        Edit::Add(node("bbb-03", "https://bbb-03.example.org", Some("127.0.0.1:443"))),
        Edit::Add(node("bbb-03", "https://169.254.169.254", Some("10.0.0.1:443"))),
        Edit::Change(mount("bbb-01"), address("10.0.0.1:443")),
        Edit::Change(mount("bbb-02"), address("192.0.2.1:443")),
        Edit::Change(mount("bbb-02"), address("nonsense")),
        Edit::Change(mount("bbb-09"), address("10.0.0.1:443")),
        Edit::Remove(mount("bbb-01")),
        Edit::Remove(mount("bbb-09")),
    ];
    let refused: Vec<String> = edits
        .into_iter()
        .map(|edit| {
            let error = book.edit(edit, None).map(|_| ()).unwrap_err();
            let (status, code) = error.parts();
            format!("{} {code}: {error}", status.as_u16())
        })
        .collect();
    assert_snapshot!(refused.join("\n"), @r"
    409 in_file: `bbb-01` is in the configuration file too: take it out of one of the two
    409 name_taken: `bbb-02` was added before: change or remove it
    409 origin_taken: `https://bbb-01.example.org` is already the origin of `bbb-01`
    409 origin_taken: `https://bbb-02.example.org` is already the origin of `bbb-02`
    409 own_origin: `https://bbb.example.org` is the cluster's origin: a node needs one of its own
    403 not_allowed: `bbb-03.example.net` is not among `[proxy] allow_nodes`, which bounds what may be added
    403 not_allowed: `127.0.0.1` is not among `[proxy] allow_nodes`, which bounds what may be added
    403 not_allowed: `169.254.169.254` is not among `[proxy] allow_nodes`, which bounds what may be added
    409 in_file: `bbb-01` is in the configuration file: change it there and reload
    403 not_allowed: `192.0.2.1` is not among `[proxy] allow_nodes`, which bounds what may be added
    400 bad_body: the request's body is not understood: `address`: `nonsense` is not `host:port`, such as `10.0.0.11:443` or `[2001:db8::1]:443`
    404 unknown_route: no node is mounted at `bbb-09`
    409 in_file: `bbb-01` is in the configuration file: change it there and reload
    404 unknown_route: no node is mounted at `bbb-09`
    ");
    assert_eq!((book.report(), kept.text()), before);

    // Unless said otherwise, nothing may be added at all.
    let closed = Given { allow: AllowedHosts::default(), ..given() };
    let book = RouteBook::open(closed, Some(kept.path.with_extension("other"))).unwrap();
    let add = Edit::Add(node("bbb-02", "https://bbb-02.example.org", None));
    assert!(matches!(book.edit(add, None), Err(EditError::Refused(HeldBack::NotAllowed { .. }))));
}

#[test]
fn at_a_start_the_file_wins_and_a_reload_or_check_is_refused() {
    let kept = kept();
    let book = kept.open(given()).unwrap();
    for name in ["bbb-02", "bbb-03"] {
        let new = node(name, &format!("https://{name}.example.org"), None);
        book.edit(Edit::Add(new), None).unwrap();
    }
    let mut both = given();
    both.nodes.push(node("bbb-02", "https://elsewhere.example.org", None));

    let refused = book.reload(both.clone()).unwrap_err();
    assert_snapshot!(kept.named(&refused), @"the node `bbb-02` in the routes file `ROUTES` cannot be used: `bbb-02` is in the configuration file too: take it out of one of the two");
    assert_eq!(mounts(&book), ["bbb-01", "bbb-02", "bbb-03"], "the old ones stay in force");
    assert!(RouteBook::check(&both, Some(&kept.path)).is_err());
    let narrower = Given { allow: AllowedHosts::default(), ..given() };
    assert!(matches!(book.reload(narrower.clone()), Err(BookError::HeldBack { .. })));

    let started = kept.open(both).unwrap();
    assert_eq!(mounts(&started), ["bbb-01", "bbb-02", "bbb-03"]);
    let origin = started.follow().borrow().get("bbb-02").unwrap().origin.to_string();
    assert_eq!(origin, "https://elsewhere.example.org");
    assert_eq!(started.held_back(), [(mount("bbb-02"), HeldBack::InFile(mount("bbb-02")))]);
    assert_eq!(started.report().held_back[0].code, "in_file");
    // It can be taken away there, and then all is well.
    started.edit(Edit::Remove(mount("bbb-02")), None).unwrap();
    assert_eq!(started.held_back(), []);

    let started = kept.open(narrower).unwrap();
    assert_eq!(mounts(&started), ["bbb-01"], "what may no longer be added is not relayed to");
    book.reload(given()).unwrap();
    assert_eq!(mounts(&book), ["bbb-01", "bbb-03"]);
}

#[test]
fn a_damaged_file_is_named_and_never_overwritten() {
    let kept = kept();
    let book = kept.open(given()).unwrap();
    let add = || Edit::Add(node("bbb-02", "https://bbb-02.example.org", None));
    book.edit(add(), None).unwrap();
    let whole = kept.text();
    let twice =
        whole.replace("\n    }\n", "\n    },{\"mount\":\"bbb-02\",\"origin\":\"https://b.org\"}\n");
    let damaged = [
        String::new(),
        whole.split_at(whole.len() / 2).0.to_owned(),
        whole.replace("https:", ""),
        whole.replace("origin", "orgin"),
        whole.replace("\"version\": 1", "\"version\": 2"),
        twice,
    ];
    for text in &damaged {
        std::fs::write(&kept.path, text).unwrap();
        let error = kept.named(&kept.open(given()).unwrap_err());
        assert!(error.starts_with("the routes file `ROUTES` is "), "{error}");
        assert!(book.reload(given()).is_err(), "{text}");
        let error = book.edit(Edit::Remove(mount("bbb-02")), None).map(|_| ()).unwrap_err();
        assert_eq!(error.parts().1, "routes_file");
        assert_eq!(kept.text(), *text);
    }
    assert_eq!(mounts(&book), ["bbb-01", "bbb-02"], "what is in force stays");
    let permissions = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&kept.path).unwrap().permissions(),
    );
    assert_eq!(permissions & 0o777, 0o600);
}

#[test]
fn a_change_can_be_bound_to_what_was_seen() {
    let kept = kept();
    let book = kept.open(given()).unwrap();
    let seen = book.report().etag();
    let add = |name: &str| Edit::Add(node(name, &format!("https://{name}.example.org"), None));
    book.edit(add("bbb-02"), Some(&format!("\"other\", {seen}"))).unwrap();
    let late = book.edit(add("bbb-03"), Some(&seen)).map(|_| ()).unwrap_err();
    assert!(matches!(late, EditError::Changed));
    assert_eq!(book.report().etag(), kept.open(given()).unwrap().report().etag());
    book.edit(add("bbb-03"), Some("*")).unwrap();
}
