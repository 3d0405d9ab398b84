//! `/findings`: what the accounts say, in words, each with its number.
//!
//! A finding is something that costs more than it must, or that makes other figures mean less than
//! they seem to. Each is found by a rule of its own, a function of the figures ([`rules`]). A
//! technique is named only where it would help and is off.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::accept;
use super::accounts::LOOK_BACK;
use super::units::{decimals, float};
use crate::accounts::{Accounts, Figures, Window};
use crate::config::Config;
use crate::http::{Request, Response};
use crate::techniques;

mod rules;

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
    /// What is switched off.
    config: &'a Config,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// A sentence without a full stop, with the number in it.
    #[serde(rename = "finding")]
    text: String,
    number: f64,
    unit: &'static str,
    /// The technique that takes this cost away, if it is off.
    technique: Option<&'static str>,
    /// What to do about it, if it is not a technique.
    remedy: Option<&'static str>,
}

#[derive(Serialize)]
struct Report {
    /// Which window was looked at: the last ten seconds, or all since the start before they have
    /// passed or if nothing was asked in them.
    window: &'static str,
    seconds: f64,
    requests: u64,
    findings: Vec<Finding>,
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
    let findings = Report::of(name, &window, config);
    let response = if accept::prefers(request, &accept::TEXT, &accept::JSON) {
        Response::text(findings.text())
    } else {
        Response::json(findings)
    };
    accept::varies(response)
}

impl Report {
    fn of(name: &'static str, window: &Window, config: &Config) -> Self {
        let evidence = Evidence {
            figures: window.sum(),
            reactors: &window.reactors,
            span: window.span,
            config,
        };
        let judged = |rules: &[Rule]| -> Vec<Finding> {
            rules.iter().filter_map(|rule| rule(&evidence)).collect()
        };
        let findings = judged(&RULES);
        let good: &[Rule] = if findings.is_empty() { &GOOD } else { &[] };
        Self {
            window: name,
            seconds: decimals(window.span.as_secs_f64()),
            requests: evidence.figures.requests,
            good: judged(good),
            findings,
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
            if let Some(name) = found.technique {
                let _ = write!(text, "; technique `{name}` is off");
            }
            if let Some(remedy) = found.remedy {
                let _ = write!(text, "; {remedy}");
            }
            text.push('\n');
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

    /// The first of these techniques that is off.
    fn off(&self, names: &[&'static str]) -> Option<&'static str> {
        let switch = |name| techniques::find(name)?.switch();
        let is_off = |name| switch(name).is_some_and(|switch| !switch.is_on(self.config));
        names.iter().copied().find(|name| is_off(name))
    }
}

impl Finding {
    fn when(is_found: bool, number: f64, unit: &'static str, text: String) -> Option<Self> {
        is_found.then(|| Self {
            text,
            number: decimals(number),
            unit,
            technique: None,
            remedy: None,
        })
    }

    /// Names the technique, if there is one that is off.
    fn technique(mut self, technique: Option<&'static str>) -> Self {
        self.technique = technique;
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
