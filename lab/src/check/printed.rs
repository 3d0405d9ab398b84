//! wrk's output, line by line.
//!
//! White space tells nothing here: pages that quote wrk collapse it. Every part may be missing, for
//! people cut; a line that reads like one of wrk's but has no figures in it counts as missing.

use regex::Regex;

use super::quantity::{Quantity, Unit};

/// The output of one run.
#[derive(Clone, Debug, Default)]
pub struct Printed<'a> {
    /// The command line above it.
    pub command: Option<&'a str>,
    /// What was asked for.
    pub url: &'a str,
    /// How long wrk was told to send: `30s`.
    pub asked: Option<Quantity<'a>>,
    /// Threads.
    pub threads: Option<u32>,
    /// Connections, of all threads.
    pub connections: Option<u32>,
    /// The line `Latency`, in microseconds.
    pub latency: Option<Spread<'a>>,
    /// The line `Req/Sec`, of one thread.
    pub thread_rate: Option<Spread<'a>>,
    /// The lines of `--latency`: percentile and microseconds.
    pub percentiles: Vec<(f64, Quantity<'a>)>,
    /// Requests.
    pub requests: Option<Quantity<'a>>,
    /// What they took.
    pub runtime: Option<Quantity<'a>>,
    /// Bytes read.
    pub read: Option<Quantity<'a>>,
    /// The line `Socket errors`, without its beginning.
    pub socket_errors: Option<&'a str>,
    /// The line `Non-2xx or 3xx responses`, its number.
    pub failed: Option<f64>,
    /// `Requests/sec`.
    pub rate: Option<Quantity<'a>>,
    /// `Transfer/sec`.
    pub transfer: Option<Quantity<'a>>,
    /// Whether wrk2 printed it: its latencies are of an open loop.
    pub is_wrk2: bool,
}

/// Mean, standard deviation, maximum, and how many were within one of the mean.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a> {
    /// `Avg`.
    pub mean: Quantity<'a>,
    /// `Stdev`.
    pub stdev: Quantity<'a>,
    /// `Max`.
    pub max: Quantity<'a>,
    /// `+/- Stdev`, in percent; `None` if nothing was timed (`-nan%`).
    pub within: Option<Quantity<'a>>,
}

impl<'a> Printed<'a> {
    /// All runs of a text, in its order.
    pub fn all(text: &'a str) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        let mut above = "";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(run) = Self::begun(line, above) {
                runs.push(run);
            } else if let Some(run) = runs.last_mut() {
                run.read_line(line);
            }
            above = line;
        }
        runs
    }

    fn begun(line: &'a str, above: &'a str) -> Option<Self> {
        let (duration, url) = line.strip_prefix("Running ")?.split_once(" test @ ")?;
        let command = above.trim_start_matches(['$', '#', '>', ' ']);
        let program = command.split_whitespace().next();
        Some(Self {
            command: program.and_then(|word| word.ends_with("wrk").then_some(command)),
            url,
            asked: Quantity::read(duration, Unit::Time),
            ..Self::default()
        })
    }

    fn read_line(&mut self, line: &'a str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [threads, "threads", "and", connections, "connections"] => {
                self.threads = threads.parse().ok();
                self.connections = connections.parse().ok();
            }
            ["Latency", _, _, _, _] => self.latency = Spread::read(&words, Unit::Time),
            ["Req/Sec", _, _, _, _] => self.thread_rate = Spread::read(&words, Unit::Metric),
            [requests, "requests", "in", runtime, read, "read"] => {
                self.requests = Quantity::read(requests, Unit::Metric);
                self.runtime = Quantity::read(runtime.trim_end_matches(','), Unit::Time);
                self.read = Quantity::read(read, Unit::Bytes);
            }
            ["Requests/sec:", rate] => self.rate = Quantity::read(rate, Unit::Metric),
            ["Transfer/sec:", bytes] => self.transfer = Quantity::read(bytes, Unit::Bytes),
            ["Thread", "calibration:", ..] => self.is_wrk2 = true,
            ["Socket", "errors:", ..] => self.socket_errors = line.strip_prefix("Socket errors: "),
            ["Non-2xx", "or", "3xx", "responses:", failed] => self.failed = failed.parse().ok(),
            [percent, time] if percent.ends_with('%') => {
                let percent = percent.trim_end_matches('%').parse().ok();
                self.percentiles
                    .extend(percent.zip(Quantity::read(time, Unit::Time)));
            }
            _ => {}
        }
    }

    /// Share of the requests with a latency: those that were answered after wrk's timeout count,
    /// and have none.
    pub fn timed(&self) -> f64 {
        let late = || {
            let (_, count) = self.socket_errors?.split_once("timeout ")?;
            Some(count.parse::<f64>().ok()? / self.requests?.value.max(1.0))
        };
        (1.0 - late().unwrap_or(0.0)).clamp(0.0, 1.0)
    }

    /// Connections that wrk opens: each thread the whole number that falls to it.
    pub fn opened(&self) -> Option<u32> {
        Some(self.connections?.checked_div(self.threads?)? * self.threads?)
    }

    /// The word behind an option of the command line, whose short form is its first letter, written
    /// together with it or apart.
    pub fn option(&self, name: &str) -> Option<&'a str> {
        let short = &name[..1];
        let option = Regex::new(&format!(r"\s(?:-{short}\s*|--{name}\s+)(\S+)")).ok()?;
        Some(option.captures(self.command?)?.get(1)?.as_str())
    }
}

impl<'a> Spread<'a> {
    fn read(words: &[&'a str], unit: Unit) -> Option<Self> {
        let [_, mean, stdev, max, within]: [&str; 5] = words.try_into().ok()?;
        Some(Self {
            mean: Quantity::read(mean, unit)?,
            stdev: Quantity::read(stdev, unit)?,
            max: Quantity::read(max, unit)?,
            within: Quantity::read(within.strip_suffix('%')?, Unit::Metric),
        })
    }

    /// The three figures that have units.
    pub fn figures(&self) -> [Quantity<'a>; 3] {
        [self.mean, self.stdev, self.max]
    }
}
