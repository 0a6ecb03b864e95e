//! "Did you mean ...?"

use crate::diagnostic::Findings;

/// Longer words are not typed by hand, and comparing them costs time with the square.
const WORD_MAX: usize = 64;

/// The nearest candidate as a question, when one is near enough to be what was meant.
pub(crate) fn guess<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    findings: &Findings,
) -> Option<String> {
    findings
        .may_guess()
        .then(|| nearest(word, candidates))
        .flatten()
}

/// The same, for a single question that no findings belong to.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    if word.len() > WORD_MAX {
        return None;
    }
    let far = 1 + word.chars().count() / 4;
    candidates
        .filter(|candidate| candidate.len() <= WORD_MAX)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= far)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_guessed_and_a_stranger_is_not() {
        let known = ["isolated", "primary", "peers"];
        let findings = Findings::default();
        let near = guess("isolatd", known.into_iter(), &findings);
        assert_eq!(near.as_deref(), Some("did you mean `isolated`?"));
        assert_eq!(guess("colour", known.into_iter(), &findings), None);
        assert_eq!(guess(&"x".repeat(1000), known.into_iter(), &findings), None);
    }
}
