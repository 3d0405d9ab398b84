//! What is looked at, and who is looked at next: pure, but for what the duels say.

use super::load::Workload;
use super::{COST, ratios};
use crate::config::{Config, Techniques};
use crate::duel::Control;
use crate::duel::outcome::Outcome;
use crate::duel::statistics::{Estimate, estimate};
use crate::techniques::{self, Judge, Load};

/// What lies this close to 1 is no more than said to do so.
pub(super) const SMALL: f64 = 0.01;
/// An interval that is narrower than this needs no more time.
const NARROW: f64 = 0.005;

/// All rows.
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
}

/// Something that is compared with the server as it stands.
pub(super) struct Row {
    /// What it is called.
    pub(super) name: String,
    pub(super) workload: Workload,
    pub(super) control: Control,
    pub(super) kind: Kind,
    ratios: Vec<f64>,
    /// The last outcome that had requests.
    pub(super) latest: Option<Outcome>,
    is_settled: bool,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same, the same with a change of nothing, and the same with a known cost.
    Control,
    /// Without a technique.
    Technique(&'static str),
    /// Without any that a well-known program does without, too.
    Naive,
}

impl Plan {
    /// The controls, each technique that is judged by CPU time and can show here, and all at once.
    pub(super) fn new() -> Self {
        let control =
            |name: &str, control| Row::new(name, Workload::KeepAlive, Kind::Control, control);
        let mut rows = vec![
            control("same again", Control::None),
            control("null change", Control::Null),
            control("300 steps more", COST),
        ];
        for (technique, switch) in techniques::switches() {
            let can_show = technique.judge == Judge::Cpu && switch.is_live();
            let Some(workload) = workload(technique.shows_on).filter(|_| can_show) else {
                continue;
            };
            let (name, kind) = (technique.name, Kind::Technique(technique.name));
            rows.push(Row::new(name, workload, kind, Control::None));
        }
        for workload in [Workload::KeepAlive, Workload::Pipelined] {
            rows.push(Row::new("naive", workload, Kind::Naive, Control::None));
        }
        Self { rows }
    }

    /// The chance with which each interval holds, such that all of them hold with 95 %.
    pub(super) fn level(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)] // Some twenty.
        let rows = self.rows.len() as f64;
        1.0 - 0.05 / rows
    }

    /// The row whose interval is widest, of those that are not narrow enough. One under the load
    /// that goes on is preferred to one that is not much wider; one whose verdict is open to one
    /// that is known to cost something. A control without an interval goes first: without it the
    /// rest proves nothing.
    pub(super) fn widest(&mut self, now: Option<Workload>) -> Option<&mut Row> {
        let level = self.level();
        let weight = |row: &Row| {
            let found = row.estimate(level);
            if found.is_none() && row.kind == Kind::Control {
                return f64::INFINITY;
            }
            let width = found.map_or(1.0, |found| (found.high - found.low) / found.median);
            let is_open = found.is_none_or(|found| found.low <= 1.0 && found.high >= 1.0);
            let is_here = now == Some(row.workload);
            width * if is_here { 1.0 } else { 0.5 } * if is_open { 1.0 } else { 0.3 }
        };
        let open = self.rows.iter_mut().filter(|row| !row.is_settled);
        open.max_by(|one, other| weight(one).total_cmp(&weight(other)))
    }

    /// What a request costs as it stands, in nanoseconds.
    pub(super) fn cost(&self, workload: Workload) -> Option<f64> {
        let rows = self.rows.iter().filter(|row| row.workload == workload);
        let mut costs: Vec<f64> = rows
            .filter_map(|row| row.latest.as_ref()?.arms[0].ns_per_request)
            .collect();
        costs.sort_by(f64::total_cmp);
        costs.get(costs.len() / 2).copied()
    }
}

impl Row {
    fn new(name: &str, workload: Workload, kind: Kind, control: Control) -> Self {
        Self {
            name: name.to_owned(),
            workload,
            control,
            kind,
            ratios: Vec::new(),
            latest: None,
            is_settled: false,
        }
    }

