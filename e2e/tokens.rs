//! Tokens with roles, and the audit log, through `bluegate` and over a restart.

use bluegate_testkit::http::Request;
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    admin::narrow,
    command_line::{bluegate, seen},
    tenants::Served,
};

/// Runs a command with this token in place of the file's.
fn with_token(served: &Served, token: &str, arguments: &[&str]) -> String {
    let file = served.folder.path().join("of-a-person");
    std::fs::write(&file, token).unwrap();
    let origin = format!("http://127.0.0.1:{}", served.admin);
    let asked = ["--admin", &origin, "--token-file", file.to_str().unwrap()];
    seen(&bluegate(&[arguments, &asked].concat()))
}

#[tokio::test]
async fn people_get_tokens_of_their_own_and_what_they_change_is_recorded() {
    let mut served = Served::start().await;
    let make = |served: &Served, name: &str, more: &[&str]| {
        let arguments = [&["token", "create", name, "--json"], more].concat();
        served.json(&arguments)["secret"].as_str().unwrap().to_owned()
    };
    let viewer = make(&served, "board", &["--role", "viewer"]);
    let tenant = make(&served, "head-of-a", &["--role", "tenant", "--tenant", "school-a"]);
    let made = seen(&served.run(&["token", "create", "deputy", "--role", "operator"]));
    let operator = made.split("shown this once: ").nth(1).unwrap().lines().next().unwrap();
    assert_snapshot!(made.replace(operator, "TOKEN"), @r"
    exit 0
    --- stdout
    made deputy
    the token, shown this once: TOKEN
    --- stderr
    ");
    let needs_one = served.run(&["token", "create", "x", "--role", "tenant"]);
    assert_eq!(needs_one.status.code(), Some(2), "{}", seen(&needs_one));

    assert!(
        served
            .answers("school-a.localhost", "secret-of-school-a", "create")
            .await
            .contains("SUCCESS")
    );
    let listed = with_token(&served, &viewer, &["tenant", "list"]);
    assert!(listed.starts_with("exit 0") && listed.contains("school-a"), "{listed}");
    assert_snapshot!(with_token(&served, &viewer, &["meeting", "end", "m-1"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: a token of the role `viewer` may not do this
    ");
    assert_snapshot!(with_token(&served, &tenant, &["cache", "show"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: a token of the role `tenant` may not do this
    ");
    assert_snapshot!(with_token(&served, &tenant, &["meeting", "end", "m-1"]), @r"
    exit 0
    --- stdout
    ended m-1 of school-a
    --- stderr
    ");

    // They are in the store, and so is what was done with them.
    served.restart().await;
    let names = served.json(&["token", "list", "--json"]);
    let names: Vec<&str> =
        names.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["board", "deputy", "head-of-a"]);
    assert_snapshot!(seen(&served.run(&["token", "revoke", "deputy"])), @r"
    exit 0
    --- stdout
    revoked deputy
    --- stderr
    ");
    assert_snapshot!(with_token(&served, operator, &["tenant", "list"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the admin listener refused the token: is the token file the one that the running `bluegate serve` has read?
    ");

    let log = served.json(&["audit", "--json"]);
    let line = |entry: &Value| {
        let part = |name: &str| entry[name].as_str().unwrap().to_owned();
        format!(
            "{} | {} | {} | {}",
            part("actor"),
            part("action"),
            part("subject"),
            part("outcome")
        )
    };
    let lines: Vec<String> = log["entries"].as_array().unwrap().iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r"
    token_file | DELETE /v1/tokens/{name} | deputy | done
    head-of-a | DELETE /v1/meetings/{tenant}/{meeting} | school-a/m-1 | done
    board | DELETE /v1/meetings/{tenant}/{meeting} | school-a/m-1 | forbidden
    token_file | POST /v1/tokens | deputy | done
    token_file | POST /v1/tokens | head-of-a | done
    token_file | POST /v1/tokens | board | done
    ");
    let shown = narrow(&seen(&served.run(&["audit", "--limit", "1"])));
    assert!(shown.contains("there are older ones: `--before 6`"), "{shown}");
    let store = ["bluegate.db", "bluegate.db-wal"].map(|name| served.folder.path().join(name));
    for secret in [&viewer, &tenant, operator] {
        let tail = secret.rsplit('_').next().unwrap();
        assert!(!log.to_string().contains(tail));
        for file in store.iter().filter(|file| file.exists()) {
            let kept = std::fs::read(file).unwrap();
            assert!(!kept.windows(tail.len()).any(|window| window == tail.as_bytes()));
        }
    }
    // A wrong token is nobody's, and is not recorded.
    let guess = Request::new("DELETE", "/v1/cache").header("Authorization", "Bearer guess");
    assert_eq!(guess.send(&format!("127.0.0.1:{}", served.admin)).await.unwrap().status, 401);
    let again = served.json(&["audit", "--json"]);
    assert_eq!(again["entries"].as_array().unwrap().len(), lines.len());
}
