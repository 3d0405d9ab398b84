//! What a run of the generator found: counted by each thread, summed up, and told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use barewire_load::Tally;

use crate::process::Usage;
use crate::statistics::{count, float};

/// Points of the latency curve for each halving of what is left of 100 %.
const POINTS_PER_HALVING: u32 = 4;

/// The figures of a run. Shares are 0 to 1, CPU time is in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it was asked.
    pub pace: Pace,
    /// Answers of the measured phase.
    pub requests: u64,
    /// Its length.
    pub seconds: f64,
    /// Answers in a second.
    pub requests_per_second: f64,
    /// Requests that failed, those of the warm-up included; for each, its connection was given up.
    pub errors: u64,
    /// The same by kind: `connect`, `reset`, `silence`, `status`, `body`, `length`.
    pub errors_by_kind: BTreeMap<String, u64>,
    /// Share of a core that the generator used, all threads together.
    pub busy: f64,
    /// Share of the time that its busiest thread was on a core.
    pub generator_busy: f64,
    /// Its CPU time for a request.
    pub generator_cpu_ns_per_request: Option<f64>,
    /// Share of the time that the server's busiest thread was on a core.
    pub server_busy: Option<f64>,
    /// CPU time of all the server's threads for a request.
    pub server_cpu_ns_per_request: Option<f64>,
    /// Resident memory of the server at the end, in bytes.
    pub resident_bytes: Option<u64>,
    /// Open loop: requests that were due, but found no free connection until the end. They are in
    /// the latencies with the time that they had waited by then.
    pub unsent: u64,
    /// From the intended time of sending (open loop) or the sending (closed loop) to the answer, or
    /// the last one of its batch.
    pub latency: Option<Percentiles>,
}

/// Latency in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many were timed.
    pub count: u64,
    /// Arithmetic mean: only for Little's law.
    pub mean_us: f64,
    /// Half were not slower.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// The curve: (percentile 0 to 100, microseconds), ascending.
    pub curve: Vec<(f64, f64)>,
}

/// Who decides when a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// The server: each connection asks again when it was answered. Latencies of a closed loop hide
    /// what a slow answer delays, for it delays the next question too.
    #[default]
    ClosedLoop,
    /// The clock: requests are due at a fixed rate.
    OpenLoop,
}

impl Outcome {
    /// That of a measured phase, with what the server had used before and after it.
    pub(super) fn new(tally: &Tally, pace: Pace, server: Option<&(Usage, Usage)>) -> Self {
        let seconds = tally.wall.as_secs_f64();
        // In a phase that took no time, nothing was done.
        let share = |cpu: Duration| cpu.as_secs_f64() / seconds.max(f64::MIN_POSITIVE);
        let requests = count(tally.answered);
        let each = |cpu: Duration| (requests > 0.0).then(|| cpu.as_secs_f64() * 1e9 / requests);
        let errors = tally.errors.iter();
        Self {
            pace,
            requests: tally.answered as u64,
            seconds,
            requests_per_second: requests / seconds.max(f64::MIN_POSITIVE),
            errors: tally.errors.values().sum(),
            errors_by_kind: errors.map(|(kind, sum)| ((*kind).into(), *sum)).collect(),
            busy: share(tally.cpu),
            generator_busy: share(tally.busiest),
            generator_cpu_ns_per_request: each(tally.cpu),
            server_busy: server.map(|(before, after)| share(after.busiest_since(before))),
            server_cpu_ns_per_request: server.and_then(|(start, end)| each(end.cpu_since(start))),
            resident_bytes: server.map(|(_, end)| end.resident_bytes),
            unsent: tally.unsent,
            latency: tally.latency.as_ref().map(percentiles),
        }
    }
}

/// Microseconds of a histogram of nanoseconds.
fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let microseconds = |nanoseconds: u64| float(nanoseconds) / 1000.0;
    let at = |percentile| microseconds(histogram.value_at_percentile(percentile));
    let points = histogram.iter_quantiles(POINTS_PER_HALVING);
    let curve = points.map(|point| {
        let percentile = point.quantile_iterated_to() * 100.0;
        (percentile, microseconds(point.value_iterated_to()))
    });
    Percentiles {
        count: histogram.len(),
        mean_us: histogram.mean() / 1000.0,
        p50_us: at(50.0),
        p90_us: at(90.0),
        p99_us: at(99.0),
        p999_us: at(99.9),
        max_us: microseconds(histogram.max()),
        curve: curve.collect(),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, time, rate) = (self.requests, self.seconds, self.requests_per_second);
        writeln!(to, "{requests} answers in {time:.3} s: {rate:.0} a second")?;
        write!(to, "generator: {:.0} % of a core", self.busy * 100.0)?;
        if let Some(each) = self.generator_cpu_ns_per_request {
            write!(to, ", {each:.0} ns of CPU time a request")?;
        }
        if let Some((busy, each)) = self.server_busy.zip(self.server_cpu_ns_per_request) {
            write!(to, "\nserver: busiest thread {:.0} % busy, ", busy * 100.0)?;
            write!(to, "{each:.0} ns of CPU time a request")?;
        }
        if let Some(latency) = &self.latency {
            let closed = "closed loop, from the send: slow answers delay the next question";
            let from = match self.pace {
                Pace::ClosedLoop => closed,
                Pace::OpenLoop => "open loop, from the intended time of sending",
            };
            write!(
                to,
                "\nlatency ({from}):\n  50 % {:.0} us, 90 % {:.0} us, 99 % {:.0} us, \
                 99.9 % {:.0} us, slowest {:.0} us",
                latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us
            )?;
        }
        let unsent = self.unsent;
        if unsent > 0 {
            write!(to, "\nunsent: {unsent} requests found no free connection")?;
        }
        for (kind, count) in &self.errors_by_kind {
            write!(to, "\nerrors: {count} x {kind}")?;
        }
        Ok(())
    }
}
