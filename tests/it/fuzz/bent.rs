//! Inputs that nobody would write: a corpus of real ones, cut up, mixed and bent.
//!
//! Not guided by coverage. An ordinary run tries so many of always the same; with `UNBROKEN_FUZZ_SECONDS` others are
//! tried for so long. Unit tests and this binary share the file.

use std::time::Duration;

use tokio::time::Instant;

const SECONDS: &str = "UNBROKEN_FUZZ_SECONDS";

const TELLING: &[&[u8]] = &[
    b"{{",
    b"}}",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b"\xff",
    b"\xc0\x0c",
    b"<",
    b">",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"{9}",
    b"=?utf-8?q?",
    b"(?<a>",
    b"\x7f\xff",
    b"\x80",
    "\u{e9}\u{674e}".as_bytes(),
    b"-1",
    b"4294967296",
];

/// A source of bent inputs; the last one and its seed are told when a target panics.
pub(crate) struct Bent {
    seed: u64,
    state: u64,
    corpus: Vec<Vec<u8>>,
    last: Vec<u8>,
    tried: usize,
    /// Of an ordinary run.
    most: usize,
    until: Option<Instant>,
}

impl Bent {
    pub(crate) fn of(most: usize, corpus: &[&[u8]]) -> Self {
        let seconds = std::env::var_os(SECONDS).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let seed = if seconds.is_some() { rand::random::<u64>() | 1 } else { 0x5eed };
        Self {
            seed,
            state: seed,
            corpus: corpus.iter().map(|input| input.to_vec()).collect(),
            last: Vec::new(),
            tried: 0,
            most,
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        }
    }

    pub(crate) fn number(&mut self, below: usize) -> usize {
        // xorshift64*: good enough to bend bytes, and the same everywhere.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }

    fn pick(&mut self) -> Vec<u8> {
        let at = self.number(self.corpus.len());
        self.corpus[at].clone()
    }

    fn bend(&mut self) -> Vec<u8> {
        let mut input = self.pick();
        // Some stay as they are: what is right must be read, too.
        for _ in 0..self.number(7) {
            let at = self.number(input.len() + 1);
            match self.number(7) {
                0 => input.truncate(at),
                1 => drop(input.splice(at..at, TELLING[self.number(TELLING.len())].iter().copied())),
                2 if at < input.len() => input[at] ^= 1 << self.number(8),
                3 if at < input.len() => input[at] = self.number(256) as u8,
                4 => {
                    let other = self.pick();
                    let from = self.number(other.len() + 1);
                    drop(input.splice(at.., other[from..].iter().copied()));
                }
                5 => {
                    let end = (at + self.number(16)).min(input.len());
                    let again: Vec<u8> = input[at..end].to_vec();
                    drop(input.splice(at..at, again.repeat(1 + self.number(40))));
                }
                _ => {
                    let end = (at + self.number(8)).min(input.len());
                    drop(input.drain(at..end));
                }
            }
        }
        input
    }

    /// The same bytes as they may arrive: cut anywhere, mostly into small pieces.
    pub(crate) fn pieces(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let most = [1, 7, 100, 5000][self.number(4)];
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((1 + self.number(most)).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = more;
        }
        pieces
    }
}

impl Iterator for Bent {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.until.map_or(self.tried >= self.most, |until| Instant::now() >= until) {
            return None;
        }
        self.tried += 1;
        self.last = self.bend();
        Some(self.last.clone())
    }
}

impl Drop for Bent {
    fn drop(&mut self) {
        println!("{} inputs, seed {:#x}", self.tried, self.seed);
        if std::thread::panicking() {
            println!("the last one: b\"{}\"", self.last.escape_ascii());
        }
    }
}
