//! Every built-in profile is whole.

use bluegate_cluster::BbbVersion;

use super::*;
use crate::detect::features;

fn is_bound(bound: Option<&String>) -> bool {
    bound.is_none_or(|bound| bound.parse::<BbbVersion>().is_ok())
}

/// Names a feature that there is.
fn is_condition(name: &str) -> bool {
    let name = name.strip_prefix('!').unwrap_or(name);
    name == "cross-site" || features().iter().any(|feature| feature.name == name)
}

#[test]
fn every_entry_says_one_thing_and_why() {
    for profile in Profiles::built_in().every() {
        for file in &profile.files {
            let place = format!("{}: {}", profile.name, file.path);
            assert!(file.path.starts_with("/etc/"), "{place}: belongs to a package");
            assert!(u32::from_str_radix(&file.mode, 8).is_ok(), "{place}");
            for service in &file.restart {
                assert!(services().iter().any(|known| known.name == *service), "{place} {service}");
            }
            for entry in &file.entries {
                let said = [
                    entry.value.is_some(),
                    entry.flags.is_some(),
                    entry.body.is_some(),
                    entry.copy_locations_of.is_some(),
                ];
                assert_eq!(said.iter().filter(|said| **said).count(), 1, "{place} {}", entry.key);
                assert!(!entry.why.is_empty() && !entry.source.is_empty(), "{place} {}", entry.key);
                assert!(
                    is_bound(entry.from.as_ref()) && is_bound(entry.before.as_ref()),
                    "{place}"
                );
                assert!(entry.when.iter().all(|name| is_condition(name)), "{place} {}", entry.key);
            }
            for retired in &file.retired {
                assert!(!retired.why.is_empty() && !retired.source.is_empty(), "{place}");
                assert!(is_bound(retired.from.as_ref()) && is_bound(retired.before.as_ref()));
            }
        }
        for edit in &profile.package_edits {
            assert!(edit.when.iter().all(|name| is_condition(name)), "{}", edit.path);
            assert!(!edit.why.is_empty() && !edit.source.is_empty(), "{}", edit.path);
        }
    }
}

#[test]
fn releases_find_their_profile_and_no_two_claim_one() {
    for (release, wanted) in [
        ("2.4.0", "2.4"),
        ("2.4.3", "2.4"),
        ("2.5.19", "2.5"),
        ("2.6.0", "2.6"),
        ("2.6.10", "2.6"),
        ("2.7.17", "2.7"),
        ("3.0.0-beta.2", "3.0"),
        ("3.0.0", "3.0"),
        ("3.0.28", "3.0"),
        ("3.0", "3.0"),
        ("3.1.0-alpha.1", "4.0"),
        ("3.1", "4.0"),
        ("4.0.0-beta.1", "4.0"),
        ("4.0.2", "4.0"),
    ] {
        let release: BbbVersion = release.parse().unwrap();
        assert_eq!(Profile::for_release(&release).unwrap().name, wanted, "{release}");
    }
    assert!(Profiles::built_in().every().count() >= 6);
}

#[test]
fn a_release_without_profile_is_named() {
    for release in ["2.3.1", "3.0.0-alpha.5", "5.0.0"] {
        let error = Profile::for_release(&release.parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "there is no profile for BBB {release}; there are profiles for 2.4, 2.5, 2.6, 2.7, 3.0, 4.0. Name the nearest with `--bbb` to plan as for that"
            )
        );
    }
}
