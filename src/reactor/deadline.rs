//! When a connection's patience ends, and what it does then.

use super::buffers::Input;
use super::connection::{Connection, Gone, Phase};
use super::deferral::{Deferred, Wait};
use super::kernel::Kernel;
use super::shared::Shared;
use super::timers::Time;
use super::upload::Pace;
use crate::accounts::Refusal;
use crate::http::{Handler, Rejection, Status, parse};

impl<K: Kernel> Connection<K> {
    /// The moment at which something must be done even if nothing happens. Computed from the state,
    /// never stored: so it cannot disagree with it.
    #[inline]
    pub(super) fn deadline<H: Handler>(&self, shared: &Shared<H, K>) -> Time {
        match self.phase {
            // The usual case, which every answer leaves behind, is asked for by itself.
            Phase::Head { since, .. }
                if self.inbox.is_none() && self.outbox.is_none() && shared.draining.is_none() =>
            {
                since.after(shared.timeouts.idle)
            }
            _ => self.deadline_of_any(shared),
        }
    }

    #[inline(never)]
    fn deadline_of_any<H: Handler>(&self, shared: &Shared<H, K>) -> Time {
        let timeouts = &shared.timeouts;
        let of_phase = match &self.phase {
            Phase::Deferred(deferred) => match deferred.wait {
                Wait::Timer { until, .. } => until,
                Wait::Job | Wait::Answered(_) => Time::NEVER,
            },
            // Who owes bytes reads nothing: the peer's silence is of our making.
            _ if self.outbox.is_some() => Time::NEVER,
            Phase::Head { since, .. } if self.has_begun() => since.after(timeouts.head),
            Phase::Head { since, .. } => match shared.draining {
                None => since.after(timeouts.idle),
                Some(began) => began.max(*since).after(shared.drain.idle),
            },
            Phase::Body(upload) => upload.pace.body_deadline(timeouts),
            Phase::Discard { pace, .. } => pace.body_deadline(timeouts),
            Phase::Closing => Time::NEVER,
            Phase::Lingering { since, heard } => heard
                .after(timeouts.linger_silence)
                .min(since.after(timeouts.linger)),
        };
        let of_outbox = match &self.outbox {
            Some(owed) => owed.pace.deadline(timeouts.write, timeouts.write),
            None => Time::NEVER,
        };
        of_phase.min(of_outbox)
    }

    /// Whether bytes of a request head are here.
    #[inline]
    fn has_begun(&self) -> bool {
        self.inbox
            .as_ref()
            .is_some_and(|inbox| parse::has_begun(inbox.unread()))
    }

    /// Sees to it that a timer entry comes due no later than the deadline. One that comes too early
    /// does no harm, so a deadline that moves out, as it does with every request, costs nothing
    /// here.
    #[inline(always)]
    #[allow(clippy::inline_always)] // The compiler would keep it a call, of 10 instructions.
    pub(super) fn arm<H: Handler>(&mut self, shared: &mut Shared<H, K>) {
        let deadline = self.deadline(shared);
        // Loops that know one timer for each connection set it anew whenever it moves.
        let moves = !shared.techniques().lazy_deadlines && !matches!(deadline, Time::NEVER);
        let is_set = deadline < self.armed || (moves && deadline != self.armed);
        shared.kernel.observe("arm", || {
            let entry = if is_set {
                "an entry is set"
            } else {
                "an entry stands already"
            };
            format!("{}; {entry}", self.describe())
        });
        if is_set {
            self.armed = deadline;
            shared.timers.set(deadline, self.id);
            shared.kernel.account.timers_set.add(1);
        }
    }

    /// The peer has taken all that it was owed. Until now it was not read: its silence was of our
    /// making.
    pub(super) fn restart_patience(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Head { since, .. } => *since = now,
            Phase::Body(upload) => upload.pace = Pace::new(now),
            Phase::Discard { pace, .. } => *pace = Pace::new(now),
            Phase::Deferred(_) | Phase::Closing | Phase::Lingering { .. } => {}
        }
    }

    /// The deadline has passed.
    pub(super) fn expire<H: Handler>(
        &mut self,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        if let Some(owed) = &self.outbox
            && owed
                .pace
                .deadline(shared.timeouts.write, shared.timeouts.write)
                <= shared.now
        {
            shared.refused(Refusal::SlowReader, self.peer, "does not take its answer");
            return Err(Gone);
        }
        match &self.phase {
            Phase::Head { .. } if self.has_begun() => {
                self.reject_as(Refusal::HeadTimeout, HEAD_TOO_SLOW, shared);
            }
            Phase::Head { .. } => self.part(common, shared)?,
            Phase::Body(_) => self.reject_as(Refusal::BodyTimeout, BODY_TOO_SLOW, shared),
            Phase::Discard { .. } => self.phase = Phase::Closing,
            Phase::Deferred(_) => self.continue_after_wait(shared),
            Phase::Closing => {}
            Phase::Lingering { .. } => return Err(Gone),
        }
        Ok(())
    }

    /// Leaves a peer that has said nothing for too long; but not before a last look, the one recv
    /// that no event asked for. A request may have come with this very turn, and its event be still
    /// on its way: after the shutdown its bytes would be dropped with those of a lingering close.
    fn part<H: Handler>(
        &mut self,
        common: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        self.unread = true;
        self.converse(common, shared)?;
        let is_idle = matches!(self.phase, Phase::Head { .. });
        if is_idle && self.deadline(shared) <= shared.now {
            if shared.draining.is_none() {
                shared.refused(Refusal::Idle, self.peer, "silent for too long");
            }
            self.phase = Phase::Closing;
        }
        Ok(())
    }

    fn continue_after_wait<H: Handler>(&mut self, shared: &mut Shared<H, K>) {
        let Phase::Deferred(deferred) = &mut self.phase else {
            return;
        };
        let Deferred { wait, .. } = &mut **deferred;
        if let Wait::Timer { began, then, .. } = std::mem::replace(wait, Wait::Job) {
            let waited = shared.kernel.now().since(began);
            self.resume(|_| then(waited), shared);
        }
    }
}

const HEAD_TOO_SLOW: Rejection = Rejection {
    status: Status::REQUEST_TIMEOUT,
    reason: "the request head took too long; send it whole, at once",
};

const BODY_TOO_SLOW: Rejection = Rejection {
    status: Status::REQUEST_TIMEOUT,
    reason: "the body came too slowly; send at least 500 bytes a second",
};
