//! `Cache-Control` (RFC 9111, section 5.2).

use std::time::Duration;

use http::{HeaderMap, header::CACHE_CONTROL};

/// The directives of a message that matter to a shared cache.
///
/// Read leniently, as section 4.2.1 advises: of two values the shorter one
/// counts, a value that is no number counts as stale, unknown directives are
/// skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// `no-store`: nothing is kept.
    pub no_store: bool,
    /// `no-cache`, with or without field names: kept, but asked before each use.
    pub no_cache: bool,
    /// `private`: not for a shared cache.
    pub private: bool,
    /// `public`.
    pub public: bool,
    /// `must-revalidate` or `proxy-revalidate`: never served stale.
    pub must_revalidate: bool,
    /// `immutable` (RFC 8246).
    pub immutable: bool,
    /// `max-age`.
    pub max_age: Option<Duration>,
    /// `s-maxage`, which beats `max-age` in a shared cache.
    pub s_maxage: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861).
    pub stale_if_error: Option<Duration>,
}

/// RFC 9111, section 1.2.2: a larger number means this one.
const LONGEST: u64 = 1 << 31;

impl CacheControl {
    /// Reads all `Cache-Control` fields of a message.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            for directive in split_list(&String::from_utf8_lossy(value.as_bytes())) {
                all.add(directive);
            }
        }
        all
    }

    fn add(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (directive.trim(), None),
        };
        match name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "immutable" => self.immutable = true,
            "max-age" => shorten(&mut self.max_age, value),
            "s-maxage" => shorten(&mut self.s_maxage, value),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, value),
            "stale-if-error" => shorten(&mut self.stale_if_error, value),
            _ => {}
        }
    }
}

/// Sets or shortens `current`; what is no number counts as nothing at all.
fn shorten(current: &mut Option<Duration>, value: Option<&str>) {
    let digits =
        value.filter(|value| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()));
    let seconds = digits.map_or(0, |digits| digits.parse().unwrap_or(LONGEST).min(LONGEST));
    let value = Duration::from_secs(seconds);
    *current = Some(current.map_or(value, |current| current.min(value)));
}

/// Members of a comma list; commas inside quotes do not split.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == ',' && !quoted
    })
    .map(str::trim)
    .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn directives_are_read_leniently() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (lines, wanted) in [
            (&[][..], CacheControl::default()),
            (&["NO-STORE"], CacheControl { no_store: true, ..CacheControl::default() }),
            (
                &["no-cache=\"set-cookie, x\", private"],
                CacheControl { no_cache: true, private: true, ..CacheControl::default() },
            ),
            (
                &["max-age=60, max-age=30"],
                CacheControl { max_age: seconds(30), ..CacheControl::default() },
            ),
            (
                &["max-age=60", "s-maxage=\"10\""],
                CacheControl {
                    max_age: seconds(60),
                    s_maxage: seconds(10),
                    ..CacheControl::default()
                },
            ),
            (&["max-age=-1"], CacheControl { max_age: seconds(0), ..CacheControl::default() }),
            (&["max-age"], CacheControl { max_age: seconds(0), ..CacheControl::default() }),
            (&["max-age=1e9"], CacheControl { max_age: seconds(0), ..CacheControl::default() }),
            (
                &["max-age=99999999999999999999"],
                CacheControl { max_age: seconds(LONGEST), ..CacheControl::default() },
            ),
            (
                &["public, immutable, foo=\"max-age=5\",,"],
                CacheControl { public: true, immutable: true, ..CacheControl::default() },
            ),
            (
                &["stale-while-revalidate=5, stale-if-error=7, proxy-revalidate"],
                CacheControl {
                    stale_while_revalidate: seconds(5),
                    stale_if_error: seconds(7),
                    must_revalidate: true,
                    ..CacheControl::default()
                },
            ),
        ] {
            assert_eq!(read(lines), wanted, "{lines:?}");
        }
    }
}
