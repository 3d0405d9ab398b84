//! The part of an ablation that no noise can change: accounts and instructions of every server.
//!
//! Counting is done on all cores at once, since neither an instruction nor a system call depends on
//! who else is running.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread;

use anyhow::Result;

use super::Progress;
use crate::counting;
use crate::process::Subject;
use crate::results::{Counters, Ladder, Step};
use crate::workload::Workload;

/// Something to count.
#[derive(Clone, Debug)]
pub(super) struct Count {
    /// Of whom.
    pub subject: Subject,
    /// Under what.
    pub workload: Workload,
    /// Whether the accounts are wanted too, and not the instructions alone.
    pub accounts: bool,
}

/// Counts all of them, as many at a time as there are cores, until somebody wants to leave. What was
/// counted comes in any order; a server that cannot be counted is told with its reason.
pub(super) fn all(
    counts: Vec<Count>,
    progress: &Progress,
) -> (Vec<Counters>, Vec<(String, String)>) {
    let waiting = Mutex::new(VecDeque::from(counts));
    let done = Mutex::new(Vec::new());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(count) = take(&waiting).filter(|_| !progress.is_over()) {
                    progress.show(&format!("{}, {}", count.subject.name, count.workload.name));
                    match one(&count) {
                        Ok(counters) => lock(&done).push(counters),
                        Err(error) => {
                            let reason = format!("{error:#}");
                            lock(&failed).push((count.subject.name.clone(), reason));
                        }
                    }
                }
            });
        }
    });
    let (done, failed) = (done.into_inner(), failed.into_inner());
    (done.unwrap_or_default(), failed.unwrap_or_default())
}

fn one(count: &Count) -> Result<Counters> {
    let Count {
        subject,
        workload,
        accounts,
    } = count;
    let counters = if *accounts {
        counting::by_accounts(subject, workload)?
    } else {
        Counters {
            subject: subject.name.clone(),
            workload: workload.name.clone(),
            ..Counters::default()
        }
    };
    Ok(Counters {
        instructions: counting::instructions(subject, workload)?,
        ..counters
    })
}

/// The ladder whose rungs were counted under these names; `None` if one is missing.
pub(super) fn ladder(
    order: &str,
    workload: &Workload,
    techniques: &[&str],
    cost_of_rung: impl Fn(usize) -> Option<f64>,
) -> Option<Ladder> {
    let steps = techniques.iter().enumerate().map(|(index, technique)| {
        Some(Step {
            technique: (*technique).to_owned(),
            cost: cost_of_rung(index + 1)?,
            interval: None,
        })
    });
    Some(Ladder {
        order: order.to_owned(),
        workload: workload.name.clone(),
        unit: "instructions".to_owned(),
        naive: cost_of_rung(0)?,
        steps: steps.collect::<Option<_>>()?,
    })
}

fn take(waiting: &Mutex<VecDeque<Count>>) -> Option<Count> {
    lock(waiting).pop_front()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
