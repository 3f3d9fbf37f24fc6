//! The last hop of `X-Forwarded-For` or `Forwarded`: whom the balancer right
//! in front of us says it forwards for. Pure.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address in the last hop that was added.
///
/// `X-Forwarded-For` counts when it is there, `Forwarded` (RFC 7239) else. What
/// stands before the last hop was there when the request reached the balancer,
/// so it is only what the client says of itself.
pub(crate) fn last_hop(headers: &HeaderMap) -> Option<IpAddr> {
    if let Some(value) = headers.get_all(X_FORWARDED_FOR).iter().next_back() {
        return address(last_element(value)?.trim());
    }
    let hop = last_element(headers.get_all(FORWARDED).iter().next_back()?)?;
    let mut pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    address(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// What follows the last comma. None of the values that are understood has one
/// inside quotes.
fn last_element(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()?.rsplit(',').next()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse().ok().map(|address: std::net::Ipv6Addr| IpAddr::V6(address).to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hop(fields: &[(&str, &str)]) -> Option<IpAddr> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        last_hop(&headers)
    }

    #[test]
    fn the_last_hop_counts_and_only_when_it_is_an_address() {
        const X: &str = "x-forwarded-for";
        const F: &str = "forwarded";
        for (fields, wanted) in [
            (&[(X, "192.0.2.1")][..], Some("192.0.2.1")),
            (&[(X, "1.1.1.1, 192.0.2.1")], Some("192.0.2.1")),
            (&[(X, "1.1.1.1"), (X, "192.0.2.1")], Some("192.0.2.1")),
            (&[(X, "192.0.2.1:4711")], Some("192.0.2.1")),
            (&[(X, "2001:db8::1")], Some("2001:db8::1")),
            (&[(X, "[2001:db8::1]:4711")], Some("2001:db8::1")),
            (&[(X, "::ffff:192.0.2.1")], Some("192.0.2.1")),
            (&[(X, "1.1.1.1, unknown")], None),
            (&[(X, "1.1.1.1,")], None),
            (&[(X, "")], None),
            (&[(F, "for=192.0.2.1;proto=https")], Some("192.0.2.1")),
            (&[(F, "for=1.1.1.1, proto=https;For=\"[2001:db8::1]:4711\"")], Some("2001:db8::1")),
            (&[(F, "for=\"192.0.2.1\"")], Some("192.0.2.1")),
            (&[(F, "for=_hidden")], None),
            (&[(F, "for=unknown")], None),
            (&[(F, "by=192.0.2.1")], None),
            (&[(F, "for=192.0.2.1, by=10.0.0.1")], None),
            // A client can put in the one that its balancer does not write.
            (&[(F, "for=1.1.1.1"), (X, "192.0.2.1")], Some("192.0.2.1")),
            (&[], None),
        ] {
            assert_eq!(hop(fields), wanted.map(|ip| ip.parse().unwrap()), "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn only_the_last_hop_counts_whatever_comes(bytes: Vec<u8>, text in "(for=|[ -~]|,|\n){0,60}") {
            crate::fuzzing::forwarded(&bytes);
            crate::fuzzing::forwarded(text.as_bytes());
        }

        #[test]
        fn what_a_balancer_adds_is_what_is_read(
            before in "[ -~]{0,40}", four: [u8; 4], six: [u8; 16], port: u16,
        ) {
            let addresses = [SocketAddr::from((four, port)), SocketAddr::from((six, port))];
            for client in addresses {
                let wanted = Some(client.ip().to_canonical());
                for added in [client.ip().to_string(), client.to_string()] {
                    let line = format!("{before}, {added}");
                    prop_assert_eq!(hop(&[("x-forwarded-for", &line)]), wanted);
                    let line = format!("{before}, for=\"{added}\"");
                    prop_assert_eq!(hop(&[("forwarded", &line)]), wanted);
                }
            }
        }

        #[test]
        fn no_text_panics(text in "[ -~]{0,60}") {
            let _outcome = (hop(&[("x-forwarded-for", &text)]), hop(&[("forwarded", &text)]));
        }
    }
}
