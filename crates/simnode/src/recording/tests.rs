use super::{Recording, RecordingState, Recordings, Wanted, matches};

fn recordings() -> Recordings {
    let mut all = Recordings::default();
    for (meeting, start, state) in [
        ("a", 1_000, RecordingState::Published),
        ("a", 2_000, RecordingState::Unpublished),
        ("b", 3_000, RecordingState::Deleted),
        ("c", 4_000, RecordingState::Processing),
    ] {
        let mut recording = Recording::of_meeting(meeting, start);
        recording.state = state;
        recording.metadata.insert("course".to_owned(), format!("course of {meeting}"));
        all.insert(recording);
    }
    all
}

fn found(all: &Recordings, wanted: &Wanted) -> Vec<u64> {
    all.find(wanted).iter().map(|recording| recording.start_time).collect()
}

#[test]
fn states_prefixes_and_metadata_narrow_the_list() {
    let all = recordings();
    let id = Recording::of_meeting("a", 1_000).record_id;
    let (sha1, _) = id.split_once('-').unwrap();
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let course = |pattern: &str| vec![("course".to_owned(), pattern.to_owned())];
    for (prefixes, states, metadata, expected) in [
        (texts(&[]), texts(&[]), vec![], vec![2_000, 1_000]),
        (texts(&[]), texts(&["any"]), vec![], vec![4_000, 3_000, 2_000, 1_000]),
        (texts(&[]), texts(&["deleted", "published"]), vec![], vec![3_000, 1_000]),
        (texts(&[sha1]), texts(&[]), vec![], vec![2_000, 1_000]),
        (texts(&[&id, sha1]), texts(&[]), vec![], vec![1_000, 2_000]),
        (texts(&[&id.to_uppercase()]), texts(&[]), vec![], vec![]),
        (texts(&[]), texts(&["any"]), course("% b"), vec![3_000]),
        (texts(&[]), texts(&["any"]), course("none"), vec![]),
    ] {
        let wanted = Wanted { prefixes, states, metadata };
        assert_eq!(found(&all, &wanted), expected, "{wanted:?}");
    }
}

#[test]
fn percent_signs_at_the_ends_stand_for_anything() {
    for (pattern, value, expected) in [
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("%bc", "abc", true),
        ("ab%", "abc", true),
        ("%b%", "abc", true),
        ("%x%", "abc", false),
        ("a%c", "abc", false),
        ("%", "abc", true),
    ] {
        assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
    }
}

#[test]
fn what_is_deleted_is_found_by_no_call_that_writes() {
    let mut all = recordings();
    let deleted = Recording::of_meeting("b", 3_000).record_id;
    assert!(!all.exists_any(std::slice::from_ref(&deleted)));
    all.publish(std::slice::from_ref(&deleted), true);
    assert_eq!(all.get(&deleted).unwrap().state, RecordingState::Deleted);
    all.update(std::slice::from_ref(&deleted), &[("course".to_owned(), String::new())]);
    assert!(!all.get(&deleted).unwrap().metadata.contains_key("course"));
}
