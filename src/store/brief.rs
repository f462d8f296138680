//! A reading in a few bytes: what is kept of every run, for any store.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Quality, Reading, Trigger, Verdict};

/// Written first in every blob; another layout gets another number.
const LAYOUT: u8 = 1;
/// Quality is kept in ten-thousandths.
const PERFECT: u16 = 10_000;

/// How a run ended, without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    Slow,
    Failed,
    Inconclusive,
    Skipped,
}

const KINDS: [Kind; 5] = [Kind::Good, Kind::Slow, Kind::Failed, Kind::Inconclusive, Kind::Skipped];
const TRIGGERS: [Trigger; 3] = [Trigger::Schedule, Trigger::Recheck, Trigger::Person];

/// One run, briefly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brief {
    /// When it was due, milliseconds since 1970: with the series, its identity.
    pub(super) at: i64,
    /// How much later it began, milliseconds.
    pub(super) late: i64,
    pub(super) kind: Kind,
    pub(super) trigger: Trigger,
    quality: u16,
    pub(super) took: Duration,
    /// The number of the word for its reason: a fault's code. 0 for none.
    pub(super) why: u64,
}

/// What a blob holds that we did not write.
#[derive(Debug, thiserror::Error)]
#[error("a block of readings is malformed")]
pub(super) struct Malformed;

impl Brief {
    pub(super) fn new(reading: &Reading, kind: Kind, quality: Quality, took: Duration, why: u64) -> Self {
        Self {
            at: reading.scheduled.as_millisecond(),
            late: reading.started.duration_since(reading.scheduled).as_millis().try_into().unwrap_or_default(),
            kind,
            trigger: reading.trigger,
            quality: (quality.get() * f64::from(PERFECT)).round() as u16,
            took,
            why,
        }
    }

    pub(super) fn quality(&self) -> Quality {
        Quality::new(f64::from(self.quality) / f64::from(PERFECT))
    }

    pub(super) fn scheduled(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at).unwrap_or_default()
    }

    pub(super) fn started(&self) -> Timestamp {
        self.scheduled().saturating_add(SignedDuration::from_millis(self.late)).unwrap_or_default()
    }
}

impl Kind {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Good,
            Verdict::Slow => Self::Slow,
            Verdict::Failed(_) => Self::Failed,
            Verdict::Inconclusive { .. } => Self::Inconclusive,
            Verdict::Skipped(_) => Self::Skipped,
        }
    }

    /// The quality that need not be written.
    fn usual(self) -> u16 {
        match self {
            Self::Good => PERFECT,
            _ => 0,
        }
    }
}

/// Briefs of one series in order of time; the time as the change of its step, which is mostly none.
pub(super) fn pack(briefs: &[Brief]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + briefs.len() * 8);
    out.push(LAYOUT);
    let (mut at, mut step) = (0, 0);
    for brief in briefs {
        put_signed(&mut out, brief.at - at - step);
        (at, step) = (brief.at, if at == 0 { 0 } else { brief.at - at });
        put_brief(&mut out, brief);
    }
    out
}

pub(super) fn unpack(mut bytes: &[u8]) -> Result<Vec<Brief>, Malformed> {
    let input = &mut bytes;
    begin(input)?;
    let mut briefs = Vec::new();
    let (mut at, mut step) = (0_i64, 0_i64);
    while !input.is_empty() {
        let next = take_signed(input)?.wrapping_add(at).wrapping_add(step);
        (at, step) = (next, if at == 0 { 0 } else { next.wrapping_sub(at) });
        briefs.push(take_brief(input, at)?);
    }
    Ok(briefs)
}

/// Briefs of many series as they came.
pub(super) fn pack_mixed(briefs: &[(i64, Brief)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + briefs.len() * 12);
    out.push(LAYOUT);
    let mut at = 0;
    for (series, brief) in briefs {
        put(&mut out, series.unsigned_abs());
        put_signed(&mut out, brief.at - at);
        at = brief.at;
        put_brief(&mut out, brief);
    }
    out
}

pub(super) fn unpack_mixed(mut bytes: &[u8]) -> Result<Vec<(i64, Brief)>, Malformed> {
    let input = &mut bytes;
    begin(input)?;
    let mut briefs = Vec::new();
    let mut at = 0_i64;
    while !input.is_empty() {
        let series = i64::try_from(take(input)?).map_err(|_| Malformed)?;
        at = take_signed(input)?.wrapping_add(at);
        briefs.push((series, take_brief(input, at)?));
    }
    Ok(briefs)
}

