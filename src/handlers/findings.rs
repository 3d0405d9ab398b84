//! `/findings`: what the accounts say, in words, each with its number.
//!
//! A finding is something that costs more than it must, or that makes other figures mean less than
//! they seem to. Each is found by a rule of its own, a function of the figures ([`rules`]).
//!
//! The accounts count what a request costs, and cannot know why. So a technique is called the cause
//! only where a duel of this process has measured it ([`causes`]); else the report says how to ask
//! for one.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::accept;
use super::accounts::LOOK_BACK;
use super::units::{decimals, float};
use crate::accounts::{Accounts, Figures, Verdict, Window};
use crate::config::Config;
use crate::http::{Request, Response};

mod rules;

mod causes;

use causes::{Cause, Causes};
use rules::{GOOD, REQUESTS_MIN, RULES, Rule};

/// What the rules look at.
#[derive(Debug)]
struct Evidence<'a> {
    /// All reactors together.
    figures: Figures,
    /// Each by itself.
    reactors: &'a [Figures],
    /// In how long they did it.
    span: Duration,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// A sentence without a full stop, with the number in it.
    #[serde(rename = "finding")]
    text: String,
    number: f64,
    unit: &'static str,
    /// The techniques that are off and take this cost away, as duels have measured.
    causes: Vec<Cause>,
    /// What to do about it, if it is not a technique.
    remedy: Option<&'static str>,
    /// What a duel calls that which there is more of, if a technique could be the cause.
    #[serde(skip)]
    count: Option<&'static str>,
}

#[derive(Serialize)]
struct Report {
    /// Which window was looked at: the last ten seconds, or all since the start before they have
    /// passed or if nothing was asked in them.
    window: &'static str,
    seconds: f64,
    requests: u64,
    findings: Vec<Finding>,
    /// How to find out the cause of what has none yet.
    next: Option<String>,
    /// If nothing was found: the numbers that say so.
    good: Vec<Finding>,
}

/// `GET /findings`.
pub(super) fn reply(accounts: &Accounts, config: &Config, request: &Request<'_>) -> Response {
    let recent = accounts.history.window(LOOK_BACK);
    // The client that asks this should not be all that is found.
    let recent = recent.filter(|window| window.sum().requests >= REQUESTS_MIN);
    let (name, window) = match recent {
        Some(window) => ("last_10s", window),
        None => ("since_start", accounts.since_start()),
    };
    let verdicts = accounts.verdicts.all();
    let host = String::from_utf8_lossy(request.host().unwrap_or_default());
    let findings = Report::of(name, &window, config, &verdicts, &host);
    let response = if accept::prefers(request, &accept::TEXT, &accept::JSON) {
        Response::text(findings.text())
    } else {
        Response::json(findings)
    };
    accept::varies(response)
}

impl Report {
    fn of(
        name: &'static str,
        window: &Window,
        config: &Config,
        verdicts: &[Verdict],
        host: &str,
    ) -> Self {
        let evidence = Evidence {
            figures: window.sum(),
            reactors: &window.reactors,
            span: window.span,
        };
        let judged = |rules: &[Rule]| -> Vec<Finding> {
            rules.iter().filter_map(|rule| rule(&evidence)).collect()
        };
        let mut findings = judged(&RULES);
        let causes = Causes::of(config, verdicts);
        let next = causes.attribute(&mut findings, config.live, host);
        let good: &[Rule] = if findings.is_empty() { &GOOD } else { &[] };
        Self {
            window: name,
            seconds: decimals(window.span.as_secs_f64()),
            requests: evidence.figures.requests,
            good: judged(good),
            findings,
            next,
        }
    }

    fn text(&self) -> String {
        let (seconds, requests) = (self.seconds, self.requests);
        let mut text = format!("{requests} requests in {seconds:.0} s\n\n");
        if self.findings.is_empty() {
            text.push_str("nothing was found\n");
        }
        for found in self.findings.iter().chain(&self.good) {
            // Writing to a String cannot fail.
            let _ = write!(text, "- {}", found.text);
            for cause in &found.causes {
                let _ = write!(text, "; {cause}");
            }
            if let Some(remedy) = found.remedy {
                let _ = write!(text, "; {remedy}");
            }
            text.push('\n');
        }
        if let Some(next) = &self.next {
            let _ = writeln!(text, "\n{next}");
        }
        text
    }
}

impl Evidence<'_> {
    /// A count by the request, if there were enough of them to say so.
    fn by_request(&self, count: u64) -> Option<f64> {
        let requests = self.figures.requests;
        (requests >= REQUESTS_MIN).then(|| share(count, requests))
    }
}

impl Finding {
    fn when(is_found: bool, number: f64, unit: &'static str, text: String) -> Option<Self> {
        is_found.then(|| Self {
            text,
            number: decimals(number),
            unit,
            causes: Vec::new(),
            remedy: None,
            count: None,
        })
    }

    /// A technique could be the cause: a duel of it shows a difference in `name`.
    fn counted_as(mut self, name: &'static str) -> Self {
        self.count = Some(name);
        self
    }

    fn remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// A part in percent, if there is enough of the whole to say so.
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole >= REQUESTS_MIN).then(|| 100.0 * share(part, whole))
}

/// `part / whole`; 0 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    super::units::ratio(float(part), float(whole))
}
