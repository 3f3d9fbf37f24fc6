//! A variable of JVM flags, of which some are ours and some are not.

/// `present` without ours, then `wanted`. A flag is known by what stands in
/// front of its `=`; of two the last counts, as for the JVM.
pub(super) fn merged(present: &[String], ours: &[String], wanted: &[String]) -> String {
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let known: Vec<String> = ours.iter().chain(wanted).map(|flag| name(flag)).collect();
    let mut flags: Vec<String> = Vec::new();
    for value in present {
        for flag in split(value) {
            if !known.contains(&name(&flag)) && !flags.contains(&flag) {
                flags.push(flag);
            }
        }
    }
    flags.extend(wanted.iter().cloned());
    flags.join(" ")
}

/// Whether every quote in `value` is closed; the JVM does not start otherwise.
pub(super) fn is_whole(value: &str) -> bool {
    let mut quote = None;
    for character in value.chars().filter(|character| matches!(character, '"' | '\'')) {
        match quote {
            None => quote = Some(character),
            Some(open) if open == character => quote = None,
            Some(_) => {}
        }
    }
    quote.is_none()
}

/// The flags of a value, as the JVM splits it: at blanks outside of quotes,
/// which stay.
fn split(value: &str) -> Vec<String> {
    let mut flags = Vec::new();
    let mut flag = String::new();
    let mut quote = None;
    for character in value.chars() {
        match quote {
            None if character.is_whitespace() => {
                if !flag.is_empty() {
                    flags.push(std::mem::take(&mut flag));
                }
                continue;
            }
            None if matches!(character, '"' | '\'') => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => {}
        }
        flag.push(character);
    }
    if !flag.is_empty() {
        flags.push(flag);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::{is_whole, merged};

    #[test]
    fn quotes_have_to_be_closed() {
        for (value, wanted) in [
            ("", true),
            ("-Da='x y'", true),
            ("-Da='\"'", true),
            ("'", false),
            ("-Da=\"it's", false),
        ] {
            assert_eq!(is_whole(value), wanted, "{value}");
        }
    }

    #[test]
    fn foreign_flags_stay_and_ours_are_replaced() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let ours = texts(&["-Da=1", "-Db=x"]);
        for (present, wanted, flags) in [
            (&[][..], &["-Da=1"][..], "-Da=1"),
            (&["-Xmx1g -Da=old -Db=y"], &["-Da=1"], "-Xmx1g -Da=1"),
            (&["-Xmx1g -Da=old", "-Xmx1g -Dc='x y'"], &["-Da=1"], "-Xmx1g -Dc='x y' -Da=1"),
            (&["-Da=1"], &[], ""),
        ] {
            assert_eq!(merged(&texts(present), &ours, &texts(wanted)), flags, "{present:?}");
        }
    }
}
