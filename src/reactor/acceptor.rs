//! Accepting: how many at once, and when not.
//!
//! The listener is edge-triggered too: an edge that was not used up is remembered. When the file
//! table or our own is full, accepting pauses and the backlog waits; the next connection that
//! closes resumes it, and after EMFILE, which nothing announces the end of, a timer tries again.
//! There is no spinning in either case.

use super::timers::Time;
use crate::config::bounds;

/// Whether to accept.
#[derive(Debug)]
pub struct Acceptor {
    connections_max: usize,
    /// There may be connections in the backlog.
    waiting: bool,
    /// The system had no descriptor: not before this moment.
    not_before: Time,
}

impl Acceptor {
    /// For a listener that may have connections already.
    #[must_use]
    pub fn new(connections_max: usize) -> Self {
        Self {
            connections_max,
            waiting: true,
            not_before: Time::ZERO,
        }
    }

    /// The listener is ready.
    pub fn ready(&mut self) {
        self.waiting = true;
    }

    /// The backlog is empty.
    pub fn drained(&mut self) {
        self.waiting = false;
    }

    /// The system refused a descriptor.
    pub fn refused(&mut self, now: Time) {
        self.not_before = now.after(bounds::ACCEPT_RETRY);
    }

    /// A connection has closed: there may be a descriptor.
    pub fn released(&mut self) {
        self.not_before = Time::ZERO;
    }

    /// When to go on without an event; [`Time::NEVER`] if one is needed.
    #[inline]
    pub fn due(&self, connections: usize) -> Time {
        if self.waiting && connections < self.connections_max {
            self.not_before
        } else {
            Time::NEVER
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_waits_for_a_connection_to_close() {
        let acceptor = Acceptor::new(2);
        assert_eq!(acceptor.due(1), Time::ZERO);
        assert_eq!(acceptor.due(2), Time::NEVER);
    }

    #[test]
    fn emfile_waits_for_the_timer_or_for_a_connection_to_close() {
        let mut acceptor = Acceptor::new(2);
        acceptor.refused(Time(5));
        assert_eq!(acceptor.due(0), Time(5).after(bounds::ACCEPT_RETRY));
        acceptor.released();
        assert_eq!(acceptor.due(0), Time::ZERO);
    }

    #[test]
    fn an_empty_backlog_needs_an_event() {
        let mut acceptor = Acceptor::new(2);
        acceptor.drained();
        assert_eq!(acceptor.due(0), Time::NEVER);
        acceptor.ready();
        assert_eq!(acceptor.due(0), Time::ZERO);
    }
}
