use bluegate_bbb_api::Parameters;
use bluegate_store::StoredRecording;
use proptest::prelude::*;

use super::*;

struct Row<'a> {
    keeper: &'a str,
    id: &'a str,
    tenant: Option<&'a str>,
    state: &'a str,
    time: i64,
}

fn kept(row: &Row<'_>, revision: i64) -> Kept {
    let Row { keeper, id, tenant, state, time } = row;
    let row = StoredRecording {
        keeper: (*keeper).to_owned(),
        record_id: (*id).to_owned(),
        tenant: tenant.map(|name| name.parse().unwrap()),
        meeting_id: None,
        document: format!(
            "<recording><recordID>{id}</recordID><meetingID>m</meetingID><state>{state}</state>\
             <startTime>{time}</startTime><metadata><at>{keeper}</at></metadata></recording>"
        ),
        seen_at: 0,
        gone: false,
        revision,
    };
    Kept::of(&row, None).unwrap()
}

fn index() -> Index {
    let mut index = Index::default();
    let row = |keeper, id, tenant, state, time| Row { keeper, id, tenant, state, time };
    for (revision, row) in [
        row("a1", "f1-1", Some("physics"), "published", 10),
        row("b1", "f1-2", Some("physics"), "unpublished", 30),
        row("a1", "e2-1", Some("physics"), "published", 20),
        row("a1", "d3-1", Some("physics"), "deleted", 40),
        row("a1", "f1-3", Some("history"), "published", 50),
        row("a1", "f1-4", None, "published", 60),
    ]
    .iter()
    .enumerate()
    {
        index.insert(kept(row, i64::try_from(revision).unwrap()));
    }
    index
}

fn ids(selected: &Selected) -> Vec<&str> {
    selected.shown.iter().map(|kept| kept.record_id.as_str()).collect()
}

fn select(index: &Index, tenant: &str, query: &str, prefixes: Option<&[&str]>) -> Selected {
    let query = RecordingQuery::read(&Parameters::of_query(query));
    let prefixes: Option<Vec<String>> =
        prefixes.map(|all| all.iter().map(ToString::to_string).collect());
    index.select(&tenant.parse().unwrap(), &query, prefixes.as_deref(), |_| Some(1))
}

#[test]
fn a_tenant_is_shown_its_own_the_newest_first() {
    let index = index();
    for (tenant, query, prefixes, wanted) in [
        ("physics", "", None, vec!["f1-2", "e2-1", "f1-1"]),
        ("physics", "state=any", None, vec!["d3-1", "f1-2", "e2-1", "f1-1"]),
        ("physics", "state=any", Some(&["f1", "d"][..]), vec!["f1-2", "f1-1", "d3-1"]),
        ("physics", "", Some(&["f1-1", "f1"][..]), vec!["f1-1", "f1-2"]),
        ("physics", "", Some(&["F1"][..]), vec![]),
        ("physics", "", Some(&[][..]), vec![]),
        ("physics", "meta_at=a1", None, vec!["e2-1", "f1-1"]),
        ("history", "state=any", Some(&["f", "e", "d"][..]), vec!["f1-3"]),
        ("default", "state=any", None, vec![]),
    ] {
        let selected = select(&index, tenant, query, prefixes);
        assert_eq!(ids(&selected), wanted, "{tenant} {query} {prefixes:?}");
    }
    assert_eq!(index.count(&"physics".parse().unwrap()), 3);
    assert_eq!(index.count(&"nobody".parse().unwrap()), 0);
}

#[test]
fn a_page_is_cut_from_what_is_found() {
    let index = index();
    for (query, wanted, total) in [
        ("limit=2", vec!["f1-2", "e2-1"], Some(3)),
        ("limit=2&offset=2", vec!["f1-1"], Some(3)),
        ("limit=2&offset=9", vec![], Some(3)),
        ("offset=2", vec!["f1-2", "e2-1", "f1-1"], None),
    ] {
        let selected = select(&index, "physics", query, None);
        assert_eq!(ids(&selected), wanted, "{query}");
        assert_eq!(selected.page.map(|(_, total)| total), total, "{query}");
    }
}

