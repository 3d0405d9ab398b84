//! A histogram of fixed size that one thread writes and any thread reads, without a lock.
//!
//! Buckets are log-linear, as in HdrHistogram: 16 to each power of two, so a value is known to
//! within 6 %, in 976 counters whatever the values are. HdrHistogram's own type wants `&mut` to
//! record or a lock to share.

use super::Counter;

/// Linear buckets in each power of two.
const STEPS: usize = 16;
/// log2 of [`STEPS`].
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Buckets for all of u64: values below 16 exactly, then 60 powers of two.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// Counts of values by size; one writer, any readers.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[Counter; BUCKETS]>,
    sum: Counter,
    min: Counter,
    max: Counter,
}

/// A histogram read at one moment; several can be added up.
#[derive(Clone, Debug)]
pub struct Snapshot {
    buckets: Vec<u64>,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The smallest, exactly; 0 if there is none.
    pub min: u64,
    /// The largest, exactly.
    pub max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: Box::new(std::array::from_fn(|_| Counter::default())),
            sum: Counter::default(),
            min: Counter::default(),
            max: Counter::default(),
        }
    }
}

impl Histogram {
    /// Records a value; by the owning thread only.
    pub fn record(&self, value: u64) {
        self.buckets[bucket_of(value)].add(1);
        self.sum.add(value);
        self.max.raise_to(value);
        // The minimum is kept as its complement, so that 0 can mean "none yet".
        self.min.raise_to(!value);
    }

    /// How many values were recorded, and their sum.
    pub fn count_and_sum(&self) -> (u64, u64) {
        let count = self.buckets.iter().map(Counter::get).sum();
        (count, self.sum.get())
    }

    /// What has been recorded.
    pub fn snapshot(&self) -> Snapshot {
        let buckets: Vec<u64> = self.buckets.iter().map(Counter::get).collect();
        let count = buckets.iter().sum();
        let min = if count == 0 { 0 } else { !self.min.get() };
        Snapshot {
            buckets,
            count,
            sum: self.sum.get(),
            min,
            max: self.max.get(),
        }
    }
}

impl Snapshot {
    /// Bytes that one holds.
    pub const BYTES: usize = BUCKETS * size_of::<u64>();

    /// Nothing recorded.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            sum: 0,
            min: 0,
            max: 0,
        }
    }

    /// Several histograms, each read once.
    pub fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        histograms.fold(Self::empty(), |sum, one| sum.merge(&one.snapshot()))
    }

    /// The two together.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.min = match (self.count, other.count) {
            (_, 0) => self.min,
            (0, _) => other.min,
            _ => self.min.min(other.min),
        };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self
    }

    /// What was recorded after `earlier`, a snapshot of the same histogram. Minimum and maximum
    /// become those of the buckets, known to within 6 %.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (mine, theirs) in self.buckets.iter_mut().zip(&earlier.buckets) {
            *mine -= theirs;
        }
        self.count -= earlier.count;
        self.sum = self.sum.wrapping_sub(earlier.sum);
        let (min, max) = (self.min, self.max);
        let ends = |bucket: Option<usize>| bucket.map_or(0, |bucket| within(bucket, min, max));
        self.min = ends(self.buckets.iter().position(|&count| count > 0));
        self.max = ends(self.buckets.iter().rposition(|&count| count > 0));
        self
    }

    /// The mean; `None` if there is no value.
    #[allow(clippy::cast_precision_loss)] // Sums of nanoseconds stay far below 2^53 (104 days).
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// How many values do not exceed `value`. Exact if a bucket ends there, as one does at every
    /// 2^n - 1; else those that share its bucket are not counted.
    pub fn count_up_to(&self, value: u64) -> u64 {
        let bucket = bucket_of(value);
        let whole = bucket + usize::from(upper_end(bucket) == value);
        self.buckets[..whole].iter().sum()
    }

    /// The value that this share of the values does not exceed (0.5 is the median), to within 6 %
    /// and never above the maximum; `None` if there is no value.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(within(bucket, self.min, self.max))
    }
}

