//! Secrets are hidden before anything is compared for people.

/// Shown in place of a secret.
const HIDDEN: &str = "***";

/// What a name has in it when its value is a secret.
const SECRET_WORDS: [&str; 8] =
    ["salt", "secret", "password", "passwd", "token", "apikey", "api_key", "private_key"];

/// `text` with the values of secret-looking names hidden: the rest of the line
/// behind the line's first name, one word behind any other.
pub(super) fn redact(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let body = line.trim_end_matches(['\r', '\n']);
    let end = line.get(body.len()..).unwrap_or_default();
    let mut shown = String::with_capacity(line.len());
    let mut rest = body;
    let mut is_first = true;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, behind) = rest.split_at(at);
        // The sign itself is one byte.
        let (sign, value) = behind.split_at(1);
        shown.push_str(name);
        shown.push_str(sign);
        rest = value;
        let is_secret = is_secret(name) && !value.trim().is_empty();
        if is_secret {
            let blanks = value.len() - value.trim_start().len();
            shown.push_str(value.get(..blanks).unwrap_or_default());
            shown.push_str(HIDDEN);
            let word = value.get(blanks..).unwrap_or_default();
            let length = if is_first {
                word.len()
            } else {
                word.find([' ', '"', '\'']).filter(|&length| length > 0).unwrap_or(word.len())
            };
            rest = word.get(length..).unwrap_or_default();
        }
        is_first = false;
    }
    shown + rest + end
}

/// Whether the word at the end of `name` is what a secret is called.
pub(crate) fn is_secret(name: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let name = name.trim_end_matches([' ', '"', '\'']);
    let word = name.rsplit(|character| !is_part(character)).next().unwrap_or_default();
    let word = word.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|secret| word.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn values_of_secrets_are_hidden() {
        for (text, wanted) in [
            ("securitySalt=abc\nx=1\n", "securitySalt=***\nx=1\n"),
            ("#securitySalt=abc def\r\n", "#securitySalt=***\r\n"),
            ("  turnSecret: 'x' # y\n", "  turnSecret: ***\n"),
            ("\"password\": \"x\",\n", "\"password\": ***\n"),
            ("HASURA_GRAPHQL_ADMIN_SECRET=x", "HASURA_GRAPHQL_ADMIN_SECRET=***"),
            ("A=\"-Dx.password=y -Dz=1\"\n", "A=\"-Dx.password=*** -Dz=1\"\n"),
            ("defaultHTML5ClientUrl=https://x\n", "defaultHTML5ClientUrl=https://x\n"),
            ("secrets:\n", "secrets:\n"),
        ] {
            assert_eq!(redact(text), wanted);
        }
    }
}
