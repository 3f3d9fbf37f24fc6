//! The words every part of Bluegate shares, as types.
//!
//! Owns what a cluster *is*: its [`Origin`], its [`Node`]s and the [`Mount`]s
//! they hang at, the [`Routes`] the proxy follows, [`TenantName`]s with the
//! IDs that are theirs ([`TenantMeetingId`]), and [`Secret`]s; and how an error is told in
//! one line ([`with_causes`]). Pure: no I/O, no clock, no knowledge of any part above it.

mod address;
mod allowed;
mod bbb_version;
mod causes;
mod host_name;
mod mount;
mod node;
mod origin;
mod routes;
mod scoped;
mod secret;
mod tag;
mod tenant;
mod verdict;

pub use address::{Address, AddressError};
pub use allowed::{AllowedHost, AllowedHostError, AllowedHosts};
pub use bbb_version::{BbbVersion, BbbVersionError};
pub use causes::with_causes;
pub use host_name::{HostName, HostNameError};
pub use mount::{Mount, MountError, RESERVED_MOUNTS};
pub use node::Node;
pub use origin::{Origin, OriginError, Scheme};
pub use routes::{Routes, RoutesError};
pub use scoped::{Meeting, Recording, Scoped, TenantMeetingId, TenantRecordingId};
pub use secret::{EmptySecret, Secret};
pub use tag::{Tag, TagError, TagWishes};
pub use tenant::{TenantName, TenantNameError};
pub use verdict::Verdict;
