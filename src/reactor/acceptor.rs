//! Accepting: how many at once, and when not.
//!
//! The listener is edge-triggered too: an edge that was not used up is remembered. When the file
//! table or our own is full, accepting pauses and the backlog waits; the next connection that
//! closes resumes it, and after EMFILE, which nothing announces the end of, a timer tries again.
//! There is no spinning in either case.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::Reactor;
use super::connection::Connection;
use super::journal::FAULT;
use super::kernel::Kernel;
use super::source::is_passing;
use super::timers::Time;
use super::wakeup::{Cause, Wakeup};
use crate::config::bounds;
use crate::http::Handler;

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

impl<H: Handler, K: Kernel> Reactor<H, K> {
    /// Accepts what there is, for a bounded number of connections.
    pub(super) fn accept(&mut self) {
        for _ in 0..self.shared.techniques().accepts_per_turn {
            if self.acceptor.due(self.connections.len()) > self.shared.now || !self.accept_one() {
                break;
            }
        }
    }

    /// Accepts a connection; false if that is all for now.
    fn accept_one(&mut self) -> bool {
        match self.shared.kernel.accept() {
            Ok((socket, peer)) => {
                self.shared
                    .kernel
                    .observe("accept_one", || format!("{peer}"));
                self.admit(socket, peer);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.acceptor.drained();
                return false;
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                self.shared.kernel.account.accept_pauses.add(1);
                let pause = bounds::ACCEPT_RETRY;
                log::error!(target: FAULT, "accept: {error}; trying again in {pause:?}");
                self.acceptor.refused(self.shared.now);
                return false;
            }
        }
        true
    }

    fn admit(&mut self, mut socket: K::Socket, peer: SocketAddr) {
        let shared = &mut self.shared;
        let admitted = self.connections.insert_with(|id| {
            shared.kernel.watch(&mut socket, id)?;
            let own_input = if shared.techniques().shared_input {
                None
            } else {
                shared.pool.take_input()
            };
            let mut connection = Connection::new(id, socket, peer, shared.now, own_input);
            connection.arm(shared);
            Ok::<_, io::Error>(connection)
        });
        match admitted {
            Ok(_) => {
                self.shared.kernel.account.accepted.add(1);
                self.shared.kernel.account.connections.add(1);
            }
            Err(error) => {
                log::error!(target: FAULT, "{peer}: cannot be watched: {error}");
            }
        }
    }

    /// Accepts what waits in the backlog, closes the listener, and has every connection look at its
    /// deadline. Connections that complete between the last accept and the close are reset by the
    /// kernel.
    pub(super) fn drain(&mut self) {
        if self.shared.draining.is_some() {
            return;
        }
        self.shared.draining = Some(self.shared.now);
        for _ in 0..bounds::ACCEPTS_AT_DRAIN {
            if !self.accept_one() {
                break;
            }
        }
        self.shared.kernel.kernel.stop_listening();
        self.acceptor.drained();
        self.wakeups
            .extend(self.connections.ids().into_iter().map(|id| Wakeup {
                id,
                cause: Cause::Drain,
            }));
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
