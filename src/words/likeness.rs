//! What somebody probably meant.

/// The known word that a misspelt one was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    let lower = word.to_lowercase().replace('_', "-");
    known
        .map(|candidate| {
            let other = candidate.to_lowercase().replace('_', "-");
            let alike = strsim::jaro_winkler(&lower, &other);
            let typo = strsim::damerau_levenshtein(&lower, &other) <= 1 + lower.chars().count() / 5;
            (candidate, if typo { alike.max(ALIKE) + 1.0 } else { alike })
        })
        .filter(|(_, alike)| *alike >= 0.85)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}
