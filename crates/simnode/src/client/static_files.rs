//! The files of a client since 3.0: everything is one, the page too.

use super::{
    assets::wasm,
    common::{self, LOGO, SOURCE_SANS, font_faces},
    files::{ClientFiles, vocabulary},
};
use crate::{checksum::Algorithm, install::CLIENT_SETTINGS, release::Release};

/// The bundle's sources in the order in which they are joined.
const BUNDLE: [&str; 8] = [
    include_str!("../../client/page.js"),
    include_str!("../../client/graphql.js"),
    include_str!("../../client/devices.js"),
    include_str!("../../client/upload.js"),
    include_str!("../../client/steps.js"),
    include_str!("../../client/following.js"),
    include_str!("../../client/meeting.js"),
    include_str!("../../client/main-3.x.js"),
];

const STYLESHEETS: [(&str, &str); 7] = [
    ("normalize", include_str!("../../client/stylesheets/normalize.css")),
    ("fonts", include_str!("../../client/stylesheets/fonts.css")),
    ("fontSizing", include_str!("../../client/stylesheets/fontSizing.css")),
    ("modals", include_str!("../../client/stylesheets/modals.css")),
    ("toastify", include_str!("../../client/stylesheets/toastify.css")),
    ("toggleSwitch", include_str!("../../client/stylesheets/toggleSwitch.css")),
    ("bbb-icons", include_str!("../../client/stylesheets/bbb-icons.css")),
];

/// How much script stands behind the code that the page runs.
const BALLAST: usize = 5_400_000;

/// How many style rules stand behind those of the page, per stylesheet.
const STYLE_BALLAST: usize = 9_000;

/// Adds the files of a release.
pub(super) fn add(client: &mut ClientFiles, release: &Release, strict: bool) {
    let build = release.client_build();
    let patch = release.patch();
    let own = format!("{}\n{}", common::constants(release, strict), BUNDLE.join("\n"));
    // The ballast follows from the release, so it need not be made to be named.
    let hash: String = Algorithm::Sha256.hex(&format!("{own}{release}")).chars().take(20).collect();
    let logo_hash: String = Algorithm::Sha256.hex(LOGO).chars().take(32).collect();

    let page = index(&build, &hash);
    client.add("index.html", move || page.clone());
    client.add(format!("bundle.{hash}.js"), move || {
        format!("{own}\n{}", vocabulary().script("bundle-3.0", patch, BALLAST))
    });
    client.add(format!("{logo_hash}.svg"), || LOGO);
    for (name, text) in STYLESHEETS {
        let text = text
            .replace("FONT_FACES", &font_faces("../", &build))
            .replace("LOGO_HASH", &logo_hash)
            .replace("VERSION", &build);
        client.add(format!("stylesheets/{name}.css"), move || {
            format!("{text}{}", vocabulary().styles(name, STYLE_BALLAST))
        });
    }
    common::add(client, "", release);
    for (name, length) in [("noise-suppression", 22_000), ("tflite-simd", 18_000)] {
        client.add(format!("wasm/{name}.wasm"), move || wasm(name, length));
    }
    // The package's defaults lie in the web folder, with open places still open.
    client.add("private/config/settings.yml", move || {
        CLIENT_SETTINGS
            .replace("HTML5_CLIENT_VERSION", &build)
            .replace("WS_URL", "wss://HOST/bbb-webrtc-sfu")
            .replace("PADS_URL", "https://HOST/pad")
    });
}

fn index(build: &str, hash: &str) -> String {
    let preloads: Vec<String> = SOURCE_SANS
        .iter()
        .map(|(name, _, _)| {
            format!(
                "  <link rel=\"preload\" href=\"fonts/SourceSansPro/{name}.woff?v={build}\" as=\"font\" type=\"font/woff\" crossorigin=\"anonymous\">"
            )
        })
        .collect();
    include_str!("../../client/index.html")
        .replace("FONT_PRELOADS", &preloads.join("\n"))
        .replace("APP_BODY", include_str!("../../client/body.html"))
        .replace("BUNDLE_HASH", hash)
        .replace("VERSION", build)
}
