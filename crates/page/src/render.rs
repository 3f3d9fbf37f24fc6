//! A page as HTML.

use std::borrow::Cow;

use crate::Language;

/// What our pages may do (`Content-Security-Policy`): be styled by themselves.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// What a page says.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Title and heading.
    pub title: &'a str,
    /// The paragraph below it.
    pub text: &'a str,
    /// A link below that: its text and its address.
    pub link: Option<(&'a str, &'a str)>,
}

/// The page; with `retry` it asks for its own address again after so many
/// seconds.
#[must_use]
pub fn render(language: Language, words: Words<'_>, retry: Option<u8>) -> String {
    let tag = language.tag();
    let (title, text) = (escape(words.title), escape(words.text));
    let refresh = retry.map_or_else(String::new, |seconds| {
        format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")
    });
    let link = words.link.map_or_else(String::new, |(text, address)| {
        format!("<p><a href=\"{}\">{}</a></p>", escape(address), escape(text))
    });
    format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">{refresh}<title>{title}</title>\
         <style>body{{font:1.1em/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;\
         padding:0 1em;color:#222;background:#fff}}h1{{font-size:1.4em}}</style></head>\
         <body><h1>{title}</h1><p>{text}</p>{link}</body></html>\n"
    )
}

/// Text as it stands in HTML, in an element or a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_address_becomes_a_tag() {
        let hostile = "https://x/?a=1&b=\"><script>alert('1')</script>";
        let words = Words { title: "T", text: "t", link: Some(("on", hostile)) };
        let html = render(Language::German, words, Some(7));
        assert!(html.contains(
            "<a href=\"https://x/?a=1&amp;b=&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)\
             &lt;/script&gt;\">on</a>"
        ));
        assert!(html.contains("<html lang=\"de\">") && html.contains("content=\"7\""));
        let without = render(Language::English, Words { link: None, ..words }, None);
        assert!(!without.contains("refresh") && !without.contains("<a"));
    }
}
