//! What a request costs in counts, which no noise can change: system calls, copies, allocations
//! (the server's `/accounts`, or strace for who has none), and instructions (callgrind).

use anyhow::Result;

use crate::process::Subject;
use crate::results::Counters;
use crate::workload::Workload;

/// Counts by `/accounts` before and after some thousand requests; without instructions.
pub fn by_accounts(subject: &Subject, workload: &Workload) -> Result<Counters> {
    let _ = (subject, workload);
    todo!()
}

/// System calls by strace, of all threads that receive; `None` where strace is missing or forbidden.
pub fn by_strace(subject: &Subject, workload: &Workload) -> Result<Option<Counters>> {
    let _ = (subject, workload);
    todo!()
}

/// Instructions in user space of one request: the difference of two runs of different length under
/// callgrind. `None` where valgrind is missing. Can be called from several threads at once.
pub fn instructions(subject: &Subject, workload: &Workload) -> Result<Option<f64>> {
    let _ = (subject, workload);
    todo!()
}
