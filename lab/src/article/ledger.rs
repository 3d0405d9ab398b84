//! What the article said, and what was measured.
//!
//! The article's own figures are quoted here, and nowhere else; everything that stands beside them
//! is arithmetic on them or is looked up in the results.

use super::{CONNECTIONS, OURS};
use crate::results::{Block, Results, Sentence};

/// One of the article's three blocks of wrk output.
struct Printed {
    /// Who, in the article's words.
    who: &'static str,
    /// Who plays the part here.
    here: &'static str,
    requests_per_second: f64,
    latency_ms: f64,
}

const PRINTED: [Printed; 3] = [
    Printed {
        who: "this framework",
        here: "hyperlane-5",
        requests_per_second: 182_241.13,
        latency_ms: 2.15,
    },
    Printed {
        who: "Express.js",
        here: "express",
        requests_per_second: 25_207.80,
        latency_ms: 45.67,
    },
    Printed {
        who: "Spring Boot",
        here: "spring-boot",
        requests_per_second: 15_596.33,
        latency_ms: 78.90,
    },
];

/// Microseconds that the article's handler waits.
const WAIT_US: f64 = 100.0;
/// How much faster it says the framework is, than whom.
const FACTORS: [(&str, f64, &str); 2] = [
    ("Express.js", 7.2, "express"),
    ("Spring Boot", 11.7, "spring-boot"),
];
/// What it says of latency.
const LATENCY_REDUCTION: f64 = 0.95;

/// All sentences that a figure can decide.
pub(super) fn of(results: &Results) -> Vec<Sentence> {
    let rates = PRINTED.iter().map(|printed| rate(results, printed));
    let littles = PRINTED.iter().map(|printed| little(results, printed));
    let factors = FACTORS
        .iter()
        .map(|(who, factor, here)| faster(results, who, *factor, here));
    let mut ledger: Vec<_> = rates.chain(littles).chain(factors).collect();
    ledger.push(reduction());
    ledger.push(format_of_wrk());
    ledger.push(wait(results));
    ledger.push(simulated(
        "memory_usage: the process id times 1024, \"simulate memory usage\"",
        resident(results),
        "a process id is no memory; `/stats` reads what is resident from /proc/self/statm",
    ));
    ledger.push(simulated(
        "cpu_usage: a random number",
        busy(results),
        "a random number is no measurement; `/stats` reads ticks and schedstat",
    ));
    ledger.push(simulated(
        "requests_per_second: requests divided by the seconds since 1970",
        of_run(results, OURS, "as in the article")
            .map(|block| per_second(block.requests_per_second)),
        "that is the age of the epoch, not of the server",
    ));
    ledger.push(sends(results));
    ledger
}

fn rate(results: &Results, printed: &Printed) -> Sentence {
    let rate = printed.requests_per_second;
    let here = [printed.here, OURS].map(|name| {
        let block = of_run(results, name, "as in the article")?;
        Some(format!("{name}: {}", per_second(block.requests_per_second)))
    });
    let here: Vec<_> = here.into_iter().flatten().collect();
    Sentence {
        said: format!(
            "{}: {} on /benchmark, 12 threads and 400 connections",
            printed.who,
            per_second(rate)
        ),
        measured: or_not(here.join(", ")),
        verdict: "not comparable".to_owned(),
        reason: "it names no processor, no cores and no version, and ran once; and wrk shares the \
                 machine with the server, so such a figure is that of both together"
            .to_owned(),
    }
}

/// Connections are at least requests per second times mean latency (Little, A Proof for the Queuing
/// Formula, 1961).
fn little(results: &Results, printed: &Printed) -> Sentence {
    let under_way = printed.requests_per_second * printed.latency_ms / 1000.0;
    let possible = under_way <= f64::from(CONNECTIONS);
    let most = 1000.0 * f64::from(CONNECTIONS) / printed.requests_per_second;
    let here = of_run(results, printed.here, "as in the article").map(|block| {
        let most = 1000.0 * f64::from(CONNECTIONS) / block.requests_per_second;
        format!(
            "at {} a request takes {most:.1} ms on average, and no more",
            per_second(block.requests_per_second)
        )
    });
    Sentence {
        said: format!(
            "{}: a mean latency of {} ms at {}",
            printed.who,
            printed.latency_ms,
            per_second(printed.requests_per_second)
        ),
        measured: or_not(here.unwrap_or_default()),
        verdict: if possible { "possible" } else { "impossible" }.to_owned(),
        reason: format!(
            "rate x latency is {under_way:.0} requests under way, and 400 connections have 400 \
             at the most: at that rate the mean is at most {most:.1} ms"
        ),
    }
}

