//! The proxies that a configuration can be written for.

use std::{fmt, str::FromStr};

/// A proxy that a configuration can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// nginx: a file for `conf.d`, inside of `http`.
    Nginx,
    /// HAProxy: a whole `haproxy.cfg`.
    Haproxy,
    /// Caddy: a whole `Caddyfile`.
    Caddy,
    /// Apache httpd: a file for `sites-available`.
    Apache,
    /// Traefik: a file of its file provider, in TOML.
    Traefik,
}

/// A name that is none of [`Software::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of nginx, haproxy, caddy, apache, traefik")]
pub struct UnknownSoftware(String);

impl Software {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Nginx, Self::Haproxy, Self::Caddy, Self::Apache, Self::Traefik];

    /// Its name, as commands and files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Apache => "apache",
            Self::Traefik => "traefik",
        }
    }

    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("../templates/nginx.conf"),
            Self::Haproxy => include_str!("../templates/haproxy.cfg"),
            Self::Caddy => include_str!("../templates/Caddyfile"),
            Self::Apache => include_str!("../templates/apache.conf"),
            Self::Traefik => include_str!("../templates/traefik.toml"),
        }
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Software {
    type Err = UnknownSoftware;

    fn from_str(text: &str) -> Result<Self, UnknownSoftware> {
        let found = Self::ALL.into_iter().find(|software| software.name() == text);
        found.ok_or_else(|| UnknownSoftware(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_nothing_else_is() {
        for software in Software::ALL {
            assert_eq!(software.name().parse(), Ok(software));
        }
        assert_eq!("Nginx".parse::<Software>(), Err(UnknownSoftware("Nginx".into())));
    }
}
