//! Asks a running server what a technique is worth: `POST /duel`, the load for it, and exit codes.
//!
//! The server measures itself; here is only who asks. A duel that the server refuses is told in its
//! own words.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::Exit;
use crate::ablate::workloads;
use crate::generator::lane::Background;
use crate::process::Client;
use crate::results::{Row, RowKind};
use crate::statistics::{Estimate, Verdict, of_pairs};
use crate::threshold::{OF_TWO, Threshold, of_two};

/// How long an answer may take beyond the duel itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a call costs here in nanoseconds, where it is one more or one less: perf and callgrind on
/// the machine of `docs/measuring.md`. Ranges of a factor of two, so a prediction is a size.
const PRICES: [(&str, f64); 7] = [
    ("send", 2_130.0),
    ("recv", 415.0),
    ("epoll_wait", 310.0),
    ("epoll_ctl", 450.0),
    // It is a recv, too, and costs less than one that brings something.
    ("eagain", 260.0 - 415.0),
    ("bytes_copied", 0.01),
    ("allocations", 25.0),
];
/// Counts that a row names: the dearest come first.
const REASONS: usize = 3;

/// Ask a server that runs with --live what a technique is worth.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The server, such as <http://127.0.0.1:8080>.
    #[arg(value_name = "URL")]
    url: String,
    /// Compare what stands with the same without these techniques, such as register-once,slab.
    #[arg(long, value_name = "NAMES", group = "what")]
    without: Option<String>,
    /// Compare it with the same with these.
    #[arg(long, value_name = "NAMES", group = "what")]
    with: Option<String>,
    /// Compare it with the naive server.
    #[arg(long, group = "what")]
    naive: bool,
    /// Compare two sets: the first, such as event-batching=16.
    #[arg(long, value_name = "SET", requires = "b", conflicts_with = "what")]
    a: Option<String>,
    /// The second.
    #[arg(long, value_name = "SET", requires = "a")]
    b: Option<String>,
    /// Seconds that it may take.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=60))]
    seconds: u8,
    /// Refuse a verdict unless nearly all requests were for this route.
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    /// Bring the load, too: keep-alive, pipelined-x16, json ... [default: what is there].
    #[arg(long, value_name = "WORKLOAD")]
    load: Option<String>,
    /// Print the server's JSON.
    #[arg(long)]
    json: bool,
    /// Exit with 3 if this holds, such as 'low > 1.05': ratio, low, high, ns_a, ns_b.
    #[arg(long, value_name = "EXPRESSION")]
    fail_if: Option<String>,
}

/// Runs it: [`Exit::Noisy`] without a verdict, [`Exit::Threshold`] if `--fail-if` holds.
///
/// # Errors
///
/// If there is no such server, or it refuses.
pub fn run(options: &Options) -> Result<Exit> {
    let known = OF_TWO.map(str::to_owned);
    let threshold = Threshold::given(options.fail_if.as_deref(), &known)?;
    let server = options.url.trim_end_matches('/');
    let load = match &options.load {
        Some(name) => Some(Background::start(
            address(server)?,
            &workloads::named(name)?,
        )?),
        None => None,
    };
    let text = post(server, &options.query(), options.seconds.into())?;
    load.map(Background::end).transpose()?;
    let outcomes = outcomes(&text)?;
    if options.json {
        println!("{text}");
    } else {
        for outcome in &outcomes {
            println!("{}", outcome.sentence);
        }
    }
    judged(&outcomes, threshold.as_ref())
}

fn judged(outcomes: &[Outcome], threshold: Option<&Threshold>) -> Result<Exit> {
    let last = outcomes.last().context("the server told of no duel")?;
    let (Some(ratio), Some(verdict)) = (last.ratio, last.verdict) else {
        return Ok(Exit::Noisy);
    };
    let ns = last.arms.each_ref().map(|arm| arm.ns_per_request);
    if Threshold::is_crossed(threshold, &of_two(&ratio, ns))? {
        return Ok(Exit::Threshold);
    }
    let is_open = matches!(verdict, Verdict::NotResolved | Verdict::CarryOver);
    Ok(if is_open { Exit::Noisy } else { Exit::Success })
}

impl Options {
    fn query(&self) -> String {
        let mut query = format!("seconds={}", self.seconds);
        let named = [
            ("without", &self.without),
            ("with", &self.with),
            ("a", &self.a),
            ("b", &self.b),
            ("route", &self.route),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                query.extend(["&", name, "=", value]);
            }
        }
        query + if self.naive { "&naive=1" } else { "" }
    }
}

