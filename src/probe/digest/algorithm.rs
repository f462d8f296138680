//! The functions by which a proof is made.

use std::fmt::{self, Write as _};

use md5::Digest as _;
use sha2::Digest as _;

/// How the proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm {
    pub(super) hash: Hash,
    /// The password is hashed together with both nonces: `-sess`.
    pub(super) session: bool,
}

/// The weakest first (RFC 7616, 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Md5,
    Sha512Half,
    Sha256,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let (name, session) = upper.strip_suffix("-SESS").map_or((&*upper, false), |name| (name, true));
        let hash = [Hash::Md5, Hash::Sha512Half, Hash::Sha256].into_iter().find(|hash| hash.name() == name)?;
        Some(Self { hash, session })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.hash.name(), if self.session { "-sess" } else { "" })
    }
}

impl Hash {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha512Half => "SHA-512-256",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Of `bytes`, in lower-case hexadecimal digits.
    pub(super) fn of(self, bytes: impl AsRef<[u8]>) -> String {
        match self {
            Self::Md5 => hex(&md5::Md5::digest(bytes)),
            Self::Sha512Half => hex(&sha2::Sha512_256::digest(bytes)),
            Self::Sha256 => hex(&sha2::Sha256::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        _ = write!(out, "{byte:02x}");
        out
    })
}
