//! Where a failed join sends the browser.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{failure::Failure, parameters::Parameters};

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address a failed join redirects to: the request's `errorRedirectUrl`,
/// else its `logoutURL`, with the error in the query. Absent when neither is
/// an absolute http(s) URL; the failure is then answered as XML.
#[must_use]
pub fn error_redirect(parameters: &Parameters, failure: Failure) -> Option<String> {
    let base = ["errorRedirectUrl", "logoutURL"]
        .iter()
        .filter_map(|name| parameters.text(name))
        .find(|url| is_web_address(url))?;
    let errors = format!(r#"[{{"key":"{}","message":"{}"}}]"#, failure.key(), failure.message());
    let errors = utf8_percent_encode(&errors, COMPONENT);
    let (address, fragment) = match base.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (base.as_str(), String::new()),
    };
    let separator = if address.contains('?') { '&' } else { '?' };
    Some(format!("{address}{separator}errors={errors}{fragment}"))
}

/// Text that may stand in a `Location`: http(s), a host, nothing that could
/// break the header.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && url.bytes().all(|b| b.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_join_goes_back_where_the_request_says() {
        const ERRORS: &str = "errors=%5B%7B%22key%22%3A%22notFound%22%2C%22message%22%3A%22A%20\
            meeting%20with%20that%20ID%20does%20not%20exist%22%7D%5D";
        for (query, wanted) in [
            (
                "errorRedirectUrl=https%3A%2F%2Flms.org%2Fe&logoutURL=https%3A%2F%2Fx",
                Some(format!("https://lms.org/e?{ERRORS}")),
            ),
            (
                "logoutURL=https%3A%2F%2Flms.org%2F%3Fa%3D1",
                Some(format!("https://lms.org/?a=1&{ERRORS}")),
            ),
            (
                "logoutURL=http%3A%2F%2Flms.org%2F%23top",
                Some(format!("http://lms.org/?{ERRORS}#top")),
            ),
            (
                "errorRedirectUrl=nonsense&logoutURL=https://lms.org",
                Some(format!("https://lms.org?{ERRORS}")),
            ),
            ("logoutURL=javascript%3Aalert(1)", None),
            ("logoutURL=https://", None),
            ("logoutURL=https:///x", None),
            ("logoutURL=https://a%0d%0aSet-Cookie:x", None),
            ("fullName=x", None),
        ] {
            let got = error_redirect(&Parameters::of_query(query), Failure::NotFound);
            assert_eq!(got, wanted, "{query}");
        }
    }
}
