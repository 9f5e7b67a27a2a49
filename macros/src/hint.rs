//! Finds the option for a misspelt word, or for a word of another framework.

use crate::keyword::Keyword;

/// Words of other frameworks, and of plain English, for the options.
const SYNONYMS: &[(&str, Keyword)] = &[
    ("ignore", Keyword::Skip),
    ("config", Keyword::Skip),
    ("constant", Keyword::Skip),
    ("name", Keyword::Rename),
    ("inline", Keyword::Flatten),
    ("transparent", Keyword::Flatten),
    ("krate", Keyword::Crate),
    ("path", Keyword::Crate),
    ("where", Keyword::Bound),
    ("tag", Keyword::VariantPath),
    ("variant", Keyword::VariantPath),
];

/// Returns whether `word` asks for freezing, which is a type here and not an option.
pub(crate) fn freezes(word: &str) -> bool {
    ["frozen", "freeze", "no_grad", "requires_grad"].contains(&word)
}

/// Returns the option that `word` probably means.
pub(crate) fn closest(word: &str) -> Option<Keyword> {
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == word);
    if let Some((_, keyword)) = synonym {
        return Some(*keyword);
    }
    Keyword::ALL
        .into_iter()
        .map(|keyword| (edit_distance(word, keyword.word()), keyword))
        // At most one typo per three letters: with more, the guess would often be wrong.
        .filter(|(distance, keyword)| *distance <= keyword.word().len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, keyword)| keyword)
}

/// Returns how many letters must be inserted, removed, replaced or swapped with their neighbour to
/// make `b` of `a` (the optimal string alignment distance).
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized() {
        assert_eq!(closest("skp"), Some(Keyword::Skip));
        assert_eq!(closest("ksip"), Some(Keyword::Skip));
        assert_eq!(closest("renmae"), Some(Keyword::Rename));
        assert_eq!(closest("flaten"), Some(Keyword::Flatten));
        assert_eq!(closest("bounds"), Some(Keyword::Bound));
        assert_eq!(closest("variant_paths"), Some(Keyword::VariantPath));
    }

    #[test]
    fn words_of_other_frameworks_are_recognized() {
        assert_eq!(closest("ignore"), Some(Keyword::Skip));
        assert_eq!(closest("krate"), Some(Keyword::Crate));
        assert!(freezes("no_grad") && !freezes("skip"));
    }

    #[test]
    fn unrelated_words_get_no_guess() {
        assert_eq!(closest("colour"), None);
        assert_eq!(closest(""), None);
        assert_eq!(closest("shape"), None);
    }

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("skip", "skip"), 0);
        assert_eq!(edit_distance("ab", "ba"), 1);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
