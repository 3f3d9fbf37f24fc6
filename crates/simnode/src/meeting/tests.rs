//! The state machine: creating, joining, presence, breakout rooms, expiry.

use rand::{SeedableRng, rngs::StdRng};

use super::{
    CreateOutcome, CreateRequest, GuestStatus, JoinOutcome, JoinRequest, Joined, MediaReport,
    Meetings, Role, Timers, minutes,
};

const NOW: u64 = 1_700_000_000_000;

fn dice() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn request(id: &str) -> CreateRequest {
    CreateRequest {
        external_id: id.to_owned(),
        name: "Class".to_owned(),
        voice_bridge_digits: 5,
        guest_policy: "ALWAYS_ACCEPT".to_owned(),
        metadata: [("stamp".to_owned(), "v1".to_owned())].into(),
        timers: Timers {
            if_no_user_joined: minutes(5),
            when_last_user_left: minutes(1),
            ..Timers::default()
        },
        ..CreateRequest::default()
    }
}

fn create(meetings: &mut Meetings, request: CreateRequest) -> String {
    match meetings.create(request, NOW, &mut dice()) {
        CreateOutcome::Created(meeting) => meeting.internal_id.clone(),
        other => panic!("{other:?}"),
    }
}

fn wants(role: Role) -> JoinRequest {
    JoinRequest {
        name: "Ada".to_owned(),
        external_id: None,
        role,
        guest: false,
        authenticated: true,
        bot: false,
        custom_data: Vec::new(),
        logout_url: String::new(),
        existing_user: None,
    }
}

