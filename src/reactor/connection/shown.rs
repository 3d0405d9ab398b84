//! How a connection looks to whoever observes.

use std::fmt;

use super::{Connection, Input, Kernel};

impl<K: Kernel> fmt::Display for Connection<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.session.state.name();
        let input = self.input.as_ref().map_or(0, Input::len);
        let owed = self
            .transport
            .owed
            .as_ref()
            .map_or(0, |owed| owed.bytes.len());
        write!(f, "state {state}, input {input}, owed {owed}")
    }
}
