//! The rows: a technique each, in the order of the document.

use std::time::Duration;

use super::Change::{self, Ends, Live, Restart};
use super::Group::{self, Buffers, Http, Jobs, Loop, Sharing, Sockets};
use super::Judge::{self, Cpu, HeldUp, Latency};
use super::{Form, Switch, Technique, row};
use crate::config::Kind::{self, OnOff, Time, Whole, Words};

const KEEP_ALIVE: &str = "keep-alive, 64 connections";
const PIPELINED: &str = "16 requests pipelined";
const ONE: &str = "one connection";
const WAITS: &str = "/benchmark on one connection";
const CONNECTIONS: &str = "a connection for each request";
const TWO_WORKERS: &str = "keep-alive, two workers";
const JSON: &str = "/json";
const CACHE: &str = "1,000 keys of /cache, two workers";
const UPLOADS: &str = "POSTs of 16 KiB";
const PIECES: &str = "requests in two pieces";
const FILES: &str = "/async-files beside other requests";

type Row = (
    &'static str,
    Group,
    Kind,
    &'static str,
    &'static str,
    Change,
    Judge,
    &'static str,
);

/// Those that are switches: name, group, values, which of them stand for on and for off, whether it
/// changes while the server runs, what it is judged by, and where it shows.
#[rustfmt::skip] // A row is a line.
fn switches() -> Vec<Row> {
    vec![
        ("event-batching", Loop, Whole(1..=1024), "1024", "1", Live, Cpu, KEEP_ALIVE),
        ("register-once", Loop, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("write-at-once", Loop, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("short-read", Loop, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("turn-clock", Loop, Whole(1..=1024), "8", "1", Live, Cpu, KEEP_ALIVE),
        ("lazy-deadlines", Loop, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("accept-batches", Loop, Whole(1..=65_535), "64", "65535", Live, HeldUp, CONNECTIONS),
        ("slab", Loop, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("spin", Loop, Whole(0..=1_000_000), "50", "0", Live, Latency, ONE),
        ("fine-timer", Loop, OnOff, "on", "off", Live, Latency, WAITS),
        ("idle-buffers", Buffers, Whole(0..=65_535), "128", "0", Live, Cpu, UPLOADS),
        ("shared-input", Buffers, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("uninit-reads", Buffers, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("cursors", Buffers, OnOff, "on", "off", Live, Cpu, PIPELINED),
        ("batched-writes", Buffers, OnOff, "on", "off", Live, Cpu, PIPELINED),
        ("same-request", Http, OnOff, "on", "off", Live, Cpu, PIPELINED),
        ("cached-date", Http, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("head-template", Http, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("json-in-place", Http, OnOff, "on", "off", Live, Cpu, JSON),
        ("field-slots", Http, OnOff, "on", "off", Live, Cpu, KEEP_ALIVE),
        ("static-routing", Http, Words(&["match", "map", "patterns"]), "match", "map",
            Live, Cpu, KEEP_ALIVE),
        ("own-counters", Sharing, OnOff, "on", "off", Live, Cpu, TWO_WORKERS),
        ("sharded-cache", Sharing, Whole(1..=1024), "16", "1", Ends, Cpu, CACHE),
        ("own-listener", Sharing, OnOff, "on", "off", Restart, Cpu, CONNECTIONS),
        ("pinning", Sharing, OnOff, "on", "off", Restart, Cpu, TWO_WORKERS),
        ("nodelay", Sockets, OnOff, "on", "off", Live, Latency, PIECES),
        ("backlog", Sockets, Whole(1..=65_535), "4096", "128", Restart, Latency, CONNECTIONS),
        ("quickack", Sockets, OnOff, "on", "off", Restart, Latency, PIECES),
        ("congestion", Sockets, Words(&["system", "cubic", "reno", "bbr"]), "cubic", "system",
            Restart, Cpu, KEEP_ALIVE),
        ("linger", Sockets, Time(Duration::ZERO..=Duration::ZERO).or("off"), "off", "0s",
            Restart, Cpu, CONNECTIONS),
        ("file-jobs", Jobs, OnOff, "on", "off", Live, HeldUp, FILES),
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
        row(name, Group::Build, Cpu, KEEP_ALIVE, Form::Build(command))
    });
    switches.chain(builds).collect()
}
