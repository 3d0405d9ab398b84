//! A reactor whose techniques change while it runs (`--live`): on top of a turn, never inside.
//!
//! In between the reactor does not know that there are duels. What it carries over at a change is
//! listed in `Following::change`; everything else is decided anew where it is decided anyway.
//!
//! A row of a duel is opened and closed by the thread's CPU clock, between two turns. A slice that
//! the reactor slept through gets an empty row. One whose beginning it missed, since it was at work
//! on a turn that began before, gets none: its pair does not count.

use std::sync::Arc;

use super::connection::Connection;
use super::connections::Connections;
use super::core::Core;
use super::kernel::Kernel;
use super::timers::Time;
use crate::accounts::{Figures, Snapshot};
use crate::duel::{Control, Duel, Live, Phase, Row, Set};
use crate::http::Handler;

/// Knows which techniques are in force, and keeps the reactor's rows of a duel; without `--live` it
/// knows of nothing.
#[derive(Default)]
pub struct Follower(Option<Box<Following>>);

/// What a follower knows.
struct Following {
    live: Arc<Live>,
    /// As of this version.
    version: u64,
    in_force: Arc<Set>,
    duel: Option<Course>,
}

/// A duel that goes on.
struct Course {
    duel: Arc<Duel>,
    phase: Phase,
    row: Option<Opening>,
    /// Requests answered until the last turn began.
    requests: u64,
}

/// A row that is open: what everything was when it was opened.
struct Opening {
    slice: u32,
    at: Time,
    figures: Figures,
    times: Snapshot,
    others: u64,
    cpu: Time,
}

impl Follower {
    /// Follows from the set that a server starts with.
    #[must_use]
    pub fn new(live: Arc<Live>) -> Self {
        let in_force = live.state().standing;
        Self(Some(Box::new(Following {
            live,
            version: 0,
            in_force,
            duel: None,
        })))
    }

    /// Looks whether something else is in force by now.
    #[inline]
    pub fn follow<H: Handler, K: Kernel>(
        &mut self,
        connections: &mut Connections<Connection<K>>,
        core: &mut Core<H, K>,
    ) {
        let Some(known) = &mut self.0 else {
            return;
        };
        let version = known.live.version();
        if version != known.version {
            known.version = version;
            known.take_up(connections, core);
        }
        if known.duel.is_some() {
            known.go_on(connections, core);
        }
    }
}

impl Following {
    /// Something else stands, a duel begins, or one has ended: the row that is open is lost, and
    /// the standing set holds.
    #[cold]
    fn take_up<H: Handler, K: Kernel>(
        &mut self,
        connections: &mut Connections<Connection<K>>,
        core: &mut Core<H, K>,
    ) {
        let state = self.live.state();
        self.change(&state.standing, 1, connections, core);
        self.duel = state.duel.map(|duel| Course {
            duel,
            phase: Phase::Before,
            row: None,
            requests: 0,
        });
    }

    /// Goes on with the duel: at most one row closes, the set changes, and one row opens.
    #[inline(never)]
    fn go_on<H: Handler, K: Kernel>(
        &mut self,
        connections: &mut Connections<Connection<K>>,
        core: &mut Core<H, K>,
    ) {
        let Some(mut course) = self.duel.take() else {
            return;
        };
        let schedule = course.duel.schedule;
        let (before, phase) = (course.phase, schedule.phase(core.kernel.now().0));
        let requests = core.meter.account.requests.get();
        let has_worked = std::mem::replace(&mut course.requests, requests) != requests;
        if phase != before {
            course.phase = phase;
            if let Some(row) = course.row.take() {
                course.close(&row, self.live.others.sum(), core);
            }
            // The last poll returned then: what lies before was sleep.
            let woken = schedule.phase(core.meter.turn_began.0);
            course.account_for(before, woken, phase, core.worker);
            let (set, place) = match phase.slice() {
                Some(slice) => (Arc::clone(course.duel.set(slice)), slice + 2),
                None => (self.live.state().standing, u32::MAX),
            };
            self.change(&set, place, connections, core);
            if let Phase::Measuring(slice) = phase {
                let has_settled = before == Phase::Settling(slice);
                // Nothing was in flight then, and nothing has been done since.
                let was_asleep = woken == phase && !has_worked;
                if has_settled || was_asleep {
                    course.row = Some(Opening::of(slice, self.live.others.sum(), core));
                }
            }
        }
        self.duel = Some(course);
    }

