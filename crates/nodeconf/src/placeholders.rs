//! Filling `{name}` in a profile's texts.

use bluegate_cluster::{Node, Origin};

/// What the placeholders of a profile stand for on one node.
pub(crate) struct Placeholders(Vec<(&'static str, String)>);

impl Placeholders {
    pub(crate) fn new(cluster: &Origin, node: &Node) -> Self {
        Self(vec![
            ("proxy_origin", cluster.to_string()),
            ("proxy_authority", cluster.authority()),
            ("node_origin", node.origin.to_string()),
            ("node_authority", node.origin.authority()),
            ("node_host", node.origin.host().to_owned()),
            ("node_web_socket", node.origin.web_socket()),
            ("mount", node.name.to_string()),
        ])
    }

    /// `text` with every `{name}` replaced.
    ///
    /// Braces that hold no lower-case word (nginx blocks) stay; a lower-case
    /// word that is no placeholder is a mistake in the profile and is returned.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_word(name));
            match name {
                Some(name) => {
                    let (_, value) = self.0.iter().find(|(known, _)| *known == name).ok_or(name)?;
                    out.push_str(value);
                    rest = after.split_once('}').map_or("", |(_, rest)| rest);
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_braces_are_filled_and_blocks_are_not() {
        let placeholders = Placeholders(vec![("mount", "bbb-01".to_owned())]);
        for (text, wanted) in [
            ("/{mount}/x", Ok("/bbb-01/x")),
            ("location /{mount} { deny all; }", Ok("location /bbb-01 { deny all; }")),
            ("{ {mount} }", Ok("{ bbb-01 }")),
            ("{unknown}", Err("unknown")),
            ("{", Ok("{")),
            ("{}", Ok("{}")),
        ] {
            let filled = placeholders.fill(text);
            assert_eq!(filled.as_deref().map_err(String::as_str), wanted, "{text}");
        }
    }
}
