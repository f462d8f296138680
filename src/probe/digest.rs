//! Proving who one is without sending the password: digest access authentication (RFC 7616, and RFC 8760 for SIP).
//!
//! Our own, for HTTP and SIP alike: the crate for it (`digest_auth` 0.3.1, of 2023) panics on a challenge that is not
//! ASCII, and SIP's heads are UTF-8.

mod algorithm;
mod parameters;

use std::fmt::Write as _;

use self::algorithm::Algorithm;
use self::parameters::quoted;

pub use self::parameters::parameters;

/// A challenge is at most so long; more is not read.
const CHALLENGE_CHARS_MAX: usize = 8 << 10;

/// What a server wants proven: the value of `WWW-Authenticate` or `Proxy-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    quality: Quality,
    /// The proof was right, only its nonce was not new enough.
    pub stale: bool,
}

/// Why a challenge is not met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// The server's fault.
    #[error("{0}")]
    Garbage(&'static str),
    /// We cannot do that.
    #[error("it asks for a proof by `{0}`, which we do not know")]
    Unknown(String),
}

/// What the proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quality {
    /// Before RFC 2617: neither counter nor nonce of ours.
    Old,
    Auth,
    /// The content too.
    AuthInt,
}

impl Quality {
    /// Of those that are offered; what everybody can do before what few can.
    fn best(offered: &str) -> Option<Self> {
        let offers = |name: &str| offered.split(',').any(|one| one.trim().eq_ignore_ascii_case(name));
        [Self::Auth, Self::AuthInt].into_iter().find(|quality| offers(quality.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Old => "",
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// Who proves what.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    /// The request's content.
    pub body: &'a [u8],
    /// Of ours, new for every run.
    pub nonce: &'a str,
    /// How often the server's nonce has been used, this time included.
    pub count: u32,
}

impl Challenge {
    /// The strongest of the challenges that we can meet, or why there is none.
    pub fn strongest<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, Unmet> {
        let mut best: Option<Self> = None;
        let mut why = Unmet::Garbage("it does not say how to prove who one is");
        for value in values {
            match Self::parse(value) {
                Ok(challenge) if best.as_ref().is_none_or(|best| best.algorithm.hash < challenge.algorithm.hash) => {
                    best = Some(challenge);
                }
                Ok(_) => {}
                Err(error) => why = error,
            }
        }
        best.ok_or(why)
    }

    /// Reads one challenge: `Digest realm="x", nonce="y", ...`.
    pub fn parse(value: &str) -> Result<Self, Unmet> {
        if value.len() > CHALLENGE_CHARS_MAX {
            return Err(Unmet::Garbage("its challenge is endless"));
        }
        let value = value.trim();
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("digest") {
            return Err(Unmet::Unknown(scheme.to_owned()));
        }
        let parameters = parameters(rest).ok_or(Unmet::Garbage("its challenge cannot be read"))?;
        let find = |name: &str| {
            parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        let algorithm = find("algorithm").unwrap_or_else(|| "MD5".to_owned());
        let algorithm = Algorithm::parse(&algorithm).ok_or(Unmet::Unknown(algorithm))?;
        let quality = match find("qop") {
            None => Quality::Old,
            Some(offered) => Quality::best(&offered).ok_or(Unmet::Unknown(offered))?,
        };
        Ok(Self {
            realm: find("realm").unwrap_or_default(),
            nonce: find("nonce").ok_or(Unmet::Garbage("its challenge has no nonce"))?,
            opaque: find("opaque"),
            algorithm,
            quality,
            stale: find("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// What the server's `response` must be.
    pub fn response(&self, proof: &Proof<'_>) -> String {
        let Proof { user, password, method, uri, body, nonce, count } = proof;
        let hash = |text: String| self.algorithm.hash.of(text);
        let mut who = hash(format!("{user}:{}:{password}", self.realm));
        if self.algorithm.session {
            who = hash(format!("{who}:{}:{nonce}", self.nonce));
        }
        let what = match self.quality {
            Quality::AuthInt => hash(format!("{method}:{uri}:{}", self.algorithm.hash.of(body))),
            Quality::Old | Quality::Auth => hash(format!("{method}:{uri}")),
        };
        hash(match self.quality {
            Quality::Old => format!("{who}:{}:{what}", self.nonce),
            quality => format!("{who}:{}:{count:08x}:{nonce}:{}:{what}", self.nonce, quality.name()),
        })
    }

    /// The value of `Authorization` or `Proxy-Authorization`.
    pub fn answer(&self, proof: &Proof<'_>) -> String {
        let mut line = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
            quoted(proof.user),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(proof.uri),
            self.response(proof),
            self.algorithm,
        );
        // Writing into a text cannot fail.
        if self.quality != Quality::Old {
            _ = write!(line, ", qop={}, nc={:08x}", self.quality.name(), proof.count);
        }
        if self.quality != Quality::Old || self.algorithm.session {
            _ = write!(line, ", cnonce={}", quoted(proof.nonce));
        }
        if let Some(opaque) = &self.opaque {
            _ = write!(line, ", opaque={}", quoted(opaque));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::algorithm::Hash;
    use super::*;

    /// RFC 7616, 3.9.1.
    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const PROOF: Proof<'_> = Proof {
        user: "Mufasa",
        password: "Circle of Life",
        method: "GET",
        uri: "/dir/index.html",
        body: b"",
        nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        count: 1,
    };

    fn challenge(algorithm: &str) -> String {
        format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, nonce=\"{NONCE}\""
        )
    }

    #[test]
    fn proofs_are_those_of_the_standard() {
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenge = Challenge::parse(&challenge(algorithm)).expect("a challenge");
            assert_eq!(challenge.response(&PROOF), response);
            let answer = challenge.answer(&PROOF);
            assert!(answer.contains("nc=00000001, cnonce=\"f2/wE4q74E6z") && !answer.contains("Circle"), "{answer}");
        }
        // The same nonce once more: the proof counts along, in hexadecimal digits.
        let again = Challenge::parse(&challenge("SHA-256")).expect("a challenge");
        let proof = Proof { count: 26, ..PROOF };
        assert_eq!(again.response(&proof), "63bb18b90bcfdda44bc585aeb69a18e71b6e87b344b13f7a2cd6a95df2bce9a2");
        assert!(again.answer(&proof).contains("nc=0000001a, "));
        // RFC 2069, with the erratum.
        let old = Challenge::parse(
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc\"",
        );
        let proof = Proof { password: "CircleOfLife", ..PROOF };
        let old = old.expect("a challenge");
        assert_eq!(old.response(&proof), "1949323746fe6a43ef61f9606e7febea");
        assert!(old.answer(&proof).ends_with(", opaque=\"5ccc\""));
    }

    #[test]
    fn the_strongest_that_we_know_is_met() {
        let [md5, sha] = ["MD5", "SHA-256"].map(challenge);
        let unknown = "Digest realm=\"x\", nonce=\"y\", algorithm=SHA3-256";
        let best = Challenge::strongest([md5.as_str(), unknown, sha.as_str()]).expect("one");
        assert_eq!(best.algorithm, Algorithm { hash: Hash::Sha256, session: false });
        assert_eq!(Challenge::parse("Digest realm=\"x"), Err(Unmet::Garbage("its challenge cannot be read")));
        assert_eq!(Challenge::parse(unknown), Err(Unmet::Unknown("SHA3-256".to_owned())));
        for wrong in ["Basic realm=\"x\"", unknown, "Digest realm=\"x", "Digest realm=x", "Digest =", "", "Digest qop"]
        {
            Challenge::strongest([wrong]).expect_err(wrong);
        }
        Challenge::strongest([]).expect_err("none");
    }

    #[test]
    fn sessions_and_contents_are_proven_too() {
        let of = |rest: &str| {
            let text = format!("Digest realm=\"http-auth@example.org\", nonce=\"{NONCE}\", {rest}");
            Challenge::parse(&text).expect("a challenge")
        };
        // Worked out with another program: H(H(H(u:r:p):n:c):n:nc:c:auth-int:H(m:u:H(b))).
        let proof = Proof { method: "POST", body: b"a=1", ..PROOF };
        for (rest, response) in [
            ("qop=\"auth-int\", algorithm=MD5", "fce5b8ce602d522db81fbab19a1ce91a"),
            ("qop=\"auth\", algorithm=MD5-sess", "9e3465d402d672d7b3c6a659201e5672"),
            (
                "qop=\"auth-int\", algorithm=SHA-256-sess",
                "497d7391b8036af6286c78d832cbf7921390dbb333d20fe212a50ef1de2e232f",
            ),
            ("qop=\"auth\", algorithm=SHA-512-256", "bd4311c37b3890a2df44699789473e744efafb31f8d789781eac66741224f782"),
        ] {
            assert_eq!(of(rest).response(&proof), response, "{rest}");
        }
        let answer = of("algorithm=MD5-sess").answer(&proof);
        assert!(answer.contains("algorithm=MD5-sess, cnonce=") && !answer.contains("qop"), "{answer}");
    }

    #[test]
    fn another_scheme_behind_is_passed_over() {
        let both = format!("{}, Basic realm=\"x\", charset=\"UTF-8\"", challenge("MD5"));
        assert_eq!(Challenge::parse(&both), Challenge::parse(&challenge("MD5")));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn challenges_are_read_or_refused_and_answers_say_what_was_meant() {
        let corpus: &[&[u8]] = &[
            b"Digest realm=\"halcyon\", nonce=\"a\\\"b\", qop=\"auth, auth-int\", algorithm=SHA-256, opaque=\"5ccc\", stale=TRUE",
            "digest realm=\"caf\u{e9}\",nonce=y , algorithm = MD5-sess,domain=\"/a /b\", Basic realm=\"x\"".as_bytes(),
            b"Basic realm=\"x\"",
        ];
        for input in Bent::of(3000, corpus) {
            let text = String::from_utf8_lossy(&input);
            let Ok(challenge) = Challenge::parse(&text) else { continue };
            let proof = Proof {
                user: "a\"n\\na",
                password: "s3cret",
                method: "GET",
                uri: "/x",
                body: b"",
                nonce: "n",
                count: 3,
            };
            let answer = challenge.answer(&proof);
            let told = parameters(answer.strip_prefix("Digest ").expect("a proof")).expect("it can be read");
            let find = |name: &str| told.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            assert_eq!((find("username"), find("uri")), (Some(proof.user), Some(proof.uri)), "{text:?}");
            assert_eq!(find("realm"), Some(&*challenge.realm), "{text:?}");
            assert_eq!(find("nonce"), Some(&*challenge.nonce), "{text:?}");
            assert_eq!(find("opaque"), challenge.opaque.as_deref(), "{text:?}");
            assert!(!answer.contains(proof.password) || text.contains(proof.password));
        }
    }
}
