//! Compression dictionaries (RFC 9842): a file that a browser loaded from one
//! mount serves as the dictionary of the same file from another.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{asset::has_hash, digest::Digest};

/// What a `dcz` body begins with, before the dictionary's digest (section 5):
/// a skippable frame of zstd.
const DCZ_MAGIC: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 0x20, 0x00, 0x00, 0x00];
/// What a zstd frame begins with (RFC 8878, section 3.1.1).
const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The most a zstd block holds.
const MAX_BLOCK: u32 = 128 * 1024;
/// A shorter content would be sent sooner as it is. (And a block may not be
/// larger than what it yields in a frame of a single segment.)
const SHORTEST: u32 = 64;
/// Shorter than this a block cannot be one match.
const MIN_MATCH: u32 = 3;

/// The dictionary an `Available-Dictionary` header names: a byte sequence of
/// structured fields.
#[must_use]
pub fn available(header: &str) -> Option<Digest> {
    let text = header.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// The value of `Use-As-Dictionary` for the file at `rest` below
/// `html5client/`: the same file of any mount, whatever hash is in its name.
///
/// A name that is nothing but a hash names another file in the next build, so
/// it stands for itself, except where a build has one such script and one such
/// style sheet (Meteor).
#[must_use]
pub fn use_as(rest: &str) -> String {
    let (folder, file) = rest.rsplit_once('/').map_or(("", rest), |(folder, file)| (folder, file));
    let only_hash = file.split_once('.').is_some_and(|(stem, extension)| {
        has_hash(stem) && (!folder.is_empty() || !matches!(extension, "js" | "css"))
    });
    let mut pattern = String::from("/*/html5client/");
    for (index, segment) in rest.split('/').enumerate() {
        if index > 0 {
            pattern.push('/');
        }
        for (index, part) in segment.split('.').enumerate() {
            if index > 0 {
                pattern.push('.');
            }
            if has_hash(part) && !only_hash {
                pattern.push('*');
            } else {
                push_literal(&mut pattern, part);
            }
        }
    }
    format!("match=\"{pattern}\"")
}

/// Appends what means itself in a URL pattern and in a quoted string; the rest
/// becomes a wildcard.
fn push_literal(pattern: &mut String, part: &str) {
    for c in part.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '~' | '%') {
            pattern.push(c);
        } else if !pattern.ends_with('*') {
            pattern.push('*');
        }
    }
}

/// The beginning of every `dcz` body against the dictionary of this digest; a
/// zstd frame follows.
#[must_use]
pub fn dcz_head(dictionary: &Digest) -> Vec<u8> {
    let mut head = DCZ_MAGIC.to_vec();
    head.extend_from_slice(dictionary);
    head
}

/// The `dcz` body that yields the dictionary itself, of `length` bytes: what a
/// browser gets that has the very file already, from another mount.
///
/// Written by hand (RFC 8878) because it needs no compressor and so neither
/// time nor memory: one frame, and in it one match per block, some fifteen
/// bytes for each 128 KiB.
#[must_use]
pub fn same(digest: &Digest, length: u32) -> Option<Vec<u8>> {
    if length < SHORTEST {
        return None;
    }
    let mut body = dcz_head(digest);
    body.extend_from_slice(&FRAME_MAGIC);
    // Single segment: the window is the content, so the whole dictionary is
    // in reach to its end; the length follows in four bytes.
    body.push(0b1010_0000);
    body.extend_from_slice(&length.to_le_bytes());
    let mut left = length;
    while left > 0 {
        // A tail too short for a match is left out by making this block shorter.
        let mut size = left.min(MAX_BLOCK);
        if left > size && left - size < MIN_MATCH {
            size -= MIN_MATCH;
        }
        left -= size;
        let block = one_match(length, size);
        let kind_compressed = 2 << 1;
        let header = u32::from(left == 0)
            | kind_compressed
            | u32::try_from(block.len()).expect("a block of one match is short") << 3;
        body.extend_from_slice(header.to_le_bytes().get(..3).expect("three of four bytes"));
        body.extend_from_slice(&block);
    }
    Some(body)
}

