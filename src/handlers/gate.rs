//! A gate that lets one in at a time, for routes that would only disturb their own measurement.
//!
//! Nobody waits at it: who finds it closed is told to come back. It opens when the pass is dropped,
//! so also when a job panics, or never runs because the job queue was full.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::bounds::ONE_AT_A_TIME_RETRY;
use crate::http::Response;

/// The gate; open at first.
#[derive(Default)]
pub(super) struct Gate(Arc<Inside>);

/// The right to be inside.
pub(super) struct Pass(Arc<Inside>);

#[derive(Default)]
struct Inside {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    is_closing: bool,
}

impl Gate {
    /// A pass, if nobody has one.
    ///
    /// # Errors
    ///
    /// 503 with Retry-After while somebody is inside.
    pub(super) fn enter(&self) -> Result<Pass, Response> {
        if std::mem::replace(&mut self.0.lock().is_taken, true) {
            return Err(Response::busy(
                "this measurement is running for another request; try again when it is done",
                ONE_AT_A_TIME_RETRY,
            ));
        }
        Ok(Pass(Arc::clone(&self.0)))
    }

    /// Asks whoever is inside to leave, and waits until that has happened, but not for ever: so
    /// that a process that ends leaves no files behind.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.0.lock();
        state.is_closing = true;
        let _ = self
            .0
            .left
            .wait_timeout_while(state, patience, |state| state.is_taken);
    }
}

impl Pass {
    /// Whether its holder has been asked to leave.
    pub(super) fn is_asked_to_leave(&self) -> bool {
        self.0.lock().is_closing
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.lock().is_taken = false;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::Answer;
    use crate::http::Method;

    fn entered(gate: &Gate) -> Pass {
        gate.enter()
            .unwrap_or_else(|_| panic!("somebody is inside"))
    }

    #[test]
    fn one_at_a_time_and_the_others_are_told_when_to_come_back() {
        let gate = Gate::default();
        let pass = entered(&gate);
        let refused = Answer::of(gate.enter().err().expect("somebody inside"), Method::Get);
        assert_eq!(
            (refused.status, refused.field("Retry-After")),
            (503, Some("1"))
        );
        drop(pass);
        assert!(gate.enter().is_ok());
    }

    #[test]
    fn who_is_inside_is_asked_to_leave_and_waited_for() {
        let gate = Gate::default();
        let pass = entered(&gate);
        assert!(!pass.is_asked_to_leave());
        let holder = std::thread::spawn(move || {
            while !pass.is_asked_to_leave() {
                std::thread::yield_now();
            }
        });
        gate.close(Duration::from_mins(1));
        assert!(!gate.0.lock().is_taken);
        holder.join().expect("the holder leaves");
    }

    #[test]
    fn a_panic_inside_opens_it() {
        let gate = Gate::default();
        let pass = entered(&gate);
        let job = std::thread::spawn(move || {
            let _pass = pass;
            panic!("on purpose");
        });
        assert!(job.join().is_err());
        assert!(gate.enter().is_ok());
    }
}
