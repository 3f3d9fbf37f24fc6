//! The browser's permission prompt, as a person meets it: shown, answered, remembered for an origin,
//! and asked again by another. Everything that Bluegate's own proof relies on is shown here first,
//! on a page of a few lines.

mod browser_prompt;
mod https_client;
mod page_server;
