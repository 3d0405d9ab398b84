//! The machine while something is measured: its cores, and what the hypervisor takes away.

use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use procfs::{CurrentSI, KernelStats};

use crate::results::Results;

/// Cores that this process could use when it began: later it stays on one of them.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// The cores of a server of so many workers: the first ones.
pub fn server_cores(workers: usize) -> Vec<usize> {
    (0..workers.clamp(1, cores())).collect()
}

/// The core of the generator: the second one, or the only one.
pub fn generator_core() -> usize {
    usize::from(cores() > 1)
}

/// Ticks of all cores: taken away by the hypervisor, and in all.
#[derive(Clone, Copy)]
struct Steal {
    stolen: u64,
    all: u64,
}

impl Steal {
    /// Up to now; `None` where the kernel does not tell.
    fn read() -> Option<Self> {
        let total = KernelStats::current().ok()?.total;
        let stolen = total.steal.unwrap_or(0);
        let busy = total.user + total.nice + total.system + total.idle;
        let rest = [total.iowait, total.irq, total.softirq];
        let rest: u64 = rest.iter().map(|ticks| ticks.unwrap_or(0)).sum();
        Some(Self {
            stolen,
            all: busy + rest + stolen,
        })
    }

    /// The part that was stolen in between, 0 to 1; 0 where the kernel does not tell.
    #[expect(clippy::cast_precision_loss, reason = "ticks of some hours")]
    fn share(before: Option<Self>, after: Option<Self>) -> f64 {
        match (before, after) {
            (Some(before), Some(after)) if after.all > before.all => {
                (after.stolen - before.stolen) as f64 / (after.all - before.all) as f64
            }
            _ => 0.0,
        }
    }
}

/// How long something takes, and what the hypervisor takes away meanwhile.
#[derive(Clone, Copy)]
pub struct Watch {
    began: Instant,
    stolen: Option<Steal>,
}

impl Watch {
    /// From now on.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            stolen: Steal::read(),
        }
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The part of all cores' time that was stolen meanwhile, 0 to 1; 0 where the kernel does not
    /// tell.
    pub fn steal(&self) -> f64 {
        Steal::share(self.stolen, Steal::read())
    }

    /// Writes into the results what has passed so far.
    pub fn note(&self, results: &mut Results) {
        (results.seconds, results.steal) = (self.seconds(), self.steal());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_part_of_all() {
        let at = |stolen, all| Some(Steal { stolen, all });
        assert!((Steal::share(at(10, 1000), at(15, 1100)) - 0.05).abs() < 1e-9);
        assert_eq!(Steal::share(at(10, 1000), at(10, 1000)).to_bits(), 0);
        assert_eq!(Steal::share(None, at(10, 1000)).to_bits(), 0);
    }
}
