//! Editing files of lines: a block of ours, and no second word on what it says.

use super::{
    EditError, block, env,
    item::{Item, cuts, without},
    nginx, properties, systemd,
    text::newline,
};
use crate::profile::Format;

/// Everything `text` says.
pub(crate) fn items(format: Format, text: &str) -> Result<Vec<Item>, EditError> {
    Ok(match format {
        Format::Properties => properties::items(text),
        Format::Env => env::items(text),
        Format::Systemd => systemd::items(text),
        Format::Nginx => nginx::items(text)?,
        Format::Shell | Format::Yaml | Format::Json => Vec::new(),
    })
}

/// `text` with a block of exactly `lines` (none: without a block), and outside
/// of it without what is `stale`. Nothing is left when only blanks would be.
pub(crate) fn edit(
    format: Format,
    text: &str,
    lines: &str,
    stale: impl Fn(&Item) -> bool,
) -> Result<Option<String>, EditError> {
    let parted = block::part(text)?;
    let mut foreign = parted.foreign;
    let mut place = parted.place;
    let mut has_cut = false;
    // Cutting one thing may bring another to light that it had swallowed.
    loop {
        let cut = cuts(&items(format, &foreign)?, &stale);
        if cut.is_empty() {
            break;
        }
        has_cut = true;
        let end = foreign.len();
        let (left, moved) = without(&foreign, &cut, place.unwrap_or(end));
        foreign = left;
        place = place.map(|_| moved);
        if format == Format::Systemd {
            let empty = systemd::empty_sections(&foreign);
            let (left, moved) = without(&foreign, &empty, place.unwrap_or(foreign.len()));
            foreign = left;
            place = place.map(|_| moved);
        }
    }
    if format == Format::Shell && !lines.is_empty() {
        if foreign.trim().is_empty() {
            "#!/bin/bash\n".clone_into(&mut foreign);
        }
        // In front of whatever might leave the script early.
        let first = foreign.find('\n').map_or(foreign.len(), |end| end + 1);
        place = Some(place.unwrap_or(if foreign.starts_with("#!") { first } else { 0 }));
    }
    if lines.is_empty() {
        let nothing =
            foreign.trim().is_empty() || format == Format::Shell && foreign.trim() == "#!/bin/bash";
        let untouched = parted.block.is_empty() && !has_cut;
        return Ok((!nothing || untouched).then_some(foreign));
    }
    // As the lines that stay end, so that it is the same the next time.
    let newline = newline(if foreign.trim().is_empty() { text } else { &foreign });
    if foreign.trim().is_empty() {
        (foreign, place) = (String::new(), None);
    }
    Ok(Some(block::join(&foreign, place, lines, newline)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::block::{BEGIN, END};

    #[test]
    fn hand_made_lines_move_into_the_block() {
        let stale = |item: &Item| item.key.ends_with('A');
        for (format, before, lines, after) in [
            (Format::Properties, "A=1\nB=2\n", "A=3\n", format!("B=2\n{BEGIN}\nA=3\n{END}\n")),
            (
                Format::Properties,
                "B=2\r\nA=1\r\n",
                "A=3\n",
                format!("B=2\r\n{BEGIN}\r\nA=3\r\n{END}\r\n"),
            ),
            (
                Format::Systemd,
                "[Service]\nEnvironment=A=1\n",
                "[Service]\nEnvironment=A=2\n",
                format!("{BEGIN}\n[Service]\nEnvironment=A=2\n{END}\n"),
            ),
            (
                Format::Shell,
                "#!/bin/sh\nexit 0\n",
                "true\n",
                format!("#!/bin/sh\n{BEGIN}\ntrue\n{END}\nexit 0\n"),
            ),
            (Format::Shell, "", "true\n", format!("#!/bin/bash\n{BEGIN}\ntrue\n{END}\n")),
        ] {
            let once = edit(format, before, lines, stale).unwrap().unwrap();
            assert_eq!(once, after, "{before:?}");
            assert_eq!(edit(format, &once, lines, stale).unwrap().unwrap(), once);
        }
    }

    #[test]
    fn a_file_that_was_only_ours_goes_with_the_block() {
        let nothing = |_: &Item| false;
        let ours = edit(Format::Nginx, "", "set $x 1;\n", nothing).unwrap().unwrap();
        assert_eq!(edit(Format::Nginx, &ours, "", nothing).unwrap(), None);
        let shell = edit(Format::Shell, "", "true\n", nothing).unwrap().unwrap();
        assert_eq!(edit(Format::Shell, &shell, "", nothing).unwrap(), None);
        let shared = edit(Format::Nginx, "a;\n", "b;\n", nothing).unwrap().unwrap();
        assert_eq!(edit(Format::Nginx, &shared, "", nothing).unwrap().as_deref(), Some("a;\n"));
        assert_eq!(edit(Format::Nginx, "\n", "", nothing).unwrap().as_deref(), Some("\n"));
    }
}
