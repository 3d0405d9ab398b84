//! Ladders: from the naive server to the full one, a technique a step, in several orders.
//!
//! Rungs are servers like all others, and a ladder is made from their counters or blocks; one that
//! lacks a rung is not made. Absent are techniques that are off by default: the full server is
//! without them.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use super::techniques::{Server, Technique};
use crate::process::Subject;
use crate::results::{Ladder, Results, Step};
use crate::workload::Workload;
use crate::{schedule, statistics};

/// Times that each rung is timed, at the most.
pub(super) const ROUNDS: u32 = 6;
/// Orders besides the fixed one.
const RANDOM_ORDERS: u64 = 3;

/// An order in which the techniques are added.
#[derive(Clone, Debug)]
pub(super) struct Order<'a> {
    name: String,
    techniques: Vec<&'a Technique>,
}

/// The server's own order, and some that chance has made, the same each time.
pub(super) fn orders(server: &Server) -> Vec<Order<'_>> {
    let on = server.techniques.iter().filter(|one| one.is_default);
    let fixed: Vec<&Technique> = on.collect();
    let random = (1..=RANDOM_ORDERS).map(|seed| {
        let mut techniques = fixed.clone();
        techniques.shuffle(&mut SmallRng::seed_from_u64(seed));
        Order {
            name: format!("random-{seed}"),
            techniques,
        }
    });
    let random: Vec<Order> = random.collect();
    let name = "fixed".to_owned();
    let techniques = fixed;
    let mut orders = vec![Order { name, techniques }];
    orders.extend(random);
    orders
}

impl Order<'_> {
    /// From the naive server on, one more than there are techniques. The first is the same one in
    /// all orders, so that it is counted once and no two ladders begin at different heights.
    pub(super) fn rungs(&self, server: &Server) -> Vec<Subject> {
        let added = (1..=self.techniques.len())
            .map(|rung| server.rung(&self.name, &self.techniques[..rung]));
        std::iter::once(server.naive()).chain(added).collect()
    }

    /// What the blocks of its rungs are marked with.
    pub(super) fn comparison(&self, workload: &Workload) -> String {
        format!("ladder/{}/{}", self.name, workload.name)
    }

    /// In instructions.
    pub(super) fn counted(
        &self,
        server: &Server,
        results: &Results,
        workload: &Workload,
    ) -> Option<Ladder> {
        let cost = |rung: &Subject| {
            let cost = schedule::instructions(results, &rung.name, &workload.name)?;
            Some((cost, None))
        };
        self.ladder(server, workload, "instructions", cost)
    }

    /// In CPU time: the median of each rung's blocks, with its interval where they suffice.
    pub(super) fn timed(
        &self,
        server: &Server,
        results: &Results,
        workload: &Workload,
    ) -> Option<Ladder> {
        let comparison = self.comparison(workload);
        let cost = |rung: &Subject| {
            let blocks = results.blocks.iter().filter(|block| {
                block.comparison == comparison
                    && block.subject == rung.name
                    && block.dropped.is_none()
            });
            let costs: Vec<f64> = blocks
                .filter_map(|block| block.server_cpu_ns_per_request)
                .collect();
            let interval = statistics::estimate(&costs)
                .filter(|estimate| estimate.pairs as usize >= statistics::PAIRS_MIN)
                .map(|estimate| (estimate.low, estimate.high));
            Some((statistics::median(&costs)?, interval))
        };
        self.ladder(server, workload, "cpu_ns", cost)
    }

    fn ladder(
        &self,
        server: &Server,
        workload: &Workload,
        unit: &str,
        cost: impl Fn(&Subject) -> Option<(f64, Option<(f64, f64)>)>,
    ) -> Option<Ladder> {
        let rungs = self.rungs(server);
        let (naive, added) = rungs.split_first()?;
        let steps = self.techniques.iter().zip(added).map(|(technique, rung)| {
            let (cost, interval) = cost(rung)?;
            Some(Step {
                technique: technique.name.clone(),
                cost,
                interval,
            })
        });
        Some(Ladder {
            order: self.name.clone(),
            workload: workload.name.clone(),
            unit: unit.to_owned(),
            naive: cost(naive)?.0,
            steps: steps.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
