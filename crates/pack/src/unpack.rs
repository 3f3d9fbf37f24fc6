//! Unpacking within a bound.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// The bytes in `packed`; `None` when it is not gzip, breaks off, or holds more
/// than `most` bytes.
#[must_use]
pub fn gunzip(packed: &[u8], most: usize) -> Option<Bytes> {
    let mut bytes = Vec::new();
    // One byte more than may be, to see that it is too much.
    let mut unpacking = MultiGzDecoder::new(packed).take(most as u64 + 1);
    unpacking.read_to_end(&mut bytes).ok()?;
    if bytes.len() > most {
        return None;
    }
    bytes.shrink_to_fit();
    Some(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::gunzip;

    #[test]
    fn what_is_not_whole_or_too_much_is_nothing() {
        let packed = crate::gzip(&[7; 1000], &|| false).unwrap();
        assert_eq!(gunzip(&packed, 1000).unwrap(), vec![7; 1000]);
        assert_eq!(gunzip(&packed, 999), None);
        assert_eq!(gunzip(&packed[..packed.len() - 1], 1000), None);
        assert_eq!(gunzip(b"plain", 1000), None);
        assert_eq!(gunzip(b"", 1000).map(|bytes| bytes.len()), None);
    }
}
