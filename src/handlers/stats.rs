//! `/stats`: what the server did, read from the reactors' accounts while they go on counting.
//!
//! A value that is not known is `null`: a time before any was measured, a rate over a second that
//! has not passed yet, memory where the system does not tell. Reading /proc/self/status holds the
//! reactor up for some 20 us.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::units::{float, ratio};
use crate::accounts::{Accounts, Counter, ReactorAccount, Refusal, Sample, memory_row, total};
use crate::config::Config;
use crate::http::Response;
use crate::techniques;

/// All reactors together. Times are from poll's return to send's return, of sampled requests and of
/// all deferred ones. `requests_per_second` is the last whole second's, before one has passed the
/// mean since the start. `techniques_off` names those that are on by default and were taken away;
/// `techniques_changed` has all others that differ from their default, by name, with their value as
/// `barewire techniques` shows it.
#[derive(Serialize)]
struct Stats {
    total_requests: u64,
    average_response_time_us: Option<f64>,
    requests_per_second: f64,
    memory_usage: Option<u64>,
    cpu_usage: Option<f64>,
    response_time_us: ResponseTime,
    requests_per_second_1s: Option<f64>,
    requests_per_second_10s: Option<f64>,
    requests_per_second_since_start: f64,
    memory_peak: Option<u64>,
    uptime_seconds: f64,
    draining: bool,
    connections: u64,
    panics: u64,
    refusals: Named<{ Refusal::COUNT }>,
    #[serde(flatten)]
    techniques: Changed,
    reactors: Vec<ReactorRow>,
}

