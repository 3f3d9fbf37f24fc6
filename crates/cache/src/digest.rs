//! SHA-256 of a content, and its text.

use std::fmt::Write as _;

/// SHA-256 of a content's bytes.
pub type Digest = [u8; 32];

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

/// The digest that exactly 64 lower-case hexadecimal digits name.
#[must_use]
pub fn parse_digest(text: &str) -> Option<Digest> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_its_text_and_nothing_else_is() {
        let digest: Digest = std::array::from_fn(|index| u8::try_from(index * 7).unwrap());
        let text = hex(&digest);
        assert_eq!(parse_digest(&text), Some(digest));
        let (upper, longer) = (text.to_uppercase(), format!("{text}0"));
        let shorter = text.strip_prefix("00").unwrap();
        for wrong in ["", shorter, &upper, &longer, &text.replace('0', "g")] {
            assert_eq!(parse_digest(wrong), None, "{wrong}");
        }
    }
}
