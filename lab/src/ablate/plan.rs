//! Which duels an ablation asks for, and how long each may take.

use crate::ablate::workloads::{named, shown};
use crate::grouped;
use crate::progress::STEPS_PER_SECOND;
use crate::results::{Results, RowKind};
use crate::server::Technique;
use crate::workload::Workload;

/// Seconds of one duel at most; it ends sooner when its interval is narrow.
const SECONDS: u64 = 4;
/// The same of one of the many combinations.
const COMBINED: u64 = 2;
/// The same where time is short.
const QUICK: u64 = 2;
/// Techniques that are combined with each other.
const THAT_MATTER: usize = 8;
/// Steps of all combinations: the rungs of the ladder, and the pairs.
pub(super) const COMBINED_STEPS: u64 = (8 + 28) * COMBINED * STEPS_PER_SECOND;
/// What a control costs in steps: some 300 ns.
const COST: &str = "cost=300";
/// Workloads on which techniques are measured that show on another one, too.
const BESIDE: [(&str, &[&str]); 4] = [
    (
        "pipelined-x16",
        &[
            "event-batching",
            "register-once",
            "write-at-once",
            "short-read",
            "turn-clock",
            "uninit-reads",
            "inline-calls",
            "shared-input",
            "cached-date",
            "head-template",
            "field-slots",
            "static-routing",
            "lazy-deadlines",
            "slab",
        ],
    ),
    (
        "pipelined-x16-different",
        &[
            "same-request",
            "cached-date",
            "head-template",
            "field-slots",
            "static-routing",
            "cursors",
            "batched-writes",
        ],
    ),
    (
        "mostly-idle",
        &["slab", "lazy-deadlines", "shared-input", "event-batching"],
    ),
    (
        "one-connection",
        &["register-once", "short-read", "write-at-once"],
    ),
];

/// One duel.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: RowKind,
    pub(super) about: String,
    /// As of `POST /duel`.
    pub(super) query: String,
    pub(super) workload: Workload,
    pub(super) seconds: u64,
}

impl Item {
    /// How long it takes, for a progress bar.
    pub(super) fn steps(&self) -> u64 {
        self.seconds * STEPS_PER_SECOND
    }
}

/// Controls first, then each technique where it shows.
pub(super) fn duels(techniques: &[&Technique], is_quick: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let seconds = if is_quick { QUICK } else { SECONDS };
    for technique in techniques.iter().filter(|one| one.is_dueled()) {
        let Some(shown) = shown(technique) else {
            continue;
        };
        let item = Item {
            kind: RowKind::LeaveOut,
            about: technique.name.clone(),
            query: technique.changed().replacen(' ', "=", 1),
            workload: shown,
            seconds,
        };
        items.push(item.clone());
        let elsewhere = BESIDE
            .iter()
            .filter(|(_, names)| names.contains(&&*technique.name));
        for (workload, _) in elsewhere.filter(|_| !is_quick) {
            items.extend(named(workload).map(|workload| Item {
                workload,
                ..item.clone()
            }));
        }
    }
    if is_quick {
        items.retain(|item| item.workload.workers() == 1);
    }
    let mut all = controls(&items, seconds);
    all.append(&mut items);
    all
}

/// The same against itself, on each workload; the others, and the naive server, where most is
/// measured.
fn controls(items: &[Item], seconds: u64) -> Vec<Item> {
    let mut all = Vec::new();
    for (workload, _) in grouped(items, |item| &item.workload) {
        let mut add = |kind, about: &str, query: &str| {
            all.push(Item {
                kind,
                about: about.to_owned(),
                query: query.to_owned(),
                workload: workload.clone(),
                seconds,
            });
        };
        add(RowKind::Control, SAME, "a=&b=");
        if workload.name == "keep-alive" {
            add(RowKind::Control, "a change of nothing", "null=1");
            add(RowKind::Control, KNOWN_COST, COST);
        }
        if workload.name == "keep-alive" || workload.name == "pipelined-x16" {
            add(RowKind::Naive, "naive", "naive=1");
        }
    }
    all
}

/// A control: what stands against itself.
pub(super) const SAME: &str = "the same against itself";
/// A control: what must be found.
pub(super) const KNOWN_COST: &str = "a known cost";

/// The ladder and the pairs of the techniques that are worth most on keep-alive.
pub(super) fn combined(results: &Results) -> Vec<Item> {
    let left_out = results.rows_of(RowKind::LeaveOut);
    let mut worth: Vec<(f64, &str)> = left_out
        .filter(|row| row.workload == "keep-alive")
        .filter_map(|row| Some((row.ratio?.median, row.about.as_str())))
        .collect();
    worth.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    worth.truncate(THAT_MATTER);
    let names: Vec<&str> = worth.into_iter().map(|(_, name)| name).collect();
    let item = |kind, about: &str, left_out: &[&str]| Item {
        kind,
        about: about.to_owned(),
        query: format!("without={}", left_out.join(",")),
        workload: Workload::keep_alive().saturating(),
        seconds: COMBINED,
    };
    let mut all = Vec::new();
    let mut added = "none of them";
    // The last rung is the whole server, which needs no duel.
    for (rung, name) in names.iter().enumerate() {
        all.push(item(RowKind::Rung, added, &names[rung..]));
        added = name;
    }
    for (place, one) in names.iter().enumerate() {
        for other in &names[place + 1..] {
            let about = format!("{one} and {other}");
            all.push(item(RowKind::Pair, &about, &[one, other]));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Row;
    use crate::statistics::Estimate;

    #[test]
    fn the_ladder_begins_without_all_and_ends_before_the_whole() {
        let row = |about: &str, median| Row {
            about: about.to_owned(),
            workload: "keep-alive".to_owned(),
            ratio: Some(Estimate {
                median,
                low: median,
                high: median,
                coverage: 0.95,
                pairs: 50,
            }),
            ..Row::default()
        };
        let results = Results {
            rows: vec![
                row("slab", 1.01),
                row("register-once", 1.2),
                row("short-read", 1.05),
            ],
            ..Results::default()
        };
        let all = combined(&results);
        let queries: Vec<&str> = all.iter().map(|item| item.query.as_str()).collect();
        let expected = [
            "without=register-once,short-read,slab",
            "without=short-read,slab",
            "without=slab",
            "without=register-once,short-read",
            "without=register-once,slab",
            "without=short-read,slab",
        ];
        assert_eq!(queries, expected);
        assert_eq!(all[1].about, "register-once", "it was added there");
    }
}
