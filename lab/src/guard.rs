//! No headline without a figure that can bear it.
//!
//! An objection carries its number, and what to do about it. The guard looks only at a result file:
//! whoever reads one made elsewhere gets the same objections. Absent is any repair: no figure is
//! corrected, scaled or left out here.

use crate::Exit;
use crate::results::{Objection, Results};

pub mod threshold;

mod blocks;

mod groups;

/// Objections that make every verdict a guess: the machine was disturbed, or the sums are wrong.
const NOISE: [&str; 4] = ["drift", "steal", "disturbed", "little"];

/// Everything that speaks against the results; empty if nothing does. One that is about `all` comes
/// first.
pub fn objections(results: &Results) -> Vec<Objection> {
    let mut found = blocks::steal(results);
    found.extend(groups::controls(results));
    for group in groups::of(results) {
        found.extend(group.objections(results));
    }
    found.extend(groups::few_pairs(results));
    found.extend(missing(results));
    found.sort_by_key(|objection| objection.about != "all");
    found
}

/// How a run with these results ends: 3 if the threshold was crossed, 4 if the noise forbids a
/// judgement, and then the threshold is not looked at. Noise in one comparison forbids only that a
/// threshold is judged; noise in all of them, everything. The text says why.
///
/// # Errors
///
/// If the expression makes no sense, or names what was not measured.
pub fn ending(results: &Results, fail_if: Option<&str>) -> anyhow::Result<(Exit, Option<String>)> {
    let forbids = |objection: &Objection| {
        let concerns = objection.about == "all" || fail_if.is_some();
        concerns && NOISE.contains(&objection.kind.as_str())
    };
    if let Some(noise) = objections(results).into_iter().find(forbids) {
        return Ok((
            Exit::Noisy,
            Some(format!("{} {}", noise.what, noise.remedy)),
        ));
    }
    let crossed = fail_if.map(|expression| threshold::failed(results, expression));
    Ok(match crossed.transpose()?.flatten() {
        Some(why) => (Exit::Threshold, Some(why)),
        None => (Exit::Success, None),
    })
}

fn missing(results: &Results) -> impl Iterator<Item = Objection> + '_ {
    results.missing.iter().map(|(subject, reason)| {
        let differs = reason.contains("answer");
        let kind = if differs { "answers-differ" } else { "missing" };
        object(
            subject,
            kind,
            format!("{subject} was not measured: {reason}."),
            "Mend that and run it again; without it nothing is said of it.",
        )
    })
}

fn object(about: &str, kind: &str, what: String, remedy: &str) -> Objection {
    Objection {
        about: about.to_owned(),
        kind: kind.to_owned(),
        what,
        remedy: remedy.to_owned(),
    }
}

/// A share as a percentage for a sentence.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
