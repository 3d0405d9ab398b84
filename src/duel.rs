//! Comparing while it runs: two sets of techniques take turns in slices of some 20 ms, under a load
//! that does not stop. What drifts in the machine drifts for both.
//!
//! [`Live`] is what the reactors of a server with `--live` look at on top of each turn: the set
//! that stands, or the [`Duel`] that goes on. A reactor keeps its rows in a [`Ledger`] of its own;
//! who asks what came of it adds them up, on another thread. Absent are clocks and sockets: a
//! reactor brings its own.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::accounts::{Figures, Snapshot};
use crate::config::Techniques;

pub mod schedule;

pub mod statistics;

pub mod switches;

pub mod counts;

pub mod outcome;

pub mod bout;

pub use schedule::{Phase, Schedule};
pub use switches::{Control, ControlCell, Switch};

/// All that can be chosen while the server runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The techniques.
    pub techniques: Techniques,
    /// The values of the handler's own switches, in their order.
    pub switches: Vec<usize>,
    /// What tests the instrument itself.
    pub control: Control,
}

/// What stands between those who change something and the reactors.
pub struct Live {
    /// Changes with each change of the state: what a reactor looks at on top of each turn.
    version: AtomicU64,
    state: Mutex<State>,
    /// The switches of the handler.
    pub switches: Vec<Switch>,
    /// CPU time of the threads that serve and are no reactors.
    pub others: ThreadTimes,
    /// Where duels are asked for.
    pub ring: bout::Ring,
    /// The control that is in force.
    pub control: ControlCell,
    /// Which change of what belongs to the process was made last: a version, and a slice in it.
    applied: Mutex<(u64, u32)>,
    /// Has each reactor begin a turn, even one that sleeps.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What is in force.
#[derive(Clone, Debug)]
pub struct State {
    /// The set that holds whenever no duel goes on.
    pub standing: Arc<Set>,
    /// The duel that goes on.
    pub duel: Option<Arc<Duel>>,
}

/// CPU time of the threads that serve and are no reactors, in nanoseconds: each publishes its own
/// when it has done something.
#[derive(Debug, Default)]
pub struct ThreadTimes(Vec<AtomicU64>);

/// Two sets that take turns.
#[derive(Debug)]
pub struct Duel {
    /// When which of them is in force.
    pub schedule: Schedule,
    /// The two.
    pub arms: [Arc<Set>; 2],
    /// What each reactor has measured.
    pub ledgers: Box<[Mutex<Ledger>]>,
}

/// What one reactor has measured.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// A row for each slice that it saw open and close, or slept through.
    pub rows: Vec<Row>,
    /// All slices before this one are accounted for: there is a row, or there will be none.
    pub through: u32,
    /// Everything else, for each arm.
    pub sums: [Sum; 2],
}

/// A slice of one reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub slice: u32,
    /// CPU time, in nanoseconds.
    pub nanos: u64,
    /// Requests answered.
    pub requests: u64,
}

/// All slices of one arm, on one reactor.
#[derive(Clone, Debug)]
pub struct Sum {
    /// How long they lasted, in nanoseconds.
    pub wall: u64,
    /// CPU time, in nanoseconds.
    pub nanos: u64,
    /// The reactor's own part of it.
    pub own_nanos: u64,
    /// What was counted.
    pub figures: Figures,
    /// Response times, in nanoseconds.
    pub times: Snapshot,
}

/// A set that is about to be replaced.
pub struct Change<'a> {
    live: &'a Live,
    state: MutexGuard<'a, State>,
}

