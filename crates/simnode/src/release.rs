//! The BBB release of a node, and every way in which releases differ.
//!
//! Whoever behaves differently from release to release asks a predicate here
//! for the feature, never for a number. Where the sources do not name the exact
//! release of a change, the predicate's comment says so.

use std::fmt;

/// A release such as `3.0.28`; what follows a `-` or `~` is kept as text only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    text: String,
    /// Major, minor and patch number.
    number: (u16, u16, u16),
}

/// The lines that are simulated, with the time at which their first release's
/// files were packed, in seconds since 1970.
const LINES: [((u16, u16), u64); 6] = [
    ((2, 4), 1_639_094_400),
    ((2, 5), 1_654_041_600),
    ((2, 6), 1_679_529_600),
    ((2, 7), 1_693_526_400),
    ((3, 0), 1_735_689_600),
    ((4, 0), 1_790_812_800),
];

/// A text that is no release this simulation can play.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a release of BBB 2.4, 2.5, 2.6, 2.7, 3.0 or 4.0 such as `3.0.28`")]
pub struct ReleaseError {
    /// The text found.
    text: String,
}

impl Release {
    /// Reads `3.0.28`; only the lines of [`LINES`] are simulated.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseError> {
        let error = || ReleaseError { text: text.to_owned() };
        let plain = text.split(['-', '~', '+']).next().unwrap_or_default();
        let numbers: Vec<u16> = plain
            .split('.')
            .map(|part| part.parse().map_err(|_| error()))
            .collect::<Result<_, _>>()?;
        let [major, minor, patch] = *numbers.as_slice() else { return Err(error()) };
        if !LINES.iter().any(|(line, _)| *line == (major, minor)) {
            return Err(error());
        }
        Ok(Self { text: text.to_owned(), number: (major, minor, patch) })
    }

    fn since(&self, major: u16, minor: u16, patch: u16) -> bool {
        self.number >= (major, minor, patch)
    }

    /// The release line, such as `2.7`.
    pub(crate) fn line(&self) -> String {
        format!("{}.{}", self.number.0, self.number.1)
    }

    /// The last number.
    pub(crate) fn patch(&self) -> u16 {
        self.number.2
    }

    /// The client comes from Meteor's processes, which also hold the users'
    /// sockets (DDP over SockJS), and its settings stand in its page. The API
    /// has `enter` and `guestWait`. Since 3.0 there are static files and GraphQL.
    pub(crate) fn has_meteor(&self) -> bool {
        !self.since(3, 0, 0)
    }

    /// The package's nginx files lie directly in `/etc/bigbluebutton/nginx`.
    pub(crate) fn keeps_package_nginx_in_etc(&self) -> bool {
        !self.since(2, 5, 0)
    }

    /// `$bbb_loadbalancer_node` names the origin that may read slides.
    pub(crate) fn has_loadbalancer_variable(&self) -> bool {
        self.has_meteor()
    }

    /// nginx answers for the API's cross-origin rule, with
    /// `$bbb_loadbalancer_node`; since 2.6 bbb-web does (BBB#15457).
    pub(crate) fn has_api_cors_in_nginx(&self) -> bool {
        !self.since(2, 6, 0)
    }

    /// The learning dashboard moved to `/learning-analytics-dashboard/` in 2.4.4.
    pub(crate) fn has_old_dashboard_path(&self) -> bool {
        !self.since(2, 4, 4)
    }

    /// Pads were called notes in the client's settings (`public.note.url`).
    pub(crate) fn calls_pads_notes(&self) -> bool {
        !self.since(2, 5, 0)
    }

    /// Pads open at `/pad/auth_session`, which sets Etherpad's cookie; before,
    /// the client opened `/pad/p/` itself.
    pub(crate) fn has_pad_sessions(&self) -> bool {
        self.since(2, 5, 0)
    }

    /// The client offers to move notes to the whiteboard, from an export.
    pub(crate) fn has_notes_to_whiteboard(&self) -> bool {
        self.since(2, 5, 0)
    }

    /// Etherpad takes `cluster_proxies` of `etherpad.json`; before, exports are
    /// answered with `*`, which no credentialed call may read (BBB#15436).
    pub(crate) fn has_cluster_proxies(&self) -> bool {
        self.since(2, 6, 0)
    }

    /// The link to an exported presentation is made on the node, from
    /// `bbb-export-annotations.json` (BBB#15885, removed by BBB#18150).
    pub(crate) fn has_export_link_setting(&self) -> bool {
        self.since(2, 6, 0) && !self.since(2, 6, 10)
    }

    /// Slide files ask for a session since 3.0.27 (BBB#25020).
    pub(crate) fn slides_need_session(&self) -> bool {
        self.since(3, 0, 27)
    }

    /// `$bbb_cors_origin` exists since 3.0.28 (BBB#25108).
    pub(crate) fn has_cors_origin_variable(&self) -> bool {
        self.since(3, 0, 28)
    }

    /// The page may read the server's time of a round trip (BBB#23960, BBB#24285;
    /// between 3.0.16 and 3.0.18).
    pub(crate) fn exposes_server_time(&self) -> bool {
        self.since(3, 0, 18)
    }

    /// Notes can be kept by the shared notes server below `/hocuspocus/` (from
    /// some release in the twenties of 3.0).
    pub(crate) fn has_shared_notes_server(&self) -> bool {
        self.since(3, 0, 20)
    }

    /// `/plugins/` has an nginx location of its own (BBB#23655; from some
    /// release in the tens of 3.0).
    pub(crate) fn has_plugins_location(&self) -> bool {
        self.since(3, 0, 10)
    }

    /// The GraphQL engine's unit reads `bbb-graphql-server.env` (from some
    /// release of 2025).
    pub(crate) fn has_graphql_server_override(&self) -> bool {
        self.since(3, 0, 10)
    }

    /// bbb-web's Spring settings are properties instead of YAML (between 3.0.15
    /// and 3.0.18).
    pub(crate) fn has_application_properties(&self) -> bool {
        self.since(3, 0, 18)
    }

    /// `/api/rest/clientSettings` is still there; announced to go after 3.0.
    pub(crate) fn has_old_client_settings(&self) -> bool {
        self.since(3, 0, 0) && !self.since(4, 0, 0)
    }

    /// Since 2.6.18 and 2.7.8 the checksum of a POST covers its query only, the
    /// type of its body is checked, and `join` is a GET.
    pub(crate) fn is_strict_about_posts(&self) -> bool {
        self.since(2, 7, 8) || self.since(2, 6, 18) && !self.since(2, 7, 0)
    }

    /// getRecordings knows `offset` and `limit`.
    pub(crate) fn has_recording_pages(&self) -> bool {
        self.since(2, 6, 0)
    }

    /// Checksums may be SHA-384 and SHA-512.
    pub(crate) fn has_long_digests(&self) -> bool {
        self.since(2, 5, 0)
    }

    /// Which digests are taken is a property (BBB#15880).
    pub(crate) fn has_digest_property(&self) -> bool {
        self.since(2, 5, 7)
    }

    /// A failed join honours `redirect=false` (BBB#17202), and goes to
    /// `errorRedirectUrl`.
    pub(crate) fn failed_joins_are_directed(&self) -> bool {
        self.since(2, 7, 0)
    }

    /// A join that breaks a rule redirects whatever `redirect` says; from some
    /// release of 3.0.
    pub(crate) fn broken_rules_always_redirect(&self) -> bool {
        self.since(3, 0, 0)
    }

    /// A request with `presentationUploadExternalUrl` is checked for nothing but
    /// that this is an address.
    pub(crate) fn has_external_upload(&self) -> bool {
        self.since(2, 6, 0)
    }

    /// bbb-webhooks is of its line 3: hooks have random names, any digest is
    /// taken, and a callback's checksum covers its body; before, it was of line 2.
    pub(crate) fn has_webhooks_3(&self) -> bool {
        self.since(3, 0, 0)
    }

    /// The build number of the client, as it stands behind `?v=`.
    pub(crate) fn client_build(&self) -> String {
        let (major, minor, patch) = self.number;
        (u32::from(major) * 10_000 + u32::from(minor) * 1_000 + u32::from(patch)).to_string()
    }

    /// Seconds since 1970 at which this release's files were packed: every node
    /// that installs the release has files of that age, to the second.
    pub(crate) fn packed_at(&self) -> u64 {
        const BETWEEN_RELEASES: u64 = 1_555_200;
        let (major, minor, patch) = self.number;
        let line = LINES.iter().find(|(line, _)| *line == (major, minor));
        line.map_or(0, |(_, first)| *first) + u64::from(patch) * BETWEEN_RELEASES
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    /// The first release with a feature, or the first without one that went.
    type Gate = (fn(&Release) -> bool, &'static [(&'static str, bool)]);

    #[test]
    fn features_come_and_go_with_their_releases() {
        let table: [Gate; 16] = [
            (Release::failed_joins_are_directed, &[("2.6.20", false), ("2.7.0", true)]),
            (Release::broken_rules_always_redirect, &[("2.7.17", false), ("3.0.0", true)]),
            (Release::has_external_upload, &[("2.5.9", false), ("2.6.0", true)]),
            (Release::has_long_digests, &[("2.4.9", false), ("2.5.0", true)]),
            (Release::has_digest_property, &[("2.5.6", false), ("2.5.7", true)]),
            (Release::has_old_dashboard_path, &[("2.4.3", true), ("2.4.4", false)]),
            (Release::keeps_package_nginx_in_etc, &[("2.4.9", true), ("2.5.0", false)]),
            (Release::has_api_cors_in_nginx, &[("2.5.9", true), ("2.6.0", false)]),
            (
                Release::has_export_link_setting,
                &[("2.5.9", false), ("2.6.0", true), ("2.6.9", true), ("2.6.10", false)],
            ),
            (
                Release::is_strict_about_posts,
                &[("2.6.17", false), ("2.6.18", true), ("2.7.7", false), ("2.7.8", true)],
            ),
            (Release::has_meteor, &[("2.7.28", true), ("3.0.0", false)]),
            (Release::has_webhooks_3, &[("2.7.28", false), ("3.0.0", true)]),
            (Release::exposes_server_time, &[("3.0.17", false), ("3.0.18", true)]),
            (Release::slides_need_session, &[("3.0.26", false), ("3.0.27", true)]),
            (Release::has_cors_origin_variable, &[("3.0.27", false), ("3.0.100-1", true)]),
            (Release::has_old_client_settings, &[("3.0.28", true), ("4.0.0", false)]),
        ];
        for (at, (feature, releases)) in table.iter().enumerate() {
            for (text, expected) in *releases {
                let release = Release::parse(text).unwrap();
                assert_eq!(feature(&release), *expected, "row {at}: {text}");
            }
        }
    }

    #[test]
    fn only_simulated_lines_are_releases() {
        for text in ["2.3.9", "2.7", "3.1.0", "3.0", "3.0.x", "", "3.0.1.2"] {
            assert!(Release::parse(text).is_err(), "{text}");
        }
    }
}
