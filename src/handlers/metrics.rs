//! `/metrics`: the accounts in Prometheus' text format, version 0.0.4, from the same counters as
//! `/stats` and `/accounts`. Nothing is counted for it: who is not scraped pays nothing.
//!
//! Every counter has one writer and never goes down; within a histogram all counts are of one
//! reading, so `+Inf` and `_count` are the same number. Two metrics may be a moment apart. What is
//! not known is left out: a 0 would be a value.
//!
//! A metric has one label at most, its reactor or its kind (and `le`). Both at once would be dozens
//! of series more for each reactor, of figures that `/accounts` tells by reactor. Absent too is
//! `_created`, and OpenMetrics as a second format: 0.0.4 is what every scraper reads.

use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use prometheus::proto::MetricFamily;

use super::groups::{self, Named};
use super::units::float;
use crate::accounts::{
    Accounts, COUNTS, CpuTime, Figures, Stage, descriptors_max, memory_row, open_descriptors,
    process_cpu_time,
};
use crate::config::Config;
use crate::http::{ContentType, Response};

mod exposition;

use exposition::{family, histogram};

/// The media type, with the version of the format that a scraper chooses its parser by.
const TEXT: ContentType = ContentType::Other("text/plain; version=0.0.4; charset=utf-8");

/// 8 us to 1.07 s, each twice the one before.
const RESPONSE_TIME_BITS: [u32; 18] = [
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
];

/// 255 ns to 268 ms, each four times the one before: there is a histogram for every stage.
const STAGE_BITS: [u32; 11] = [8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28];

/// `GET /metrics`. It reads `/proc` for the process and for each reactor's thread, which holds up
/// the reactor that serves it, as `/accounts` does.
pub(super) fn reply(accounts: &Accounts, config: &Config) -> Response {
    let since_start = accounts.since_start();
    let mut families = server(accounts, config);
    families.extend(by_reactor(&since_start.reactors));
    families.extend(by_kind(&since_start.sum()));
    families.extend(times(accounts));
    families.extend(process(accounts));
    match exposition::text(families) {
        Ok(text) => Response::bytes(TEXT, text.into_bytes()),
        Err(refused) => refused,
    }
}

fn server(accounts: &Accounts, config: &Config) -> Vec<MetricFamily> {
    let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
    let draining = u8::from(accounts.draining.load(Relaxed));
    vec![
        family(
            "barewire_build_info",
            "Always 1; the version that runs is in the label.",
            [(Some(version), 1.0)],
        ),
        family(
            "barewire_draining",
            "1 once the server has begun to leave, 0 before.",
            [(None, draining.into())],
        ),
        family(
            "barewire_sampling_ratio",
            "The share of requests that are timed; 0 if none is.",
            [(None, sampling_ratio(config))],
        ),
    ]
}

/// What the stopwatch takes: every request if the answers are told, else one in `sample`.
fn sampling_ratio(config: &Config) -> f64 {
    match config.sample {
        _ if config.server_timing => 1.0,
        0 => 0.0,
        every => 1.0 / f64::from(every),
    }
}

/// What tells one reactor from another: its counts, and the CPU time of its thread.
fn by_reactor(reactors: &[Figures]) -> Vec<MetricFamily> {
    let each = |name: &str, help: &str, value: &dyn Fn(&Figures) -> Option<f64>| {
        let numbered = reactors.iter().enumerate();
        let known = numbered.filter_map(|(number, figures)| Some((number, value(figures)?)));
        let label = |number: usize| Some(("reactor", number.to_string()));
        family(
            name,
            help,
            known.map(|(number, value)| (label(number), value)),
        )
    };
    let counts = COUNTS.iter();
    let counts = counts.map(|it| each(it.metric, it.help, &|of| Some(float((it.of)(of)))));
    let seconds = |ticks: u64| float(ticks * CpuTime::tick_ms()) / 1e3;
    let cpu = [
        each(
            "barewire_cpu_seconds_total",
            "CPU time of the reactor's thread, user and system, as the scheduler counts it.",
            &|figures| Some(float(figures.cpu?.nanos) / 1e9),
        ),
        each(
            "barewire_cpu_user_seconds_total",
            "The part of it in user space, known to a clock tick.",
            &|figures| Some(seconds(figures.cpu?.user_ticks)),
        ),
        each(
            "barewire_cpu_system_seconds_total",
            "The part of it in the kernel, known to a clock tick.",
            &|figures| Some(seconds(figures.cpu?.system_ticks)),
        ),
    ];
    counts.chain(cpu).collect()
}

