//! XML documents as nodes write them: read, edited and printed without losing
//! anything.
//!
//! Text is kept escaped as it came; an element that we do not know passes
//! through. User input becomes element names in BBB's answers (`userdata-*`
//! keys), so end tags are matched leniently: a name with a blank in it must
//! not hide a whole node from us.

use std::fmt;

mod apart;
mod read;

pub use read::XmlError;

/// A document: its root element and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    before: String,
    root: Element,
    after: String,
}

impl Document {
    /// A document without prolog, as bbb-web writes.
    #[must_use]
    pub fn of(root: Element) -> Self {
        Self { before: String::new(), root, after: String::new() }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`XmlError`] when it is not XML or exceeds [`XmlError::MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        read::document(text)
    }

    /// Reads a document without the elements of a list: those in the first child of
    /// its root that is called `list`. Each of them comes beside it as its text,
    /// which is a document by itself.
    ///
    /// # Errors
    /// The same as [`Document::parse`], for what is in the list too.
    pub fn parse_apart<'a>(text: &'a str, list: &str) -> Result<(Self, Vec<&'a str>), XmlError> {
        apart::document(text, list)
    }

    /// The root element.
    #[must_use]
    pub fn root(&self) -> &Element {
        &self.root
    }

    /// The root element, to edit.
    pub fn root_mut(&mut self) -> &mut Element {
        &mut self.root
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.before, self.root, self.after)
    }
}

/// What an element contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Text, escaped as it stands in the document.
    Text(String),
    /// The inside of a CDATA section.
    Cdata(String),
    /// A comment or processing instruction, whole.
    Markup(String),
}

/// An element with its attributes as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Everything between `<` and `>` or `/>`: name, blanks, attributes.
    start: String,
    self_closing: bool,
    /// The children, in order.
    pub children: Vec<Node>,
}

impl Element {
    /// An empty element; `name` must be an XML name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { start: name.to_owned(), self_closing: false, children: Vec::new() }
    }

    /// An empty element written `<name/>`.
    #[must_use]
    pub fn self_closing(name: &str) -> Self {
        Self { self_closing: true, ..Self::new(name) }
    }

    /// The element's name.
    #[must_use]
    pub fn name(&self) -> &str {
        name_of(&self.start)
    }

    /// This element with one more child element.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// This element with one more child that holds `text`.
    #[must_use]
    pub fn with_text(self, name: &str, text: &str) -> Self {
        let mut child = Self::new(name);
        child.set_text(text);
        self.with(child)
    }

    /// This element with one more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.start.push_str(&format!(" {name}=\"{}\"", escape(value)));
        self
    }

    /// The value of an attribute, unescaped.
    #[must_use]
    pub fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.start.split_once(char::is_whitespace)?.1;
        while let Some((name, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (raw, next) = after.get(1..)?.split_once(quote)?;
            if name.trim() == wanted {
                let mut value = String::new();
                unescape_into(raw, &mut value);
                return Some(value);
            }
            rest = next;
        }
        None
    }

    /// The child elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Cdata(_) | Node::Markup(_) => None,
        })
    }

    /// The first child element of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name() == name)
    }

    /// The first child element of this name, to edit.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children.iter_mut().find_map(|node| match node {
            Node::Element(element) if element.name() == name => Some(element),
            _ => None,
        })
    }

    /// The text directly inside, unescaped.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for node in &self.children {
            match node {
                Node::Text(raw) => unescape_into(raw, &mut text),
                Node::Cdata(inner) => text.push_str(inner),
                Node::Element(_) | Node::Markup(_) => {}
            }
        }
        text
    }

    /// The text inside the first child of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(Self::text)
    }

    /// Makes `text` all that is inside.
    pub fn set_text(&mut self, text: &str) {
        self.children.clear();
        if !text.is_empty() {
            self.children.push(Node::Text(escape(text)));
        }
    }

    /// Removes the child elements that satisfy `unwanted`.
    pub fn remove_where(&mut self, mut unwanted: impl FnMut(&Self) -> bool) {
        self.children.retain(|node| match node {
            Node::Element(element) => !unwanted(element),
            Node::Text(_) | Node::Cdata(_) | Node::Markup(_) => true,
        });
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.self_closing && self.children.is_empty() {
            return write!(f, "<{}/>", self.start);
        }
        write!(f, "<{}>", self.start)?;
        for child in &self.children {
            match child {
                Node::Element(element) => element.fmt(f)?,
                Node::Text(raw) | Node::Markup(raw) => f.write_str(raw)?,
                Node::Cdata(inner) => write!(f, "<![CDATA[{inner}]]>")?,
            }
        }
        write!(f, "</{}>", self.name())
    }
}

/// `text` with BBB's five escapes, without the control characters that XML
/// cannot hold.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The name of the element with this start tag.
fn name_of(start: &str) -> &str {
    start.split_ascii_whitespace().next().unwrap_or_default()
}

/// Resolves the five named entities and character references; what is none of
/// these stays as it is.
fn unescape_into(raw: &str, text: &mut String) {
    let mut rest = raw;
    while let Some((before, entity)) = rest.split_once('&') {
        text.push_str(before);
        let resolved =
            entity.split_once(';').and_then(|(name, after)| Some((resolve(name)?, after)));
        if let Some((c, after)) = resolved {
            text.push(c);
            rest = after;
        } else {
            text.push('&');
            rest = entity;
        }
    }
    text.push_str(rest);
}

fn resolve(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests;
