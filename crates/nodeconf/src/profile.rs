//! Profiles: what each BBB release needs written, as data.
//!
//! The files in `profiles/` are read by [`Profile::for_release`], which picks
//! the one whose range holds the release and completes it from those it
//! inherits. What holds for the release and the features of one node is then
//! for planning to choose.

mod load;
mod schema;
mod services;
#[cfg(test)]
mod tests;

pub(crate) use load::Profiles;
#[cfg(test)]
pub(crate) use load::texts;
pub use load::{Profile, ProfileError};
pub(crate) use schema::{Conditions, Entry, Format, PackageEdit, ProfileFile, Value};
pub use services::{Action, Service, services};
