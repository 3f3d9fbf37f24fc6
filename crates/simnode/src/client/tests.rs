//! The files of both clients as a whole.

use super::{ClientFiles, Form};
use crate::release::Release;
use std::sync::Arc;

fn build(release: &str, strict: bool) -> Arc<ClientFiles> {
    ClientFiles::shared(&Release::parse(release).unwrap(), strict)
}

fn text(client: &ClientFiles, path: &str) -> String {
    let file = client.get(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.bytes(Form::Plain).to_vec()).unwrap()
}

fn bundle(client: &ClientFiles) -> String {
    let mut names = client.paths().filter(|path| !path.contains('/') && path.ends_with(".js"));
    names.next().unwrap().to_owned()
}

#[test]
fn nodes_of_a_release_share_files_and_their_like_would_be_equal() {
    let (one, two) = (build("3.0.28", false), build("3.0.28", false));
    assert!(Arc::ptr_eq(&one, &two));
    drop(two);
    let paths: Vec<String> = one.paths().map(str::to_owned).collect();
    let bytes: Vec<_> = ["index.html", "locales/ru.json", "compatibility/sip.js"]
        .iter()
        .map(|path| one.get(path).unwrap().bytes(Form::Gzip).clone())
        .collect();
    drop(one);
    let again = build("3.0.28", false);
    assert_eq!(again.paths().collect::<Vec<_>>(), paths);
    for (path, bytes) in ["index.html", "locales/ru.json", "compatibility/sip.js"].iter().zip(bytes)
    {
        assert_eq!(again.get(path).unwrap().bytes(Form::Gzip), &bytes, "{path}");
    }
}

#[test]
fn the_next_release_keeps_most_of_the_bundle() {
    for (release, next) in [("3.0.28", "3.0.29"), ("2.7.17", "2.7.18")] {
        let (one, two) = (build(release, false), build(next, false));
        assert_ne!(one.modified, two.modified);
        assert_ne!(bundle(&one), bundle(&two));
        let (before, after) = (text(&one, &bundle(&one)), text(&two, &bundle(&two)));
        let known: std::collections::BTreeSet<&str> = before.lines().collect();
        let (kept, new): (Vec<&str>, Vec<&str>) =
            after.lines().partition(|line| known.contains(line));
        let size = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
        assert!(size(&new) > 20_000, "{release}: {}", size(&new));
        assert!(size(&new) * 10 < size(&kept), "{release}: {} of {}", size(&new), size(&kept));
    }
}

/// What a browser loads has the size of the real client; languages other than
/// the user's are not loaded.
#[test]
fn the_clients_are_as_large_as_real_ones() {
    for release in ["3.0.28", "2.7.17"] {
        let client = build(release, false);
        let (mut count, mut raw, mut sent) = (0, 0, 0);
        let loaded = |path: &str| !path.contains("locales/") || path.ends_with("/en.json");
        for path in client.paths().filter(|path| loaded(path)) {
            let file = client.get(path).unwrap();
            let form = if file.has(Form::Gzip) { Form::Gzip } else { Form::Plain };
            count += 1;
            raw += file.bytes(Form::Plain).len();
            sent += file.bytes(form).len();
        }
        let of_bundle = client.get(&bundle(&client)).unwrap().bytes(Form::Gzip).len();
        let sizes = format!("{release}: {count} files, {raw} raw, {sent} sent, {of_bundle} bundle");
        assert!((80..=115).contains(&count), "{sizes}");
        assert!((6_000_000..=8_000_000).contains(&raw), "{sizes}");
        assert!((1_000_000..=1_400_000).contains(&sent), "{sizes}");
    }
}

#[test]
fn sixty_languages_are_json_of_realistic_size() {
    let client = build("3.0.28", false);
    let languages: Vec<(&str, usize)> = client.list("locales");
    assert_eq!(languages.len(), 60);
    for (name, size) in languages {
        let path = format!("locales/{name}");
        let messages: serde_json::Value = serde_json::from_str(&text(&client, &path)).unwrap();
        assert!(messages.as_object().unwrap().len() > 500, "{name}");
        assert!((30_000..=220_000).contains(&size), "{name}: {size}");
    }
    let german: serde_json::Value =
        serde_json::from_str(&text(&client, "locales/de.json")).unwrap();
    assert_eq!(german["leave"], "Verlassen");
}

#[test]
fn every_file_the_page_names_is_there() {
    let client = build("3.0.28", false);
    let mut named: Vec<String> = Vec::new();
    let index = text(&client, "index.html");
    for part in index.split(['"', '\'']) {
        if part.contains("?v=") || part.starts_with("bundle.") {
            named.push(part.split('?').next().unwrap().to_owned());
        }
    }
    for sheet in ["bbb-icons", "fonts"] {
        let text = text(&client, &format!("stylesheets/{sheet}.css"));
        for part in text.split("url(\"../").skip(1) {
            named.push(part.split(['"', '?']).next().unwrap().to_owned());
        }
    }
    assert!(named.len() > 25, "{named:?}");
    for path in named {
        assert!(client.get(&path).is_some(), "{path}");
    }
    assert!(
        !index.contains("VERSION") && !index.contains("src=\"/") && !index.contains("href=\"/")
    );
}

#[test]
fn every_icon_and_sound_the_code_names_is_there() {
    let client = build("3.0.28", false);
    let steps = include_str!("../../client/steps.js");
    let mut found = 0;
    for (list, path) in
        [("USED_ICONS", "svgs/tldraw/*.svg"), ("USED_SOUNDS", "resources/sounds/*.mp3")]
    {
        let names = steps.split(&format!("const {list} = [")).nth(1).unwrap();
        for name in names.split(']').next().unwrap().split('"').skip(1).step_by(2) {
            assert!(client.get(&path.replace('*', name)).is_some(), "{name}");
            found += 1;
        }
    }
    assert!(found > 10);
}

#[test]
fn strictness_changes_the_bundle_and_its_name() {
    assert_ne!(bundle(&build("3.0.28", false)), bundle(&build("3.0.28", true)));
}
