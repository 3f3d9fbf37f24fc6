//! Our lines among foreign ones: a marked block that can be found again.

/// The line in front of our lines.
pub const BEGIN: &str = "# BEGIN bluegate (managed: edits between these marks are lost)";
/// The line behind our lines.
pub const END: &str = "# END bluegate";

/// `foreign` with our block in it: in the old one's place, or at the end.
///
/// Every byte outside the block stays as it is; doing it twice changes
/// nothing more.
pub(crate) fn with_block(foreign: &str, lines: &str) -> String {
    let block = format!("{BEGIN}\n{lines}{END}\n");
    if let Some((before, rest)) = foreign.split_once(&format!("{BEGIN}\n"))
        && let Some((_, after)) = rest.split_once(&format!("{END}\n"))
    {
        return format!("{before}{block}{after}");
    }
    let separator = if foreign.is_empty() || foreign.ends_with('\n') { "" } else { "\n" };
    format!("{foreign}{separator}{block}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn foreign_text_stays_and_twice_is_once(foreign in "(\\PC|\n){0,60}") {
            let once = with_block(&foreign, "a=1\n");
            prop_assert!(once.starts_with(&foreign));
            prop_assert_eq!(with_block(&once, "a=1\n"), once);
        }
    }
}
