//! Sites as browsers see them: a scheme and a registrable domain, by the Public
//! Suffix List that is built in.
//!
//! A page of the cluster's origin calls a node's origin with the node's session
//! cookie. Browsers send that cookie only when both are of one site: nodes
//! must share the cluster's registrable domain. A crate of its own because
//! planning and diagnosing both need the rule, and the list is large.

use bluegate_cluster::{Origin, Scheme};

/// A site: two origins of one site share cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Browsers tell http from https here too.
    pub scheme: Scheme,
    /// `example.org` of `bbb-01.example.org`; an address or a name of one label
    /// stands for itself.
    pub domain: String,
}

/// The site of an origin. Its port does not matter.
#[must_use]
pub fn site_of(origin: &Origin) -> Site {
    let host = origin.host().trim_end_matches('.');
    let stands_alone =
        host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() || !host.contains('.');
    let domain = if stands_alone { None } else { psl::domain_str(host) };
    Site { scheme: origin.scheme(), domain: domain.unwrap_or(host).to_owned() }
}

/// What stays broken across sites, whatever is set: browsers keep the cookie apart by the site of the
/// page, `SameSite=None` or not (BBB#25212; shown in `e2e/browser/firefox.rs`).
pub const CROSS_SITE_LIMIT: &str = "meetings open only in browsers whose users allow third-party cookies: not in Firefox, not in Safari, not in private windows of any browser, and not in a Chromium that blocks such cookies, as Debian's does";

/// Why two origins are of different sites. Its text tells an operator what
/// that breaks and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// Their domains were registered apart.
    #[error(
        "`{node}` and the cluster's `{cluster}` are different sites for browsers ({node_site} and {cluster_site}): users' browsers would not send the node's session cookie, and meetings would end in an error page. Give the node a name under the cluster's domain"
    )]
    Domain {
        /// The cluster's host.
        cluster: String,
        /// The node's host.
        node: String,
        /// The cluster's site.
        cluster_site: String,
        /// The node's site.
        node_site: String,
    },
    /// One is `http` and one `https`.
    #[error(
        "`{node}` and the cluster's `{cluster}` are different sites for browsers, since one is http and one https. Serve both over https"
    )]
    Scheme {
        /// The cluster's origin.
        cluster: Origin,
        /// The node's origin.
        node: Origin,
    },
}

/// Checks that a node is of the cluster's site.
///
/// # Errors
/// [`CrossSite`] when it is not.
pub fn check_same_site(cluster: &Origin, node: &Origin) -> Result<(), CrossSite> {
    if cluster.scheme() != node.scheme() {
        return Err(CrossSite::Scheme { cluster: cluster.clone(), node: node.clone() });
    }
    let (cluster_site, node_site) = (site_of(cluster).domain, site_of(node).domain);
    if cluster_site == node_site {
        return Ok(());
    }
    Err(CrossSite::Domain {
        cluster: cluster.host().to_owned(),
        node: node.host().to_owned(),
        cluster_site,
        node_site,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_those_of_browsers() {
        for (cluster, node, same) in [
            ("https://bbb.example.org", "https://bbb-01.example.org", true),
            ("https://bbb.example.org", "https://a.b.c.example.org:8443", true),
            ("https://example.org", "https://bbb-01.example.org", true),
            ("https://bbb.example.org", "https://bbb-01.example.com", false),
            ("https://bbb.uni-x.ac.uk", "https://n1.uni-x.ac.uk", true),
            ("https://bbb.uni-x.ac.uk", "https://bbb.uni-y.ac.uk", false),
            // Customers of one provider are not one site.
            ("https://a.github.io", "https://b.github.io", false),
            ("https://bbb.example.org", "http://bbb-01.example.org", false),
            ("http://localhost:8080", "http://localhost:8081", true),
            ("http://bbb.cluster.localhost", "http://n.cluster.localhost:81", true),
            ("http://a.localhost", "http://b.localhost", false),
            ("https://192.0.2.1", "https://192.0.2.1:8443", true),
            ("https://192.0.2.1", "https://192.0.2.2", false),
            ("https://[2001:db8::1]", "https://[2001:db8::2]", false),
            ("https://bbb.intern", "https://bbb-01.intern", false),
            ("https://bbb.school.intern", "https://bbb-01.school.intern", true),
            ("https://bbb.example.org.", "https://bbb-01.example.org", true),
        ] {
            let found = check_same_site(&cluster.parse().unwrap(), &node.parse().unwrap());
            assert_eq!(found.is_ok(), same, "{cluster} {node}: {found:?}");
        }
    }

    #[test]
    fn the_explanation_names_both_sites() {
        let error = check_same_site(
            &"https://bbb.example.org".parse().unwrap(),
            &"https://node.example.com".parse().unwrap(),
        );
        let text = error.unwrap_err().to_string();
        assert!(text.contains("(example.com and example.org)"), "{text}");
    }
}