    /// The techniques of its second arm.
    pub(super) fn techniques(&self, standing: &Techniques) -> Techniques {
        let mut config = Config {
            techniques: *standing,
            ..Config::default()
        };
        for (technique, switch) in techniques::switches() {
            let is_meant = match self.kind {
                Kind::Control => false,
                Kind::Technique(name) => technique.name == name,
                // Waiting differently says nothing about what a request costs.
                Kind::Naive => {
                    technique.is_naive() && switch.is_live() && technique.judge == Judge::Cpu
                }
            };
            let is_set = !is_meant || switch.set(&mut config, switch.off);
            debug_assert!(is_set, "{}", technique.name);
        }
        config.techniques
    }

    /// Whether it is a technique that only a beginner does without.
    pub(super) fn is_beginners(&self) -> bool {
        let Kind::Technique(name) = self.kind else {
            return false;
        };
        techniques::find(name).is_some_and(|technique| technique.naive_form.is_beginners())
    }

    /// Takes note of a duel.
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.ratios.extend(ratios(&outcome));
        if outcome.arms[0].requests > 0 {
            self.latest = Some(outcome);
        }
    }

    /// What all its duels say together.
    pub(super) fn estimate(&self, level: f64) -> Option<Estimate> {
        estimate(&self.ratios, level)
    }

    /// Whether it needs no more time: narrow, or small enough to be only said to be small.
    pub(super) fn settle(&mut self, level: f64) {
        let found = self.estimate(level);
        self.is_settled = found.is_some_and(|found| {
            let is_small = found.low >= 1.0 - SMALL && found.high <= 1.0 + SMALL;
            found.high - found.low <= NARROW * found.median || (is_small && self.ratios.len() > 50)
        });
    }
}

/// The load on which a technique shows, if there is such a load here.
fn workload(shows_on: Load) -> Option<Workload> {
    match shows_on {
        Load::KeepAlive => Some(Workload::KeepAlive),
        Load::Pipelined => Some(Workload::Pipelined),
        Load::Json => Some(Workload::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_that_can_show_here_has_a_row() {
        let plan = Plan::new();
        let names: Vec<&str> = plan.rows.iter().map(|row| row.name.as_str()).collect();
        for name in [
            "register-once",
            "batched-writes",
            "json-in-place",
            "same-request",
            "naive",
        ] {
            assert!(names.contains(&name), "{name}");
        }
        // Judged by something else, or not to be changed.
        for name in ["spin", "nodelay", "pinning", "own-listener"] {
            assert!(!names.contains(&name), "{name}");
        }
        assert!(names.len() >= 18, "{names:?}");
    }

    #[test]
    fn a_row_changes_its_technique_alone() {
        let plan = Plan::new();
        let full = Techniques::FULL;
        let row = |name: &str| plan.rows.iter().find(|row| row.name == name).unwrap();
        assert_eq!(row("same again").techniques(&full), full);
        let changed = row("slab").techniques(&full);
        assert_eq!(
            Techniques {
                slab: true,
                ..changed
            },
            full
        );
        assert!(!changed.slab);
        let naive = row("naive").techniques(&full);
        assert!(!naive.register_once && naive.fine_timer && naive.own_listener);
        // What only a beginner does is a row of its own, and no part of the sum.
        assert!(naive.uninit_reads && !row("uninit-reads").techniques(&full).uninit_reads);
    }

    #[test]
    fn the_time_goes_to_the_widest() {
        let mut plan = Plan::new();
        for (number, row) in plan.rows.iter_mut().enumerate() {
            let spread = if number == 5 { 0.1 } else { 0.002 };
            row.ratios = (0..60).map(|at| 1.0 + spread * f64::from(at % 7)).collect();
        }
        let name = plan.rows[5].name.clone();
        assert_eq!(plan.widest(None).unwrap().name, name);
        plan.rows[1].ratios.truncate(4);
        plan.rows[7].ratios.clear();
        let name = plan.widest(None).unwrap().name.clone();
        assert_eq!(name, "null change", "a control that says nothing yet");
        let level = plan.level();
        plan.rows
            .iter_mut()
            .for_each(|row| row.ratios = vec![1.001; 60]);
        plan.rows.iter_mut().for_each(|row| row.settle(level));
        assert!(plan.widest(None).is_none());
    }
}
