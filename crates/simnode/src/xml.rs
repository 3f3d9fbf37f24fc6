//! The writer of bbb-web's XML answers: no prolog, no white space, no CDATA.

/// A growing XML text.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    /// A `<response>` with its return code.
    pub(crate) fn response(return_code: &str, fill: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self::default();
        xml.element("response", |xml| {
            xml.value("returncode", return_code);
            fill(xml);
        });
        xml.text
    }

    /// A `<response>` that reports success.
    pub(crate) fn success(fill: impl FnOnce(&mut Self)) -> String {
        Self::response("SUCCESS", fill)
    }

    /// The standard document of one failure.
    pub(crate) fn failure(key: &str, message: &str) -> String {
        Self::response("FAILED", |xml| {
            xml.value("messageKey", key);
            xml.value("message", message);
        })
    }

    /// `<name>` ... `</name>`.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.text.extend(["<", name, ">"]);
        fill(self);
        self.text.extend(["</", name, ">"]);
    }

    /// `<name>value</name>` with the value escaped.
    pub(crate) fn value(&mut self, name: &str, value: impl AsRef<str>) {
        self.element(name, |xml| escape(value.as_ref(), &mut xml.text));
    }

    /// `<name ATTRIBUTES>value</name>` with the value escaped.
    pub(crate) fn value_with(&mut self, name: &str, attributes: &str, value: impl AsRef<str>) {
        self.text.extend(["<", name, attributes, ">"]);
        escape(value.as_ref(), &mut self.text);
        self.text.extend(["</", name, ">"]);
    }

    /// `<name>number or boolean</name>`.
    pub(crate) fn plain(&mut self, name: &str, value: impl std::fmt::Display + Copy) {
        self.value(name, value.to_string());
    }

    /// `<name/>`.
    pub(crate) fn empty(&mut self, name: &str) {
        self.text.extend(["<", name, "/>"]);
    }
}

fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            other => text.push(other),
        }
    }
}

/// A number with thousands separators, as the templates print counts by default.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Xml, grouped};

    #[test]
    fn writes_compact_escaped_text() {
        let text = Xml::success(|xml| {
            xml.value("a", "<b> & \"c\" 'd'");
            xml.empty("e");
            xml.plain("f", true);
        });
        assert_eq!(
            text,
            "<response><returncode>SUCCESS</returncode><a>&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;</a><e/><f>true</f></response>"
        );
        assert_eq!(
            Xml::failure("k", "m"),
            "<response><returncode>FAILED</returncode><messageKey>k</messageKey><message>m</message></response>"
        );
    }

    #[test]
    fn groups_thousands() {
        let table = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in table {
            assert_eq!(grouped(number), text);
        }
    }
}
