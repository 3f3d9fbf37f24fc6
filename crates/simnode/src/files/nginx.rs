//! nginx configuration text as a tree of directives.
//!
//! Enough of the grammar for the files a BBB node includes into its server
//! block: words, quotes, comments, `;` and `{ }`. A text that nginx would refuse
//! for its syntax (a missing `;`, an unclosed block or quote) is refused here too.

/// How deep blocks may nest.
const DEPTH_MAX: usize = 32;

/// A text nginx would not load.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NginxSyntaxError {
    /// A `{` without its `}`.
    #[error("unexpected end of file, expecting `}}`")]
    UnclosedBlock,
    /// Blocks within blocks beyond what any real file has.
    #[error("blocks nest deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A quote that never closes.
    #[error("unexpected end of file inside a quoted word")]
    UnclosedQuote,
    /// A directive that ran into the end of the file or of its block.
    #[error("directive `{name}` is not terminated by `;`")]
    Unterminated {
        /// The directive's first word.
        name: String,
    },
    /// A `}` without a block.
    #[error("unexpected `}}`")]
    UnexpectedClose,
    /// A `;` or `{` without a word before it.
    #[error("unexpected `{token}`")]
    UnexpectedToken {
        /// The character found.
        token: char,
    },
}

/// One directive: its words and, for a block, the directives inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    /// The name and its arguments, unquoted.
    pub(crate) words: Vec<String>,
    /// `Some` for `name ... { }`.
    pub(crate) block: Option<Vec<Self>>,
}

impl Directive {
    /// The directive's name.
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words after the name.
    pub(crate) fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// Reads one file.
pub(crate) fn parse(text: &str) -> Result<Vec<Directive>, NginxSyntaxError> {
    let mut tokens = tokens(text)?.into_iter();
    directives(&mut tokens, 0)
}

fn directives(
    tokens: &mut impl Iterator<Item = Token>,
    depth: usize,
) -> Result<Vec<Directive>, NginxSyntaxError> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    loop {
        let token = tokens.next();
        match token {
            Some(Token::Word(word)) => words.push(word),
            Some(Token::Semicolon) if words.is_empty() => {
                return Err(NginxSyntaxError::UnexpectedToken { token: ';' });
            }
            Some(Token::Semicolon) => {
                found.push(Directive { words: std::mem::take(&mut words), block: None });
            }
            Some(Token::Open) if words.is_empty() => {
                return Err(NginxSyntaxError::UnexpectedToken { token: '{' });
            }
            Some(Token::Open) if depth == DEPTH_MAX => return Err(NginxSyntaxError::TooDeep),
            Some(Token::Open) => {
                // `types` holds pairs such as `application/wasm wasm;`: read alike.
                let block = directives(tokens, depth + 1)?;
                found.push(Directive { words: std::mem::take(&mut words), block: Some(block) });
            }
            Some(Token::Close) | None if !words.is_empty() => {
                return Err(NginxSyntaxError::Unterminated { name: words.swap_remove(0) });
            }
            Some(Token::Close) if depth > 0 => return Ok(found),
            Some(Token::Close) => return Err(NginxSyntaxError::UnexpectedClose),
            None if depth == 0 => return Ok(found),
            None => return Err(NginxSyntaxError::UnclosedBlock),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, NginxSyntaxError> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            _ if character.is_whitespace() => {}
            '#' => while characters.next_if(|&next| next != '\n').is_some() {},
            ';' => tokens.push(Token::Semicolon),
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            '"' | '\'' => {
                let mut word = String::new();
                loop {
                    match characters.next() {
                        None => return Err(NginxSyntaxError::UnclosedQuote),
                        Some('\\') => word.extend(characters.next()),
                        Some(end) if end == character => break,
                        Some(inside) => word.push(inside),
                    }
                }
                tokens.push(Token::Word(word));
            }
            first => {
                let mut word = String::from(first);
                while let Some(&next) = characters.peek() {
                    // `${name}` keeps its braces; any other brace ends the word.
                    let variable = next == '{' && word.ends_with('$');
                    if next.is_whitespace() || matches!(next, ';' | '{' | '}') && !variable {
                        break;
                    }
                    word.push(next);
                    characters.next();
                    if variable {
                        for inside in characters.by_ref() {
                            word.push(inside);
                            if inside == '}' {
                                break;
                            }
                        }
                    }
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::{NginxSyntaxError, parse};

    #[test]
    fn reads_directives_blocks_quotes_and_comments() {
        let tree = parse(
            "set $a 'https://x;y'; # c { \nlocation ^~ /m/x/ {\n alias /y/; types { application/wasm wasm; } }\nreturn 301 /x/$is_args$args;",
        )
        .unwrap();
        assert_eq!(tree.len(), 3);
        assert_eq!(tree[0].words, ["set", "$a", "https://x;y"]);
        assert_eq!(tree[1].arguments(), ["^~", "/m/x/"]);
        let block = tree[1].block.as_ref().unwrap();
        assert_eq!(block[0].words, ["alias", "/y/"]);
        assert_eq!(block[1].block.as_ref().unwrap()[0].words, ["application/wasm", "wasm"]);
        assert_eq!(tree[2].words, ["return", "301", "/x/$is_args$args"]);
    }

    #[test]
    fn refuses_what_nginx_refuses() {
        let table = [
            ("set $a b", NginxSyntaxError::Unterminated { name: "set".into() }),
            ("location / { alias /x }", NginxSyntaxError::Unterminated { name: "alias".into() }),
            ("location / { alias /x;", NginxSyntaxError::UnclosedBlock),
            ("}", NginxSyntaxError::UnexpectedClose),
            (";", NginxSyntaxError::UnexpectedToken { token: ';' }),
            ("set $a 'b;", NginxSyntaxError::UnclosedQuote),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
        assert_eq!(parse(&"a {".repeat(100_000)), Err(NginxSyntaxError::TooDeep));
    }
}
