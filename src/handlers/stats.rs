//! `/stats`: what the server did, read from the reactors' accounts while they go on counting.
//!
//! A value that is not known is `null`: a time before any was measured, a rate over a second that
//! has not passed yet, memory where the system does not tell. Reading /proc holds the reactor up
//! for some 20 us, and as long again for each reactor.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::groups::{self, object};
use super::units::{float, ratio};
use crate::accounts::{Accounts, COUNTS, Figures, Window, memory_row};
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
    log_lines_dropped: u64,
    refusals: Value,
    #[serde(flatten)]
    techniques: Changed,
    reactors: Vec<Value>,
}

/// Which techniques differ from their default.
#[derive(Serialize)]
struct Changed {
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

/// `GET /stats`.
pub(super) fn reply(accounts: &Accounts, config: &Config) -> Response {
    let since_start = accounts.since_start();
    let last_second = accounts.history.window(Duration::from_secs(1));
    let last_ten = accounts.history.window(Duration::from_secs(10));
    let sum = since_start.sum();
    let response_time = ResponseTime::of(accounts);
    let reactors = since_start.reactors.iter().enumerate();
    Response::json(Stats {
        total_requests: sum.requests,
        average_response_time_us: response_time.mean,
        requests_per_second: requests_per_second(last_second.as_ref().unwrap_or(&since_start)),
        memory_usage: memory_row("VmRSS"),
        cpu_usage: last_second.as_ref().map(cpu_percent),
        response_time_us: response_time,
        requests_per_second_1s: last_second.as_ref().map(requests_per_second),
        requests_per_second_10s: last_ten.as_ref().map(requests_per_second),
        requests_per_second_since_start: requests_per_second(&since_start),
        memory_peak: memory_row("VmHWM"),
        uptime_seconds: since_start.span.as_secs_f64(),
        draining: accounts.draining.load(Relaxed),
        connections: sum.connections,
        panics: sum.panics,
        log_lines_dropped: accounts.lines_dropped.load(Relaxed),
        refusals: object(groups::refusals(&sum)),
        techniques: Changed::of(config),
        reactors: reactors
            .map(|(number, figures)| row(number, figures))
            .collect(),
    })
}

impl Changed {
    /// Those of this configuration.
    fn of(config: &Config) -> Self {
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

/// Every single number, and sums of those that keep kinds apart.
fn row(number: usize, figures: &Figures) -> Value {
    let (events, turns) = (float(figures.events), float(figures.turns));
    let mut row = json!({
        "reactor": number,
        "status": object(groups::status(figures)),
        "events_per_turn": (turns > 0.0).then_some(events / turns),
        "wakeups": groups::sum(&groups::wakeups(figures)),
        "eagains": groups::sum(&groups::eagains(figures)),
        "bytes_copied": groups::sum(&groups::copies(figures)),
    });
    for count in COUNTS {
        row[count.name] = (count.of)(figures).into();
    }
    row
}

fn requests_per_second(window: &Window) -> f64 {
    ratio(float(window.sum().requests), window.span.as_secs_f64())
}

/// Of one core: two busy threads are 200.
fn cpu_percent(window: &Window) -> f64 {
    100.0 * ratio(window.cpu.as_secs_f64(), window.span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Refusal;
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
        exam.accounts.lines_dropped.store(8, Relaxed);
        let stats = exam.get("/stats").json();
        assert_eq!(stats["total_requests"], 7);
        assert_eq!(stats["connections"], 7);
        assert_eq!(stats["panics"], 1);
        assert_eq!(stats["log_lines_dropped"], 8);
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
        let reactor = Figures {
            requests: 1_500,
            ..Figures::default()
        };
        let window = Window {
            span: Duration::from_secs(2),
            cpu: Duration::from_secs(1),
            reactors: vec![reactor.clone(), reactor],
        };
        assert!((requests_per_second(&window) - 1_500.0).abs() < 1e-9);
        assert!((cpu_percent(&window) - 50.0).abs() < 1e-9);
    }
}
