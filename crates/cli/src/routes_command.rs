//! `bluegate routes list|add|change|remove`: what a running `bluegate serve`
//! relays.

use bluegate_admin::{RouteChange, RouteEntry, RouteSource, RouteSpec, RoutesReport};

use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    arguments::RoutesCommand,
    exit::Exit,
    table::table,
};

pub(crate) fn run(command: RoutesCommand) -> Outcome {
    match command {
        RoutesCommand::List { json, admin } => {
            let report = ask(&admin, async |client| client.routes().await)?;
            print_answer(&report, json, listed)?;
        }
        RoutesCommand::Add { mount, origin, address, bbb, json, admin } => {
            let spec = RouteSpec {
                mount: mount.to_string(),
                origin: origin.to_string(),
                address: address.map(|address| address.to_string()),
                bbb: bbb.map(|bbb| bbb.to_string()),
            };
            done("added", &ask(&admin, async |client| client.add_route(&spec).await)?, json)?;
        }
        RoutesCommand::Change { mount, origin, address, no_address, bbb, no_bbb, json, admin } => {
            let change = RouteChange {
                origin: origin.map(|origin| origin.to_string()),
                address: given(address, no_address),
                bbb: given(bbb, no_bbb),
            };
            let changed = ask(&admin, async |client| client.change_route(&mount, &change).await)?;
            done("changed", &changed, json)?;
        }
        RoutesCommand::Remove { mount, json, admin } => {
            let gone = ask(&admin, async |client| client.remove_route(&mount).await)?;
            done("removed", &gone, json)?;
        }
    }
    Ok(Exit::Done)
}

/// A new value, none from now on, or no change.
fn given(value: Option<impl ToString>, none: bool) -> Option<Option<String>> {
    match (value, none) {
        (Some(value), _) => Some(Some(value.to_string())),
        (None, true) => Some(None),
        (None, false) => None,
    }
}

fn done(what: &str, route: &RouteEntry, json: bool) -> Result<(), anyhow::Error> {
    print_answer(route, json, |route| {
        let at = route.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
        format!("{what} {}: {}{at}\n", route.mount, route.origin)
    })
}

fn listed(report: &RoutesReport) -> String {
    let rows: Vec<[String; 6]> = report
        .routes
        .iter()
        .map(|route| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let source = match route.source {
                RouteSource::File => "file",
                RouteSource::Api => "api",
            };
            [
                route.mount.clone(),
                route.origin.clone(),
                text(&route.address),
                text(&route.bbb),
                source.to_owned(),
                text(&route.state),
            ]
        })
        .collect();
    let head = ["MOUNT", "NODE", "ADDRESS", "BBB", "SOURCE", "STATE"];
    let mut text = format!("{}\n\n{}", report.origin, table(head, &rows));
    for held_back in &report.held_back {
        text.push_str(&format!("\nheld back: {}: {}\n", held_back.mount, held_back.reason));
    }
    text
}

#[cfg(test)]
mod tests {
    use bluegate_admin::HeldBackEntry;
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn routes_for_people() {
        let entry = |mount: &str, address: Option<&str>| RouteEntry {
            mount: mount.to_owned(),
            origin: format!("https://{mount}.example.org"),
            address: address.map(str::to_owned),
            bbb: address.map(|_| "3.0.28".to_owned()),
            source: if address.is_some() { RouteSource::File } else { RouteSource::Api },
            state: address.map(|_| "suspect".to_owned()),
        };
        let mut routes = RoutesReport {
            origin: "https://bbb.example.org".to_owned(),
            routes: vec![entry("bbb-01", Some("10.0.0.11:443")), entry("b2", None)],
            held_back: Vec::new(),
        };
        assert_snapshot!(listed(&routes), @r"
        https://bbb.example.org

        MOUNT   NODE                        ADDRESS        BBB     SOURCE  STATE
        bbb-01  https://bbb-01.example.org  10.0.0.11:443  3.0.28  file    suspect
        b2      https://b2.example.org      -              -       api     -
        ");
        routes.routes.clear();
        routes.held_back.push(HeldBackEntry {
            mount: "bbb-01".to_owned(),
            code: "in_file".to_owned(),
            reason: "it is in the file too".to_owned(),
        });
        assert_snapshot!(listed(&routes), @r"
        https://bbb.example.org

        MOUNT  NODE  ADDRESS  BBB  SOURCE  STATE

        held back: bbb-01: it is in the file too
        ");
    }
}
