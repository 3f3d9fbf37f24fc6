//! The new process's side: the one it replaces.

use std::{
    env, io,
    os::{fd::AsFd, unix::net::UnixStream},
};

use socket2::{Domain, SockRef};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{CHANNEL_VARIABLE, ON_STANDARD_INPUT, READY};

/// Why we cannot talk to the process we replace.
#[derive(Debug, thiserror::Error)]
pub enum PredecessorError {
    /// There is no channel to it.
    #[error(
        "`{CHANNEL_VARIABLE}` is set and standard input is no channel to the process before; it is for an upgrade to set"
    )]
    NoChannel(#[source] io::Error),
    /// It is gone.
    #[error("the process that started this one is gone, and there was no other to replace")]
    Gone(#[source] io::Error),
}

/// The process that serves until we are ready.
#[derive(Debug)]
pub struct Predecessor {
    channel: tokio::net::UnixStream,
}

impl Predecessor {
    /// The one that started us, if one did. Needs a runtime.
    ///
    /// # Errors
    /// [`PredecessorError::NoChannel`] when the environment says there is one
    /// and standard input leads to none.
    pub fn from_environment() -> Result<Option<Self>, PredecessorError> {
        if env::var_os(CHANNEL_VARIABLE).is_none_or(|value| value != ON_STANDARD_INPUT) {
            return Ok(None);
        }
        let channel = channel().map_err(PredecessorError::NoChannel)?;
        Ok(Some(Self { channel }))
    }

    /// Says that we serve. From now on it ends.
    ///
    /// # Errors
    /// [`PredecessorError::Gone`] when nobody hears it: then the one before has
    /// given us up, and two must not serve.
    pub async fn ready(&mut self) -> Result<(), PredecessorError> {
        self.channel.write_all(&[READY]).await.map_err(PredecessorError::Gone)
    }

    /// Waits until it has ended.
    pub async fn is_gone(mut self) {
        while self.channel.read_u8().await.is_ok() {}
    }
}

fn channel() -> io::Result<tokio::net::UnixStream> {
    let standard_input = io::stdin().as_fd().try_clone_to_owned()?;
    if SockRef::from(&standard_input).domain()? != Domain::UNIX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let channel = UnixStream::from(standard_input);
    channel.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(channel)
}
