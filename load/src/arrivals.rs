//! The open loop: requests are due at a fixed rate, whatever the server does.
//!
//! The invariant: a request's latency counts from the time when it was due. One that finds no free
//! connection waits, and its due time stands; so a server that stalls is charged for everything
//! that it delays (what a closed loop hides is called coordinated omission). What is still unsent
//! at the end is recorded with the time that it had waited. Absent on purpose: random gaps between
//! requests; an even rate shows the least that a server must bear, and is the same in every run.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::client::{Client, EVENTS_MAX, Turn};

/// Token of the alarm; connections have small ones.
const ALARM: Token = Token(usize::MAX - 1);

/// The due times of one thread's requests.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Requests per second, of all threads.
    pub rate: f64,
    /// Threads; each takes the requests whose number leaves its own when divided by that.
    pub threads: usize,
    /// The number of this one.
    pub thread: usize,
    /// How long requests become due.
    pub span: Duration,
}

impl Arrivals {
    /// How long after the start this thread's `index`th request is due.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double counts to 9e15 without loss"
    )]
    fn due(&self, index: u64) -> Duration {
        let number = index as f64 * self.threads as f64 + self.thread as f64;
        Duration::try_from_secs_f64(number / self.rate).unwrap_or(Duration::MAX)
    }
}

/// One phase of the open loop, of one thread.
pub struct OpenLoop<'a> {
    client: &'a mut Client,
    arrivals: Arrivals,
    start: Instant,
    /// The next request.
    next: u64,
    /// Free connections, longest free first.
    free: VecDeque<usize>,
    alarm: Alarm,
}

impl<'a> OpenLoop<'a> {
    ///
    /// # Errors
    ///
    /// As timerfd_create(2).
    pub fn new(client: &'a mut Client, arrivals: Arrivals, start: Instant) -> io::Result<Self> {
        Ok(Self {
            alarm: Alarm::new(&client.poll)?,
            free: client.places().collect(),
            client,
            arrivals,
            start,
            next: 0,
        })
    }

    /// Sends what becomes due, and waits for all answers.
    ///
    /// # Errors
    ///
    /// As epoll_wait(2).
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        // Nothing is due before the start, and time before it cannot be told from it.
        thread::sleep(self.start.saturating_duration_since(Instant::now()));
        while self.elapsed() < self.arrivals.span && self.has_connections() {
            self.send_what_is_due();
            self.set_alarm()?;
            self.turn(&mut events)?;
        }
        self.send_what_is_due();
        self.count_unsent();
        while self.client.waiting > 0 {
            self.turn(&mut events)?;
        }
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Whether any is left that was not given up.
    fn has_connections(&self) -> bool {
        self.client.waiting > 0 || !self.free.is_empty()
    }

    /// Takes the answers that are there or come next.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        self.client.wait(events)?;
        for event in events.iter() {
            let id = event.token().0;
            if event.token() == ALARM {
                self.alarm.at = None;
            } else if self.client.receive(id, event.is_read_closed()) == Turn::Free {
                self.free.push_back(id);
            }
        }
        Ok(())
    }

    /// The next request's due time, if it has come.
    fn next_due(&self, elapsed: Duration) -> Option<Duration> {
        let due = self.arrivals.due(self.next);
        (due <= elapsed && due < self.arrivals.span).then_some(due)
    }

    /// Sends as long as something is due and a connection is free. The clock is read for each: what
    /// became due while the last one was sent goes with it.
    fn send_what_is_due(&mut self) {
        while let Some(&id) = self.free.front() {
            let Some(due) = self.next_due(self.elapsed()) else {
                return;
            };
            self.free.pop_front();
            self.next += 1;
            self.client.begin(id, 1, self.start + due);
        }
    }

    /// Wakes the loop when the next request is due, if it could be sent; at the end at the latest.
    fn set_alarm(&mut self) -> io::Result<()> {
        let span = self.arrivals.span;
        let at = if self.free.is_empty() {
            span
        } else {
            self.arrivals.due(self.next).min(span)
        };
        self.alarm.set(self.start, at)
    }

    /// Records what was due, but will not be sent any more.
    fn count_unsent(&mut self) {
        let elapsed = self.elapsed();
        while let Some(due) = self.next_due(elapsed) {
            self.next += 1;
            self.client.tally.unsent += 1;
            self.client.tally.record(elapsed.saturating_sub(due), 1);
        }
    }
}

/// A timer that wakes the poll. The poll's own timeout counts in whole milliseconds, and in one of
/// these twenty requests may be due.
struct Alarm {
    timer: OwnedFd,
    /// When it will ring; `None` if it has rung. It is not set twice for the same time.
    at: Option<Duration>,
}

impl Alarm {
    fn new(poll: &Poll) -> io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        // Edge-triggered, so nobody has to read it: each ringing is an edge.
        poll.registry()
            .register(&mut SourceFd(&timer.as_raw_fd()), ALARM, Interest::READABLE)?;
        Ok(Self { timer, at: None })
    }

    fn set(&mut self, start: Instant, at: Duration) -> io::Result<()> {
        if self.at == Some(at) {
            return Ok(());
        }
        self.at = Some(at);
        // A time of 0 would switch it off (timerfd_settime(2)).
        let left = at
            .saturating_sub(start.elapsed())
            .max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).map_err(io::Error::other)?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_turns_at_an_even_rate() {
        let of = |thread| Arrivals {
            rate: 1000.0,
            threads: 2,
            thread,
            span: Duration::from_secs(1),
        };
        let due = [of(0).due(0), of(1).due(0), of(0).due(1), of(1).due(1)];
        assert_eq!(due.map(|due| due.as_micros()), [0, 1000, 2000, 3000]);
    }
}
