//! `/metrics`: what the process and its roles measure.

use std::{fs, time::UNIX_EPOCH};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::CONTENT_TYPE;

use crate::{
    CacheReport, Exposition,
    Kind::{Counter, Gauge},
    Sources,
};

#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Response {
    let mut out = Exposition::default();
    head(&mut out, &sources);
    for metrics in &sources.metrics {
        metrics(&mut out);
        // With hundreds of nodes each takes a moment: requests come in between.
        tokio::task::yield_now().await;
    }
    process(&mut out, &sources);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out.into_text()).into_response()
}

fn head(out: &mut Exposition, sources: &Sources) {
    let build = [([("version", sources.version)], 1)];
    out.family("bluegate_build_info", Gauge, "The version that runs", build);
    let ready = u8::from((sources.ready)().is_ready());
    out.single("bluegate_ready", Gauge, "Whether this process takes work", ready);
    let routes = (sources.routes)();
    let count = routes.nodes().count();
    out.single("bluegate_routes", Gauge, "Mounts relayed on the cluster's origin", count);
    if let Some(book) = &sources.book {
        let held_back = book.held_back();
        let help = "Nodes added at run time that are not in force, by why";
        let samples = ["in_file", "origin_taken", "own_origin", "not_allowed"].map(|code| {
            let count = held_back.iter().filter(|(_, reason)| reason.code() == code).count();
            ([("reason", code)], count)
        });
        out.family("bluegate_routes_held_back", Gauge, help, samples);
    }
    if let Some(mut report) = sources.cache.as_ref().and_then(|cache| cache.report()) {
        // Answers may outlive their mount for a while, its series do not.
        report.mounts.retain(|mount, _| routes.get(mount).is_some());
        cache(out, &report);
    }
}

fn cache(out: &mut Exposition, report: &CacheReport) {
    out.single(
        "bluegate_cache_memory_bytes",
        Gauge,
        "The cache's bound on its bytes",
        report.memory,
    );
    out.single(
        "bluegate_cache_bytes",
        Gauge,
        "Bytes the cache holds, variants included",
        report.bytes,
    );
    out.single("bluegate_cache_contents", Gauge, "Distinct contents held", report.contents);
    let evicted = "Contents that made room for others";
    out.single("bluegate_cache_evicted_total", Counter, evicted, report.evicted);
    let fetches = "Requests that the cache itself sent to nodes";
    out.single("bluegate_cache_fetches_total", Counter, fetches, report.fetches);
    let deltas = "Answers sent as a delta against what the browser had";
    out.single("bluegate_cache_deltas_total", Counter, deltas, report.deltas);
    if let Some(disk) = &report.disk {
        let help = "The bound on the bytes of the cache's folder";
        out.single("bluegate_cache_disk_limit_bytes", Gauge, help, disk.limit);
        let help = "Bytes in the cache's folder";
        out.single("bluegate_cache_disk_bytes", Gauge, help, disk.bytes);
        let help = "Contents read back from the cache's folder";
        out.single("bluegate_cache_disk_recalled_total", Counter, help, disk.recalled);
        let help = "Files not kept in the cache's folder because it was too slow or failed";
        out.single("bluegate_cache_disk_dropped_total", Counter, help, disk.dropped);
    }
    let packed_away = "Bytes not sent because files went out packed or as deltas";
    out.single("bluegate_compression_saved_bytes_total", Counter, packed_away, report.packed_away);
    out.family(
        "bluegate_cache_answers_total",
        Counter,
        "Answers by what the cache could do for them",
        report.answers.iter().map(|(result, count)| ([("result", result.as_str())], count)),
    );
    out.family(
        "bluegate_cache_mount_entries",
        Gauge,
        "Addresses with an answer in the cache, by mount",
        report.mounts.iter().map(|(mount, part)| ([("mount", mount.as_str())], part.entries)),
    );
}

/// The names are those that Prometheus' own libraries give to a process.
fn process(out: &mut Exposition, sources: &Sources) {
    let started = sources.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let help = "When the process started, in seconds since 1970";
    out.single("process_start_time_seconds", Gauge, help, started);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(bytes) = resident_bytes(&status) {
        out.single("process_resident_memory_bytes", Gauge, "Resident memory", bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder being read.
        let open = open.count().saturating_sub(1);
        out.single("process_open_fds", Gauge, "Open file descriptors", open);
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(most) = max_descriptors(&limits) {
        out.single("process_max_fds", Gauge, "Most file descriptors that may be open", most);
    }
}

/// `VmRSS` of `/proc/self/status`, which is in KiB whatever the page size.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The soft limit in `/proc/self/limits`; `None` when there is none.
fn max_descriptors(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_the_process_is_read() {
        let status = "Name:\tbluegate\nVmRSS:\t   51200 kB\nThreads:\t3\n";
        assert_eq!(resident_bytes(status), Some(52_428_800));
        assert_eq!(resident_bytes("Name:\tbluegate\n"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(max_descriptors(limits), Some(1024));
        assert_eq!(max_descriptors("Max open files  unlimited  unlimited  files\n"), None);
    }
}
