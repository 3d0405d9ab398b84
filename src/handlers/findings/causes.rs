//! Which technique is the cause of what was found: what duels have measured, and nothing else.
//!
//! A technique is considered if it is off and would be on by default. It is the cause of a finding
//! if a duel of it alone showed that a request takes less of what was found with it.

use std::fmt;

use serde::Serialize;

use super::Finding;
use crate::accounts::Verdict;
use crate::config::Config;
use crate::handlers::units::decimals;
use crate::techniques::{self, Switch};

/// A difference that is worth a word, by the request; copied bytes are told by tens.
const COUNT_TOLD: f64 = 0.05;
const BYTES_TOLD: f64 = 10.0;

/// What a duel said of a technique that is off.
#[derive(Debug, Serialize)]
pub(super) struct Cause {
    technique: &'static str,
    /// The duel's own sentence.
    said: String,
    /// CPU time of a request with the technique, by that without: median and interval.
    ratio: f64,
    low: f64,
    high: f64,
    seconds_ago: u64,
}

/// The techniques that are off, each with the last verdict on it, if there is one.
pub(super) struct Causes<'a>(Vec<(&'static str, Option<Measured<'a>>)>);

/// A verdict, and which of its arms is with the technique.
#[derive(Clone, Copy)]
struct Measured<'a> {
    verdict: &'a Verdict,
    with: usize,
}

impl<'a> Causes<'a> {
    pub(super) fn of(config: &Config, verdicts: &'a [Verdict]) -> Self {
        let off = techniques::switches().filter(|(_, switch)| {
            switch.is_live() && switch.is_on_by_default() && !switch.is_on(config)
        });
        // The last verdict comes first.
        let last = |switch: &Switch| verdicts.iter().find_map(|it| Measured::of(it, switch));
        Self(
            off.map(|(technique, switch)| (technique.name, last(switch)))
                .collect(),
        )
    }

    /// Tells each finding its causes, and adds those techniques of which nothing but CPU time
    /// speaks. Returns how to ask for what is not known yet.
    pub(super) fn attribute(
        &self,
        findings: &mut Vec<Finding>,
        is_live: bool,
        host: &str,
    ) -> Option<String> {
        for finding in &mut *findings {
            let Some(count) = finding.count else { continue };
            let measured = self.measured();
            let causes = measured.filter(|(_, measured)| measured.saves(count));
            finding.causes = causes.map(|(name, it)| it.cause(name)).collect();
        }
        let told: Vec<_> = findings.iter().flat_map(|found| &found.causes).collect();
        let told: Vec<_> = told.iter().map(|cause| cause.technique).collect();
        let others = self.measured().filter(|(name, _)| !told.contains(name));
        let costly: Vec<Finding> = others.filter_map(|(name, it)| it.finding(name)).collect();
        findings.extend(costly);
        let unknown: Vec<&str> = self.unknown().collect();
        if unknown.is_empty() {
            return None;
        }
        findings.push(not_compared(&unknown));
        Some(next(&unknown, is_live, host))
    }

    fn measured(&self) -> impl Iterator<Item = (&'static str, Measured<'a>)> {
        self.0.iter().filter_map(|(name, it)| Some((*name, (*it)?)))
    }

    fn unknown(&self) -> impl Iterator<Item = &'static str> {
        let unknown = self.0.iter().filter(|(_, measured)| measured.is_none());
        unknown.map(|(name, _)| *name)
    }
}

impl<'a> Measured<'a> {
    /// A verdict on this technique alone, off and on.
    fn of(verdict: &'a Verdict, switch: &Switch) -> Option<Self> {
        let configs = verdict.techniques.map(|techniques| Config {
            techniques,
            ..Config::default()
        });
        let [first, second] = &configs;
        let differs = |one: &Switch| one.get(first) != one.get(second);
        let is_alone = techniques::switches()
            .filter(|(_, one)| differs(one))
            .count()
            == 1;
        let with = usize::from(switch.is_on(second));
        let is_it = switch.is_on(first) != switch.is_on(second);
        (is_it && is_alone).then_some(Self { verdict, with })
    }

    fn saves(&self, count: &str) -> bool {
        let least = if count == "copied byte" {
            BYTES_TOLD
        } else {
            COUNT_TOLD
        };
        self.verdict.saved_by(self.with, count) >= least
    }

    fn cause(&self, technique: &'static str) -> Cause {
        let verdict = self.verdict;
        let [low, high] = verdict.interval;
        // The second arm's by the first's: turned round, if the first is the one with it.
        let (ratio, low, high) = match self.with {
            1 => (verdict.ratio, low, high),
            _ => (1.0 / verdict.ratio, 1.0 / high, 1.0 / low),
        };
        Cause {
            technique,
            said: verdict.sentence.clone(),
            ratio: decimals(ratio),
            low: decimals(low),
            high: decimals(high),
            seconds_ago: verdict.at.elapsed().as_secs(),
        }
    }

    /// A technique that saves CPU time, and of which the counts say nothing.
    fn finding(&self, technique: &'static str) -> Option<Finding> {
        let cause = self.cause(technique);
        let percent = 100.0 * (1.0 - cause.ratio);
        let text = format!("{technique} is off, and a request takes {percent:.1} % less with it");
        let is_found = self.verdict.speaks_for(self.with);
        let mut found = Finding::when(is_found, percent, "% of CPU time", text)?;
        found.causes.push(cause);
        Some(found)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.trim_end_matches('.');
        let (name, ago) = (self.technique, self.seconds_ago);
        write!(f, "`{name}` is off, and a duel said {ago} s ago: {said}")
    }
}

/// A fact, and no cause: they may cost nothing under this load.
fn not_compared(names: &[&str]) -> Finding {
    let count = names.len();
    let list = names.join(", ");
    let are = match count {
        1 => "technique is",
        _ => "techniques are",
    };
    let text = format!("{count} {are} off, and no duel has said what that costs: {list}");
    #[allow(clippy::cast_precision_loss)] // A few dozen.
    let number = count as f64;
    Finding {
        text,
        number,
        unit: "techniques",
        causes: Vec::new(),
        remedy: None,
        count: None,
    }
}

fn next(names: &[&str], is_live: bool, host: &str) -> String {
    let first = names[0];
    let begin = if is_live {
        "which technique it is, a duel says, under this load"
    } else {
        "which technique it is, a duel says: start the server with --live and the same options; \
         then, under this load"
    };
    format!("{begin}: curl -X POST 'http://{host}/duel?with={first}', and so for each")
}

#[cfg(test)]
mod tests;
