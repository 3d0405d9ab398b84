//! Which duels an ablation asks for, and how long each may take.

use crate::ablate::workloads::{named, shown};
use crate::results::{Results, RowKind};
use crate::server::Technique;
use crate::workload::Workload;

/// Seconds of one duel at most; it ends sooner when its interval is narrow.
const SECONDS: u64 = 4;
/// The same of what is compared by latency, which never ends sooner.
const SECONDS_SWITCHED: u64 = 18;
/// The same of one of the many combinations.
const COMBINED: u64 = 2;
/// The same where time is short.
const QUICK: u64 = 2;
/// Techniques that are combined with each other.
const THAT_MATTER: usize = 8;
/// Steps of all combinations: the rungs of the ladder, and the pairs.
pub(super) const COMBINED_STEPS: u64 = (8 + 28) * COMBINED * STEPS_PER_SECOND;
/// Steps of a progress bar: a turn of a server takes about as long as one.
const STEPS_PER_SECOND: u64 = 20;
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

/// One duel, or one comparison by latency.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: RowKind,
    pub(super) about: String,
    /// As of `POST /duel`; of a comparison by latency the technique's other state.
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

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    duels: Vec<Item>,
    switched: Vec<Item>,
}

impl Plan {
    /// Controls first, then each technique where it shows.
    pub(super) fn of(techniques: &[&Technique], is_quick: bool) -> Self {
        let mut plan = Self::default();
        let seconds = if is_quick { QUICK } else { SECONDS };
        for technique in techniques.iter().filter(|one| one.live) {
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
            if !technique.is_judged_by_cpu() {
                let other = if technique.is_default() { "off" } else { "on" };
                plan.switched.push(Item {
                    query: other.to_owned(),
                    seconds: SECONDS_SWITCHED,
                    ..item
                });
                continue;
            }
            plan.duels.push(item.clone());
            let elsewhere = BESIDE
                .iter()
                .filter(|(_, names)| names.contains(&&*technique.name));
            for (workload, _) in elsewhere.filter(|_| !is_quick) {
                plan.duels.extend(named(workload).map(|workload| Item {
                    workload,
                    ..item.clone()
                }));
            }
        }
        if is_quick {
            plan.duels.retain(|item| item.workload.workers() == 1);
            plan.switched.clear();
        }
        plan.add_controls(seconds);
        plan
    }

    /// The same against itself, on each workload; the others, and the naive server, where most is
    /// measured.
    fn add_controls(&mut self, seconds: u64) {
        let mut workloads: Vec<Workload> = Vec::new();
        for item in &self.duels {
            if !workloads.contains(&item.workload) {
                workloads.push(item.workload.clone());
            }
        }
        let mut all = Vec::new();
        for workload in workloads {
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
        all.append(&mut self.duels);
        self.duels = all;
    }

    /// Its duels, those of one workload together.
    pub(super) fn by_workload(&self) -> Vec<(Workload, Vec<Item>)> {
        let mut groups: Vec<(Workload, Vec<Item>)> = Vec::new();
        for item in &self.duels {
            match groups
                .iter_mut()
                .find(|(workload, _)| *workload == item.workload)
            {
                Some((_, items)) => items.push(item.clone()),
                None => groups.push((item.workload.clone(), vec![item.clone()])),
            }
        }
        groups
    }

    /// What is compared by latency.
    pub(super) fn switched(&self) -> &[Item] {
        &self.switched
    }

    /// How long it takes, for a progress bar.
    pub(super) fn steps(&self) -> u64 {
        self.duels
            .iter()
            .chain(&self.switched)
            .map(Item::steps)
            .sum()
    }

    /// The chance that each interval must have, so that all of a table hold with 95 %.
    pub(super) fn level(&self) -> f64 {
        let rows = crate::statistics::count(self.duels.len() + self.switched.len());
        1.0 - 0.05 / rows.max(1.0)
    }
}

/// A control: what stands against itself.
pub(super) const SAME: &str = "the same against itself";
/// A control: what must be found.
pub(super) const KNOWN_COST: &str = "a known cost";

/// The ladder and the pairs of the techniques that are worth most on keep-alive.
pub(super) fn combined(results: &Results) -> Plan {
    let mut worth: Vec<(f64, &str)> = results
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::LeaveOut && row.workload == "keep-alive")
        .filter_map(|row| Some((row.ratio?.median, row.about.as_str())))
        .collect();
    worth.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    worth.truncate(THAT_MATTER);
    let names: Vec<&str> = worth.into_iter().map(|(_, name)| name).collect();
    let Ok(workload) = named("keep-alive") else {
        return Plan::default();
    };
    let item = |kind, about: String, left_out: &[&str]| Item {
        kind,
        about,
        query: format!("without={}", left_out.join(",")),
        workload: workload.clone(),
        seconds: COMBINED,
    };
    let mut plan = Plan::default();
    // The last rung is the whole server, which needs no duel.
    for rung in 0..names.len() {
        let added = if rung == 0 {
            "none of them"
        } else {
            names[rung - 1]
        };
        plan.duels
            .push(item(RowKind::Rung, added.to_owned(), &names[rung..]));
    }
    for (place, one) in names.iter().enumerate() {
        for other in &names[place + 1..] {
            let about = format!("{one} and {other}");
            plan.duels.push(item(RowKind::Pair, about, &[one, other]));
        }
    }
    plan
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
        let plan = combined(&results);
        let queries: Vec<&str> = plan.duels.iter().map(|item| item.query.as_str()).collect();
        let expected = [
            "without=register-once,short-read,slab",
            "without=short-read,slab",
            "without=slab",
            "without=register-once,short-read",
            "without=register-once,slab",
            "without=short-read,slab",
        ];
        assert_eq!(queries, expected);
        assert_eq!(plan.duels[1].about, "register-once", "it was added there");
    }
}
