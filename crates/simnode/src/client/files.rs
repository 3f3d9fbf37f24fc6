//! The client's files, put together once at start.

use std::{collections::BTreeMap, io::Write as _};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::font;
use crate::{checksum::Algorithm, install::CLIENT_SETTINGS, release::Release};

/// The bundle's sources in the order in which they are joined.
const BUNDLE: [&str; 5] = [
    include_str!("../../client/page.js"),
    include_str!("../../client/graphql.js"),
    include_str!("../../client/devices.js"),
    include_str!("../../client/upload.js"),
    include_str!("../../client/main.js"),
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

const SOURCE_SANS: [(&str, u16, &str); 8] = [
    ("SourceSansPro-Light", 300, "normal"),
    ("SourceSansPro-LightItalic", 300, "italic"),
    ("SourceSansPro-Regular", 400, "normal"),
    ("SourceSansPro-Italic", 400, "italic"),
    ("SourceSansPro-Semibold", 600, "normal"),
    ("SourceSansPro-SemiboldItalic", 600, "italic"),
    ("SourceSansPro-Bold", 700, "normal"),
    ("SourceSansPro-BoldItalic", 700, "italic"),
];

const LOGO: &str = include_str!("../../client/logo.svg");

/// Languages that have a file of their own, though it may hold no words yet.
const UNTRANSLATED: [&str; 6] = ["es", "fr", "it", "nl", "pt", "uk"];

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct ClientFile {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    /// The bytes of its `.gz` sibling.
    pub(crate) gzip: Option<Bytes>,
}

/// All files by path below the client's folder, e.g. `locales/en.json`.
#[derive(Debug)]
pub(crate) struct ClientFiles {
    files: BTreeMap<String, ClientFile>,
    /// When all of them were last modified, in seconds since 1970.
    pub(crate) modified: u64,
}

impl ClientFiles {
    /// Makes the files of a release.
    pub(crate) fn build(release: &Release, strict: bool) -> Self {
        let mut client = Self { files: BTreeMap::new(), modified: release.packed_at() };
        let build = release.client_build();
        let bundle = format!("const STRICT = {strict};\n\n{}", BUNDLE.join("\n"));
        let hash: String = Algorithm::Sha256.hex(&bundle).chars().take(20).collect();
        let logo_hash: String = Algorithm::Sha256.hex(LOGO).chars().take(32).collect();

        client.add("index.html", index(&build, &hash));
        client.add(&format!("bundle.{hash}.js"), bundle);
        client.add(&format!("{logo_hash}.svg"), LOGO);
        for (name, text) in STYLESHEETS {
            let text = text
                .replace("FONT_FACES", &font_faces(&build))
                .replace("LOGO_HASH", &logo_hash)
                .replace("VERSION", &build);
            client.add(&format!("stylesheets/{name}.css"), text);
        }
        for name in ["sip", "tflite-simd", "tflite"] {
            let text = format!(
                "// Stands in for the real client's {name}.js, build {build}.\nwindow.__compatibility = (window.__compatibility || []).concat(\"{name}\");\n"
            );
            client.add(&format!("compatibility/{name}.js"), text);
        }
        client.add("fonts/BbbIcons/bbb-icons.woff2", font::woff("bbb-icons"));
        for (name, _, _) in SOURCE_SANS {
            client.add(&format!("fonts/SourceSansPro/{name}.woff"), font::woff(name));
        }
        client.add("locales/en.json", include_str!("../../client/locale.en.json"));
        client.add("locales/de.json", include_str!("../../client/locale.de.json"));
        for language in UNTRANSLATED {
            client.add(&format!("locales/{language}.json"), "{}\n");
        }
        client.add("wasm/noise-suppression.wasm", wasm());
        for name in ["userJoin", "userLeave", "notify"] {
            client.add(&format!("resources/sounds/{name}.mp3"), silence());
        }
        client.add("resources/images/avatar.svg", LOGO);
        client.add("resources/images/virtual-backgrounds/home.svg", LOGO);
        client.add("resources/tfmodels/segm_full_v679.tflite", noise("segm", 64 * 1024));
        client.add("svgs/tldraw/logo.svg", LOGO);
        // The package's defaults lie in the web folder, with open places still open.
        client.add(
            "private/config/settings.yml",
            CLIENT_SETTINGS
                .replace("HTML5_CLIENT_VERSION", &build)
                .replace("WS_URL", "wss://HOST/bbb-webrtc-sfu")
                .replace("PADS_URL", "https://HOST/pad"),
        );
        client
    }

    fn add(&mut self, path: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let extension = path.rsplit('.').next().unwrap_or_default();
        let gzip = ["js", "css", "wasm"].contains(&extension).then(|| gzip(&bytes));
        self.files.insert(path.to_owned(), ClientFile { bytes, gzip });
    }

    /// A file by path.
    pub(crate) fn get(&self, path: &str) -> Option<&ClientFile> {
        self.files.get(path)
    }

    /// Whether there are files below a path (`""` is the whole folder).
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.files.keys().any(|key| key.starts_with(&prefix))
    }

    /// Names and sizes of the files directly in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<(&str, usize)> {
        let prefix = format!("{folder}/");
        self.files
            .iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(&prefix)?, file.bytes.len())))
            .filter(|(name, _)| !name.contains('/'))
            .collect()
    }
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
        .replace("BUNDLE_HASH", hash)
        .replace("VERSION", build)
}

