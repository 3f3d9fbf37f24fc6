//! docs/doctor.md names every check, its source, and tests that exist.

use std::{collections::BTreeMap, fs, path::Path};

use bluegate_doctor::CHECKS;

#[test]
fn every_check_is_in_the_page_with_a_test_that_exists() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = String::new();
    for entry in fs::read_dir(own.join("tests/it")).unwrap() {
        tests += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let page = fs::read_to_string(own.join("../../docs/doctor.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let id = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        (cells.len() == 7).then(|| (id.to_owned(), cells.iter().map(|c| (*c).to_owned()).collect()))
    });
    let rows: BTreeMap<String, Vec<String>> = rows.collect();
    for check in CHECKS {
        let row = rows.get(check.id).unwrap_or_else(|| panic!("`{}` is not in the page", check.id));
        assert_eq!(row[2], check.proves, "{}", check.id);
        assert_eq!(row[3], check.limit.unwrap_or_default(), "{}", check.id);
        assert_eq!(row[4], check.source, "{}", check.id);
        let named: Vec<&str> =
            row[5].split(',').map(|name| name.trim().trim_matches('`')).collect();
        for name in named {
            assert!(tests.contains(&format!("fn {name}()")), "`{}`: no test `{name}`", check.id);
        }
    }
    assert_eq!(rows.len(), CHECKS.len(), "the page has checks that are gone");
}