fn join(meetings: &mut Meetings, id: &str, role: Role) -> Joined {
    match meetings.join(id, wants(role), None, &mut rand::rng()) {
        JoinOutcome::Joined(joined) => joined,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_passwords_are_compared_on_a_second_create() {
    let with = |attendee: Option<&str>, moderator: Option<&str>| CreateRequest {
        name: "Another".to_owned(),
        attendee_password: attendee.map(str::to_owned),
        moderator_password: moderator.map(str::to_owned),
        ..request("room")
    };
    let table = [
        (None, None, true),
        (Some("ap"), Some("mp"), true),
        (Some("ap"), None, false),
        (None, Some("mp"), false),
        (Some("ap"), Some("xx"), false),
    ];
    for (attendee, moderator, same) in table {
        let mut meetings = Meetings::default();
        create(&mut meetings, with(Some("ap"), Some("mp")));
        let outcome = meetings.create(with(attendee, moderator), NOW + 1, &mut dice());
        match outcome {
            CreateOutcome::Duplicate(meeting) => {
                assert!(same, "{attendee:?} {moderator:?}");
                assert_eq!(meeting.create_time, NOW);
            }
            CreateOutcome::IdNotUnique => assert!(!same, "{attendee:?} {moderator:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_ended_meeting_can_be_made_again_with_a_new_internal_id() {
    let mut meetings = Meetings::default();
    let first = create(&mut meetings, request("room"));
    meetings.end(&first);
    let second = create(&mut meetings, request("room"));
    assert_ne!(first, second);
    assert!(meetings.get(&first).is_none() && meetings.find("room").is_some());
}

#[test]
fn a_voice_bridge_in_use_is_refused() {
    let bridged = |id: &str| CreateRequest { voice_bridge: Some("70000".into()), ..request(id) };
    let mut meetings = Meetings::default();
    create(&mut meetings, bridged("one"));
    let outcome = meetings.create(bridged("two"), NOW, &mut dice());
    assert!(matches!(outcome, CreateOutcome::VoiceBridgeInUse));
}

#[test]
fn meetings_are_found_by_external_id_internal_id_and_its_prefix() {
    let mut meetings = Meetings::default();
    let internal = create(&mut meetings, request("room"));
    let prefix: String = internal.chars().take(12).collect();
    for id in ["room", internal.as_str(), prefix.as_str()] {
        assert!(meetings.find(id).is_some(), "{id}");
    }
    for id in ["", "roo", "room2", "zz"] {
        assert!(meetings.find(id).is_none(), "{id}");
    }
}

#[test]
fn users_are_present_while_a_socket_is_open() {
    let mut meetings = Meetings::default();
    let id = create(&mut meetings, request("room"));
    let moderator = join(&mut meetings, &id, Role::Moderator).key;
    assert!(!meetings.get(&id).unwrap().is_running());
    meetings.connect(&moderator, NOW);
    meetings.connect(&moderator, NOW);
    meetings.report_media(&moderator, 1, MediaReport::Microphone(true));
    meetings.report_media(&moderator, 1, MediaReport::CameraOn("c".into()));
    let user = meetings.user(&moderator).unwrap();
    assert!(user.presenter && user.has_voice() && user.cameras() == 1);
    meetings.report_media(&moderator, 1, MediaReport::Closed);
    assert!(!meetings.user(&moderator).unwrap().has_voice());
    meetings.disconnect(&moderator, NOW);
    assert!(meetings.get(&id).unwrap().is_running());
    meetings.disconnect(&moderator, NOW);
    let meeting = meetings.get(&id).unwrap();
    assert!(!meeting.is_running() && meeting.has_user_joined);
}

#[test]
fn a_session_token_needs_the_cookie_it_came_with() {
    let mut meetings = Meetings::default();
    let id = create(&mut meetings, request("room"));
    let one = join(&mut meetings, &id, Role::Viewer);
    let two = join(&mut meetings, &id, Role::Viewer);
    let cookie = Some(one.servlet_session.as_str());
    let token = one.session_token.as_str();
    assert_eq!(meetings.authorize(token, cookie, false), Some(one.key.clone()));
    assert_eq!(meetings.authorize(token, None, false), None);
    assert_eq!(meetings.authorize(token, Some(&two.servlet_session), false), None);
    assert_eq!(meetings.authorize("unknown", cookie, true), None);
    assert!(meetings.authorize(token, None, true).is_some());
    meetings.end(&id);
    assert_eq!(meetings.authorize(token, cookie, true), None);
}

#[test]
fn a_second_join_of_the_same_browser_keeps_its_cookie() {
    let mut meetings = Meetings::default();
    let id = create(&mut meetings, request("room"));
    let one = join(&mut meetings, &id, Role::Viewer);
    let again = meetings.join(&id, wants(Role::Viewer), Some(&one.servlet_session), &mut dice());
    let JoinOutcome::Joined(two) = again else { panic!("{again:?}") };
    assert!(one.new_servlet_session && !two.new_servlet_session);
    let cookie = Some(one.servlet_session.as_str());
    for token in [&one.session_token, &two.session_token] {
        assert!(meetings.authorize(token, cookie, false).is_some());
    }
}

#[test]
fn a_full_meeting_takes_only_those_who_are_in_it_and_bots() {
    let mut meetings = Meetings::default();
    let id = create(&mut meetings, CreateRequest { max_users: 1, ..request("room") });
    let ada = JoinRequest { external_id: Some("ada".into()), ..wants(Role::Viewer) };
    let JoinOutcome::Joined(joined) = meetings.join(&id, ada.clone(), None, &mut dice()) else {
        panic!("the first one fits")
    };
    meetings.connect(&joined.key, NOW);
    let mut outcome = |request| meetings.join(&id, request, None, &mut rand::rng());
    assert_eq!(outcome(wants(Role::Viewer)), JoinOutcome::Full);
    assert!(matches!(outcome(ada), JoinOutcome::Joined(_)));
    let bot = JoinRequest { bot: true, ..wants(Role::Viewer) };
    assert!(matches!(outcome(bot), JoinOutcome::Joined(_)));
}

#[test]
fn guest_policies() {
    // policy, role, guest, authenticated
    let table = [
        ("ALWAYS_ACCEPT", Role::Viewer, true, false, Some(GuestStatus::Allow)),
        ("ALWAYS_DENY", Role::Viewer, false, true, None),
        ("ALWAYS_DENY", Role::Moderator, false, true, Some(GuestStatus::Allow)),
        ("ASK_MODERATOR", Role::Viewer, true, false, Some(GuestStatus::Wait)),
        ("ASK_MODERATOR", Role::Viewer, false, true, Some(GuestStatus::Wait)),
        ("ASK_MODERATOR", Role::Viewer, false, false, Some(GuestStatus::Allow)),
        ("ALWAYS_ACCEPT_AUTH", Role::Viewer, true, true, Some(GuestStatus::Wait)),
        ("ALWAYS_ACCEPT_AUTH", Role::Viewer, false, true, Some(GuestStatus::Allow)),
    ];
    for (policy, role, guest, authenticated, expected) in table {
        let mut meetings = Meetings::default();
        let id =
            create(&mut meetings, CreateRequest { guest_policy: policy.into(), ..request("room") });
        let wanted = JoinRequest { guest, authenticated, ..wants(role) };
        let status = match meetings.join(&id, wanted, None, &mut dice()) {
            JoinOutcome::Joined(joined) => Some(joined.guest_status),
            JoinOutcome::Denied => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(status, expected, "{policy} {role:?} {guest} {authenticated}");
    }
}

#[test]
fn a_waiting_guest_is_in_once_admitted() {
    let mut meetings = Meetings::default();
    let id = create(
        &mut meetings,
        CreateRequest { guest_policy: "ASK_MODERATOR".into(), ..request("room") },
    );
    let guest = join(&mut meetings, &id, Role::Viewer).key;
    meetings.connect(&guest, NOW);
    assert!(!meetings.get(&id).unwrap().is_running());
    meetings.admit(&id, &guest.user, NOW);
    assert!(meetings.get(&id).unwrap().is_running());
}

#[test]
fn breakout_rooms_carry_the_parents_metadata_and_end_with_it() {
    let mut meetings = Meetings::default();
    let id = create(&mut meetings, request("room"));
    let moderator = join(&mut meetings, &id, Role::Moderator).key;
    let viewer = join(&mut meetings, &id, Role::Viewer).key;
    assert_eq!(meetings.create_breakout(&moderator, NOW, &mut dice()), None);
    meetings.connect(&moderator, NOW);
    meetings.connect(&viewer, NOW);
    assert_eq!(meetings.create_breakout(&viewer, NOW, &mut dice()), None);
    let first = meetings.create_breakout(&moderator, NOW, &mut dice()).unwrap();
    let second = meetings.create_breakout(&moderator, NOW, &mut dice()).unwrap();
    let parent = meetings.get(&id).unwrap();
    let room = meetings.get(&second).unwrap();
    assert_eq!(room.metadata, parent.metadata);
    assert_eq!(room.voice_bridge, format!("{}2", parent.voice_bridge));
    let breakout = room.breakout.as_ref().unwrap();
    assert_eq!((breakout.parent_internal_id.as_str(), breakout.sequence), (id.as_str(), 2));
    assert_eq!(parent.breakout_rooms.len(), 2);
    meetings.end(&first);
    assert_eq!(meetings.get(&id).unwrap().breakout_rooms.len(), 1);
    meetings.end(&id);
    assert_eq!(meetings.iter().count(), 0);
}

#[test]
fn meetings_end_by_themselves() {
    let minute = minutes(1);
    let mut meetings = Meetings::default();
    create(&mut meetings, request("never joined"));
    assert!(!meetings.end_due(NOW + minutes(5) - 1));
    assert!(meetings.end_due(NOW + minutes(5)));

    let left = create(&mut meetings, request("left"));
    let user = join(&mut meetings, &left, Role::Viewer).key;
    meetings.connect(&user, NOW);
    assert!(!meetings.end_due(NOW + minutes(60)));
    meetings.disconnect(&user, NOW + minutes(60));
    assert!(!meetings.end_due(NOW + minutes(61) - 1));
    assert!(meetings.end_due(NOW + minutes(61)));

    let long = create(&mut meetings, CreateRequest { duration: 2, ..request("long") });
    let user = join(&mut meetings, &long, Role::Viewer).key;
    meetings.connect(&user, NOW);
    assert!(!meetings.end_due(NOW + minute));
    assert!(meetings.end_due(NOW + 2 * minute + 1000));

    let timers = Timers { without_moderator: Some(minute), ..request("x").timers };
    let led = create(&mut meetings, CreateRequest { timers, ..request("led") });
    let moderator = join(&mut meetings, &led, Role::Moderator).key;
    let viewer = join(&mut meetings, &led, Role::Viewer).key;
    meetings.connect(&moderator, NOW);
    meetings.connect(&viewer, NOW);
    meetings.disconnect(&moderator, NOW);
    assert!(!meetings.end_due(NOW + minute - 1));
    assert!(meetings.end_due(NOW + minute));
}

#[test]
fn a_meeting_that_never_expires_when_empty_stays() {
    let mut meetings = Meetings::default();
    let timers = Timers::default();
    let id = create(&mut meetings, CreateRequest { timers, ..request("room") });
    let user = join(&mut meetings, &id, Role::Viewer).key;
    meetings.connect(&user, NOW);
    meetings.disconnect(&user, NOW);
    assert!(!meetings.end_due(NOW + minutes(10_000)));
}
