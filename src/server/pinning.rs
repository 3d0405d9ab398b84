//! Reactors bound to cores.
//!
//! A thread inherits the cores of the one that starts it (sched_setaffinity(2)). So the thread that
//! starts the reactors takes each one's core before it does, and its own ones back at the end: a
//! refusal is an error where it can be told, and no reactor runs elsewhere first.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this thread may use; it gets them back when this is dropped.
pub(super) struct Cores {
    set: CpuSet,
    numbers: Vec<usize>,
}

impl Cores {
    /// Those that it may use now.
    pub(super) fn allowed() -> io::Result<Self> {
        let set = sched_getaffinity(None)?;
        let cores = 0..CpuSet::MAX_CPU;
        let numbers = cores.filter(|core| set.is_set(*core)).collect();
        Ok(Self { set, numbers })
    }

    /// Binds this thread, and whatever it starts, to the core of reactor `worker`: they take turns.
    ///
    /// # Errors
    ///
    /// If the system refuses: a core can be taken from a process while it runs (cpuset(7)).
    pub(super) fn take(&self, worker: usize) -> io::Result<()> {
        let core = self.numbers.iter().cycle().nth(worker);
        bind(worker, core.copied().unwrap_or(0))
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        // They were allowed a moment ago; if not, one core is no fault.
        let _ = sched_setaffinity(None, &self.set);
    }
}

fn bind(worker: usize, core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|errno| {
        let error = io::Error::from(errno);
        let sentence = format!(
            "reactor {worker} cannot be bound to core {core}: {error}; start without the technique \
             pinning, or let the process use that core (taskset(1), or the container's cpuset)"
        );
        io::Error::new(error.kind(), sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactors_take_turns_and_the_cores_are_given_back() {
        let before = sched_getaffinity(None).unwrap();
        let cores = Cores::allowed().unwrap();
        for worker in 0..2 * cores.numbers.len() {
            cores.take(worker).unwrap();
            let now = sched_getaffinity(None).unwrap();
            let core = cores.numbers[worker % cores.numbers.len()];
            assert!(now.count() == 1 && now.is_set(core), "{worker}: {now:?}");
        }
        drop(cores);
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let error = bind(3, CpuSet::MAX_CPU - 1).unwrap_err().to_string();
        let begin = "reactor 3 cannot be bound to core 1023: ";
        assert!(
            error.starts_with(begin) && error.contains("pinning"),
            "{error}"
        );
    }
}
