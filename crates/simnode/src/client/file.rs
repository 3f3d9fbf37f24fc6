//! One file of the client, made when it is first asked for.

use std::{
    fmt,
    io::Write as _,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// A file. Making a large one takes a while, so nobody makes what nobody asks
/// for; whoever runs on a runtime's thread uses [`ClientFile::made`].
pub(crate) struct ClientFile {
    make: Box<dyn Fn() -> Bytes + Send + Sync>,
    /// Whether there is a `.gz` sibling.
    has_gzip: bool,
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

/// Which of a file's two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Gzip,
}

impl ClientFile {
    /// A file of what `make` gives, always the same.
    pub(super) fn new<B: Into<Bytes>>(
        has_gzip: bool,
        make: impl Fn() -> B + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Box::new(move || make().into()),
            has_gzip,
            plain: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    /// Whether it can be had in this form.
    pub(crate) fn has(&self, form: Form) -> bool {
        form == Form::Plain || self.has_gzip
    }

    /// Its bytes in a form, made now if they are not yet.
    pub(crate) fn bytes(&self, form: Form) -> &Bytes {
        let plain = || self.plain.get_or_init(|| (self.make)());
        match form {
            Form::Plain => plain(),
            Form::Gzip => self.gzip.get_or_init(|| gzip(plain())),
        }
    }

    /// Its bytes in a form, made on a thread that may be kept busy.
    pub(crate) async fn made(self: &Arc<Self>, form: Form) -> Bytes {
        let ready = match form {
            Form::Plain => self.plain.get(),
            Form::Gzip => self.gzip.get(),
        };
        if let Some(bytes) = ready {
            return bytes.clone();
        }
        let file = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || file.bytes(form).clone()).await;
        // Nothing cancels it; should the runtime be ending, nobody reads this.
        made.unwrap_or_default()
    }
}

impl fmt::Debug for ClientFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientFile")
            .field("plain", &self.plain.get().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory cannot fail").into()
}
