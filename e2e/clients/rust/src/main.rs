//! Drives the scaler with the crate `bigbluebutton` as it comes from its registry.
//!
//! Usage: `bluegate-rust-client API_BASE SECRET`. It signs with SHA-256, has an empty parameter before the
//! checksum where there are none, and stops at the first answer whose elements are not those it knows. Prints
//! `ok` at the end.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use bigbluebutton::{
    administration::{CreateMeetingRequest, EndMeetingRequest},
    monitoring::{GetMeetingInfoRequest, IsMeetingRunningRequest},
    Bigbluebutton, Execute,
};

/// The answer to a GET; every host is this machine.
fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("a plain address");
    let (host, path) = rest.split_once('/').expect("a path");
    let (_, port) = host.rsplit_once(':').expect("a port");
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("a server");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Where a redirect leads.
fn follow(url: &str) -> String {
    let answer = get(url);
    assert!(answer.starts_with("HTTP/1.1 302"), "{}", answer.lines().next().unwrap_or_default());
    let mut lines = answer.lines();
    let location = lines.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.to_owned())
    });
    location.expect("a location")
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, secret] = arguments.as_slice() else { panic!("usage: API_BASE SECRET") };
    let client = Bigbluebutton::new(base.strip_suffix("api").expect("/api"), secret);

    let mut create = CreateMeetingRequest::new();
    create.name = Some("Übung 1 & 2".to_owned());
    create.meeting_id = Some("rust class".to_owned());
    create.moderator_pw = Some("m p".to_owned());
    let created = format!("{:?}", client.execute(&create).await.expect("create"));
    assert!(created.contains("\"rust class\"") && created.contains("\"m p\""), "{created}");

    let mut running = IsMeetingRunningRequest::new();
    running.meeting_id = Some("rust class".to_owned());
    let running = format!("{:?}", client.execute(&running).await.expect("isMeetingRunning"));
    assert!(running.contains("Some(\"false\")"), "{running}");

    // It cannot read a meeting without users, whichever server answers, so their texts are looked at.
    let meeting = vec![("meetingID", "rust%20class")];
    let info = get(&client.generate_url("getMeetingInfo", meeting));
    assert!(info.contains("<meetingName>Übung 1 &amp; 2</meetingName>"), "{info}");
    let listed = get(&client.generate_url("getMeetings", vec![]));
    assert!(listed.contains("<meetingID>rust class</meetingID>"), "{listed}");

    let user = vec![("fullName", "Ada"), ("meetingID", "rust%20class"), ("password", "m+p")];
    let location = follow(&follow(&client.generate_url("join", user)));
    assert!(location.contains("/html5client"), "{location}");
    let recordings = get(&client.generate_url("getRecordings", vec![]));
    assert!(recordings.contains("noRecordings"), "{recordings}");

    let mut end = EndMeetingRequest::new();
    end.meeting_id = Some("rust class".to_owned());
    end.password = Some("m p".to_owned());
    let ended = format!("{:?}", client.execute(&end).await.expect("end"));
    assert!(ended.contains("sentEndMeetingRequest"), "{ended}");
    let mut gone = GetMeetingInfoRequest::new();
    gone.meeting_id = Some("nobody's".to_owned());
    let failed = client.execute(&gone).await.err().expect("a failure");
    assert!(format!("{failed:?}").contains("notFound"));
    println!("ok");
}
