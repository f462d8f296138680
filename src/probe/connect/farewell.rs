//! The last word of an HTTP/2 server that leaves (GOAWAY, RFC 9113, 6.8). It may take what it has begun to its end, and
//! our library keeps the word to itself when it does not: whoever hears only that the line is dead hears half of it.

use h2::Reason;

const HEAD_BYTES: usize = 9;
const GOAWAY: u8 = 7;
/// The last stream that will be answered, and why there are no more.
const FIXED_BYTES: usize = 8;
/// Kept of what the server says besides.
const WORDS_BYTES_MAX: usize = 120;

/// Why the server leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    pub reason: Reason,
    pub words: String,
}

/// Follows the frames of a connection, however they are cut.
#[derive(Debug, Default)]
pub struct Frames {
    /// Of the frame that comes.
    head: Vec<u8>,
    /// Bytes of it that are still to come.
    left: usize,
    /// Of a GOAWAY.
    payload: Vec<u8>,
}

impl Frames {
    /// Takes what was read next; the farewell that ends in it, if any.
    pub fn read(&mut self, mut bytes: &[u8]) -> Option<Farewell> {
        let mut farewell = None;
        while !bytes.is_empty() {
            if self.head.len() < HEAD_BYTES {
                let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                if let [a, b, c, ..] = self.head[..]
                    && self.head.len() == HEAD_BYTES
                {
                    self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                }
            } else {
                let (payload, rest) = bytes.split_at(bytes.len().min(self.left));
                if self.head[3] == GOAWAY {
                    let room = FIXED_BYTES + WORDS_BYTES_MAX - self.payload.len();
                    self.payload.extend_from_slice(&payload[..payload.len().min(room)]);
                }
                self.left -= payload.len();
                bytes = rest;
            }
            if self.head.len() == HEAD_BYTES && self.left == 0 {
                farewell = self.end().or(farewell);
            }
        }
        farewell
    }

    /// The frame is whole.
    fn end(&mut self) -> Option<Farewell> {
        self.head.clear();
        let payload = std::mem::take(&mut self.payload);
        let (fixed, words) = payload.split_first_chunk::<FIXED_BYTES>()?;
        let reason = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]).into();
        Some(Farewell { reason, words: String::from_utf8_lossy(words).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goaway(reason: u8, words: &[u8]) -> Vec<u8> {
        [&[0, 0, 8 + words.len() as u8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, reason][..], words].concat()
    }

    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    /// Of seven bytes, which are no head.
    const DATA: &[u8] = &[0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 8, 7, 0, 0, 0];

    #[test]
    fn a_farewell_is_heard_however_it_is_cut() {
        let whole = [SETTINGS, DATA, &goaway(2, b"bye"), DATA].concat();
        for size in 1..=whole.len() {
            let mut frames = Frames::default();
            let heard: Vec<_> = whole.chunks(size).filter_map(|piece| frames.read(piece)).collect();
            assert_eq!(heard.len(), 1, "in pieces of {size}");
            assert_eq!((heard[0].reason, heard[0].words.as_str()), (Reason::INTERNAL_ERROR, "bye"));
        }
        assert_eq!(Frames::default().read(&[SETTINGS, DATA].concat()), None);
    }

    #[test]
    fn the_last_one_counts_and_no_more_of_it_than_can_be_told() {
        let long = goaway(0, &[b'x'; 200]);
        let heard = Frames::default().read(&[goaway(2, b""), long].concat()).expect("a farewell");
        assert_eq!((heard.reason, heard.words.len()), (Reason::NO_ERROR, WORDS_BYTES_MAX));
        assert_eq!(Frames::default().read(&[0, 0, 2, 7, 0, 0, 0, 0, 0, 1, 2]), None, "too short to say anything");
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn farewells_are_the_same_however_they_arrive() {
        let corpus: &[&[u8]] = &[
            &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 11, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, b'b', b'y', b'e'],
            &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            &[0, 0, 2, 0, 1, 0, 0, 0, 1, 7, 7, 0, 0, 1, 7, 0, 0, 0, 0, 0, 9],
        ];
        let mut bent = Bent::of(5000, corpus);
        while let Some(input) = bent.next() {
            let mut frames = Frames::default();
            let pieces = bent.pieces(&input);
            let split = pieces.iter().fold(None, |last, piece| frames.read(piece).or(last));
            assert_eq!(Frames::default().read(&input), split);
            assert!(frames.payload.capacity() <= 4 * (FIXED_BYTES + WORDS_BYTES_MAX), "{}", frames.payload.capacity());
        }
    }
}
