//! What a scalar's text says when a number is wanted, or when nobody knows what is.

use crate::config::tree::{Node, Style, Value};

/// What a plain scalar is taken for where any value may stand.
pub(super) enum Guess {
    Nothing,
    Truth(bool),
    Natural(u64),
    Whole(i64),
    Decimal(f64),
    Text,
}

/// JSON's idea of a plain scalar: `no`, `010`, `.inf` and `1:30` are text.
pub(super) fn guess(text: &str) -> Guess {
    match text {
        "" | "null" | "~" => return Guess::Nothing,
        "true" => return Guess::Truth(true),
        "false" => return Guess::Truth(false),
        _ => {}
    }
    if is_whole(text) {
        let natural = text.parse().map(Guess::Natural);
        return natural.or_else(|_| text.parse().map(Guess::Whole)).unwrap_or(Guess::Text);
    }
    decimal(text).map_or(Guess::Text, Guess::Decimal)
}

/// A finite number as JSON writes it.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or_default();
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if !is_whole(whole) || !digits(unsigned) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Digits, perhaps a minus, no zero in front.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

/// A whole number within a range, or the range in words.
pub(super) fn whole(node: &Node, min: i128, max: i128) -> Result<i128, String> {
    let range = || format!("a whole number from {min} to {max}");
    let Value::Scalar { text, style: Style::Plain } = &node.value else { return Err(range()) };
    let text = text.borrow();
    if !is_whole(&text) {
        return Err(range());
    }
    text.parse().ok().filter(|number| (min..=max).contains(number)).ok_or_else(range)
}

/// The beginning of a text that is quoted in an error.
pub(super) fn short(text: &str) -> String {
    const QUOTED_CHARS: usize = 60;
    let mut quoted: String = text.chars().take(QUOTED_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        quoted.push_str("...");
    }
    quoted
}
