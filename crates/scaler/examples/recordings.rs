//! What getRecordings costs: 20,000 recordings on 50 nodes, each filter in turn.
//!
//! `make bench-recordings`, which builds it with optimisation. Nothing is sent
//! over a socket: a call is a request to the scaler's router and its whole answer,
//! and what is measured is this thread's time on the processor.

#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use std::{error::Error, fs, sync::Arc, time::Instant};

use axum::body::Body;
use bluegate_bbb_api::{
    RawQuery,
    checksum::{Algorithm, signed_query},
};
use bluegate_cluster::{Node, Secret};
use bluegate_scaler::{
    Bounds, Config, NodeConfig, NodeTerms, Placement, RecordingConfig, Scaler, TenantConfig, build,
};
use bluegate_store::{Store, StoredRecording};
use bluegate_tenant::Settings;
use http::Request;
use http_body_util::BodyExt;
use sha1::{Digest, Sha1};
use tower_service::Service;

const NODES: usize = 50;
const RECORDINGS: usize = 20_000;
const MEETINGS: usize = 1_000;
/// Calls of each kind that are measured.
const CALLS: u32 = 20;
/// Recordings written in one transaction.
const CHUNK: usize = 100;
const TENANT: &str = "physics";
const TIME: usize = 1_700_000_000_000;

type Done<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("bluegate.db").display());
    fill(&url).await?;
    let before = memory()?;
    let begun = Instant::now();
    let scaler = build(config(&url, folder.path())?).await?;
    println!(
        "{RECORDINGS} recordings on {NODES} nodes: read in {} ms, {} KB of memory each",
        begun.elapsed().as_millis(),
        (memory()? - before) / RECORDINGS
    );
    let id = record_id(17);
    let (prefix, _) = id.split_once('-').unwrap_or_default();
    println!("{:<44} {:>10} {:>12}", "getRecordings", "CPU in ms", "answer in KB");
    for query in [
        "",
        "limit=100",
        "limit=100&offset=18900",
        "meetingID=class-17",
        "meetingID=class-17,class-18,class-19",
        &format!("recordID={id}"),
        &format!("recordID={prefix}"),
        "state=any",
        "state=unpublished",
        "state=deleted",
        "meta_course=course-17",
        "meta_course=%25-17%25",
        "meta_course=%257&meta_gl-listed=true&limit=100",
        "state=any&meta_nothing=x",
    ] {
        measure(&scaler, query).await?;
    }
    Ok(())
}

async fn measure(scaler: &Scaler, query: &str) -> Done<()> {
    let secret = Secret::new("secret")?;
    let signed = signed_query("getRecordings", &RawQuery::parse(query), &secret, Algorithm::Sha256);
    let mut router = scaler.router();
    let mut bytes = 0;
    let mut call = async || -> Done<usize> {
        let request = Request::get(format!("/bigbluebutton/api/getRecordings?{signed}"));
        let mut body = router.call(request.body(Body::empty())?).await?.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, bytes::Bytes::len);
        }
        Ok(length)
    };
    call().await?;
    let begun = processor_time()?;
    for _ in 0..CALLS {
        bytes = call().await?;
    }
    let spent = (processor_time()? - begun) / f64::from(CALLS);
    println!("{:<44} {spent:>10.2} {:>12}", format!("?{query}"), bytes / 1024);
    Ok(())
}

/// This thread's time on the processor, in ms.
fn processor_time() -> Done<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().unwrap_or_default();
    Ok(nanoseconds.parse::<f64>()? / 1e6)
}

/// This process's memory, in KB.
fn memory() -> Done<usize> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

