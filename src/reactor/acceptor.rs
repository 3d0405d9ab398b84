//! Accepting: how many at once, and when not.
//!
//! The listener is edge-triggered too: an edge that was not used up is remembered. When our own
//! table is full, somebody makes room (`victims`). If nobody can, or the file table is full,
//! accepting pauses and the backlog waits; the next connection that closes resumes it, and a timer
//! tries again. There is no spinning in either case.

use std::io::{self, ErrorKind};

use super::{
    connection::Connection, connections::Connections, core::Core, journal::FAULT, kernel::Kernel,
    source::is_passing, step::Step, timers::Time,
};
use crate::accounts::WouldBlock;
use crate::{config::bounds, http::Handler};

type Table<K> = Connections<Connection<K>>;

/// Whether to accept.
#[derive(Debug)]
pub struct Acceptor {
    /// There may be connections in the backlog.
    pub is_waiting: bool,
    connections_max: usize,
    /// Places beyond those, for newcomers, while those who make room for them linger.
    spare: usize,
    /// The system had no descriptor, or nobody could make room: not before this moment.
    not_before: Time,
}

impl Acceptor {
    /// For a listener that may have connections already.
    #[must_use]
    pub fn new(connections_max: usize) -> Self {
        Self {
            is_waiting: true,
            connections_max,
            spare: bounds::PLACES_SPARE_MIN.max(connections_max / 10),
            not_before: Time::ZERO,
        }
    }

    /// When to go on without an event; [`Time::NEVER`] if one is needed.
    pub fn due(&self) -> Time {
        if self.is_waiting {
            self.not_before
        } else {
            Time::NEVER
        }
    }

    /// Whether all places are taken.
    pub fn is_full(&self, connections: usize) -> bool {
        connections >= self.connections_max
    }

    /// Whether one more finds a place if somebody makes room for it.
    pub fn has_spare(&self, connections: usize) -> bool {
        connections < self.connections_max + self.spare
    }

    /// Nobody can make room: not now.
    pub fn pause(&mut self, now: Time) {
        self.not_before = now.after(bounds::ACCEPT_RETRY);
    }

    /// A connection has closed: there may be a descriptor.
    pub fn released(&mut self) {
        self.not_before = Time::ZERO;
    }

    /// Accepts what there is, for a bounded number of connections.
    pub fn accept<H: Handler, K: Kernel>(&mut self, table: &mut Table<K>, core: &mut Core<H, K>) {
        for _ in 0..core.kernel.techniques().accepts_per_turn {
            if self.is_full(table.len()) || self.due() > core.clock.now || !self.next(table, core) {
                break;
            }
        }
    }

    /// Accepts what waits in the backlog, and closes the listener. Connections that complete
    /// between the last accept and the close are reset by the kernel.
    pub fn drain<H: Handler, K: Kernel>(&mut self, table: &mut Table<K>, core: &mut Core<H, K>) {
        for _ in 0..bounds::ACCEPTS_AT_DRAIN {
            if !self.next(table, core) {
                break;
            }
        }
        core.kernel.stop_listening();
        self.is_waiting = false;
    }

    /// Accepts the next connection, and admits it; false if there is none for now.
    pub fn next<H: Handler, K: Kernel>(
        &mut self,
        table: &mut Table<K>,
        core: &mut Core<H, K>,
    ) -> bool {
        let result = core.kernel.accept();
        let peer = result.as_ref().map(|(_, peer)| peer);
        core.meter.note(Step::Accepted(peer), &mut core.kernel);
        match result {
            Ok((mut socket, peer)) => {
                core.meter.account.registrations.add(1);
                let admitted = table.insert_with(|id| {
                    core.kernel.watch(&mut socket, id)?;
                    let mut connection = Connection::new(id, peer, socket, core.clock.now);
                    connection.arm(core);
                    core.meter.account.accepted.add(1);
                    core.meter.account.connections.add(1);
                    Ok::<_, io::Error>(connection)
                });
                if let Err(error) = admitted {
                    core.meter.account.closes.add(1);
                    log::error!(target: FAULT, "{peer}: cannot be watched: {error}");
                }
            }
            Err(error) if is_passing(&error) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                core.meter.account.eagains[WouldBlock::Accept as usize].add(1);
                self.is_waiting = false;
                return false;
            }
            Err(error) => {
                core.meter.account.accept_pauses.add(1);
                let pause = bounds::ACCEPT_RETRY;
                log::error!(target: FAULT, "accept: {error}; trying again in {pause:?}");
                self.pause(core.clock.now);
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_has_some_places_for_whom_somebody_makes_room() {
        let acceptor = Acceptor::new(2);
        assert!(!acceptor.is_full(1) && acceptor.is_full(2));
        let most = 2 + bounds::PLACES_SPARE_MIN;
        assert!(acceptor.has_spare(most - 1) && !acceptor.has_spare(most));
    }

    #[test]
    fn emfile_waits_for_the_timer_or_for_a_connection_to_close() {
        let mut acceptor = Acceptor::new(2);
        acceptor.not_before = Time(5);
        assert_eq!(acceptor.due(), Time(5));
        acceptor.released();
        assert_eq!(acceptor.due(), Time::ZERO);
    }

    #[test]
    fn an_empty_backlog_needs_an_event() {
        let mut acceptor = Acceptor::new(2);
        acceptor.is_waiting = false;
        assert_eq!(acceptor.due(), Time::NEVER);
        acceptor.is_waiting = true;
        assert_eq!(acceptor.due(), Time::ZERO);
    }
}
