//! Lossless editors: each changes what it is asked to and no other byte.
//!
//! Files of lines (properties, environment files, systemd units, nginx, shell)
//! get a marked [`block`] of ours; what the block says is cut from the rest of
//! the file. YAML and JSON, where a key can stand only once, are edited in
//! place. What cannot be edited safely is refused, never guessed at.

pub(crate) mod block;
pub(crate) mod env;
pub(crate) mod item;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod nginx;
pub(crate) mod properties;
pub(crate) mod systemd;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod yaml;

/// A file cannot be edited without risk to what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is in an encoding that its reader does not expect either.
    #[error("it {0}; save it as UTF-8 without byte order mark")]
    Encoding(&'static str),
    /// The file is broken: its service would not take it either.
    #[error("line {line}: {what}; mend it by hand first")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The file is sound but written in a way that cannot be edited safely.
    #[error("line {line}: {what}; {hint}")]
    Unsupported {
        /// Counted from 1.
        line: usize,
        /// What stands in the way.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// Our block has a beginning and no end.
    #[error("line {line}: our block begins here and has no end mark; remove it by hand")]
    OpenBlock {
        /// Counted from 1.
        line: usize,
    },
    /// The edit would have changed something else.
    #[error("the edit of `{key}` would have changed more than that; set it by hand")]
    Unsafe {
        /// The key.
        key: String,
    },
}

/// The line, counted from 1, that byte `at` of `text` is in.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}
