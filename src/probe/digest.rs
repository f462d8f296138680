//! Proving who one is without sending the password: digest access authentication (RFC 7616, and RFC 8760 for SIP).

use std::fmt::Write as _;

use md5::Digest as _;
use sha2::Digest as _;

/// A challenge is at most so long; more is not read.
const CHALLENGE_CHARS_MAX: usize = 8 << 10;

/// How the proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The digest of `text`, in lower-case hexadecimal digits.
    fn of(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&md5::Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&sha2::Sha256::digest(text.as_bytes())),
        }
    }
}

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

/// What the proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quality {
    /// Before RFC 2617: neither counter nor nonce of ours.
    Old,
    Auth,
}

/// Who proves what.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    /// Of ours, new for every run.
    pub nonce: &'a str,
    /// How often the server's nonce has been used, this time included.
    pub count: u32,
}

impl Challenge {
    /// The strongest of the challenges that we can meet, or why there is none.
    pub fn strongest<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut best: Option<Self> = None;
        let mut why = "it does not say how to prove who one is".to_owned();
        for value in values {
            match Self::parse(value) {
                Ok(challenge) if best.as_ref().is_none_or(|best| best.algorithm < challenge.algorithm) => {
                    best = Some(challenge);
                }
                Ok(_) => {}
                Err(error) => why = error,
            }
        }
        best.ok_or(why)
    }

    /// Reads one challenge: `Digest realm="x", nonce="y", ...`.
    pub fn parse(value: &str) -> Result<Self, String> {
        if value.len() > CHALLENGE_CHARS_MAX {
            return Err("its challenge is endless".to_owned());
        }
        let value = value.trim();
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("digest") {
            return Err(format!("it asks for a proof by `{scheme}`, not by digest"));
        }
        let parameters = parameters(rest).ok_or("its challenge cannot be read")?;
        let find = |name: &str| {
            parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        let algorithm = match find("algorithm").as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(other) => return Err(format!("it asks for a proof by `{other}`, which we do not know")),
        };
        let quality = match find("qop") {
            None => Quality::Old,
            Some(offered) if offered.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => Quality::Auth,
            Some(other) => return Err(format!("it asks for a proof of quality `{other}`, which we do not know")),
        };
        Ok(Self {
            realm: find("realm").unwrap_or_default(),
            nonce: find("nonce").ok_or("its challenge has no nonce")?,
            opaque: find("opaque"),
            algorithm,
            quality,
            stale: find("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// What the server's `response` must be.
    pub fn response(&self, proof: &Proof<'_>) -> String {
        let Proof { user, password, method, uri, nonce, count } = proof;
        let who = self.algorithm.of(&format!("{user}:{}:{password}", self.realm));
        let what = self.algorithm.of(&format!("{method}:{uri}"));
        self.algorithm.of(&match self.quality {
            Quality::Old => format!("{who}:{}:{what}", self.nonce),
            Quality::Auth => format!("{who}:{}:{count:08x}:{nonce}:auth:{what}", self.nonce),
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
            self.algorithm.name(),
        );
        if self.quality == Quality::Auth {
            // Writing into a text cannot fail.
            _ = write!(line, ", qop=auth, nc={:08x}, cnonce={}", proof.count, quoted(proof.nonce));
        }
        if let Some(opaque) = &self.opaque {
            _ = write!(line, ", opaque={}", quoted(opaque));
        }
        line
    }
}

/// `name=value` or `name="value"`, separated by commas; what follows another scheme's name is not ours.
pub fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || name.contains([' ', ',', '"']) {
            return None;
        }
        let after = after.trim_start();
        let (value, after) = if let Some(inside) = after.strip_prefix('"') {
            unquoted(inside)?
        } else {
            let end = after.find(',').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        found.push((name.to_owned(), value));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(found)
}

/// What stands before the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616, 3.9.1.
    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const PROOF: Proof<'_> = Proof {
        user: "Mufasa",
        password: "Circle of Life",
        method: "GET",
        uri: "/dir/index.html",
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
        let unknown = "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256";
        let best = Challenge::strongest([md5.as_str(), unknown, sha.as_str()]).expect("one");
        assert_eq!(best.algorithm, Algorithm::Sha256);
        for wrong in ["Basic realm=\"x\"", unknown, "Digest realm=\"x", "Digest realm=x", "Digest =", "", "Digest qop"]
        {
            Challenge::strongest([wrong]).expect_err(wrong);
        }
        Challenge::strongest([]).expect_err("none");
    }

    #[test]
    fn quotes_are_kept_in() {
        let read = parameters("a=\"x \\\"y\\\", z\", B = c ,d=").expect("parameters");
        let read: Vec<_> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, [("a", "x \"y\", z"), ("B", "c"), ("d", "")]);
    }
}
