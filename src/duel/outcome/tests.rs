use std::sync::Arc;

use super::*;
use crate::config::Techniques;
use crate::duel::{Control, Set};

const SCHEDULE: Schedule = Schedule {
    begins: 0,
    ends: 1_000_000_000_000,
    slice: 20_000_000,
    settle: 3_000_000,
    seed: 3,
};

/// A duel on so many reactors, of which the second arm costs `ratio` times 3,000 ns a request.
fn duel(reactors: usize, pairs: u32, ratio: f64) -> Duel {
    let set = Arc::new(Set {
        techniques: Techniques::FULL,
        switches: Vec::new(),
        control: Control::None,
    });
    let duel = Duel::new(SCHEDULE, [Arc::clone(&set), set], reactors);
    for reactor in 0..reactors {
        let mut ledger = duel.ledger(reactor).unwrap();
        ledger.through = 2 * pairs;
        for slice in 0..2 * pairs {
            let arm = SCHEDULE.arm(slice);
            let requests = 5000 + u64::from(slice % 7);
            let cost = [3000.0, 3000.0 * ratio][arm];
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let nanos = (float(requests) * cost) as u64;
            ledger.rows.push(Row {
                slice,
                nanos,
                requests,
            });
            let sum = &mut ledger.sums[arm];
            (sum.nanos, sum.wall) = (sum.nanos + nanos, sum.wall + nanos + 1000);
            sum.own_nanos += nanos;
            sum.figures.requests += requests;
            sum.figures.reads += requests;
            sum.figures.registrations += if arm == 1 { requests } else { 0 };
        }
    }
    duel
}

const NAMES: [&str; 2] = ["as it stands", "without register-once"];

#[test]
fn a_difference_is_told_with_what_explains_it() {
    for reactors in [1, 3] {
        let outcome = Outcome::of(&duel(reactors, 60, 1.134), NAMES);
        assert_eq!(
            outcome.sentence,
            "Without register-once a request costs 13.4 % more CPU time (13.4 to 13.4 %): one \
             epoll_ctl more."
        );
        assert_eq!(outcome.verdict, Some(Verdict::Slower));
        assert_eq!(outcome.ratio.unwrap().pairs, 60);
        let cost = outcome.arms[0].ns_per_request.unwrap();
        assert!((cost - 3000.0).abs() < 1.0);
    }
}

#[test]
fn no_difference_is_said_to_be_none() {
    let outcome = Outcome::of(&duel(2, 60, 1.0001), ["as it stands"; 2]);
    assert_eq!(
        outcome.sentence,
        "The same against itself: no difference, as it should be."
    );
    assert_eq!(outcome.verdict, Some(Verdict::Negligible));
}

#[test]
fn a_pair_that_one_reactor_missed_is_dropped_for_all() {
    let duel = duel(2, 20, 1.2);
    duel.ledger(1)
        .unwrap()
        .rows
        .retain(|row| row.slice != 6 && row.slice != 31);
    // This one is behind.
    duel.ledger(0).unwrap().through = 37;
    let outcome = Outcome::of(&duel, NAMES);
    assert_eq!(outcome.pairs_dropped, 2);
    assert_eq!(outcome.ratio.unwrap().pairs, 16);
}

#[test]
fn without_load_there_is_no_verdict() {
    let outcome = Outcome::of(&duel(2, 5, 1.2), NAMES);
    assert_eq!((outcome.verdict, outcome.ratio.is_none()), (None, true));
    assert!(
        outcome.sentence.starts_with("No verdict"),
        "{}",
        outcome.sentence
    );
    let silent = duel(1, 20, 1.2);
    for row in &mut silent.ledger(0).unwrap().rows {
        row.requests = 0;
    }
    assert_eq!(Outcome::of(&silent, NAMES).pairs_dropped, 20);
}

#[test]
fn a_reactor_that_sleeps_makes_the_verdict_one_of_this_load() {
    let duel = duel(1, 60, 1.2);
    for sum in &mut duel.ledger(0).unwrap().sums {
        sum.wall *= 2;
    }
    let sentence = Outcome::of(&duel, NAMES).sentence;
    assert!(sentence.contains("at this load"), "{sentence}");
}

#[test]
fn amounts_read_as_one_says_them() {
    assert_eq!(amount(1.004, "epoll_ctl"), "one epoll_ctl");
    assert_eq!(amount(0.94, "timer entry"), "0.94 timer entries");
    assert_eq!(amount(8192.0, "copied byte"), "8192 copied bytes");
}
