//! A tiny valid font: one empty box for every character, in WOFF.
//!
//! Browsers check fonts before they use them and complain about broken ones, so
//! the bytes have to be a font. The tables follow the OpenType specification;
//! WOFF stores them uncompressed.

use super::dice::noise;

const UNITS: u16 = 1000;
const ADVANCE: u16 = 600;

/// How many bytes of WOFF's private data block a font carries, which readers
/// skip: it makes a font as heavy as a real one.
const PRIVATE: usize = 8_000;

/// A font of this family name. Read by content, browsers take it under the
/// name `.woff2` as well.
pub(super) fn woff(family: &str) -> Vec<u8> {
    let private = noise(family, PRIVATE);
    let tables = tables(family);
    let mut directory = Vec::new();
    let mut data = Vec::new();
    let start = 44 + 20 * tables.len();
    let mut sfnt_size = 12 + 16 * tables.len();
    for (tag, table) in &tables {
        let length = size(table.len());
        directory.extend_from_slice(tag.as_bytes());
        directory.extend(size(start + data.len()));
        directory.extend(length);
        directory.extend(length);
        directory.extend(checksum(table).to_be_bytes());
        data.extend_from_slice(table);
        data.resize(data.len().next_multiple_of(4), 0);
        sfnt_size += table.len().next_multiple_of(4);
    }
    let mut font = b"wOFF\0\x01\0\0".to_vec();
    font.extend(size(start + data.len() + private.len()));
    font.extend(short(tables.len()));
    font.extend([0, 0]);
    font.extend(size(sfnt_size));
    font.extend([0, 1, 0, 0]);
    // No metadata block; then the private one.
    font.extend([0; 12]);
    font.extend(size(start + data.len()));
    font.extend(size(private.len()));
    font.extend(directory);
    font.extend(data);
    font.extend(private);
    font
}

fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0, |sum: u32, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

fn shorts(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// The tables in the order of their tags.
fn tables(family: &str) -> Vec<(&'static str, Vec<u8>)> {
    let glyph = glyph();
    let end = u16::try_from(glyph.len() / 2).unwrap_or(u16::MAX);
    vec![
        ("OS/2", os2()),
        ("cmap", cmap()),
        ("glyf", glyph),
        ("head", head()),
        ("hhea", hhea()),
        ("hmtx", shorts(&[ADVANCE, 0, ADVANCE, 50])),
        // Glyph 0 is empty, glyph 1 the box.
        ("loca", shorts(&[0, 0, end])),
        ("maxp", shorts(&[1, 0, 2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("name", name(family)),
        ("post", [shorts(&[3, 0]), vec![0; 28]].concat()),
    ]
}

/// A box of four points.
fn glyph() -> Vec<u8> {
    let mut bytes = shorts(&[1, 50, 0, 550, 700, 3, 0]);
    // Four points on the curve, coordinates as signed words.
    bytes.extend([1, 1, 1, 1]);
    bytes.extend(shorts(&[50, 0, 500, 0]));
    bytes.extend(shorts(&[0, 700, 0, 0_u16.wrapping_sub(700)]));
    bytes
}

fn head() -> Vec<u8> {
    let mut bytes = shorts(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0x000b, UNITS]);
    bytes.extend([0; 16]);
    bytes.extend(shorts(&[50, 0, 550, 700, 0, 8, 2, 0, 0]));
    bytes
}

fn hhea() -> Vec<u8> {
    let below = 0_u16.wrapping_sub(200);
    shorts(&[1, 0, 800, below, 0, ADVANCE, 50, 50, 550, 1, 0, 0, 0, 0, 0, 0, 0, 2])
}

fn os2() -> Vec<u8> {
    let below = 0_u16.wrapping_sub(200);
    let mut bytes = shorts(&[4, ADVANCE, 400, 5, 0, 650, 600, 0, 75, 650, 600, 0, 350, 50, 250, 0]);
    bytes.extend([0; 10]);
    bytes.extend([0; 16]);
    bytes.extend(b"SIMN");
    bytes.extend(shorts(&[0x40, 0x20, 0x7e, 800, below, 0, 800, 200]));
    bytes.extend([0; 8]);
    bytes.extend(shorts(&[500, 700, 0, 0x20, 1]));
    bytes
}

/// Every printable ASCII character is the box.
fn cmap() -> Vec<u8> {
    let mut bytes = shorts(&[0, 1, 3, 1, 0, 12]);
    // Format 4 with the segment 0x20-0x7e, spelt out, and the closing one.
    let count: u16 = 0x7e - 0x20 + 1;
    bytes.extend(shorts(&[
        4,
        32 + 2 * count,
        0,
        4,
        4,
        1,
        0,
        0x7e,
        0xffff,
        0,
        0x20,
        0xffff,
        0,
        1,
        4,
        0,
    ]));
    bytes.extend(shorts(&vec![1; usize::from(count)]));
    bytes
}

fn name(family: &str) -> Vec<u8> {
    let text: Vec<u8> = family.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut bytes = shorts(&[0, 4, 6 + 4 * 12]);
    for id in [1, 2, 4, 6] {
        bytes.extend(shorts(&[3, 1, 0x409, id]));
        bytes.extend(short(text.len()));
        bytes.extend([0, 0]);
    }
    bytes.extend(text);
    bytes
}