fn address(url: &str) -> Result<SocketAddr> {
    let name = url.strip_prefix("http://");
    let name = name.with_context(|| format!("{url} is not http://HOST:PORT"))?;
    let found = name
        .to_socket_addrs()
        .with_context(|| name.to_owned())?
        .next();
    found.with_context(|| format!("{name} has no address"))
}

/// What the server says of a duel.
#[derive(Clone, Debug, Deserialize)]
pub struct Outcome {
    /// In a sentence.
    pub sentence: String,
    /// What may be said; `None` without an interval.
    pub verdict: Option<Verdict>,
    /// CPU time for a request, the second arm's by the first's.
    pub ratio: Option<Estimate>,
    /// What a request takes more or less in the second arm, the dearest first.
    pub differences: Vec<String>,
    /// The two.
    pub arms: [Arm; 2],
    /// Of each pair its number and its ratio.
    #[serde(default)]
    pub rows: Vec<(u32, f64)>,
}

/// One of the two.
#[derive(Clone, Debug, Deserialize)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// CPU time of the serving threads by requests.
    pub ns_per_request: Option<f64>,
    /// Percent of their time that the reactors were at work.
    pub busy_percent: Option<f64>,
    /// How full the batches were.
    pub events_per_poll: Option<f64>,
    /// Counts of a request, by name; `None` where nobody counted.
    per_request: BTreeMap<String, Option<f64>>,
}

impl Outcome {
    /// What a request takes more in the second arm, by the name of the count.
    pub fn more(&self) -> BTreeMap<String, f64> {
        let [first, second] = &self.arms;
        let both = second.per_request.iter().filter_map(|(name, more)| {
            let less = first.per_request.get(name).copied().flatten()?;
            Some((name.clone(), (*more)? - less))
        });
        both.collect()
    }
}

impl Arm {
    /// What a request takes, by the prices. A count that was not made costs nothing.
    fn priced(&self) -> f64 {
        let each = PRICES.map(|(count, price)| {
            let counted = self.per_request.get(count).copied().flatten();
            counted.unwrap_or(0.0) * price
        });
        each.iter().sum()
    }
}

/// A duel: `query` as of `POST /duel`, without the seconds.
///
/// # Errors
///
/// If the server refuses, in its own words.
pub fn ask(address: SocketAddr, query: &str, seconds: u64) -> Result<Outcome> {
    let query = format!("seconds={seconds}&rows=1&{query}");
    let text = post(&format!("http://{address}"), &query, seconds)?;
    outcomes(&text)?.pop().context("the server told of no duel")
}

fn post(server: &str, query: &str, seconds: u64) -> Result<String> {
    // Three controls, where nothing is named, each as long.
    let longest = 3 * Duration::from_secs(seconds) + PATIENCE;
    let answer = Client::to(server, longest).ask("POST", &format!("/duel?{query}"), ());
    let (status, body) = answer.with_context(|| format!("{server} does not answer"))?;
    let text = String::from_utf8(body)?;
    let is_done = (200..300).contains(&status);
    ensure!(is_done, "{server} refuses: {}", text.trim());
    Ok(text)
}

/// An answer: one outcome, or those of the controls.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Controls { controls: Vec<Outcome> },
    One(Box<Outcome>),
}

fn outcomes(text: &str) -> Result<Vec<Outcome>> {
    let told = serde_json::from_str(text);
    Ok(
        match told.with_context(|| format!("the server's answer is no duel: {}", text.trim()))? {
            Told::Controls { controls } => controls,
            Told::One(outcome) => vec![*outcome],
        },
    )
}

