//! The doctor: looks at a cluster from outside, as a browser and as a
//! frontend, and names the file and the value to mend.
//!
//! Probes ([`examine()`]) do the asking, bounded in number, time and bytes, and
//! leave [`Evidence`]. Checks ([`CHECKS`]) are pure functions over it; each
//! finding says what a user would see, on what evidence, and what mends it.
//!
//! Owns its own idea of what a node should answer: it judges what `nodeconf`
//! writes and therefore shares nothing with it. Changes no configuration; its
//! probe meetings are marked, short-lived, and always ended.

mod browser;
mod check;
mod cookie;
mod evidence;
mod examine;
mod expected;
mod finding;
mod html;
mod places;
mod probe;
mod record;
mod release;
mod report;
mod schedule;
mod stun;
mod subject;
mod wire;

pub use bluegate_site::{Site, site_of};
pub use browser::{Browser, BrowserVisit, NoBrowser};
pub use check::{CHECKS, Check, Outcome};
pub use evidence::{ClusterEvidence, Evidence, Session};
pub use examine::{Bounds, BrowserSeat, Config, Progress, examine, examine_and_record};
pub use expected::compared_settings;
pub use finding::{Finding, Fix, Seen, Setting, Severity};
pub use record::Recording;
pub use release::{ClientKind, Release};
pub use report::{CheckResult, NodeReport, Report, State, Summary};
pub use schedule::{Latest, Schedule};
pub use subject::{Patient, Subject};
pub use wire::{Answer, Certificate, CertificateTrouble, Exchange, Shown, Trouble};
