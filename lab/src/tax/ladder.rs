//! The ladder: its layers, what each takes in instructions, and what each costs by a duel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::prices::Prices;
use crate::command::output_of;
use crate::counting;
use crate::duel;
use crate::generator::lane::Background;
use crate::machine;
use crate::process::{Running, Subject};
use crate::progress::Progress;
use crate::results::{Counters, Results, Row, RowKind};
use crate::statistics::level_of_each;
use crate::turns::Entrant;
use crate::workload::Workload;

/// The level without a layer.
pub const BARE: &str = "bare";
/// Levels that something else is predicted from, and how many of it each has. The first is what
/// allocations cost, the others give the range of an instruction.
pub(super) const PRICES: [(&str, f64); 4] = [
    ("allocations", 20.0),
    ("calls", 100.0),
    ("hashes", 20.0),
    ("atomics", 20.0),
];

/// A level, as the ladder tells of it.
pub(super) struct Layer {
    pub(super) name: String,
    /// The level that it is compared with.
    pub(super) below: String,
}

/// What is measured, and for how long.
pub(super) struct Ladder {
    pub(super) program: PathBuf,
    pub(super) layers: Vec<Layer>,
    /// The program that counts how often each allocates for a request.
    pub(super) allocations: PathBuf,
    pub(super) seconds: u64,
}

/// Asks the program that counts how often each layer allocates, of so many requests together.
fn allocations(program: &Path, pipeline: u16) -> Result<BTreeMap<String, f64>> {
    let pipeline = pipeline.to_string();
    let told = output_of(Command::new(program).args(["--pipeline", &pipeline]))?;
    let lines = told.lines().map(|line| {
        let (name, count) = line.split_once(' ').unwrap_or((line, ""));
        let count = count
            .parse()
            .with_context(|| format!("{line:?} is no count"))?;
        Ok((name.to_owned(), count))
    });
    lines.collect()
}

/// Asks the ladder for its layers.
pub(super) fn layers(program: &Path) -> Result<Vec<Layer>> {
    let told = output_of(Command::new(program).arg("--list"))?;
    let lines = told.lines().map(|line| match line.split_once(' ') {
        Some((name, below)) => Ok(Layer {
            name: name.to_owned(),
            below: below.trim().to_owned(),
        }),
        None => bail!("{} tells {line:?}, which is no layer", program.display()),
    });
    lines.collect()
}

impl Ladder {
    /// Those that are compared; what others are predicted from comes first.
    fn compared(&self) -> impl Iterator<Item = &Layer> {
        let is_price = |layer: &&Layer| PRICES.iter().any(|(name, _)| *name == layer.name);
        let all = self.layers.iter().filter(|layer| layer.name != BARE);
        let others = all.clone().filter(move |layer| !is_price(layer));
        all.filter(is_price).chain(others)
    }

    pub(super) fn steps(&self, workloads: usize, per_second: u64) -> u64 {
        (self.compared().count() * workloads) as u64 * self.seconds * per_second
    }

    /// Instructions of each level, on one connection.
    pub(super) fn count(&self, workloads: &[Workload], results: &mut Results) -> Result<()> {
        for workload in workloads {
            let allocations = allocations(&self.allocations, workload.pipeline)?;
            for layer in &self.layers {
                eprintln!("{}, {}: counting instructions", layer.name, workload.name);
                let subject = self.level(&layer.name).subject_for(workload);
                let crates = counting::instructions_by_crate(&subject, workload)
                    .with_context(|| layer.name.clone())?;
                results.counters.push(Counters {
                    subject: subject.name,
                    workload: workload.name.clone(),
                    source: "callgrind".to_owned(),
                    instructions: crates.as_ref().map(|crates| crates.values().sum()),
                    instructions_by_crate: crates.unwrap_or_default(),
                    allocations: allocations.get(&layer.name).copied(),
                    ..Counters::default()
                });
            }
        }
        Ok(())
    }

    /// A duel for each layer.
    pub(super) fn measure(
        &self,
        workload: &Workload,
        results: &mut Results,
        progress: &Progress,
        per_second: u64,
    ) {
        let name = workload.name.clone();
        results.workloads.insert(name.clone(), workload.clone());
        let (server, load) = match self.serve(workload) {
            Ok(both) => both,
            Err(error) => {
                results
                    .missing
                    .insert(format!("layers, {name}"), format!("{error:#}"));
                return;
            }
        };
        for layer in self.compared() {
            if progress.is_over() {
                break;
            }
            match self.duel(&server, layer, workload, results) {
                Ok(row) => results.rows.push(row),
                Err(error) => {
                    let what = format!("{}, {name}", layer.name);
                    results.missing.insert(what, format!("{error:#}"));
                }
            }
            let what = format!("{}, {name}", layer.name);
            progress.steps(self.seconds * per_second, &what);
        }
        if let Err(error) = load.end().and_then(|()| server.stop().map(drop)) {
            results
                .missing
                .insert(format!("layers, {name}, end"), format!("{error:#}"));
        }
    }

    fn serve(&self, workload: &Workload) -> Result<(Running, Background)> {
        let server = Running::start(
            &self.level(BARE).subject_for(workload),
            1,
            &machine::server_cores(1),
        )?;
        let load = Background::start(server.address(), workload)?;
        Ok((server, load))
    }

    /// A level as a server.
    pub(super) fn level(&self, layer: &str) -> Entrant {
        let pipeline = ["--pipeline", "{pipeline}"];
        let arguments = ["--port", "0", "--layer", layer, pipeline[0], pipeline[1]];
        Entrant::of(Subject::announcing(&rung(layer), &self.program, &arguments))
    }

    fn duel(
        &self,
        server: &Running,
        layer: &Layer,
        workload: &Workload,
        results: &Results,
    ) -> Result<Row> {
        let query = format!("a=layer={}&b=layer={}", layer.below, layer.name);
        let outcome = duel::ask(server.address(), &query, self.seconds)?;
        let is_price = PRICES.iter().any(|(name, _)| *name == layer.name);
        let kind = if is_price {
            RowKind::Price
        } else {
            RowKind::Layer
        };
        let mut counts = outcome.more();
        let level = level_of_each(self.compared().count());
        let mut row = duel::row(kind, &layer.name, &workload.name, &[outcome], level);
        let counted = |layer: &str| {
            let counted = results.counters(&rung(layer), &workload.name);
            counted.map_or([None, None], |one| [one.instructions, one.allocations])
        };
        let whats = ["instructions", "allocations"].into_iter();
        let both = counted(&layer.name).into_iter().zip(counted(&layer.below));
        for (what, (above, below)) in whats.zip(both) {
            if let Some((above, below)) = above.zip(below) {
                counts.insert(what.to_owned(), above - below);
            }
        }
        row.predicted_ns = None;
        row.predicted_range_ns = match kind {
            RowKind::Layer => {
                Prices::of(results, &workload.name).map(|prices| prices.of_layer(&counts))
            }
            _ => None,
        };
        (row.subject, row.base) = (layer.name.clone(), layer.below.clone());
        row.counts = counts;
        row.why = String::new();
        Ok(row)
    }
}

/// A level as a server: frameworks have the names of layers, too.
pub fn rung(layer: &str) -> String {
    format!("ladder, {layer}")
}
