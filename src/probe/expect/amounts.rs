//! Amounts of money in a text, however they are written: `29.99`, `1.234,50`, `1,234.50`, `1 234,50`. Pure.

/// Amounts taken of one text.
const AMOUNTS_MAX: usize = 500;

/// Every number with two decimals, as plain decimal text.
pub(super) fn amounts(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        // Narrow and fixed blanks group digits; plain ones separate words.
        if c.is_ascii_digit() || (!run.is_empty() && matches!(c, '.' | ',' | '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}'))
        {
            run.push(c);
            continue;
        }
        if !run.is_empty() && out.len() < AMOUNTS_MAX {
            out.extend(amount(&run));
        }
        run.clear();
    }
    out
}

fn amount(run: &str) -> Option<String> {
    let run = run.trim_end_matches(|c: char| !c.is_ascii_digit());
    let at = run.rfind(['.', ','])?;
    let (whole, cents) = (&run[..at], &run[at + 1..]);
    let mut groups = whole.split(|c: char| !c.is_ascii_digit());
    let first = groups.next()?;
    let grouped: Vec<&str> = groups.collect();
    let fits = grouped.is_empty() || (first.len() <= 3 && grouped.iter().all(|group| group.len() == 3));
    (cents.len() == 2 && cents.bytes().all(|b| b.is_ascii_digit()) && fits && whole.len() < 30)
        .then(|| format!("{first}{}.{cents}", grouped.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_found_in_every_spelling() {
        let text = "Bill 2026-11 of 21.11.2026: 29.99 EUR, 1.234,50 \u{20ac}, $1,234.50, 1\u{202f}234,50, CHF 1'234.50. Total: 4.00. v1.2.3 7";
        assert_eq!(amounts(text), ["29.99", "1234.50", "1234.50", "1234.50", "1234.50", "4.00"]);
        assert!(amounts("12.345 1.2 .99 ,,, 1..22 12,34,56").is_empty());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn amounts_are_decimals_that_read_as_themselves() {
        let corpus: &[&[u8]] = &[
            "29.99 EUR, 1.234,50 \u{20ac}, $1,234.50, 1\u{202f}234,50, CHF 1'234.50".as_bytes(),
            b"2026-11-21 12:00 0049 30 1.2.3 ,,, 999999999999999999999999.99",
        ];
        for input in Bent::of(3000, corpus) {
            let found = amounts(&String::from_utf8_lossy(&input));
            assert!(found.len() <= AMOUNTS_MAX);
            for amount in found {
                assert_eq!(amounts(&amount).as_slice(), std::slice::from_ref(&amount));
            }
        }
    }
}
