//! `bluegate cache show|purge`, and how any command asks the admin API of a
//! running `bluegate serve`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use anstream::{print, println};
use anyhow::{Context as _, anyhow};
use bluegate_admin::{
    CacheReport,
    client::{Client, ClientError, pinned},
};
use bluegate_cluster::{Mount, Origin, Scheme, Secret};
use bluegate_config::Tls;
use serde::Serialize;

use crate::{
    Outcome,
    arguments::{AdminOptions, CacheCommand},
    config_command,
    exit::{Exit, UsageError},
    runtime,
    serve::secrets,
    table::{bytes, facts, table},
};

pub(crate) fn cache(command: CacheCommand) -> Outcome {
    match command {
        CacheCommand::Show { mount, json, admin } => {
            let mut report = ask(&admin, async |client| client.cache().await)?;
            if let Some(mount) = &mount {
                report.mounts.retain(|name, _| name == mount.as_str());
            }
            print_answer(&report, json, show_cache)?;
        }
        CacheCommand::Purge { mount, json, admin } => {
            let purged = ask(&admin, async |client| client.purge(mount.as_ref()).await)?;
            print_answer(&purged, json, |purged| {
                let of = mount.as_ref().map_or("every mount".to_owned(), Mount::to_string);
                let plural = if purged.removed == 1 { "" } else { "s" };
                format!("purged {of}: {} answer{plural} removed\n", purged.removed)
            })?;
        }
    }
    Ok(Exit::Done)
}

