//! `/metrics` over a socket: the format to the letter, by a parser of its own, and figures that can
//! be checked against `/stats`, against what was asked, and against the scrape before.
#![cfg(feature = "cli")]

mod wire;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use barewire::allocator::CountingAllocator;
use barewire::handlers::TABLE;
use serde_json::Value;

use wire::process::Barewire;
use wire::{Live, Wire, alone, workers};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A scrape, taken apart.
#[derive(Debug)]
struct Scrape {
    /// The kind of each metric.
    kinds: HashMap<String, String>,
    /// The series in their order.
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    /// The metric that it belongs to: the name, without what a histogram puts behind it.
    metric: String,
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// What a histogram's series have behind its name.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

impl Scrape {
    fn of(wire: &mut Wire) -> Self {
        let answer = wire.get("/metrics");
        assert_eq!(answer.status, 200);
        let media_type = answer.field("Content-Type");
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::parse(answer.text())
    }

    /// By the grammar of version 0.0.4, and stricter: each metric stands in one block, HELP first,
    /// TYPE next, then its samples, without timestamps.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends too");
        let mut scrape = Self {
            kinds: HashMap::new(),
            series: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").expect("a block begins so");
            let (metric, sentence) = help.split_once(' ').expect("a name and a sentence");
            is_name(metric);
            assert!(
                sentence.ends_with('.') && !sentence.contains('\\'),
                "{line}"
            );
            let kind = lines.next().and_then(|line| {
                let kind = line.strip_prefix("# TYPE ")?.strip_prefix(metric)?;
                kind.strip_prefix(' ')
            });
            let kind = kind.expect("TYPE behind HELP");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
            assert_eq!(kind == "counter", metric.ends_with("_total"), "{metric}");
            let known = scrape.kinds.insert(metric.to_owned(), kind.to_owned());
            assert_eq!(known, None, "{metric} has two blocks");
            let before = scrape.series.len();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                assert!(
                    seen.insert(line.rsplit_once(' ').unwrap().0),
                    "{line} again"
                );
                scrape.series.push(Series::parse(line, metric, kind));
            }
            assert!(scrape.series.len() > before, "{metric} has no sample");
        }
        scrape
    }

    /// The values of a name, with one of their labels.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Series> {
        self.series.iter().filter(move |series| series.name == name)
    }

    /// The value of the one series that has this name and these labels.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut found = self.all(name).filter(|series| series.has(labels));
        let value = found.next().unwrap_or_else(|| panic!("{name} {labels:?}"));
        assert!(found.next().is_none(), "several are {name} {labels:?}");
        value.value
    }

    fn sum(&self, name: &str) -> f64 {
        assert!(self.all(name).next().is_some(), "{name}");
        self.all(name).map(|series| series.value).sum()
    }

    /// All counts of a histogram belong together.
    fn histograms_are_consistent(&self) {
        let histograms = self.kinds.iter().filter(|(_, kind)| *kind == "histogram");
        let mut checked = 0;
        for (metric, _) in histograms {
            for count in self.all(&format!("{metric}_count")) {
                let labels: Vec<_> = pairs(&count.labels);
                let buckets: Vec<&Series> = self
                    .series
                    .iter()
                    .filter(|series| series.name == format!("{metric}_bucket"))
                    .filter(|series| series.has(&labels))
                    .collect();
                let end =
                    |series: &&Series| -> f64 { series.label("le").unwrap().parse().unwrap() };
                assert!(
                    buckets.is_sorted_by(|one, two| end(one) < end(two)),
                    "{metric}"
                );
                assert!(buckets.is_sorted_by_key(|bucket| bucket.value), "{metric}");
                let last = buckets.last().expect("buckets");
                assert_eq!(last.label("le"), Some("+Inf"));
                assert_eq!(whole(last.value), whole(count.value), "{metric} {labels:?}");
                // It must be there. It is read behind the buckets, so it may know of more.
                let _ = self.value(&format!("{metric}_sum"), &labels);
                checked += 1;
            }
        }
        assert_eq!(checked, 8, "the response time, and seven stages");
    }
}

