//! When a duel does what: a pure function of the time, so that reactors change in step without a
//! message between them.
//!
//! A duel is a row of slices. The arms take turns: slices `2k` and `2k + 1` are a pair, with one
//! arm each, in an order that a bit of a hash decides. Each slice begins with a time to settle,
//! which is charged to nobody: answers are counted when they are made and paid for when they are
//! sent, so as much must be in flight when a row opens as when it closes. Of three pairs the third
//! has slices of double length: what one arm leaves to the other would weigh half as much in them.

use std::time::Duration;

/// The times of a duel, in nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When the first slice begins.
    pub begins: u64,
    /// When it is over, at the latest.
    pub ends: u64,
    /// Length of a slice, the time to settle included.
    pub slice: u64,
    /// How much of a slice is for settling.
    pub settle: u64,
    /// Decides the order within each pair.
    pub seed: u64,
}

/// What a moment of a duel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun.
    Before,
    /// This slice's techniques are in force, and what was in flight before settles.
    Settling(u32),
    /// What happens is this slice's.
    Measuring(u32),
    /// It is over.
    After,
}

/// Pairs until the lengths of their slices repeat.
const PAIRS_PER_CYCLE: u64 = 3;
/// The length of each pair's slices, in slices: 1, 1, and 2.
const SLICES_PER_CYCLE: u64 = 2 + 2 + 4;
/// A slice is at least so many times as long as its time to settle.
pub const SLICE_BY_SETTLE: u64 = 5;
/// What settles least: a timer of the kernel's, a delayed wake-up.
pub const SETTLE_MIN: Duration = Duration::from_millis(2);
/// Settling lasts so many times the 99th percentile of the response time.
pub const SETTLE_BY_P99: u64 = 4;
/// Requests of a slice: with fewer, its figure is that of a few batches.
pub const REQUESTS_MIN: u64 = 500;
/// The longest slice: beyond it a pair says more about the machine's weather than about its arms.
pub const SLICE_MAX: Duration = Duration::from_secs(1);

impl Schedule {
    /// The phase at this moment.
    pub fn phase(&self, now: u64) -> Phase {
        if now < self.begins {
            return Phase::Before;
        }
        if now >= self.ends {
            return Phase::After;
        }
        let cycle = SLICES_PER_CYCLE * self.slice;
        let (cycles, within) = ((now - self.begins) / cycle, (now - self.begins) % cycle);
        let (unit, since) = (within / self.slice, within % self.slice);
        // Units 0 to 3 are slices; 4 and 5 are one, 6 and 7 another.
        let (slice, since) = match unit {
            0..=3 => (unit, since),
            4 | 6 => (2 + unit / 2, since),
            _ => (2 + unit / 2, since + self.slice),
        };
        let slice = u32::try_from(cycles * 2 * PAIRS_PER_CYCLE + slice).unwrap_or(u32::MAX);
        if since < self.settle {
            Phase::Settling(slice)
        } else {
            Phase::Measuring(slice)
        }
    }

    /// The arm of a slice: 0 or 1.
    pub fn arm(&self, slice: u32) -> usize {
        let is_swapped = hash(self.seed, u64::from(slice / 2)) & 1;
        ((u64::from(slice) ^ is_swapped) & 1) as usize
    }

    /// Whether the slices of a pair have double length.
    pub fn is_doubled(pair: u32) -> bool {
        u64::from(pair) % PAIRS_PER_CYCLE == PAIRS_PER_CYCLE - 1
    }

    /// The share of the time that is charged to an arm.
    pub fn charged(&self) -> f64 {
        let settling = 2 * PAIRS_PER_CYCLE * self.settle;
        let all = SLICES_PER_CYCLE * self.slice;
        #[allow(clippy::cast_precision_loss)] // Milliseconds.
        let share = settling as f64 / all as f64;
        1.0 - share
    }
}

impl Phase {
    /// The slice whose techniques are in force.
    pub fn slice(self) -> Option<u32> {
        match self {
            Self::Settling(slice) | Self::Measuring(slice) => Some(slice),
            Self::Before | Self::After => None,
        }
    }
}

/// A number that looks random, and is the same each time (Steele, Lea, Flood: Fast Splittable
/// Pseudorandom Number Generators, 2014).
pub fn hash(seed: u64, number: u64) -> u64 {
    let mut bits = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        begins: 1000,
        ends: 1_000_000,
        slice: 100,
        settle: 20,
        seed: 7,
    };

    #[test]
    fn slices_follow_each_other_without_a_gap_and_every_third_pair_is_doubled() {
        assert_eq!(SCHEDULE.phase(999), Phase::Before);
        let mut at = SCHEDULE.begins;
        for slice in 0..60 {
            let length = if Schedule::is_doubled(slice / 2) {
                200
            } else {
                100
            };
            for since in 0..length {
                let expected = if since < 20 {
                    Phase::Settling
                } else {
                    Phase::Measuring
                };
                assert_eq!(
                    SCHEDULE.phase(at + since),
                    expected(slice),
                    "{since} of {slice}"
                );
            }
            at += length;
        }
        assert_eq!(SCHEDULE.phase(1_000_000), Phase::After);
    }

    #[test]
    fn each_pair_has_both_arms_in_an_order_that_the_seed_decides() {
        let orders = |seed| -> Vec<usize> {
            let schedule = Schedule { seed, ..SCHEDULE };
            (0..64)
                .map(|pair| {
                    let arms = [schedule.arm(2 * pair), schedule.arm(2 * pair + 1)];
                    assert_eq!(arms[0] + arms[1], 1);
                    arms[0]
                })
                .collect()
        };
        assert_eq!(orders(7), orders(7));
        assert_ne!(orders(7), orders(8));
        let first: usize = orders(7).iter().sum();
        assert!((16..=48).contains(&first), "{first} of 64");
    }

    #[test]
    fn a_sixth_of_the_slices_is_twice_as_long_and_settles_as_long() {
        // Six times 20 of 800.
        assert!((SCHEDULE.charged() - 0.85).abs() < 1e-12);
    }
}
