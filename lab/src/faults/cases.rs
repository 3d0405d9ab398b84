//! What is done to a server, a row for each.

use anyhow::Result;

use super::scene::Scene;
use super::{abrupt, greedy, scarce, silent};

/// Files that a server may have open where they are to run out.
pub(super) const FILES_MAX: usize = 64;

/// One thing that is done to a server.
pub(super) struct Case {
    /// As on the command line.
    pub(super) name: &'static str,
    /// What is done.
    pub(super) what: &'static str,
    /// What must hold, beside what holds for all: the neighbour is answered, nothing is left
    /// behind, and the server leaves in order.
    pub(super) promise: &'static str,
    /// Options of the server. Timeouts are short, so that their end is seen.
    pub(super) arguments: &'static [&'static str],
    /// The most files that the server may open.
    pub(super) files_max: Option<usize>,
    pub(super) run: fn(&Scene<'_>) -> Result<()>,
}

/// All of them.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "idle",
        what: "10,000 connections that say nothing",
        promise: "all are accepted; asking all at once, all are answered",
        arguments: &[],
        files_max: None,
        run: silent::idle,
    },
    Case {
        name: "slow-head",
        what: "1,000 peers that send a byte of a head every 100 ms",
        promise: "each reads its 408, and is counted",
        arguments: &["--head-timeout", "1s"],
        files_max: None,
        run: silent::slow_head,
    },
    Case {
        name: "slow-body",
        what: "1,000 peers that send a byte of a body every 100 ms",
        promise: "each reads its 408, and is counted",
        arguments: &["--body-rate-after", "1s"],
        files_max: None,
        run: silent::slow_body,
    },
    Case {
        name: "slow-read",
        what: "1,000 peers that ask for half a megabyte each and take a byte every 100 ms",
        promise: "what is lent to them is bounded; each is given up, in time or for want of room",
        arguments: &["--write-timeout", "500ms", "--send-buffer", "16KiB"],
        files_max: None,
        run: greedy::slow_read,
    },
    Case {
        name: "flood",
        what: "100 peers that pipeline as fast as they can, and never read",
        promise: "what is lent to them is bounded; each is given up",
        arguments: &["--write-timeout", "500ms", "--send-buffer", "16KiB"],
        files_max: None,
        run: greedy::flood,
    },
    Case {
        name: "storm",
        what: "a connection for each request, 64 at a time, as fast as they come",
        promise: "each is answered",
        arguments: &[],
        files_max: None,
        run: greedy::storm,
    },
    Case {
        name: "resets",
        what: "connections that are reset at ten stages of a request, soon and late",
        promise: "no panic",
        arguments: &[],
        files_max: None,
        run: abrupt::resets,
    },
    Case {
        name: "descriptors",
        what: "200 connections to a server that may open 64 files",
        promise: "accepting pauses without a spin; as they leave, all are served",
        arguments: &["--connections-max", "1000"],
        files_max: Some(FILES_MAX),
        run: scarce::descriptors,
    },
    Case {
        name: "jobs",
        what: "200 peers that want files, from a pool of one thread with four places",
        promise: "each is answered: with 200, or with 503 and Retry-After",
        arguments: &["--job-threads", "1", "--jobs-max", "4"],
        files_max: None,
        run: scarce::jobs,
    },
];
