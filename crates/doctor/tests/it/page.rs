//! docs/doctor.md names every check, its source, and the tests that prove it.

use std::{fs, path::Path};

use bluegate_doctor::CHECKS;

/// The text of every test here, by its name.
pub(crate) fn tests() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files = fs::read_dir(folder).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let of_file = |text: String| {
        let marked = text.split("\n#[test]\n").flat_map(|part| part.split("\n#[tokio::test]\n"));
        let function = |part: &str| {
            let (_, rest) = part.split_once("fn ")?;
            let (name, _) = rest.split_once("()")?;
            let (body, _) = rest.split_once("\n}\n")?;
            Some((name.to_owned(), body.to_owned()))
        };
        marked.skip(1).filter_map(function).collect::<Vec<_>>()
    };
    texts.flat_map(of_file).collect()
}

#[test]
fn every_check_is_in_the_page_with_a_test_that_expects_it() {
    let tests = tests();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
    let page = fs::read_to_string(page).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 7 && cells[1].starts_with('`'))
        .collect();
    let ids: Vec<&str> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
    assert_eq!(ids, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
    let mut faults = Vec::new();
    for (check, row) in CHECKS.iter().zip(rows) {
        assert_eq!(row[2], check.proves, "{}", check.id);
        assert_eq!(row[3], check.limit.unwrap_or_default(), "{}", check.id);
        assert_eq!(row[4], check.source, "{}", check.id);
        let named = row[5].split(',').map(|name| name.trim().trim_matches('`'));
        for name in named {
            let test = tests.iter().find(|(known, _)| known == name);
            if test.is_none_or(|(_, body)| !body.contains(check.id)) {
                faults.push(format!("no test `{name}` expects `{}`", check.id));
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}
