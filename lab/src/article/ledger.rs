//! The article's statements: what was measured here, what that makes of them, and why.
//!
//! In the article's order. The verdict of a statement about the article's own figures comes from
//! their arithmetic, that of a statement about its source from the source, and all other ones from
//! measurements. A statement that was not measured says so in its own words; nothing is filled in.

use serde_json::Value;

use super::probes::{Probes, number};
use super::quoted::{self, Run, figures};
use super::runs::{EXPRESS, FRAMEWORK, SERVER, SPRING, WITH_WAIT, WITHOUT_WAIT};
use crate::check::{self, Known, Severity};
use crate::results::{Block, Results, Sentence};
use crate::rows::{self, Figure};
use crate::statistics::median;

mod source;

/// Where nothing was measured.
const NOT_MEASURED: &str = "not measured";

/// The ledger of a run; `others` are result files of `compare`.
pub fn of(results: &Results, probes: &Probes, others: &[Results]) -> Vec<Sentence> {
    let seen = Seen {
        results,
        probes,
        others,
    };
    let mut ledger = vec![handler_works(&seen), handler_waits(&seen)];
    ledger.extend(source::statistics(&seen));
    ledger.push(source::handler_answers(&seen));
    ledger.extend(outputs(&seen));
    ledger.push(times(&seen, EXPRESS, Run::Express, quoted::TIMES_EXPRESS));
    ledger.push(times(&seen, SPRING, Run::Spring, quoted::TIMES_SPRING));
    ledger.push(latency(&seen));
    ledger.push(traditional(&seen));
    ledger.extend(source::handlers(&seen));
    ledger
}

/// All that the ledger is made of.
pub(super) struct Seen<'a> {
    results: &'a Results,
    pub(super) probes: &'a Probes,
    others: &'a [Results],
}

impl Seen<'_> {
    fn median(
        &self,
        subject: &str,
        workload: &str,
        figure: impl Fn(&Block) -> Option<f64>,
    ) -> Option<f64> {
        let blocks = self
            .results
            .blocks
            .iter()
            .filter(|block| block.subject == subject && block.workload == workload);
        median(&blocks.filter_map(figure).collect::<Vec<_>>())
    }

    fn rate(&self, subject: &str, workload: &str) -> Option<f64> {
        self.median(subject, workload, |block| Some(block.requests_per_second))
    }

    fn cpu_ns(&self, subject: &str, workload: &str) -> Option<f64> {
        self.median(subject, workload, |block| block.server_cpu_ns_per_request)
    }

    /// `barewire 60000 requests a second`; or that it was not measured, and why.
    fn told_rate(&self, subject: &str) -> String {
        match self.rate(subject, WITH_WAIT) {
            Some(rate) => format!("{subject}: {rate:.0} requests a second"),
            None => self.not_measured(subject),
        }
    }

    pub(super) fn not_measured(&self, subject: &str) -> String {
        match self.results.missing.get(subject) {
            Some(reason) => format!("{subject}: {NOT_MEASURED}, {reason}"),
            None => format!("{subject}: {NOT_MEASURED}"),
        }
    }
}

pub(super) fn sentence(
    said: impl Into<String>,
    measured: impl Into<String>,
    verdict: &str,
    reason: impl Into<String>,
) -> Sentence {
    Sentence {
        said: said.into(),
        measured: measured.into(),
        verdict: verdict.to_owned(),
        reason: reason.into(),
    }
}

fn handler_works(seen: &Seen) -> Sentence {
    let costs = [WITH_WAIT, WITHOUT_WAIT].map(|workload| seen.cpu_ns(SERVER, workload));
    let measured = match costs {
        [Some(with), Some(without)] => format!(
            "barewire, whose loop the compiler cannot remove: {with:.0} ns of CPU time for a \
             request with the wait, {without:.0} without it; request, answer and loop together"
        ),
        _ => NOT_MEASURED.to_owned(),
    };
    sentence(
        "\"Simulate some compute-intensive operations\": a loop of 1000 steps",
        measured,
        "simulated",
        "The loop adds up numbers that are known when it is compiled, and an optimiser may replace \
         it by its sum, 999000. It is no more work than a thousand additions in any case.",
    )
}

fn handler_waits(seen: &Seen) -> Sentence {
    let rates = [WITH_WAIT, WITHOUT_WAIT].map(|workload| seen.rate(SERVER, workload));
    let measured = match rates {
        [Some(with), Some(without)] => format!(
            "barewire: {with:.0} requests a second with the wait, {without:.0} without; {}",
            seen.told_rate(FRAMEWORK)
        ),
        _ => NOT_MEASURED.to_owned(),
    };
    let opened = f64::from(quoted::OPENED);
    let ceiling = |wait_us: f64| opened / wait_us * 1e6;
    sentence(
        format!(
            "\"Simulate async I/O operations\": a sleep of {} us",
            quoted::WAIT_US
        ),
        measured,
        "not comparable",
        format!(
            "A closed loop of {opened} connections that wait {} us cannot ask more than {:.0} \
             times a second. tokio's timer counts in milliseconds, so the article's sleep is of 1 \
             to 2 ms, and the ceiling {:.0} to {:.0}: the comparison is one of timers.",
            quoted::WAIT_US,
            ceiling(quoted::WAIT_US.into()),
            ceiling(2000.0),
            ceiling(1000.0)
        ),
    )
}

