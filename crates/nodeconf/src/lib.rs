//! Node configuration: which files a BBB node needs behind a cluster proxy,
//! and what stands in them.
//!
//! Owns the profiles (data, in the `profiles/` folder) and rendering them for
//! one node. Pure but for [`write_files`], the one thin module that writes.
//!
//! Start at [`Profile::for_release`] and [`render()`].

mod block;
mod format;
mod placeholders;
mod profile;
mod render;
mod write;

pub use block::{BEGIN, END};
pub use profile::{Profile, ProfileError};
pub use render::{RenderedFile, render};
pub use write::{WriteError, write_files};
