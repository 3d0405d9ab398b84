//! Mean, standard deviation, maximum and percentiles of the same numbers.
//!
//! Chebyshev's inequality is not here: of one standard deviation, which is all that wrk prints, it
//! says nothing.

use super::printed::{Printed, Spread};
use super::{Finding, Known, Severity};

const BHATIA_DAVIS: &str = "Bhatia and Davis, A Better Bound on the Variance, 2000";
const SAMUELSON: &str = "Samuelson, How Deviant Can You Be?, 1968";
const MARKOV: &str = "Markov's inequality";
const SPREAD: &str = "wrk 4.1.0, stats_within_stdev in src/stats.c";
const LOST: &str = "wrk 4.1.0, stats_percentile in src/stats.c: 0 if it finds too few";

/// A thread's rate is looked at ten times a second.
const LOOKS_PER_SECOND: f64 = 10.0;

/// What cannot be of the same numbers.
pub(super) fn findings(run: &Printed, known: &Known) -> Vec<Finding> {
    let doubt = known.doubt(run);
    let mut found = Vec::new();
    let rates = ("Req/Sec", run.thread_rate, Severity::Impossible);
    for (name, spread, doubt) in [("Latency", run.latency, doubt), rates] {
        if let Some(spread) = spread {
            let all = [
                maximum(name, &spread),
                too_wide(name, &spread),
                within(name, &spread, doubt),
            ];
            found.extend(all.into_iter().flatten());
        }
    }
    found.extend(too_far(run));
    found.extend(ascent(run, doubt));
    found.extend(percentiles(run, doubt));
    found
}

fn impossible(kind: &'static str, sentence: String, source: &'static str) -> Finding {
    Finding::new(Severity::Impossible, kind, sentence, source)
}

fn maximum(name: &str, spread: &Spread) -> Option<Finding> {
    (spread.mean.low() > spread.max.high()).then(|| {
        let (mean, max) = (spread.mean.text, spread.max.text);
        let sentence = format!("{name}: the mean {mean} is above the maximum {max}.");
        impossible("maximum", sentence, "a mean lies among its numbers")
    })
}

/// Numbers from 0 to `max` with this mean spread most when all lie at the two ends. wrk divides by
/// one less than their count, which for two numbers doubles the variance.
fn too_wide(name: &str, spread: &Spread) -> Option<Finding> {
    let variance = (spread.max.high() - spread.mean.low()).max(0.0) * spread.mean.high();
    let most = (2.0 * variance).sqrt();
    (spread.stdev.low() > most && spread.max.low() >= spread.mean.low()).then(|| {
        let sentence = format!(
            "{name}: from 0 to {} with the mean {} the deviation cannot be {}.",
            spread.max.text, spread.mean.text, spread.stdev.text
        );
        impossible("deviation", sentence, BHATIA_DAVIS)
    })
}

/// If mean - deviation is below 0 and mean + deviation above the maximum, all lie in between.
fn within(name: &str, spread: &Spread, doubt: Severity) -> Option<Finding> {
    let share = spread.within?;
    if share.low() > 100.0 {
        let sentence = format!("{name}: {} % are more than all.", share.text);
        return Some(impossible("within", sentence, SPREAD));
    }
    let covers_all = spread.stdev.low() > spread.mean.high()
        && spread.mean.low() + spread.stdev.low() > spread.max.high();
    (covers_all && share.high() < 100.0).then(|| {
        let sentence = format!(
            "{name}: {} +/- {} holds everything from 0 to {}, and not {} %.",
            spread.mean.text, spread.stdev.text, spread.max.text, share.text
        );
        Finding::new(doubt, "within", sentence, SPREAD)
    })
}

/// Of n numbers none is farther from the mean than (n - 1) / sqrt(n) deviations. Only the rates are
/// few enough for that to matter.
fn too_far(run: &Printed) -> Option<Finding> {
    let (spread, threads, runtime) = (run.thread_rate?, run.threads?, run.runtime?);
    #[expect(clippy::cast_precision_loss, reason = "a number of threads")]
    let looks = threads as f64 * (runtime.high() / 1e6 * LOOKS_PER_SECOND + 1.0);
    // wrk cuts the maximum's decimals off with all others': each number is whole, the mean is not.
    let farthest = spread.stdev.high() * (looks - 1.0) / looks.sqrt() + 1.0;
    let distance = spread.max.low() - spread.mean.high();
    (distance > farthest).then(|| {
        let sentence = format!(
            "Req/Sec: {looks:.0} numbers at most, with the deviation {}, and {} is {distance:.0} \
             above the mean {}; {farthest:.0} is the farthest.",
            spread.stdev.text, spread.max.text, spread.mean.text
        );
        impossible("outlier", sentence, SAMUELSON)
    })
}

fn ascent(run: &Printed, doubt: Severity) -> Vec<Finding> {
    let mut found = Vec::new();
    for pair in run.percentiles.windows(2) {
        if let [(lower, first), (higher, second)] = pair
            && first.low() > second.high()
        {
            if second.value <= 0.0 && doubt != Severity::Impossible {
                let sentence = format!(
                    "{higher} % is {}: what wrk padded is counted, and too short to be found.",
                    second.text
                );
                found.push(Finding::new(doubt, "percentiles", sentence, LOST));
                break;
            }
            let sentence = format!(
                "{lower} % took up to {}, but {higher} % up to {}.",
                first.text, second.text
            );
            found.push(impossible("percentiles", sentence, "percentiles ascend"));
        }
    }
    found
}

fn percentiles(run: &Printed, doubt: Severity) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(latency) = run.latency else {
        return found;
    };
    for (percent, time) in &run.percentiles {
        let least = time.low() * (1.0 - percent / 100.0);
        if least > latency.mean.high() {
            let sentence = format!(
                "{:.0} % took {} or longer, so the mean is at least {least:.0} us, not {}.",
                100.0 - percent,
                time.text,
                latency.mean.text
            );
            found.push(Finding::new(doubt, "percentiles", sentence, MARKOV));
        }
        if time.low() > latency.max.high() {
            let sentence = format!("{} is above the maximum {}.", time.text, latency.max.text);
            found.push(impossible(
                "percentiles",
                sentence,
                "a maximum is the largest",
            ));
        }
    }
    found
}