/// Adds to a series' briefs what is not among them yet, by time.
pub(super) fn merge(briefs: &mut Vec<Brief>, more: &[Brief]) {
    briefs.extend_from_slice(more);
    // Stable: of two with the same time the one that was there first stays.
    briefs.sort_by_key(|brief| brief.at);
    briefs.dedup_by_key(|brief| brief.at);
}

fn begin(input: &mut &[u8]) -> Result<(), Malformed> {
    if byte(input)? == LAYOUT { Ok(()) } else { Err(Malformed) }
}

const HAS_TOOK: u8 = 1 << 5;
const HAS_QUALITY: u8 = 1 << 6;
const HAS_WHY: u8 = 1 << 7;

fn put_brief(out: &mut Vec<u8>, brief: &Brief) {
    let kind = KINDS.iter().position(|kind| *kind == brief.kind).unwrap_or_default() as u8;
    let trigger = TRIGGERS.iter().position(|trigger| *trigger == brief.trigger).unwrap_or_default() as u8;
    let took = u64::try_from(brief.took.as_micros()).unwrap_or(u64::MAX);
    let flag = |bit: u8, holds: Option<()>| holds.map_or(0, |()| bit);
    let quality = (brief.quality != brief.kind.usual()).then_some(());
    let flags = kind
        | trigger << 3
        | flag(HAS_TOOK, (took != 0).then_some(()))
        | flag(HAS_QUALITY, quality)
        | flag(HAS_WHY, (brief.why != 0).then_some(()));
    out.push(flags);
    put_signed(out, brief.late);
    if flags & HAS_TOOK != 0 {
        put(out, took);
    }
    if flags & HAS_QUALITY != 0 {
        put(out, u64::from(brief.quality));
    }
    if flags & HAS_WHY != 0 {
        put(out, brief.why);
    }
}

fn take_brief(input: &mut &[u8], at: i64) -> Result<Brief, Malformed> {
    let flags = byte(input)?;
    let kind = *KINDS.get(usize::from(flags & 7)).ok_or(Malformed)?;
    let trigger = *TRIGGERS.get(usize::from(flags >> 3 & 3)).ok_or(Malformed)?;
    let late = take_signed(input)?;
    let took = if flags & HAS_TOOK != 0 { take(input)? } else { 0 };
    let quality =
        if flags & HAS_QUALITY != 0 { u16::try_from(take(input)?).map_err(|_| Malformed)? } else { kind.usual() };
    let why = if flags & HAS_WHY != 0 { take(input)? } else { 0 };
    Ok(Brief { at, late, kind, trigger, quality, took: Duration::from_micros(took), why })
}

fn byte(input: &mut &[u8]) -> Result<u8, Malformed> {
    let (&first, rest) = input.split_first().ok_or(Malformed)?;
    *input = rest;
    Ok(first)
}

/// LEB128: seven bits a byte, the lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn take(input: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let next = byte(input)?;
        number |= u64::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn take_signed(input: &mut &[u8]) -> Result<i64, Malformed> {
    let number = take(input)?;
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn briefs() -> impl Strategy<Value = Vec<(i64, Brief)>> {
        let brief = (
            1..2_000_000_i64,
            1_i64..4_000_000_000_000,
            -5000..5000_i64,
            0..5_usize,
            0..3_usize,
            0..=PERFECT,
            any::<u32>(),
            0..90_u64,
        );
        let brief = brief.prop_map(|(series, at, late, kind, trigger, quality, took, why)| {
            let took = Duration::from_micros(u64::from(took));
            (series, Brief { at, late, kind: KINDS[kind], trigger: TRIGGERS[trigger], quality, took, why })
        });
        proptest::collection::vec(brief, 0..50)
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(mixed in briefs()) {
            prop_assert_eq!(&unpack_mixed(&pack_mixed(&mixed)).unwrap(), &mixed);
            let mut one = Vec::new();
            merge(&mut one, &mixed.iter().map(|(_, brief)| *brief).collect::<Vec<_>>());
            prop_assert_eq!(unpack(&pack(&one)).unwrap(), one);
        }

        #[test]
        fn garbage_is_an_error_or_readings_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            _ = unpack(&bytes);
            _ = unpack_mixed(&bytes);
        }
    }

    #[test]
    fn an_ordinary_reading_takes_six_bytes() {
        let brief = |n: i64| Brief {
            at: 1_790_000_000_000 + n * 30_000,
            late: 1,
            kind: Kind::Good,
            trigger: Trigger::Schedule,
            quality: PERFECT,
            took: Duration::from_micros(123_456 + 17 * n as u64),
            why: 0,
        };
        let hour: Vec<_> = (0..120).map(brief).collect();
        assert!(pack(&hour).len() <= 120 * 6 + 20, "{}", pack(&hour).len());
    }
}
