//! Their URLs: as they were given, at the receiver and in every answer.

use bluegate_bbb_api::encode_value;
use bluegate_simnode::SimNode;

use super::{Calling, RELEASES, kind};
use crate::{cluster::eventually, simulated::Kind};

#[tokio::test]
async fn urls_arrive_as_they_were_given() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let appended = "recordingmarks=false&meetingID=";
    let urls = [
        ("/", "/", format!("/?{appended}")),
        ("/p?a=1", "/p?a=1", format!("/p?a=1&{appended}")),
        ("/p?", "/p?", format!("/p?{appended}")),
        (
            "/p?a=b&&c=%26%23+%2B",
            "/p?a=b&&c=%26%23+%2B",
            format!("/p?a=b&&c=%26%23+%2B&{appended}"),
        ),
        ("/p?meetingID=x", "/p?meetingID=x", format!("/p?meetingID=x&{appended}")),
        ("/p?a=1#top", "/p?a=1", format!("/p?a=1&{appended}")),
        (
            "/ü?ä=日本",
            "/%C3%BC?%C3%A4=%E6%97%A5%E6%9C%AC",
            format!("/%C3%BC?%C3%A4=%E6%97%A5%E6%9C%AC&{appended}"),
        ),
    ];
    let mut wanted = Vec::new();
    for (index, (url, ended, end)) in urls.iter().enumerate() {
        let url = encode_value(&calling.receiver.url(url));
        let id = encode_value(&format!("Übung {index}"));
        let query =
            format!("name=Class&meetingID={id}&meetingEndedURL={url}&meta_endCallbackUrl={url}");
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        frontend.get("end", &format!("meetingID={id}")).await.answer();
        wanted.push((*ended).to_owned());
        wanted.push(format!("{end}{}", id.replace("%20", "+")));
    }
    wanted.sort();
    let got = calling.got(wanted.len()).await;
    let seen: Vec<String> = got.into_iter().map(|got| got.target.replace("%20", "+")).collect();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn every_url_a_tenant_reads_is_its_own() {
    for release in RELEASES {
        let calling = Calling::start(&[kind(release)]).await;
        let frontend = calling.simulated.cluster.frontend("physics");
        let names = [
            "endCallbackUrl",
            "bbb-recording-ready-url",
            "bn-recording-ready-url",
            "CANVAS-recording-ready-url",
            "analytics-callback-url",
        ];
        let given = |name: &str| format!("https://lms.example.org/{name}?a=1&b=<2>#c");
        let mut query = "name=Class&meetingID=class".to_owned();
        for name in names {
            query += &format!("&meta_{name}={}", encode_value(&given(name)));
        }
        query += &format!("&meetingEndedURL={}", encode_value(&given("ended")));
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        let held = calling.node().meetings().remove(0).metadata;
        for name in names {
            let held = &held[&name.to_lowercase()];
            assert!(held.starts_with(&calling.simulated.cluster.origin), "{name}: {held}");
        }
        for (call, query) in [("getMeetingInfo", "meetingID=class"), ("getMeetings", "")] {
            // At once from what create told, and from what the node says later.
            for _ in 0..2 {
                let text = frontend.get(call, query).await.text;
                for name in names {
                    let shown =
                        given(name).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                    let element = name.to_lowercase();
                    let wanted = format!("<{element}>{shown}</{element}>");
                    assert!(text.contains(&wanted), "{call} {name}: {text}");
                }
                assert!(!text.contains("api/callback"), "{call}: {text}");
                let polls = |node: &SimNode| {
                    let records = node.records();
                    let is_poll = |call: &Option<String>| call.as_deref() == Some("getMeetings");
                    records.iter().filter(|record| is_poll(&record.call)).count()
                };
                let before = polls(calling.node());
                eventually("polled", async || polls(calling.node()) > before + 1).await;
            }
        }
    }
}
