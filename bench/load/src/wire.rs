//! One request after the other over HTTP/1.1, with as little work as can be: what
//! the load takes is missing to what it measures.

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest head of an answer.
const MAX_HEAD: usize = 16 * 1024;
/// The longest body of an answer.
const MAX_BODY: usize = 256 * 1024 * 1024;
/// Room for what is read at once.
const READ: usize = 16 * 1024;
/// How a failure of the BBB API begins: with status 200.
const FAILED: &[u8] = b"<response><returncode>FAILED";

/// A request, as it is sent.
#[derive(Debug)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    pub(crate) fn new(path: &str, authority: &str) -> Self {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\naccept-encoding: gzip\r\n\r\n"
        );
        Self(head.into_bytes())
    }
}

/// A connection to ask on.
pub(crate) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(READ) }
    }

    /// Asks, and reads the answer whole, which must have this status and be no
    /// failure of the API.
    pub(crate) async fn ask(
        &mut self,
        request: &Request,
        status: u16,
    ) -> Result<(), anyhow::Error> {
        self.stream.write_all(&request.0).await.context("the connection broke")?;
        self.stream.flush().await.context("the connection broke")?;
        self.buffer.clear();
        let head = loop {
            let end = self.buffer.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            ensure!(self.buffer.len() < MAX_HEAD, "the head of the answer does not end");
            self.read().await?;
        };
        let (answered, length) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        ensure!(length <= MAX_BODY, "the answer has {length} bytes");
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let body = self.buffer.get(head..).unwrap_or_default();
        ensure!(answered == status, "status {answered} instead of {status}");
        ensure!(!body.starts_with(FAILED), "{}", String::from_utf8_lossy(body));
        Ok(())
    }

    async fn read(&mut self) -> Result<(), anyhow::Error> {
        self.buffer.reserve(READ);
        let read = self.stream.read_buf(&mut self.buffer).await.context("the connection broke")?;
        ensure!(read > 0, "the connection was closed in an answer");
        Ok(())
    }
}

/// The status, and the length of the body.
fn read_head(head: &[u8]) -> Result<(u16, usize), anyhow::Error> {
    let head = std::str::from_utf8(head).context("the head is no text")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let mut length = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("the length is no number")?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("the answer says no length");
        }
    }
    Ok((status.context("the answer has no status")?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_read_to_their_end_and_failures_told() {
        const GOOD: &str = "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nok";
        const BAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 31\r\n\r\n\
                           <response><returncode>FAILED<//";
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut wire = Wire::new(ours);
        let request = Request::new("/a", "b");
        for (answer, status, good) in
            [(GOOD, 302, true), (GOOD, 200, false), (BAD, 200, false), (GOOD, 302, true)]
        {
            theirs.write_all(answer.as_bytes()).await.unwrap();
            assert_eq!(wire.ask(&request, status).await.is_ok(), good, "{answer}");
        }
    }
}
