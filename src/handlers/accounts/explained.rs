//! How much of the CPU time of a request is accounted for by what was timed.
//!
//! The stages are timed by the wall clock, the polls by the thread's CPU clock, and the whole by
//! the scheduler (`schedstat`). A stage that is interrupted counts the interruption, and a reactor
//! that sleeps is charged for falling asleep and waking up: so the sum is compared only if the
//! reactors had the cores to themselves and hardly slept, which is to say were busy for 95 % of the
//! time.

use std::time::Duration;

use super::Costs;
use crate::accounts::{Figures, Stage, Timed};
use crate::handlers::sheet::{Entry, decimals, per};
use crate::handlers::units::{float, nanoseconds};

/// Percent of the time. Below, requests wait for the client and not for the server.
pub(in crate::handlers) const BUSY_ENOUGH: f64 = 95.0;

/// Percent of the time that the reactors were on a core, all of them busy being 100.
pub(in crate::handlers) fn busy_percent(
    figures: &Figures,
    span: Duration,
    reactors: usize,
) -> Option<f64> {
    let available = float(nanoseconds(span)) * float(reactors as u64);
    per(100.0 * float(figures.cpu?.nanos), available)
}

/// The mean of what was timed, less what a reading costs: between two readings lies one of them.
pub(super) fn stage_mean(timed: Timed, reading: f64) -> Option<f64> {
    (timed.count > 0).then(|| (float(timed.sum) / float(timed.count) - reading).max(0.0))
}

/// CPU nanoseconds of a request, and its parts. A part is what one such thing takes, times how many
/// of them a request needs: of pipelined ones, sixteen share a read.
pub(super) fn explained(figures: &Figures, span: Duration, reactors: usize, costs: Costs) -> Entry {
    let requests = float(figures.requests);
    let measured = figures.cpu.and_then(|cpu| per(float(cpu.nanos), requests));
    let parts = parts(figures, costs);
    let reason = reason(&parts, busy_percent(figures, span, reactors));
    let sum = parts.iter().map(|(_, nanos)| *nanos).sum::<Option<f64>>();
    let sum = sum.filter(|_| reason.is_none());
    let both = measured.zip(sum);
    let number = |number: Option<f64>| Entry::Number(number.map(decimals));
    let parts = parts.into_iter().map(|(name, nanos)| (name, number(nanos)));
    let mut rows = vec![("measured", number(measured))];
    rows.extend(parts);
    rows.extend([
        ("explained", number(sum)),
        ("unexplained", number(both.map(|(whole, sum)| whole - sum))),
        (
            "explained_percent",
            number(both.map(|(whole, sum)| 100.0 * sum / whole)),
        ),
        ("not_explained_because", Entry::Said(reason.map(Into::into))),
    ]);
    Entry::Group(rows)
}

fn parts(figures: &Figures, costs: Costs) -> [(&'static str, Option<f64>); 6] {
    let share = |times: u64| {
        let requests = figures.requests;
        (requests > 0).then(|| float(times) / float(requests))
    };
    let part = |stage: Stage, times: u64| {
        let mean = stage_mean(figures.stages[stage as usize], costs.clock);
        Some(mean? * share(times)?)
    };
    let once = figures.requests;
    let poll = stage_mean(figures.poll_time, costs.cpu_clock);
    [
        ("read", part(Stage::Read, figures.reads)),
        ("parse", part(Stage::Parse, once)),
        ("handle", part(Stage::Handle, once)),
        ("serialise", part(Stage::Serialise, once)),
        ("write", part(Stage::Write, figures.writes)),
        (
            "poll",
            poll.zip(share(figures.turns))
                .map(|(poll, polls)| poll * polls),
        ),
    ]
}

/// Why there is no sum.
fn reason(parts: &[(&'static str, Option<f64>)], busy: Option<f64>) -> Option<String> {
    let Some(busy) = busy else {
        return Some("the CPU time of the reactors is not known".to_owned());
    };
    if busy < BUSY_ENOUGH {
        return Some(format!(
            "the reactors were busy for {busy:.1} % of the time; below {BUSY_ENOUGH} % they sleep, \
             and sleeping is no cost of a request"
        ));
    }
    let untimed = parts.iter().find(|(_, nanos)| nanos.is_none())?;
    Some(format!("no {} has been timed", untimed.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::CpuTime;

    const SECOND: Duration = Duration::from_secs(1);

    /// A thousand requests in batches of ten, and a busy thread.
    fn busy() -> Figures {
        let timed = |mean: u64| Timed {
            count: 4,
            sum: 4 * mean,
        };
        let mut figures = Figures {
            requests: 1000,
            reads: 100,
            writes: 100,
            turns: 50,
            poll_time: timed(2200),
            cpu: Some(CpuTime {
                nanos: 980_000_000,
                ..CpuTime::default()
            }),
            ..Figures::default()
        };
        for (stage, mean) in [
            (Stage::Read, 1020),
            (Stage::Parse, 120),
            (Stage::Handle, 60),
            (Stage::Serialise, 80),
            (Stage::Write, 5020),
        ] {
            figures.stages[stage as usize] = timed(mean);
        }
        figures
    }

    const COSTS: Costs = Costs {
        clock: 20.0,
        cpu_clock: 200.0,
    };

    fn row(entry: &Entry, name: &str) -> Option<f64> {
        match entry.at(name) {
            Some(Entry::Number(number)) => *number,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn parts_are_means_times_how_many_a_request_needs() {
        let entry = explained(&busy(), SECOND, 1, COSTS);
        for (name, expected) in [
            ("measured", 980_000.0),
            ("read", 100.0),
            ("parse", 100.0),
            ("handle", 40.0),
            ("serialise", 60.0),
            ("write", 500.0),
            ("poll", 100.0),
            ("explained", 900.0),
            ("unexplained", 979_100.0),
            ("explained_percent", 0.0918),
        ] {
            assert_eq!(row(&entry, name), Some(expected), "{name}");
        }
        assert!(matches!(
            entry.at("not_explained_because"),
            Some(Entry::Said(None))
        ));
    }

    #[test]
    fn a_reactor_that_sleeps_is_not_explained() {
        for (figures, span, reactors, part) in [
            (busy(), 2 * SECOND, 1, "49.0 %"),
            (busy(), SECOND, 2, "49.0 %"),
            (
                Figures {
                    cpu: None,
                    ..busy()
                },
                SECOND,
                1,
                "is not known",
            ),
            (
                Figures {
                    poll_time: Timed::default(),
                    ..busy()
                },
                SECOND,
                1,
                "no poll has been timed",
            ),
        ] {
            let entry = explained(&figures, span, reactors, COSTS);
            assert_eq!(row(&entry, "explained"), None);
            assert_eq!(row(&entry, "explained_percent"), None);
            let Some(Entry::Said(Some(reason))) = entry.at("not_explained_because") else {
                panic!("no reason in {entry:?}");
            };
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn a_mean_below_the_cost_of_its_reading_is_nothing() {
        let timed = Timed { count: 2, sum: 30 };
        assert_eq!(stage_mean(timed, 20.0), Some(0.0));
        assert_eq!(stage_mean(Timed::default(), 20.0), None);
    }
}
