use super::*;
use crate::results::Step;

/// Ratios of two noisy costs, the second one `effect` times the first.
fn noisy(seed: u64, pairs: usize, noise: f64, effect: f64) -> Vec<f64> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut cost = || {
        // Nearly normal, with now and then a block that something disturbed.
        let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let outlier = if random.random_bool(0.05) { 0.2 } else { 0.0 };
        1.0 + noise * sum + outlier
    };
    (0..pairs).map(|_| effect * cost() / cost()).collect()
}

fn verdicts(pairs: usize, noise: f64, effect: f64) -> Vec<Verdict> {
    (0..100)
        .map(|seed| verdict(estimate(&noisy(seed, pairs, noise, effect)).as_ref()))
        .collect()
}

fn count(verdicts: &[Verdict], wanted: &[Verdict]) -> usize {
    verdicts
        .iter()
        .filter(|verdict| wanted.contains(verdict))
        .count()
}

#[test]
fn medians_are_those_of_the_books() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0]), Some(3.0));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
}

/// The table of confidence intervals for the median (David, Nagaraja), ranks from 0.
#[test]
fn ranks_are_those_of_the_binomial_distribution() {
    let known = [
        (3, 0),
        (5, 0),
        (6, 0),
        (8, 0),
        (9, 1),
        (12, 2),
        (15, 3),
        (20, 5),
        (30, 9),
    ];
    for (numbers, rank) in known {
        assert_eq!(outer_rank(numbers), rank, "{numbers}");
    }
}

#[test]
fn an_interval_holds_its_median_and_is_the_same_each_time() {
    let ratios = noisy(7, 15, 0.02, 1.0);
    let once = estimate(&ratios).unwrap();
    assert!(once.low <= once.median && once.median <= once.high);
    assert_eq!(Some(once), estimate(&ratios));
    let mut turned = ratios.clone();
    turned.reverse();
    assert_eq!(Some(once), estimate(&turned));
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for pairs in [6, 9, 15] {
        let held = (0..200).filter(|seed| {
            let estimate = estimate(&noisy(*seed, pairs, 0.03, 1.0)).unwrap();
            estimate.low <= 1.0 && 1.0 <= estimate.high
        });
        let held = held.count();
        assert!(held >= 186, "{pairs} pairs: {held} of 200");
    }
}

#[test]
fn of_too_few_nothing_is_said() {
    assert_eq!(estimate(&[1.0, 1.0]), None);
    assert_eq!(estimate(&[1.0, f64::NAN, 1.0]), None);
    let five = estimate(&[1.5; 5]).unwrap();
    assert_eq!(verdict(Some(&five)), Verdict::NotResolved);
    assert_eq!(verdict(None), Verdict::NotResolved);
}

#[test]
fn verdicts_follow_the_interval() {
    let of = |low, high| {
        let median = f64::midpoint(low, high);
        verdict(Some(&Estimate {
            median,
            low,
            high,
            pairs: 6,
        }))
    };
    assert_eq!(of(0.90, 0.95), Verdict::Faster);
    assert_eq!(of(1.02, 1.30), Verdict::Slower);
    assert_eq!(of(0.995, 1.005), Verdict::NoEffect);
    assert_eq!(of(1.001, 1.009), Verdict::NoEffect);
    assert_eq!(of(0.98, 1.005), Verdict::NotResolved);
    assert_eq!(of(0.8, 1.3), Verdict::NotResolved);
}

#[test]
fn the_same_against_itself_has_no_effect() {
    let quiet = verdicts(20, 0.004, 1.0);
    let calm = count(&quiet, &[Verdict::NoEffect]);
    assert!(calm >= 95, "{calm} of 100");
    for pairs in [6, 10, 20] {
        let loud = verdicts(pairs, 0.05, 1.0);
        let wrong = count(&loud, &[Verdict::Faster, Verdict::Slower]);
        assert!(wrong <= 5, "{pairs} pairs: {wrong} of 100 claim an effect");
    }
}

#[test]
fn an_effect_that_is_there_is_found() {
    assert!(count(&verdicts(12, 0.01, 1.05), &[Verdict::Slower]) >= 95);
    assert!(count(&verdicts(12, 0.01, 0.95), &[Verdict::Faster]) >= 95);
}

#[test]
fn drift_is_the_second_half_by_the_first() {
    assert_eq!(drift(&[1.0, 1.0, 2.0]), None);
    assert_eq!(drift(&[1.0, 1.0, 2.0, 2.0]), Some(2.0));
    assert_eq!(drift(&[5.0; 8]), Some(1.0));
}

#[test]
fn shares_sum_up_to_the_whole_way() {
    let ladder = |naive, steps: &[(&str, f64)]| Ladder {
        naive,
        steps: steps
            .iter()
            .map(|(technique, cost)| Step {
                technique: (*technique).to_owned(),
                cost: *cost,
                interval: None,
            })
            .collect(),
        ..Ladder::default()
    };
    // Each alone takes 40 off, both together 50: the second one has less left to do.
    let one = ladder(100.0, &[("a", 60.0), ("b", 50.0)]);
    let other = ladder(100.0, &[("b", 60.0), ("a", 50.0)]);
    let shares = shares(&[&one, &other]);
    let expected = Share {
        mean: 25.0,
        least: 10.0,
        most: 40.0,
    };
    assert_eq!(shares["a"], expected);
    assert_eq!(shares["b"], expected);
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
    let near = |left: f64, right: f64| (left - right).abs() < 1e-9;
    assert!(near(of(0.98, 1.04, 1.10), 1.5), "slower: 6 down, 4 of room");
    assert!(near(of(0.90, 0.96, 1.02), 1.5), "faster: 6 up, 4 of room");
    assert!(
        near(of(0.98, 1.0, 1.02), 2.0),
        "no effect: 2 with 1 of room"
    );
    assert!(
        of(1.02, 1.04, 1.10) < 1.0,
        "what lies above does not matter"
    );
    assert!(of(1.2, 1.3, 1.4) < 1.0);
}

#[test]
fn settled_is_more_than_resolved() {
    let of = |low, pairs| Estimate {
        median: 1.10,
        low,
        high: 1.2,
        pairs,
    };
    let (barely, clearly) = (of(1.01, 10), of(1.07, 10));
    assert_eq!(verdict(Some(&barely)), Verdict::Slower);
    assert!(!is_settled(Some(&barely)));
    assert!(is_settled(Some(&clearly)));
    assert!(!is_settled(Some(&of(1.07, 5))), "five pairs say nothing");
    assert!(!is_settled(None));
}

/// Pairs are added one by one, and each time it is asked whether that is enough: the repeated
/// asking must not make effects of noise.
#[test]
fn stopping_early_makes_no_effects() {
    let ended = |seed: u64, noise: f64| {
        let all = noisy(seed, 24, noise, 1.0);
        let enough = (PAIRS_MIN..24).find(|pairs| is_settled(estimate(&all[..*pairs]).as_ref()));
        verdict(estimate(&all[..enough.unwrap_or(24)]).as_ref())
    };
    let all: Vec<Verdict> = (0..100).map(|seed| ended(seed, 0.03)).collect();
    let wrong = count(&all, &[Verdict::Faster, Verdict::Slower]);
    assert!(wrong <= 5, "{wrong} of 100 claim an effect");
}

/// The bootstrap alone would claim an effect too often of so few.
#[test]
fn four_pairs_never_claim_an_effect() {
    let wrong = count(&verdicts(4, 0.05, 1.0), &[Verdict::Faster, Verdict::Slower]);
    assert_eq!(wrong, 0);
}
