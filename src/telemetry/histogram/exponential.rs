//! Buckets that grow by one factor from each to the next, as fine as what was observed allows.
//!
//! Source: OpenTelemetry specification, "Base2 Exponential Bucket Histogram Aggregation" and the metrics data model,
//! "`ExponentialHistogram`". Bucket `i` holds `(base^i, base^(i+1)]`, with `base = 2^(2^-scale)`.

/// Buckets; where they do not reach, each two become one.
const BUCKETS_MAX: usize = 160;
/// At first, 16 buckets from a value to its double: no quantile is off by more than 2.2 %. A finer one would cost memory
/// for a precision that no network has.
const SCALE_MAX: i32 = 4;

/// A histogram with exponential buckets, of values from 0 up.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::telemetry) struct Exponential {
    scale: i32,
    zeros: u64,
    /// The index of the first bucket.
    offset: i32,
    /// From the smallest to the largest that was ever observed.
    counts: Vec<u64>,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { scale: SCALE_MAX, zeros: 0, offset: 0, counts: Vec::new() }
    }
}

impl Exponential {
    /// What is no positive number counts as none at all.
    pub(super) fn observe(&mut self, value: f64) {
        // Subnormal ones have no logarithm worth the name, and no clock is so fine.
        if !value.is_normal() || value < 0.0 {
            self.zeros += 1;
            return;
        }
        let index = self.reach(index(value, self.scale));
        self.counts[(index - self.offset) as usize] += 1;
    }

    pub(in crate::telemetry) fn scale(&self) -> i32 {
        self.scale
    }

    pub(in crate::telemetry) fn zeros(&self) -> u64 {
        self.zeros
    }

    pub(in crate::telemetry) fn offset(&self) -> i32 {
        self.offset
    }

    pub(in crate::telemetry) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Makes room for the bucket at `index`; where it is then.
    fn reach(&mut self, mut index: i32) -> i32 {
        if self.counts.is_empty() {
            self.offset = index;
            self.counts.push(0);
            return index;
        }
        loop {
            let first = self.offset.min(index);
            let last = self.last().max(index);
            let length = (last - first + 1) as usize;
            if length <= BUCKETS_MAX {
                let before = (self.offset - first) as usize;
                // Exactly as many: there are thousands of these.
                self.counts.reserve_exact(length - self.counts.len());
                self.counts.splice(0..0, std::iter::repeat_n(0, before));
                self.counts.resize(length, 0);
                self.offset = first;
                return index;
            }
            self.coarsen();
            index >>= 1;
        }
    }

    /// The index of the last bucket.
    fn last(&self) -> i32 {
        let length = i32::try_from(self.counts.len()).unwrap_or(i32::MAX);
        self.offset.saturating_add(length) - 1
    }

    /// Each two buckets become one.
    fn coarsen(&mut self) {
        let (first, last) = (self.offset >> 1, self.last() >> 1);
        for (old, index) in (self.offset..=self.last()).enumerate() {
            let count = std::mem::take(&mut self.counts[old]);
            self.counts[((index >> 1) - first) as usize] += count;
        }
        self.counts.truncate((last - first + 1) as usize);
        self.offset = first;
        self.scale -= 1;
    }
}

/// The bucket of a positive value.
fn index(value: f64, scale: i32) -> i32 {
    // Of powers of two the logarithm is exact, and each is the upper bound of its bucket. Anywhere else an error in the
    // last digit is the neighbour's bucket at worst.
    let scaled = value.log2() * f64::from(scale).exp2();
    scaled.ceil() as i32 - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds(exponential: &Exponential, bucket: usize) -> (f64, f64) {
        let base = f64::from(-exponential.scale).exp2().exp2();
        let index = exponential.offset + i32::try_from(bucket).expect("few");
        (base.powi(index), base.powi(index + 1))
    }

    fn of(values: &[f64]) -> Exponential {
        let mut exponential = Exponential::default();
        for value in values {
            exponential.observe(*value);
        }
        exponential
    }

    #[test]
    fn a_bucket_holds_its_upper_bound() {
        let exponential = of(&[0.25]);
        assert_eq!((exponential.offset, exponential.scale), ((-2 << SCALE_MAX) - 1, SCALE_MAX));
        let exponential = of(&[1.0, 1.000_001, 2.0]);
        assert_eq!(exponential.offset, -1);
        assert_eq!((exponential.counts[0], exponential.counts[1]), (1, 1));
        assert_eq!((exponential.counts.len(), exponential.counts[16]), (17, 1));
    }

    #[test]
    fn a_wide_range_is_seen_less_finely() {
        let exponential = of(&[1e-9, 1e5, 0.0]);
        assert_eq!((exponential.zeros, exponential.scale), (1, 1));
        assert!(exponential.counts.len() <= BUCKETS_MAX);
        assert_eq!(exponential.counts.iter().sum::<u64>(), 2);
    }

    #[test]
    fn a_steady_probe_costs_little() {
        let exponential = of(&(0..10_000).map(|n| 0.020 + f64::from(n) * 1e-6).collect::<Vec<_>>());
        assert_eq!(exponential.scale, SCALE_MAX);
        assert!(exponential.counts.capacity() <= 16, "{}", exponential.counts.capacity());
    }

    proptest! {
        /// Whatever the order, each value lies between the bounds of a bucket that counts it.
        #[test]
        fn every_value_is_in_its_bucket(values in prop::collection::vec((-30.0_f64..17.0).prop_map(f64::exp2), 1..200)) {
            let exponential = of(&values);
            prop_assert!(exponential.counts.len() <= BUCKETS_MAX);
            let mut left = exponential.counts.clone();
            for value in &values {
                // An error in the last digit may cost a bucket.
                let near = |bucket: &usize| {
                    let (low, high) = bounds(&exponential, *bucket);
                    low * (1.0 - 1e-9) < *value && *value <= high * (1.0 + 1e-9) && left[*bucket] > 0
                };
                let bucket = (0..left.len()).find(near);
                prop_assert!(bucket.is_some(), "{value} is in no bucket of {exponential:?}");
                left[bucket.unwrap_or_default()] -= 1;
            }
            prop_assert!(left.iter().all(|count| *count == 0));
            // As fine as they allow: one step finer they would not fit, or it is as fine as it gets.
            let (first, last) = (0, exponential.counts.len() - 1);
            prop_assert!(exponential.counts[first] > 0 && exponential.counts[last] > 0);
            prop_assert!(exponential.scale == SCALE_MAX || exponential.counts.len() > BUCKETS_MAX / 2);
        }
    }
}
