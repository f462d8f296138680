//! One-time codes (TOTP, RFC 6238) for customers who asked to be asked for one: written apart from the probe that types
//! them, so that what one of them gets wrong the other does not forgive.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use rand::Rng as _;
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// How long a code is shown, in seconds.
const SHOWN: i64 = 30;
const SECRET_BYTES: usize = 20;

/// What the customers' authenticator apps were given. One for all of them: it is a demo.
pub(in crate::demo) struct Codes {
    secret: [u8; SECRET_BYTES],
}

impl Codes {
    pub(in crate::demo) fn new() -> Self {
        Self { secret: rand::rng().random() }
    }

    /// As an app takes it.
    pub(in crate::demo) fn secret(&self) -> String {
        BASE32_NOPAD.encode(&self.secret)
    }

    /// Is this the code of now, or of the moment before or after? Clocks differ.
    pub(super) fn fits(&self, typed: &str, now: Timestamp) -> bool {
        let step = now.as_second() / SHOWN;
        let typed = typed.trim();
        (step - 1..=step + 1).any(|step| self.at(step).as_bytes().ct_eq(typed.as_bytes()).into())
    }

    fn at(&self, step: i64) -> String {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.secret) else { return String::new() };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let start = usize::from(digest[19] & 0xf);
        let number = digest[start..start + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_standard() {
        let codes = Codes { secret: *b"12345678901234567890" };
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(codes.at(second / SHOWN), code);
        }
        let now = Timestamp::from_second(59).expect("a time");
        assert!(codes.fits(" 287082 ", now) && !codes.fits("287083", now) && !codes.fits("", now));
        assert!(codes.fits("287082", Timestamp::from_second(89).expect("a time")), "a clock may be late");
        assert!(!codes.fits("287082", Timestamp::from_second(120).expect("a time")));
    }
}
