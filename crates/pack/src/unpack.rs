//! Unpacking within a bound.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// What brotli reads at once.
const PIECE: usize = 64 << 10;
/// The largest window of zstd taken: what browsers take (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;

/// The bytes in `packed`; `None` when it is not gzip, breaks off, or holds more
/// than `most` bytes.
#[must_use]
pub fn gunzip(packed: &[u8], most: usize) -> Option<Bytes> {
    drain(MultiGzDecoder::new(packed), most)
}

/// The bytes in `packed`; `None` when it is not brotli, breaks off, or holds
/// more than `most` bytes.
#[must_use]
pub fn unbrotli(packed: &[u8], most: usize) -> Option<Bytes> {
    drain(brotli::Decompressor::new(packed, PIECE), most)
}

/// The bytes in `packed`; `None` when it is not zstd, breaks off, wants more
/// memory than browsers give, or holds more than `most` bytes.
#[must_use]
pub fn unzstd(packed: &[u8], most: usize) -> Option<Bytes> {
    let mut unpacking = zstd::stream::read::Decoder::new(packed).ok()?;
    unpacking.window_log_max(ZSTD_WINDOW_LOG).ok()?;
    drain(unpacking, most)
}

fn drain(unpacking: impl Read, most: usize) -> Option<Bytes> {
    let mut bytes = Vec::new();
    // One byte more than may be, to see that it is too much.
    unpacking.take(most as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() > most {
        return None;
    }
    bytes.shrink_to_fit();
    Some(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{gunzip, unbrotli, unzstd};

    #[test]
    fn what_is_not_whole_or_too_much_is_nothing() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * i % 251) as u8).collect();
        let never = || false;
        type Unpacker = fn(&[u8], usize) -> Option<Bytes>;
        let pairs: [(Option<Bytes>, Unpacker); 3] = [
            (crate::gzip(&bytes, &never), gunzip),
            (crate::brotli(&bytes, &never), unbrotli),
            (crate::zstd(&bytes, &never), unzstd),
        ];
        for (index, (packed, unpack)) in pairs.into_iter().enumerate() {
            let packed = packed.unwrap();
            assert_eq!(unpack(&packed, 1000).unwrap(), bytes, "{index}");
            assert_eq!(unpack(&packed, 999), None, "{index}");
            assert_eq!(unpack(&packed[..packed.len() - 1], 1000), None, "{index}");
            assert_eq!(unpack(b"plain", 1000), None, "{index}");
        }
        assert_eq!(gunzip(b"", 1000).map(|bytes| bytes.len()), None);
    }
}
