//! From a cluster to a file.

use std::path::PathBuf;

use bluegate_cluster::Routes;
use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};

use crate::{Options, Software, view::View};

#[cfg(test)]
mod tests;

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A path that could be read as more than a path.
    #[error(
        "the path `{0}` cannot be written down safely; \
         use an absolute path of letters, digits and `. _ - + @` only"
    )]
    Path(PathBuf),
    /// No address to listen on.
    #[error("there is no address to listen on")]
    NoListen,
    /// Apache takes the TLS name from the name it connects to.
    #[error(
        "Apache cannot connect to node `{0}` at an `address` and verify the name of its `origin`; \
         leave `address` out and let `/etc/hosts` say where the origin's name is"
    )]
    AddressOfApache(String),
}

/// The configuration of `software` for a cluster. Nodes that are not proxied
/// are not in `routes` and so not in the file.
///
/// # Errors
/// [`RenderError`] when something cannot be written down so that it means only
/// what it should.
pub fn render(
    software: Software,
    routes: &Routes,
    options: &Options,
) -> Result<String, RenderError> {
    let view = View::new(routes, options)?;
    if let (Software::Apache, Some(node)) = (software, view.elsewhere().next()) {
        return Err(RenderError::AddressOfApache(node.to_owned()));
    }
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the usual delimiters do not collide");
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax);
    let text = environment
        .render_str(software.template(), Serde(view))
        .expect("the templates are part of this crate, and the tests render each of them");
    Ok(text)
}
