//! Bytes of a file as text and back, without loss.

use super::EditError;

/// How the bytes of a file are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Only ASCII has a meaning; every other byte is carried through as it is.
    /// (Each byte is one character of Latin-1.)
    Bytes,
    /// The format's readers demand UTF-8.
    Utf8,
}

/// The text of `bytes`.
pub(crate) fn decode(bytes: &[u8], charset: Charset) -> Result<String, EditError> {
    let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFE\xFF", b"\xFF\xFE"];
    if marks.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(EditError::Encoding("begins with a byte order mark"));
    }
    if bytes.contains(&0) {
        return Err(EditError::Encoding("holds NUL bytes, as UTF-16 does"));
    }
    match charset {
        Charset::Bytes => Ok(bytes.iter().map(|&byte| char::from(byte)).collect()),
        Charset::Utf8 => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(EditError::Encoding("is not UTF-8")),
        },
    }
}

/// The bytes of `text`, which [`decode`] made or only ASCII was added to.
pub(crate) fn encode(text: &str, charset: Charset) -> Vec<u8> {
    match charset {
        Charset::Utf8 => text.as_bytes().to_vec(),
        Charset::Bytes => text
            .chars()
            .flat_map(|character| match u8::try_from(character) {
                Ok(byte) => vec![byte],
                Err(_) => character.to_string().into_bytes(),
            })
            .collect(),
    }
}

/// The line ending a file uses: that of its first line.
pub(crate) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(end) if text.as_bytes().get(end.wrapping_sub(1)) == Some(&b'\r') => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_reader_expects_is_refused() {
        for bytes in [&b"\xEF\xBB\xBFa: 1"[..], b"\xFF\xFEa\0", b"\xFE\xFF\0a", b"a\0b"] {
            assert!(matches!(decode(bytes, Charset::Bytes), Err(EditError::Encoding(_))));
        }
        assert!(decode(b"caf\xE9", Charset::Utf8).is_err());
        assert!(decode(b"caf\xE9", Charset::Bytes).is_ok());
    }

    #[test]
    fn the_first_line_says_how_lines_end() {
        for (text, wanted) in [("", "\n"), ("a", "\n"), ("a\r\nb\n", "\r\n"), ("\nb\r\n", "\n")] {
            assert_eq!(newline(text), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(1..=255_u8, 0..200)) {
            for charset in [Charset::Bytes, Charset::Utf8] {
                if let Ok(text) = decode(&bytes, charset) {
                    prop_assert_eq!(&encode(&text, charset), &bytes);
                }
            }
        }
    }
}
