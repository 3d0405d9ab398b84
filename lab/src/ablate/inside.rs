//! Duels inside of one process: a live server, a load that does not stop, one question after the
//! other.

use anyhow::{Context, Result, ensure};

use super::Ablation;
use super::plan::{Item, KNOWN_COST, SAME};
use crate::duel::{self, Outcome};
use crate::generator::lane::Background;
use crate::grouped;
use crate::machine;
use crate::process::Running;
use crate::results::{Row, RowKind};
use crate::workload::Workload;

/// An interval that is wider than this is worth a second look, wherever it lies: to look again only
/// at what is not resolved would be to stop where it suits.
const WIDE: f64 = 0.012;
/// How often such a one is asked again.
const AGAIN: usize = 1;

impl Ablation<'_> {
    /// Duels, those of a workload on one server.
    pub(super) fn duels(&mut self, items: &[Item]) -> Result<()> {
        for (workload, items) in grouped(items, |item| &item.workload) {
            self.duels_on(workload, &items)?;
        }
        Ok(())
    }

    fn duels_on(&mut self, workload: &Workload, items: &[&Item]) -> Result<()> {
        let name = workload.name.clone();
        self.results.workloads.insert(name, workload.clone());
        let (server, load) = match self.serve(workload) {
            Ok(both) => both,
            Err(error) => {
                for item in items {
                    self.fail(item, &error);
                }
                return self.save();
            }
        };
        for item in items {
            if self.progress.is_over() {
                break;
            }
            match self.duel(&server, item) {
                Ok(row) => self.results.rows.push(row),
                Err(error) => self.fail(item, &error),
            }
            self.save()?;
        }
        if let Err(error) = load.end().and_then(|()| server.stop().map(drop)) {
            let missing = &mut self.results.missing;
            missing.insert(workload.name.clone(), format!("{error:#}"));
        }
        Ok(())
    }

    fn serve(&mut self, workload: &Workload) -> Result<(Running, Background)> {
        let subject = self.server.with("barewire, live", &["--live"]);
        let workers = workload.workers();
        let server = Running::start(&subject, workers, &machine::server_cores(workers))?;
        self.results.subjects.insert(subject.name.clone(), subject);
        let load = Background::start(server.address(), workload);
        Ok((server, load.with_context(|| workload.name.clone())?))
    }

    fn duel(&self, server: &Running, item: &Item) -> Result<Row> {
        let what = format!("{}, {}", item.about, item.workload.name);
        let is_combined = matches!(item.kind, RowKind::Rung | RowKind::Pair);
        let most = if is_combined { 1 } else { 1 + AGAIN };
        let mut outcomes: Vec<Outcome> = Vec::new();
        loop {
            outcomes.push(duel::ask(server.address(), &item.query, item.seconds)?);
            let (about, workload) = (&item.about, &item.workload.name);
            let row = duel::row(item.kind, about, workload, &outcomes, self.level);
            let width = row
                .ratio
                .map(|ratio| (ratio.high - ratio.low) / ratio.median);
            let is_wide = width.is_none_or(|width| width > WIDE);
            if !is_wide || outcomes.len() >= most || self.progress.is_over() {
                self.progress.steps(item.steps(), &what);
                let pairs = row.ratios.len();
                ensure!(row.ratio.is_some(), "too few pairs of slices: {pairs}");
                return Ok(row);
            }
        }
    }
}

impl Row {
    /// Whether it is a control that does not hold: the same must not differ from itself, and what
    /// is known to cost something must be found.
    pub fn has_failed(&self) -> bool {
        let Some(ratio) = self.ratio.filter(|_| self.kind == RowKind::Control) else {
            return false;
        };
        if self.about == KNOWN_COST {
            return ratio.low <= 1.0;
        }
        debug_assert!(self.about == SAME || self.subject.contains("nothing"));
        ratio.low > 1.0 || ratio.high < 1.0
    }
}
