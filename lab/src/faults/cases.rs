//! What is done to a server, a row for each.

use anyhow::Result;

use super::deeds::{
    descriptors, flood, idle, jobs, resets, slow_body, slow_head, slow_read, storm,
};
use super::scene::Scene;

/// What does it to a server.
type Deed = fn(&Scene<'_>) -> Result<()>;

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
    pub(super) run: Deed,
}

impl Case {
    const fn new(name: &'static str, run: Deed, arguments: &'static [&'static str]) -> Self {
        Self {
            name,
            what: "",
            promise: "",
            arguments,
            run,
        }
    }

    const fn what(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    const fn promise(self, promise: &'static str) -> Self {
        Self { promise, ..self }
    }
}

/// Short of time and of room.
const TIGHT: &[&str] = &["--write-timeout", "500ms", "--send-buffer", "16KiB"];

/// All of them.
pub(super) const CASES: &[Case] = &[
    Case::new("idle", idle, &[])
        .what("10,000 connections that say nothing")
        .promise("all are accepted; asking all at once, all are answered"),
    Case::new("slow-head", slow_head, &["--head-timeout", "1s"])
        .what("1,000 peers that send a byte of a head every 100 ms")
        .promise("each reads its 408, and is counted"),
    Case::new("slow-body", slow_body, &["--body-rate-span", "1s"])
        .what("1,000 peers that send a byte of a body every 100 ms")
        .promise("each reads its 408, and is counted"),
    Case::new("slow-read", slow_read, TIGHT)
        .what("1,000 peers that ask for half a megabyte each and take a byte every 100 ms")
        .promise("what is lent to them is bounded; each is given up, in time or for want of room"),
    Case::new("flood", flood, TIGHT)
        .what("100 peers that pipeline as fast as they can, and never read")
        .promise("what is lent to them is bounded; each is given up"),
    Case::new("storm", storm, &[])
        .what("a connection for each request, 64 at a time, as fast as they come")
        .promise("each is answered"),
    Case::new("resets", resets, &[])
        .what("connections that are reset at ten stages of a request, soon and late")
        .promise("no panic"),
    Case::new("descriptors", descriptors, &["--connections-max", "1000"])
        .what("200 connections to a server that may open 64 files")
        .promise("accepting pauses without a spin; as they leave, all are served"),
    Case::new("jobs", jobs, &["--job-threads", "1", "--jobs-max", "4"])
        .what("200 peers that want files, from a pool of one thread with four places")
        .promise("each is answered: with 200, or with 503 and Retry-After"),
];
