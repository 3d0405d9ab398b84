//! Duels that never were: 2,000 for each claim, with seeds, so that they say the same each time.

use super::*;
use crate::duel::schedule::hash;

/// Numbers from a seed.
struct Chance(u64, u64);

impl Chance {
    /// From 0 up to 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits.
    fn uniform(&mut self) -> f64 {
        self.1 += 1;
        (hash(self.0, self.1) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, with mean 0 and deviation 1: the sum of twelve uniform ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// How a machine behaves meanwhile.
#[derive(Clone, Copy)]
struct Weather {
    /// Deviation of a slice from what it should cost.
    noise: f64,
    /// How much dearer everything becomes from one slice to the next.
    drift: f64,
    /// The chance of a burst of other work, which makes a slice up to half as dear again.
    bursts: f64,
    /// The share of an arm's cost that its successor pays.
    carried: f64,
}

const CALM: Weather = Weather {
    noise: 0.01,
    drift: 0.0,
    bursts: 0.0,
    carried: 0.0,
};

/// The ratios of a duel whose second arm costs `ratio` times the first.
fn duel(seed: u64, pairs: usize, ratio: f64, weather: Weather) -> Vec<f64> {
    let mut chance = Chance(seed, 0);
    let (mut level, mut before) = (1.0, 1.0);
    let mut slice = |chance: &mut Chance, cost: f64| {
        level *= 1.0 + weather.drift;
        let burst = if chance.uniform() < weather.bursts {
            1.0 + 0.5 * chance.uniform()
        } else {
            1.0
        };
        let own = cost * (1.0 - weather.carried) + before * weather.carried;
        before = cost;
        level * burst * own * (1.0 + weather.noise * chance.normal())
    };
    (0..pairs)
        .map(|pair| {
            if hash(seed, pair as u64) & 1 == 0 {
                let first = slice(&mut chance, 1.0);
                slice(&mut chance, ratio) / first
            } else {
                let second = slice(&mut chance, ratio);
                second / slice(&mut chance, 1.0)
            }
        })
        .collect()
}

const DUELS: u64 = 2000;

/// The share of duels for which something holds.
#[allow(clippy::cast_precision_loss)] // 2,000.
fn share(holds: impl Fn(u64) -> bool) -> f64 {
    let count = (0..DUELS).filter(|seed| holds(*seed)).count();
    count as f64 / DUELS as f64
}

fn holds(estimate: &Estimate, ratio: f64) -> bool {
    estimate.low <= ratio && ratio <= estimate.high
}

#[test]
fn the_interval_holds_the_true_value_in_any_weather() {
    let drifting = Weather {
        drift: 0.0005,
        ..CALM
    };
    let bursting = Weather {
        bursts: 0.05,
        ..CALM
    };
    for (weather, pairs) in [
        (CALM, 6),
        (CALM, 50),
        (CALM, 300),
        (drifting, 100),
        (bursting, 100),
    ] {
        let right = share(|seed| {
            let ratios = duel(seed, pairs, 1.1, weather);
            holds(&estimate(&ratios, 0.95).unwrap(), 1.1)
        });
        assert!(right >= 0.93, "{pairs} pairs: {right}");
    }
}

/// It stops when the interval is narrow, wherever it lies: that favours no result.
#[test]
fn stopping_on_width_keeps_the_interval_honest() {
    let right = share(|seed| {
        let ratios = duel(seed, 400, 1.0, CALM);
        let stops = (PAIRS_ENOUGH..400).step_by(5);
        let mut looks = stops.map(|pairs| estimate(&ratios[..pairs], 0.95).unwrap());
        let ended = looks.find(is_narrow);
        holds(&ended.unwrap_or(estimate(&ratios, 0.95).unwrap()), 1.0)
    });
    assert!(right >= 0.93, "{right}");
}

#[test]
fn a_planted_difference_of_one_percent_is_found_and_none_where_there_is_none() {
    let verdict_of = |seed, ratio| {
        let ratios = duel(seed, 400, ratio, CALM);
        verdict(&estimate(&ratios, 0.99).unwrap(), None, None)
    };
    assert!(share(|seed| verdict_of(seed, 1.01) == Verdict::Slower) >= 0.99);
    assert!(share(|seed| verdict_of(seed, 1.0 / 1.01) == Verdict::Faster) >= 0.99);
    assert!(share(|seed| verdict_of(seed, 1.0) == Verdict::Negligible) >= 0.98);
}

/// What one arm leaves to the other is half as much in slices of double length.
#[test]
fn what_is_carried_over_is_seen_by_slices_of_double_length() {
    let carrying = |carried| Weather { carried, ..CALM };
    let verdict_of = |seed, weather: Weather| {
        let short = estimate(&duel(seed, 200, 1.2, weather), 0.99);
        let halved = Weather {
            carried: weather.carried / 2.0,
            ..weather
        };
        let doubled = estimate(&duel(!seed, 100, 1.2, halved), 0.99);
        verdict(&short.unwrap(), doubled.as_ref(), short.as_ref())
    };
    assert!(share(|seed| verdict_of(seed, carrying(0.2)) == Verdict::CarryOver) >= 0.95);
    assert!(share(|seed| verdict_of(seed, CALM) == Verdict::Slower) >= 0.99);
}

#[test]
fn few_pairs_have_no_interval_and_many_a_narrow_one() {
    assert_eq!(estimate(&[1.0; 5], 0.95), None);
    let six = [1.0, 1.1, 0.9, 1.2, 0.8, 1.05];
    let whole = estimate(&six, 0.95).unwrap();
    assert_eq!((whole.low, whole.high, whole.pairs), (0.8, 1.2, 6));
    // Both ends miss with 2 / 2^6.
    assert!((whole.coverage - 0.96875).abs() < 1e-9);
    assert!((whole.median - 1.025).abs() < 1e-9);
    assert_eq!(estimate(&six, 0.97), None);
    // A table of the binomial distribution: of 100, ranks 40 and 61 make 96.5 %.
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    let interval = estimate(&hundred, 0.95).unwrap();
    assert_eq!((interval.low, interval.high), (40.0, 61.0));
    assert!((interval.coverage - 0.9648).abs() < 1e-4);
    // Beyond 1,074 numbers the chance of none is no number.
    let many: Vec<f64> = (0..5000).map(f64::from).collect();
    let interval = estimate(&many, 0.95).unwrap();
    assert!(
        (interval.high - interval.low - 139.0).abs() < 2.0,
        "{interval:?}"
    );
}

#[test]
fn the_first_verdict_that_fits_is_given() {
    let of = |low: f64, high: f64| Estimate {
        median: f64::midpoint(low, high),
        low,
        high,
        coverage: 0.95,
        pairs: 60,
    };
    for (low, high, expected) in [
        (0.996, 1.004, Verdict::Negligible),
        (1.001, 1.004, Verdict::Negligible),
        (1.001, 1.006, Verdict::Slower),
        (0.9, 0.99, Verdict::Faster),
        (0.99, 1.01, Verdict::NotResolved),
    ] {
        assert_eq!(
            verdict(&of(low, high), None, None),
            expected,
            "{low} to {high}"
        );
    }
    assert!(is_narrow(&of(1.2, 1.204)) && !is_narrow(&of(1.2, 1.206)));
}
