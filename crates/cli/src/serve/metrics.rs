//! What the proxy and the listeners count, as metrics and reports of the admin
//! listener. Labels have few values: mounts of the routes in force, names of
//! certificates, and words of ours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bluegate_admin::{
    Exposition, Histogram,
    Kind::{Counter, Gauge},
    NodeReport, NodesReport,
};
use bluegate_net::Policy;
use bluegate_proxy::{
    HealthReport, HealthState, MountTraffic, NodeHealthReport, NodeTraffic, Proxy, TrafficReport,
};
use bluegate_scaler::{NodeReport as NodePlacement, Scaler};

use crate::serve::certificates::Shown;

/// A metric's name, its help, and how it is read off.
type Measure<T> = (&'static str, &'static str, fn(&T) -> u64);

/// The connections of browsers, by numbers alone.
pub(crate) fn connections(out: &mut Exposition, policy: &Policy) {
    let made = policy.handshakes.report();
    let help = "TLS handshakes that were finished, by kind";
    let samples = [("full", made.full), ("resumed", made.resumed)];
    let samples = samples.map(|(kind, count)| ([("kind", kind)], count));
    out.family("bluegate_tls_handshakes_total", Counter, help, samples);
    let help = "TLS handshakes that were not, by reason";
    let failed = [
        ("timeout", made.timed_out),
        ("closed", made.closed),
        ("refused", made.refused),
        ("invalid", made.invalid),
    ];
    let samples = failed.map(|(reason, count)| ([("reason", reason)], count));
    out.family("bluegate_tls_handshakes_failed_total", Counter, help, samples);

    let Some(clients) = &policy.clients else { return };
    let report = clients.report();
    let limit = policy.limits.max_connections;
    let help = "Connections of browsers open now";
    out.single("bluegate_connections", Gauge, help, report.open);
    let help = "Most connections of browsers at once";
    out.single("bluegate_connections_limit", Gauge, help, limit);
    let help = "Clients remembered now: IPv4 addresses and IPv6 /64";
    out.single("bluegate_clients", Gauge, help, report.clients);
    let shed = [
        ("rate", report.shed_rate),
        ("open", report.shed_open),
        ("pressure", report.shed_pressure),
        ("full", report.shed_full),
        ("handshakes", report.over_handshakes),
    ];
    let help = "Connections of browsers turned away, by reason";
    let samples = shed.map(|(reason, count)| ([("reason", reason)], count));
    out.family("bluegate_connections_shed_total", Counter, help, samples);
    let over = [("upstream", report.over_upstream), ("request", report.over_requests)];
    let help = "Requests of browsers refused with 429, by class of cost";
    let samples = over.map(|(class, count)| ([("class", class)], count));
    out.family("bluegate_requests_refused_total", Counter, help, samples);
}

/// What passed the proxy.
pub(crate) fn traffic(out: &mut Exposition, proxy: &Proxy) {
    let TrafficReport { mounts, access_log_dropped } = proxy.traffic_report();
    let requests = mounts.iter().flat_map(|(mount, traffic)| {
        traffic.requests.iter().map(move |(class, status, count)| {
            let labels = [("mount", mount.as_str()), ("class", class.as_str()), ("status", status)];
            (labels, *count)
        })
    });
    let help = "Requests answered, by mount, what they were for and the status's first digit";
    out.family("bluegate_requests_total", Counter, help, requests);
    let by_mount = |of: fn(&MountTraffic) -> u64| {
        let samples = mounts.iter();
        samples.map(move |(mount, traffic)| ([("mount", mount.as_str())], of(traffic)))
    };
    let help = "Bytes of bodies sent to browsers";
    out.family("bluegate_sent_bytes_total", Counter, help, by_mount(|mount| mount.body_bytes));
    let help = "Bytes of bodies sent to browsers that the cache spared the node";
    out.family(
        "bluegate_cache_saved_bytes_total",
        Counter,
        help,
        by_mount(|mount| mount.saved_bytes),
    );
    let nodes: Vec<(&str, &NodeTraffic)> = mounts
        .iter()
        .filter_map(|(mount, traffic)| Some((mount.as_str(), traffic.node.as_ref()?)))
        .collect();
    self::nodes(out, &nodes);
    if let Some(dropped) = access_log_dropped {
        let help = "Lines of the access log that were lost because the disk was too slow";
        out.single("bluegate_access_log_dropped_total", Counter, help, dropped);
    }
}