    /// Puts a set into force, and carries over what the old one leaves behind: the kernel's events
    /// and its timer, idle buffers, timer entries that no longer count, inputs that are in pieces,
    /// and the option of the sockets. What belongs to the process is changed by whichever reactor
    /// comes first to this `place` of a duel.
    fn change<H: Handler, K: Kernel>(
        &mut self,
        set: &Arc<Set>,
        place: u32,
        connections: &mut Connections<Connection<K>>,
        core: &mut Core<H, K>,
    ) {
        let old = *core.kernel.techniques();
        let new = &set.techniques;
        let change = || core.handler.change(new);
        self.live.apply(self.version, place, set, change);
        if self.in_force == *set && old == *new && set.control != Control::Null {
            return;
        }
        let is_any = |differs: bool| differs || set.control == Control::Null;
        core.kernel.change(new);
        core.pool.keep(new);
        if is_any(old.lazy_deadlines != new.lazy_deadlines) {
            core.timers.sweep(|at, id| {
                let connection = connections.get(id);
                connection.is_some_and(|connection| connection.is_armed_for(at))
            });
        }
        if is_any(old.cursors != new.cursors) {
            connections.each(|connection| connection.mend_input(core));
        }
        if is_any(old.nodelay != new.nodelay) {
            connections.each(|connection| connection.set_nodelay(core));
        }
        self.in_force = Arc::clone(set);
    }
}

impl Course {
    /// Closes a row; its CPU time first.
    fn close<H, K: Kernel>(&self, row: &Opening, others: u64, core: &mut Core<H, K>) {
        let own_nanos = core.kernel.cpu_time().nanos_since(row.cpu);
        // Those threads are nobody's: the first reactor speaks for them.
        let is_first = u64::from(core.worker == 0);
        let nanos = own_nanos + is_first * (others - row.others);
        let account = &core.meter.account;
        let figures = Figures::counted(account).since(&row.figures);
        let times = account.response_time.snapshot().since(&row.times);
        let Some(mut ledger) = self.duel.ledger(core.worker) else {
            return;
        };
        let (slice, requests) = (row.slice, figures.requests);
        ledger.rows.push(Row {
            slice,
            nanos,
            requests,
        });
        let sum = &mut ledger.sums[self.duel.schedule.arm(slice)];
        sum.wall += core.kernel.now().nanos_since(row.at);
        sum.nanos += nanos;
        sum.own_nanos += own_nanos;
        sum.figures = sum.figures.plus(&figures);
        sum.times = std::mem::replace(&mut sum.times, Snapshot::empty()).merge(&times);
    }

    /// Empty rows for the slices that passed asleep; none for those that passed at work. The first
    /// and the last of the way from `before` to `now` are not among them.
    fn account_for(&self, before: Phase, woken: Phase, now: Phase, worker: usize) {
        let Some(mut ledger) = self.duel.ledger(worker) else {
            return;
        };
        // One that was about to settle, or to be measured, may have been slept through, too.
        let first = match before {
            Phase::Settling(slice) if woken != before => slice,
            other => other.slice().map_or(0, |slice| slice + 1),
        };
        let asleep_until = woken.slice().unwrap_or(first);
        for slice in first..asleep_until {
            let (nanos, requests) = (0, 0);
            ledger.rows.push(Row {
                slice,
                nanos,
                requests,
            });
        }
        ledger.through = match now {
            Phase::Before => 0,
            Phase::Settling(slice) | Phase::Measuring(slice) => slice,
            Phase::After => ledger.through.max(first),
        };
    }
}

impl Opening {
    /// Opens a row; its CPU time last.
    fn of<H, K: Kernel>(slice: u32, others: u64, core: &mut Core<H, K>) -> Self {
        let account = &core.meter.account;
        let (figures, times) = (Figures::counted(account), account.response_time.snapshot());
        let at = core.kernel.now();
        Self {
            slice,
            at,
            figures,
            times,
            others,
            cpu: core.kernel.cpu_time(),
        }
    }
}
