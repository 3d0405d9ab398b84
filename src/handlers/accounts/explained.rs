//! How much of the CPU time of a request is accounted for by what was timed.
//!
//! The stages are timed by the wall clock, the polls by the thread's CPU clock, and the whole by
//! the scheduler (`schedstat`). A stage that is interrupted counts the interruption, and a reactor
//! that sleeps is charged for falling asleep and waking up: so the sum is compared only if the
//! reactors had the cores to themselves and hardly slept, which is to say were busy for 95 % of the
//! time.

use std::time::Duration;

use serde_json::Value;

use super::Costs;
use crate::accounts::{Figures, Stage, Timed};
use crate::handlers::groups::object;
use crate::handlers::units::{decimals, float, nanoseconds, per};

/// Percent of the time. Below, the reactors sleep: for want of requests, or while answers wait that
/// were put off.
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
pub(super) fn explained(figures: &Figures, span: Duration, reactors: usize, costs: Costs) -> Value {
    let requests = float(figures.requests);
    let measured = figures.cpu.and_then(|cpu| per(float(cpu.nanos), requests));
    let parts = parts(figures, costs);
    let reason = reason(&parts, busy_percent(figures, span, reactors));
    let sum = parts.iter().map(|(_, nanos)| *nanos).sum::<Option<f64>>();
    let sum = sum.filter(|_| reason.is_none());
    let both = measured.zip(sum);
    let rows = [
        ("explained", sum),
        ("unexplained", both.map(|(whole, sum)| whole - sum)),
        (
            "explained_percent",
            both.map(|(whole, sum)| 100.0 * sum / whole),
        ),
    ];
    let rows = [("measured", measured)]
        .into_iter()
        .chain(parts)
        .chain(rows);
    let mut shown = object(rows.map(|(name, number)| (name, number.map(decimals))));
    shown["not_explained_because"] = reason.into();
    shown
}

fn parts(figures: &Figures, costs: Costs) -> [(&'static str, Option<f64>); 6] {
    let requests = figures.requests;
    let part = |timed: Timed, times: u64, reading: f64| {
        let mean = stage_mean(timed, reading)?;
        (requests > 0).then(|| mean * float(times) / float(requests))
    };
    let stage = |stage: Stage, times| part(figures.stages[stage as usize], times, costs.clock);
    [
        ("read", stage(Stage::Read, figures.reads)),
        ("parse", stage(Stage::Parse, requests)),
        ("handle", stage(Stage::Handle, requests)),
        ("serialise", stage(Stage::Serialise, requests)),
        ("write", stage(Stage::Write, figures.writes)),
        (
            "poll",
            part(figures.poll_time, figures.turns, costs.cpu_clock),
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

    #[test]
    fn parts_are_means_times_how_many_a_request_needs() {
        let shown = explained(&busy(), SECOND, 1, COSTS);
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
            assert_eq!(shown[name], expected, "{name}");
        }
        assert!(shown["not_explained_because"].is_null());
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
            let shown = explained(&figures, span, reactors, COSTS);
            assert!(shown["explained"].is_null() && shown["explained_percent"].is_null());
            let reason = shown["not_explained_because"].as_str().expect("a reason");
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
