//! `Range` of bytes (RFC 9110, section 14).

/// One range inside a body, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte's position.
    pub first: u64,
    /// The last byte's position.
    pub last: u64,
}

impl ByteRange {
    /// The value of `Content-Range` for a body of `length` bytes.
    #[must_use]
    pub fn content_range(self, length: u64) -> String {
        format!("bytes {}-{}/{length}", self.first, self.last)
    }
}

/// What a `Range` header asks of a body of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedRange {
    /// Everything: no header, another unit, a malformed header, or several
    /// ranges. All of these may be ignored (section 14.2), and no browser
    /// sends several for what a client loads.
    Whole,
    /// This part: 206.
    Part(ByteRange),
    /// Nothing of it exists: 416.
    Unsatisfiable,
}

impl RequestedRange {
    /// Reads a `Range` header for a body of `length` bytes.
    #[must_use]
    pub fn parse(header: Option<&str>, length: u64) -> Self {
        let Some(header) = header else { return Self::Whole };
        let Some((unit, set)) = header.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return Self::Whole;
        }
        let Some((first, last)) = set.trim().split_once('-') else { return Self::Whole };
        match (number(first), number(last)) {
            (Field::Number(first), Field::Number(last)) if first > last => Self::Whole,
            (Field::Number(first), Field::Empty) => {
                Self::part(first, length.saturating_sub(1), length)
            }
            (Field::Number(first), Field::Number(last)) => {
                Self::part(first, last.min(length.saturating_sub(1)), length)
            }
            (Field::Empty, Field::Number(0)) => Self::Unsatisfiable,
            (Field::Empty, Field::Number(suffix)) => {
                Self::part(length.saturating_sub(suffix), length.saturating_sub(1), length)
            }
            _ => Self::Whole,
        }
    }

    fn part(first: u64, last: u64, length: u64) -> Self {
        if first < length { Self::Part(ByteRange { first, last }) } else { Self::Unsatisfiable }
    }
}

enum Field {
    Empty,
    Number(u64),
    Other,
}

fn number(text: &str) -> Field {
    match text.trim() {
        "" => Field::Empty,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Field::Number(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Field::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_served_and_the_rest_ignored() {
        let part = |first, last| RequestedRange::Part(ByteRange { first, last });
        for (header, length, wanted) in [
            (None, 10, RequestedRange::Whole),
            (Some("bytes=0-"), 10, part(0, 9)),
            (Some("bytes=0-0"), 10, part(0, 0)),
            (Some("bytes=5-99"), 10, part(5, 9)),
            (Some("bytes=-3"), 10, part(7, 9)),
            (Some("bytes=-99"), 10, part(0, 9)),
            (Some("Bytes= 2-3"), 10, part(2, 3)),
            (Some("bytes=10-"), 10, RequestedRange::Unsatisfiable),
            (Some("bytes=-0"), 10, RequestedRange::Unsatisfiable),
            (Some("bytes=0-"), 0, RequestedRange::Unsatisfiable),
            (Some("bytes=3-2"), 10, RequestedRange::Whole),
            (Some("bytes=0-1,4-5"), 10, RequestedRange::Whole),
            (Some("bytes=a-b"), 10, RequestedRange::Whole),
            (Some("bytes=-"), 10, RequestedRange::Whole),
            (Some("items=0-1"), 10, RequestedRange::Whole),
            (Some("bytes=99999999999999999999-"), 10, RequestedRange::Unsatisfiable),
        ] {
            assert_eq!(RequestedRange::parse(header, length), wanted, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_always_lies_inside(header in "bytes=[0-9]{0,4}-[0-9]{0,4}", length in 0u64..2000) {
            if let RequestedRange::Part(part) = RequestedRange::parse(Some(&header), length) {
                prop_assert!(part.first <= part.last && part.last < length);
            }
        }
    }
}