/// What tells one kind from another, of all reactors together.
fn by_kind(all: &Figures) -> [MetricFamily; 7] {
    let each = |name: &str, help: &str, label: &'static str, kinds: Named| {
        let samples = kinds.into_iter();
        let samples = samples.map(|(kind, count)| (Some((label, kind.to_owned())), float(count)));
        family(name, help, samples)
    };
    [
        each(
            "barewire_responses_total",
            "Answers by the class of their status.",
            "status",
            groups::status(all),
        ),
        each(
            "barewire_route_requests_total",
            "Requests by the pattern of their route; what was refused before, or found none, has \
             none.",
            "route",
            groups::routes(all),
        ),
        each(
            "barewire_refusals_total",
            "Requests that were refused, and connections that the server ended.",
            "reason",
            groups::refusals(all),
        ),
        each(
            "barewire_wakeups_total",
            "Times that a connection was looked at, by the cause.",
            "cause",
            groups::wakeups(all),
        ),
        each(
            "barewire_copied_bytes_total",
            "Bytes copied in user space, by the place.",
            "place",
            groups::copies(all),
        ),
        each(
            "barewire_eagains_total",
            "Calls that found nothing to do (EAGAIN).",
            "call",
            groups::eagains(all),
        ),
        each(
            "barewire_allocations_total",
            "Allocations and reallocations of the reactors, by the stage of the request.",
            "stage",
            groups::allocations(all).unwrap_or_default(),
        ),
    ]
}

fn times(accounts: &Accounts) -> [MetricFamily; 2] {
    let response_time = accounts.merged(|reactor| &reactor.response_time);
    let stages = Stage::ALL.map(|(stage, name)| {
        let times = accounts.merged(|reactor| &reactor.stages[stage as usize]);
        (Some(("stage", name.to_owned())), times)
    });
    [
        histogram(
            "barewire_response_time_seconds",
            "From poll's return to send's return: of the sampled requests \
             (barewire_sampling_ratio), and of every one whose answer was deferred to a timer or a \
             job.",
            &RESPONSE_TIME_BITS,
            [(None, response_time)],
        ),
        histogram(
            "barewire_stage_seconds",
            "Stages of the sampled requests (barewire_sampling_ratio); each has one reading of the \
             clock in it, some 25 ns.",
            &STAGE_BITS,
            stages,
        ),
    ]
}

