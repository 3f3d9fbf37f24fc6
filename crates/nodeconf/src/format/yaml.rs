//! YAML that every dialect reads the same way: nested mappings whose scalars
//! are all double-quoted strings, so that no `yes`, date or number is guessed.

use super::Filled;

/// Mappings nested by the dots of the keys; keys of one mapping must stand
/// together, as the profiles have them.
pub(crate) fn yaml(values: &[(String, Filled)]) -> String {
    let mut out = String::new();
    let mut open: Vec<&str> = Vec::new();
    for (key, value) in values {
        let mut parts: Vec<&str> = key.split('.').collect();
        let leaf = parts.pop().unwrap_or_default();
        let shared = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        open.truncate(shared);
        for part in parts.iter().skip(shared) {
            indent(&mut out, open.len());
            out.push_str(part);
            out.push_str(":\n");
            open.push(part);
        }
        indent(&mut out, open.len());
        out.push_str(leaf);
        match value {
            Filled::One(text) => {
                out.push_str(": ");
                quote(&mut out, text);
                out.push('\n');
            }
            Filled::Many(texts) => {
                out.push_str(":\n");
                for text in texts {
                    indent(&mut out, open.len() + 1);
                    out.push_str("- ");
                    quote(&mut out, text);
                    out.push('\n');
                }
            }
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A JSON string is a YAML double-quoted scalar (YAML 1.2.2, section 1.3).
fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_nest_by_their_dots() {
        let one = |text: &str| Filled::One(text.to_owned());
        let values = [
            ("public.app.basename".to_owned(), one("/bbb-01/html5client")),
            ("public.app.autoJoin".to_owned(), one("yes")),
            ("public.media.livekit.url".to_owned(), one("wss://h/livekit")),
            ("list".to_owned(), Filled::Many(vec!["a".to_owned(), "b".to_owned()])),
        ];
        insta::assert_snapshot!(yaml(&values), @r#"
        public:
          app:
            basename: "/bbb-01/html5client"
            autoJoin: "yes"
          media:
            livekit:
              url: "wss://h/livekit"
        list:
          - "a"
          - "b"
        "#);
    }

    proptest! {
        #[test]
        fn an_independent_reader_gets_the_text_back(text in "\\PC{0,40}") {
            let file = yaml(&[("key".to_owned(), Filled::One(text.clone()))]);
            let read: BTreeMap<String, String> = serde_saphyr::from_str(&file).unwrap();
            prop_assert_eq!(read.get("key"), Some(&text));
        }
    }
}
