//! The doctor against simulated nodes behind the real proxy: a configured node
//! gives no finding, and each breakage exactly the one that names it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod breakages;
mod browser;
mod calls;
mod cluster;
mod every_setting;
mod green;
mod meddler;
mod nginx;
mod page;
mod proxies;
mod reach;
mod recording;
mod schedule;
mod services;
mod settings;
mod trust;
