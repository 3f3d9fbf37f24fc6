//! What nginx knows, as far as the simulated one goes.

use std::path::Path;

use super::{ReadError, root::Files};
use crate::{files::nginx::Directive, locations::ClientLocations, release::Release};

/// The configuration in force since the last start or reload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nginx {
    /// `$bbb_cors_origin` (2.x: `$bbb_loadbalancer_node`) as it ends up.
    pub(crate) cluster_origin: String,
    /// Where the client is served.
    pub(crate) locations: ClientLocations,
}

impl Nginx {
    /// Reads `/etc/bigbluebutton/nginx/*.nginx` in the order of their names.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        let directives = Files { root }.nginx()?;
        Ok(Self {
            cluster_origin: cluster_origin(&directives, release)?,
            locations: ClientLocations::read(&directives)?,
        })
    }
}

/// Runs the server-level `set` and `if ($x = '')` directives in file order.
fn cluster_origin(directives: &[Directive], release: &Release) -> Result<String, ReadError> {
    let variable = if release.has_loadbalancer_variable() {
        "$bbb_loadbalancer_node"
    } else {
        "$bbb_cors_origin"
    };
    let set = |directive: &Directive, value: &mut String| -> Result<(), ReadError> {
        match (directive.arguments(), &directive.block) {
            ([name, new], None) => {
                if name == variable {
                    value.clone_from(new);
                }
                Ok(())
            }
            _ => Err(ReadError::NginxArguments { directive: directive.words.join(" ") }),
        }
    };
    let mut value = String::new();
    for directive in directives {
        match (directive.name(), &directive.block) {
            ("set", _) => set(directive, &mut value)?,
            ("if", Some(block)) => {
                // The condition `($x = '')` comes as words: "($x", "=", "')" or "''", ")".
                let condition = directive.arguments().concat();
                let tests_for_empty = condition.starts_with(&format!("({variable}="));
                if tests_for_empty && value.is_empty() {
                    for inner in block.iter().filter(|inner| inner.name() == "set") {
                        set(inner, &mut value)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(value)
}
