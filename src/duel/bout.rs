//! A duel that somebody has asked for, from the question to the answer.
//!
//! One is asked for at a time. It is carried out by a thread that is no reactor, so that arithmetic
//! holds nobody up; whoever has asked looks here now and then.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::outcome::Outcome;
use super::{Busy, Set};

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// One pair of sets, or several, one after the other.
    pub rounds: Vec<Round>,
    /// How long all of it may take.
    pub length: Duration,
    /// How long a slice is to be, at least.
    pub slice: Option<Duration>,
    /// The number of the route that nearly all requests must be for.
    pub route: Option<usize>,
}

/// Two sets, each with what it is called: `as it stands`, `without slab`.
pub type Round = [(Arc<Set>, String); 2];

/// A duel that somebody has asked for.
#[derive(Debug)]
pub struct Bout {
    /// What was asked.
    pub challenge: Challenge,
    progress: Mutex<Progress>,
    is_given_up: AtomicBool,
}

/// How far it is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It looks at the load.
    Looking,
    /// It goes on; what its rounds say so far.
    Going(Vec<Outcome>),
    /// It is over.
    Over(Vec<Outcome>),
    /// There was none, for this reason.
    None(String),
}

/// Where duels are asked for.
#[derive(Debug, Default)]
pub struct Ring {
    state: Mutex<RingState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RingState {
    latest: Option<Arc<Bout>>,
    is_new: bool,
    is_closed: bool,
}

impl Ring {
    /// Asks for a duel.
    ///
    /// # Errors
    ///
    /// [`Busy`] while another one goes on, and when the server leaves.
    pub fn ask(&self, challenge: Challenge) -> Result<Arc<Bout>, Busy> {
        let mut state = self.lock();
        if state.goes_on() || state.is_closed {
            return Err(Busy);
        }
        let bout = Arc::new(Bout {
            challenge,
            progress: Mutex::new(Progress::Looking),
            is_given_up: AtomicBool::new(false),
        });
        (state.latest, state.is_new) = (Some(Arc::clone(&bout)), true);
        self.changed.notify_all();
        Ok(bout)
    }

    /// Whether one is being carried out, or about to be.
    pub fn goes_on(&self) -> bool {
        self.lock().goes_on()
    }

    /// The last one that was asked for.
    pub fn latest(&self) -> Option<Arc<Bout>> {
        self.lock().latest.clone()
    }

    /// The next one to be carried out; waits for it. `None` once it is closed.
    pub fn next(&self) -> Option<Arc<Bout>> {
        let wait = |state: &mut RingState| !state.is_new && !state.is_closed;
        let waited = self.changed.wait_while(self.lock(), wait);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let is_next = std::mem::take(&mut state.is_new) && !state.is_closed;
        state.latest.clone().filter(|_| is_next)
    }

    /// No more is asked for; the one that goes on ends.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        if let Some(bout) = &state.latest {
            bout.give_up();
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, RingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingState {
    fn goes_on(&self) -> bool {
        self.latest.as_ref().is_some_and(|bout| !bout.is_over())
    }
}

impl Bout {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.lock().clone()
    }

    /// It is that far by now.
    pub fn report(&self, progress: Progress) {
        *self.lock() = progress;
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(*self.lock(), Progress::Over(_) | Progress::None(_))
    }

    /// It may end: nobody waits for it any more.
    pub fn give_up(&self) {
        self.is_given_up.store(true, Relaxed);
    }

    /// Whether somebody said so.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
