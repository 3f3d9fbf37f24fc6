//! The PROXY protocol, versions 1 and 2: how a balancer in front says who
//! connected to it.
//!
//! Pure: it is given what has been read and says how much more may be read, so
//! that nothing of what follows the header is ever taken with it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header of version 1, its line end included.
const MAX_LINE: usize = 107;

/// The longest header of version 2 that is read, with what a balancer adds
/// behind the addresses (TLS details, identifiers).
pub(crate) const MAX_HEADER: usize = 4096;

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// At least this many bytes more belong to the header.
    More(usize),
    /// The header is complete.
    Done(Source),
}

/// Whom a header speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The client that connected to the balancer.
    Client(SocketAddr),
    /// The balancer itself, as for its health checks, or somebody it cannot
    /// name.
    Itself,
}

/// Not a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a header of the PROXY protocol")]
pub(crate) struct Malformed;

/// Reads `bytes`, the beginning of a connection.
///
/// # Errors
/// [`Malformed`] as soon as it cannot become a header.
pub(crate) fn parse(bytes: &[u8]) -> Result<Progress, Malformed> {
    let begun = bytes.len().min(SIGNATURE.len());
    if bytes.get(..begun) == SIGNATURE.get(..begun) && begun > 0 && bytes.first() == Some(&b'\r') {
        return binary(bytes);
    }
    text(bytes)
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`.
fn text(bytes: &[u8]) -> Result<Progress, Malformed> {
    const BEGIN: &[u8] = b"PROXY ";
    let begun = bytes.len().min(BEGIN.len());
    if bytes.get(..begun) != BEGIN.get(..begun) {
        return Err(Malformed);
    }
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        // A line end is missing in any case; no header of either version is
        // shorter than the first read.
        let missing = if bytes.last() == Some(&b'\r') { 1 } else { 2 };
        let missing = missing.max(SIGNATURE.len().saturating_sub(bytes.len()));
        return if bytes.len() + missing > MAX_LINE {
            Err(Malformed)
        } else {
            Ok(Progress::More(missing))
        };
    };
    let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
    if end + 1 != bytes.len() || bytes.len() > MAX_LINE {
        return Err(Malformed);
    }
    let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().ok_or(Malformed)?;
    if family == "UNKNOWN" {
        return Ok(Progress::Done(Source::Itself));
    }
    let [source, destination, port, destination_port] =
        [words.next(), words.next(), words.next(), words.next()];
    let address = |word: Option<&str>| -> Option<IpAddr> {
        match family {
            "TCP4" => word?.parse().ok().map(IpAddr::V4),
            "TCP6" => word?.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let port_of = |word: Option<&str>| -> Option<u16> {
        word.filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let client = address(source).zip(port_of(port)).ok_or(Malformed)?;
    address(destination).zip(port_of(destination_port)).ok_or(Malformed)?;
    match words.next() {
        None => Ok(Progress::Done(Source::Client(client.into()))),
        Some(_) => Err(Malformed),
    }
}

/// Version 2: the signature, version and command, family, length, addresses.
fn binary(bytes: &[u8]) -> Result<Progress, Malformed> {
    const FIXED: usize = 16;
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Progress::More(FIXED - bytes.len()));
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > MAX_HEADER || !matches!(command, 0x20 | 0x21) || rest.len() > length {
        return Err(Malformed);
    }
    if rest.len() < length {
        return Ok(Progress::More(length - rest.len()));
    }
    if command == 0x20 {
        return Ok(Progress::Done(Source::Itself));
    }
    let source = match family {
        // Over TCP: both addresses, both ports.
        0x11 => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] =
                *rest.first_chunk::<12>().ok_or(Malformed)?;
            let port = u16::from_be_bytes([high, low]);
            Source::Client((Ipv4Addr::new(a, b, c, d), port).into())
        }
        0x21 => {
            let addresses = rest.first_chunk::<36>().ok_or(Malformed)?;
            let (source, rest) = addresses.split_first_chunk::<16>().ok_or(Malformed)?;
            let [high, low] =
                rest.get(16..).and_then(<[u8]>::first_chunk).copied().ok_or(Malformed)?;
            let port = u16::from_be_bytes([high, low]);
            Source::Client((Ipv6Addr::from(*source), port).into())
        }
        _ => Source::Itself,
    };
    Ok(Progress::Done(source))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::{self, read_stepwise};

    fn binary_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        header.extend(rest);
        header
    }

    fn client(address: &str) -> Result<Progress, Malformed> {
        Ok(Progress::Done(Source::Client(address.parse().unwrap())))
    }

    #[test]
    fn headers_of_both_versions_name_the_client() {
        let itself = Ok(Progress::Done(Source::Itself));
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 1]);
        six[15] = 7;
        six[33] = 9;
        let mut with_more = four.to_vec();
        with_more.extend([0x04; 300]);
        for (header, wanted) in [
            (
                b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
                client("192.0.2.1:56324"),
            ),
            (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".to_vec(), client("[2001:db8::1]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), itself),
            (b"PROXY UNKNOWN anything at all\r\n".to_vec(), itself),
            (binary_header(0x21, 0x11, &four), client("192.0.2.1:56324")),
            (binary_header(0x21, 0x11, &with_more), client("192.0.2.1:56324")),
            (binary_header(0x21, 0x21, &six), client("[2001::7]:9")),
            (binary_header(0x20, 0x00, &[]), itself),
            (binary_header(0x20, 0x11, &four), itself),
            (binary_header(0x21, 0x00, &[]), itself),
            // Sockets of the machine and datagrams have no address to believe.
            (binary_header(0x21, 0x31, &[0; 216]), itself),
        ] {
            assert_eq!(parse(&header), wanted, "{}", header.escape_ascii());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for header in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
            b"proxy TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
            b"PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n",
            b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
            b"PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            long.as_bytes(),
            &binary_header(0x11, 0x11, &[0; 12]),
            &binary_header(0x22, 0x11, &[0; 12]),
            &binary_header(0x21, 0x11, &[0; 11]),
            &binary_header(0x21, 0x21, &[0; 35]),
            &binary_header(0x21, 0x11, &[0; 5000]),
        ] {
            assert_eq!(parse(header), Err(Malformed), "{}", header.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_behind_it(
            address: [u8; 4], six: [u8; 16], port: u16, behind: Vec<u8>, more in 0..600_usize,
        ) {
            let v4 = SocketAddr::from((address, port));
            let v6 = SocketAddr::from((six, port));
            let lines = [
                (format!("PROXY TCP4 {} 192.0.2.9 {port} 443\r\n", v4.ip()), v4),
                (format!("PROXY TCP6 {} ::1 {port} 443\r\n", v6.ip()), v6),
            ];
            let mut four = [&address[..], &[192, 0, 2, 9], &port.to_be_bytes(), &[1, 187]].concat();
            four.resize(four.len() + more, 4);
            let sixes = [&six[..], &[0; 16], &port.to_be_bytes(), &[1, 187]].concat();
            let mut headers = lines.map(|(line, wanted)| (line.into_bytes(), wanted)).to_vec();
            headers.push((binary_header(0x21, 0x11, &four), v4));
            headers.push((binary_header(0x21, 0x21, &sixes), v6));
            for (header, wanted) in headers {
                let stream = [&header[..], &behind].concat();
                let read = read_stepwise(&stream);
                prop_assert_eq!(read, Ok((Source::Client(wanted), header.len())));
            }
        }

        #[test]
        fn no_bytes_panic_or_are_read_for_ever(bytes: Vec<u8>, version in 0..3_u8) {
            let begin: &[u8] = match version {
                0 => &[],
                1 => b"PROXY TCP4 ",
                _ => &SIGNATURE,
            };
            fuzzing::proxy_header(&[begin, &bytes].concat());
        }
    }
}
