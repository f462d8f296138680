//! Prices and other numbers, exact to the last digit, as people write them: `29,90 €`, `EUR 1.299,00`, `$1,299`.

/// The readings of one number: `1.299 €` is dear in Berlin and cheap in London.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Money {
    /// Shortest decimal texts.
    numbers: Vec<String>,
    currency: Option<String>,
}

/// Codes that have a sign of their own.
const SIGNS: &[(&str, &str)] = &[("eur", "€"), ("usd", "$"), ("gbp", "£"), ("jpy", "¥"), ("cny", "¥"), ("rmb", "¥")];
const CODE_LETTERS: usize = 3;

impl Money {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut currency = String::new();
        let mut digits = String::new();
        for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
            match letter {
                '0'..='9' | '.' | ',' | '-' | '+' | '\'' | '’' => digits.push(letter),
                '\u{2212}' => digits.push('-'),
                letter => currency.extend(letter.to_lowercase()),
            }
        }
        let code = currency.len() == CODE_LETTERS && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
        let sign = currency.chars().count() == 1 && currency.starts_with(is_sign);
        if !(currency.is_empty() || code || sign) {
            return None;
        }
        let known = SIGNS.iter().find(|(code, _)| *code == currency).map(|(_, sign)| (*sign).to_owned());
        let currency = known.or(Some(currency).filter(|it| !it.is_empty()));
        let (minus, digits) = match digits.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
        };
        let numbers: Vec<String> = readings(digits, currency.is_some()).map(|it| shortest(minus, it)).collect();
        (!numbers.is_empty()).then_some(Self { numbers, currency })
    }

    /// A number without a currency may be of any.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let same = self.currency == other.currency || self.currency.is_none() || other.currency.is_none();
        same && self.numbers.iter().any(|number| other.numbers.contains(number))
    }
}

const fn is_sign(letter: char) -> bool {
    matches!(letter, '$' | '£' | '¥' | '¢' | '\u{ffe5}' | '\u{20a0}'..='\u{20cf}')
}

/// What stands before and behind the decimal mark, in each way in which it can be read.
fn readings(digits: &str, priced: bool) -> impl Iterator<Item = (String, String)> {
    let quotes = digits.replace(['\'', '’'], "");
    let marks: Vec<char> = quotes.chars().filter(|c| !c.is_ascii_digit()).collect();
    let known = marks.iter().all(|mark| matches!(mark, '.' | ','));
    let mut found = Vec::new();
    let mut add = |decimal: Option<char>, group: Option<char>| found.extend(parts(&quotes, decimal, group));
    match marks.as_slice() {
        _ if !known => {}
        [] => add(None, None),
        ['.'] => {
            add(Some('.'), None);
            // A bare 1.299 is what a program writes; beside a currency it may be a German's thousand.
            if priced {
                add(None, Some('.'));
            }
        }
        [','] => {
            add(None, Some(','));
            add(Some(','), None);
        }
        [first, .., last] if first != last => add(Some(*last), Some(*first)),
        [only, ..] => add(None, Some(*only)),
    }
    found.into_iter()
}

fn parts(digits: &str, decimal: Option<char>, group: Option<char>) -> Option<(String, String)> {
    let (whole, part) = decimal.and_then(|mark| digits.rsplit_once(mark)).unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match group {
        None => whole.to_owned(),
        Some(mark) => {
            let groups: Vec<&str> = whole.split(mark).collect();
            let thousands = groups.iter().skip(1).all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len());
            if !thousands {
                return None;
            }
            groups.concat()
        }
    };
    (!whole.is_empty() && plain(&whole) && plain(part)).then(|| (whole, part.to_owned()))
}

fn shortest(minus: &str, (whole, part): (String, String)) -> String {
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let minus = if whole.is_empty() && part.is_empty() { "" } else { minus };
    format!("{minus}{whole}.{part}")
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn what_is_a_price_agrees_with_itself() {
        let corpus: &[&[u8]] = &[
            "29,90 \u{20ac}".as_bytes(),
            b"EUR 1.299,00",
            b"$1,299",
            "\u{2212}1\u{2019}299.00 CHF".as_bytes(),
            b"1,234,567",
            b"007.0",
        ];
        for input in Bent::of(3000, corpus) {
            let text = String::from_utf8_lossy(&input);
            let Some(money) = Money::read(&text) else { continue };
            assert!(money.agrees(&money), "{money:?}");
            for number in &money.numbers {
                let (whole, part) = number.trim_start_matches('-').split_once('.').expect("a decimal");
                let digits = [whole, part].concat();
                assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
                assert!(!whole.starts_with('0') && !part.ends_with('0') && number != "-.", "the shortest: {number}");
            }
        }
    }
}