/// The bucket of a value: below 16 its own; else the power of two, and the four bits after the
/// leading one.
#[allow(clippy::cast_possible_truncation)] // A bucket's number is below 1,024.
fn bucket_of(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    shift as usize * STEPS + (value >> shift) as usize
}

/// The largest value of a bucket, but within what was recorded. Not `clamp`, which panics if `min`
/// is above `max`: a reader may come between the three stores of the first value.
fn within(bucket: usize, min: u64, max: u64) -> u64 {
    upper_end(bucket).max(min).min(max)
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    let first = ((bucket % STEPS + STEPS) as u64) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..70).chain([1000, 4095, 4096, 1 << 40, u64::MAX - 1, u64::MAX]) {
            let bucket = bucket_of(value);
            assert!(upper_end(bucket) >= value, "{value}");
            assert!(bucket == 0 || upper_end(bucket - 1) < value, "{value}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_six_percent() {
        let histogram = Histogram::default();
        for value in 1..=10_000 {
            histogram.record(value);
        }
        let snapshot = histogram.snapshot();
        for (share, exact) in [
            (0.5, 5_000_f64),
            (0.9, 9_000.0),
            (0.99, 9_900.0),
            (0.999, 9_990.0),
        ] {
            #[allow(clippy::cast_precision_loss)]
            let found = snapshot.percentile(share).unwrap() as f64;
            assert!((found / exact - 1.0).abs() < 0.0626, "{share}: {found}");
        }
        assert_eq!(
            (snapshot.min, snapshot.max, snapshot.count),
            (1, 10_000, 10_000)
        );
        assert_eq!(snapshot.mean(), Some(5_000.5));
    }

    #[test]
    fn counts_up_to_the_end_of_a_bucket_are_exact() {
        let histogram = Histogram::default();
        // Near every end of a bucket, and across all sizes.
        let near = |bits: u32| [-1_i64, 0, 1].map(|by| (1_u64 << bits).wrapping_add_signed(by));
        let spread = (0..2_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64));
        let values: Vec<u64> = (0..64)
            .flat_map(near)
            .chain(spread)
            .chain([u64::MAX])
            .collect();
        for value in &values {
            histogram.record(*value);
        }
        let snapshot = histogram.snapshot();
        let naive = |end: u64| values.iter().filter(|value| **value <= end).count() as u64;
        let powers = (0..64).map(|bits| (1_u64 << bits) - 1);
        for end in powers.chain((0..BUCKETS).map(upper_end)) {
            assert_eq!(snapshot.count_up_to(end), naive(end), "{end}");
        }
        // Within a bucket: that of 1024 to 1087 is not counted.
        assert_eq!(snapshot.count_up_to(1_030), naive(1_023));
        assert_eq!(snapshot.count_up_to(u64::MAX), snapshot.count);
        assert_eq!(Snapshot::empty().count_up_to(1_023), 0);
    }

    #[test]
    fn merged_is_the_same_as_recorded_together() {
        let (one, two, both) = (
            Histogram::default(),
            Histogram::default(),
            Histogram::default(),
        );
        for value in [3, 700, 12_345] {
            one.record(value);
            both.record(value);
        }
        for value in [0, 99] {
            two.record(value);
            both.record(value);
        }
        let merged = Snapshot::empty()
            .merge(&one.snapshot())
            .merge(&two.snapshot());
        let both = both.snapshot();
        assert_eq!(
            (merged.min, merged.max, merged.count, merged.sum),
            (0, 12_345, 5, both.sum)
        );
        assert_eq!(merged.percentile(0.5), both.percentile(0.5));
    }

    #[test]
    fn a_value_that_is_being_recorded_is_no_reason_to_panic() {
        let histogram = Histogram::default();
        histogram.buckets[bucket_of(1000)].add(1);
        let snapshot = histogram.snapshot();
        assert!(snapshot.min > snapshot.max, "as a reader may find it");
        assert_eq!(snapshot.percentile(0.5), Some(0));
        assert_eq!(snapshot.since(&Snapshot::empty()).count, 1);
    }

    #[test]
    fn nothing_recorded_has_no_percentile() {
        assert_eq!(Snapshot::empty().percentile(0.5), None);
        assert_eq!(Snapshot::empty().mean(), None);
    }
}