/// Somebody else's duel goes on.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Live {
    /// Nothing but what stands at the start; `others` threads serve beside the reactors.
    #[must_use]
    pub fn new(techniques: &Techniques, switches: Vec<Switch>, others: usize) -> Self {
        let standing = Arc::new(Set {
            techniques: *techniques,
            switches: switches.iter().map(Switch::get).collect(),
            control: Control::None,
        });
        let duel = None;
        Self {
            version: AtomicU64::new(1),
            state: Mutex::new(State { standing, duel }),
            switches,
            others: ThreadTimes((0..others).map(|_| AtomicU64::new(0)).collect()),
            ring: bout::Ring::default(),
            control: ControlCell::default(),
            applied: Mutex::new((0, 0)),
            wake: OnceLock::new(),
        }
    }

    /// How each reactor is woken; said once, when they have been made.
    pub fn wakes(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// Has each reactor look here.
    pub fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// Another number after each change.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Acquire)
    }

    /// What is in force.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// Changes what belongs to the process, by whichever reactor comes first: the handler's
    /// switches, the control, and what else `change` does. `place` tells how far the duel of this
    /// version is; one that comes late changes nothing back.
    pub fn apply(&self, version: u64, place: u32, set: &Set, change: impl FnOnce()) {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if *applied >= (version, place) {
            return;
        }
        for (switch, value) in self.switches.iter().zip(&set.switches) {
            switch.set(*value);
        }
        self.control.set(set.control);
        change();
        *applied = (version, place);
    }

    /// Another set stands from now on.
    ///
    /// # Errors
    ///
    /// [`Busy`] while a duel goes on, which would be of something else then, or is about to.
    pub fn stand(&self, set: Set) -> Result<(), Busy> {
        self.change().map(|change| change.stand(set))
    }

    /// Begins to change the set that stands: nobody else does meanwhile.
    ///
    /// # Errors
    ///
    /// As [`stand`](Self::stand).
    pub fn change(&self) -> Result<Change<'_>, Busy> {
        let state = self.lock();
        if state.duel.is_some() || self.ring.goes_on() {
            return Err(Busy);
        }
        Ok(Change { live: self, state })
    }

    /// A duel begins, at the time that its schedule says.
    ///
    /// # Errors
    ///
    /// [`Busy`] while another one goes on.
    pub fn begin(&self, duel: &Arc<Duel>) -> Result<(), Busy> {
        let mut state = self.lock();
        if state.duel.is_some() {
            return Err(Busy);
        }
        state.duel = Some(Arc::clone(duel));
        self.changed(state);
        Ok(())
    }

    /// A duel ends: the standing set holds again.
    pub fn end(&self, duel: &Duel) {
        let mut state = self.lock();
        let is_it = |current: &Arc<Duel>| std::ptr::eq(&raw const **current, duel);
        if state.duel.as_ref().is_some_and(is_it) {
            state.duel = None;
            self.changed(state);
        }
    }

    fn changed(&self, state: MutexGuard<'_, State>) {
        self.version.fetch_add(1, Acquire);
        drop(state);
        self.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change<'_> {
    /// The one that stands.
    pub fn standing(&self) -> &Set {
        &self.state.standing
    }

    /// This one stands in its place.
    pub fn stand(mut self, set: Set) {
        self.state.standing = Arc::new(set);
        self.live.changed(self.state);
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("state", &self.state())
            .field("switches", &self.switches)
            .finish_non_exhaustive()
    }
}

impl ThreadTimes {
    /// What one of them has used so far.
    pub fn publish(&self, helper: usize, nanos: u64) {
        if let Some(place) = self.0.get(helper) {
            place.store(nanos, Relaxed);
        }
    }

    /// All of them together.
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|place| place.load(Relaxed)).sum()
    }
}

impl Duel {
    /// Between two sets, on so many reactors.
    #[must_use]
    pub fn new(schedule: Schedule, arms: [Arc<Set>; 2], reactors: usize) -> Self {
        let ledgers = (0..reactors).map(|_| Mutex::new(Ledger::new()));
        Self {
            schedule,
            arms,
            ledgers: ledgers.collect(),
        }
    }

    /// The set of a slice.
    pub fn set(&self, slice: u32) -> &Arc<Set> {
        &self.arms[self.schedule.arm(slice)]
    }

    /// One reactor's ledger. Its lock is free but for the moment in which somebody reads.
    pub fn ledger(&self, reactor: usize) -> Option<MutexGuard<'_, Ledger>> {
        let ledger = self.ledgers.get(reactor)?;
        Some(ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ledger {
    fn new() -> Self {
        Self {
            rows: Vec::new(),
            through: 0,
            sums: [Sum::nothing(), Sum::nothing()],
        }
    }
}

impl Sum {
    /// Nothing yet.
    #[must_use]
    pub fn nothing() -> Self {
        let figures = Figures {
            allocations: Some(Default::default()),
            ..Figures::default()
        };
        Self {
            wall: 0,
            nanos: 0,
            own_nanos: 0,
            figures,
            times: Snapshot::empty(),
        }
    }

    /// The two together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            nanos: self.nanos + other.nanos,
            own_nanos: self.own_nanos + other.own_nanos,
            figures: self.figures.plus(&other.figures),
            times: self.times.merge(&other.times),
        }
    }
}
