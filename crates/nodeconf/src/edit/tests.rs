//! What all editors have in common: whatever else stands in a file, every byte that is not asked
//! for stays where it is.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{edit::item::Item, profile::Format};

/// A file in pieces of whole lines, and whether each is to go.
type Pieces = Vec<(bool, String)>;

fn pieces(
    kept: impl Strategy<Value = String> + 'static,
    gone: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = Pieces> {
    let piece = prop_oneof![3 => kept.prop_map(|text| (false, text)), 1 => gone.prop_map(|text| (true, text))];
    proptest::collection::vec(piece, 0..12)
}

/// Comments and blanks, as every form of lines has them.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        "# [ -~\u{a1}-\u{ff}]{0,20}\r?\n",
        "  #\n"
    ]
}

fn is_gone(item: &Item) -> bool {
    item.key.contains("gone")
}

/// What is left of `pieces` after an edit that also writes `lines`; and that a second one changes
/// nothing.
fn check(format: Format, pieces: &Pieces, lines: &str) -> Result<(), TestCaseError> {
    let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
    let kept: String =
        pieces.iter().filter(|(gone, _)| !gone).map(|(_, text)| text.as_str()).collect();
    let once = lines::edit(format, &text, lines, is_gone).unwrap().unwrap_or_default();
    let parted = block::part(&once).unwrap();
    // Blank lines in front of an nginx directive go with it.
    let told = |text: &str| -> String {
        let is_told = |line: &&str| format != Format::Nginx || !line.trim().is_empty();
        text.split_inclusive('\n').filter(is_told).collect()
    };
    // What was nothing but blanks makes room for the block.
    if !kept.trim().is_empty() {
        prop_assert_eq!(told(&parted.foreign), told(&kept), "{}", once);
    }
    prop_assert_eq!(parted.block.replace("\r\n", "\n"), lines);
    let twice = lines::edit(format, &once, lines, is_gone).unwrap().unwrap_or_default();
    prop_assert_eq!(twice, once);
    Ok(())
}

/// What of two texts is not common to their beginnings and ends.
fn middles(before: &str, after: &str) -> (String, String) {
    fn rest(one: &[char], other: &[char]) -> (Vec<char>, Vec<char>) {
        let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let rest = |text: &[char]| text.iter().skip(same).rev().copied().collect();
        (rest(one), rest(other))
    }
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    // Cut in front and turned around, twice.
    let (before, after) = rest(&characters(before), &characters(after));
    let (before, after) = rest(&before, &after);
    (before.into_iter().collect(), after.into_iter().collect())
}

