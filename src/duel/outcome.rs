//! What came of a duel: rows become pairs, pairs an interval, the interval a sentence. Pure
//! functions; whoever runs them is no reactor.

use serde::Serialize;

use super::counts::{Counts, float, ratio};
use super::schedule::{REQUESTS_MIN, Schedule};
use super::statistics::{self, Estimate, PAIRS_MIN, Verdict};
use super::{Duel, Ledger, Row, Sum};

/// The chance that the interval of a single duel holds the true value.
pub const LEVEL: f64 = 0.95;
/// Below this share of its time at work, a reactor's batches are small, and the ratio is that of
/// this load.
const BUSY_ENOUGH: f64 = 0.9;
/// A duel so far.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// In a sentence.
    pub sentence: String,
    /// What may be said; `None` without an interval.
    pub verdict: Option<Verdict>,
    /// CPU time per request, the second arm's by the first's: median and interval.
    pub ratio: Option<Estimate>,
    /// Pairs that were spoilt: a reactor missed the beginning of a slice, or it had no request.
    pub pairs_dropped: usize,
    /// Length of a slice in milliseconds; of every third pair it is twice as long.
    pub slice_ms: f64,
    /// How much of it is for settling.
    pub settle_ms: f64,
    /// Percent of the time that is charged to one of the arms.
    pub charged_percent: f64,
    /// What a request of the second arm takes more, or less, than one of the first; the dearest
    /// first. Counted, so it holds whatever the verdict.
    pub differences: Vec<String>,
    /// The two.
    pub arms: [Arm; 2],
    /// Each pair that counts: its number, and the second arm's figure by the first's.
    pub rows: Vec<(u32, f64)>,
}

/// One of the two.
#[derive(Clone, Debug, Serialize)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Requests that were answered in its slices.
    pub requests: u64,
    /// CPU time of the serving threads by requests.
    pub ns_per_request: Option<f64>,
    /// Percent of their time that the reactors were at work.
    pub busy_percent: Option<f64>,
    /// How full the batches were.
    pub events_per_poll: Option<f64>,
    /// Median of the response time in microseconds, as the server sees it.
    pub p50_us: Option<f64>,
    /// Its 99th percentile.
    pub p99_us: Option<f64>,
    /// What a request took.
    pub per_request: Counts,
}

/// The ratios of a duel's pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// Of each pair that counts, its number and the second arm's figure by the first's.
    pub ratios: Vec<(u32, f64)>,
    /// Pairs that are over and do not count.
    pub dropped: usize,
    /// Requests of the smallest slice that counts.
    pub requests_least: u64,
}

impl Outcome {
    /// What a duel says by now, with what its arms are called.
    pub fn of(duel: &Duel, names: [&str; 2]) -> Self {
        let ledgers: Vec<Ledger> = (0..duel.ledgers.len())
            .filter_map(|reactor| Some(duel.ledger(reactor)?.clone()))
            .collect();
        let pairs = pairs(&duel.schedule, &ledgers);
        let of = |wanted: fn(u32) -> bool| -> Option<Estimate> {
            let ratios = pairs.ratios.iter().filter(|(pair, _)| wanted(*pair));
            let ratios: Vec<f64> = ratios.map(|(_, ratio)| *ratio).collect();
            statistics::estimate(&ratios, LEVEL)
        };
        let ratio = of(|_| true);
        let doubled = of(Schedule::is_doubled);
        let single = of(|pair| !Schedule::is_doubled(pair));
        let verdict = ratio
            .as_ref()
            .map(|ratio| statistics::verdict(ratio, doubled.as_ref(), single.as_ref()));
        let sums = [0, 1].map(|arm| {
            let sums = ledgers.iter().map(|ledger| &ledger.sums[arm]);
            sums.fold(Sum::nothing(), Sum::plus)
        });
        let arms = [0, 1].map(|arm| Arm::of(&sums[arm], names[arm]));
        let mut outcome = Self {
            sentence: String::new(),
            verdict,
            ratio,
            pairs_dropped: pairs.dropped,
            slice_ms: milliseconds(duel.schedule.slice),
            settle_ms: milliseconds(duel.schedule.settle),
            charged_percent: 100.0 * duel.schedule.charged(),
            differences: differences(&arms),
            arms,
            rows: pairs.ratios,
        };
        outcome.sentence = outcome.sentence(pairs.requests_least);
        outcome
    }

    fn sentence(&self, requests_least: u64) -> String {
        let (Some(ratio), Some(verdict)) = (&self.ratio, self.verdict) else {
            return format!(
                "No verdict: fewer than {PAIRS_MIN} pairs of slices count. It takes a load that \
                 does not stop, and some time."
            );
        };
        let mut sentence = self.claim(ratio, verdict);
        if matches!(verdict, Verdict::Slower | Verdict::Faster) && !self.differences.is_empty() {
            sentence += ": ";
            sentence += &self.why();
        }
        let busy = self.arms.iter().filter_map(|arm| arm.busy_percent);
        if busy.fold(100.0, f64::min) < 100.0 * BUSY_ENOUGH {
            sentence += "; at this load, which leaves the reactors time to sleep";
        }
        if requests_least < REQUESTS_MIN {
            sentence += "; the slices had few requests";
        }
        sentence + "."
    }

