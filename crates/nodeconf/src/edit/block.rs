//! Our lines among foreign ones: a marked block that can be found again.

use super::EditError;

/// The line in front of our lines.
pub const BEGIN: &str = "# BEGIN bluegate (managed: edits between these marks are lost)";
/// The line behind our lines.
pub const END: &str = "# END bluegate";

/// A text without our block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parted {
    /// The foreign lines.
    pub(crate) foreign: String,
    /// Where in them the block stood.
    pub(crate) place: Option<usize>,
    /// What stood in it.
    pub(crate) block: String,
}

/// Takes our blocks out of `text`; the first one's place is remembered.
pub(crate) fn part(text: &str) -> Result<Parted, EditError> {
    let mut parted =
        Parted { foreign: String::with_capacity(text.len()), place: None, block: String::new() };
    let mut inside = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match (line.trim_end_matches(['\r', '\n']), inside) {
            (BEGIN, None) => {
                inside = Some(index + 1);
                parted.place.get_or_insert(parted.foreign.len());
            }
            (END, Some(_)) => inside = None,
            (_, None) => parted.foreign.push_str(line),
            (_, Some(_)) => parted.block.push_str(line),
        }
    }
    match inside {
        Some(line) => Err(EditError::OpenBlock { line }),
        None => Ok(parted),
    }
}

/// `foreign` with a block of `lines` at `place`, else behind everything.
pub(crate) fn join(foreign: &str, place: Option<usize>, lines: &str, newline: &str) -> String {
    let (before, after) =
        foreign.split_at_checked(place.unwrap_or(foreign.len())).unwrap_or((foreign, ""));
    let separator = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    let block = format!("{BEGIN}\n{lines}{END}\n");
    let block = if newline == "\n" { block } else { block.replace('\n', newline) };
    format!("{before}{separator}{block}{after}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_block(text: &str, lines: &str) -> String {
        let Parted { foreign, place, .. } = part(text).unwrap();
        join(&foreign, place, lines, "\n")
    }

    #[test]
    fn the_block_is_added_once_and_then_replaced() {
        let first = with_block("securitySalt=x\n", "a=1\n");
        assert_eq!(first, format!("securitySalt=x\n{BEGIN}\na=1\n{END}\n"));
        let edited = format!("{first}later=2\n");
        assert_eq!(
            with_block(&edited, "a=3\n"),
            format!("securitySalt=x\n{BEGIN}\na=3\n{END}\nlater=2\n")
        );
    }

    #[test]
    fn an_open_block_is_refused_and_several_become_one() {
        assert_eq!(part(&format!("a\n{BEGIN}\nb\n")), Err(EditError::OpenBlock { line: 2 }));
        let twice = format!("{BEGIN}\n1\n{END}\nx\n{BEGIN}\n2\n{END}\n");
        assert_eq!(with_block(&twice, "3\n"), format!("{BEGIN}\n3\n{END}\nx\n"));
    }

    proptest! {
        #[test]
        fn foreign_text_stays_and_twice_is_once(foreign in "(\\PC|\r?\n){0,60}") {
            let once = with_block(&foreign, "a=1\n");
            prop_assert!(once.starts_with(&foreign));
            prop_assert_eq!(with_block(&once, "a=1\n"), once);
        }
    }
}
