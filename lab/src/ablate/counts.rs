//! The part of an ablation that no noise can change: accounts and instructions of every server.
//!
//! Counting is done on all cores at once, since neither an instruction nor a system call depends on
//! who else is running.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::Result;

use super::Progress;
use crate::counting;
use crate::process::Subject;
use crate::results::Counters;
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

/// Counts all of them, as many at a time as there are cores, until somebody wants to leave. `keep`
/// is called with each as it comes, in any order, and may end it all with an error.
pub(super) fn all(
    counts: Vec<Count>,
    progress: &Progress,
    mut keep: impl FnMut(&Count, Result<Counters>) -> Result<()>,
) -> Result<()> {
    let waiting = &Mutex::new(VecDeque::from(counts));
    let (sender, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(count) = take(waiting).filter(|_| !progress.is_over()) {
                    progress.show(&format!("{}, {}", count.subject.name, count.workload.name));
                    let counters = one(&count);
                    if sender.send((count, counters)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        // If it fails, the receiver goes, and each thread ends with what it is at.
        done.into_iter()
            .try_for_each(|(count, counters)| keep(&count, counters))
    })
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

fn take(waiting: &Mutex<VecDeque<Count>>) -> Option<Count> {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.pop_front()
}
