//! The HTML5 client: its files, made in memory, and nginx's way to serve them.
//!
//! The files have the shape of the real client's and depend on nothing but the
//! release (and on strictness): every node of a release serves the same bytes
//! with the same times, so that their ETags agree.

mod files;
mod font;
mod serve;

pub(crate) use files::ClientFiles;
pub(crate) use serve::serve;