    /// What the interval says.
    fn claim(&self, ratio: &Estimate, verdict: Verdict) -> String {
        let (name, is_same) = (&self.arms[1].name, self.arms[1].name == self.arms[0].name);
        let percent = |ratio: f64| 100.0 * (ratio - 1.0).abs();
        let (one, other) = (percent(ratio.low), percent(ratio.high));
        let (least, most, middle) = (one.min(other), one.max(other), percent(ratio.median));
        let costs = |more: &str| {
            let name = capital(name);
            let range = format!("{least:.1} to {most:.1} %");
            format!("{name} a request costs {middle:.1} % {more} CPU time ({range})")
        };
        match verdict {
            Verdict::Slower => costs("more"),
            Verdict::Faster => costs("less"),
            Verdict::Negligible if is_same => {
                "The same against itself: no difference, as it should be".to_owned()
            }
            Verdict::Negligible => {
                let name = capital(name);
                format!("{name} a request costs the same CPU time to within 0.5 %")
            }
            Verdict::NotResolved => {
                let name = if is_same { "against itself" } else { name };
                let Estimate {
                    median, low, high, ..
                } = ratio;
                let times = format!("{median:.3} ({low:.3} to {high:.3})");
                format!("Not resolved: {name} a request costs {times} times the CPU time")
            }
            Verdict::CarryOver => "No verdict: slices of double length say something else, so \
                                   what one arm does reaches into the other; try a longer slice_ms"
                .to_owned(),
        }
    }

    /// What a request of the second arm takes more than one of the first, by name.
    pub fn more(&self) -> Vec<(&'static str, f64)> {
        let [before, after] = self.arms.each_ref().map(|arm| arm.per_request.named());
        let pairs = before.iter().zip(&after);
        pairs
            .map(|((name, .., before), (.., after))| (*name, after - before))
            .collect()
    }

    /// The differences in a few words.
    pub fn why(&self) -> String {
        self.differences.join(", ")
    }
}

impl Arm {
    fn of(sum: &Sum, name: &str) -> Self {
        let figures = &sum.figures;
        let requests = figures.requests;
        let percentile = |share| Some(float(sum.times.percentile(share)?) / 1e3);
        Self {
            name: name.to_owned(),
            requests,
            ns_per_request: ratio(sum.nanos, requests),
            busy_percent: ratio(sum.own_nanos, sum.wall).map(|share| 100.0 * share),
            events_per_poll: ratio(figures.events, figures.turns),
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            per_request: Counts::of(figures),
        }
    }
}

fn differences([first, second]: &[Arm; 2]) -> Vec<String> {
    let (before, after) = (first.per_request.named(), second.per_request.named());
    let mut told = Vec::new();
    for ((name, least, price, before), (.., after)) in before.iter().zip(&after) {
        let difference = after - before;
        if difference.abs() >= *least {
            let word = if difference > 0.0 { "more" } else { "less" };
            let text = format!("{} {word}", amount(difference.abs(), name));
            told.push((difference.abs() * price, text));
        }
    }
    told.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    told.into_iter().map(|(_, text)| text).collect()
}

/// The ratios of all pairs that are over on every reactor. One that a reactor missed, or in which
/// nobody asked anything, is dropped for all.
pub fn pairs(schedule: &Schedule, ledgers: &[Ledger]) -> Pairs {
    let over = ledgers.iter().map(|ledger| ledger.through).min();
    let mut found = Pairs {
        requests_least: u64::MAX,
        ..Pairs::default()
    };
    let mut rows: Vec<std::iter::Peekable<std::slice::Iter<'_, Row>>> = ledgers
        .iter()
        .map(|ledger| ledger.rows.iter().peekable())
        .collect();
    for pair in 0..over.unwrap_or(0) / 2 {
        let slices = [2 * pair, 2 * pair + 1].map(|slice| {
            let rows = rows
                .iter_mut()
                .map(|rows| rows.next_if(|row| row.slice == slice));
            // All of them are taken off, whichever is missing.
            let rows: Vec<Option<&Row>> = rows.collect();
            rows.into_iter().try_fold((0, 0), |(nanos, requests), row| {
                row.map(|row| (nanos + row.nanos, requests + row.requests))
            })
        });
        match slices {
            [
                Some((first_ns, first @ 1..)),
                Some((second_ns, second @ 1..)),
            ] if first_ns > 0 => {
                let cost = |nanos, requests| float(nanos) / float(requests);
                let (first_cost, second_cost) = (cost(first_ns, first), cost(second_ns, second));
                let ratio = match schedule.arm(2 * pair) {
                    0 => second_cost / first_cost,
                    _ => first_cost / second_cost,
                };
                found.ratios.push((pair, ratio));
                found.requests_least = found.requests_least.min(first).min(second);
            }
            _ => found.dropped += 1,
        }
    }
    found
}

/// `one epoll_ctl`, `0.98 recv`, `212 copied bytes`.
fn amount(count: f64, name: &str) -> String {
    let plural = match name {
        "timer entry" => "timer entries".to_owned(),
        "copied byte" | "allocation" => format!("{name}s"),
        call => call.to_owned(),
    };
    match count {
        _ if (count - 1.0).abs() < 0.03 => format!("one {name}"),
        0.0..10.0 => format!("{count:.2} {plural}"),
        _ => format!("{count:.0} {plural}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

fn milliseconds(nanos: u64) -> f64 {
    float(nanos) / 1e6
}

#[cfg(test)]
mod tests;
