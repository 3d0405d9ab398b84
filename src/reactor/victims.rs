//! Who makes room when places or buffers are short.
//!
//! A victim is chosen among sixteen that are drawn at random, which costs the same however many
//! connections there are. For a place it is the one that has been idle for the longest, which is
//! left silently; if none is idle, or for buffers, the one that has held the most for the longest
//! (bytes times time), which is told 408. Whoever waits for an answer of ours is never one.

use super::Reactor;
use super::connections::ConnectionId;
use super::kernel::Kernel;
use super::state::Stake;
use super::timers::Time;
use super::wakeup::Cause;
use crate::config::bounds;
use crate::duel::schedule::hash;
use crate::http::Handler;

impl<H: Handler, K: Kernel> Reactor<H, K> {
    /// Accepts connections. If all places are taken, one more comes in for whom somebody makes
    /// room.
    #[inline(never)]
    pub(super) fn accept(&mut self) {
        let now = self.core.clock.now;
        self.acceptor.accept(&mut self.connections, &mut self.core);
        if self.acceptor.due() > now || !self.acceptor.is_full(self.connections.len()) {
            return;
        }
        let victim = self.choose(Stake::for_a_place);
        match victim.filter(|_| self.acceptor.has_spare(self.connections.len())) {
            Some((id, _)) if self.acceptor.next(&mut self.connections, &mut self.core) => {
                self.wakeups.push((id, Cause::Evict));
            }
            Some(_) => {}
            None => self.acceptor.pause(now),
        }
    }

    /// Most of the buffers are lent: those who have held much of them for long make room.
    #[cold]
    pub(super) fn free_buffers(&mut self) {
        let mut missing = self.core.pool.missing();
        let others = self.wakeups.len();
        while missing > 0 {
            let Some((id, held)) = self.choose(Stake::for_buffers) else {
                break;
            };
            let mut chosen = self.wakeups[others..].iter();
            if chosen.any(|(other, _)| *other == id) {
                break;
            }
            self.wakeups.push((id, Cause::Evict));
            missing = missing.saturating_sub(held);
        }
    }

    /// The one with the highest rank of some that are drawn at random, and the bytes that it holds.
    fn choose(&mut self, rank: fn(&Stake, Time) -> u128) -> Option<(ConnectionId, u64)> {
        let (now, mut sampled, mut best) = (self.core.clock.now, 0, None);
        // Vacant places are drawn too, and half of them may be vacant.
        for _ in 0..4 * bounds::VICTIMS_SAMPLED {
            let draws = &mut self.core.draws;
            *draws += 1;
            let Some((id, connection)) = self.connections.at(hash(0, *draws)) else {
                continue;
            };
            sampled += 1;
            let stake = connection.stake();
            let ranked = stake.map(|stake| (rank(&stake, now), id, stake.bytes as u64));
            best = best.max(ranked.filter(|(rank, ..)| *rank > 0));
            if sampled == bounds::VICTIMS_SAMPLED {
                break;
            }
        }
        best.map(|(_, id, held)| (id, held))
    }
}

impl Stake {
    /// How much it should make room for a new connection: the idle before all others.
    fn for_a_place(&self, now: Time) -> u128 {
        let age = self.age(now);
        if self.is_idle && age > 0 {
            u128::MAX / 2 + age
        } else {
            age * self.bytes as u128
        }
    }

    /// How much it should give buffers back.
    fn for_buffers(&self, now: Time) -> u128 {
        self.age(now) * self.bytes as u128
    }

    /// In nanoseconds; 0 if it is too short to count.
    fn age(&self, now: Time) -> u128 {
        let age = now.since(self.since);
        if age < bounds::VICTIM_AFTER {
            0
        } else {
            age.as_nanos()
        }
    }
}
