//! A gate that lets one in at a time, for routes that would only disturb their own measurement.
//!
//! Nobody waits at it: who finds it closed is told to come back. It opens when the pass is dropped,
//! so also when a job panics, or never runs because the job queue was full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::config::bounds::ONE_AT_A_TIME_RETRY;
use crate::http::Response;

/// The gate; open at first. True: somebody is inside.
#[derive(Default)]
pub(super) struct Gate(Arc<AtomicBool>);

/// The right to be inside.
pub(super) struct Pass(Arc<AtomicBool>);

impl Gate {
    /// A pass, if nobody has one.
    ///
    /// # Errors
    ///
    /// 503 with Retry-After while somebody is inside.
    pub(super) fn enter(&self) -> Result<Pass, Response> {
        if self.0.swap(true, Relaxed) {
            return Err(Response::busy(
                "this measurement is running for another request; try again when it is done",
                ONE_AT_A_TIME_RETRY,
            ));
        }
        Ok(Pass(Arc::clone(&self.0)))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
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
