//! docs/doctor.md has each of the 22 known breakages, with tests that exist or why there is none.

use std::{fs, path::Path};

use bluegate_doctor::CHECKS;

use crate::page::tests;

#[test]
fn every_known_breakage_has_a_test_or_a_reason() {
    let tests = tests();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
    let page = fs::read_to_string(page).unwrap();
    let mut rank = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, checks, proof, _] = cells.as_slice() else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        rank += 1;
        assert_eq!(number, rank, "{line}");
        for check in quoted(checks) {
            assert!(CHECKS.iter().any(|known| known.id == check), "no check `{check}`: {line}");
        }
        let named: Vec<&str> = quoted(proof).filter(|name| !name.contains(['/', ' '])).collect();
        for name in &named {
            let test = tests.iter().find(|(known, _)| known == name);
            let (_, body) = test.unwrap_or_else(|| panic!("no test `{name}`: {line}"));
            assert!(quoted(checks).any(|check| body.contains(check)), "`{name}`: {line}");
        }
        assert_eq!(checks.is_empty(), named.is_empty(), "{line}");
        assert!(!named.is_empty() || proof.starts_with("cannot be "), "{line}");
    }
    assert_eq!(rank, 22);
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
