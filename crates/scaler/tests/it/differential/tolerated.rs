//! The differences that are meant, each with its reason.
//!
//! Besides these lines, values that a server draws or takes from its clock are
//! not compared but named (module `seen`): internalMeetingID, createTime,
//! createDate, endTime of recordings, voiceBridge and passwords that nobody gave, users' and sessions'
//! tokens, the port of a node. Meetings are compared in any order, since BBB's
//! is that of a hash table, and a join after the browser has gone where
//! the scaler sent it. Of an HTTP status other than 200 the page is not compared.

use super::{
    request::{Case, Signed},
    seen::Seen,
};

/// A difference that is meant.
pub(super) struct Tolerance {
    pub(super) name: &'static str,
    #[expect(dead_code, reason = "for those who read the table")]
    pub(super) reason: &'static str,
    applies: fn(&Case, &Seen, &Seen) -> bool,
}

/// All of them.
pub(super) const TOLERANCES: [Tolerance; 17] = [
    Tolerance {
        name: "index without GraphQL",
        reason: "the index of 3.0 names its own GraphQL endpoints, which only clients use; \
            clients ask their node, and the scaler has none",
        applies: |case, there, here| {
            let (shared, _) = there.body.split_once("<graphql").unwrap_or_default();
            let in_xml = here.body == format!("{shared}</response>");
            let in_json = here.body.starts_with('{') && there.body.contains("graphqlApiUrl");
            case.call().is_empty() && there.status == 200 && (in_xml || in_json)
        },
    },
    Tolerance {
        name: "index by POST",
        reason: "clients that POST every call (bigbluepy) ask for the version too; a BBB server \
            answers 405",
        applies: |case, there, here| {
            case.call().is_empty()
                && case.method == "POST"
                && (there.status, here.status) == (405, 200)
        },
    },
    Tolerance {
        name: "text of a missing checksum",
        reason: "BBB has two texts for a missing checksum, and which one it says is not specified",
        applies: |case, there, here| {
            matches!(case.signed, Signed::Missing | Signed::Empty)
                && there.body.contains("<messageKey>checksumError<")
                && here.body
                    == there.body.replace("Checksums do not match", "You must provide the checksum")
                && there.cache_control == here.cache_control
        },
    },
    Tolerance {
        name: "join that nobody signed",
        reason: "a server sends the browser to its own start page, and the scaler has none",
        applies: |case, there, here| {
            case.call() == "join"
                && !case.signed.is_right()
                && there.status == 302
                && here.status == 200
                && here.body.contains("<messageKey>checksumError<")
        },
    },
    Tolerance {
        name: "join without meeting and without return address",
        reason: "a server sends the browser to its own start page, and the scaler has none",
        applies: |case, there, here| {
            let key =
                there.location.as_deref().is_some_and(|to| to.contains("meetingForciblyEnded"));
            case.call() == "join" && key && here.body.contains("meetingForciblyEnded")
        },
    },
    Tolerance {
        name: "isMeetingRunning without meetingID",
        reason: "bbb-web stumbles over it (HTTP 500); the scaler says what is missing",
        applies: |case, there, here| {
            case.call() == "isMeetingRunning"
                && there.status == 500
                && here.body.contains("<messageKey>validationError<")
        },
    },
    Tolerance {
        name: "no sessions",
        reason: "a node does not say whose its sessions are, so no tenant may see them",
        applies: |case, there, here| {
            case.call() == "getSessions"
                && there.body.contains("<sessions><meeting>")
                && here.body.contains("noSessions")
        },
    },
    Tolerance {
        name: "presentationUploadExternalUrl",
        reason: "with this parameter bbb-web forgets to check the checksum; the scaler never does",
        applies: |case, _, here| {
            case.query.contains("presentationUploadExternalUrl=")
                && !case.signed.is_right()
                && here.body.contains("checksumError")
        },
    },
    Tolerance {
        name: "form signed over its sorted parameters",
        reason: "servers before 2.6.18 and 2.7.8 take it, so clients that were made for them are \
            served, whatever the nodes are",
        applies: |case, there, here| {
            case.signed == Signed::OverSortedForm
                && there.body.contains("checksumError")
                && here.body.contains("<returncode>SUCCESS<")
        },
    },
    Tolerance {
        name: "used voiceBridge",
        reason: "a frontend cannot know the numbers of others in the cluster: the meeting gets \
            another one instead of nonUniqueVoiceBridge, and so is there to be ended",
        applies: |case, there, here| {
            case.query.contains("meetingID=used-bridge")
                && (there.body.contains("nonUniqueVoiceBridge") || there.body.contains("notFound"))
                && here.body.contains("<returncode>SUCCESS<")
        },
    },
    Tolerance {
        name: "create with XML that breaks off",
        reason: "bbb-web stumbles over it (HTTP 500); the scaler asks once, and says in words that \
            the server cannot read it",
        applies: |case, there, here| {
            case.call() == "create"
                && there.status == 500
                && here.body.contains("cannot read the XML that came with the call")
        },
    },
    Tolerance {
        name: "unreadable document into no meeting",
        reason: "bbb-web reads the body before it looks for the meeting (HTTP 404 or 500); the \
            scaler has no node to read it",
        applies: |case, there, here| {
            case.call() == "insertDocument"
                && matches!(there.status, 404 | 500)
                && here.body.contains("Meeting with id [none] not found.")
        },
    },
    Tolerance {
        name: "a node's own start page",
        reason: "the address of a server's start page is the node's; the scaler names its own origin",
        applies: |_, there, here| {
            there.body.contains("\"logoutURL\"")
                && here.body.replace("http://api.example.org", "")
                    == there.body.replace("http://bbb-01.cluster.localhost:{port}", "")
        },
    },
    Tolerance {
        name: "hooks signed with more than SHA-1",
        reason: "bbb-webhooks before 3 knows SHA-1 only; the scaler takes what 3 takes, whatever \
            the nodes have",
        applies: |case, there, here| {
            case.call().starts_with("hooks/")
                && case.signed.is_right()
                && there.body.contains("checksumError")
                && here.body.contains("<returncode>SUCCESS<")
        },
    },
    Tolerance {
        name: "text of hooks/ping",
        reason: "bbb-webhooks before 3 says that it is up in other words",
        applies: |case, there, here| {
            case.call() == "hooks/ping"
                && there.body == "bbb-webhooks up!"
                && here.body == "bbb-webhooks API up!"
        },
    },
    Tolerance {
        name: "checksum of no digest's length",
        reason: "bbb-webhooks 3 stumbles over it (HTTP 500); the scaler says that it is wrong",
        applies: |case, there, here| {
            case.call().starts_with("hooks/")
                && case.signed == Signed::NoDigest
                && there.status == 500
                && here.body.contains("<messageKey>checksumError<")
        },
    },
    Tolerance {
        name: "getRaw that is no JSON",
        reason: "bbb-webhooks stumbles over it (HTTP 500) and makes no hook; the scaler says so",
        applies: |case, there, here| {
            case.query.contains("getRaw=nonsense")
                && there.status == 500
                && here.body.contains("<messageKey>createHookError<")
        },
    },
];

/// The line that explains a difference.
pub(super) fn tolerance(case: &Case, there: &Seen, here: &Seen) -> Option<&'static Tolerance> {
    TOLERANCES.iter().find(|line| (line.applies)(case, there, here))
}

/// Lines that are about other releases than this one.
pub(super) fn not_over(release: &str) -> &'static [&'static str] {
    match release {
        "2.7.17" => &["index without GraphQL", "checksum of no digest's length"],
        _ => &["hooks signed with more than SHA-1", "text of hooks/ping"],
    }
}
