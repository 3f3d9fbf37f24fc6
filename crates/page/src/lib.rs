//! Pages that Bluegate shows to people itself: small, whole by themselves, in
//! the visitor's [`Language`].
//!
//! Owns how such a page looks and when it asks again. What it says is the
//! business of whoever shows it. Pure.

mod language;
mod render;
mod retry;

pub use language::Language;
pub use render::{POLICY, Words, escape, render};
pub use retry::{RETRY_SECONDS, next_retry};
