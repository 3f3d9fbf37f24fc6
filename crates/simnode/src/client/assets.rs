//! Sounds, modules, pictures and models: small, valid, made by code.

use std::fmt::Write as _;

use super::dice::{Dice, noise};

/// The sounds of the client.
pub(super) const SOUNDS: [&str; 12] = [
    "userJoin",
    "userLeave",
    "notify",
    "Poll",
    "aloneInRoom",
    "doorbell",
    "hand_raise",
    "LeftCall",
    "pushToTalk",
    "timerAlarm",
    "track1",
    "wait_room",
];

/// The drawing tools' icons.
pub(super) const ICONS: [&str; 44] = [
    "align-bottom",
    "align-left",
    "align-right",
    "align-top",
    "arrow-left",
    "arrowhead-arrow",
    "arrowhead-bar",
    "arrowhead-diamond",
    "arrowhead-dot",
    "blob",
    "bring-forward",
    "check",
    "chevron-down",
    "clipboard-copy",
    "color",
    "cross",
    "dash-dashed",
    "dash-dotted",
    "dash-draw",
    "dash-solid",
    "dots-vertical",
    "duplicate",
    "edit",
    "external-link",
    "fill-none",
    "fill-pattern",
    "fill-solid",
    "font-draw",
    "font-mono",
    "geo-arrow-down",
    "geo-cloud",
    "geo-diamond",
    "geo-ellipse",
    "geo-hexagon",
    "geo-rectangle",
    "geo-star",
    "group",
    "tool-arrow",
    "tool-eraser",
    "tool-hand",
    "tool-line",
    "tool-pencil",
    "tool-text",
    "zoom-in",
];

/// A line drawing.
pub(super) fn icon(name: &str) -> String {
    let mut dice = Dice::of(name, 0);
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"30\" viewBox=\"0 0 30 30\" fill=\"none\">",
    );
    for _ in 0..=dice.below(4) {
        text.push_str("<path fill-rule=\"evenodd\" clip-rule=\"evenodd\" fill=\"black\" d=\"M");
        for at in 0..6 + dice.below(30) {
            let command = if at == 0 { "" } else { "L" };
            write!(
                text,
                "{command}{}.{:03} {}.{:03}",
                dice.below(30),
                dice.below(1000),
                dice.below(30),
                dice.below(1000)
            )
            .expect("writing to a String cannot fail");
        }
        text.push_str("Z\"/>");
    }
    text.push_str("</svg>\n");
    text
}

/// Half a second of silence and more: MPEG-1 layer III frames, one channel,
/// 128 kbit/s, 44.1 kHz. Decoders skip what lies behind the (empty) side
/// information, so the frames can hold what does not compress.
pub(super) fn sound(name: &str) -> Vec<u8> {
    const FRAME: usize = 417;
    const HEADER: [u8; 4] = [0xff, 0xfb, 0x90, 0xc4];
    const SIDE_INFORMATION: usize = 17;
    let frames = 8 + Dice::of(name, 0).below(16);
    let mut filling = noise(name, frames * FRAME).into_iter().map(|byte| byte & 0x7f);
    let mut bytes = Vec::with_capacity(frames * FRAME);
    for _ in 0..frames {
        bytes.extend(HEADER);
        bytes.extend([0; SIDE_INFORMATION]);
        bytes.extend(filling.by_ref().take(FRAME - HEADER.len() - SIDE_INFORMATION));
    }
    bytes
}

/// An empty WebAssembly module with a custom section of about `length` bytes.
pub(super) fn wasm(name: &str, length: usize) -> Vec<u8> {
    let mut section = vec![7];
    section.extend_from_slice(b"padding");
    section.extend(noise(name, length));
    let mut bytes = b"\0asm\x01\0\0\0\0".to_vec();
    let mut size = section.len();
    while size >= 0x80 {
        bytes.push(0x80 | u8::try_from(size & 0x7f).unwrap_or_default());
        size >>= 7;
    }
    bytes.push(u8::try_from(size).unwrap_or_default());
    bytes.extend(section);
    bytes
}