fn font_faces(build: &str) -> String {
    let faces: Vec<String> = SOURCE_SANS
        .iter()
        .map(|(name, weight, style)| {
            format!(
                "@font-face {{ font-family: \"Source Sans Pro\"; font-weight: {weight}; font-style: {style}; src: url(\"../fonts/SourceSansPro/{name}.woff?v={build}\") format(\"woff\"); }}"
            )
        })
        .collect();
    faces.join("\n")
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory cannot fail").into()
}

/// An empty module with a custom section, so that it is not tiny.
fn wasm() -> Vec<u8> {
    const SECTION: usize = 16_000;
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    let mut name = vec![7];
    name.extend_from_slice(b"padding");
    let filling = noise("wasm", SECTION - name.len());
    bytes.push(0);
    // 16000 as LEB128.
    bytes.extend([0x80, 0x7d]);
    bytes.extend(name);
    bytes.extend(filling);
    bytes
}

/// Half a second of silence: MPEG-1 layer III frames, 128 kbit/s, 44.1 kHz.
fn silence() -> Vec<u8> {
    const FRAME: usize = 417;
    const FRAMES: usize = 20;
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc4];
    frame.resize(FRAME, 0);
    frame.repeat(FRAMES)
}

/// Bytes that do not compress and are the same everywhere.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    })
    .take(length)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::ClientFiles;
    use crate::release::Release;

    fn build(release: &str, strict: bool) -> ClientFiles {
        ClientFiles::build(&Release::parse(release).unwrap(), strict)
    }

    #[test]
    fn equal_on_every_node_of_a_release_and_different_on_the_next() {
        let (one, two, next) =
            (build("3.0.28", false), build("3.0.28", false), build("3.0.29", false));
        assert_eq!(one.modified, two.modified);
        assert_ne!(one.modified, next.modified);
        for (path, file) in &one.files {
            let same = two.get(path).unwrap();
            assert_eq!((&file.bytes, &file.gzip), (&same.bytes, &same.gzip), "{path}");
        }
        assert_ne!(one.get("index.html").unwrap().bytes, next.get("index.html").unwrap().bytes);
    }

    #[test]
    fn every_file_the_pages_name_is_there() {
        let client = build("3.0.28", false);
        let text =
            |path: &str| String::from_utf8(client.get(path).unwrap().bytes.to_vec()).unwrap();
        let mut named: Vec<String> = Vec::new();
        let index = text("index.html");
        for part in index.split(['"', '\'']) {
            if part.contains("?v=") || part.starts_with("bundle.") {
                named.push(part.split('?').next().unwrap().to_owned());
            }
        }
        for sheet in ["bbb-icons", "fonts"] {
            for part in text(&format!("stylesheets/{sheet}.css")).split("url(\"../").skip(1) {
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
    fn strictness_changes_the_bundle_and_its_name() {
        let name = |client: &ClientFiles| {
            client.files.keys().find(|path| path.starts_with("bundle.")).unwrap().clone()
        };
        assert_ne!(name(&build("3.0.28", false)), name(&build("3.0.28", true)));
    }
}
