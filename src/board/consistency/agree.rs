//! Whether two captured values say the same to a customer.

use super::hours::Hours;
use super::money::Money;

/// Prices agree as decimals, opening hours as times of the week, other texts as they are read: whatever their blanks,
/// letter case, dashes and quotes.
pub(super) fn agree(left: &str, right: &str) -> bool {
    if let (Some(left), Some(right)) = (Money::read(left), Money::read(right)) {
        return left.agrees(&right);
    }
    if let (Some(left), Some(right)) = (Hours::read(left), Hours::read(right)) {
        return left == right;
    }
    plain(left) == plain(right)
}

/// The text without what no reader notices.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in
        text.split(|c: char| c.is_whitespace() || c == '\u{200b}' || c == '\u{feff}').filter(|it| !it.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().map(familiar).flat_map(char::to_lowercase));
    }
    out
}

/// One of the characters that look alike stands for all of them.
fn familiar(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        // Full width, as Chinese and Japanese keyboards write them.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_agree_as_customers_read_them() {
        for (left, right) in [
            ("29.90", "29.9"),
            ("29.90 €", "€29.9"),
            ("29,90 €", "29.90 EUR"),
            ("1.299,00 €", "€1,299"),
            ("1'299.00 CHF", "CHF 1299"),
            ("1.299 €", "1299"),
            ("029.9", "29.90"),
            ("-0", "0.00"),
            ("+5", "5.0"),
            ("$ 1", "1"),
            ("¥ 1,000,000", "1000000"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
            (" Mon 9-18 ", "Mon 9-18"),
            ("Mo-Fr 9-18", "Mon..Fri 09:00-18:00"),
            ("Mo–Fr 9:00 – 18:00 Uhr, Sa 10-14", "Mon-Fri 9am-6pm; Sat 10am - 2pm"),
            ("Montag bis Freitag 9.00-18.00", "monday to friday 09:00 - 18:00"),
            ("24/7", "Mo-So 0-24"),
            ("周一至周五 9:00-18:00", "Mon-Fri 9-18"),
            ("täglich 8-20 Uhr", "daily 08:00-20:00"),
            ("Mon-Wed 9-18, Thu, Fri 9-18", "Mo-Fr 9-18"),
            ("Fr-Mo 22-2", "Fri-Mon 22:00-02:00"),
            ("Anna  Schmidt", "ANNA SCHMIDT"),
            ("Don’t “wait” – call", "don't \"wait\" - call"),
            ("ＡＢＣ１２３", "abc123"),
        ] {
            assert!(agree(left, right) && agree(right, left), "{left} {right}");
        }
        for (left, right) in [
            ("29.90", "29.91"),
            ("€29.90", "$29.90"),
            ("29,90 EUR", "29,90 USD"),
            ("1.299", "1299"),
            ("9-18", "9-19"),
            ("Mo-Fr 9-18", "Mo-Sa 9-18"),
            ("Mo-Fr 9-18", "Mo-Fr 9-17:59"),
            ("Mo-Fr 9-18", "closed"),
            ("1e3", "1000"),
            ("-1", "1"),
            ("", "0"),
            ("Anna", "Hanna"),
        ] {
            assert!(!agree(left, right) && !agree(right, left), "{left} {right}");
        }
    }
}
