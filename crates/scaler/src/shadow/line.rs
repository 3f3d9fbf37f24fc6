//! A line of an access log in nginx' combined format:
//! `ADDRESS - USER [27/Nov/2026:07:55:01 +0100] "GET /path?query HTTP/1.1" 200 512 "REFERER" "AGENT"`,
//! with the answer's `Location` in quotes behind it where the format has it.

/// What is read of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// When, in ms since 1970.
    pub(super) at: i64,
    /// Path and query.
    pub(super) target: &'a str,
    /// Where the answer led.
    pub(super) location: Option<&'a str>,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl<'a> Line<'a> {
    /// A line of a request; absent when it is none.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once('[')?;
        let (time, rest) = rest.split_once(']')?;
        let mut quoted = rest.split('"').skip(1).step_by(2);
        let request = quoted.next()?;
        let mut words = request.split(' ');
        let (_, target) = (words.next()?, words.next().filter(|target| target.starts_with('/'))?);
        let location = quoted.nth(2).filter(|location| location.contains("://"));
        Some(Self { at: milliseconds(time)?, target, location })
    }
}

/// `27/Nov/2026:07:55:01 +0100`.
fn milliseconds(text: &str) -> Option<i64> {
    let (time, zone) = text.split_once(' ')?;
    let mut parts = time.split(['/', ':']);
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|known| *known == month)?).ok()? + 1;
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, hour, minute, second) = (number()?, number()?, number()?, number()?);
    let in_range = (1..=31).contains(&day)
        && (1970..10_000).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: i64 = digits.parse().ok().filter(|digits| (0..=1400).contains(digits))?;
    let offset = sign * (digits / 100 * 60 + digits % 100) * 60;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    in_range.then_some(seconds * 1000)
}

/// Days since 1970 of a date of the Gregorian calendar, counted from March, so
/// that a leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_a_location() {
        let combined = r#"192.0.2.1 - - [27/Nov/2026:07:55:01 +0100] "GET /bigbluebutton/api/join?a=b HTTP/1.1" 302 0 "-" "curl/8""#;
        let line = Line::read(combined).unwrap();
        assert_eq!(line.at, 1_795_762_501_000);
        assert_eq!((line.target, line.location), ("/bigbluebutton/api/join?a=b", None));
        let with = format!("{combined} \"https://bbb-01.example.org/bigbluebutton/api/join?x\"");
        let location = Line::read(&with).unwrap().location;
        assert_eq!(location, Some("https://bbb-01.example.org/bigbluebutton/api/join?x"));
        assert_eq!(Line::read(&format!("{combined} \"-\"")).unwrap().location, None);
        for text in ["", "x", "[27/Nov/2026:07:55:01 +0100]", "a [b] \"GET / HTTP/1.1\"", "[] \"\""]
        {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, wanted) in [
            ("01/Jan/1970:00:00:00 +0000", Some(0)),
            ("29/Feb/2024:12:00:00 +0000", Some(1_709_208_000_000)),
            ("01/Mar/2100:00:00:00 +0000", Some(4_107_542_400_000)),
            ("31/Dec/1999:23:59:59 -0330", Some(946_697_399_000)),
            ("27/Nov/2026:07:55:01", None),
            ("27/Nob/2026:07:55:01 +0100", None),
            ("27/Nov/2026:25:55:01 +0100", None),
        ] {
            assert_eq!(milliseconds(text), wanted, "{text}");
        }
    }
}
