//! Which headers pass, as docs/proxy.md says for our own proxy.

/// Of a request: what no node gets to see.
///
/// What belongs to the connection is not here: each proxy takes that off itself.
pub(crate) const WITHHELD: &[&str] = &[
    "Authorization",
    "CF-Connecting-IP",
    "Client-IP",
    "Cookie",
    "Cookie2",
    "Expect",
    "Forwarded",
    "HTTP2-Settings",
    "Proxy-Authorization",
    "Proxy-Connection",
    "True-Client-IP",
    "Via",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X-Forwarded-Uri",
    "X-HTTP-Method-Override",
    "X-Original-URI",
    "X-Original-URL",
    "X-Real-IP",
    "X-Rewrite-URL",
];

/// Of an answer: what passes, for software that can keep an allow-list.
pub(crate) const PASSED: &[&str] = &[
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "permissions-policy",
    "referrer-policy",
    "retry-after",
    "vary",
    "x-frame-options",
    "x-robots-tag",
    // Of the connection, and of a WebSocket's beginning.
    "connection",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "transfer-encoding",
    "upgrade",
];

/// Of an answer: what is dropped, for software that cannot. Each reaches beyond
/// the answer it came with, or tells what nobody needs to know.
pub(crate) const DROPPED: &[&str] = &[
    "Accept-CH",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Private-Network",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Age",
    "Alt-Svc",
    "Clear-Site-Data",
    "Content-Location",
    "Content-Security-Policy-Report-Only",
    "Critical-CH",
    "Cross-Origin-Embedder-Policy-Report-Only",
    "Cross-Origin-Opener-Policy-Report-Only",
    "Expect-CT",
    "Link",
    "NEL",
    "No-Vary-Search",
    "Origin-Agent-Cluster",
    "Proxy-Authenticate",
    "Public-Key-Pins",
    "Public-Key-Pins-Report-Only",
    "Refresh",
    "Report-To",
    "Reporting-Endpoints",
    "Service-Worker-Allowed",
    "Set-Cookie",
    "Set-Cookie2",
    "Set-Login",
    "SourceMap",
    "Speculation-Rules",
    "Strict-Transport-Security",
    "Supports-Loading-Mode",
    "Timing-Allow-Origin",
    "Use-As-Dictionary",
    "Via",
    "WWW-Authenticate",
    "X-Accel-Redirect",
    "X-Powered-By",
    "X-Sendfile",
    "X-SourceMap",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_is_both_passed_and_dropped() {
        for dropped in DROPPED {
            assert!(!PASSED.contains(&dropped.to_ascii_lowercase().as_str()), "{dropped}");
        }
    }
}
