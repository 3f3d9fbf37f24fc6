//! `KEY="value"` as systemd's `EnvironmentFile=` reads it (systemd.exec(5)).

use super::Filled;

/// One line per value, double-quoted.
pub(crate) fn env(values: &[(String, Filled)]) -> String {
    let mut out = String::new();
    for (key, value) in values {
        out.push_str(key);
        out.push_str("=\"");
        for c in value.joined().chars() {
            if matches!(c, '"' | '\\' | '`' | '$') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push_str("\"\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        let values = [("A".to_owned(), Filled::One("x \"y\" \\z".to_owned()))];
        assert_eq!(env(&values), "A=\"x \\\"y\\\" \\\\z\"\n");
    }
}
