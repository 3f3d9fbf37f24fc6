//! Where a Redis is: what `REDIS_URL` says.

use std::fmt;

use bluegate_cluster::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

/// Redis' own port.
const PORT: u16 = 6379;

/// Where a Redis is and how to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is TLS: `rediss://`.
    pub tls: bool,
    /// Of Redis' access control lists; `default` when absent.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: i64,
}

/// Why a text is not the place of a Redis. Never tells the text, which may hold
/// a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not a URL, or of another scheme.
    #[error("not a URL of a Redis: write `redis://HOST:PORT/DATABASE`, or `rediss://` for TLS")]
    Form,
    /// No host in it.
    #[error("the URL of the Redis names no host")]
    Host,
    /// Its path is no number.
    #[error("the URL of the Redis ends in `/{0}`, which is not the number of a database")]
    Database(String),
}

impl std::str::FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let url = Url::parse(text).map_err(|_| PlaceError::Form)?;
        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(PlaceError::Form),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(PlaceError::Host)?;
        let host = decoded(host.trim_start_matches('[').trim_end_matches(']'));
        let path = url.path().trim_matches('/');
        let database = match path {
            "" => 0,
            path => path
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| PlaceError::Database(path.to_owned()))?,
        };
        let user = Some(decoded(url.username())).filter(|user| !user.is_empty());
        let password = url.password().map(decoded);
        let password = password.and_then(|password| Secret::new(&password).ok());
        Ok(Self { host, port: url.port().unwrap_or(PORT), tls, user, password, database })
    }
}

impl fmt::Display for Place {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let host = &self.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        write!(f, "{scheme}://{host}:{}/{}", self.port, self.database)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_a_redis_is_and_what_is_shown_of_them_is_no_secret() {
        for (text, shown) in [
            ("redis://redis.example.org", "redis://redis.example.org:6379/0"),
            ("redis://127.0.0.1:6380/3", "redis://127.0.0.1:6380/3"),
            ("redis://[::1]:6380/", "redis://[::1]:6380/0"),
            ("rediss://:p%40ss@redis.example.org", "rediss://redis.example.org:6379/0"),
            ("redis://scalelite:secret@redis/1", "redis://redis:6379/1"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(format!("{place} {place:?}"), format!("{shown} {shown}"));
        }
        let place: Place = "rediss://me:p%40ss@redis.example.org/2".parse().unwrap();
        assert_eq!(place.password.unwrap().expose(), "p@ss");
        assert_eq!((place.user.as_deref(), place.tls, place.database), (Some("me"), true, 2));
    }

    #[test]
    fn other_texts_are_refused_and_not_told() {
        for text in [
            "",
            "redis",
            "http://:s3cret@host",
            "redis://:s3cret@",
            "redis://:s3cret@host/x",
            "redis://:s3cret@host/-1",
            "redis+unix:///run/redis",
            "redis://:s3cret@host:port/0",
        ] {
            let error = text.parse::<Place>().unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{text}: {error}");
        }
    }
}