impl Series {
    fn parse(line: &str, metric: &str, kind: &str) -> Self {
        let (name_and_labels, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = match name_and_labels.split_once('{') {
            None => (name_and_labels, Vec::new()),
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("a brace"))),
        };
        is_name(name);
        let behind = name.strip_prefix(metric).expect("it is of its block");
        let fits = if kind == "histogram" {
            PARTS.contains(&behind)
        } else {
            behind.is_empty()
        };
        assert!(fits, "{name} in the block of {metric}");
        let names: Vec<_> = labels.iter().map(|label| label.0.as_str()).collect();
        assert_eq!(names.contains(&"le"), behind == "_bucket", "{line}");
        let value: f64 = value.parse().expect("a number");
        assert!(value.is_finite() && value >= 0.0, "{line}");
        let is_count = name.ends_with("_total") && !name.ends_with("_seconds_total");
        if is_count || ["_bucket", "_count"].contains(&behind) {
            let _ = whole(value);
        }
        Self {
            metric: metric.to_owned(),
            name: name.to_owned(),
            labels,
            value,
        }
    }

    fn label(&self, name: &str) -> Option<&str> {
        let pair = self.labels.iter().find(|label| label.0 == name);
        pair.map(|label| label.1.as_str())
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        let mut labels = labels.iter();
        labels.all(|(name, value)| self.label(name) == Some(value))
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`, of which Prometheus wants capitals and colons left to others.
fn is_name(name: &str) {
    let mut bytes = name.bytes();
    let first = bytes.next().expect("a name");
    assert!(first.is_ascii_lowercase() || first == b'_', "{name}");
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    assert!(bytes.all(fits), "{name}");
}

/// Pairs of a name and a quoted value, with commas between them. No value here has anything to
/// escape.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut names = HashSet::new();
    let mut labels = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, behind) = rest.split_once("=\"").expect("a label");
        let (value, behind) = behind.split_once('"').expect("a quote");
        is_name(name);
        assert!(!name.starts_with("__") && names.insert(name), "{text}");
        assert!(!value.contains(['\\', '\n']), "{text}");
        labels.push((name.to_owned(), value.to_owned()));
        // A comma stands between two labels, and nowhere else.
        rest = behind.strip_prefix(',').unwrap_or(behind);
        assert_eq!(rest.is_empty(), behind.is_empty(), "{text}");
        assert!(rest.is_empty() || rest != behind, "{text}");
    }
    labels
}

fn pairs(labels: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = labels.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// A count is a whole number.
#[track_caller]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    assert!(value.fract() == 0.0 && value >= 0.0, "{value}");
    value as u64
}

/// Every name is one of this list: whoever adds one, or renames one, changes what dashboards ask.
#[test]
fn every_metric_is_there() {
    let live = Live::routes(workers(2));
    let scrape = Scrape::of(&mut live.connect_to_all(1)[0]);
    let mut names: Vec<_> = scrape.kinds.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = vec![
        "barewire_accept_pauses_total",
        "barewire_accepted_connections_total",
        "barewire_accepts_total",
        "barewire_alarms_set_total",
        "barewire_allocations_total",
        "barewire_broken_streams_total",
        "barewire_buffer_bytes",
        "barewire_buffer_shortages_total",
        "barewire_build_info",
        "barewire_closes_total",
        "barewire_copied_bytes_total",
        "barewire_cpu_clock_readings_total",
        "barewire_cpu_seconds_total",
        "barewire_cpu_system_seconds_total",
        "barewire_cpu_user_seconds_total",
        "barewire_draining",
        "barewire_eagains_total",
        "barewire_events_total",
        "barewire_evictions_total",
        "barewire_file_sends_total",
        "barewire_jobs_total",
        "barewire_open_connections",
        "barewire_options_read_total",
        "barewire_options_set_total",
        "barewire_panics_total",
        "barewire_pool_hits_total",
        "barewire_pool_misses_total",
        "barewire_reads_total",
        "barewire_received_bytes_total",
        "barewire_refusals_total",
        "barewire_registrations_total",
        "barewire_requests_total",
        "barewire_resets_total",
        "barewire_response_time_seconds",
        "barewire_responses_total",
        "barewire_route_requests_total",
        "barewire_sampling_ratio",
        "barewire_sent_bytes_total",
        "barewire_short_writes_total",
        "barewire_shutdowns_total",
        "barewire_stage_seconds",
        "barewire_stale_wakeups_total",
        "barewire_stream_pieces_total",
        "barewire_timers_fired_total",
        "barewire_timers_set_total",
        "barewire_turns_total",
        "barewire_wakeups_total",
        "barewire_writes_total",
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ];
    // Older kernels do not tell how many descriptors are open.
    if barewire::accounts::open_descriptors().is_none() {
        expected.retain(|name| *name != "process_open_fds");
    }
    assert_eq!(names, expected);
    // No metric but a bucket has two labels; a series for each reactor and each kind.
    let most =
        |series: &Series| series.labels.len() <= 1 + usize::from(series.label("le").is_some());
    assert!(scrape.series.iter().all(most));
    assert_eq!(scrape.all("barewire_requests_total").count(), 2);
    let routes: Vec<_> = scrape
        .all("barewire_route_requests_total")
        .map(|series| series.label("route").unwrap())
        .collect();
    let table: Vec<_> = TABLE.iter().map(|route| route.path).collect();
    assert_eq!(routes, table);
}

#[test]
fn the_counts_are_those_of_the_requests() {
    let live = Live::routes(workers(2));
    let mut wires = live.connect_to_all(1);
    let before = Scrape::of(&mut wires[0]);
    for wire in &mut wires {
        for _ in 0..10 {
            assert_eq!(wire.get("/json").status, 200);
        }
        assert_eq!(wire.get("/cache/a?cost_ms=0").status, 200);
        assert_eq!(wire.get("/nothing").status, 404);
        assert_eq!(wire.post("/zero-copy", "any bytes").status, 200);
    }
    let mut refused = live.connect();
    assert_eq!(refused.ask("GET / HTTP/1.1\r\n\r\n").status, 400);
    let after = Scrape::of(&mut wires[0]);
    let wires = wires.len() as u64;
    let more = |name: &str, labels: &[(&str, &str)]| {
        whole(after.value(name, labels) - before.value(name, labels))
    };
    let route = |path| more("barewire_route_requests_total", &[("route", path)]);
    assert_eq!(route("/json"), 10 * wires);
    assert_eq!(route("/cache/{key}"), wires);
    assert_eq!(route("/zero-copy"), wires);
    assert_eq!(route("/metrics"), 1, "the first of the two scrapes");
    assert_eq!(route("/stats"), 0);
    let class = |status| more("barewire_responses_total", &[("status", status)]);
    // The first scrape is counted too.
    assert_eq!(class("2xx"), 12 * wires + 1);
    assert_eq!(class("4xx"), wires + 1);
    assert_eq!((class("3xx"), class("5xx")), (0, 0));
    let reason = |reason| more("barewire_refusals_total", &[("reason", reason)]);
    assert_eq!((reason("bad_request"), reason("jobs")), (1, 0));
    let total = |name: &str| whole(after.sum(name) - before.sum(name));
    assert_eq!(total("barewire_requests_total"), 13 * wires + 2);
    assert_eq!(total("barewire_accepted_connections_total"), 1);
    assert_eq!(total("barewire_panics_total"), 0);
    assert!(total("barewire_sent_bytes_total") > total("barewire_received_bytes_total"));
}

/// Each name of `/stats`, with the one that it has here.
const SAME: [(&str, &str); 19] = [
    ("accepted", "barewire_accepted_connections_total"),
    ("requests", "barewire_requests_total"),
    ("turns", "barewire_turns_total"),
    ("events", "barewire_events_total"),
    ("stale_wakeups", "barewire_stale_wakeups_total"),
    ("accepts", "barewire_accepts_total"),
    ("reads", "barewire_reads_total"),
    ("writes", "barewire_writes_total"),
    ("registrations", "barewire_registrations_total"),
    ("short_writes", "barewire_short_writes_total"),
    ("bytes_in", "barewire_received_bytes_total"),
    ("bytes_out", "barewire_sent_bytes_total"),
    ("pool_hits", "barewire_pool_hits_total"),
    ("pool_misses", "barewire_pool_misses_total"),
    ("timers_set", "barewire_timers_set_total"),
    ("timers_fired", "barewire_timers_fired_total"),
    ("jobs", "barewire_jobs_total"),
    ("resets", "barewire_resets_total"),
    ("accept_pauses", "barewire_accept_pauses_total"),
];

/// `/stats` is asked before and after: what stands between the two lies between them.
#[test]
fn the_counts_are_those_of_stats() {
    let live = Live::routes(workers(2));
    let mut wires = live.connect_to_all(2);
    for wire in &mut wires {
        for target in ["/json", "/benchmark", "/nothing"] {
            wire.get(target);
        }
    }
    let wire = &mut wires[0];
    let before = wire.get("/stats").json();
    let scrape = Scrape::of(wire);
    let after = wire.get("/stats").json();
    let lies_between = |name: &str, value: f64, least: &Value, most: &Value| {
        let (least, most) = (least.as_u64().unwrap(), most.as_u64().unwrap());
        let value = whole(value);
        assert!(
            (least..=most).contains(&value),
            "{name}: {least}, {value}, {most}"
        );
    };
    for number in 0..2 {
        let (least, most) = (&before["reactors"][number], &after["reactors"][number]);
        let reactor = number.to_string();
        for (theirs, name) in SAME {
            let value = scrape.value(name, &[("reactor", &reactor)]);
            lies_between(name, value, &least[theirs], &most[theirs]);
        }
        let open = scrape.value("barewire_open_connections", &[("reactor", &reactor)]);
        assert_eq!(least["connections"], whole(open));
    }
    for series in scrape.all("barewire_refusals_total") {
        let reason = series.label("reason").unwrap();
        let (least, most) = (&before["refusals"][reason], &after["refusals"][reason]);
        lies_between(reason, series.value, least, most);
    }
    let measured = scrape.value("barewire_response_time_seconds_count", &[]);
    let times = |stats: &Value| stats["response_time_us"]["measured"].clone();
    lies_between("times", measured, &times(&before), &times(&after));
    assert!(
        measured > 0.0,
        "/benchmark is deferred, and all of those are timed"
    );
    scrape.histograms_are_consistent();
}

#[test]
fn nothing_goes_down_while_it_is_counted() {
    let mut config = workers(2);
    config.sample = 1;
    let live = Live::routes(config);
    let mut scraper = live.connect();
    let wires = live.connect_to_all(1);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut wire in wires {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    for target in ["/plaintext", "/json", "/nothing", "/benchmark"] {
                        wire.get(target);
                    }
                }
            });
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut before = Scrape::of(&mut scraper);
            for _ in 0..50 {
                let after = Scrape::of(&mut scraper);
                has_not_gone_down(&before, &after);
                after.histograms_are_consistent();
                before = after;
            }
            before
        }));
        // The others end, whatever came of it.
        is_over.store(true, Relaxed);
        let last = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let timed = last.value("barewire_stage_seconds_count", &[("stage", "handle")]);
        assert!(timed > 50.0, "{timed} requests were timed meanwhile");
    });
}

/// Each series of the earlier scrape is there again, and if it counts, it is no lower.
fn has_not_gone_down(earlier: &Scrape, later: &Scrape) {
    assert_eq!(earlier.series.len(), later.series.len());
    for (before, after) in earlier.series.iter().zip(&later.series) {
        assert_eq!((&before.name, &before.labels), (&after.name, &after.labels));
        let is_count = later.kinds[&after.metric] != "gauge";
        assert!(
            !is_count || after.value >= before.value,
            "{before:?}, {after:?}"
        );
    }
    let started = "process_start_time_seconds";
    assert_eq!(
        earlier.value(started, &[]).to_bits(),
        later.value(started, &[]).to_bits()
    );
}

#[test]
fn histograms_have_what_was_recorded() {
    let mut config = alone();
    config.sample = 1;
    let live = Live::routes(config);
    let mut wire = live.connect();
    for _ in 0..20 {
        wire.get("/benchmark?work=0&wait_us=3000");
    }
    let scrape = Scrape::of(&mut wire);
    scrape.histograms_are_consistent();
    assert!((scrape.value("barewire_sampling_ratio", &[]) - 1.0).abs() < 1e-9);
    let name = "barewire_response_time_seconds";
    let count = scrape.value(&format!("{name}_count"), &[]);
    assert!((20.0..=21.0).contains(&count), "{count}");
    // Whoever waits 3 ms is in no bucket that ends before.
    let up_to = |le| scrape.value(&format!("{name}_bucket"), &[("le", le)]);
    assert!(up_to("0.002097151") <= count - 20.0);
    assert!(scrape.value(&format!("{name}_sum"), &[]) >= 20.0 * 0.003);
}

/// The process itself: the binary, which counts its allocations and has threads of its own.
#[test]
fn the_binary_tells_all_of_it() {
    let server = Barewire::start(&["--workers", "1"]);
    let mut wire = server.connect();
    for _ in 0..100 {
        assert_eq!(wire.get("/stats").status, 200);
    }
    let scrape = Scrape::of(&mut wire);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert!((scrape.value("barewire_build_info", &version) - 1.0).abs() < 1e-9);
    let allocated = scrape.value("barewire_allocations_total", &[("stage", "handle")]);
    assert!(allocated >= 100.0, "/stats allocates: {allocated}");
    assert!(scrape.sum("barewire_cpu_seconds_total") > 0.0);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 1e6);
    let of_process = scrape.value("process_cpu_seconds_total", &[]);
    assert!(of_process > 0.0);
}

#[test]
fn a_server_that_leaves_says_so() {
    let live = Live::routes(alone());
    let mut wire = live.connect();
    let scrape = Scrape::of(&mut wire);
    assert_eq!(whole(scrape.value("barewire_draining", &[])), 0);
    live.drain();
    // One more answer for everybody.
    let scrape = Scrape::of(&mut wire);
    assert_eq!(whole(scrape.value("barewire_draining", &[])), 1);
    wire.expect_end();
}