#[test]
fn of_copies_the_best_is_shown() {
    let mut index = Index::default();
    let row = |keeper, state| Row { keeper, id: "f", tenant: Some("physics"), state, time: 1 };
    let tenant: TenantName = "physics".parse().unwrap();
    let shown = |index: &Index, hidden: &str| {
        let query = RecordingQuery::read(&Parameters::of_query("state=any"));
        let rank = |keeper: &Keeper| match keeper.as_str() {
            name if name == hidden => None,
            "a1" => Some(3),
            _ => Some(1),
        };
        let selected = index.select(&tenant, &query, None, rank);
        selected.shown.first().map(|kept| kept.keeper.as_str().to_owned())
    };
    index.insert(kept(&row("a1", "published"), 1));
    index.insert(kept(&row("b1", "published"), 2));
    assert_eq!(shown(&index, "").as_deref(), Some("b1"), "the better keeper");
    assert_eq!(shown(&index, "b1").as_deref(), Some("a1"), "the one that is there");
    index.insert(kept(&row("b1", "unpublished"), 3));
    assert_eq!(shown(&index, "").as_deref(), Some("a1"), "the one that may be seen");
    index.insert(kept(&row("/delegate", "deleted"), 4));
    assert_eq!(shown(&index, "").as_deref(), Some("/delegate"), "whose word counts");
    let named = TenantRecordingId::new(&tenant, "f");
    assert_eq!(index.copies(&named).len(), 3);
    assert_eq!(index.beginning(&TenantRecordingId::new(&tenant, "")).count(), 3);
    assert!(index.copies(&TenantRecordingId::new(&"history".parse().unwrap(), "f")).is_empty());
}

#[test]
fn an_older_change_undoes_nothing() {
    let mut index = index();
    let keeper = Keeper::named("a1").unwrap();
    let row = |state| Row { keeper: "a1", id: "f1-1", tenant: Some("history"), state, time: 5 };
    index.insert(kept(&row("published"), 20));
    assert_eq!(ids(&select(&index, "physics", "", None)), ["f1-2", "e2-1"]);
    assert_eq!(ids(&select(&index, "history", "", None)), ["f1-3", "f1-1"]);
    index.insert(kept(&row("deleted"), 19));
    assert!(!index.remove(&keeper, "f1-1", 19));
    assert_eq!(index.at(&keeper, "f1-1").unwrap().state, "published");
    assert!(index.remove(&keeper, "f1-1", 21));
    assert_eq!(ids(&select(&index, "history", "", None)), ["f1-3"]);
    assert_eq!(index.of_keeper(&keeper).count(), 4);
}

proptest! {
    #[test]
    fn what_is_counted_is_what_counting_all_gives(
        changes in proptest::collection::vec((0..2_u8, 0..3_u8, 0..3_u8, 0..3_u8), 0..40)
    ) {
        let mut index = Index::default();
        let tenants = [None, Some("physics"), Some("history")];
        for (revision, (keeper, id, tenant, state)) in (0..).zip(changes) {
            let (keeper, id) = (["a1", "b1"][usize::from(keeper)], format!("f-{id}"));
            let named = Keeper::named(keeper).unwrap();
            match ["published", "deleted", "gone"][usize::from(state)] {
                "gone" => drop(index.remove(&named, &id, revision)),
                state => {
                    let tenant = tenants[usize::from(tenant)];
                    index.insert(kept(&Row { keeper, id: &id, tenant, state, time: 1 }, revision));
                }
            }
            let nobodys = index.by_keeper.values().flat_map(|keeper| keeper.kept.values());
            let nobodys = nobodys.filter(|kept| kept.owner.tenant.is_none()).count();
            prop_assert_eq!(index.count_of_nobody(), nobodys);
            for (tenant, shelf) in &index.by_tenant {
                let left = shelf.copies.values().filter(|copies| remains(copies)).count();
                prop_assert_eq!(index.count(tenant), left);
            }
        }
    }
}
