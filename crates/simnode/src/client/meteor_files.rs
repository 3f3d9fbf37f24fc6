//! The files of a 2.x client, as Meteor's build leaves them in `web.browser`.

use super::{
    assets::wasm,
    common::{self, LOGO},
    files::{ClientFiles, MeteorNames, vocabulary},
    locales,
};
use crate::{checksum::Algorithm, release::Release};

/// The script's sources in the order in which they are joined.
const SCRIPT: [&str; 8] = [
    include_str!("../../client/page.js"),
    include_str!("../../client/ddp.js"),
    include_str!("../../client/devices.js"),
    include_str!("../../client/upload.js"),
    include_str!("../../client/steps.js"),
    include_str!("../../client/following.js"),
    include_str!("../../client/meeting.js"),
    include_str!("../../client/main-2.x.js"),
];

/// The stylesheets, joined into one file whose place is no folder's: no
/// relative addresses. The font's rules stand in the page.
const STYLESHEETS: [&str; 6] = [
    include_str!("../../client/stylesheets/normalize.css"),
    include_str!("../../client/stylesheets/fontSizing.css"),
    include_str!("../../client/stylesheets/modals.css"),
    include_str!("../../client/stylesheets/toastify.css"),
    include_str!("../../client/stylesheets/toggleSwitch.css"),
    "body { font-family: system-ui, \"Segoe UI\", \"Source Sans Pro\", sans-serif; }\n",
];

/// How much script stands behind the code that the page runs.
const BALLAST: usize = 5_400_000;

/// How many style rules stand behind those of the page.
const STYLE_BALLAST: usize = 60_000;

/// Adds the files of a release.
pub(super) fn add(client: &mut ClientFiles, release: &Release) {
    let patch = release.patch();
    let own = format!("{}\n{}", common::constants(release, false), SCRIPT.join("\n"));
    let styles = STYLESHEETS.join("\n");
    // The ballast follows from the release, so it need not be made to be named.
    let names = MeteorNames {
        script: format!("{}.js", Algorithm::Sha1.hex(&format!("{own}{release}"))),
        stylesheet: format!("{}.css", Algorithm::Sha1.hex(&styles)),
    };
    client.add(names.script.clone(), move || {
        format!("{own}\n{}", vocabulary().script("bundle-2.7", patch, BALLAST))
    });
    client.add(names.stylesheet.clone(), move || {
        format!("{styles}{}", vocabulary().styles("merged", STYLE_BALLAST))
    });
    client.meteor = Some(names);

    common::add(client, "app/", release);
    client.add("app/locales/index.json", || {
        let names: Vec<String> =
            locales::LANGUAGES.iter().map(|name| format!("{name}.json")).collect();
        serde_json::Value::from(names).to_string()
    });
    client.add("app/files/tldraw/logo.svg", || LOGO);
    for (name, length) in [("tflite", 22_000), ("tflite-simd", 18_000)] {
        client.add(format!("app/wasm/{name}.wasm"), move || wasm(name, length));
    }
    client.add("program.json", || "{\"format\": \"web-program-pre1\"}\n");
}