/// Under the names that the client libraries of Prometheus have given them.
fn process(accounts: &Accounts) -> [MetricFamily; 5] {
    let told =
        |name, help, value: Option<f64>| family(name, help, value.map(|value| (None, value)));
    let started = accounts.process.started_at().duration_since(UNIX_EPOCH);
    [
        told(
            "process_cpu_seconds_total",
            "CPU time of all threads, user and system.",
            Some(process_cpu_time().as_secs_f64()),
        ),
        told(
            "process_resident_memory_bytes",
            "Resident memory.",
            memory_row("VmRSS").map(float),
        ),
        told(
            "process_open_fds",
            "Open file descriptors (Linux 6.2 and later).",
            open_descriptors().map(float),
        ),
        told(
            "process_max_fds",
            "The limit of open file descriptors.",
            descriptors_max().map(float),
        ),
        told(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970.",
            started.ok().map(|since| since.as_secs_f64()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Copied, Refusal, Woken};
    use crate::handlers::TABLE;
    use crate::handlers::testing::{Answer, Exam};
    use crate::http::Method;

    fn scrape(exam: &Exam) -> String {
        let answer = exam.get("/metrics");
        assert_eq!(answer.status, 200);
        let media_type = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(answer.field("Content-Type"), Some(media_type));
        answer.text().to_owned()
    }

    /// The lines of a metric, HELP and TYPE included.
    fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let marks = [format!("# HELP {name} "), format!("# TYPE {name} ")];
        let is_sample = |line: &str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let is_mark = |line: &str| marks.iter().any(|mark| line.starts_with(mark.as_str()));
        text.lines()
            .filter(|line| is_sample(line) || is_mark(line))
            .collect()
    }

    #[test]
    fn each_reactor_has_a_series() {
        let exam = Exam::new();
        exam.accounts.reactors[0].requests.add(5);
        exam.accounts.reactors[1].requests.add(1 << 53);
        exam.accounts.reactors[1].connections.add(7);
        let text = scrape(&exam);
        let requests = [
            "# HELP barewire_requests_total Requests answered, refusals included.",
            "# TYPE barewire_requests_total counter",
            "barewire_requests_total{reactor=\"0\"} 5",
            "barewire_requests_total{reactor=\"1\"} 9007199254740992",
        ];
        assert_eq!(lines(&text, "barewire_requests_total"), requests);
        let open = [
            "# HELP barewire_open_connections Connections that are open now.",
            "# TYPE barewire_open_connections gauge",
            "barewire_open_connections{reactor=\"0\"} 0",
            "barewire_open_connections{reactor=\"1\"} 7",
        ];
        assert_eq!(lines(&text, "barewire_open_connections"), open);
    }

    #[test]
    fn kinds_are_those_of_all_reactors() {
        let exam = Exam::new();
        for account in &exam.accounts.reactors {
            account.status_classes[1].add(2);
            account.status_classes[4].add(1);
            account.refusals[Refusal::Idle as usize].add(3);
            account.wakeups[Woken::Timer as usize].add(4);
            account.bytes_copied[Copied::Head as usize].add(5);
        }
        exam.get("/json");
        let text = scrape(&exam);
        for (name, sample) in [
            ("barewire_responses_total", "{status=\"2xx\"} 4"),
            ("barewire_responses_total", "{status=\"5xx\"} 2"),
            ("barewire_refusals_total", "{reason=\"idle\"} 6"),
            ("barewire_wakeups_total", "{cause=\"timer\"} 8"),
            ("barewire_copied_bytes_total", "{place=\"head\"} 10"),
            ("barewire_route_requests_total", "{route=\"/json\"} 1"),
            (
                "barewire_route_requests_total",
                "{route=\"/cache/{key}\"} 0",
            ),
        ] {
            let sample = format!("{name}{sample}");
            assert!(lines(&text, name).contains(&sample.as_str()), "{sample}");
        }
        let series = |name| lines(&text, name).len() - 2;
        assert_eq!(series("barewire_responses_total"), 4);
        assert_eq!(series("barewire_refusals_total"), Refusal::COUNT);
        assert_eq!(series("barewire_route_requests_total"), TABLE.len());
    }

    #[test]
    fn times_are_those_of_all_reactors() {
        let exam = Exam::new();
        for (reactor, time) in [(0, 8_191), (0, 8_192), (1, 16_383), (1, 2_000_000_000)] {
            exam.accounts.reactors[reactor].response_time.record(time);
        }
        exam.accounts.reactors[1].stages[Stage::Parse as usize].record(300);
        let text = scrape(&exam);
        let buckets = lines(&text, "barewire_response_time_seconds_bucket");
        let first = "barewire_response_time_seconds_bucket{le=\"0.000008191\"} 1";
        let second = "barewire_response_time_seconds_bucket{le=\"0.000016383\"} 3";
        assert_eq!(buckets[..2], [first, second]);
        let last = "barewire_response_time_seconds_bucket{le=\"1.073741823\"} 3";
        let all = "barewire_response_time_seconds_bucket{le=\"+Inf\"} 4";
        assert_eq!(buckets[RESPONSE_TIME_BITS.len() - 1..], [last, all]);
        for line in [
            "barewire_response_time_seconds_sum 2.000032766",
            "barewire_response_time_seconds_count 4",
            "barewire_stage_seconds_bucket{stage=\"parse\",le=\"0.000000255\"} 0",
            "barewire_stage_seconds_bucket{stage=\"parse\",le=\"0.000001023\"} 1",
            "barewire_stage_seconds_sum{stage=\"parse\"} 0.0000003",
            "barewire_stage_seconds_count{stage=\"parse\"} 1",
            "barewire_stage_seconds_count{stage=\"write\"} 0",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let exam = Exam::new();
        // The threads of its reactors have not begun, and no allocator counts in this test.
        let text = scrape(&exam);
        for name in [
            "barewire_cpu_seconds_total",
            "barewire_cpu_user_seconds_total",
            "barewire_allocations_total",
        ] {
            assert_eq!(lines(&text, name), [""; 0], "{name}");
        }
        exam.accounts.reactors[1].owner.take_over();
        let text = scrape(&exam);
        let known = lines(&text, "barewire_cpu_seconds_total");
        let value = known[2].strip_prefix("barewire_cpu_seconds_total{reactor=\"1\"} ");
        assert!(value.unwrap().parse::<f64>().unwrap() >= 0.0);
        assert_eq!(known.len(), 3, "the other one's is not known");
    }

    #[test]
    fn what_the_server_is_and_whether_it_leaves() {
        let exam = Exam::new();
        let version = format!(
            "barewire_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        );
        let text = scrape(&exam);
        assert_eq!(lines(&text, "barewire_build_info")[2], version);
        assert_eq!(lines(&text, "barewire_draining")[2], "barewire_draining 0");
        let ratio = "barewire_sampling_ratio 0.015625";
        assert_eq!(lines(&text, "barewire_sampling_ratio")[2], ratio);
        exam.draining().store(true, Relaxed);
        let text = scrape(&exam);
        assert_eq!(lines(&text, "barewire_draining")[2], "barewire_draining 1");
    }

    #[test]
    fn the_share_that_is_timed_is_the_stopwatchs() {
        let ratio = |sample, server_timing| {
            let config = Config {
                sample,
                server_timing,
                ..Config::default()
            };
            let answer = Answer::of(reply(&Accounts::new(1), &config), Method::Get);
            lines(answer.text(), "barewire_sampling_ratio")[2].to_owned()
        };
        assert_eq!(ratio(0, false), "barewire_sampling_ratio 0");
        assert_eq!(ratio(1, false), "barewire_sampling_ratio 1");
        assert_eq!(ratio(0, true), "barewire_sampling_ratio 1");
    }

    #[test]
    fn the_process_is_told_by_the_kernel() {
        let text = scrape(&Exam::new());
        let value = |name| -> f64 {
            let line = lines(&text, name)[2];
            line.rsplit_once(' ').unwrap().1.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_cpu_seconds_total") > 0.0);
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let since = now - value("process_start_time_seconds");
        assert!((-60.0..3600.0).contains(&since), "{since}");
        // Both are left out where the kernel has no number.
        if open_descriptors().is_some() && descriptors_max().is_some() {
            let open = value("process_open_fds");
            assert!(open > 2.0 && open <= value("process_max_fds"), "{open}");
        }
    }
}
