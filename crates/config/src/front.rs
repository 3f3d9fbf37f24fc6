//! The keys of `[proxy]` about what stands before it: who comes how, and what
//! one client may take.

use std::net::SocketAddr;

use bluegate_cluster::{Origin, Scheme};

use crate::{
    parse::{read_duration, read_listen},
    reader::Table,
    settings::{Bucket, Front},
};

/// Reads the keys beside `listen`, for a cluster at `origin`.
pub(crate) fn read(table: &Table<'_>, listen: &[SocketAddr], origin: Option<&Origin>) -> Front {
    let redirect_listen = match table.has("redirect_listen") {
        true => read_listen(table, "redirect_listen").unwrap_or_default(),
        false => Vec::new(),
    };
    let hsts = table.has("hsts").then(|| read_duration(table, "hsts", 180 * 86_400));
    let trusted_proxies =
        table.one_or_many("trusted_proxies", "a network such as `10.0.0.0/8` or `2001:db8::/32`");
    let proxy_protocol = table.boolean("proxy_protocol", false);
    if proxy_protocol && !table.has("trusted_proxies") {
        let hint = "add `trusted_proxies = [\"10.0.0.5/32\"]`, the addresses of your balancers";
        table.problem_at("proxy_protocol", "nobody is trusted to send it", Some(hint));
    }
    if origin.is_some_and(|origin| origin.scheme() == Scheme::Http) {
        for key in ["redirect_listen", "hsts"].into_iter().filter(|key| table.has(key)) {
            table.problem_at(key, "the cluster's origin is not https", None);
        }
    }
    if let Some(both) = redirect_listen.iter().find(|address| listen.contains(address)) {
        table.problem_at("redirect_listen", format_args!("{both} is in `listen` too"), None);
    }
    Front {
        redirect_listen,
        hsts,
        trusted_proxies,
        proxy_protocol,
        client_connections: table.count("client_connections", 6_000),
        client_rate: table.count("client_rate", 50),
        client_burst: table.count("client_burst", 6_000),
        client_handshakes: Bucket {
            rate: table.count("client_handshake_rate", 25),
            burst: table.count("client_handshake_burst", 6_000),
        },
        client_upstream: Bucket {
            rate: table.count("client_upstream_rate", 100),
            burst: table.count("client_upstream_burst", 20_000),
        },
        client_requests: Bucket {
            rate: table.count("client_request_rate", 1_000),
            burst: table.count("client_request_burst", 150_000),
        },
    }
}
