//! Many readings as counts and a sketch of their latencies; two of them add up to one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::Digest;
use crate::store::brief::{Brief, Kind, Malformed, put, take};

/// ln 1.02: neighbouring buckets differ by 2 %, so a percentile is right within 1 %.
const LN_GAMMA: f64 = 0.019_802_627_296_179_712;
/// 1.02^1500 microseconds are 80 days.
const BUCKET_MAX: u16 = 1500;

/// Latencies in logarithmic buckets, mergeable without loss (Masson et al., `DDSketch`, VLDB 2019).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch(BTreeMap<u16, u64>);

impl Sketch {
    pub(super) fn add(&mut self, latency: Duration) {
        let micros = (latency.as_nanos() as f64 / 1000.0).max(1.0);
        let bucket = ((micros.ln() / LN_GAMMA).ceil() as u16).min(BUCKET_MAX);
        *self.0.entry(bucket).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (&bucket, &count) in &other.0 {
            *self.0.entry(bucket).or_default() += count;
        }
    }

    /// Seconds; none of nothing. `share` in 0..=1.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.values().sum();
        let rank = (share * total.saturating_sub(1) as f64).floor() as u64;
        let mut below = 0;
        let (&bucket, _) = self.0.iter().find(|(_, count)| {
            below += **count;
            below > rank
        })?;
        // The middle of the bucket (gamma^(b-1), gamma^b].
        let gamma = LN_GAMMA.exp();
        Some((f64::from(bucket) * LN_GAMMA).exp() * 2.0 / (1.0 + gamma) / 1e6)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rollup {
    /// By kind, in the order of [`Kind`].
    counts: [u64; 5],
    /// Of the runs that succeeded.
    latency: Sketch,
}

impl Rollup {
    pub(super) fn of(briefs: &[Brief]) -> Self {
        let mut rollup = Self::default();
        for brief in briefs {
            rollup.add(brief);
        }
        rollup
    }

    pub(super) fn add(&mut self, brief: &Brief) {
        self.counts[brief.kind as usize] += 1;
        if matches!(brief.kind, Kind::Good | Kind::Slow) {
            self.latency.add(brief.took);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.latency.merge(&other.latency);
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for count in self.counts {
            put(&mut out, count);
        }
        let mut last = 0;
        for (&bucket, &count) in &self.latency.0 {
            put(&mut out, u64::from(bucket - last));
            put(&mut out, count);
            last = bucket;
        }
        out
    }

    pub(super) fn unpack(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let input = &mut bytes;
        let mut rollup = Self::default();
        for count in &mut rollup.counts {
            *count = take(input)?;
        }
        let mut bucket = 0_u16;
        while !input.is_empty() {
            let step = u16::try_from(take(input)?).map_err(|_| Malformed)?;
            bucket = bucket.checked_add(step).filter(|bucket| *bucket <= BUCKET_MAX).ok_or(Malformed)?;
            rollup.latency.0.insert(bucket, take(input)?);
        }
        Ok(rollup)
    }

    pub(super) fn digest(&self) -> Digest {
        let [good, slow, failed, inconclusive, skipped] = self.counts;
        let seen = good + slow + failed;
        Digest {
            runs: self.counts.iter().sum(),
            good,
            slow,
            failed,
            inconclusive,
            skipped,
            availability: (seen > 0).then(|| (good + slow) as f64 / seen as f64),
            p50: self.latency.quantile(0.50),
            p95: self.latency.quantile(0.95),
            p99: self.latency.quantile(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_right_within_one_per_cent(
            mut micros in proptest::collection::vec(1..600_000_000_u64, 1..200), share in 0.0..=1.0_f64,
        ) {
            let mut sketch = Sketch::default();
            for micro in &micros {
                sketch.add(Duration::from_micros(*micro));
            }
            micros.sort_unstable();
            let exact = micros[(share * (micros.len() - 1) as f64).floor() as usize] as f64 / 1e6;
            let found = sketch.quantile(share).unwrap();
            prop_assert!((found / exact - 1.0).abs() < 0.0101, "{found} instead of {exact}");
        }

        #[test]
        fn parts_add_up_to_the_whole(a in proptest::collection::vec(1..9_000_000_u64, 0..60), b in proptest::collection::vec(1..9_000_000_u64, 0..60)) {
            let rollup = |micros: &[u64]| {
                let mut rollup = Rollup::default();
                for micro in micros {
                    rollup.counts[0] += 1;
                    rollup.latency.add(Duration::from_micros(*micro));
                }
                Rollup::unpack(&rollup.pack()).unwrap()
            };
            let mut sum = rollup(&a);
            sum.merge(&rollup(&b));
            prop_assert_eq!(sum, rollup(&[a, b].concat()));
        }
    }
}
