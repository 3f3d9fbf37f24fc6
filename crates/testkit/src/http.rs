//! An HTTP/1.1 client that sends exactly the bytes it is told: any Host, any target, any header. It
//! opens a connection for each request and follows nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long a whole exchange may take.
pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);

/// The largest answer read.
pub const LARGEST_ANSWER: u64 = 32 * 1024 * 1024;

/// A request, not checked in any way.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    authority: Option<String>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: Vec::new(), authority: None }
    }

    /// A GET for a path with its query.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a body with its type and length.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Type", content_type).header("Content-Length", &length)
    }

    /// Speaks TLS, and trusts the certificates of one authority, given as PEM, and no others. The
    /// server has to be the one that the header `Host` names.
    #[must_use]
    pub fn trusting(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Sends it to an address such as `127.0.0.1:8080`. Without a header `Host` of its own it has
    /// the address as Host.
    ///
    /// # Errors
    ///
    /// When there is no connection, or the answer is cut, too large, too late or no HTTP.
    pub async fn send(&self, address: &str) -> Result<Response> {
        let exchange = async {
            let stream = TcpStream::connect(address).await.context("no connection")?;
            let bytes = self.bytes(address);
            let answer = match &self.authority {
                None => exchange(stream, &bytes).await?,
                Some(authority) => {
                    let host = self.host(address);
                    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
                    let connector = TlsConnector::from(Arc::new(client_config(authority)?));
                    let stream = connector.connect(ServerName::try_from(name)?, stream).await;
                    exchange(stream.context("no TLS connection")?, &bytes).await?
                }
            };
            parse(&answer, self.method == "HEAD")
        };
        let done = tokio::time::timeout(EXCHANGE_LIMIT, exchange).await;
        done.with_context(|| format!("no answer within {EXCHANGE_LIMIT:?}"))
            .and_then(|answer| answer)
            .with_context(|| format!("{} to {address}", self.method))
    }

    /// The name of the server: the header `Host` of its own, or the address.
    fn host<'a>(&'a self, address: &'a str) -> &'a str {
        let mut own = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        own.next().map_or(address, |(_, value)| value.as_str())
    }

    fn bytes(&self, address: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.take(LARGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn client_config(authority: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(versions?.with_root_certificates(roots).with_no_client_auth())
}

fn parse(answer: &[u8], is_head: bool) -> Result<Response> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("no whole head")?;
    let (head, rest) = (&answer[..end], &answer[end + 4..]);
    let head = std::str::from_utf8(head).context("the head is not text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let mut words = status_line.split(' ');
    ensure!(words.next().is_some_and(|word| word.starts_with("HTTP/1.")), "no HTTP/1 answer");
    let status = words.next().unwrap_or_default().parse().context("no status code")?;
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            Ok((name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut response = Response { status, headers, body: Vec::new() };
    response.body = if is_head || matches!(status, 100..=199 | 204 | 304) {
        Vec::new()
    } else if response.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        unchunk(rest)?
    } else if let Some(length) = response.header("content-length") {
        let length: usize = length.parse().context("no length")?;
        rest.get(..length).with_context(|| format!("cut after {} bytes", rest.len()))?.to_vec()
    } else {
        rest.to_vec()
    };
    Ok(response)
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n").context("cut in a chunk")?;
        let line = std::str::from_utf8(&rest[..end])?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).context("no size of a chunk")?;
        if size == 0 {
            return Ok(body);
        }
        let start = end + 2;
        body.extend_from_slice(rest.get(start..start + size).context("cut in a chunk")?);
        let Some(next) = rest.get(start + size + 2..) else { bail!("cut after a chunk") };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_by_length_by_chunks_and_to_the_end() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
                "abc",
            ),
            ("HTTP/1.0 200 OK\r\n\r\nabc", "abc"),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", ""),
        ];
        for (answer, body) in cases {
            assert_eq!(parse(answer.as_bytes(), false).unwrap().text(), body, "{answer}");
        }
        let head = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true).unwrap();
        assert_eq!(head.header("content-LENGTH"), Some("3"));
    }

    #[test]
    fn half_answers_are_errors() {
        let cases = [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "SSH-2.0\r\n\r\n",
            "",
        ];
        for answer in cases {
            assert!(parse(answer.as_bytes(), false).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_own_host_wins() {
        let request = Request::get("/x?y").header("host", "a.example");
        let text = String::from_utf8(request.bytes("127.0.0.1:1")).unwrap();
        assert_eq!(text, "GET /x?y HTTP/1.1\r\nhost: a.example\r\nConnection: close\r\n\r\n");
    }
}
