//! The rows: a technique each, in the order of the document.

use std::time::Duration;

use super::Change::{self, Ends, Live, Restart};
use super::Group::{self, Buffers, Http, Jobs, Loop, Sharing, Sockets};
use super::Judge::{self, Cpu, HeldUp, Latency};
use super::Load::{
    self, Cache, Connections, Files, Json, KeepAlive, LargeFile, MiddleFile, One, Pieces,
    Pipelined, SmallFile, TwoWorkers, Uploads, Waits,
};
use super::{Form, Switch, Technique, row};
use crate::config::Kind::{self, OnOff, Time, Whole, Words};

type Row = (
    &'static str,
    Group,
    Kind,
    &'static str,
    &'static str,
    Change,
    Judge,
    Load,
);

/// Those that are switches: name, group, values, which of them stand for on and for off, whether it
/// changes while the server runs, what it is judged by, and where it shows.
#[rustfmt::skip] // A row is a line.
fn switches() -> Vec<Row> {
    vec![
        ("event-batching", Loop, Whole(1..=1024), "1024", "1", Live, Cpu, KeepAlive),
        ("register-once", Loop, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("write-at-once", Loop, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("short-read", Loop, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("turn-clock", Loop, Whole(1..=1024), "8", "1", Live, Cpu, KeepAlive),
        ("lazy-deadlines", Loop, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("accept-batches", Loop, Whole(1..=65_535), "64", "65535", Live, HeldUp, Connections),
        ("slab", Loop, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("spin", Loop, Whole(0..=1_000_000), "50", "0", Live, Latency, One),
        ("fine-timer", Loop, OnOff, "on", "off", Live, Latency, Waits),
        ("idle-buffers", Buffers, Whole(0..=65_535), "128", "0", Live, Cpu, Uploads),
        ("shared-input", Buffers, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("uninit-reads", Buffers, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("inline-calls", Buffers, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("cursors", Buffers, OnOff, "on", "off", Live, Cpu, Pipelined),
        ("batched-writes", Buffers, OnOff, "on", "off", Live, Cpu, Pipelined),
        ("same-request", Http, OnOff, "on", "off", Live, Cpu, Pipelined),
        ("cached-date", Http, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("head-template", Http, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("json-in-place", Http, OnOff, "on", "off", Live, Cpu, Json),
        ("field-slots", Http, OnOff, "on", "off", Live, Cpu, KeepAlive),
        ("static-routing", Http, Words(&["match", "map", "patterns"]), "match", "map",
            Live, Cpu, KeepAlive),
        ("own-counters", Sharing, OnOff, "on", "off", Live, Cpu, TwoWorkers),
        ("sharded-cache", Sharing, Whole(1..=1024), "16", "1", Ends, Cpu, Cache),
        ("own-listener", Sharing, OnOff, "on", "off", Restart, Cpu, Connections),
        ("pinning", Sharing, OnOff, "on", "off", Restart, Cpu, TwoWorkers),
        ("nodelay", Sockets, OnOff, "on", "off", Live, Latency, Pieces),
        ("backlog", Sockets, Whole(1..=65_535), "4096", "128", Restart, Latency, Connections),
        ("quickack", Sockets, OnOff, "on", "off", Restart, Latency, Pieces),
        ("congestion", Sockets, Words(&["system", "cubic", "reno", "bbr"]), "cubic", "system",
            Restart, Cpu, KeepAlive),
        ("linger", Sockets, Time(Duration::ZERO..=Duration::ZERO).or("off"), "off", "0s",
            Restart, Cpu, Connections),
        ("file-jobs", Jobs, OnOff, "on", "off", Live, HeldUp, Files),
        ("sendfile", Jobs, OnOff, "on", "off", Live, Cpu, LargeFile),
        ("send-more", Jobs, OnOff, "on", "off", Live, Cpu, MiddleFile),
        ("small-file-cache", Jobs, OnOff, "on", "off", Live, Cpu, SmallFile),
    ]
}

/// Those that are decided by the build.
#[rustfmt::skip] // As above.
const BUILDS: [&str; 8] =
    ["simd", "lto", "codegen-units", "opt-level", "target-cpu", "panic", "allocator", "pgo"];

/// All of them.
pub(super) fn rows() -> Vec<Technique> {
    let switches = switches().into_iter();
    let switches = switches.map(|(name, group, kind, on, off, change, judge, shows_on)| {
        let switch = Switch {
            on,
            off,
            change,
            // A reset throws answers away.
            is_demonstration: name == "linger",
            name,
            kind,
        };
        row(name, group, judge, shows_on, Form::Switch(switch))
    });
    let builds = BUILDS.into_iter().map(|name| {
        let command = super::code(name, "**Switch it off.**");
        row(name, Group::Build, Cpu, KeepAlive, Form::Build(command))
    });
    switches.chain(builds).collect()
}
