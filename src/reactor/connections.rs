//! The connections of a reactor, and the ids by which everything outside speaks of them.
//!
//! An id is a place in the slab and the generation of its tenant. A wakeup for a tenant that has
//! left meets no one: that is the whole of the defence against stale events, timers and answers.

use std::collections::HashMap;

use mio::Token;
use slab::Slab;

use crate::config::Techniques;

/// Speaks of one connection, and of no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    index: u32,
    generation: u32,
}

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

const _: () = assert!(usize::BITS == 64, "a token holds two numbers of 32 bits");

impl ConnectionId {
    /// The id as epoll hands it back: generation in the upper half, index in the lower.
    #[inline]
    pub fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.index as usize)
    }

    /// The id in a token.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // Taking the number apart is the purpose.
    pub fn from_token(token: usize) -> Self {
        let (index, generation) = (token as u32, (token >> 32) as u32);
        Self { index, generation }
    }
}

/// A slab whose places know the id of their tenant.
#[derive(Debug)]
pub struct Connections<T> {
    slab: Slab<(ConnectionId, T)>,
    /// For the technique `slab` off: where each is, to be looked up by its hashed id, as one does
    /// who has no slab at hand.
    places: Option<HashMap<ConnectionId, usize>>,
    generation: u32,
}

impl<T> Connections<T> {
    /// No connections.
    #[must_use]
    pub fn new(techniques: &Techniques) -> Self {
        Self {
            slab: Slab::new(),
            places: (!techniques.slab).then(HashMap::new),
            generation: 0,
        }
    }

    /// Keeps the map beside the slab from now on, so that the technique can change.
    pub fn keep_places(&mut self) {
        let ids = self.slab.iter().map(|(place, (id, _))| (*id, place));
        self.places = Some(ids.collect());
    }

    /// Admits a connection that is told its id.
    ///
    /// # Errors
    ///
    /// If `make` fails; then nothing was admitted.
    ///
    /// # Panics
    ///
    /// Beyond 2^32 - 1 connections; the file limit ends far below.
    pub fn insert_with<E>(
        &mut self,
        make: impl FnOnce(ConnectionId) -> Result<T, E>,
    ) -> Result<ConnectionId, E> {
        // One count for all places: after 2^32 connections a number comes back, but an event for
        // the first tenant would have to have waited as long.
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let place = self.slab.vacant_entry();
        let index = u32::try_from(place.key()).expect("fewer than 2^32 connections");
        let id = ConnectionId { index, generation };
        place.insert((id, make(id)?));
        if let Some(places) = &mut self.places {
            places.insert(id, index as usize);
        }
        Ok(id)
    }

    /// Where a connection is, if it is still there; the slab is asked who is there now.
    #[inline]
    fn place(&self, id: ConnectionId, techniques: &Techniques) -> Option<usize> {
        match &self.places {
            Some(places) if !techniques.slab => places.get(&id).copied(),
            _ => Some(id.index as usize),
        }
    }

    /// The connection, if it is still there.
    #[inline]
    pub fn get_mut(&mut self, id: ConnectionId, techniques: &Techniques) -> Option<&mut T> {
        let (tenant_id, tenant) = self.slab.get_mut(self.place(id, techniques)?)?;
        (*tenant_id == id).then_some(tenant)
    }

    /// The connection, if it is still there.
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        let (tenant_id, tenant) = self.slab.get(id.index as usize)?;
        (*tenant_id == id).then_some(tenant)
    }

    /// Takes a connection out, if it is still there.
    pub fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.get(id)?;
        if let Some(places) = &mut self.places {
            places.remove(&id);
        }
        Some(self.slab.remove(id.index as usize).1)
    }

    /// The connection at one of its places, if there is one: those of all, and vacant ones, are
    /// numbered through.
    pub fn at(&self, number: u64) -> Option<(ConnectionId, &T)> {
        let places = self.slab.capacity().max(1) as u64;
        let place = usize::try_from(number % places).unwrap_or_default();
        self.slab.get(place).map(|(id, tenant)| (*id, tenant))
    }

    /// Does something with each connection.
    pub fn each(&mut self, mut with: impl FnMut(&mut T)) {
        for (_, (_, tenant)) in &mut self.slab {
            with(tenant);
        }
    }

    /// The ids of all connections.
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.slab.iter().map(|(_, (id, _))| *id).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn admit(connections: &mut Connections<&'static str>, tenant: &'static str) -> ConnectionId {
        let Ok(id) = connections.insert_with(|_| Ok::<_, Infallible>(tenant));
        id
    }

    #[test]
    fn an_id_does_not_reach_the_next_tenant() {
        let mut connections = Connections::new(&Techniques::FULL);
        let first = admit(&mut connections, "first");
        assert_eq!(connections.remove(first), Some("first"));
        let second = admit(&mut connections, "second");
        assert_eq!(first.index, second.index, "the place is used again");
        assert_eq!(connections.get_mut(first, &Techniques::FULL), None);
        assert_eq!(connections.remove(first), None);
        assert_eq!(
            connections.get_mut(second, &Techniques::FULL),
            Some(&mut "second")
        );
    }

    #[test]
    fn a_token_and_back() {
        let id = ConnectionId {
            index: 7,
            generation: u32::MAX,
        };
        assert_eq!(ConnectionId::from_token(id.token().0), id);
    }

    #[test]
    fn who_is_refused_leaves_no_trace() {
        let mut connections = Connections::<()>::new(&Techniques::FULL);
        assert_eq!(connections.insert_with(|_| Err("full")), Err("full"));
        assert!(connections.is_empty());
    }
}
