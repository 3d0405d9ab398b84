//! `/benchmark`: some computation, then a wait, as a request with a query to a database has them.
//!
//! The wait is an entry in the reactor's timers: no thread sleeps, and the reactor serves others
//! meanwhile. Work that would hold the reactor up is done on the job pool first.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::control::same_origin;
use super::query::Parameters;
use crate::accounts::Counter;
use crate::config::bounds::{
    WAIT_US_DEFAULT, WAIT_US_MAX, WORK_DEFAULT, WORK_INLINE_MAX, WORK_MAX,
};
use crate::http::{Later, Reply, Request, Response, Work};

/// Numbers for requests, unique among all reactors though each counts for itself.
pub(super) struct Ids(Box<[Next]>);

/// What one reactor has given out, in a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Next(Counter);

/// What is known of a request before its wait.
struct Begun {
    entered: Instant,
    request_id: u64,
    wait: Duration,
}

/// `result`: the sum that the article computes, over `?work=` steps. `processing_time_us`: from the
/// handler's beginning to here, the wait included. `waited_us`: from the handler's return to its
/// continuation, what `?wait_us=` really became.
#[derive(Serialize)]
struct Benchmark {
    result: u64,
    processing_time_us: u128,
    request_id: u64,
    timestamp: Timestamp,
    wait_us: u128,
    waited_us: u128,
}

/// `GET /benchmark?work=N&wait_us=N`.
///
/// # Errors
///
/// 400 for a number out of its range, or another parameter; 403 if it would be a job for a page of
/// another origin.
pub(super) fn reply(ids: &Ids, request: &Request<'_>) -> Result<Reply, Response> {
    let entered = Instant::now();
    let parameters = Parameters::of(request, ["work", "wait_us"])?;
    let work = parameters.number("work", 0..=WORK_MAX, WORK_DEFAULT)?;
    let wait_us = parameters.number("wait_us", 0..=WAIT_US_MAX, WAIT_US_DEFAULT)?;
    let is_job = work > WORK_INLINE_MAX;
    if is_job {
        same_origin(request)?;
    }
    let begun = Begun {
        entered,
        request_id: ids.next(request.worker),
        wait: Duration::from_micros(wait_us),
    };
    Ok(if is_job {
        Later::Run(Work::new(move |_| begun.wait_with(compute(work)))).into()
    } else {
        begun.wait_with(compute(work))
    })
}

impl Ids {
    /// Numbers for so many reactors.
    pub(super) fn new(reactors: usize) -> Self {
        Self((0..reactors.max(1)).map(|_| Next::default()).collect())
    }

    /// The next number of a reactor, from 1: with three reactors the first gives 1, 4, 7.
    fn next(&self, worker: usize) -> u64 {
        let reactors = self.0.len();
        let worker = worker % reactors;
        let given = &self.0[worker].0;
        given.add(1);
        (given.get() - 1) * reactors as u64 + worker as u64 + 1
    }
}

impl Begun {
    fn wait_with(self, result: u64) -> Reply {
        if self.wait.is_zero() {
            return self.answer(result, Duration::ZERO).into();
        }
        let wait = self.wait;
        let then = move |waited| self.answer(result, waited).into();
        Later::After(wait, Box::new(then)).into()
    }

    fn answer(&self, result: u64, waited: Duration) -> Response {
        Response::json(Benchmark {
            result,
            processing_time_us: self.entered.elapsed().as_micros(),
            request_id: self.request_id,
            timestamp: Timestamp::now(),
            wait_us: self.wait.as_micros(),
            waited_us: waited.as_micros(),
        })
    }
}

/// The article's loop. Without `black_box` the compiler knows the sum and there is no loop.
fn compute(steps: u64) -> u64 {
    (0..steps).fold(0, |sum: u64, step| sum.wrapping_add(black_box(step) * 2))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::handlers::testing::{Answer, Exam, request, settle, wait_of};
    use crate::http::{Handler, Method};

    #[test]
    fn the_articles_fields_and_two_more() {
        let answer = Exam::new().get("/benchmark");
        assert_eq!(
            answer.names(),
            [
                "processing_time_us",
                "request_id",
                "result",
                "timestamp",
                "wait_us",
                "waited_us"
            ]
        );
        let body = answer.json();
        assert_eq!(body["result"], 999 * 1000);
        assert_eq!(
            (&body["wait_us"], &body["waited_us"]),
            (&100.into(), &100.into())
        );
        assert!(body["processing_time_us"].is_u64());
        let timestamp: Timestamp = body["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(timestamp <= Timestamp::now());
    }

    #[test]
    fn the_wait_is_the_timers_and_its_true_length_is_shown() {
        let ids = Ids::new(1);
        let reply = reply(&ids, &request(Method::Get, "/benchmark?wait_us=2500")).unwrap();
        let Reply::Later(Later::After(wait, then)) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(wait, Duration::from_micros(2500));
        let body = Answer::of(settle(then(Duration::from_micros(2617))), Method::Get).json();
        assert_eq!(
            (&body["wait_us"], &body["waited_us"]),
            (&2500.into(), &2617.into())
        );
    }

    #[test]
    fn no_wait_is_no_timer() {
        let exam = Exam::new();
        let target = request(Method::Get, "/benchmark?wait_us=0&work=3");
        assert!(matches!(exam.routes.handle(&target), Reply::Now(_)));
        let body = exam.get("/benchmark?wait_us=0&work=3").json();
        assert_eq!(
            (&body["result"], &body["waited_us"]),
            (&6.into(), &0.into())
        );
    }

    #[test]
    fn long_work_goes_to_the_job_pool_and_then_waits() {
        let exam = Exam::new();
        let short = exam
            .routes
            .handle(&request(Method::Get, "/benchmark?work=10000"));
        assert_eq!(wait_of(&short), Some(Duration::from_micros(100)));
        let long = exam
            .routes
            .handle(&request(Method::Get, "/benchmark?work=10001"));
        let Reply::Later(Later::Run(work)) = long else {
            panic!("{long:?}");
        };
        let after = work.finish();
        assert_eq!(wait_of(&after), Some(Duration::from_micros(100)));
        let body = Answer::of(settle(after), Method::Get).json();
        assert_eq!(body["result"], 10_000 * 10_001_u64);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let exam = Exam::new();
        for (target, sentence) in [
            (
                "work=1000001",
                "work is '1000001'; it must be a number from 0 to 1000000",
            ),
            (
                "wait_us=10000001",
                "wait_us is '10000001'; it must be a number from 0 to 10000000",
            ),
        ] {
            let answer = exam.get(&format!("/benchmark?{target}"));
            assert_eq!(
                (answer.status, &answer.json()["error"]),
                (400, &sentence.into())
            );
        }
    }

    #[test]
    fn ids_are_unique_among_reactors() {
        let ids = Ids::new(3);
        let mut given: HashSet<u64> = (0..300).map(|n| ids.next(n % 3)).collect();
        assert_eq!(given.len(), 300);
        assert_eq!(given.iter().max(), Some(&300));
        // More of one reactor than of the others, and one that is not counted for.
        given.extend((0..100).map(|_| ids.next(4)));
        assert_eq!(given.len(), 400);
    }
}
