//! Java properties, as `java.util.Properties` reads them.

use std::fmt::Write as _;

use super::Filled;

/// `key=value` lines; what Java would read otherwise is escaped.
pub(crate) fn properties(values: &[(String, Filled)]) -> String {
    let mut out = String::new();
    for (key, value) in values {
        escape(&mut out, key, true);
        out.push('=');
        escape(&mut out, &value.joined(), false);
        out.push('\n');
    }
    out
}

fn escape(out: &mut String, text: &str, key: bool) {
    for (index, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A blank ends a key anywhere and is skipped in front of a value.
            ' ' if key || index == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if key => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            // Readers take the file as ISO-8859-1.
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04X}").expect("writing to a String cannot fail");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_java_would_read_otherwise_is_escaped() {
        let values = [
            ("defaultHTML5ClientUrl".to_owned(), Filled::One("https://a.b/c/".to_owned())),
            ("a b:c".to_owned(), Filled::One(" x=\\y\n".to_owned())),
            ("welcome".to_owned(), Filled::One("Grüße 😀".to_owned())),
        ];
        assert_eq!(
            properties(&values),
            "defaultHTML5ClientUrl=https://a.b/c/\n\
             a\\ b\\:c=\\ x=\\\\y\\n\n\
             welcome=Gr\\u00FC\\u00DFe \\uD83D\\uDE00\n"
        );
    }
}