fn nodes(out: &mut Exposition, nodes: &[(&str, &NodeTraffic)]) {
    let gauges: [Measure<NodeTraffic>; 6] = [
        ("bluegate_node_connections", "Connections to the node open now", |node| node.connections),
        ("bluegate_node_requests", "Requests under way at the node", |node| node.requests as u64),
        ("bluegate_node_requests_limit", "Most requests under way at the node", |node| {
            node.requests_limit as u64
        }),
        ("bluegate_node_requests_pending", "Requests waiting for a place at the node", |node| {
            node.pending as u64
        }),
        ("bluegate_node_web_sockets", "WebSockets open to the node", |node| {
            node.web_sockets as u64
        }),
        ("bluegate_node_web_sockets_limit", "Most WebSockets open to the node", |node| {
            node.web_sockets_limit as u64
        }),
    ];
    for (name, help, of) in gauges {
        let samples = nodes.iter().map(|(mount, node)| ([("mount", *mount)], of(node)));
        out.family(name, Gauge, help, samples);
    }
    let help = "From a request handed to a connection to the head of the node's answer";
    let samples = nodes.iter().map(|(mount, node)| {
        let latency = &node.latency;
        let buckets = latency.buckets.iter();
        let histogram = Histogram {
            buckets: buckets.map(|(bound, count)| (bound.as_secs_f64(), *count)).collect(),
            count: latency.count,
            sum: latency.sum.as_secs_f64(),
        };
        ([("mount", *mount)], histogram)
    });
    out.histogram("bluegate_node_response_seconds", help, samples);
}

/// What is believed of the nodes.
pub(crate) fn health(out: &mut Exposition, proxy: &Proxy) {
    let HealthReport { panicking, nodes } = proxy.health_report();
    let help = "Whether so many nodes fail that all are asked, whatever their state";
    out.single("bluegate_nodes_panicking", Gauge, help, u8::from(panicking));
    let states = [HealthState::Healthy, HealthState::Suspect, HealthState::Trial];
    let samples = nodes.iter().flat_map(|(mount, node)| {
        states.map(|state| {
            let labels = [("mount", mount.as_str()), ("state", state.as_str())];
            (labels, u8::from(node.state == state))
        })
    });
    let help = "What is believed of the node: 1 for the one state it is in";
    out.family("bluegate_node_state", Gauge, help, samples);
    let counters: [Measure<NodeHealthReport>; 4] = [
        ("bluegate_node_probes_total", "Probes sent to the node", |node| node.probes),
        ("bluegate_node_probes_failed_total", "Probes that failed", |node| node.failed_probes),
        ("bluegate_node_ejections_total", "How often the node became suspect", |node| {
            node.ejections
        }),
        (
            "bluegate_node_refused_total",
            "Requests answered without asking a suspect node",
            |node| node.refused,
        ),
    ];
    for (name, help, of) in counters {
        let samples = nodes.iter().map(|(mount, node)| ([("mount", mount.as_str())], of(node)));
        out.family(name, Counter, help, samples);
    }
}

/// The same for `/v1/nodes`.
pub(crate) fn nodes_report(of: HealthReport) -> NodesReport {
    let nodes = of.nodes.into_iter().map(|(mount, node)| {
        let report = NodeReport {
            state: node.state.as_str().to_owned(),
            state_seconds: node.state_seconds,
            last_failure: node.last_failure.map(|kind| kind.as_str().to_owned()),
            failures_in_a_row: node.failures_in_a_row,
            probes: node.probes,
            failed_probes: node.failed_probes,
            ejections: node.ejections,
            refused: node.refused,
        };
        (mount, report)
    });
    NodesReport { panicking: of.panicking, nodes: nodes.collect(), scaler: None }
}

