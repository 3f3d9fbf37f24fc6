//! What must hold of whatever balancers send, for the fuzzer and for the tests
//! alike. Only there when one of them is built.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    forwarded::last_hop,
    proxy_protocol::{MAX_HEADER, Malformed, Progress, Source, parse},
};

/// Takes any bytes as the beginning of a connection: no panic, an end within
/// bounds, and no byte behind the header is asked for.
pub fn proxy_header(bytes: &[u8]) {
    if let Ok((_, read)) = read_stepwise(bytes) {
        let header = bytes.get(..read).unwrap_or_default();
        assert!(header.ends_with(b"\r\n") || header.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
    }
}

/// Takes any bytes as fields, one a line, of `Forwarded` and `X-Forwarded-For`
/// in turn: no panic, and only what the last one says counts.
pub fn forwarded(bytes: &[u8]) {
    let names = ["forwarded", "x-forwarded-for"].map(HeaderName::from_static);
    let mut headers = HeaderMap::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').take(64).enumerate() {
        let [forwarded, forwarded_for] = &names;
        let name = if number % 2 == 0 { forwarded } else { forwarded_for };
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    let hop = last_hop(&headers);
    for name in &names {
        let last = headers.get_all(name).iter().next_back().cloned();
        headers.remove(name);
        headers.extend(last.map(|last| (name.clone(), last)));
    }
    assert_eq!(last_hop(&headers), hop);
}

/// Reads as a socket is read: never more than the parser asks for.
pub(crate) fn read_stepwise(stream: &[u8]) -> Result<(Source, usize), Malformed> {
    let mut read = 0;
    loop {
        match parse(stream.get(..read).ok_or(Malformed)?)? {
            Progress::Done(source) => return Ok((source, read)),
            Progress::More(more) => {
                assert!(more > 0, "it would be read for ever");
                read += more;
                assert!(read <= MAX_HEADER, "a header without a bound");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap();
        let inputs: Vec<_> =
            files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(inputs.len() > 3, "only {} in the corpus of {name}", inputs.len());
        inputs
    }

    #[test]
    fn the_corpora_of_the_fuzzer_pass() {
        corpus("proxy_header").iter().for_each(|input| proxy_header(input));
        corpus("forwarded").iter().for_each(|input| forwarded(input));
    }
}
