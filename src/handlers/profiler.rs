//! `/profiled` and `/profiler-stats`: stages of requests, timed into histograms of fixed size.
//!
//! Each reactor records into histograms of its own, which are merged when somebody asks: no lock,
//! and no vector that grows with every call. The server's own stages are timed by the reactors, in
//! one request of `--sample`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::units::{median, nanoseconds};
use crate::accounts::{Accounts, Histogram, Snapshot, Stage};
use crate::config::bounds::{MEASUREMENT_PAIRS, PROFILED_STEPS};
use crate::config::{Limits, Techniques};
use crate::http::parse::{Parser, Partial, Slots};
use crate::http::{ContentType, Reply, Request, Response, Status};

/// The handler's own stages, as the article names them.
const STAGES: [&str; 3] = [
    "request_parsing",
    "business_logic",
    "response_serialization",
];
const PARSING: usize = 0;
const LOGIC: usize = 1;
const SERIALISATION: usize = 2;

/// What `/profiled` timed, on each reactor.
pub(super) struct Profiler {
    reactors: Box<[Stages]>,
    /// One request in this many has the server's stages timed; 0: none.
    sample: u32,
}

/// One reactor's histograms, in nanoseconds; no other reactor writes to their cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Stages([Histogram; STAGES.len()]);

#[derive(Serialize)]
struct Profiled {
    uri: String,
    headers_count: usize,
    computation_result: u64,
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct Report {
    profiler_stats: Vec<FunctionStats>,
    total_functions_tracked: usize,
    analysis_timestamp: Timestamp,
    /// The median of many pairs of clock readings with nothing between them: what each time above
    /// includes.
    measurement_cost_ns: u64,
}

/// One stage. Times are `null` if it was never timed. Percentiles are known to within 6 %; the rest
/// is exact.
#[derive(Serialize)]
struct FunctionStats {
    function_name: &'static str,
    call_count: u64,
    total_time_ns: u64,
    avg_time_ns: Option<f64>,
    min_time_ns: Option<u64>,
    max_time_ns: Option<u64>,
    p50: Option<u64>,
    p99: Option<u64>,
    p999: Option<u64>,
    /// One call in this many is timed; 0: none.
    timed_one_in: u32,
}

/// `GET /profiled`.
///
/// The server had parsed this request before the handler saw it. To time parsing by itself, the
/// handler parses its own head once more, under the clock.
///
/// # Errors
///
/// What the parser rejects; it took the same bytes before.
pub(super) fn profiled(
    profiler: &Arc<Profiler>,
    limits: &Limits,
    request: &Request<'_>,
) -> Result<Reply, Response> {
    let (mut parser, mut slots) = (Parser::new(limits), Slots::default());
    let started = Instant::now();
    let head = parser.head(
        request.head,
        &mut Partial::default(),
        &mut slots,
        &Techniques::FULL,
    )?;
    profiler.record(request.worker, PARSING, started.elapsed());
    let Some(head) = head else {
        let sentence = "the head ended when it was parsed first, and did not end now";
        return Err(Response::error(Status::INTERNAL_SERVER_ERROR, sentence));
    };
    Ok(respond(profiler, request.worker, &head.request).into())
}

/// `GET /profiler-stats`.
pub(super) fn stats(profiler: &Profiler, accounts: &Accounts) -> Response {
    let own = STAGES.iter().enumerate().map(|(stage, name)| {
        let times = profiler.times(stage);
        FunctionStats::of(name, &times, 1)
    });
    let servers = Stage::ALL.iter().map(|&(stage, name)| {
        let times = accounts.merged(|reactor| &reactor.stages[stage as usize]);
        FunctionStats::of(name, &times, profiler.sample)
    });
    let profiler_stats: Vec<_> = own.chain(servers).collect();
    Response::json(Report {
        total_functions_tracked: profiler_stats.len(),
        profiler_stats,
        analysis_timestamp: Timestamp::now(),
        measurement_cost_ns: measurement_cost_ns(),
    })
}

impl Profiler {
    /// Empty histograms for so many reactors, and how often these time the server's own stages.
    pub(super) fn new(reactors: usize, sample: u32) -> Self {
        Self {
            reactors: (0..reactors.max(1)).map(|_| Stages::default()).collect(),
            sample,
        }
    }

    /// A stage on all reactors together.
    fn times(&self, stage: usize) -> Snapshot {
        Snapshot::merged(self.reactors.iter().map(|stages| &stages.0[stage]))
    }