/// A compressed block: no literals, one sequence that copies `size` bytes from
/// `distance` bytes back.
fn one_match(distance: u32, size: u32) -> Vec<u8> {
    // 1 to 3 are repeated distances, so all others are counted from 3.
    let offset = u64::from(distance) + 3;
    let offset_code = offset.ilog2();
    let (length_code, base, length_bits) = match_length(size);
    let extra = u64::from(size - base);
    let bits = (offset - (1 << offset_code)) << length_bits | extra;
    // Read from the end: the highest bit marks where it begins.
    let used = offset_code + length_bits;
    let stream = (bits | 1 << used).to_le_bytes();
    let no_literals = 0;
    let one_sequence = 1;
    let codes_as_they_are = 0b0101_0100;
    let no_literal_length = 0;
    let mut block = vec![no_literals, one_sequence, codes_as_they_are, no_literal_length];
    block.push(u8::try_from(offset_code).expect("below 64"));
    block.push(length_code);
    let stream_length = (used as usize + 1).div_ceil(8);
    block.extend_from_slice(stream.get(..stream_length).expect("at most 32 + 16 + 1 bits"));
    block
}

/// Code, baseline and extra bits of a match length (RFC 8878, table 16).
fn match_length(size: u32) -> (u8, u32, u32) {
    const WIDE: [(u8, u32, u32); 21] = [
        (52, 65539, 16),
        (51, 32771, 15),
        (50, 16387, 14),
        (49, 8195, 13),
        (48, 4099, 12),
        (47, 2051, 11),
        (46, 1027, 10),
        (45, 515, 9),
        (44, 259, 8),
        (43, 131, 7),
        (42, 99, 5),
        (41, 83, 4),
        (40, 67, 4),
        (39, 59, 3),
        (38, 51, 3),
        (37, 47, 2),
        (36, 43, 2),
        (35, 41, 1),
        (34, 39, 1),
        (33, 37, 1),
        (32, 35, 1),
    ];
    WIDE.into_iter().find(|(_, base, _)| size >= *base).unwrap_or_else(|| {
        let code = size - MIN_MATCH;
        (u8::try_from(code).expect("below 32"), size, 0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_digest_names_a_dictionary() {
        let text = STANDARD.encode([7; 32]);
        assert_eq!(available(&format!(":{text}:")), Some([7; 32]));
        assert_eq!(available(&format!(" :{text}: ")), Some([7; 32]));
        for wrong in [text.as_str(), ":", "::", ":AAAA:", ":*:", ""] {
            assert_eq!(available(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_dictionary_is_for_the_same_file_of_any_mount() {
        let hash = "0123456789abcdef0123";
        for (rest, wanted) in [
            ("compatibility/sip.js", "compatibility/sip.js"),
            (&format!("bundle.{hash}.js"), "bundle.*.js"),
            (&format!("bundle.{hash}.safari.js"), "bundle.*.safari.js"),
            // Meteor: one script and one style sheet, both named by hash alone.
            (&format!("{hash}.js"), "*.js"),
            // webpack's pictures: many, and the next build's are others.
            (&format!("{hash}.png"), &format!("{hash}.png")),
            (&format!("assets/{hash}.js"), &format!("assets/{hash}.js")),
            ("a(b)+\"c\\.js", "a*b*c*.js"),
            ("locales/zh-Hans_CN.json", "locales/zh-Hans_CN.json"),
        ] {
            assert_eq!(use_as(rest), format!("match=\"/*/html5client/{wanted}\""), "{rest}");
        }
    }

    /// libzstd, which knows nothing of this module, gives the bytes back.
    fn decoded(body: &[u8], dictionary: &[u8]) -> Vec<u8> {
        let mut decoder =
            zstd::stream::read::Decoder::with_ref_prefix(&body[40..], dictionary).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut decoder, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_same_file_takes_a_few_bytes() {
        for length in [64, 65, 100, 1000, 131_071, 131_072, 131_073, 131_074, 131_075, 8 << 20] {
            let content: Vec<u8> =
                (0..length).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let body = same(&[9; 32], length).unwrap();
            assert!(decoded(&body, &content) == content, "{length}");
            assert!(
                body.len() < 70 + length as usize / 131_072 * 16,
                "{} for {length}",
                body.len()
            );
            assert_eq!(body[8..40], [9; 32]);
        }
        assert_eq!(same(&[0; 32], 63), None);
    }

    proptest! {
        #[test]
        fn any_length_comes_back(length in 64u32..600_000) {
            let content = vec![0x41; length as usize];
            let body = same(&[0; 32], length).unwrap();
            prop_assert!(decoded(&body, &content) == content);
        }

        #[test]
        fn a_pattern_is_quoted_text(rest in "\\PC{0,40}") {
            let pattern = use_as(&rest);
            let inner = pattern.strip_prefix("match=\"").unwrap().strip_suffix('"').unwrap();
            let special = "\"\\(){}?+:";
            let all_plain = inner.chars().all(|c| c.is_ascii_graphic() && !special.contains(c));
            prop_assert!(all_plain, "{}", inner);
        }
    }
}
