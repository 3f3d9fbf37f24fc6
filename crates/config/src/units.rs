//! Values with their unit in the text: `30s`, `10MiB`.

use std::time::Duration;

/// Reads `500ms`, `30s`, `5m`, `2h` or `7d`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Writes a duration in the largest unit that keeps it whole.
pub(crate) fn print_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        // A minute reads better as `60s` when that is how defaults are written.
        if milliseconds > size && milliseconds.is_multiple_of(size)
            || milliseconds == size && size == 1_000
        {
            return format!("{}{unit}", milliseconds / size);
        }
    }
    format!("{milliseconds}ms")
}

/// Reads `512B`, `64KiB`, `32MiB` or `2GiB`.
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let size: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(size).and_then(|bytes| usize::try_from(bytes).ok())
}

/// Writes a byte count in the largest unit that keeps it whole.
pub(crate) fn print_bytes(bytes: usize) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    format!("{bytes}B")
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, wanted) in [
            ("500ms", Some(500)),
            ("3s", Some(3_000)),
            ("2h", Some(7_200_000)),
            ("3", None),
            ("s", None),
            ("-3s", None),
            ("3 s", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(duration(text), wanted.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for milliseconds in
            [1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 7_200_000, 172_800_000]
        {
            let value = Duration::from_millis(milliseconds);
            assert_eq!(duration(&print_duration(value)), Some(value));
        }
        for value in [0, 1, 1023, 1024, 33_554_432, 1 << 31] {
            assert_eq!(bytes(&print_bytes(value)), Some(value));
        }
    }
}
