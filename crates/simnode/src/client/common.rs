//! What the clients of both release lines have in common.

use super::{
    assets::{ICONS, SOUNDS, icon, sound},
    dice::noise,
    files::{ClientFiles, vocabulary},
    font, locales,
};
use crate::release::Release;

pub(super) const LOGO: &str = include_str!("../../client/logo.svg");

/// Scripts that stand beside the bundle, with their sizes.
pub(super) const COMPATIBILITY: [(&str, usize); 3] =
    [("sip", 90_000), ("tflite-simd", 40_000), ("tflite", 40_000)];

pub(super) const SOURCE_SANS: [(&str, u16, &str); 8] = [
    ("SourceSansPro-Light", 300, "normal"),
    ("SourceSansPro-LightItalic", 300, "italic"),
    ("SourceSansPro-Regular", 400, "normal"),
    ("SourceSansPro-Italic", 400, "italic"),
    ("SourceSansPro-Semibold", 600, "normal"),
    ("SourceSansPro-SemiboldItalic", 600, "italic"),
    ("SourceSansPro-Bold", 700, "normal"),
    ("SourceSansPro-BoldItalic", 700, "italic"),
];

/// Adds what both clients have, below `root` (empty or ending in a slash).
pub(super) fn add(client: &mut ClientFiles, root: &str, release: &Release) {
    let build = release.client_build();
    for (name, length) in COMPATIBILITY {
        let (build, patch) = (build.clone(), release.patch());
        client.add(format!("{root}compatibility/{name}.js"), move || {
            format!(
                "// Stands in for the real client's {name}.js, build {build}.\nwindow.__compatibility = (window.__compatibility || []).concat(\"{name}\");\n{}",
                vocabulary().script(name, patch, length)
            )
        });
    }
    client.add(format!("{root}fonts/BbbIcons/bbb-icons.woff2"), || font::woff("bbb-icons"));
    for (name, _, _) in SOURCE_SANS {
        client.add(format!("{root}fonts/SourceSansPro/{name}.woff"), move || font::woff(name));
    }
    for language in locales::LANGUAGES {
        let own = match language {
            "en" => Some(include_str!("../../client/locale.en.json")),
            "de" => Some(include_str!("../../client/locale.de.json")),
            _ => None,
        };
        client.add(format!("{root}locales/{language}.json"), move || {
            locales::messages(language, own)
        });
    }
    for name in SOUNDS {
        client.add(format!("{root}resources/sounds/{name}.mp3"), move || sound(name));
    }
    client.add(format!("{root}resources/images/avatar.svg"), || LOGO);
    for name in ["home", "board", "coffeeshop"] {
        client.add(format!("{root}resources/images/virtual-backgrounds/{name}.svg"), move || {
            icon(name)
        });
    }
    for (name, length) in [("segm_full_v679", 40_000), ("segm_lite_v681", 24_000)] {
        client.add(format!("{root}resources/tfmodels/{name}.tflite"), move || noise(name, length));
    }
    client.add(format!("{root}svgs/tldraw/logo.svg"), || LOGO);
    for name in ICONS {
        client.add(format!("{root}svgs/tldraw/{name}.svg"), move || icon(name));
    }
}

/// What the scripts know of their release; whatever else they know, they know
/// from the node.
pub(super) fn constants(release: &Release, strict: bool) -> String {
    let values = serde_json::json!({
        "line": release.line(),
        "meteor": release.has_meteor(),
        "strict": strict,
        "slidesNeedSession": release.slides_need_session(),
        "slidesTakeCredentials": release.has_cors_origin_variable(),
        "padSessions": release.has_pad_sessions(),
        "notesToWhiteboard": release.has_notes_to_whiteboard(),
        "liveKit": !release.has_meteor(),
        "sharedNotes": release.has_shared_notes_server(),
    });
    format!("const RELEASE = {values};\n")
}

/// The rules that load the text font; `up` leads to the folder of `fonts/`.
pub(crate) fn font_faces(up: &str, build: &str) -> String {
    let faces: Vec<String> = SOURCE_SANS
        .iter()
        .map(|(name, weight, style)| {
            format!(
                "@font-face {{ font-family: \"Source Sans Pro\"; font-weight: {weight}; font-style: {style}; src: url(\"{up}fonts/SourceSansPro/{name}.woff?v={build}\") format(\"woff\"); }}"
            )
        })
        .collect();
    faces.join("\n")
}
