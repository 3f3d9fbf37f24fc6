//! The task that turns records into lines of a file.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{
    fs::File,
    io::AsyncWriteExt,
    sync::{Notify, mpsc},
};

use super::{AccessLogError, AccessLogFormat, Record, client::Clients, line};

/// Records turned into lines before they are written together.
const BATCH: usize = 256;

/// Opens the file for appending.
pub(super) fn open(path: &Path) -> Result<File, AccessLogError> {
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map(File::from_std)
        .map_err(|source| AccessLogError { path: path.to_owned(), source })
}

/// What it works with.
pub(super) struct Writer {
    pub(super) records: mpsc::Receiver<Record>,
    pub(super) path: PathBuf,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) reopen: Arc<Notify>,
    pub(super) format: AccessLogFormat,
    pub(super) clients: Clients,
}

impl Writer {
    /// Writes until the last holder of the queue is gone.
    pub(super) async fn run(mut self, mut file: File) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut text = Vec::new();
        let mut failing = false;
        loop {
            let received = tokio::select! {
                biased;
                () = self.reopen.notified() => {
                    self.reopened(&mut file);
                    continue;
                }
                received = self.records.recv_many(&mut batch, BATCH) => received,
            };
            if received == 0 {
                return;
            }
            text.clear();
            for record in batch.drain(..) {
                let dropped = self.dropped.swap(0, Relaxed);
                if dropped > 0 && self.format == AccessLogFormat::Combined {
                    // This form has no place for it.
                    tracing::warn!(
                        dropped,
                        "lines are missing in the access log: the disk is slow"
                    );
                }
                line::write(&mut text, &record, self.format, &mut self.clients, dropped);
            }
            let written = async {
                file.write_all(&text).await?;
                file.flush().await
            };
            match written.await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    let path = self.path.display();
                    tracing::error!(%path, %error, "cannot write the access log");
                }
                Err(_) => {}
            }
        }
    }

    /// Goes on in a new file of the same name, or, when there can be none, in
    /// the old one.
    fn reopened(&self, file: &mut File) {
        match open(&self.path) {
            Ok(new) => *file = new,
            Err(error) => {
                let source = &error.source;
                tracing::error!(%error, %source, "the access log goes on in its old file");
            }
        }
    }
}
