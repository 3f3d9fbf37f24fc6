//! Reading a document whose list is long and mostly known already: its elements
//! are found and not read.

use super::{
    Document, Element, XmlError, name_of,
    read::{Builder, Piece, check_start, closes, walk},
};

pub(super) fn document<'a>(
    text: &'a str,
    list: &str,
) -> Result<(Document, Vec<&'a str>), XmlError> {
    let (mut splitter, mut found) = (Splitter::new(list), Vec::new());
    let text = walk(text, |piece, at| {
        if let Some(from) = splitter.take(piece, at.start)? {
            found.push(from..at.end);
        }
        Ok(())
    })?;
    let found = found.into_iter().filter_map(|range| text.get(range)).collect();
    Ok((splitter.around.finish()?, found))
}

/// Tells the elements of the list from all around them.
struct Splitter<'a, 'b> {
    list: &'b str,
    around: Builder,
    /// The start tags of the element of the list that is being passed: its own, and
    /// those that are open in it.
    inside: Vec<&'a str>,
    /// Where that element began.
    begun: usize,
    /// Whether the list is over: another of its name is not the list.
    over: bool,
}

impl<'a, 'b> Splitter<'a, 'b> {
    fn new(list: &'b str) -> Self {
        Self { list, around: Builder::default(), inside: Vec::new(), begun: 0, over: false }
    }

    /// Takes the piece that begins here; where an element of the list began that
    /// ends with it.
    fn take(&mut self, piece: Piece<'a>, at: usize) -> Result<Option<usize>, XmlError> {
        match piece {
            Piece::Open(start) if self.is_in_list() => {
                check_start(start)?;
                if self.around.path().len() + self.inside.len() >= XmlError::MAX_DEPTH {
                    return Err(XmlError::TooDeep);
                }
                if self.inside.is_empty() {
                    self.begun = at;
                }
                self.inside.push(start);
            }
            Piece::Empty(start) if self.is_in_list() => {
                check_start(start)?;
                return Ok(self.inside.is_empty().then_some(at));
            }
            Piece::Close(name) if !self.inside.is_empty() => {
                if !self.inside.pop().is_some_and(|start| closes(start, name)) {
                    return Err(XmlError::Malformed);
                }
                return Ok(self.inside.is_empty().then_some(self.begun));
            }
            // Nothing that could be wrong with it.
            _ if !self.inside.is_empty() => {}
            _ => {
                self.over |= self.ends_list(piece);
                self.around.take(piece)?;
            }
        }
        Ok(None)
    }

    /// Whether an element that opens now is one of the list, or in one.
    fn is_in_list(&self) -> bool {
        let is_list = |element: &Element| !self.over && element.name() == self.list;
        !self.inside.is_empty() || matches!(self.around.path(), [_, open] if is_list(open))
    }

    fn ends_list(&self, piece: Piece<'_>) -> bool {
        match (piece, self.around.path()) {
            (Piece::Close(_), [_, open]) => open.name() == self.list,
            (Piece::Empty(start), [_]) => name_of(start) == self.list,
            _ => false,
        }
    }
}