    fn record(&self, worker: usize, stage: usize, took: Duration) {
        let stages = &self.reactors[worker % self.reactors.len()];
        stages.0[stage].record(nanoseconds(took));
    }
}

/// The computation, and an answer whose serialisation is timed where it happens: in the output, by
/// the reactor.
fn respond(profiler: &Arc<Profiler>, worker: usize, request: &Request<'_>) -> Response {
    let started = Instant::now();
    let computation_result = sum_of_squares(PROFILED_STEPS);
    profiler.record(worker, LOGIC, started.elapsed());
    let answer = Profiled {
        uri: target(request),
        headers_count: request.fields.len(),
        computation_result,
        timestamp: Timestamp::now(),
    };
    let profiler = Arc::clone(profiler);
    Response::written(ContentType::Json, move |out| {
        let started = Instant::now();
        serde_json::to_writer(out, &answer).expect("an answer's type serialises to JSON");
        profiler.record(worker, SERIALISATION, started.elapsed());
    })
}

impl FunctionStats {
    fn of(function_name: &'static str, times: &Snapshot, timed_one_in: u32) -> Self {
        let any = times.count > 0;
        Self {
            function_name,
            call_count: times.count,
            total_time_ns: times.sum,
            avg_time_ns: times.mean(),
            min_time_ns: any.then_some(times.min),
            max_time_ns: any.then_some(times.max),
            p50: times.percentile(0.5),
            p99: times.percentile(0.99),
            p999: times.percentile(0.999),
            timed_one_in,
        }
    }
}

/// The article's loop. Without `black_box` the compiler knows the sum and there is no loop.
fn sum_of_squares(steps: u64) -> u64 {
    (0..steps).fold(0, |sum: u64, step| {
        let step = black_box(step);
        sum.wrapping_add(step * step)
    })
}

/// The path and the query as they came.
fn target(request: &Request<'_>) -> String {
    match request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.to_owned(),
    }
}

/// The median of many pairs of clock readings with nothing between them.
pub(super) fn measurement_cost_ns() -> u64 {
    median::<MEASUREMENT_PAIRS>(|| {
        let started = Instant::now();
        nanoseconds(black_box(started).elapsed())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, Exam, request, settle};
    use crate::http::Method;

    #[test]
    fn the_answer_is_about_the_request() {
        let answer = Exam::new().get("/profiled");
        assert_eq!(
            answer.names(),
            ["computation_result", "headers_count", "timestamp", "uri"]
        );
        let body = answer.json();
        assert_eq!(
            (&body["uri"], &body["headers_count"]),
            (&"/profiled?x=1".into(), &2.into())
        );
        assert_eq!(body["computation_result"], 333_283_335_000_u64);
        assert!(
            body["timestamp"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
    }

    #[test]
    fn each_stage_is_timed_where_it_happens() {
        let profiler = Arc::new(Profiler::new(2, 64));
        let counts = || [PARSING, LOGIC, SERIALISATION].map(|stage| count(&profiler, stage));
        let mut asked = request(Method::Get, "/profiled");
        asked.worker = 1;
        let reply = profiled(&profiler, &Limits::default(), &asked).unwrap();
        assert_eq!(counts(), [1, 1, 0]);
        Answer::of(settle(reply), Method::Get);
        assert_eq!(counts(), [1, 1, 1]);
        assert_eq!(profiler.reactors[0].0[LOGIC].snapshot().count, 0);
    }

    fn count(profiler: &Profiler, stage: usize) -> u64 {
        profiler.times(stage).count
    }

    #[test]
    fn all_stages_of_all_reactors_are_merged() {
        let exam = Exam::new();
        exam.routes
            .profiler
            .record(0, PARSING, Duration::from_nanos(100));
        exam.routes
            .profiler
            .record(1, PARSING, Duration::from_nanos(300));
        exam.accounts.reactors[1].stages[Stage::Write as usize].record(5_000);
        let body = exam.get("/profiler-stats").json();
        let rows = body["profiler_stats"].as_array().unwrap();
        assert_eq!(body["total_functions_tracked"], rows.len());
        let names: Vec<_> = rows
            .iter()
            .map(|row| row["function_name"].as_str().unwrap())
            .collect();
        assert_eq!(names[..3], STAGES);
        assert_eq!(
            names[3..],
            [
                "wait",
                "read",
                "parse",
                "handle",
                "serialise",
                "write",
                "rest"
            ]
        );
        let parsing = &rows[PARSING];
        assert_eq!(
            (&parsing["call_count"], &parsing["total_time_ns"]),
            (&2.into(), &400.into())
        );
        assert_eq!(
            (&parsing["avg_time_ns"], &parsing["timed_one_in"]),
            (&200.0.into(), &1.into())
        );
        assert_eq!(
            (&parsing["min_time_ns"], &parsing["max_time_ns"]),
            (&100.into(), &300.into())
        );
        assert_eq!(
            (&rows[8]["p999"], &rows[8]["timed_one_in"]),
            (&5_000.into(), &64.into())
        );
        assert!(rows[LOGIC]["avg_time_ns"].is_null() && rows[LOGIC]["p50"].is_null());
    }

    #[test]
    fn a_measurement_has_a_cost() {
        let body = Exam::new().get("/profiler-stats").json();
        assert!(body["measurement_cost_ns"].as_u64() > Some(0));
        assert!(
            body["analysis_timestamp"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
    }
}
