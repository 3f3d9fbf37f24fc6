//! From one process to its successor: listening sockets that are handed over,
//! by systemd or by the process before, and the few words the two exchange.
//!
//! A listening socket is shared, never moved: whoever has a copy may accept
//! from the same queue, so nobody in that queue is lost as long as one copy is
//! open. The order is what makes an upgrade unnoticed:
//!
//! 1. the old process starts the new one with copies of its sockets ([`start`]);
//! 2. the new one serves them and says so ([`Predecessor::ready`]);
//! 3. the old one stops accepting and its background work, and finishes what it
//!    has begun;
//! 4. the new one sees it end ([`Predecessor::is_gone`]).
//!
//! A new process that fails before step 2 has changed nothing.

mod predecessor;
mod program;
mod sockets;
mod successor;

pub use predecessor::{Predecessor, PredecessorError};
pub use program::{Program, ProgramError};
pub use sockets::{HandedOverError, KeptSockets, Sockets};
pub use successor::{StartError, Successor, start};

/// Says in a successor's environment that its standard input is the channel to
/// its predecessor.
const CHANNEL_VARIABLE: &str = "BLUEGATE_PREDECESSOR";

/// What [`CHANNEL_VARIABLE`] is set to.
const ON_STANDARD_INPUT: &str = "stdin";

/// Said by the successor when it serves.
const READY: u8 = b'R';
