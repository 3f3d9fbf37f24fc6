//! What tests of the built binary and of real browsers need: bounded waiting, child processes, an X
//! display of their own, Chromium over the DevTools protocol, the answer to its permission prompt,
//! Firefox over Marionette, certificates, an HTTP client that sends exactly what it is told, and
//! answers held against an OpenAPI document.
//!
//! It knows no other crate of the workspace: a test that uses it judges Bluegate from outside.
//!
//! Start with [`Browser::launch`] for pages, with [`prompt`] for the question a browser asks.

pub mod browser;
pub mod certificates;
pub mod display;
pub mod eventually;
pub mod firefox;
pub mod http;
pub mod image;
mod names;
pub mod openapi;
pub mod pebble;
pub mod postgres;
pub mod process;
pub mod prompt;
pub mod redis;
pub mod sshd;
pub mod supervisor;
mod trust;

pub use browser::{Browser, BrowserOptions, Page};
pub use display::Display;
pub use eventually::eventually;
pub use firefox::{Firefox, Window};
pub use image::Image;
pub use openapi::Description;
pub use pebble::Pebble;
pub use postgres::Postgres;
pub use process::Process;
pub use prompt::{Answered, answer_permission_prompt, no_prompt};
pub use redis::Redis;
pub use sshd::Sshd;
pub use supervisor::Supervisor;
