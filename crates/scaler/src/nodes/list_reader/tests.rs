use proptest::prelude::*;

use super::*;

const STAMPED: &str = "bluegate-stamp";

fn secrets() -> Vec<Secret> {
    vec![Secret::new("of the node").unwrap()]
}

/// A meeting as nodes list it.
fn listed(id: &str, users: u32, metadata: &str) -> String {
    format!(
        "<meeting><meetingName><![CDATA[</meeting><meeting>]]></meetingName>\
         <meetingID>{id}</meetingID><internalMeetingID>{id}-1</internalMeetingID>\
         <createTime>1</createTime><participantCount>{users}</participantCount>\
         <metadata>{metadata}</metadata></meeting>"
    )
}

fn stamped(id: &str, users: u32) -> String {
    let stamp = Stamp { tenant: "physics".parse().unwrap(), meeting_id: format!("class {id}") };
    listed(id, users, &format!("<{STAMPED}>{}</{STAMPED}>", stamp.sign(&secrets()[0])))
}

fn answer(meetings: &[String]) -> String {
    let meetings = meetings.concat();
    format!("<response><returncode>SUCCESS</returncode><meetings>{meetings}</meetings></response>")
}

async fn read(reader: &mut ListReader, body: &str) -> Result<Arc<Listing>, ListError> {
    reader.read(body.as_bytes(), Keys { secrets: &secrets(), callbacks: None }).await
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let mut reader = ListReader::default();
    let (a, b) = (stamped("a", 1), stamped("b", 1));
    let first = read(&mut reader, &answer(&[a.clone(), b.clone()])).await.unwrap();
    let again = read(&mut reader, &answer(&[a.clone(), b.clone()])).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the same answer was read again");

    // One user more, in as many bytes.
    let second = read(&mut reader, &answer(&[stamped("a", 2), b.clone()])).await.unwrap();
    assert_eq!(second.meetings.iter().map(|m| m.facts.users).collect::<Vec<_>>(), [2, 1]);
    assert!(Arc::ptr_eq(&first.meetings[1], &second.meetings[1]), "`b` was read again");
    assert_eq!(second.external("a").unwrap().facts.users, 2);

    let third = read(&mut reader, &answer(&[b])).await.unwrap();
    assert!(third.external("a").is_none());
    assert_eq!(reader.known.len(), 1, "what is listed no more is kept");
}

#[tokio::test]
async fn meetings_are_shown_as_their_tenants_may_see_them() {
    let probe = listed("probe", 0, "<bluegate-probe>1</bluegate-probe>");
    let foreign = listed("x", 3, &format!("<{STAMPED}>v1.physics.Y2xhc3M.00</{STAMPED}>"));
    let body = answer(&[stamped("a", 1), probe, "<meeting/>".to_owned(), foreign]);
    let read = read(&mut ListReader::default(), &body).await.unwrap();
    let shown: Vec<_> =
        read.meetings.iter().map(|m| (m.facts.external_id.as_str(), m.stamp.is_some())).collect();
    assert_eq!(shown, [("a", true), ("x", false)]);
    assert!(read.meetings[0].shown.contains("<meetingID>class a</meetingID>"));
    assert!(!read.meetings.iter().any(|meeting| meeting.shown.contains(STAMPED)));
}

#[tokio::test]
async fn an_answer_that_is_no_list_changes_nothing() {
    let mut reader = ListReader::default();
    let good = answer(&[stamped("a", 1)]);
    let first = read(&mut reader, &good).await.unwrap();
    let failed = "<response><returncode>FAILED</returncode><messageKey>why</messageKey></response>";
    let refused = read(&mut reader, failed).await;
    assert!(matches!(refused, Err(ListError::Refused(key)) if key == "why"));
    for broken in ["502", "<response></response>", &good.replace("</metadata>", "")] {
        let unusable = read(&mut reader, broken).await;
        assert!(matches!(unusable, Err(ListError::Unusable(_))), "{broken}");
    }
    assert!(Arc::ptr_eq(&first, &read(&mut reader, &good).await.unwrap()));
}

proptest! {
    #[test]
    fn polls_in_a_row_read_as_each_would_alone(
        polls in proptest::collection::vec(
            proptest::collection::vec((0..4_u8, 0..3_u32, any::<bool>()), 0..5), 1..6
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut reader = ListReader::default();
        for poll in polls {
            let meetings = poll.iter().map(|(id, users, is_ours)| {
                let id = format!("m{id}");
                if *is_ours { stamped(&id, *users) } else { listed(&id, *users, "") }
            });
            let body = answer(&meetings.collect::<Vec<_>>());
            let in_a_row = runtime.block_on(read(&mut reader, &body)).unwrap();
            let alone = runtime.block_on(read(&mut ListReader::default(), &body)).unwrap();
            prop_assert_eq!(&in_a_row.meetings, &alone.meetings);
        }
    }
}