/// What placement knows of the scaler's nodes. From memory.
pub(crate) fn placement(out: &mut Exposition, scaler: &Scaler) {
    let nodes = scaler.nodes();
    let help = "The node's load over its weight; 1 is a user";
    let samples = nodes.iter().map(|node| ([("node", node.node.name.as_str())], node.load));
    out.family("bluegate_scaler_node_load", Gauge, help, samples);
    let help = "The node's weight in force: less while it is only just back";
    let samples = nodes.iter().map(|node| ([("node", node.node.name.as_str())], node.weight));
    out.family("bluegate_scaler_node_weight", Gauge, help, samples);
    let gauges: [Measure<NodePlacement>; 5] = [
        ("bluegate_scaler_node_meetings", "Meetings on the node", |node| node.meetings),
        ("bluegate_scaler_node_breakout_rooms", "Breakout rooms on the node", |node| {
            node.breakout_rooms
        }),
        ("bluegate_scaler_node_users", "Users on the node", |node| node.users),
        ("bluegate_scaler_node_reserved_users", "Users expected beyond those", |node| {
            node.reserved_users
        }),
        ("bluegate_scaler_node_cordoned", "Whether an operator keeps new meetings off", |node| {
            u64::from(node.cordoned_at.is_some())
        }),
    ];
    for (name, help, of) in gauges {
        let samples = nodes.iter().map(|node| ([("node", node.node.name.as_str())], of(node)));
        out.family(name, Gauge, help, samples);
    }
    let help = "Nodes of the store that are not in force because the file names them too";
    out.single("bluegate_scaler_nodes_held_back", Gauge, help, scaler.held_back_nodes().len());
    let tally = scaler.placements();
    let help = "Meetings that were placed, by where their expected size came from";
    let samples =
        tally.placed.iter().map(|(source, count)| ([("source", source.as_str())], *count));
    out.family("bluegate_scaler_placements_total", Counter, help, samples);
    let help = "Creates that no node could take";
    out.single("bluegate_scaler_placements_refused_total", Counter, help, tally.refused);
}

/// The certificates shown, and how ACME fares with them.
pub(crate) fn certificates(out: &mut Exposition, shown: &[Shown]) {
    if shown.is_empty() {
        return;
    }
    let now = SystemTime::now();
    let days = shown.iter().filter_map(|shown| {
        let days = days_left(shown.slot.expires()?, now);
        Some(([("name", shown.name.as_str())], days))
    });
    let help = "Days until the certificate ends; below 0 it has";
    out.family("bluegate_certificate_days_left", Gauge, help, days);
    let managed = || shown.iter().filter_map(|shown| Some((&shown.name, shown.status.as_ref()?)));
    if managed().next().is_none() {
        return;
    }
    let help = "Attempts at a certificate that failed since the last one that did not";
    let samples = managed().map(|(name, status)| ([("name", name.as_str())], status.failures()));
    out.family("bluegate_acme_failures", Gauge, help, samples);
    let help = "When the next attempt at a certificate is due, in seconds since 1970";
    let samples = managed().map(|(name, status)| {
        let since = status.next_attempt().duration_since(UNIX_EPOCH).unwrap_or_default();
        ([("name", name.as_str())], since.as_secs())
    });
    out.family("bluegate_acme_next_attempt_seconds", Gauge, help, samples);
}

/// With two digits: more would only change at each scrape.
fn days_left(expires: SystemTime, now: SystemTime) -> f64 {
    const DAY: Duration = Duration::from_secs(86_400);
    let days = match expires.duration_since(now) {
        Ok(left) => left.div_duration_f64(DAY),
        Err(over) => -over.duration().div_duration_f64(DAY),
    };
    (days * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_to_both_sides_of_the_end() {
        let end = UNIX_EPOCH + Duration::from_secs(864_000);
        assert_eq!(days_left(end, UNIX_EPOCH), 10.0);
        assert_eq!(days_left(end, end + Duration::from_secs(43_200)), -0.5);
    }
}
