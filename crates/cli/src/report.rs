//! The one place that prints errors, and the start of logging.

use std::io::IsTerminal as _;

use anstream::eprintln;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, UsageError};

/// Prints an error with its causes, one per line, and says how to exit.
pub(crate) fn error(error: &anyhow::Error) -> Exit {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    if error.downcast_ref::<UsageError>().is_some() { Exit::Usage } else { Exit::Failed }
}

/// Logs go to stderr: warnings by default, with what changes state where a
/// process `serves`; more with `-v`, or as
/// `BLUEGATE_LOG` says (the syntax of `tracing`'s filters). With
/// `BLUEGATE_LOG_FORMAT=json` each event is a JSON object on a line of its own.
pub(crate) fn start_log(verbose: u8, serves: bool) {
    let default = match verbose {
        0 if serves => "warn,bluegate::state=info",
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("BLUEGATE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("off,bluegate={default}")));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var_os("BLUEGATE_LOG_FORMAT").is_some_and(|format| format == "json") {
        log.json().with_span_list(false).init();
    } else {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        log.with_ansi(colours).init();
    }
}
