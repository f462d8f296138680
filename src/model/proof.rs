//! What a step leaves to be looked at: the page as it stood, what its console said, what was asked for.

use jiff::Timestamp;
use smol_str::SmolStr;

use super::{FaultCode, ProbeId, TraceId};

/// Of one exhibit, and of all of one run.
const EXHIBIT_BYTES_MAX: usize = 512 << 10;
const PROOF_BYTES_MAX: usize = 1 << 20;

/// What one run shows of a step. Whoever makes it has taken every secret out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    pub probe: ProbeId,
    pub trace: TraceId,
    /// The step, by name.
    pub step: SmolStr,
    /// None: it did not fail.
    pub why: Option<FaultCode>,
    /// When the run began.
    pub at: Timestamp,
    exhibits: Vec<Exhibit>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Exhibit {
    pub sort: Sort,
    pub bytes: Vec<u8>,
}

impl Proof {
    /// Leaves out what is too large; what comes first stays.
    pub fn new(
        (probe, trace): (ProbeId, TraceId),
        (step, why): (SmolStr, Option<FaultCode>),
        at: Timestamp,
        mut exhibits: Vec<Exhibit>,
    ) -> Self {
        let mut room = PROOF_BYTES_MAX;
        exhibits.retain(|exhibit| {
            let fits = exhibit.bytes.len() <= EXHIBIT_BYTES_MAX.min(room);
            room -= if fits { exhibit.bytes.len() } else { 0 };
            fits
        });
        Self { probe, trace, step, why, at, exhibits }
    }

    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }
}

macro_rules! sorts {
    ($($variant:ident $file:literal $media:literal;)*) => {
        /// What an exhibit is. Its file's name is its name everywhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Sort {
            $(#[doc = $file] $variant,)*
        }

        impl Sort {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub const fn file(self) -> &'static str {
                match self { $(Self::$variant => $file,)* }
            }

            /// The media type.
            pub const fn media(self) -> &'static str {
                match self { $(Self::$variant => $media,)* }
            }

            pub fn of_file(file: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|sort| sort.file() == file)
            }
        }
    };
}

sorts! {
    Picture "page.webp" "image/webp";
    Outline "page.txt" "text/plain; charset=utf-8";
    Console "console.txt" "text/plain; charset=utf-8";
    Requests "requests.har" "application/json";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_left_out() {
        let exhibit = |sort, bytes| Exhibit { sort, bytes: vec![0; bytes] };
        let exhibits = vec![
            exhibit(Sort::Picture, (512 << 10) + 1),
            exhibit(Sort::Outline, 512 << 10),
            exhibit(Sort::Console, 500 << 10),
            exhibit(Sort::Requests, 100 << 10),
        ];
        let of = (ProbeId::new("shop", "buy"), TraceId(1));
        let proof = Proof::new(of, ("pay".into(), Some(FaultCode::Timeout)), Timestamp::UNIX_EPOCH, exhibits);
        let kept: Vec<Sort> = proof.exhibits().iter().map(|exhibit| exhibit.sort).collect();
        assert_eq!(kept, [Sort::Outline, Sort::Console]);
    }
}
