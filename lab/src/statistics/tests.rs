use super::drift::{drift, has_drifted};
use super::*;

/// Normal noise by Box and Muller, as a ratio of two costs with this relative deviation each.
fn ratios(seed: u64, count: usize, truth: f64, deviation: f64) -> Vec<f64> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut cost = |mean: f64| mean * (1.0 + deviation * normal(&mut random));
    (0..count).map(|_| cost(truth) / cost(1.0)).collect()
}

fn normal(random: &mut SmallRng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

fn verdict_of(ratios: &[f64]) -> Verdict {
    verdict(estimate(ratios).as_ref())
}

fn count(seeds: std::ops::Range<u64>, is_it: impl Fn(u64) -> bool) -> usize {
    seeds.filter(|seed| is_it(*seed)).count()
}

fn is_directed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Faster | Verdict::Slower)
}

#[test]
fn median_of_odd_and_even_numbers_of_values() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
}

/// From the tables of the sign test: (values, rank from 1 of the interval's lower end).
#[test]
fn ranks_are_those_of_the_tables() {
    for (count, rank) in [
        (6, 1),
        (8, 1),
        (9, 2),
        (10, 2),
        (12, 3),
        (20, 6),
        (30, 10),
        (40, 14),
    ] {
        assert_eq!(rank_of_lower_end(count) + 1, rank, "{count}");
    }
    // Past where a float can hold the probability that all lie on one side.
    assert_eq!(rank_of_lower_end(2_000), 955);
}

#[test]
fn six_values_span_the_interval() {
    let estimate = estimate(&[1.06, 1.01, 1.05, 1.02, 1.04, 1.03]).unwrap();
    assert_eq!((estimate.low, estimate.high), (1.01, 1.06));
    assert!((estimate.median - 1.035).abs() < 1e-12);
    assert_eq!(estimate.pairs, 6);
}

#[test]
fn two_values_are_none_and_five_resolve_nothing() {
    assert_eq!(estimate(&[1.0, 1.0]), None);
    assert_eq!(verdict(None), Verdict::NotResolved);
    assert_eq!(verdict_of(&[2.0; 5]), Verdict::NotResolved);
    assert_eq!(verdict_of(&[2.0; 6]), Verdict::Slower);
    assert_eq!(verdict_of(&[0.5; 6]), Verdict::Faster);
    assert_eq!(verdict_of(&[1.005; 6]), Verdict::NoEffect);
}

#[test]
fn a_verdict_needs_the_whole_interval() {
    let of = |low, high| {
        let pairs = 10;
        let median = f64::midpoint(low, high);
        verdict(Some(&Estimate {
            median,
            low,
            high,
            pairs,
        }))
    };
    assert_eq!(of(1.001, 1.02), Verdict::Slower);
    assert_eq!(of(0.97, 0.999), Verdict::Faster);
    assert_eq!(of(0.999, 1.02), Verdict::NotResolved);
    assert_eq!(of(0.98, 1.001), Verdict::NotResolved);
    assert_eq!(of(0.991, 1.009), Verdict::NoEffect);
}

#[test]
fn a_against_a_is_neither_faster_nor_slower() {
    for pairs in [4, 6, 10, 20] {
        for deviation in [0.02, 0.1] {
            let wrong = count(0..100, |seed| {
                is_directed(verdict_of(&ratios(seed, pairs, 1.0, deviation)))
            });
            assert!(wrong <= 5, "{pairs} pairs, {deviation}: {wrong} of 100");
        }
    }
}

#[test]
fn a_against_a_is_no_effect_where_the_noise_is_small() {
    let found = count(0..100, |seed| {
        verdict_of(&ratios(seed, 20, 1.0, 0.005)) == Verdict::NoEffect
    });
    assert!(found >= 95, "{found} of 100");
}

#[test]
fn a_real_effect_of_five_per_cent_is_found() {
    for (truth, expected) in [(1.05, Verdict::Slower), (1.0 / 1.05, Verdict::Faster)] {
        let found = count(0..100, |seed| {
            verdict_of(&ratios(seed, 20, truth, 0.03)) == expected
        });
        assert!(found >= 95, "{truth}: {found} of 100");
    }
}

/// Stops as measuring does: after each pair from the sixth on, if it is settled.
#[test]
fn stopping_early_does_not_make_effects() {
    let ended = |seed: u64, deviation: f64| {
        let all = ratios(seed, 24, 1.0, deviation);
        let settled = (6..24).find(|pairs| is_settled(estimate(&all[..*pairs]).as_ref()));
        verdict_of(&all[..settled.unwrap_or(24)])
    };
    for deviation in [0.01, 0.05] {
        let wrong = count(0..100, |seed| is_directed(ended(seed, deviation)));
        assert!(wrong <= 5, "{deviation}: {wrong} of 100");
    }
}

#[test]
fn excess_is_what_is_missing_to_the_nearest_verdict() {
    let of = |low, median, high| {
        excess(&Estimate {
            median,
            low,
            high,
            pairs: 10,
        })
    };
    assert!((of(0.98, 1.04, 1.10) - 1.5).abs() < 1e-9);
    assert!((of(0.90, 0.96, 1.02) - 1.5).abs() < 1e-9);
    assert!((of(0.98, 1.0, 1.02) - 2.0).abs() < 1e-9);
    assert!(of(1.02, 1.04, 1.10) < 1.0);
    assert!(of(0.9, 1.01, 1.02).is_finite());
    assert!(of(0.9, 1.0, 1.0) > 9.9);
}

#[test]
fn drift_is_seen_and_noise_is_not() {
    let costs = |seed: u64, late: f64| {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut cost = |mean: f64| mean * (1.0 + 0.04 * normal(&mut random));
        let early: Vec<f64> = (0..8).map(|_| cost(4_000.0)).collect();
        early
            .into_iter()
            .chain((0..8).map(|_| cost(4_000.0 * late)))
            .collect::<Vec<f64>>()
    };
    let drifted = |late: f64| {
        count(0..200, |seed| {
            drift(&costs(seed, late)).is_some_and(|it| has_drifted(&it))
        })
    };
    assert!(drifted(1.0) <= 10, "{}", drifted(1.0));
    assert!(drifted(1.15) >= 190, "{}", drifted(1.15));
    assert_eq!(drift(&[1.0; 7]), None);
}

/// Rank sum test with four in each half: the least and the largest ratio hold 97 %.
#[test]
fn drift_of_known_costs() {
    let found = drift(&[100.0, 102.0, 104.0, 106.0, 110.0, 112.0, 114.0, 116.0]).unwrap();
    assert_eq!((found.low, found.high), (110.0 / 106.0, 1.16));
    assert!((found.median - 1.097).abs() < 0.001, "{found:?}");
    assert_eq!(found.pairs, 4);
    assert!(has_drifted(&found));
}
