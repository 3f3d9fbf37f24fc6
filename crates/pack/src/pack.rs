//! Packing bytes, slowly and well.
//!
//! Input goes in piece by piece, so that the end of the process need not wait
//! for the largest bundle.

use std::io::Write;

use bytes::Bytes;
use zstd::zstd_safe::CParameter;

/// How much goes in between two looks at the clock.
const PIECE: usize = 64 << 10;

/// Brotli's best, as nginx's `brotli_static` files are made with.
const BROTLI_QUALITY: u32 = 11;
/// Brotli's largest window: 16 MiB, more than any client file but one.
const BROTLI_WINDOW: u32 = 24;
/// Close to zstd's best; the last three levels take far more memory.
const ZSTD_LEVEL: i32 = 19;
/// What every client of RFC 9842 takes at least, whatever the dictionary.
const SMALLEST_WINDOW_BOUND: usize = 8 << 20;

/// Feeds `bytes` to a packer; `None` when `ended` says so in between.
fn feed<W: Write>(mut packer: W, bytes: &[u8], ended: &dyn Fn() -> bool) -> Option<W> {
    for piece in bytes.chunks(PIECE) {
        if ended() {
            return None;
        }
        packer.write_all(piece).ok()?;
    }
    Some(packer)
}

/// Brotli's best; `None` when `ended` says so in between.
#[must_use]
pub fn brotli(bytes: &[u8], ended: &dyn Fn() -> bool) -> Option<Bytes> {
    let out = Vec::with_capacity(bytes.len() / 3);
    let packer = brotli::CompressorWriter::new(out, PIECE, BROTLI_QUALITY, BROTLI_WINDOW);
    Some(Bytes::from(feed(packer, bytes, ended)?.into_inner()))
}

/// Close to zstd's best; `None` when `ended` says so in between.
#[must_use]
pub fn zstd(bytes: &[u8], ended: &dyn Fn() -> bool) -> Option<Bytes> {
    let out = Vec::with_capacity(bytes.len() / 3);
    let mut packer = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL).ok()?;
    // Browsers take windows up to 8 MiB (RFC 9659).
    packer.window_log(window_log(bytes.len().min(SMALLEST_WINDOW_BOUND))).ok()?;
    packer.set_pledged_src_size(Some(bytes.len() as u64)).ok()?;
    feed(packer, bytes, ended)?.finish().ok().map(Bytes::from)
}

/// gzip's best; `None` when `ended` says so in between.
#[must_use]
pub fn gzip(bytes: &[u8], ended: &dyn Fn() -> bool) -> Option<Bytes> {
    let out = Vec::with_capacity(bytes.len() / 3);
    let packer = flate2::write::GzEncoder::new(out, flate2::Compression::best());
    feed(packer, bytes, ended)?.finish().ok().map(Bytes::from)
}

/// A zstd frame that yields `bytes` to those who have `dictionary`
/// (RFC 9842, section 5, without its head); `None` when `ended` says so in
/// between.
#[must_use]
pub fn delta(bytes: &[u8], dictionary: &[u8], ended: &dyn Fn() -> bool) -> Option<Vec<u8>> {
    let out = Vec::with_capacity(bytes.len() / 8);
    let mut packer =
        zstd::stream::write::Encoder::with_ref_prefix(out, ZSTD_LEVEL, dictionary).ok()?;
    // The dictionary is in reach as long as the content fits the window.
    let allowed = SMALLEST_WINDOW_BOUND.max(dictionary.len() / 4 * 5);
    packer.window_log(window_log(bytes.len().min(allowed))).ok()?;
    packer.set_parameter(CParameter::EnableLongDistanceMatching(true)).ok()?;
    packer.set_pledged_src_size(Some(bytes.len() as u64)).ok()?;
    packer.include_contentsize(true).ok()?;
    feed(packer, bytes, ended)?.finish().ok()
}

/// The smallest window that holds `length`, at least 1 KiB; rounded down to a
/// power of two above 8 MiB, which is a bound there and not a wish.
fn window_log(length: usize) -> u32 {
    let length = length.max(1 << 10);
    if length > SMALLEST_WINDOW_BOUND { length.ilog2() } else { length.next_power_of_two().ilog2() }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000)
            .flat_map(|i: u32| format!("line {} of {}\n", i, i * 7919 % 1000).into_bytes())
            .collect()
    }

    #[test]
    fn every_coding_comes_back() {
        let text = text();
        let ended = || false;

        let packed = brotli(&text, &ended).unwrap();
        let mut out = Vec::new();
        brotli::Decompressor::new(&packed[..], 4096).read_to_end(&mut out).unwrap();
        assert!(out == text && packed.len() < text.len() / 3);

        let packed = zstd(&text, &ended).unwrap();
        assert!(zstd::stream::decode_all(&packed[..]).unwrap() == text);

        let packed = gzip(&text, &ended).unwrap();
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut out).unwrap();
        assert!(out == text);
    }

    #[test]
    fn a_delta_holds_what_changed() {
        let old = text();
        let mut new = old.clone();
        new.splice(1000..1000, *b"something new");
        let packed = delta(&new, &old, &|| false).unwrap();
        let mut decoder =
            zstd::stream::read::Decoder::with_ref_prefix(&packed[..], &old[..]).unwrap();
        let mut out = Vec::new();
        decoder.read_to_end(&mut out).unwrap();
        assert!(out == new);
        assert!(packed.len() < 200, "{}", packed.len());
    }

    #[test]
    fn the_end_of_the_process_does_not_wait() {
        assert!(brotli(&text(), &|| true).is_none());
        assert!(delta(&text(), &text(), &|| true).is_none());
    }
}
