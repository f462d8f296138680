//! What counts of several rounds.

/// The median, the least and the most; none, if there was no round.
pub(crate) fn median(mut rounds: Vec<f64>) -> Option<(f64, f64, f64)> {
    rounds.sort_by(f64::total_cmp);
    let middle = rounds.len() / 2;
    let (lowest, highest) = (*rounds.first()?, *rounds.last()?);
    // Of an even number it lies between two.
    let median =
        if rounds.len().is_multiple_of(2) { f64::midpoint(rounds[middle - 1], rounds[middle]) } else { rounds[middle] };
    Some((median, lowest, highest))
}
