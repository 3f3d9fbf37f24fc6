//! `multipart/form-data` as the form it stands for.
//!
//! A node merges the text fields of a multipart body into the same map as the
//! query. So that no parameter slips past us, such a body is read and goes on
//! as an ordinary form; files in it mean nothing to the calls that take forms.

use crate::query::RawQuery;

/// A multipart body that cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the multipart body is malformed")]
pub struct MultipartError;

/// The text fields of a multipart body, in order.
///
/// # Errors
/// [`MultipartError`] when the boundary is missing, a part has no name or
/// the text is not UTF-8.
pub fn form_of_multipart(content_type: &str, body: &[u8]) -> Result<RawQuery, MultipartError> {
    let boundary = parameter(content_type, "boundary").ok_or(MultipartError)?;
    let body = std::str::from_utf8(body).map_err(|_| MultipartError)?;
    let delimiter = format!("\r\n--{boundary}");
    let framed = format!("\r\n{body}");
    let mut sections = framed.split(delimiter.as_str());
    sections.next();

    let mut form = RawQuery::default();
    for section in sections {
        if section.starts_with("--") {
            return Ok(form);
        }
        let part = section.trim_start_matches([' ', '\t']).strip_prefix("\r\n");
        let (head, value) =
            part.and_then(|part| part.split_once("\r\n\r\n")).ok_or(MultipartError)?;
        let disposition = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
            .map(|(_, value)| value)
            .ok_or(MultipartError)?;
        let name = parameter(disposition, "name").ok_or(MultipartError)?;
        if parameter(disposition, "filename").is_none() {
            form.append(&name, value);
        }
    }
    Err(MultipartError)
}

/// A parameter of a header value: `name="value"` or `name=value`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        (name.trim().eq_ignore_ascii_case(wanted) && !value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fields_become_a_form() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"meetingID\"\r\n\r\na b\r\n\
            --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nzz\r\n\
            --X\r\ncontent-disposition: form-data; name=name\r\n\r\nä\r\n--X--\r\n";
        let form = form_of_multipart("multipart/form-data; boundary=X", body.as_bytes()).unwrap();
        assert_eq!(form.to_string(), "meetingID=a+b&name=%C3%A4");
    }

    #[test]
    fn a_body_that_is_cut_or_without_boundary_is_refused() {
        let body = b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
        for (content_type, body) in [
            ("multipart/form-data; boundary=X", &body[..]),
            ("multipart/form-data", &body[..]),
            ("multipart/form-data; boundary=X", b""),
            ("multipart/form-data; boundary=X", b"--X\r\n\r\nb\r\n--X--"),
        ] {
            assert_eq!(form_of_multipart(content_type, body), Err(MultipartError));
        }
    }
}
