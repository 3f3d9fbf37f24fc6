//! The calls of bbb-webhooks.

use bluegate_bbb_api::checksum::Algorithm;

use super::request::{Case, Signed};

const URL: &str = "https%3A%2F%2Flms.example.org%2Fhook";

/// Every request; what one makes, later ones meet.
pub(super) fn all() -> Vec<Case> {
    let create = |name: &str, more: &str| {
        Case::get(name, "hooks/create", format!("callbackURL={URL}{more}"))
    };
    let list = |name: &str, query: &str| Case::get(name, "hooks/list", query);
    let destroy = |name: &str, query: &str| Case::get(name, "hooks/destroy", query);
    let mut cases = vec![
        Case { signed: Signed::Missing, ..Case::get("hooks: ping", "hooks/ping", "") },
        list("hooks: none", ""),
        list("hooks: none of a meeting", "meetingID=class"),
        create("hook", ""),
        create("hook: again", ""),
        create("hook: again, for one meeting", "&meetingID=class"),
        create("hook-of-meeting", "%2Fmeeting&meetingID=class"),
        create("hook-of-events", "%2Fevents&eventID=user-joined%2Cuser-left"),
        create("hook-of-events-in-capitals", "%2Fcapitals&eventID=User-Joined,MEETING-ended"),
        create("hook-raw", "%2Fraw&getRaw=true"),
        create("hook-raw-in-capitals", "%2FRAW&getRaw=TRUE"),
        create("hook-not-raw", "%2Fnot-raw&getRaw=false"),
        create("hook-with-query", "%3Fa%3D1%26b%3D%253Cx%253E"),
        create("hook-with-unicode", "%2F%C3%BC&meetingID=%C3%9Cbung+1"),
        create("hook-with-empty-parts", "%2Fempty&meetingID=&eventID=&getRaw="),
        create("hook-unknown", "%2Funknown&unknown=1"),
        create("hook: getRaw that is no JSON", "%2Fnonsense&getRaw=nonsense"),
        Case::get("hook: without URL", "hooks/create", ""),
        Case::get("hook: without URL, for a meeting", "hooks/create", "meetingID=class"),
        list("hooks: all", ""),
        list("hooks: of a meeting", "meetingID=class"),
        list("hooks: of a meeting that is not", "meetingID=none"),
        list("hooks: with something else", "random=1"),
        destroy("no hook: without ID", ""),
        destroy("no hook: unknown", "hookID=none"),
        destroy("no hook: a large number", "hookID=12345678901234567890"),
        destroy("no hook: removed", "hookID={hook.hookID}"),
        destroy("no hook: removed twice", "hookID={hook.hookID}"),
        destroy("no hook: of a meeting", "hookID={hook-of-meeting.hookID}&meetingID=other"),
        list("hooks: those left", ""),
        Case::post("hooks: list by POST", "hooks/list", "", ("", "")),
        Case::get("hooks: list by PUT", "hooks/list", "").by("PUT"),
        Case::get("hooks: unknown call", "hooks/other", ""),
    ];
    for signed in Signed::RIGHT {
        if matches!(signed, Signed::UpperCase) {
            continue;
        }
        let query = "meetingID=none&random=1";
        cases.push(list(&format!("hooks: list signed {signed:?}"), query).signed(signed));
    }
    // What is not hex at all, or as long as no digest, is told apart by 3.x.
    for signed in [
        Signed::Missing,
        Signed::Empty,
        Signed::NoDigest,
        Signed::NoHex,
        Signed::OfAnotherCall,
        Signed::ByAStranger,
        Signed::ByTheEmptySecret,
        Signed::OverOtherParameters,
    ] {
        for (call, query) in
            [("create", "callbackURL=https%3A%2F%2Fx"), ("list", "a=1"), ("destroy", "hookID=1")]
        {
            let name = format!("hooks: {call} signed {signed:?}");
            cases.push(Case::get(name, &format!("hooks/{call}"), query).signed(signed));
        }
    }
    let last = Signed::Last(Algorithm::Sha1);
    cases.push(list("hooks: those left at the end", "").signed(last));
    cases
}
