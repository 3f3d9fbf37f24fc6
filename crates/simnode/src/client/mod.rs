//! The HTML5 client: its files, made in memory, and the two ways to serve them.
//!
//! The files have the shape and size of the real client's and depend on nothing
//! but the release (and on strictness): every node of a release serves the same
//! bytes with the same times, so that their ETags agree. They are made when
//! they are first asked for, once for all nodes of the process.
//!
//! A 3.0 client is files that nginx serves ([`serve()`]). A 2.7 client has its
//! pages and some answers made by Meteor ([`meteor`](crate::meteor)), and files
//! for the rest.

mod assets;
mod ballast;
mod common;
mod dice;
mod file;
mod files;
mod font;
mod locales;
mod meteor_files;
mod serve;
mod static_files;
#[cfg(test)]
mod tests;

pub(crate) use common::font_faces;
pub(crate) use file::Form;
pub(crate) use files::{ClientFiles, MeteorNames};
pub(crate) use locales::{LANGUAGES, known_language};
pub(crate) use serve::{Served, serve};
