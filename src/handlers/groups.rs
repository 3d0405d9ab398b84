//! Figures that keep kinds of one thing apart, by the names of the kinds.
//!
//! `/stats`, `/accounts` and `/metrics` take them from here, as they take single numbers from
//! [`COUNTS`](crate::accounts::COUNTS): so none of them can call a figure something else.

use serde_json::Value;

use super::table::TABLE;
use crate::accounts::{Copied, Figures, Refusal, Stage, Woken, WouldBlock};

/// Counts with the names of their kinds.
pub(super) type Named = Vec<(&'static str, u64)>;

/// Answers by the class of their status; 1xx is no answer.
pub(super) fn status(figures: &Figures) -> Named {
    named(["2xx", "3xx", "4xx", "5xx"], &figures.status_classes[1..])
}

/// Requests by the pattern of their route.
pub(super) fn routes(figures: &Figures) -> Named {
    named(TABLE.iter().map(|route| route.path), &figures.routes)
}

/// Requests that were refused, and connections that the server ended.
pub(super) fn refusals(figures: &Figures) -> Named {
    named(Refusal::ALL.map(|(_, name)| name), &figures.refusals)
}

/// Times that a connection was looked at, by the cause.
pub(super) fn wakeups(figures: &Figures) -> Named {
    named(Woken::NAMES, &figures.wakeups)
}

/// Bytes copied in user space, by the place.
pub(super) fn copies(figures: &Figures) -> Named {
    named(Copied::NAMES, &figures.bytes_copied)
}

/// Calls that found nothing to do.
pub(super) fn eagains(figures: &Figures) -> Named {
    named(WouldBlock::NAMES, &figures.eagains)
}

/// Allocations by the stage of the request; `None` if no allocator counts. Nothing is attributed to
/// the wait: what the reactor does then, it does for others.
pub(super) fn allocations(figures: &Figures) -> Option<Named> {
    let mut all = named(Stage::ALL.map(|(_, name)| name), &figures.allocations?);
    all.remove(Stage::Wait as usize);
    Some(all)
}

fn named(names: impl IntoIterator<Item = &'static str>, counts: &[u64]) -> Named {
    names.into_iter().zip(counts.iter().copied()).collect()
}

/// The sum of all kinds.
pub(super) fn sum(named: &Named) -> u64 {
    named.iter().map(|(_, count)| count).sum()
}

/// As a JSON object, in their order.
pub(super) fn object<V: Into<Value>>(named: impl IntoIterator<Item = (&'static str, V)>) -> Value {
    let rows = named.into_iter();
    let rows = rows.map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(rows.collect())
}
