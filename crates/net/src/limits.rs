//! The bounds of one listener.

use std::time::Duration;

/// What one listener lets its clients take.
///
/// The defaults suit a public listener; a role changes single fields:
/// `Limits { idle: Duration::from_secs(5), ..Limits::default() }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once, upgraded ones included. When all are taken
    /// nothing more is accepted; newcomers wait in the kernel's backlog.
    /// Default 16,384.
    pub max_connections: u32,
    /// From the accepted connection to the finished TLS handshake. Default 10 s.
    pub tls_handshake: Duration,
    /// HTTP/1.1: from being ready for a request to having its whole head. Runs
    /// between requests too, so it is also how long an idle HTTP/1.1
    /// connection is kept. Default 30 s.
    pub header_read: Duration,
    /// How long a connection without a request is kept. In effect for HTTP/2;
    /// for HTTP/1.1 the shorter of this and `header_read` counts. One that does
    /// not end when it is told to, and takes no more bytes, is cut after as long
    /// again. Default 60 s.
    pub idle: Duration,
    /// How long a connection with requests under way may make no progress (no
    /// new request, no answer, no piece of a body) before it is cut: a client
    /// that stopped reading, or a handler that hangs. Default 120 s.
    pub stall: Duration,
    /// Bytes of one request's head. Default 32 KiB.
    pub max_header_bytes: u32,
    /// HTTP/2: requests under way on one connection. Default 128.
    pub max_concurrent_streams: u32,
    /// HTTP/2: requests a client took back before we saw them, above which
    /// the connection is closed (rapid reset, CVE-2023-44487). Default 20.
    pub max_pending_resets: usize,
    /// HTTP/2: streams we had to reset for a client's faults, above which the
    /// connection is closed (CVE-2025-8671). Default 64.
    pub max_local_resets: usize,
    /// HTTP/2: how often a silent client is asked whether it is there, and how
    /// long it may take to answer. Default 30 s and 20 s.
    pub ping: (Duration, Duration),
    /// Bytes of one answer that wait for a slow client, per request. Default
    /// 64 KiB.
    pub max_send_buffer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            tls_handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(120),
            max_header_bytes: 32 * 1024,
            max_concurrent_streams: 128,
            max_pending_resets: 20,
            max_local_resets: 64,
            ping: (Duration::from_secs(30), Duration::from_secs(20)),
            max_send_buffer: 64 * 1024,
        }
    }
}
