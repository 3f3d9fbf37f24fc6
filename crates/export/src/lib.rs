//! Writes the configuration of another proxy for the same cluster: nginx,
//! HAProxy, Caddy, Apache or Traefik, hardened as far as that software allows.
//!
//! Owns the templates and what may enter them. Pure: it opens, resolves and
//! writes nothing; what the nodes' names resolve to is an argument. It does
//! not judge a cluster (that is `bluegate-config`'s part), it only refuses what
//! it could not write down safely.
//!
//! Start with [`render()`].

mod header;
mod options;
mod path;
mod render;
mod software;
mod view;

pub use options::{Certificate, Options};
pub use render::{RenderError, render};
pub use software::{Software, UnknownSoftware};
