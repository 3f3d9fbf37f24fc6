//! The proof in a real browser, with its real permission prompt.
//!
//! A Chromium with a window shows meetings of a demo cluster. Nothing answers
//! its prompts but the mouse, at the one place of a test that says so: where a
//! device opens without that, the browser did not ask. Pictures of what it
//! showed are saved for a person to look at; see [`picture`].

mod cluster_proxy;
mod contrast;
mod door;
mod every_release;
mod firefox;
mod frontend;
mod nginx_nodes;
mod second_node;
mod steps;
mod visit;
mod what_went_where;

use std::path::PathBuf;

/// The folder for pictures: `e2e-screenshots` in the target folder.
fn picture(name: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("..");
    target.join("e2e-screenshots").join(name)
}