/// Which techniques differ from their default, found once: they cannot change while serving.
#[derive(Clone, Serialize)]
pub(super) struct Changed {
    techniques_off: Vec<&'static str>,
    techniques_changed: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct ResponseTime {
    measured: u64,
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

/// Counts by name, as an object.
struct Named<const N: usize>([(&'static str, u64); N]);

#[derive(Serialize)]
struct ReactorRow {
    reactor: usize,
    connections: u64,
    accepted: u64,
    requests: u64,
    status: Named<4>,
    turns: u64,
    events: u64,
    events_per_turn: Option<f64>,
    wakeups: u64,
    stale_wakeups: u64,
    accepts: u64,
    reads: u64,
    writes: u64,
    registrations: u64,
    eagains: u64,
    short_writes: u64,
    bytes_in: u64,
    bytes_out: u64,
    bytes_copied: u64,
    pool_hits: u64,
    pool_misses: u64,
    buffer_bytes: u64,
    timers_set: u64,
    timers_fired: u64,
    jobs: u64,
    panics: u64,
    accept_pauses: u64,
    resets: u64,
}

/// `GET /stats`.
pub(super) fn reply(accounts: &Accounts, techniques: &Changed) -> Response {
    let total_requests = accounts.sum(|reactor| &reactor.requests);
    let uptime = accounts.process.uptime().as_secs_f64();
    let last_second = accounts.process.window(Duration::from_secs(1));
    let last_ten = accounts.process.window(Duration::from_secs(10));
    let since_start = ratio(float(total_requests), uptime);
    let response_time = ResponseTime::of(accounts);
    Response::json(Stats {
        total_requests,
        average_response_time_us: response_time.mean,
        requests_per_second: last_second.map_or(since_start, requests_per_second),
        memory_usage: memory_row("VmRSS"),
        cpu_usage: last_second.map(cpu_percent),
        response_time_us: response_time,
        requests_per_second_1s: last_second.map(requests_per_second),
        requests_per_second_10s: last_ten.map(requests_per_second),
        requests_per_second_since_start: since_start,
        memory_peak: memory_row("VmHWM"),
        uptime_seconds: uptime,
        draining: accounts.draining.load(Relaxed),
        connections: accounts.sum(|reactor| &reactor.connections),
        panics: accounts.sum(|reactor| &reactor.panics),
        refusals: refusals(accounts),
        techniques: techniques.clone(),
        reactors: rows(accounts),
    })
}

impl Changed {
    /// Those of this configuration.
    pub(super) fn of(config: &Config) -> Self {
        let (off, changed): (Vec<_>, Vec<_>) =
            techniques::changed(config).partition(|(_, switch, value)| value == switch.off);
        Self {
            techniques_off: off.iter().map(|(technique, ..)| technique.name).collect(),
            techniques_changed: changed
                .into_iter()
                .map(|(technique, _, value)| (technique.name, value))
                .collect(),
        }
    }
}

impl ResponseTime {
    fn of(accounts: &Accounts) -> Self {
        let times = accounts.merged(|reactor| &reactor.response_time);
        let percentile = |share| times.percentile(share).map(|time| float(time) / 1e3);
        Self {
            measured: times.count,
            mean: times.mean().map(|nanoseconds| nanoseconds / 1e3),
            p50: percentile(0.5),
            p90: percentile(0.9),
            p99: percentile(0.99),
            p999: percentile(0.999),
            max: percentile(1.0),
        }
    }
}

impl<const N: usize> Serialize for Named<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

fn rows(accounts: &Accounts) -> Vec<ReactorRow> {
    let reactors = accounts.reactors.iter().enumerate();
    reactors
        .map(|(reactor, account)| row(reactor, account))
        .collect()
}

fn row(reactor: usize, account: &ReactorAccount) -> ReactorRow {
    let turns = account.turns.get();
    let events = account.events.get();
    ReactorRow {
        reactor,
        connections: account.connections.get(),
        accepted: account.accepted.get(),
        requests: account.requests.get(),
        status: status_classes(account),
        turns,
        events,
        events_per_turn: (turns > 0).then(|| ratio(float(events), float(turns))),
        wakeups: total(&account.wakeups),
        stale_wakeups: account.stale_wakeups.get(),
        accepts: account.accepts.get(),
        reads: account.reads.get(),
        writes: account.writes.get(),
        registrations: account.registrations.get(),
        eagains: total(&account.eagains),
        short_writes: account.short_writes.get(),
        bytes_in: account.bytes_in.get(),
        bytes_out: account.bytes_out.get(),
        bytes_copied: total(&account.bytes_copied),
        pool_hits: account.pool_hits.get(),
        pool_misses: account.pool_misses.get(),
        buffer_bytes: account.buffer_bytes.get(),
        timers_set: account.timers_set.get(),
        timers_fired: account.timers_fired.get(),
        jobs: account.jobs.get(),
        panics: account.panics.get(),
        accept_pauses: account.accept_pauses.get(),
        resets: account.resets.get(),
    }
}

/// Answers by class; 1xx is no answer.
fn status_classes(account: &ReactorAccount) -> Named<4> {
    let [_, rest @ ..] = account.status_classes.each_ref().map(Counter::get);
    let names = ["2xx", "3xx", "4xx", "5xx"];
    Named(std::array::from_fn(|class| (names[class], rest[class])))
}

fn refusals(accounts: &Accounts) -> Named<{ Refusal::COUNT }> {
    Named(Refusal::ALL.map(|(refusal, name)| {
        let count = accounts.sum(|reactor| &reactor.refusals[refusal as usize]);
        (name, count)
    }))
}

fn requests_per_second((earlier, latest): (Sample, Sample)) -> f64 {
    let requests = latest.requests.saturating_sub(earlier.requests);
    ratio(float(requests), (latest.at - earlier.at).as_secs_f64())
}

/// Of one core: two busy threads are 200.
fn cpu_percent((earlier, latest): (Sample, Sample)) -> f64 {
    let used = latest.cpu.saturating_sub(earlier.cpu).as_secs_f64();
    used / (latest.at - earlier.at).as_secs_f64() * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::Exam;

    #[test]
    fn the_sums_and_rows_are_those_of_the_accounts() {
        let exam = Exam::new();
        let [first, second] = &exam.accounts.reactors[..] else {
            panic!("two reactors");
        };
        first.requests.add(5);
        second.requests.add(2);
        second.turns.add(4);
        second.events.add(10);
        second.status_classes[1].add(2);
        first.refusals[Refusal::Idle as usize].add(3);
        second.panics.add(1);
        first.connections.add(7);
        let stats = exam.get("/stats").json();
        assert_eq!(stats["total_requests"], 7);
        assert_eq!(stats["connections"], 7);
        assert_eq!(stats["panics"], 1);
        assert_eq!(stats["refusals"]["idle"], 3);
        assert_eq!(stats["refusals"]["jobs"], 0);
        assert_eq!(stats["refusals"].as_object().unwrap().len(), Refusal::COUNT);
        assert_eq!(stats["draining"], false);
        let rows = stats["reactors"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (&rows[0]["requests"], &rows[1]["requests"]),
            (&5.into(), &2.into())
        );
        assert_eq!(rows[1]["status"]["2xx"], 2);
        assert_eq!(rows[1]["events_per_turn"], 2.5);
        assert!(rows[0]["events_per_turn"].is_null());
    }

    #[test]
    fn techniques_are_told_if_they_differ() {
        let mut config = Config::default();
        let shown = |config: &Config| serde_json::to_value(Changed::of(config)).unwrap();
        let default = shown(&config);
        assert_eq!(default["techniques_off"], serde_json::json!([]));
        assert_eq!(default["techniques_changed"], serde_json::json!({}));
        for (name, value) in [("cursors", "off"), ("event-batching", "16"), ("spin", "50")] {
            let technique = techniques::find(name).unwrap();
            assert!(
                technique.switch().unwrap().set(&mut config, value),
                "{name}"
            );
        }
        let changed = shown(&config);
        assert_eq!(changed["techniques_off"], serde_json::json!(["cursors"]));
        let others = serde_json::json!({"event-batching": "16", "spin": "50"});
        assert_eq!(changed["techniques_changed"], others);
        let stats = Exam::new().get("/stats").json();
        assert_eq!(stats["techniques_off"], serde_json::json!([]));
    }

    #[test]
    fn times_are_those_of_all_reactors() {
        let exam = Exam::new();
        for (reactor, nanoseconds) in [(0, 1_000), (0, 2_000), (1, 3_000), (1, 6_000)] {
            exam.accounts.reactors[reactor]
                .response_time
                .record(nanoseconds);
        }
        let stats = exam.get("/stats").json();
        assert_eq!(stats["average_response_time_us"], 3.0);
        let times = &stats["response_time_us"];
        assert_eq!(
            (&times["measured"], &times["max"]),
            (&4.into(), &6.0.into())
        );
        let p50 = times["p50"].as_f64().unwrap();
        assert!((1.99..2.13).contains(&p50), "{p50}");
        assert_eq!(times["p999"], 6.0);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let stats = Exam::new().get("/stats").json();
        for name in [
            "average_response_time_us",
            "cpu_usage",
            "requests_per_second_1s",
            "requests_per_second_10s",
        ] {
            assert!(stats[name].is_null(), "{name}");
        }
        assert_eq!(stats["requests_per_second"], 0.0);
    }

    #[test]
    fn memory_is_the_kernels_word() {
        let stats = Exam::new().get("/stats").json();
        let (now, peak) = (
            stats["memory_usage"].as_u64(),
            stats["memory_peak"].as_u64(),
        );
        assert!(now > Some(100_000) && peak >= now, "{now:?} {peak:?}");
    }

    #[test]
    fn rates_are_those_of_the_window() {
        let at = std::time::Instant::now();
        let sample = |seconds, requests, cpu_ms| Sample {
            at: at + Duration::from_secs(seconds),
            requests,
            cpu: Duration::from_millis(cpu_ms),
        };
        let window = (sample(0, 1_000, 500), sample(2, 4_000, 1_500));
        assert!((requests_per_second(window) - 1_500.0).abs() < 1e-9);
        assert!((cpu_percent(window) - 50.0).abs() < 1e-9);
    }
}
