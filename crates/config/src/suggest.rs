//! The known word a misspelt one was probably meant to be.

/// The most alike of `known`, when it is alike enough to be worth naming.
pub(crate) fn suggest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|&candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance (insert, delete, replace), Wagner and Fischer 1974.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (&to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replace = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replace.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_edits() {
        for (a, b, wanted) in [
            ("", "", 0),
            ("origin", "orgin", 1),
            ("listen", "lisent", 2),
            ("a", "", 1),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
        }
    }

    #[test]
    fn only_likely_words_are_suggested() {
        let known = ["origin", "listen", "secret_file"];
        assert_eq!(suggest("orgin", &known), Some("origin"));
        assert_eq!(suggest("secretfile", &known), Some("secret_file"));
        assert_eq!(suggest("colour", &known), None);
    }
}
