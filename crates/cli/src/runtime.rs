//! The runtimes that commands do their work in.

use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

/// How long a finished command waits for what its blocking threads still do: a
/// file being packed, a read from a file system that hangs. What they write is
/// written aside and renamed, so that leaving it is safe.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// One thread, for a command that asks one thing.
pub(crate) fn small() -> Result<Runtime, anyhow::Error> {
    Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

/// Does `work` on a thread per core. Its end is the command's end, whatever
/// blocking threads are still busy with.
pub(crate) fn run<T>(
    work: impl Future<Output = Result<T, anyhow::Error>>,
) -> Result<T, anyhow::Error> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEFT_BEHIND);
    done
}
