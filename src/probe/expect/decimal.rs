//! Decimal texts compared as what they mean: `1.10` is `1.1`, `1e3` is `1000`, and no cent is lost to binary fractions.

use std::cmp::Ordering;

/// Digits and powers of ten beyond these are no customer's number.
const DIGITS_MAX: usize = 400;
const EXPONENT_MAX: i64 = 10_000;

/// A decimal number of any length: sign, digits without zeros at either end, and where the point stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// The value is `0.DIGITS * 10^point`.
    point: i64,
}

impl Decimal {
    /// Reads `12`, `-1.50`, `.5`, `2e3`; not `1,5`, `0x1f`, `NaN`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let sound =
            !digits.is_empty() && digits.len() <= DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !sound || exponent.abs() > EXPONENT_MAX {
            return None;
        }
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let digits = digits.trim_matches('0').as_bytes().to_vec();
        let zero = digits.is_empty();
        let point = if zero { 0 } else { i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? + exponent };
        Some(Self { negative: negative && !zero, digits, point })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |it: &Self| if it.digits.is_empty() { 0 } else { 1 - 2 * i8::from(it.negative) };
        sign(self).cmp(&sign(other)).then_with(|| {
            let size = self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { size.reverse() } else { size }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn meaning_decides() {
        for (left, right, order) in [
            ("1.10", "1.1", Ordering::Equal),
            ("0", "-0.00", Ordering::Equal),
            ("1e3", "1000", Ordering::Equal),
            ("0.05", "5e-2", Ordering::Equal),
            ("100", "1e2", Ordering::Equal),
            ("9", "10", Ordering::Less),
            ("-9", "-10", Ordering::Greater),
            ("-1", "1", Ordering::Less),
            ("0.1", "0.09", Ordering::Greater),
            ("123456789012345678901234567890.1", "123456789012345678901234567890.2", Ordering::Less),
        ] {
            let read = |text| Decimal::parse(text).expect(text);
            assert_eq!(read(left).cmp(&read(right)), order, "{left} {right}");
        }
        for text in ["", "-", ".", "1,5", "0x1f", "NaN", "inf", "1e", "1e99999", " 1", "1 "] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn orders_as_integers_do(left: i64, right: i64) {
            let read = |number: i64| Decimal::parse(&number.to_string()).unwrap();
            prop_assert_eq!(read(left).cmp(&read(right)), left.cmp(&right));
        }
    }
}
