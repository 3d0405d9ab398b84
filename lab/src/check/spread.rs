//! Mean, standard deviation, maximum and percentiles of the same numbers.
//!
//! Chebyshev's inequality is not here: of one standard deviation, which is all that wrk prints, it
//! says nothing.

use super::{Finding, Impossible, Printed, Quantity, Severity, Spread};

const BHATIA_DAVIS: &str = "Bhatia and Davis, A Better Bound on the Variance, 2000";
const SAMUELSON: &str = "Samuelson, How Deviant Can You Be?, 1968";
const SPREAD: &str = "wrk 4.1.0, stats_within_stdev in src/stats.c";
const LOST: &str = "wrk 4.1.0, stats_percentile in src/stats.c: 0 if it finds too few";

/// A thread's rate is looked at ten times a second.
const LOOKS_PER_SECOND: f64 = 10.0;

/// What cannot be of the same numbers. wrk pads its latencies, which excuses some of it by `doubt`.
pub(super) fn findings(run: &Printed, doubt: Severity) -> Vec<Finding> {
    let latency = ("Latency", run.latency.as_ref(), doubt);
    let rates = ("Req/Sec", run.thread_rate.as_ref(), Impossible);
    let mut found = Vec::new();
    for (name, spread, doubt) in [latency, rates] {
        found.extend(maximum(name, spread));
        found.extend(too_wide(name, spread));
        found.extend(within(name, spread, doubt));
    }
    found.extend(outlier(run));
    found.extend(ascent(run, doubt));
    for point in &run.percentiles {
        found.extend(markov(run, point, doubt));
        found.extend(beyond(run, point));
    }
    found
}

fn maximum(name: &str, spread: Option<&Spread>) -> Option<Finding> {
    let (mean, max) = (spread?.mean, spread?.max);
    let told = format!("{name}: the mean {mean} is above the maximum {max}.");
    let is_above = mean.low > max.high;
    is_above.then(|| Impossible.finding("maximum", "a mean lies among its numbers", told))
}

/// Numbers from 0 to `max` with this mean spread most when all lie at the two ends. wrk divides by
/// one less than their count, which for two numbers doubles the variance.
fn too_wide(name: &str, spread: Option<&Spread>) -> Option<Finding> {
    let [mean, stdev, max] = spread?.figures();
    let variance = (max.high - mean.low).max(0.0) * mean.high;
    let is_too_wide = stdev.low > (2.0 * variance).sqrt() && max.low >= mean.low;
    let told =
        format!("{name}: from 0 to {max} with the mean {mean} the deviation cannot be {stdev}.");
    is_too_wide.then(|| Impossible.finding("deviation", BHATIA_DAVIS, told))
}

/// If mean - deviation is below 0 and mean + deviation above the maximum, all lie in between.
fn within(name: &str, spread: Option<&Spread>, doubt: Severity) -> Option<Finding> {
    let ([mean, stdev, max], share) = (spread?.figures(), spread?.within?);
    if share.low > 100.0 {
        let told = format!("{name}: {share} % are more than all.");
        return Some(Impossible.finding("within", SPREAD, told));
    }
    let covers_all = stdev.low > mean.high && mean.low + stdev.low > max.high;
    let told =
        format!("{name}: {mean} +/- {stdev} holds everything from 0 to {max}, and not {share} %.");
    (covers_all && share.high < 100.0).then(|| doubt.finding("within", SPREAD, told))
}

/// Of n numbers none is farther from the mean than (n - 1) / sqrt(n) deviations. Only the rates are
/// few enough for that to matter.
fn outlier(run: &Printed) -> Option<Finding> {
    let (threads, runtime) = (run.threads?, run.runtime?);
    let [mean, stdev, max] = run.thread_rate?.figures();
    let looks = f64::from(threads) * (runtime.high / 1e6 * LOOKS_PER_SECOND + 1.0);
    // wrk cuts the maximum's decimals off with all others': each number is whole, the mean is not.
    let farthest = stdev.high * (looks - 1.0) / looks.sqrt() + 1.0;
    let distance = max.low - mean.high;
    let told = format!(
        "Req/Sec: {looks:.0} numbers at most, with the deviation {stdev}, and {max} is \
         {distance:.0} above the mean {mean}; {farthest:.0} is the farthest."
    );
    (distance > farthest).then(|| Impossible.finding("outlier", SAMUELSON, told))
}

fn ascent(run: &Printed, doubt: Severity) -> Vec<Finding> {
    let mut found = Vec::new();
    for [(lower, first), (higher, second)] in run.percentiles.array_windows() {
        if first.low <= second.high {
            continue;
        }
        if second.value <= 0.0 && doubt != Impossible {
            let reason = "what wrk padded is counted, and too short to be found";
            let told = format!("{higher} % is {second}: {reason}.");
            found.push(doubt.finding("percentiles", LOST, told));
            break;
        }
        let told = format!("{lower} % took up to {first}, but {higher} % up to {second}.");
        found.push(Impossible.finding("percentiles", "percentiles ascend", told));
    }
    found
}

/// What a percentile leaves takes at least as long, which alone is a part of the mean.
fn markov(run: &Printed, point: &(f64, Quantity), doubt: Severity) -> Option<Finding> {
    let ((percent, time), mean) = (point, run.latency?.mean);
    let rest = 100.0 - percent;
    let least = time.low * (1.0 - percent / 100.0);
    let told = format!(
        "{rest:.0} % took {time} or longer, so the mean is at least {least:.0} us, not {mean}."
    );
    (least > mean.high).then(|| doubt.finding("percentiles", "Markov's inequality", told))
}

fn beyond(run: &Printed, (_, time): &(f64, Quantity)) -> Option<Finding> {
    let max = run.latency?.max;
    let told = format!("{time} is above the maximum {max}.");
    let is_above = time.low > max.high;
    is_above.then(|| Impossible.finding("percentiles", "a maximum is the largest", told))
}
