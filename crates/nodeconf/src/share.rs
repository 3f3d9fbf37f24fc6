//! A node's files as they may be shown to strangers: without secrets, and still
//! files of their form, so that a plan made for them is the plan for the node.

use crate::plan::redact::is_secret;

/// Stands in place of a secret.
const HIDDEN: &str = "redacted";

/// `text`, a configuration file, without the values of names that are called
/// like secrets, without passwords in URLs, private keys, and `known` secrets
/// wherever they stand. Lines and quotes stay.
#[must_use]
pub fn shareable(text: &str, known: &[&str]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = Rest::Plain;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\r', '\n']);
        let end = whole.get(line.len()..).unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        let blanks = line.get(..indent).unwrap_or_default();
        if let Rest::Block { above, is_told } = rest {
            let is_blank = line.trim().is_empty();
            if is_blank || indent > above {
                if !is_told && is_blank {
                    shown += whole;
                } else if !is_told {
                    shown += &format!("{blanks}{HIDDEN}{end}");
                }
                rest = Rest::Block { above, is_told: is_told || !is_blank };
                continue;
            }
            rest = Rest::Plain;
        }
        if matches!(rest, Rest::Key) {
            if line.contains("-----END ") {
                rest = Rest::Plain;
            }
            continue;
        }
        if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") {
            shown += &format!("{blanks}{HIDDEN}{end}");
            rest = if line.contains("-----END ") { Rest::Plain } else { Rest::Key };
            continue;
        }
        let (line, is_block) = without_values(line);
        if is_block {
            rest = Rest::Block { above: indent, is_told: false };
        }
        shown += &without_passwords(&line);
        shown += end;
    }
    for secret in known.iter().filter(|secret| !secret.is_empty()) {
        shown = shown.replace(secret, HIDDEN);
    }
    shown
}

/// What the lines before leave of the next ones.
#[derive(Clone, Copy)]
enum Rest {
    /// Lines of their own.
    Plain,
    /// A block scalar of YAML that is a secret, of a key that is indented so far.
    Block { above: usize, is_told: bool },
    /// A private key.
    Key,
}

/// A line without the values of secrets, and whether the value of one stands in
/// the lines below.
fn without_values(line: &str) -> (String, bool) {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    let mut is_first = true;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, behind) = rest.split_at(at);
        // The sign itself is one byte.
        let (sign, value) = behind.split_at(1);
        shown += name;
        shown += sign;
        rest = value;
        if is_secret(name) {
            let blanks = value.len() - value.trim_start().len();
            shown += value.get(..blanks).unwrap_or_default();
            let word = value.get(blanks..).unwrap_or_default();
            if let Some(header) = block_header(word).filter(|_| is_first && sign == ":") {
                return (shown + header, true);
            }
            let is_json = name.trim_end().ends_with('"');
            let (hidden, length) = hide(word, is_first, is_json);
            shown += &hidden;
            rest = word.get(length..).unwrap_or_default();
        }
        is_first = false;
    }
    (shown + rest, false)
}

/// The header of a block scalar of YAML, such as `|` or `>-`, if `word` is one.
fn block_header(word: &str) -> Option<&str> {
    let header = word.split_whitespace().next()?;
    let comment = word.get(header.len()..)?.trim_start();
    let indicators = header.strip_prefix(['|', '>'])?;
    let is_header = indicators.chars().all(|sign| sign.is_ascii_digit() || "+-".contains(sign));
    (is_header && (comment.is_empty() || comment.starts_with('#'))).then_some(header)
}

/// What stands in place of the value that `word` begins with, and its length.
fn hide(word: &str, is_first: bool, is_json: bool) -> (String, usize) {
    if let Some(quote) = word.chars().next().filter(|first| ['"', '\''].contains(first)) {
        let end = closing(word, quote);
        return (format!("{quote}{HIDDEN}{quote}"), end);
    }
    let value = match word.find(" #").filter(|_| is_first) {
        Some(comment) => word.get(..comment).unwrap_or(word),
        None => word,
    };
    let is_open = matches!(value.trim_end(), "" | "{" | "[");
    if is_open || ["true", "false", "null"].contains(&value.trim_end().trim_end_matches(',')) {
        return (String::new(), 0);
    }
    let length = if is_json {
        value.find([',', '}', ']']).unwrap_or(value.len())
    } else if is_first {
        value.len()
    } else {
        word_length(value)
    };
    let hidden = if is_json { format!("\"{HIDDEN}\"") } else { HIDDEN.to_owned() };
    (hidden, length)
}

/// The length of a bare word in a line of many. A comma or a brace ends it, but not
/// one before an `@`: that may be one of the password in a URL, of which nothing is
/// to be left.
fn word_length(value: &str) -> usize {
    let end = value.find([' ', '"', '\'']).unwrap_or(value.len());
    let word = value.get(..end).unwrap_or(value);
    let part = word.find([',', '}']).filter(|&length| length > 0 && !word.contains('@'));
    part.unwrap_or(end)
}