proptest! {
    #[test]
    fn properties_keep_every_other_byte(
        pieces in pieces(
            prop_oneof![
                noise(),
                "[a-f.]{1,8}( ?[=:] ?| )[!-\\[\\]-~]{0,12}\r?\n",
                "[a-f]{1,4}=[a-z]{0,5}\\\\\r?\n \t[a-z=]{0,5}\r?\n",
                "[a-f]{1,4}=\\\\u00e9[\u{a1}-\u{ff}]{0,4}\n",
            ],
            prop_oneof!["gone[a-c]? ?[=:] ?[!-\\[\\]-~]{0,9}\r?\n", "gone=a\\\\\n  b\n"],
        ),
        lines in "(x\\.[a-c]=[a-z:/]{0,9}\n){0,3}",
    ) {
        check(Format::Properties, &pieces, &lines)?;
    }

    #[test]
    fn environment_files_keep_every_other_byte(
        pieces in pieces(
            prop_oneof![noise(), "[A-F]{1,4}=[a-z0-9]{0,9}\r?\n", "[A-F]{1,4}=\"[a-z $#]{0,9}\"\n"],
            "gone_[A-C]=[a-z]{0,6}\r?\n",
        ),
        lines in "(X[A-C]=\"[a-z:/]{0,9}\"\n){0,3}",
    ) {
        check(Format::Env, &pieces, &lines)?;
    }

    #[test]
    fn nginx_files_keep_every_other_byte(
        pieces in pieces(
            prop_oneof![
                noise(),
                "( {0,4})set \\$[a-f]{1,4} '[ -&(-\\[\\]-~]{0,9}';\r?\n",
                "location ~\\* \\^/[a-f]{1,4}/\\.\\* \\{\n\t[a-f]{1,4} [a-f/]{1,6}; # \\}\n\\}\r?\n",
                "if \\(\\$[a-f] = ''\\) \\{ set \\$[a-f] \"\\{[a-f]\\}\"; \\}\n",
                "include /[a-f]{1,5}/\\*\\.nginx;\n",
            ],
            prop_oneof![
                " {0,3}set \\$gone[a-c]? '[a-f]{0,6}';\r?\n",
                "location \\^~ /gone/[a-c]{0,3} \\{\n  a b;\n  location /inner \\{ c; \\}\n\\}\n",
            ],
        ),
        lines in "(set \\$x[a-c] '[a-f]{0,9}';\n){0,3}",
    ) {
        check(Format::Nginx, &pieces, &lines)?;
    }

    #[test]
    fn json_keeps_every_other_byte(
        before in proptest::collection::vec("[ \t]{0,3}\"[a-f]{1,4}\"[ \n]?:[ ]{0,2}(1\\.50|true|\"[ !#-\\[\\]-~]{0,8}\"|\\[1, \\[\\] \\]|\\{ \"wanted\": 0 \\})", 0..4),
        after in proptest::collection::vec("\n?/\\* [a-z]{0,6} \\*/\"[g-k]{1,4}\":\\{\"x\" :null\\}", 0..3),
        old in proptest::option::of("(0|\"[a-z]{0,6}\"|\\[\"a\",  2\\])"),
        newline in prop_oneof![Just("\n"), Just("\r\n"), Just("")],
    ) {
        let (before, after) = (before.join(","), after.join(","));
        let member = old.as_ref().map(|old| format!("\"wanted\" : {old}"));
        let parts: Vec<&str> = [Some(before.as_str()), member.as_deref(), Some(after.as_str())].into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let text = format!("// a comment\n{{{newline}{}{newline}}}{newline}", parts.join(","));
        let wanted = json!(["https://x"]);
        let once = json::edit(&text, &[("wanted".to_owned(), wanted.clone())], &[]).unwrap().unwrap();
        if let Some(old) = &old {
            let new = text.replacen(&format!("\"wanted\" : {old}"), &format!("\"wanted\" : {wanted}"), 1);
            prop_assert_eq!(&once, &new);
        } else {
            let (lost, _) = middles(&text, &once);
            prop_assert!(lost.trim().is_empty(), "{lost:?} is lost of {text}\n{once}");
        }
    }

    #[test]
    fn yaml_keeps_every_other_byte(
        before in "((#[ -~]{0,9}|[a-f]{1,4}0: ?('it''s'|\"\\\\t\"|[a-f]{1,5}|>-\n  folded\n\n  more|\n- x\n-  y: 1)?)\n){0,5}",
        app in "((    # [a-z]{0,5}|    [a-f]{1,4}1: ('x'|1\\.50|\\{ a: 1 \\}|\\|\n      text: no\n      # no))\n){0,4}",
        old in proptest::option::of("(/y|'/y'|\"/y\")( # why)?"),
        after in "((  [g-k]{1,4}2:\n    z: 0x1F|  # end)\n){0,3}",
        is_crlf: bool,
    ) {
        let line = old.map(|old| format!("    basename: {old}\n")).unwrap_or_default();
        let text = format!("{before}public:\n  app:\n{app}{line}{after}");
        let text = if is_crlf { text.replace('\n', "\r\n") } else { text };
        // Two keys of one name are refused, as the service would.
        if let Ok(once) = yaml::edit(&text, &[("public.app.basename".to_owned(), "/x".to_owned())], &[]) {
            let once = once.unwrap();
            let (lost, _) = middles(&text, &once);
            prop_assert!(line.contains(lost.trim_end()) || lost.trim().is_empty(), "{lost:?} is lost of\n{text}\n{once}");
            prop_assert!(!lost.contains('\n'), "more than a line: {lost:?}");
        }
    }
}
