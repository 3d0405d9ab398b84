//! wrk's output, line by line.
//!
//! White space tells nothing here: pages that quote wrk collapse it. Every part may be missing, for
//! people cut; a line that reads like one of wrk's but has no figures in it counts as missing.

use super::quantity::{Quantity, Unit};

/// The output of one run.
#[derive(Clone, Debug, Default)]
pub struct Printed<'a> {
    /// The command line above it.
    pub command: Option<&'a str>,
    /// What was asked for.
    pub url: &'a str,
    /// How long wrk was told to send: `30s`.
    pub duration: &'a str,
    /// Threads.
    pub threads: Option<u64>,
    /// Connections, of all threads.
    pub connections: Option<u64>,
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
    pub failed: Option<&'a str>,
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
        let mut words = command.split_whitespace();
        let is_command = words.next().is_some_and(|word| word.ends_with("wrk"));
        Some(Self {
            command: is_command.then_some(command),
            url,
            duration,
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
            ["Latency", mean, stdev, max, within] => {
                self.latency = Spread::read([mean, stdev, max, within], Unit::Time);
            }
            ["Req/Sec", mean, stdev, max, within] => {
                self.thread_rate = Spread::read([mean, stdev, max, within], Unit::Metric);
            }
            [requests, "requests", "in", runtime, read, "read"] => {
                self.requests = Quantity::read(requests, Unit::Metric);
                self.runtime = Quantity::read(runtime.trim_end_matches(','), Unit::Time);
                self.read = Quantity::read(read, Unit::Bytes);
            }
            ["Requests/sec:", rate] => self.rate = Quantity::read(rate, Unit::Metric),
            ["Transfer/sec:", bytes] => self.transfer = Quantity::read(bytes, Unit::Bytes),
            ["Thread", "calibration:", ..] => self.is_wrk2 = true,
            [percent, time] if percent.ends_with('%') => {
                let percent = percent.trim_end_matches('%').parse().ok();
                let read = percent.zip(Quantity::read(time, Unit::Time));
                self.percentiles.extend(read);
            }
            _ => {
                let errors = line.strip_prefix("Socket errors: ");
                self.socket_errors = errors.or(self.socket_errors);
                let failed = line.strip_prefix("Non-2xx or 3xx responses: ");
                self.failed = failed.or(self.failed);
            }
        }
    }

    /// How long wrk was told to send at least, in microseconds.
    ///
    /// The header has whole units: 90 s are `2m` there. Seconds are exact.
    pub fn asked_us(&self) -> Option<f64> {
        let time = Quantity::read(self.duration, Unit::Time)?;
        let is_exact = self.duration.ends_with('s');
        Some(if is_exact { time.value } else { time.low() })
    }

    /// Requests that were answered after wrk's timeout: they count, and have no latency.
    pub fn timeouts(&self) -> f64 {
        let words = self
            .socket_errors
            .and_then(|errors| errors.split_once("timeout "));
        words.map_or(0.0, |(_, count)| count.parse().unwrap_or(0.0))
    }

    /// Connections that wrk opens: each thread the whole number that falls to it.
    pub fn opened(&self) -> Option<u64> {
        let (threads, connections) = (self.threads?, self.connections?);
        Some(connections.checked_div(threads)? * threads)
    }

    /// The word behind an option of the command line, written together with it or apart.
    pub fn option(&self, short: &str, long: &str) -> Option<&'a str> {
        let words: Vec<&str> = self.command?.split_whitespace().collect();
        let at = words.iter().position(|word| {
            (word.starts_with(short) && !word.starts_with("--")) || *word == long
        })?;
        let word = words[at];
        match word.strip_prefix(short).filter(|_| word != long) {
            Some(behind) if !behind.is_empty() => Some(behind),
            _ => words.get(at + 1).copied(),
        }
    }

    /// Whether a script decided what was sent.
    pub fn has_script(&self) -> bool {
        self.option("-s", "--script").is_some()
    }

    /// Whether it was told to connect anew for each request, which no latency includes.
    pub fn reconnects(&self) -> bool {
        let command = self.command.map(str::to_ascii_lowercase);
        command.is_some_and(|command| command.contains("connection: close"))
    }
}

impl<'a> Spread<'a> {
    fn read([mean, stdev, max, within]: [&'a str; 4], unit: Unit) -> Option<Self> {
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
