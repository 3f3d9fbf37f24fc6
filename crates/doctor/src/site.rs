//! Sites, as browsers draw their borders: scheme and registrable domain by the
//! Public Suffix List. Cookies cross origins, but not sites.

use bluegate_cluster::{Origin, Scheme};

/// A site: two origins of one site share cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Browsers tell http from https here too.
    pub scheme: Scheme,
    /// `example.org` of `bbb-01.example.org`; an IP address stands for itself.
    pub domain: String,
}

/// The site of an origin.
#[must_use]
pub fn site_of(origin: &Origin) -> Site {
    let host = origin.host().trim_end_matches('.');
    let is_address =
        host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() || !host.contains('.');
    let domain = if is_address { None } else { psl::domain_str(host) };
    Site { scheme: origin.scheme(), domain: domain.unwrap_or(host).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_share_a_site_and_public_suffixes_do_not() {
        for (one, other, same) in [
            ("https://bbb.example.org", "https://bbb-01.example.org", true),
            ("https://bbb.example.org", "https://example.org", true),
            ("https://bbb.example.org", "https://bbb-01.example.net", false),
            ("https://bbb.example.org", "http://bbb-01.example.org", false),
            ("https://bbb.uni.ac.uk", "https://bbb-01.other.ac.uk", false),
            ("https://bbb.uni.ac.uk", "https://n1.bbb.uni.ac.uk", true),
            ("https://one.github.io", "https://two.github.io", false),
            ("http://bbb.cluster.localhost:8080", "http://b.cluster.localhost:1", true),
            ("http://10.0.0.1", "http://10.0.0.2", false),
            ("http://localhost:1", "http://localhost:2", true),
        ] {
            let sites = [one, other].map(|text| site_of(&text.parse().unwrap()));
            assert_eq!(sites[0] == sites[1], same, "{one} {other}");
        }
    }
}
