//! Reading a document into its tree, piece by piece. The only place that knows `quick-xml`.

use std::ops::Range;

use quick_xml::{Reader, events::Event};

use super::{Document, Element, Node, name_of};

/// Why a text is not a document we can work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Broken markup, or no element at all.
    #[error("not an XML document")]
    Malformed,
    /// A document type, which BBB never sends and which could define entities.
    #[error("the document has a DOCTYPE")]
    Doctype,
    /// Elements nested deeper than [`XmlError::MAX_DEPTH`].
    #[error("the document is nested deeper than {} elements", Self::MAX_DEPTH)]
    TooDeep,
}

impl XmlError {
    /// How deep elements may be nested; BBB's own answers need 6.
    pub const MAX_DEPTH: usize = 32;
}

pub(super) fn document(text: &str) -> Result<Document, XmlError> {
    let mut builder = Builder::default();
    walk(text, |piece, _| builder.take(piece))?;
    builder.finish()
}

/// What a document is made of, in order. What stands between the markers only.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    /// Of a start tag.
    Open(&'a str),
    /// Of a tag that opens and closes.
    Empty(&'a str),
    /// Of an end tag.
    Close(&'a str),
    /// Text, escaped as it stands there.
    Text(&'a str),
    /// Of a CDATA section.
    Cdata(&'a str),
    /// A comment or processing instruction, whole.
    Markup(&'a str),
}

/// Hands over each piece of a document and where it begins and ends in what is left
/// of `text` without a byte order mark, which it returns.
pub(super) fn walk<'a>(
    text: &'a str,
    mut take: impl FnMut(Piece<'a>, Range<usize>) -> Result<(), XmlError>,
) -> Result<&'a str, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;

    let mut start = 0;
    loop {
        let event = reader.read_event().map_err(|_| XmlError::Malformed)?;
        let end = usize::try_from(reader.buffer_position()).map_err(|_| XmlError::Malformed)?;
        let raw = text.get(start..end).ok_or(XmlError::Malformed)?;
        let piece = match event {
            Event::Start(_) => Piece::Open(between(raw, "<", ">")?),
            Event::Empty(_) => Piece::Empty(between(raw, "<", "/>")?),
            Event::End(_) => Piece::Close(between(raw, "</", ">")?),
            Event::Text(_) | Event::GeneralRef(_) => Piece::Text(raw),
            Event::CData(_) => Piece::Cdata(between(raw, "<![CDATA[", "]]>")?),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Piece::Markup(raw),
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::Eof => return Ok(text),
        };
        take(piece, start..end)?;
        start = end;
    }
}

fn between<'a>(raw: &'a str, open: &str, close: &str) -> Result<&'a str, XmlError> {
    raw.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).ok_or(XmlError::Malformed)
}

/// A tree that grows piece by piece.
#[derive(Default)]
pub(super) struct Builder {
    before: String,
    after: String,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder {
    pub(super) fn take(&mut self, piece: Piece<'_>) -> Result<(), XmlError> {
        match piece {
            Piece::Open(start) => self.open(start)?,
            Piece::Empty(start) => self.empty(start)?,
            Piece::Close(name) => self.close(name)?,
            Piece::Text(raw) => self.text(raw)?,
            Piece::Cdata(inner) => self.cdata(inner)?,
            Piece::Markup(raw) => self.markup(raw),
        }
        Ok(())
    }

    /// The elements that are open, the root first.
    pub(super) fn path(&self) -> &[Element] {
        &self.open
    }

    fn open(&mut self, start: &str) -> Result<(), XmlError> {
        if self.open.len() >= XmlError::MAX_DEPTH {
            return Err(XmlError::TooDeep);
        }
        self.open.push(element(start, false)?);
        Ok(())
    }

    fn empty(&mut self, start: &str) -> Result<(), XmlError> {
        let element = element(start, true)?;
        self.add(element)
    }

    fn close(&mut self, name: &str) -> Result<(), XmlError> {
        let element = self.open.pop().ok_or(XmlError::Malformed)?;
        if !closes(&element.start, name) {
            return Err(XmlError::Malformed);
        }
        self.add(element)
    }

    fn add(&mut self, element: Element) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn text(&mut self, raw: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(parent) => match parent.children.last_mut() {
                Some(Node::Text(text)) => text.push_str(raw),
                _ => parent.children.push(Node::Text(raw.to_owned())),
            },
            None if raw.trim_ascii().is_empty() => self.markup(raw),
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn cdata(&mut self, inner: &str) -> Result<(), XmlError> {
        let parent = self.open.last_mut().ok_or(XmlError::Malformed)?;
        parent.children.push(Node::Cdata(inner.to_owned()));
        Ok(())
    }

    fn markup(&mut self, raw: &str) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Markup(raw.to_owned())),
            None if self.root.is_none() => self.before.push_str(raw),
            None => self.after.push_str(raw),
        }
    }

    pub(super) fn finish(self) -> Result<Document, XmlError> {
        if !self.open.is_empty() {
            return Err(XmlError::Malformed);
        }
        let root = self.root.ok_or(XmlError::Malformed)?;
        Ok(Document { before: self.before, root, after: self.after })
    }
}

fn element(start: &str, self_closing: bool) -> Result<Element, XmlError> {
    check_start(start)?;
    Ok(Element { start: start.to_owned(), self_closing, children: Vec::new() })
}

pub(super) fn check_start(start: &str) -> Result<(), XmlError> {
    let named = !start.is_empty() && !start.starts_with(|c: char| c.is_ascii_whitespace());
    if named { Ok(()) } else { Err(XmlError::Malformed) }
}

/// Whether an end tag with this inside is that of a start tag with this.
pub(super) fn closes(start: &str, end: &str) -> bool {
    let end = end.trim_ascii_end();
    name_of(start) == end || start.trim_ascii_end() == end
}