fn config(store: &str, folder: &std::path::Path) -> Done<Config> {
    let nodes = (0..NODES).map(|index| {
        let name = node(index);
        Ok(NodeConfig {
            node: Node {
                origin: format!("https://{name}.example.org").parse()?,
                name: name.parse()?,
                address: None,
                bbb: None,
                proxied: true,
            },
            secrets: vec![Secret::new("node")?],
            terms: NodeTerms::default(),
        })
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let node_tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(Config {
        origin: "https://api.example.org".parse()?,
        nodes: nodes.collect::<Done<_>>()?,
        tenants: vec![TenantConfig {
            name: TENANT.parse()?,
            secrets: vec![Secret::new("secret")?],
            plain: false,
            settings: Settings::default(),
        }],
        store: store.to_owned(),
        key_file: folder.join("key"),
        node_tls: Arc::new(node_tls),
        callbacks: None,
        bounds: Bounds::default(),
        placement: Placement::default(),
        recordings: RecordingConfig::default(),
    })
}

fn node(index: usize) -> String {
    format!("bbb-{:02}", index % NODES)
}

fn node_meeting_id(index: usize) -> String {
    format!("bg1.{TENANT}.class-{}", index % MEETINGS)
}

fn record_id(index: usize) -> String {
    let digest = Sha1::digest(node_meeting_id(index));
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hash}-{}", TIME + index * 60_000)
}

async fn fill(url: &str) -> Done<()> {
    let store = Store::open(url).await?;
    let tenant = TENANT.parse()?;
    for first in (0..RECORDINGS).step_by(CHUNK) {
        let rows = (first..first + CHUNK).map(|index| StoredRecording {
            keeper: node(index),
            record_id: record_id(index),
            tenant: Some(Clone::clone(&tenant)),
            meeting_id: Some(format!("class-{}", index % MEETINGS)),
            document: document(index),
            seen_at: 1,
            gone: false,
            revision: 0,
        });
        let mut write = store.write().await?;
        write.put_recordings(rows.collect()).await?;
        write.commit().await?;
    }
    store.close().await;
    Ok(())
}

fn document(index: usize) -> String {
    let (id, meeting) = (record_id(index), node_meeting_id(index));
    let (start, course) = (TIME + index * 60_000, index % 100);
    let state = match index % 20 {
        0 => "deleted",
        1 | 2 => "unpublished",
        _ => "published",
    };
    let url = format!("https://{}.example.org", node(index));
    let format = |kind: &str| {
        format!(
            "<format><type>{kind}</type><url>{url}/playback/{kind}/2.3/{id}</url>\
             <processingTime>7177</processingTime><length>45</length><size>10000000</size>\
             <preview><images><image width=\"176\" height=\"136\" alt=\"Welcome to the class\">\
             {url}/presentation/{id}/presentation/thumbnails/thumb-1.png</image>\
             <image width=\"176\" height=\"136\" alt=\"The second slide\">\
             {url}/presentation/{id}/presentation/thumbnails/thumb-2.png</image></images></preview>\
             </format>"
        )
    };
    format!(
        "<recording><recordID>{id}</recordID><meetingID>{meeting}</meetingID>\
         <internalMeetingID>{id}</internalMeetingID><name>Class {course}</name>\
         <isBreakout>false</isBreakout><published>{}</published><state>{state}</state>\
         <startTime>{start}</startTime><endTime>{}</endTime><participants>25</participants>\
         <rawSize>120000000</rawSize><metadata><isBreakout>false</isBreakout>\
         <meetingId>{meeting}</meetingId><meetingName>Class {course}</meetingName>\
         <course>course-{course}</course><gl-listed>true</gl-listed>\
         <bbb-origin>greenlight</bbb-origin><bbb-origin-version>v3</bbb-origin-version>\
         <bbb-origin-server-name>school.example.org</bbb-origin-server-name>\
         <bluegate-stamp>v1.physics.Y2xhc3M.0123456789abcdef0123456789abcdef</bluegate-stamp>\
         </metadata><size>20000000</size><playback>{}{}</playback><data></data></recording>",
        state == "published",
        start + 45 * 60_000,
        format("presentation"),
        format("video"),
    )
}
