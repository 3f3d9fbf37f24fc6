//! Recording nodes: the same plan comes out, and no secret.

use super::*;

#[test]
fn every_fixture_is_recorded_and_planned_the_same() {
    for entry in fs::read_dir(fixtures()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let root = installed(&name);
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join(&name);
        let recorded = record(&Folder::new(root.path()), &target(), &[], &into).unwrap();
        assert!(recorded.files.len() > 5, "{name}: {recorded:?}");
        let shown = |root: &Path| {
            let plan = target().plan(&Folder::new(root)).unwrap();
            let changes = plan.changes.iter();
            changes.map(|change| (change.path.clone(), change.kind, change.diff())).collect()
        };
        let (node, recording): (Vec<_>, Vec<_>) = (shown(root.path()), shown(&into));
        assert_eq!(node, recording, "{name}: to the last line, since diffs hide secrets");
    }
}

#[test]
fn secrets_stay_on_the_node() {
    let root = installed("3.0-stock");
    let put = |path: &str, text: &[u8]| fs::write(root.path().join(path), text).unwrap();
    put(
        "etc/bigbluebutton/bbb-web.properties",
        b"securitySalt=sesame-one\ncaf\xE9=1\n# once it was sesame-two\n",
    );
    put("etc/bigbluebutton/bbb-html5.yml", b"private:\n  app:\n    apiToken: sesame-three\n");
    put("etc/default/bbb-graphql-server", b"DB=postgres://u:sesame-four@127.0.0.1:5432/x\n");
    let folder = tempfile::tempdir().unwrap();
    let host = Folder::new(root.path());
    record(&host, &target(), &["sesame-two"], &folder.path().join("new")).unwrap();
    for (path, (bytes, ..)) in tree(&folder.path().join("new")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("sesame"), "{}:\n{text}", path.display());
    }
    let properties = fs::read(folder.path().join("new/etc/bigbluebutton/bbb-web.properties"));
    assert_eq!(
        properties.unwrap(),
        b"securitySalt=redacted\ncaf\xE9=1\n# once it was redacted\n",
        "every other byte stays"
    );
    let again = record(&host, &target(), &[], &folder.path().join("new")).unwrap_err();
    assert!(matches!(again, RecordError::NotEmpty(_)), "{again}");
}
