//! The rows: a technique each, in the order of the document.

use std::time::Duration;

use super::Group::{self, Buffers, Http, Jobs, Loop, Sharing, Sockets};
use super::{Form, Switch, Technique, row};
use crate::config::Kind::{self, OnOff, Time, Whole, Words};

/// Those that are switches: name, group, values, and which of them stand for on and for off.
#[rustfmt::skip] // A row is a line.
fn switches() -> Vec<(&'static str, Group, Kind, &'static str, &'static str)> {
    vec![
        ("event-batching", Loop, Whole(1..=1024), "1024", "1"),
        ("register-once", Loop, OnOff, "on", "off"),
        ("write-at-once", Loop, OnOff, "on", "off"),
        ("short-read", Loop, OnOff, "on", "off"),
        ("turn-clock", Loop, Whole(1..=1024), "8", "1"),
        ("lazy-deadlines", Loop, OnOff, "on", "off"),
        ("accept-batches", Loop, Whole(1..=65_535), "64", "65535"),
        ("slab", Loop, OnOff, "on", "off"),
        ("spin", Loop, Whole(0..=1_000_000), "50", "0"),
        ("fine-timer", Loop, OnOff, "on", "off"),
        ("idle-buffers", Buffers, Whole(0..=65_535), "128", "0"),
        ("shared-input", Buffers, OnOff, "on", "off"),
        ("uninit-reads", Buffers, OnOff, "on", "off"),
        ("cursors", Buffers, OnOff, "on", "off"),
        ("batched-writes", Buffers, OnOff, "on", "off"),
        ("same-request", Http, OnOff, "on", "off"),
        ("cached-date", Http, OnOff, "on", "off"),
        ("head-template", Http, OnOff, "on", "off"),
        ("json-in-place", Http, OnOff, "on", "off"),
        ("field-slots", Http, OnOff, "on", "off"),
        ("static-routing", Http, Words(&["match", "map", "patterns"]), "match", "map"),
        ("own-counters", Sharing, OnOff, "on", "off"),
        ("sharded-cache", Sharing, Whole(1..=1024), "16", "1"),
        ("own-listener", Sharing, OnOff, "on", "off"),
        ("pinning", Sharing, OnOff, "on", "off"),
        ("nodelay", Sockets, OnOff, "on", "off"),
        ("backlog", Sockets, Whole(1..=65_535), "4096", "128"),
        ("quickack", Sockets, OnOff, "on", "off"),
        ("congestion", Sockets, Words(&["system", "cubic", "reno", "bbr"]), "cubic", "system"),
        ("linger", Sockets, Time(Duration::ZERO..=Duration::ZERO).or("off"), "off", "0s"),
        ("file-jobs", Jobs, OnOff, "on", "off"),
    ]
}

/// Those that are decided by the build.
#[rustfmt::skip] // As above.
const BUILDS: [&str; 8] =
    ["simd", "lto", "codegen-units", "opt-level", "target-cpu", "panic", "allocator", "pgo"];

/// All of them.
pub(super) fn rows() -> Vec<Technique> {
    let switches = switches().into_iter().map(|(name, group, kind, on, off)| {
        let switch = Switch {
            on,
            off,
            // A reset throws answers away.
            is_demonstration: name == "linger",
            name,
            kind,
        };
        row(name, group, Form::Switch(switch))
    });
    let builds = BUILDS.into_iter().map(|name| {
        let command = super::code(name, "**Switch it off.**");
        row(name, Group::Build, Form::Build(command))
    });
    switches.chain(builds).collect()
}
