//! The front page's picture as a table.

use super::Table;
use super::outside::within;
use crate::report::front::lines;
use crate::report::numbers::{or_dash, whole};
use crate::results::Results;

/// A line for each bar of the picture.
pub(super) fn front(results: &Results) -> Option<Table> {
    let rows = lines(results).into_iter().map(|line| {
        vec![
            line.label().to_owned(),
            whole(line.ns),
            line.times(),
            or_dash(line.in_kernel, |(share, error)| within(share, error)),
        ]
    });
    Table::new(
        "What a request costs",
        &["server", "#ns", "#times the limit", "#in the kernel"],
    )
    .note(
        "CPU time of one keep-alive request of `/plaintext`, user and system. Times the limit: \
         within rounds, mean over the sets with an interval; all intervals of the table together \
         hold with 95 %. In the kernel: the share of that time, by ticks of a window of the server \
         alone, and its error (95 %).",
    )
    .filled(rows.collect())
}
