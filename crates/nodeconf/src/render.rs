//! A profile rendered for one node of one cluster.

use bluegate_cluster::{Node, Origin};

use crate::{
    block::with_block,
    format::{self, Filled},
    placeholders::Placeholders,
    profile::{Format, Profile, ProfileFile, Value},
};

/// The head of every file that is wholly ours and can hold comments.
const MANAGED: &str = "# Managed by bluegate: edits are lost.\n";

/// One file a node needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Absolute path on the node.
    pub path: String,
    /// `user:group` on the node.
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
    /// Services that read it only when they start.
    pub restart: Vec<String>,
    /// What it is for.
    pub why: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// Our text: the whole file, or our block of it.
    text: String,
    /// Whether foreign lines of the file stay.
    shared: bool,
}

impl RenderedFile {
    /// What the file holds once it is written over `current`, its present
    /// text if it exists. Foreign lines of a shared file stay.
    #[must_use]
    pub fn over(&self, current: Option<&str>) -> String {
        if self.shared { with_block(current.unwrap_or(""), &self.text) } else { self.text.clone() }
    }
}

/// The files `node` needs so that `cluster` can serve its client; none when it
/// is not proxied.
#[must_use]
pub fn render(profile: &Profile, cluster: &Origin, node: &Node) -> Vec<RenderedFile> {
    if !node.proxied {
        return Vec::new();
    }
    let placeholders = Placeholders::new(cluster, node);
    profile.files.iter().map(|file| render_file(file, &placeholders)).collect()
}

fn render_file(file: &ProfileFile, placeholders: &Placeholders) -> RenderedFile {
    let fill = |text: &str| {
        placeholders.fill(text).unwrap_or_else(|name| {
            unreachable!(
                "{}: `{{{name}}}` is no placeholder; a test renders every profile",
                file.path
            )
        })
    };
    let values: Vec<(String, Filled)> = file
        .values
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::One(text) => Filled::One(fill(text)),
                Value::Many(texts) => Filled::Many(texts.iter().map(|text| fill(text)).collect()),
            };
            (key.clone(), value)
        })
        .collect();
    let text = match file.format {
        Format::Properties => format::properties(&values),
        Format::Yaml => format!("{MANAGED}{}", format::yaml(&values)),
        Format::Json => format::json(&values),
        Format::Env => format!("{MANAGED}{}", format::env(&values)),
        Format::Text => format!("{MANAGED}{}", fill(&file.text)),
    };
    RenderedFile {
        path: file.path.clone(),
        owner: file.owner.clone(),
        mode: u32::from_str_radix(&file.mode, 8).expect("a test parses every profile's modes"),
        restart: file.restart.clone(),
        why: file.why.clone(),
        source: file.source.clone(),
        text,
        shared: file.format == Format::Properties,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(proxied: bool) -> Node {
        Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: None,
            bbb: None,
            proxied,
        }
    }

    fn show(release: &str, cluster: &str, node: &Node) -> String {
        let profile = Profile::for_release(&release.parse().unwrap()).unwrap();
        let mut out = String::new();
        for file in render(&profile, &cluster.parse().unwrap(), node) {
            let heading = format!("{} {:04o} {}", file.owner, file.mode, file.path);
            out += &format!("==> {heading} (restart {})\n", file.restart.join(", "));
            out += &file.over(Some("securitySalt=kept\n").filter(|_| file.shared));
        }
        out
    }

    #[test]
    fn a_3_0_node_on_default_ports() {
        insta::assert_snapshot!(show("3.0", "https://bbb.example.org", &node(true)));
    }

    #[test]
    fn a_2_7_node_on_default_ports() {
        insta::assert_snapshot!(show("2.7", "https://bbb.example.org", &node(true)));
    }

    #[test]
    fn ports_of_a_2_7_node_are_kept() {
        let mut node = node(true);
        node.origin = "http://bbb-01.cluster.localhost:8091".parse().unwrap();
        insta::assert_snapshot!(show("2.7", "http://bbb.cluster.localhost:8080", &node));
    }

    #[test]
    fn ports_that_are_not_the_default_are_kept() {
        let mut node = node(true);
        node.origin = "http://bbb-01.cluster.localhost:8091".parse().unwrap();
        insta::assert_snapshot!(show("3.0", "http://bbb.cluster.localhost:8080", &node));
    }

    #[test]
    fn a_node_that_is_not_proxied_needs_nothing() {
        assert_eq!(show("3.0", "https://bbb.example.org", &node(false)), "");
    }
}