fn faster(results: &Results, who: &str, factor: f64, here: &str) -> Sentence {
    let rate = |name: &str| Some(of_run(results, name, "as in the article")?.requests_per_second);
    let ratio = |name: &str| Some(rate(name)? / rate(here)?);
    let of = |name: &str| Some(format!("{name} by {here}: {:.1} x", ratio(name)?));
    let measured: Vec<_> = ["hyperlane-5", OURS].into_iter().filter_map(of).collect();
    let holds = ratio("hyperlane-5").map(|ratio| ratio >= factor);
    Sentence {
        said: format!("{factor} x faster than {who}"),
        measured: or_not(measured.join(", ")),
        verdict: match holds {
            Some(true) => "true here",
            Some(false) => "false here",
            None => "not measured",
        }
        .to_owned(),
        reason:
            "the three wait for timers of different kinds inside the handler: 100 us become 1.1 ms \
                 in tokio and 1 ms or more in Node, so part of the ratio is the timers'"
                .to_owned(),
    }
}

fn reduction() -> Sentence {
    let [this, express, _] = &PRINTED;
    let most = 1000.0 * f64::from(CONNECTIONS) / express.requests_per_second;
    let printed = 1.0 - this.latency_ms / express.latency_ms;
    let possible = 1.0 - this.latency_ms / most;
    Sentence {
        said: format!(
            "over {:.0} % reduction in latency",
            100.0 * LATENCY_REDUCTION
        ),
        measured: format!(
            "{:.1} % by its own figures, {:.1} % by what Express's rate allows",
            100.0 * printed,
            100.0 * possible
        ),
        verdict: "impossible".to_owned(),
        reason: format!(
            "the larger latency cannot be: with 400 connections and {} it is at most {most:.1} ms",
            per_second(express.requests_per_second)
        ),
    }
}

fn format_of_wrk() -> Sentence {
    Sentence {
        said: "5,467,234 requests in 30.00s, 1.23GB read".to_owned(),
        measured: "wrk prints 5467234, without separators; `barewire-lab check` reads any output"
            .to_owned(),
        verdict: "not wrk's".to_owned(),
        reason: "wrk has no thousands separators, and its 30 s runs end some hundredths later"
            .to_owned(),
    }
}

fn wait(results: &Results) -> Sentence {
    let ceiling = f64::from(CONNECTIONS) / (WAIT_US / 1e6);
    let names = [OURS, "hyperlane-5", "express", "spring-boot"];
    let alone = names.into_iter().filter_map(|name| {
        let block = of_run(results, name, "one connection")?;
        Some(format!("{name}: {:.0} us", 1e6 / block.requests_per_second))
    });
    let without = of_run(results, OURS, "without the wait");
    let without = without.map(|block| {
        format!(
            "; without the wait {OURS} gives {}",
            per_second(block.requests_per_second)
        )
    });
    let alone: Vec<_> = alone.collect();
    Sentence {
        said: "its handler \"simulates async I/O\" by sleeping 100 us".to_owned(),
        measured: or_not(if alone.is_empty() {
            String::new()
        } else {
            format!(
                "a request by itself takes {}{}",
                alone.join(", "),
                without.unwrap_or_default()
            )
        }),
        verdict: "simulated".to_owned(),
        reason: format!(
            "no server can give more than connections / wait, here {}; what a timer's \
             resolution adds is then taken for a framework's speed",
            per_second(ceiling)
        ),
    }
}

fn sends(results: &Results) -> Sentence {
    let has = of_run(results, "hyperlane-5", "as in the article").is_some();
    Sentence {
        said: "the program that is shown is the one that was measured".to_owned(),
        measured: or_not(if has {
            "peers/hyperlane-5 answers only because its response middleware sends".to_owned()
        } else {
            String::new()
        }),
        verdict: "false".to_owned(),
        reason:
            "in 5.40.1 setting a body sends nothing, and the program has nothing else; it also \
                 builds only with two of its dependencies held back"
                .to_owned(),
    }
}

fn simulated(said: &str, measured: Option<String>, reason: &str) -> Sentence {
    Sentence {
        said: said.to_owned(),
        measured: or_not(measured.unwrap_or_default()),
        verdict: "simulated".to_owned(),
        reason: reason.to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
fn resident(results: &Results) -> Option<String> {
    let bytes = of_run(results, OURS, "as in the article")?.resident_bytes?;
    Some(format!(
        "{OURS}: {:.1} MB resident with 400 connections",
        bytes as f64 / 1e6
    ))
}

fn busy(results: &Results) -> Option<String> {
    let busy = of_run(results, OURS, "as in the article")?.server_busy?;
    Some(format!(
        "{OURS}: its busiest thread was on a core for {:.0} % of the time",
        100.0 * busy
    ))
}

pub(super) fn of_run<'a>(results: &'a Results, subject: &str, run: &str) -> Option<&'a Block> {
    let mut blocks = results.blocks.iter();
    blocks.find(|block| block.subject == subject && block.workload == run)
}

fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

fn or_not(text: String) -> String {
    if text.is_empty() {
        "not measured".to_owned()
    } else {
        text
    }
}
