//! What ends a poll in time: a timerfd beside the sockets.

use std::io;
use std::time::Duration;

use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

use super::{Decisions, Kernel, Linux, Time};

impl<D: Decisions> Linux<D> {
    /// The timeout of a poll that the timerfd would not end by `until` already: none, once it is
    /// set for then.
    ///
    /// epoll_wait's own timeout is in whole milliseconds, and a wait of 100 us would become 1 ms.
    /// The timerfd is set to a point, not a span, so no clock is read; and since it is left alone
    /// while it is early enough, a reactor whose soonest deadline stands still makes no system call
    /// for it. (Idle, for a wait of 100 us: timerfd 144 us, epoll_pwait2 192 us.)
    #[cold]
    pub(super) fn timeout(&mut self, until: Time) -> io::Result<Option<Duration>> {
        if !self.techniques().fine_timer {
            // Rounded up to whole milliseconds by mio, and the clock read once more.
            return Ok(Some(until.since(self.now())));
        }
        // 2^64 nanoseconds are fewer than 2^63 seconds.
        self.set_timer(Duration::from_nanos(until.0).try_into().unwrap_or_default())?;
        self.timer_at = until;
        Ok(None)
    }

    /// Sets the timerfd for a poll until then, if that poll would; whether it did.
    ///
    /// # Errors
    ///
    /// What timerfd_settime(2) refuses.
    pub fn arm(&mut self, until: Time) -> io::Result<bool> {
        let is_due = until > Time::ZERO && until < self.timer_at && self.techniques().fine_timer;
        if is_due {
            self.timeout(until)?;
        }
        Ok(is_due)
    }

    /// Sets the timerfd to a point of the monotonic clock; zero disarms it.
    pub(super) fn set_timer(&self, point: Timespec) -> io::Result<()> {
        self.account.alarms_set.add(1);
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: point,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}
