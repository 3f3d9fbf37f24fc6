//! `bluegate completion` and `bluegate man`: what shells and `man` know of the
//! command tree, made from the tree itself.

use std::{
    io::{self, Write as _},
    path::Path,
};

use anstream::println;
use anyhow::Context as _;
use clap::{CommandFactory as _, ValueEnum};

use crate::{Outcome, arguments::Arguments, exit::Exit};

/// A shell that completes commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// For /usr/share/bash-completion/completions/bluegate.
    Bash,
    /// For a file `_bluegate` in a folder of `fpath`.
    Zsh,
    /// For /usr/share/fish/vendor_completions.d/bluegate.fish.
    Fish,
}

impl From<Shell> for clap_complete::Shell {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Bash => Self::Bash,
            Shell::Zsh => Self::Zsh,
            Shell::Fish => Self::Fish,
        }
    }
}

/// Prints the script for a shell.
pub(crate) fn completion(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    let shell = clap_complete::Shell::from(shell);
    clap_complete::generate(shell, &mut Arguments::command(), "bluegate", &mut script);
    match io::stdout().write_all(&script) {
        // Who reads only the first lines has had enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(Exit::Done),
    }
}

/// Writes a page for each command into a folder.
pub(crate) fn man(folder: &Path) -> Outcome {
    let failed = || format!("cannot write the manual into `{}`", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(failed)?;
    println!("wrote the manual into {}", folder.display());
    Ok(Exit::Done)
}