/// The three outputs: what `check` says of them.
fn outputs(seen: &Seen) -> Vec<Sentence> {
    let runs = [
        ("this framework", FRAMEWORK, Run::Framework),
        ("Express.js", EXPRESS, Run::Express),
        ("Spring Boot", SPRING, Run::Spring),
    ];
    let examined = check::examine(quoted::THREE_RUNS, &Known::default());
    let sentences = runs.into_iter().zip(examined);
    sentences
        .map(|((name, peer, run), examined)| {
            let impossible = examined
                .findings
                .iter()
                .filter(|finding| finding.severity == Severity::Impossible);
            let reasons: Vec<&str> = impossible.map(|found| found.sentence.as_str()).collect();
            let verdict = if reasons.is_empty() {
                "not comparable"
            } else {
                "impossible"
            };
            let said = figures(run).map_or_else(String::new, |figures| {
                format!(
                    ": {:.2} requests a second, {:.2} ms on average",
                    figures.rate,
                    figures.mean_us / 1e3
                )
            });
            let measured = format!("{}; {}", seen.told_rate(SERVER), seen.told_rate(peer));
            sentence(
                format!("wrk's output for {name}{said}"),
                measured,
                verdict,
                format!("By `barewire-lab check`: {}", reasons.join(" ")),
            )
        })
        .collect()
}

/// "7.2x faster than Express.js" and the like.
fn times(seen: &Seen, peer: &str, run: Run, said: f64) -> Sentence {
    let rates = [FRAMEWORK, peer].map(|subject| seen.rate(subject, WITH_WAIT));
    let ratio = match rates {
        [Some(framework), Some(peer)] => Some(framework / peer),
        _ => None,
    };
    let measured = match ratio {
        Some(ratio) => format!(
            "{FRAMEWORK} by {peer}: {ratio:.1}; {}",
            seen.told_rate(SERVER)
        ),
        None => [FRAMEWORK, peer]
            .map(|subject| seen.told_rate(subject))
            .join("; "),
    };
    let quoted = figures(Run::Framework).zip(figures(run));
    let computed = quoted.map_or_else(String::new, |(framework, other)| {
        format!(
            "{:.2} is what the article's own figures give, and those are not wrk's. ",
            framework.rate / other.rate
        )
    });
    sentence(
        format!("\"{said}x faster than\" {peer}"),
        measured,
        "not comparable",
        format!(
            "{computed}Each handler waits by a timer of its own resolution, wrk takes its CPU time \
             from the same cores, and a ratio of rates is the servers' only where the servers were \
             the bottleneck."
        ),
    )
}

/// "Over 95% reduction in latency".
fn latency(seen: &Seen) -> Sentence {
    let bound = |subject| {
        let rate = seen.rate(subject, WITH_WAIT)?;
        Some(format!(
            "{subject} {:.2} ms",
            f64::from(quoted::OPENED) / rate * 1e3
        ))
    };
    let bounds: Vec<String> = [SERVER, FRAMEWORK, EXPRESS, SPRING]
        .into_iter()
        .filter_map(bound)
        .collect();
    let measured = if bounds.is_empty() {
        NOT_MEASURED.to_owned()
    } else {
        format!("the mean cannot have been above: {}", bounds.join(", "))
    };
    let reason = match (figures(Run::Framework), figures(Run::Express)) {
        (Some(framework), Some(express)) => format!(
            "From {:.2} ms to {:.2} ms are {:.1} % less. But in a closed loop with the same \
             connections the mean latency is connections / rate, so {:.2} times the rate is at \
             most {:.1} % less latency if both keep the connections waiting (Little 1961).",
            express.mean_us / 1e3,
            framework.mean_us / 1e3,
            100.0 * (1.0 - framework.mean_us / express.mean_us),
            framework.rate / express.rate,
            100.0 * (1.0 - express.rate / framework.rate)
        ),
        _ => "The article's figures cannot be read.".to_owned(),
    };
    sentence(
        "\"Over 95% reduction in latency\"",
        measured,
        "impossible",
        reason,
    )
}

/// "Traditional web frameworks consistently underperform in high-concurrency scenarios".
fn traditional(seen: &Seen) -> Sentence {
    let cost = |subject: &str| {
        let all = seen.others.iter();
        let costs = all.filter_map(|other| {
            rows::figure(&rows::runs(other, subject, "keep-alive"), Figure::Cpu)
        });
        let costs: Vec<f64> = costs.collect();
        median(&costs).map(|cost| format!("{subject} {cost:.0} ns"))
    };
    let told: Vec<String> = [SERVER, FRAMEWORK, "axum", "nginx", EXPRESS, SPRING]
        .into_iter()
        .filter_map(cost)
        .collect();
    let measured = if told.is_empty() {
        format!("{NOT_MEASURED} in this run; `compare` does, and --with adds it")
    } else {
        format!("CPU time for a request to /plaintext: {}", told.join(", "))
    };
    sentence(
        "\"Traditional web frameworks consistently underperform in high-concurrency scenarios\"",
        measured,
        "not comparable",
        "A framework without a name cannot be measured. What a request costs is a figure; 400 \
         connections on one machine are no high concurrency.",
    )
}

/// A number for a sentence, or that there is none.
pub(super) fn told(answer: Option<&Value>, pointer: &str, decimals: usize) -> String {
    let number = number(answer, pointer);
    number.map_or(NOT_MEASURED.to_owned(), |number| {
        format!("{number:.decimals$}")
    })
}
