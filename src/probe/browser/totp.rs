//! One-time passwords by time (RFC 6238), as authenticator apps show them: six digits, new every thirty seconds, SHA-1.

use jiff::Timestamp;
use totp_rs::{Builder, Secret as Encoded};

use crate::secret::Secret;

/// The secret that an authenticator app was given.
#[derive(Clone, Debug)]
pub(super) struct Totp(Secret);

impl Totp {
    /// Refuses what is no base32; a secret that was not looked up is believed.
    pub(super) fn new(secret: Secret) -> Result<Self, String> {
        let totp = Self(secret);
        if totp.0.is_known() && totp.code(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!("the secret of `totp` ({}) is no base32 text", totp.0.reference()));
        }
        Ok(totp)
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.0
    }

    /// The code of this moment; none, if the secret is no base32 text.
    pub(super) fn code(&self, now: Timestamp) -> Option<String> {
        let encoded: String = self.0.expose().chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
        let secret = Encoded::try_from_base32(encoded.to_ascii_uppercase()).ok()?;
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        // Not compliant: many services give out secrets that are shorter than the RFC wants.
        Some(Builder::new().with_secret(secret).build_noncompliant().generate(seconds).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of its eight digits.
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let totp = Totp::new(Secret::new("env CODE", secret)).unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.code(Timestamp::from_second(seconds).unwrap()).as_deref(), Some(code));
        }
        let spaced = Totp::new(Secret::new("env CODE", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq")).unwrap();
        assert_eq!(spaced.code(Timestamp::from_second(59).unwrap()).as_deref(), Some("287082"));
    }

    #[test]
    fn a_secret_that_no_app_would_take_is_refused_by_its_reference() {
        let refused = Totp::new(Secret::new("env CODE", "not base32!")).unwrap_err();
        assert_eq!(refused, "the secret of `totp` (env CODE) is no base32 text");
    }
}