/// Where the quoted text that `word` begins with ends, its quote included. YAML
/// doubles single quotes, everybody else escapes.
fn closing(word: &str, quote: char) -> usize {
    let mut characters = word.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        let is_doubled = quote == '\'' && characters.peek().is_some_and(|next| next.1 == quote);
        if character == quote && !is_doubled {
            return at + 1;
        }
        if character == quote || character == '\\' && quote == '"' {
            characters.next();
        }
    }
    word.len()
}

/// A line without passwords in URLs: `scheme://user:password@host`.
fn without_passwords(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown += before;
        rest = behind;
        let end = rest.find(['/', ' ', '"', '\'']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        if let Some((user, host)) = authority.rsplit_once('@')
            && let Some((name, _)) = user.split_once(':')
        {
            shown += &format!("{name}:{HIDDEN}@");
            // The host is looked at again: another URL may begin in it.
            rest = rest.get(end - host.len()..).unwrap_or_default();
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_go_and_the_form_stays() {
        for (text, wanted) in [
            ("securitySalt=abc=d\nx=1\n", "securitySalt=redacted\nx=1\n"),
            ("a=1\r\n#securitySalt = abc\r\n", "a=1\r\n#securitySalt = redacted\r\n"),
            ("  turnSecret: 'it''s' # why\n", "  turnSecret: 'redacted' # why\n"),
            ("  turnSecret: abc # why\n", "  turnSecret: redacted # why\n"),
            ("password: |\n  a\n  b\n\nnext: 1\n", "password: |\n  redacted\nnext: 1\n"),
            ("{ \"password\": \"a\\\"b\", \"x\": 1 }", "{ \"password\": \"redacted\", \"x\": 1 }"),
            ("\"apiKey\": 12,\n", "\"apiKey\": \"redacted\",\n"),
            ("\"secrets\": {\n", "\"secrets\": {\n"),
            ("tokenRequired: true\n", "tokenRequired: true\n"),
            ("X_ADMIN_SECRET=\"a b\"\n", "X_ADMIN_SECRET=\"redacted\"\n"),
            ("J_JWT_SECRET={\"type\":\"HS256\",\"key\":\"abc\"}\n", "J_JWT_SECRET=redacted\n"),
            ("A=\"-Dx.password=y -Dz=1\"\n", "A=\"-Dx.password=redacted -Dz=1\"\n"),
            ("DB=postgres://me:abc@127.0.0.1:5/x\n", "DB=postgres://me:redacted@127.0.0.1:5/x\n"),
            ("x: https://host/@y:z\n", "x: https://host/@y:z\n"),
            (
                "k: |\n  -----BEGIN PRIVATE KEY-----\n  abc\n  -----END PRIVATE KEY-----\ny: 1\n",
                "k: |\n  redacted\ny: 1\n",
            ),
            ("# the salt is sesame\n", "# the salt is redacted\n"),
            ("password=|abc\nx=1\n", "password=redacted\nx=1\n"),
            ("password=>\n  x=1\n", "password=redacted\n  x=1\n"),
            ("password: >abc\n", "password: redacted\n"),
            ("password: |2- # a=b\n\n   a\n", "password: |2-\n\n   redacted\n"),
            ("x: {secret: a}\n", "x: {secret: redacted}\n"),
            ("x://token:a,b@c\n", "x://token:redacted\n"),
            ("x://a:secret=b/c,d@e\n", "x://a:secret=redacted\n"),
            ("x://a:b@token:c/d}e@f\n", "x://a:redacted@token:redacted\n"),
            ("x://a:b@c://d:e@f\n", "x://a:redacted@c://d:redacted@f\n"),
        ] {
            assert_eq!(shareable(text, &["sesame", ""]), wanted, "{text}");
            assert_eq!(shareable(wanted, &["sesame", ""]), wanted, "again: {text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_twice_is_once(text in "(\\PC|[=:\"' ,}#|>/]|\n|secret|://|@){0,60}") {
            let once = shareable(&text, &[]);
            prop_assert_eq!(shareable(&once, &[]), once);
        }

        #[test]
        fn a_secret_is_never_left(
            secret in "[a-zA-Z0-9]{12,20}",
            name in "(turn)?(Secret|_TOKEN|Password)",
            form in 0..5_usize,
        ) {
            let text = match form {
                0 => format!("{name}={secret}\n"),
                1 => format!("  {name}: {secret}\n"),
                2 => format!("\"{name}\": \"{secret}\",\n"),
                3 => format!("{name}: '{secret}'\n"),
                _ => format!("{name}: >-\n  {secret}\n"),
            };
            prop_assert!(!shareable(&text, &[]).contains(&secret));
        }
    }
}