/// A row of one or several outcomes of the same duel, at a level.
pub fn row(kind: RowKind, about: &str, workload: &str, outcomes: &[Outcome], level: f64) -> Row {
    let ratios = outcomes.iter().flat_map(|outcome| &outcome.rows);
    let ratios: Vec<f64> = ratios.map(|(_, ratio)| *ratio).collect();
    let ratio = of_pairs(&ratios, level);
    let mut row = Row {
        about: about.to_owned(),
        kind,
        workload: workload.to_owned(),
        judged_by: "CPU time".to_owned(),
        ratio,
        verdict: ratio.as_ref().map(Verdict::of).unwrap_or_default(),
        ratios,
        ..Row::default()
    };
    let Some(last) = outcomes.last() else {
        return row;
    };
    let mut verdicts = outcomes.iter().map(|outcome| outcome.verdict);
    if verdicts.all(|verdict| verdict == Some(Verdict::CarryOver)) {
        row.verdict = Verdict::CarryOver;
    }
    let [base, subject] = &last.arms;
    (row.base, row.subject) = (base.name.clone(), subject.name.clone());
    (row.base_ns, row.subject_ns) = (base.ns_per_request, subject.ns_per_request);
    let busy = |arm: &Arm| arm.busy_percent.map(|percent| percent / 100.0);
    (row.base_busy, row.subject_busy) = (busy(base), busy(subject));
    (row.base_events, row.subject_events) = (base.events_per_poll, subject.events_per_poll);
    let reasons = last.differences.len().min(REASONS);
    row.why = last.differences[..reasons].join(", ");
    row.predicted_ns = Some(subject.priced() - base.priced());
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{
        "sentence": "A request costs 13.0 % more (12.9 to 13.1 %): one epoll_ctl more.",
        "verdict": "slower",
        "differences": ["one epoll_ctl more", "1.00 recv less", "9 copied bytes more", "a fourth"],
        "ratio": {"median": 1.13, "low": 1.129, "high": 1.131, "coverage": 0.96, "pairs": 60},
        "arms": [
            {"name": "as it stands", "requests": 9, "ns_per_request": 3000.0,
             "busy_percent": 80.0, "events_per_poll": 9.0,
             "per_request": {"recv": 1, "send": 1, "epoll_wait": 0.1, "epoll_ctl": 0, "eagain": 0,
                             "timer_entries": 0, "bytes_copied": 13, "allocations": 0}},
            {"name": "without register-once", "requests": 9, "ns_per_request": 3390.0,
             "busy_percent": 85.0, "events_per_poll": 8.0,
             "per_request": {"recv": 1, "send": 1, "epoll_wait": 0.1, "epoll_ctl": 1, "eagain": 0,
                             "timer_entries": 0, "bytes_copied": 13, "allocations": null}}
        ],
        "rows": [[0, 1.13], [1, 1.12], [2, 1.14], [3, 1.13], [4, 1.13], [5, 1.13]],
        "state": "is over"
    }"#;

    #[test]
    fn an_answer_becomes_a_row() {
        let mut outcomes = outcomes(TOLD).unwrap();
        outcomes[0].verdict = Some(Verdict::NotResolved);
        outcomes[0].sentence = "Not resolved.".to_owned();
        let row = row(
            RowKind::LeaveOut,
            "register-once",
            "keep-alive",
            &outcomes,
            0.95,
        );
        assert_eq!(row.ratio.unwrap().pairs, 6);
        assert_eq!(
            row.why, "one epoll_ctl more, 1.00 recv less, 9 copied bytes more",
            "counts are told whether or not the times are resolved"
        );
        assert!((row.predicted_ns.unwrap() - 450.0).abs() < 1e-9);
        assert_eq!((row.base_busy, row.subject_ns), (Some(0.8), Some(3390.0)));
    }

    #[test]
    fn every_price_is_of_a_count_that_the_server_makes() {
        let counts = serde_json::to_value(barewire::duel::counts::Counts::default()).unwrap();
        for (count, _) in PRICES {
            assert!(counts.get(count).is_some(), "{count}");
        }
    }

    #[test]
    fn what_is_no_duel_is_told() {
        let error = outcomes(r#"{"state":"looks at the load"}"#).unwrap_err();
        assert!(error.to_string().contains("is no duel"), "{error}");
        assert_eq!(
            outcomes(&format!(r#"{{"controls":[{TOLD},{TOLD}]}}"#))
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn exit_codes_follow_the_verdict_and_the_threshold() {
        let slower = outcomes(TOLD).unwrap();
        assert_eq!(judged(&slower, None).unwrap(), Exit::Success);
        let known = OF_TWO.map(str::to_owned);
        let of = |text| Threshold::given(Some(text), &known).unwrap().unwrap();
        assert_eq!(
            judged(&slower, Some(&of("low > 1.1"))).unwrap(),
            Exit::Threshold
        );
        assert_eq!(
            judged(&slower, Some(&of("low > 1.2"))).unwrap(),
            Exit::Success
        );
        let open = TOLD.replace("\"slower\"", "\"not resolved\"");
        assert_eq!(
            judged(&outcomes(&open).unwrap(), None).unwrap(),
            Exit::Noisy
        );
    }
}
