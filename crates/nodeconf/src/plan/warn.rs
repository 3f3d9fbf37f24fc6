//! What an operator should know before a node is changed.

use bluegate_cluster::{Node, Origin};
use bluegate_site::{CROSS_SITE_LIMIT, CrossSite};

use crate::{
    detect::Detected,
    edit::{
        properties,
        text::{Charset, decode},
    },
    host::{Host, HostError},
};

/// Where bbb-web's own origin is set, the strongest first.
const SERVER_URL_FILES: [&str; 2] = [
    "/etc/bigbluebutton/bbb-web.properties",
    "/usr/share/bbb-web/WEB-INF/classes/bigbluebutton.properties",
];

pub(super) fn warnings(
    host: &dyn Host,
    detected: &Detected,
    cluster: &Origin,
    node: &Node,
    cross_site: Option<&CrossSite>,
) -> Result<Vec<String>, HostError> {
    let mut warnings = Vec::new();
    if !node.proxied {
        return Ok(warnings);
    }
    let release = &detected.release;
    if (release.major, release.minor, release.patch) == (3, 0, Some(27)) {
        warnings.push(
            "3.0.27 cannot show slides to pages of another origin, whatever is configured: upgrade to 3.0.28 (BBB#25108, BBB#25132)"
                .to_owned(),
        );
    }
    if release.patch.is_none() {
        warnings
            .push(format!("`{release}` names a release line; planned as for its newest release"));
    }
    if release.is_3_or_later() && cluster.authority() != cluster.host() {
        warnings.push(
            "the client of 3.0 and later forgets the port of its page: the cluster's origin must be on the default port"
                .to_owned(),
        );
    }
    if node.origin.host().contains("upload") {
        warnings.push(format!(
            "the client replaces the first `upload` in its upload address: `{}` holds that word and uploads will fail; rename the node",
            node.origin.host()
        ));
    }
    if let Some(cross_site) = cross_site {
        warnings
            .push(format!("{cross_site}. Allowed by you; still {CROSS_SITE_LIMIT} (BBB#25212)"));
    }
    if let Some((path, url)) = server_url(host)?
        && url.trim_end_matches('/') != node.origin.to_string()
    {
        warnings.push(format!(
            "`bigbluebutton.web.serverURL` in {path} is `{url}`, the node's origin in the cluster file is `{}`: one of the two is wrong",
            node.origin
        ));
    }
    Ok(warnings)
}

/// The node's own idea of its origin. A file in an encoding of its own is
/// complained of where it is edited.
fn server_url(host: &dyn Host) -> Result<Option<(&'static str, String)>, HostError> {
    for path in SERVER_URL_FILES {
        let Some(file) = host.file(path)? else { continue };
        let Ok(text) = decode(&file.bytes, Charset::Bytes) else { continue };
        let items = properties::items(&text);
        let url = items.into_iter().rfind(|item| item.key == "bigbluebutton.web.serverURL");
        if let Some(url) = url {
            return Ok(Some((path, url.value)));
        }
    }
    Ok(None)
}