/// Asks the listener that the options or the file name.
pub(crate) fn ask<T>(
    options: &AdminOptions,
    question: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<T, anyhow::Error> {
    let client = match (&options.admin, &options.token_file) {
        (Some(origin), Some(token_file)) => client_at(origin.clone(), token_file)?,
        _ => client_of(&options.config)?,
    };
    let runtime = runtime::small()?;
    runtime.block_on(question(&client)).map_err(explain)
}

/// The listener at `origin`, trusted as the system trusts.
fn client_at(origin: Origin, token_file: &Path) -> Result<Client, anyhow::Error> {
    let tls = match origin.scheme() {
        Scheme::Https => Some(bluegate_net::tls::client_config(None)?),
        Scheme::Http if is_this_machine(origin.host()) => None,
        Scheme::Http => {
            let message = format!("`{origin}` would get the token in the clear: use https");
            return Err(UsageError(message).into());
        }
    };
    Ok(Client::new(origin, &token(token_file)?, tls)?)
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The listener of a configuration file, on this machine.
fn client_of(path: &Path) -> Result<Client, anyhow::Error> {
    let config = config_command::load(path)?;
    let admin = config.admin.ok_or_else(|| {
        let message = format!("`{}` has no `[admin]`: there is nothing to ask", path.display());
        UsageError(message)
    })?;
    let listen = admin.listen.first().expect("validated: at least one address");
    let (scheme, tls) = match &admin.tls {
        Tls::Files { cert, .. } => {
            let pem = std::fs::read(cert).with_context(|| {
                UsageError(format!("cannot read the certificate `{}`", cert.display()))
            })?;
            let tls = pinned(&pem).with_context(|| format!("certificate `{}`", cert.display()))?;
            (Scheme::Https, Some(tls))
        }
        _ => (Scheme::Http, None),
    };
    let address = reachable(*listen);
    let host = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let origin = Origin::new(scheme, &host, Some(address.port()))?;
    Ok(Client::new(origin, &token(&admin.token_file)?, tls)?)
}

/// Where to connect to reach a listener of this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

fn token(path: &Path) -> Result<Secret, anyhow::Error> {
    let mut tokens = secrets::read(path)?;
    Ok(tokens.swap_remove(0))
}

/// Says what to look at next, and whose it is to mend.
fn explain(error: ClientError) -> anyhow::Error {
    match &error {
        ClientError::Connect { place, .. } => {
            let hint = format!(
                "no admin listener at `{place}`: is `[admin]` in the file and `bluegate serve` running?"
            );
            anyhow!(error).context(hint)
        }
        ClientError::Refused { detail, .. } => match detail.code.as_str() {
            "unauthorized" => anyhow!(UsageError(
                "the admin listener refused the token: is the token file the one that the running \
                 `bluegate serve` has read?"
                    .to_owned()
            )),
            "not_allowed" => anyhow!(UsageError(format!(
                "{}: widen it in the file of the running `bluegate serve` and send it SIGHUP",
                detail.message
            ))),
            "forbidden" => anyhow!(UsageError(detail.message.clone())),
            "has_meetings" => anyhow!(UsageError(format!("{}: `--force` insists", detail.message))),
            "bad_query" | "bad_body" | "unknown_mount" | "unknown_route" | "unknown_node"
            | "unknown_meeting" | "unknown_recording" | "unknown_tenant" | "unknown_callback"
            | "tenant_clash" | "no_scaler" | "no_tenants" | "no_callbacks" | "no_store"
            | "unknown_token" | "name_taken" | "in_file" | "origin_taken" | "own_origin"
            | "too_many" => {
                anyhow!(UsageError(detail.message.clone()))
            }
            _ => error.into(),
        },
        _ => error.into(),
    }
}

/// Prints an answer: as JSON, or as people read it.
pub(crate) fn print_answer<T: Serialize>(
    answer: &T,
    json: bool,
    text: impl FnOnce(&T) -> String,
) -> Result<(), anyhow::Error> {
    if json {
        return print_json(answer);
    }
    print!("{}", text(answer));
    Ok(())
}

/// The only one of those that were found by an ID, `what` with it, which several tenants
/// may have; `nothing` says that there is none.
pub(crate) fn only<'a, T>(
    found: &'a [T],
    what: &str,
    nothing: &str,
    tenant: impl Fn(&T) -> &str,
) -> Result<&'a T, UsageError> {
    match found {
        [one] => Ok(one),
        [] => Err(UsageError(nothing.to_owned())),
        many => {
            let tenants: Vec<&str> = many.iter().map(tenant).collect();
            Err(UsageError(format!(
                "several tenants have a {what}: say `--tenant` with one of {}",
                tenants.join(", ")
            )))
        }
    }
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<(), anyhow::Error> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

fn show_cache(report: &CacheReport) -> String {
    let answers: Vec<String> =
        report.answers.iter().map(|(result, count)| format!("{count} {result}")).collect();
    let mut lines = vec![
        ("memory", format!("{} of {}", bytes(report.bytes), bytes(report.memory))),
        ("contents", format!("{}, {} evicted so far", report.contents, report.evicted)),
        ("answers", answers.join(", ")),
        ("fetches", format!("{}, by the cache itself", report.fetches)),
        ("deltas", report.deltas.to_string()),
        ("saved", format!("{} not sent, by packing and deltas", bytes(report.packed_away))),
    ];
    if let Some(disk) = &report.disk {
        let (held, limit) = (bytes(disk.bytes), bytes(disk.limit));
        let trouble = if disk.paused { "; it cannot be written, see the log" } else { "" };
        let (files, recalled) = (disk.files, disk.recalled);
        let told = format!("{held} of {limit} in {files} files, {recalled} read back{trouble}");
        lines.push(("disk", told));
    }
    let rows: Vec<[String; 3]> = report
        .mounts
        .iter()
        .map(|(mount, part)| [mount.clone(), part.entries.to_string(), bytes(part.bytes)])
        .collect();
    let mut text = facts(&lines);
    text.push('\n');
    text.push_str(&table(["MOUNT", "FILES", "SIZE"], &rows));
    text
}

#[cfg(test)]
mod tests {
    use bluegate_admin::{DiskReport, MountReport};
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn the_cache_for_people() {
        let part = MountReport { entries: 101, bytes: 3_355_443 };
        let cache = CacheReport {
            memory: 268_435_456,
            bytes: 12_582_912,
            contents: 104,
            entries: 202,
            evicted: 0,
            answers: [("hit", 10), ("miss", 2)].map(|(name, n)| (name.to_owned(), n)).into(),
            fetches: 7,
            deltas: 5,
            packed_away: 1_048_576,
            disk: Some(DiskReport {
                limit: 2 << 30,
                bytes: 12_582_912,
                files: 400,
                recalled: 104,
                ..DiskReport::default()
            }),
            mounts: ["bbb-01", "b2"].map(|mount| (mount.to_owned(), part.clone())).into(),
        };
        assert_snapshot!(show_cache(&cache), @r"
        memory    12.0 MiB of 256 MiB
        contents  104, 0 evicted so far
        answers   10 hit, 2 miss
        fetches   7, by the cache itself
        deltas    5
        saved     1.0 MiB not sent, by packing and deltas
        disk      12.0 MiB of 2.0 GiB in 400 files, 104 read back

        MOUNT   FILES  SIZE
        b2      101    3.1 MiB
        bbb-01  101    3.1 MiB
        ");
    }

    #[test]
    fn of_several_tenants_that_have_an_id_one_has_to_be_named() {
        for (tenants, wanted) in [
            (&["a"][..], Ok("a")),
            (&[], Err("there is none")),
            (&["a", "b"], Err("several tenants have a thing `x`: say `--tenant` with one of a, b")),
        ] {
            let found = only(tenants, "thing `x`", "there is none", |tenant| tenant);
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found.copied(), wanted.map_err(str::to_owned));
        }
    }

    #[test]
    fn a_token_goes_in_the_clear_to_this_machine_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "t\n").unwrap();
        for (origin, allowed) in [
            ("http://127.0.0.1:8091", true),
            ("http://[::1]:8091", true),
            ("http://localhost:8091", true),
            ("http://10.0.0.5:8091", false),
            ("http://admin.example.org", false),
            ("http://127.0.0.1.example.org", false),
        ] {
            assert_eq!(client_at(origin.parse().unwrap(), &file).is_ok(), allowed, "{origin}");
        }
        for (listen, wanted) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.5:1", "10.0.0.5:1")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), wanted.parse().unwrap());
        }
    }
}
