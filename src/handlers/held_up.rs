//! How long the reactors were held up while the job pool worked: what "non-blocking" comes to, as a
//! figure.

use std::time::Duration;

use crate::accounts::{Accounts, Snapshot};

/// The reactors' histograms when some work began.
pub(super) struct HeldUp(Vec<Snapshot>);

impl HeldUp {
    /// From now on.
    pub(super) fn begin(accounts: &Accounts) -> Self {
        Self(snapshots(accounts).collect())
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() * Snapshot::BYTES
    }

    /// The longest turn of any reactor since then, to within 6 %; `None` if none has ended.
    pub(super) fn longest(&self, accounts: &Accounts) -> Option<Duration> {
        snapshots(accounts)
            .zip(&self.0)
            .map(|(now, then)| now.since(then))
            .filter(|turns| turns.count > 0)
            .map(|turns| Duration::from_nanos(turns.max))
            .max()
    }
}

fn snapshots(accounts: &Accounts) -> impl Iterator<Item = Snapshot> {
    accounts
        .reactors
        .iter()
        .map(|reactor| reactor.held_up.snapshot())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_after_the_beginning_counts() {
        let accounts = Accounts::new(2);
        accounts.reactors[0].held_up.record(9_000_000);
        let held_up = HeldUp::begin(&accounts);
        assert_eq!(held_up.longest(&accounts), None);
        accounts.reactors[0].held_up.record(10);
        accounts.reactors[1].held_up.record(15);
        assert_eq!(held_up.longest(&accounts), Some(Duration::from_nanos(15)));
    }
}
