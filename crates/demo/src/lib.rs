//! A whole cluster on one machine: simulated nodes, the proxy, the scaler and
//! a small frontend, all on loopback, in one process.
//!
//! Only the nodes are simulated. They read the very files that node
//! configuration wrote for them, and share no code with what they judge.
//!
//! Start at [`Demo::start`].

mod certificates;
mod cluster_file;
mod frontend;
mod layout;
mod nodes;
mod ready;
mod run;

pub use certificates::CertificateError;
pub use layout::{MAX_NODES, PortTaken};
pub use nodes::{NodeError, Release};
pub use ready::{Ready, ReadyNode};
pub use run::{AdminSeat, Demo, DemoRoles, Options, StartError};
