//! Known mistakes in hand-made cluster settings: those of the documentation's
//! revisions and those that operators reported.

use bluegate_cluster::{Node, Origin};

use super::{Finding, build::FileEdit, redact::redact, rendered::Rendered};
use crate::{
    detect::{Detected, is_within},
    edit::item::{Item, matches},
};

/// Who judges what a file says.
pub(super) struct Judge<'a> {
    pub(super) detected: &'a Detected,
    pub(super) cluster: &'a Origin,
    pub(super) node: &'a Node,
}

/// Keys that take a bare host.
const HOSTS: [&str; 4] =
    ["sip_ws_host", "serverHostname", "authorized_cross_origin", "BBB_GRAPHQL_MIDDLEWARE_ORIGIN"];

/// Keys that take an origin: scheme and host, no slash behind.
const ORIGINS: [&str; 5] = [
    "accessControlAllowOrigin",
    "set $bbb_cors_origin",
    "set $bbb_loadbalancer_node",
    "HASURA_GRAPHQL_CORS_DOMAIN",
    "cluster_proxies",
];

impl Judge<'_> {
    /// The mistakes among `items`, as far as `edit` mends them.
    pub(super) fn findings(&self, path: &str, edit: &FileEdit, items: &[Item]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for item in items {
            let wanted = edit.entries.iter().find(|entry| entry.key == item.key);
            let in_place = edit.in_place.iter().find(|edit| edit.key == item.key);
            let is_stale = edit.stale.iter().any(|stale| matches(&stale.key, &item.key));
            if wanted.is_none() && in_place.is_none() && !is_stale {
                continue;
            }
            let value = wanted.map(Rendered::text);
            let fix = match value.or_else(|| in_place.and_then(|edit| edit.value.clone())) {
                Some(text) if !text.contains('\n') => format!("becomes `{text}`"),
                Some(_) => "replaced".to_owned(),
                None => "removed".to_owned(),
            };
            for mistake in self.mistakes(path, item) {
                findings.push(Finding {
                    path: path.to_owned(),
                    key: item.key.clone(),
                    found: redact(&item.value),
                    mistake,
                    fix: fix.clone(),
                });
            }
        }
        findings
    }

    fn mistakes(&self, path: &str, item: &Item) -> Vec<String> {
        let key = item.key.as_str();
        let name = key.rsplit('.').next().unwrap_or(key);
        let value = item.value.as_str();
        let mut mistakes = Vec::new();
        let mut say = |is_so: bool, text: &str| {
            if is_so {
                mistakes.push(text.to_owned());
            }
        };
        let has_scheme = value.contains("://");
        say(
            item.is_broken,
            "the `;` is missing, as in the documentation of 2.4: nginx takes the next line for a part of this one and does not load",
        );
        say(
            value.split("://").count() > 2 && !value.contains(['|', ' ', ','])
                || value.contains("https://https:"),
            "the scheme stands twice, as one revision of the documentation prints it",
        );
        say(HOSTS.contains(&name) && has_scheme, "a scheme stands where a bare host belongs");
        let is_origin = ORIGINS.contains(&key) || ORIGINS.contains(&name);
        say(
            is_origin && !has_scheme && !["", "*"].contains(&value),
            "the scheme is missing: browsers compare whole origins",
        );
        say(
            is_origin && value.ends_with('/'),
            "an origin has no slash at its end: it never equals what browsers send (BBB#25108)",
        );
        say(
            name == "learningDashboardBase"
                && value.trim_end_matches('/').ends_with("/learning-dashboard")
                && is_within(&self.detected.release, Some("2.4.4"), None),
            "the dashboard's path has been `learning-analytics-dashboard` since 2.4.4 (BBB#21523)",
        );
        say(
            name == "graphqlWebsocketUrl" && value.contains("/v1"),
            "the socket is at `/graphql`, never at `/v1/graphql` (BBB#20797)",
        );
        let is_static = is_within(&self.detected.release, Some("3.0.0-beta.2"), None);
        say(
            name == "defaultHTML5ClientUrl" && is_static && !value.ends_with('/'),
            "the slash at the end is missing: the client's files would be looked for in the wrong folder (BBB#21130, BBB#24346)",
        );
        say(
            name == "defaultGuestWaitURL" && value.starts_with(&self.cluster.to_string()),
            "the lobby belongs on the node's own origin: it asks for its language and its turn there (BBB#14462)",
        );
        say(
            path.ends_with("/override.conf"),
            "bbb-install rewrites files of this name, and the setting is lost (BBB#23819)",
        );
        say(
            path == "/etc/default/bbb-web",
            "this file wins over every drop-in, and belongs to a package (BBB#23819)",
        );
        say(
            name == "apiUrl" && key == name,
            "there is no such property; one revision of the documentation prints it",
        );
        say(
            key.starts_with("grails.cors."),
            "bbb-web does not read this from its properties (BBB#16542)",
        );
        if let Some(host) = self.other_ending(value) {
            mistakes.push(format!("`{host}` differs from ours in its ending only, as in an example of the documentation"));
        }
        mistakes
    }

    /// A host in `value` that is the cluster's or the node's but for its last
    /// label.
    fn other_ending(&self, value: &str) -> Option<String> {
        let ours = [self.cluster.host(), self.node.origin.host()];
        let stem = |host: &str| host.rsplit_once('.').map(|(stem, _)| stem.to_owned());
        let is_part = |character: char| {
            !(character.is_ascii_alphanumeric() || character == '-' || character == '.')
        };
        value
            .split(is_part)
            .find(|host| {
                let has_stem = stem(host).is_some_and(|stem| stem.contains('.'));
                let is_number = host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
                has_stem
                    && !is_number
                    && !ours.contains(host)
                    && ours.iter().any(|our| stem(our) == stem(host))
            })
            .map(str::to_owned)
    }
}
